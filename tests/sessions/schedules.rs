//! Runs that begin by a schedule.

use plugin_abi::manage::{Answer, Cause, Request, ScheduleRow};
use serde_json::json;

use crate::ends::{Ends, LIGHT, sentences, until, until_true};

fn schedules(ends: &Ends) -> Vec<ScheduleRow> {
    match ends.ask(&Request::Schedules) {
        Answer::Schedules(rows) => rows,
        other => panic!("no schedules: {other:?}"),
    }
}

fn pause(ends: &Ends, session: Option<&str>, paused: bool) -> Answer {
    let session = session.map(str::to_owned);
    ends.ask(&Request::PauseSchedule { session, paused })
}

#[test]
fn runs_begin_each_second_and_one_that_would_overlap_is_skipped_and_counted() {
    let ends = Ends::new();
    let each_second = json!({"every_s": 1, "spread_s": 0});
    let short = ends.add(
        LIGHT,
        json!({
            "count": 3, "schedule": each_second, "name": "short",
            "probe": {"protocol": "light", "interval_ms": 5, "timeout_ms": 100},
        }),
    );
    ends.add(
        LIGHT,
        json!({
            "count": 100_000, "schedule": each_second, "name": "long", "local_port": 33_000,
            "probe": {"protocol": "light", "interval_ms": 5, "timeout_ms": 100},
        }),
    );
    until_true("three runs", || ends.results(Some("short")).len() >= 3);
    for result in ends.results(Some(&short)) {
        assert_eq!((result.cause, result.result.sent), (Cause::Schedule, 3));
    }
    let rows = until("an overlap", || {
        let rows = schedules(&ends);
        (rows[1].skipped >= 2).then_some(rows)
    });
    assert_eq!(
        (rows[0].session.as_str(), rows[0].global),
        (short.as_str(), false)
    );
    assert!(rows[0].begun >= 3 && rows[0].last_at.is_some());
    assert_eq!((rows[1].name.as_deref(), rows[1].begun), (Some("long"), 1));
    let row = ends.row(&short).unwrap();
    assert!(row.next_run_at.is_some() && row.run.is_some());

    assert!(matches!(
        pause(&ends, Some("short"), true),
        Answer::Paused(_)
    ));
    let begun = until("the end of the last run", || {
        let resting = ends.row(&short).unwrap().state == "ended";
        resting.then(|| schedules(&ends)[0].begun)
    });
    let skipped = schedules(&ends)[1].skipped;
    until_true("two seconds", || schedules(&ends)[1].skipped >= skipped + 2);
    let row = &schedules(&ends)[0];
    assert_eq!((row.paused, row.next_at, row.begun), (true, None, begun));
    pause(&ends, Some("short"), false);
    until_true("it goes on", || schedules(&ends)[0].begun > begun);
}

#[test]
fn the_global_schedule_runs_those_that_follow_it_and_is_paused_as_a_whole() {
    let ends = Ends::with(&json!({
        "schedule": {"every_s": 1},
        "sessions": [{"name": "a", "local": "FROM", "remote": "TO:8621", "count": 2,
                      "schedule": "global",
                      "probe": {"protocol": "light", "interval_ms": 5, "timeout_ms": 100}}],
    }));
    until_true("a run", || !ends.results(Some("a")).is_empty());
    assert!(schedules(&ends)[0].global);
    pause(&ends, None, true);
    assert!(schedules(&ends)[0].paused);
    pause(&ends, None, false);
    let before = ends.results(Some("a")).len();
    until_true("another run", || ends.results(Some("a")).len() > before);
}

#[test]
fn what_has_no_schedule_can_t_be_paused() {
    let ends = Ends::new();
    ends.add(LIGHT, json!({"count": 2, "name": "by hand"}));
    assert!(sentences(pause(&ends, Some("by hand"), true))[0].contains("runs by no schedule"));
    assert!(sentences(pause(&ends, None, true))[0].contains("no global schedule"));
    assert!(schedules(&ends).is_empty());
}
