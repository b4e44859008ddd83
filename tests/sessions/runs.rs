//! Runs of sessions: by hand, in the foreground or not, over a line.

use plugin_abi::manage::{Answer, Cause, Request, RunState};
use serde_json::json;

use crate::ends::{CONTROL, Ends, LIGHT, sentences, until_true};

#[test]
fn a_session_with_a_count_waits_until_somebody_runs_it_and_keeps_what_its_runs_came_to() {
    let ends = Ends::new();
    let id = ends.add(CONTROL, json!({"count": 10, "name": "ten"}));
    assert_eq!(ends.row(&id).unwrap().state, "waiting");
    let mut runs = Vec::new();
    for name in ["ten", &id] {
        let run = ends.run(name);
        let progress = ends.until_over(run);
        assert_eq!(progress.state, RunState::Ended, "{:?}", progress.failure);
        let result = progress.result.unwrap();
        assert_eq!((result.sent, result.received), (10, 10));
        assert_eq!(result.session_id, id);
        until_true("the host is told", || ends.ended.has(run));
        runs.push(run);
    }
    let results = ends.results(Some("ten"));
    let kept: Vec<u64> = results.iter().map(|result| result.run).collect();
    assert_eq!(kept, runs, "the newest last");
    for result in &results {
        assert_eq!(
            (result.cause, result.name.as_deref()),
            (Cause::Person, Some("ten"))
        );
        assert!(result.ended_at.unwrap() >= result.started_at);
    }
    let row = ends.row(&id).unwrap();
    assert_eq!(
        (row.state.as_str(), row.run),
        ("ended", runs.last().copied())
    );
    let last = ends.ask(&Request::Results {
        session: Some(id),
        line: None,
        last: Some(1),
    });
    let Answer::Results(last) = last else {
        panic!("no results: {last:?}");
    };
    assert_eq!((last.len(), last[0].run), (1, runs[1]));
}

#[test]
fn a_run_tells_how_it_stands_and_ends_early_when_it_is_cancelled() {
    let ends = Ends::new();
    let id = ends.add(
        LIGHT,
        json!({"count": 100_000, "probe": {"protocol": "light",
                                    "interval_ms": 5, "timeout_ms": 300}}),
    );
    let run = ends.run(&id);
    until_true("some replies", || {
        ends.progress(run)
            .result
            .is_some_and(|result| result.received > 5)
    });
    assert_eq!(ends.progress(run).state, RunState::Running);
    let busy = ends.ask(&Request::RunSession {
        session: id.clone(),
    });
    assert!(sentences(busy)[0].contains("is being measured already"));
    ends.ask(&Request::Cancel { run });
    let result = ends.until_over(run).result.unwrap();
    assert!(result.sent < 100_000 && result.in_flight == 0);
    assert_eq!(ends.results(Some(&id))[0].result.sent, result.sent);
}

#[test]
fn nothing_but_a_run_can_be_cancelled() {
    let ends = Ends::new();
    let id = ends.add(LIGHT, json!({"probe": {"protocol": "light"}}));
    ends.until_received(&id, 5);
    let run = ends.results(Some(&id))[0].run;
    ends.ask(&Request::Cancel { run });
    let before = ends.result(&id).unwrap().received;
    ends.until_received(&id, before + 50);
}

#[test]
fn a_run_that_fails_is_kept_with_its_reason() {
    let ends = Ends::new();
    let id = ends.add(9, json!({"count": 3}));
    let progress = ends.until_over(ends.run(&id));
    assert_eq!(progress.state, RunState::Failed);
    let kept = ends.results(Some(&id));
    assert_eq!(kept[0].failure, progress.failure);
    assert!(progress.failure.unwrap().message.contains("refuses"));
}

#[test]
fn a_run_over_a_line_leaves_from_where_the_line_does() {
    let ends = Ends::with(&json!({"lines": [
        {"id": 1, "name": "fibre", "local": "FROM", "remote": "TO:8620"},
    ]}));
    let run = |line: &str| {
        let run = json!({
            "remote": format!("{}:8621", ends.to), "count": 5, "line": line,
            "probe": {"protocol": "light", "interval_ms": 5},
        });
        let run = serde_json::from_value(run).unwrap();
        ends.ask(&Request::Run { run })
    };
    let Answer::Run(number) = run("fibre") else {
        panic!("no run");
    };
    let result = ends.until_over(number).result.unwrap();
    assert_eq!(result.local.ip(), ends.from);
    assert_eq!(result.received, 5);
    assert_eq!(
        sentences(run("fiber")),
        [
            "run.line: expected the name of a line, found \"fiber\"; name a line that is there; `lines` lists them"
        ]
    );
}
