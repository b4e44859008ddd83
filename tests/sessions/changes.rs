//! Sessions that are changed while they run.

use std::thread::sleep;
use std::time::{Duration, Instant};

use plugin_abi::manage::{Answer, Changed, TakesEffect};
use serde_json::{Value, json};

use crate::ends::{CONTROL, Ends, STAMP, sentences, until, until_true};

fn effect(ends: &Ends, id: &str, change: Value) -> TakesEffect {
    match ends.change(id, change) {
        Answer::Changed(Changed { takes_effect, .. }) => takes_effect,
        other => panic!("not changed: {other:?}"),
    }
}

/// No probe leaves for a while: the next is due in a minute.
fn rests(ends: &Ends, id: &str) -> bool {
    let sent = || ends.result(id).unwrap().sent;
    let before = sent();
    sleep(Duration::from_millis(700));
    sent() == before
}

#[test]
fn another_interval_holds_from_the_next_probe_on_with_the_same_agreement_and_nothing_lost() {
    let ends = Ends::new();
    let id = ends.add(
        CONTROL,
        json!({"probe": {"interval_ms": 500, "timeout_ms": 5_000}}),
    );
    ends.until_received(&id, 2);
    let run = ends.results(Some(&id))[0].run;
    let faster = json!({"probe": {"interval_ms": 5}});
    let began = Instant::now();
    assert_eq!(effect(&ends, &id, faster), TakesEffect::NextProbe);
    ends.until_received(&id, 102);
    let a_hundred = began.elapsed();
    assert!(a_hundred < Duration::from_millis(500) * 50, "{a_hundred:?}");
    let slower = json!({"probe": {"interval_ms": 60_000}});
    assert_eq!(effect(&ends, &id, slower), TakesEffect::NextProbe);
    until_true("a probe a minute", || rests(&ends, &id));
    let again = json!({"probe": {"interval_ms": 10, "ttl": 200}});
    assert_eq!(effect(&ends, &id, again), TakesEffect::NextProbe);
    until_true("probes arrive with the new TTL", || {
        ends.result(&id).unwrap().seen.ttl_forward == Some(200)
    });

    let result = ends.result(&id).unwrap();
    assert_eq!(result.lost.percent, Some(0.0));
    assert!(result.received > 100, "{result:?}");
    let now = &ends.results(Some(&id))[0];
    assert_eq!((now.run, now.since), (run, None), "it has gone on");
    let served = ends.served();
    assert_eq!(served.len(), 1, "one session was agreed on: {served:?}");
}

#[test]
fn another_mark_that_nobody_agrees_to_holds_from_the_next_probe_on_and_counts_afresh() {
    let ends = Ends::new();
    let id = ends.add(
        STAMP,
        json!({"probe": {"protocol": "stamp", "interval_ms": 10}}),
    );
    ends.until_received(&id, 100);
    let port = ends.result(&id).unwrap().local.port();
    let marked = json!({"probe": {"dscp": "AF31"}});
    assert_eq!(effect(&ends, &id, marked), TakesEffect::NextProbe);
    until_true("marked probes", || {
        ends.result(&id).unwrap().seen.dscp_forward == Some(26)
    });
    let now = &ends.results(Some(&id))[0];
    assert!(now.since.unwrap() >= now.started_at);
    assert!(now.result.sent < 100, "{:?}", now.result);
    assert_eq!(
        (now.result.local.port(), now.result.lost.percent),
        (port, Some(0.0))
    );
}

#[test]
fn what_both_ends_agree_on_makes_the_session_anew() {
    let ends = Ends::new();
    let id = ends.add(CONTROL, json!({"name": "a"}));
    ends.until_received(&id, 10);
    let mut run = ends.results(Some(&id))[0].run;
    for change in [
        json!({"probe": {"dscp": 46}}),
        json!({"probe": {"padding": 100}}),
    ] {
        assert_eq!(effect(&ends, &id, change), TakesEffect::AtOnce);
        run = until("a new session", || {
            let now = ends.results(Some(&id)).pop()?;
            (now.run > run && now.result.received > 10).then_some(now.run)
        });
    }
    assert_eq!(ends.result(&id).unwrap().seen.dscp_backward, Some(46));
    let served = ends.served();
    assert_eq!(served.len(), 3);
    assert!(
        served.iter().all(|served| served.lost_forward == 0),
        "{served:?}"
    );
}

#[test]
fn a_session_is_disabled_renamed_and_given_a_count_at_once_and_runs_change_with_the_next() {
    let ends = Ends::new();
    let id = ends.add(STAMP, json!({"probe": {"protocol": "stamp"}}));
    ends.until_received(&id, 5);
    assert_eq!(
        effect(&ends, &id, json!({"enabled": false})),
        TakesEffect::AtOnce
    );
    until_true("it rests", || ends.row(&id).unwrap().state == "disabled");
    assert_eq!(
        effect(&ends, &id, json!({"enabled": true, "name": "b"})),
        TakesEffect::AtOnce
    );
    ends.until_received(&id, 5);
    assert_eq!(effect(&ends, "b", json!({"count": 4})), TakesEffect::AtOnce);
    until_true("it rests", || ends.row(&id).unwrap().state == "ended");
    assert_eq!(
        effect(&ends, "b", json!({"count": 6})),
        TakesEffect::NextRun
    );
    let run = ends.until_over(ends.run("b"));
    assert_eq!(run.result.unwrap().sent, 6);
    assert_eq!(
        effect(&ends, "b", json!({"count": null, "name": null})),
        TakesEffect::AtOnce
    );
    ends.until_received(&id, 20);
}

#[test]
fn the_ends_of_a_session_stay() {
    let ends = Ends::new();
    let id = ends.add(STAMP, json!({"probe": {"protocol": "stamp"}}));
    let change = json!({"local_port": 9, "remote": "192.0.2.1", "probe": {"ttl": 3}});
    let there = format!("{}:8622", ends.to);
    assert_eq!(
        sentences(ends.change(&id, change)),
        [
            "session.local_port: expected nothing, as it is: the ends of a session stay, found 9; delete the session and add another".to_owned(),
            format!("session.remote: expected {there}, as it is: the ends of a session stay, found 192.0.2.1; delete the session and add another"),
        ]
    );
    assert_eq!(ends.row(&id).unwrap().id, id);
}
