//! Sessions that go on by themselves: they come up, stay what they are, and go.

use plugin_abi::config::{Config, Owner};
use plugin_abi::manage::{Cause, Request, SessionKind};
use serde_json::json;

use crate::ends::{CONTROL, Ends, LIGHT, STAMP, rows, until_true};

#[test]
fn a_session_of_the_document_and_one_that_is_added_come_up_and_measure() {
    let ends = Ends::with(&json!({"sessions": [
        {"name": "written", "local": "FROM", "remote": "TO:8620"},
    ]}));
    let added = ends.add(
        STAMP,
        json!({"name": "added", "probe": {"protocol": "stamp"}}),
    );
    let rows = ends.rows().into_iter();
    let mut written = rows.filter(|row| row.name.as_deref() == Some("written"));
    let written = written.next().unwrap().id;
    for (id, name, owner) in [
        (&written, "written", Owner::Document),
        (&added, "added", Owner::Person),
    ] {
        let result = ends.until_received(id, 20);
        assert_eq!((&result.session_id, result.lost.percent), (id, Some(0.0)));
        let row = ends.row(id).unwrap();
        assert_eq!((row.name.as_deref(), row.owner), (Some(name), Some(owner)));
        assert_eq!(
            (row.state.as_str(), row.role.as_str()),
            ("running", "sender")
        );
        let results = ends.results(Some(name));
        assert_eq!((results.len(), results[0].cause), (1, Cause::Continuous));
        assert_eq!((results[0].ended_at, results[0].since), (None, None));
    }
    let port = ends.result(&written).unwrap().local.port();
    assert!((20_000..25_000).contains(&port), "{port}");
}

#[test]
fn a_session_leaves_from_the_port_that_it_names() {
    let ends = Ends::new();
    let id = ends.add(CONTROL, json!({"local_port": 30_123}));
    let result = ends.until_received(&id, 5);
    assert_eq!(result.local.to_string(), format!("{}:30123", ends.from));
    // To another host, from the same port.
    let other = ends.add(LIGHT, json!({
        "local_port": 30_123, "remote": format!("{}:8621", ends.to), "probe": {"protocol": "light"},
    }));
    assert_ne!(id, other);
}

#[test]
fn an_id_is_the_same_after_a_restart_and_sessions_are_in_the_document_with_their_owner() {
    let ends = Ends::with(&json!({"sessions": [{"local": "FROM", "remote": "TO:8620"}]}));
    ends.add(
        LIGHT,
        json!({"probe": {"protocol": "light"}, "name": "mine"}),
    );
    let ids = |ends: &Ends| {
        let own = ends
            .rows()
            .into_iter()
            .filter(|row| row.kind == SessionKind::Own);
        own.map(|row| row.id).collect::<Vec<_>>()
    };
    let before = ids(&ends);
    let document = ends.near.export_config().unwrap();
    let config: Config = serde_json::from_str(&document).unwrap();
    let owners: Vec<_> = config
        .sessions
        .iter()
        .map(|session| session.owner)
        .collect();
    assert_eq!(owners, [Owner::Document, Owner::Person]);
    ends.near.stop().unwrap();
    let again = Ends::with(&serde_json::from_str(&document).unwrap());
    assert_eq!(ids(&again), before);
}

#[test]
fn another_document_leaves_persons_sessions_alone_and_replaces_its_own() {
    let ends = Ends::with(&json!({"sessions": [
        {"name": "old", "local": "FROM", "remote": "TO:8620"},
    ]}));
    let mine = ends.add(LIGHT, json!({"probe": {"protocol": "light"}}));
    ends.until_received(&mine, 10);
    let run = ends.results(Some(&mine))[0].run;
    let mut document: serde_json::Value =
        serde_json::from_str(&ends.near.export_config().unwrap()).unwrap();
    document["sessions"] = json!([
        {"name": "new", "local": ends.from.to_string(), "remote": format!("{}:8622", ends.to),
         "probe": {"protocol": "stamp"}},
    ]);
    let document = document.to_string();
    let dry = ends.near.apply(&document, 0, true).unwrap();
    assert!(dry.contains("\"sessions\""), "{dry}");
    assert_eq!(ends.results(Some("old")).len(), 1);
    ends.near.apply(&document, 0, false).unwrap();
    until_true("the new session", || {
        ends.results(None)
            .iter()
            .any(|result| result.name.as_deref() == Some("new") && result.result.received > 5)
    });
    until_true("the end of the old one", || {
        ends.results(None)
            .iter()
            .all(|result| result.name.as_deref() != Some("old"))
    });
    assert_eq!(ends.results(Some(&mine))[0].run, run, "it has gone on");
}

#[test]
fn what_is_in_flight_when_a_session_is_deleted_is_waited_for_and_the_far_end_hears_of_it() {
    let ends = Ends::new();
    let id = ends.add(CONTROL, json!({"name": "brief"}));
    ends.until_received(&id, 10);
    ends.delete("brief");
    assert!(ends.row(&id).is_none());
    until_true("Stop-Sessions", || {
        ends.served()
            .iter()
            .any(|served| served.ended.contains("stop"))
    });
    let served = &ends.served()[0];
    assert_eq!(
        (served.lost_forward, served.received),
        (0, served.reflected)
    );
    assert!(matches!(
        ends.ask(&Request::DeleteSession { session: id }),
        plugin_abi::manage::Answer::Error(_)
    ));
}

#[test]
fn a_session_feeds_no_line() {
    let ends = Ends::with(&json!({"lines": [
        {"id": 1, "name": "fibre", "local": "FROM", "remote": "TO:8620"},
    ]}));
    let id = ends.add(
        LIGHT,
        json!({"line": "fibre", "probe": {"protocol": "light"}}),
    );
    ends.until_received(&id, 10);
    let row = ends.row(&id).unwrap();
    assert_eq!(row.line.as_deref(), Some("fibre"));
    until_true("the line", || {
        let rows = rows(&ends.near);
        let line = rows.iter().find(|row| row.kind == SessionKind::Line);
        line.is_some_and(|row| {
            row.result
                .as_ref()
                .is_some_and(|result| result.received > 5)
        })
    });
    let of_line = ends.ask(&Request::Results {
        session: None,
        line: Some("fibre".into()),
        last: None,
    });
    let plugin_abi::manage::Answer::Results(results) = of_line else {
        panic!("no results");
    };
    assert_eq!(
        results.len(),
        2,
        "the line's, and that of the session over it"
    );
}
