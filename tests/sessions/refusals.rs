//! What is refused, and with which words.

use plugin_abi::manage::{Answer, Request};
use serde_json::json;

use crate::ends::{Ends, LIGHT, sentences};

#[test]
fn a_second_session_of_the_same_four_is_refused_by_the_name_of_the_first() {
    let ends = Ends::new();
    let id = ends.add(
        LIGHT,
        json!({"probe": {"protocol": "light"}, "name": "first"}),
    );
    let session = ends.session(LIGHT, json!({"count": 4}));
    let refused = sentences(ends.ask(&Request::AddSession { session }));
    let (from, to) = (ends.from, ends.to);
    assert_eq!(
        refused,
        [format!(
            "session.remote: expected two ends, with their ports, that no other session has, found {from}:0>{to}:8621, as in \"first\" ({id}); change one of the two, or give one a local_port of its own"
        )]
    );
    ends.add(LIGHT, json!({"count": 4, "local_port": 31_000}));
}

#[test]
fn all_mistakes_of_a_session_come_at_once_and_nothing_is_added() {
    let ends = Ends::new();
    let session = ends.session(LIGHT, json!({
        "name": "", "local_port": 0, "tos": 256, "count": 0, "line": "none",
        "probe": {"ttl": 0, "dscp": "gold", "interval_ms": 0, "key_id": "none"}, "colour": "red",
    }));
    let refused = sentences(ends.ask(&Request::AddSession { session }));
    let paths: Vec<_> = refused
        .iter()
        .map(|sentence| sentence.split(':').next().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "session.colour",
            "session.name",
            "session.local_port",
            "session.probe.interval_ms",
            "session.probe.dscp",
            "session.probe.ttl",
            "session.tos",
            "session.count",
            "session.probe.key_id",
        ]
    );
    assert!(ends.rows().is_empty());
}

#[test]
fn what_the_document_owns_is_changed_there() {
    let ends = Ends::with(&json!({"sessions": [
        {"name": "written", "local": "FROM", "remote": "TO:8621", "count": 3,
         "probe": {"protocol": "light"}},
    ]}));
    let session = || "written".to_owned();
    for request in [
        Request::ChangeSession {
            session: session(),
            change: json!({"count": 4}),
        },
        Request::DeleteSession { session: session() },
    ] {
        let told = sentences(ends.ask(&request));
        let [told] = &told[..] else {
            panic!("{told:?}");
        };
        assert!(told.starts_with(r#"session "written" ("#), "{told}");
        let instead = "belongs to the document: change it there and apply it";
        assert!(told.ends_with(instead), "{told}");
    }
    ends.until_over(ends.run("written"));
}

#[test]
fn a_session_that_is_not_there_or_can_t_run_is_told_so() {
    let ends = Ends::new();
    ends.add(
        LIGHT,
        json!({"probe": {"protocol": "light"}, "name": "always"}),
    );
    ends.add(
        LIGHT,
        json!({"local_port": 31_001, "count": 1, "enabled": false, "name": "off"}),
    );
    let run = |session: &str| {
        let session = session.to_owned();
        sentences(ends.ask(&Request::RunSession { session })).remove(0)
    };
    assert_eq!(
        run("nobody"),
        "no session has the id or the name \"nobody\"; `sessions` lists those there are"
    );
    assert!(run("always").contains("runs all the time; give it a count first"));
    assert!(run("off").contains("is not enabled; change that first"));
    assert_eq!(
        sentences(ends.change("off", json!({"name": "always"}))).len(),
        1,
        "a name that is taken"
    );
}

#[test]
fn an_engine_that_was_not_started_keeps_what_is_added_and_runs_nothing() {
    let ends = Ends::new();
    let id = ends.add(LIGHT, json!({"count": 1, "probe": {"protocol": "light"}}));
    ends.near.stop().unwrap();
    let session = id.clone();
    let refused = sentences(ends.ask(&Request::RunSession { session }));
    assert!(refused[0].contains("must be running"), "{refused:?}");
    let other = ends.add(LIGHT, json!({"local_port": 31_002}));
    assert!(ends.row(&other).is_some());
    assert!(matches!(
        ends.ask(&Request::DeleteSession { session: id }),
        Answer::Deleted(_)
    ));
}
