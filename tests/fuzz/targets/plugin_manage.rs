//! Requests of people at the plugin's door: every one is answered with JSON that a host can read,
//! or refused with a reason; and a refused one leaves nothing behind.

#![no_main]

use std::thread;
use std::time::{Duration, Instant};

use fuzzing::plugin::{idle_engine, plugin, sound};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use plugin_abi::host::{Engine, Silent};
use plugin_abi::manage::{Answer, Request, RunRequest, RunState};

const KEYS: &[&str] = &[
    "do",
    "config",
    "run",
    "class",
    "remote",
    "local",
    "count",
    "probe",
    "tos",
    "line",
    "session",
    "change",
    "last",
    "paused",
    "name",
    "local_port",
    "schedule",
    "every_s",
    "enabled",
    "owner",
    "protocol",
    "interval_ms",
    "timeout_ms",
    "padding",
    "dscp",
    "ttl",
    "dont_fragment",
    "generation",
    "dry_run",
    "confirm_within_s",
    "at",
    "on",
    "sender",
    "responder",
    "override",
    "what",
    "group",
    "until",
    "lasts_s",
    "percent",
];

/// A run that is cancelled ends much sooner, unless it is stuck.
const PATIENCE: Duration = Duration::from_secs(3);

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzzing::json::mutate(data, size, max_size, seed, KEYS)
});

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    ask(idle_engine(), text);
    // A run that starts: nobody but this host may hear of it, and it waits for no reply for long.
    if let Ok(Request::Run { mut run }) = serde_json::from_str(text)
        && run.remote.ip().is_loopback()
    {
        run.probe.timeout_ms = run.probe.timeout_ms.min(20);
        let engine = plugin()
            .create("{}", Silent)
            .expect("the defaults are good");
        sound(engine.start()).expect("the defaults bind nothing");
        measure(&engine, run);
        sound(engine.stop()).expect("it runs");
        assert_eq!(panics(&engine), 0);
    }
});

fn ask(engine: &Engine, text: &str) {
    let before = sessions(engine);
    if let Ok(answer) = sound(engine.manage_json(text)) {
        let request: Request = serde_json::from_str(text).expect("it was answered");
        let answer: Answer = serde_json::from_str(&answer).expect("an answer");
        fits(&request, &answer);
        undo(engine, &request, answer, before);
    }
    assert_eq!(sessions(engine), before, "a request left something behind");
    assert_eq!(panics(engine), 0);
}

/// What was added is there, and goes as it came.
fn undo(engine: &Engine, request: &Request, answer: Answer, before: usize) {
    match (request, answer) {
        (_, Answer::Session(session)) => {
            assert_eq!(sessions(engine), before + 1);
            let deleted = sound(engine.manage(&Request::DeleteSession { session }));
            assert!(matches!(deleted, Ok(Answer::Deleted(_))), "{deleted:?}");
        }
        (_, Answer::Applied(_)) => {
            sound(engine.apply("{}", 0, false)).expect("the defaults are good");
            end_overrides(engine);
        }
        (_, Answer::Override(_)) => end_overrides(engine),
        (Request::Respond { at, protocol, .. }, Answer::Responder(row)) if row.on => {
            let (at, protocol, on) = (*at, *protocol, false);
            let undone = sound(engine.manage(&Request::Respond { at, protocol, on }));
            assert!(matches!(undone, Ok(Answer::Responder(_))), "{undone:?}");
        }
        _ => {}
    }
}

/// They are a person's, and would stay.
fn end_overrides(engine: &Engine) {
    let Ok(Answer::Overrides(rows)) = sound(engine.manage(&Request::Overrides)) else {
        panic!("overrides are listed");
    };
    for row in rows {
        let name = row.order.name;
        let ended = sound(engine.manage(&Request::EndOverride { name }));
        assert!(matches!(ended, Ok(Answer::Ended(_))), "{ended:?}");
    }
}

/// Each question has its own answer.
fn fits(request: &Request, answer: &Answer) {
    let fits = match request {
        Request::Validate { .. } => matches!(answer, Answer::Problems(_)),
        Request::Warnings { .. } => {
            matches!(answer, Answer::Warnings(_) | Answer::Problems(_))
        }
        Request::Run { .. } | Request::Progress { .. } => matches!(answer, Answer::Error(_)),
        Request::Cancel { .. } => matches!(answer, Answer::Cancelled(_) | Answer::Error(_)),
        Request::Sessions => matches!(answer, Answer::Sessions(_)),
        Request::AddSession { .. } => {
            matches!(answer, Answer::Session(_) | Answer::Problems(_))
        }
        // There is none of whatever name.
        Request::ChangeSession { .. }
        | Request::DeleteSession { .. }
        | Request::RunSession { .. }
        | Request::PauseSchedule { .. } => matches!(answer, Answer::Error(_)),
        Request::Results { .. } => matches!(answer, Answer::Results(_) | Answer::Error(_)),
        Request::Schedules => matches!(answer, Answer::Schedules(_)),
        Request::Apply { .. } => {
            matches!(
                answer,
                Answer::Applied(_) | Answer::Problems(_) | Answer::Error(_)
            )
        }
        Request::Expand { .. } => matches!(answer, Answer::Expanded(_) | Answer::Problems(_)),
        Request::Configuration => matches!(answer, Answer::Configuration(_)),
        // Nothing waits for it, and there is no line.
        Request::Confirm | Request::Roles { .. } => matches!(answer, Answer::Error(_)),
        Request::Respond { .. } => {
            matches!(
                answer,
                Answer::Responder(_) | Answer::Problems(_) | Answer::Error(_)
            )
        }
        Request::Overrides => matches!(answer, Answer::Overrides(_)),
        Request::AddOverride { .. } => {
            matches!(answer, Answer::Override(_) | Answer::Problems(_))
        }
        Request::EndOverride { .. } => matches!(answer, Answer::Error(_)),
        Request::Lines => matches!(answer, Answer::Lines(_)),
        Request::Advice { .. } => matches!(answer, Answer::Advice(_)),
        Request::Why { .. } => matches!(answer, Answer::Why(_)),
        Request::Statistics => matches!(answer, Answer::Statistics(_)),
        Request::Collectors => matches!(answer, Answer::Collectors(_)),
        Request::Events => matches!(answer, Answer::Events(_)),
        Request::Costs { .. } => matches!(answer, Answer::Costs(_) | Answer::Problems(_)),
    };
    assert!(fits, "{request:?} was answered {answer:?}");
}

fn measure(engine: &Engine, run: RunRequest) {
    let Ok(Answer::Run(id)) = sound(engine.manage(&Request::Run { run })) else {
        return;
    };
    state(engine, id);
    let cancelled = sound(engine.manage(&Request::Cancel { run: id }));
    assert!(
        matches!(cancelled, Ok(Answer::Cancelled(_))),
        "{cancelled:?}"
    );
    let give_up = Instant::now() + PATIENCE;
    while !matches!(state(engine, id), RunState::Ended | RunState::Failed) {
        assert!(Instant::now() < give_up, "a cancelled run goes on");
        thread::sleep(Duration::from_micros(50));
    }
}

fn state(engine: &Engine, run: u64) -> RunState {
    match sound(engine.manage(&Request::Progress { run })) {
        Ok(Answer::Progress(progress)) => progress.state,
        other => panic!("{other:?}"),
    }
}

fn sessions(engine: &Engine) -> usize {
    match sound(engine.manage(&Request::Sessions)) {
        Ok(Answer::Sessions(sessions)) => sessions.len(),
        other => panic!("{other:?}"),
    }
}

fn panics(engine: &Engine) -> u64 {
    match sound(engine.manage(&Request::Statistics)) {
        Ok(Answer::Statistics(statistics)) => statistics.panics,
        other => panic!("{other:?}"),
    }
}
