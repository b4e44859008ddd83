//! Keys that are replaced while sessions run: who is in stays in, who comes needs the new one.

use autoflow_tests::accounted;
use std::net::SocketAddr;
use std::sync::Arc;

use plugin_abi::config::{Config, Key, Line, Mode, Probe, Protocol, Secret, Security};
use plugin_abi::host::Engine;
use plugin_abi::manage::{Answer, Progress, Request, RunRequest, RunState, SessionResult};

use crate::ends::{Ends, Heard, PLUGIN, statistics};
use crate::patience::{until, until_true};

/// Both ends and the one line between them, without an emulator: the near end probes the far
/// end's own address.
fn configs() -> (Config, Config) {
    let ends = Ends::joined_by(&["fibre"]);
    let (mut near, mut far) = (ends.near(Mode::Measure), ends.far());
    let address = |lines: &[Arc<Line>]| lines[0].local.unwrap().ip;
    let port = far.responder.control_port;
    let remote = SocketAddr::new(address(&far.lines), port);
    Arc::make_mut(&mut near.lines[0]).remote = Some(remote.into());
    Arc::make_mut(&mut far.lines[0]).remote = near.lines[0].local.map(Into::into);
    near.probe = Probe {
        protocol: Protocol::Encrypted,
        key_id: Some("hub".to_owned()),
        ..near.probe
    };
    far.responder.modes = vec![Security::Encrypted];
    for config in [&mut near, &mut far] {
        config.keys = vec![Key::new("hub", Secret::new("the first"))];
    }
    (near, far)
}

fn engine(config: &Config, heard: Heard) -> Engine {
    let document = config.revealed().unwrap().to_string();
    let engine = PLUGIN.create(&document, heard).unwrap();
    engine.start().unwrap();
    engine
}

fn apply(engine: &Engine, config: &Config) {
    let document = config.revealed().unwrap().to_string();
    let difference = engine.apply(&document, 0, false).unwrap();
    assert!(!difference.contains("the "), "{difference}");
}

/// What was measured of the line.
fn result(engine: &Engine) -> SessionResult {
    until("the line has a session", || {
        let Ok(Answer::Sessions(rows)) = engine.manage(&Request::Sessions) else {
            panic!("no sessions");
        };
        let mut of_line = rows.into_iter().filter(|row| row.line.is_some());
        of_line.next()?.result
    })
}

/// How a run of three probes ends.
fn run(engine: &Engine, near: &Config) -> Progress {
    let run = RunRequest {
        remote: near.lines[0].remote.unwrap().socket(),
        local: near.lines[0].local.map(|local| local.ip),
        count: 3,
        probe: near.probe.clone(),
        tos: None,
        line: None,
    };
    let Ok(Answer::Run(run)) = engine.manage(&Request::Run { run }) else {
        panic!("no run");
    };
    until("the run ends", || {
        match engine.manage(&Request::Progress { run }) {
            Ok(Answer::Progress(progress)) => {
                matches!(progress.state, RunState::Ended | RunState::Failed).then_some(*progress)
            }
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn keys_are_replaced_while_a_session_runs_and_no_probe_is_lost() {
    let (mut near, mut far) = configs();
    let far_engine = engine(&far, Heard::default());
    let near_engine = engine(&near, Heard::default());
    until_true("the session runs", || result(&near_engine).received > 50);
    assert_eq!(result(&near_engine).mode, "encrypted");
    assert_eq!(run(&near_engine, &near).state, RunState::Ended);

    far.keys = vec![Key::new("hub", Secret::new("the second"))];
    apply(&far_engine, &far);
    let failure = run(&near_engine, &near).failure.unwrap();
    assert!(
        failure.message.contains("compare key id and passphrase"),
        "{failure:?}"
    );
    near.keys.clone_from(&far.keys);
    apply(&near_engine, &near);
    let second = run(&near_engine, &near);
    assert_eq!((second.state, second.failure), (RunState::Ended, None));

    // Without a passphrase a known key keeps the one it has.
    near.keys[0].passphrase = None;
    apply(&near_engine, &near);
    assert_eq!(run(&near_engine, &near).state, RunState::Ended);

    let so_far = result(&near_engine).received;
    until_true("probes flow on", || {
        result(&near_engine).received > so_far + 50
    });
    near_engine.stop().unwrap();
    let session = result(&near_engine);
    assert_eq!(session.lost.percent, Some(0.0), "{session:?}");
    let known = accounted(session.sent, session.received, session.set_aside);
    assert!(known, "{session:?}");
    assert_eq!(statistics(&near_engine).keys_refused, 0);
}

#[test]
fn nothing_that_an_engine_says_shows_a_passphrase() {
    let (near, far) = configs();
    let heard = Heard::default();
    let _far = engine(&far, Heard::default());
    let engine = engine(&near, heard.clone());
    until_true("the session runs", || result(&engine).received > 5);
    let mut said = vec![engine.export_config().unwrap(), heard.log().join("\n")];
    for request in ["sessions", "lines", "why", "statistics"] {
        said.push(
            engine
                .manage_json(&format!(r#"{{"do":"{request}"}}"#))
                .unwrap(),
        );
    }
    let twice = near.revealed().unwrap();
    let twice = serde_json::json!({"keys": [twice["keys"][0], twice["keys"][0]]}).to_string();
    said.push(engine.apply(&twice, 0, true).unwrap_err().to_string());
    let validate = format!(r#"{{"do":"validate","config":{twice}}}"#);
    said.push(engine.manage_json(&validate).unwrap());
    for said in said {
        assert!(!said.contains("the first"), "{said}");
    }
    assert!(
        engine
            .export_config()
            .unwrap()
            .contains(r#""keys":[{"id":"hub"}]"#)
    );
}
