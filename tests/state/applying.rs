//! Apply, confirm, and what happens without a confirmation.

use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};

use serde_json::{Value, json};

use crate::ends::{End, until};

/// The document with other words: line `b` costs something, and there is a class.
fn other(document: &Value, cost: u32) -> Value {
    let mut other = document.clone();
    other["lines"][1]["cost"] = json!(cost);
    other["mode"] = json!("act");
    other
}

fn apply(end: &End, config: &Value, within: u32) -> Value {
    let request = json!({"do": "apply", "config": config, "confirm_within_s": within});
    end.told(&request, "applied")
}

#[test]
fn a_dry_run_answers_the_difference_and_changes_nothing() {
    let far = End::far();
    let (near, document) = End::near(&far);
    let before = near.configuration();
    let mut other = other(&document, 7);
    other["lines"].as_array_mut().unwrap().remove(0);
    other["responder"]["listen"] = json!([near.at(8620)]);
    other["responder"]["peers"] = json!(["127.0.0.0/8"]);
    other["io"] = json!({"threads": 2});
    let dry = json!({"do": "apply", "config": other, "dry_run": true, "confirm_within_s": 1});
    let told = near.told(&dry, "applied");
    assert_eq!(
        told["lines"],
        json!({"added": [], "removed": ["a"], "changed": ["b"]})
    );
    assert_eq!(told["settings"], json!(["io", "mode", "responder"]));
    assert_eq!(told["at_next_start"], json!(["io"]));
    assert_eq!(
        told["responder"]["added"],
        json!([{"at": near.at(8620), "protocol": "twamp"}])
    );
    assert_eq!(told["confirm_by"], Value::Null);
    assert_eq!(
        (near.configuration(), near.pending()),
        (before, Value::Null)
    );
}

#[test]
fn what_was_applied_already_is_no_difference() {
    let far = End::far();
    let (near, document) = End::near(&far);
    let request = json!({"do": "apply", "config": other(&document, 7)});
    let told = near.told(&request, "applied");
    assert_eq!(told["lines"]["changed"], json!(["b"]));
    let again = near.told(&request, "applied");
    assert_eq!(again["lines"]["changed"], json!([]));
    assert_eq!(again["settings"], json!([]));
    assert_eq!(again["settings_changed"], json!(false));
}

#[test]
fn what_nobody_confirms_is_taken_back_by_itself() {
    let far = End::far();
    let (near, document) = End::near(&far);
    let before = near.configuration();
    let mut other = other(&document, 7);
    other["lines"][0]["id"] = json!(3);
    other["lines"][0]["name"] = json!("c");
    let request = json!({"do": "apply", "config": other, "generation": 7, "confirm_within_s": 1});
    let told = near.told(&request, "applied");
    assert_eq!(told["generation"], json!(7));
    assert!(told["confirm_by"].is_u64(), "{told}");
    until("it is taken back", || near.configuration() == before);
    assert_eq!(near.pending(), Value::Null);
    until("the log says so", || near.said("nobody has confirmed") == 1);
    until("the line is measured again", || {
        near.line("a")["state"] == "alive"
    });
    assert_eq!(near.line("c"), Value::Null);
    // The generation is used, and the next one is not.
    let refused = near.refused(&request);
    assert!(refused.contains("generation 7 is not above 7"), "{refused}");
    let next = json!({"do": "apply", "config": document, "generation": 8});
    assert_eq!(near.told(&next, "applied")["generation"], json!(8));
}

#[test]
fn the_event_descriptor_tells_that_it_was_taken_back() {
    let end = End::of(autoflow_tests::address::own(), &json!({}));
    let bell = end.engine.event_fd().unwrap();
    let mut bell = std::fs::File::from(bell.as_fd().try_clone_to_owned().unwrap());
    assert!(bell.as_raw_fd() >= 0);
    apply(&end, &json!({"mode": "act"}), 1);
    until("it is taken back", || {
        end.configuration()["mode"] == "advise"
    });
    let mut count = [0; 8];
    until("the bell has rung", || bell.read(&mut count).is_ok());
}

#[test]
fn what_is_confirmed_is_what_the_next_one_returns_to() {
    let far = End::far();
    let (near, document) = End::near(&far);
    let confirmed = other(&document, 7);
    let request = json!({"do": "apply", "config": confirmed, "generation": 3,
                         "confirm_within_s": 600});
    near.told(&request, "applied");
    assert_eq!(near.pending()["generation"], json!(3));
    assert_eq!(near.told(&json!({"do": "confirm"}), "confirmed"), json!(3));
    assert_eq!(near.pending(), Value::Null);
    let stays = near.configuration();
    apply(&near, &other(&document, 9), 1);
    assert_ne!(near.configuration(), stays);
    until("it is taken back", || near.configuration() == stays);
    let refused = near.refused(&json!({"do": "confirm"}));
    assert!(
        refused.contains("nothing waits to be confirmed"),
        "{refused}"
    );
}

#[test]
fn a_second_apply_has_a_wait_of_its_own_and_the_last_confirmed_document_returns() {
    let far = End::far();
    let (near, document) = End::near(&far);
    let before = near.configuration();
    apply(&near, &other(&document, 7), 600);
    apply(&near, &other(&document, 9), 1);
    until("the first of all is back", || {
        near.configuration() == before
    });
    // Without a wait it is confirmed.
    apply(&near, &other(&document, 7), 600);
    near.told(
        &json!({"do": "apply", "config": other(&document, 9)}),
        "applied",
    );
    assert_eq!(near.pending(), Value::Null);
}

#[test]
fn what_host_and_persons_do_meanwhile_outlives_what_is_taken_back() {
    let far = End::far();
    let (near, document) = End::near(&far);
    apply(&near, &other(&document, 7), 1);
    near.engine.line_down(1).unwrap();
    near.told(
        &json!({"do": "respond", "at": near.at(8621), "protocol": "light", "on": true}),
        "responder",
    );
    until("it is taken back", || near.pending() == Value::Null);
    let after = near.configuration();
    assert_eq!(after["lines"].as_array().unwrap().len(), 1);
    assert_eq!(after["lines"][0]["cost"], json!(0));
    assert_eq!(after["responder"]["added"][0]["at"], json!(near.at(8621)));
}

#[test]
fn an_engine_that_stops_waits_for_nobody() {
    let far = End::far();
    let (near, document) = End::near(&far);
    let before = near.configuration();
    apply(&near, &other(&document, 7), 600);
    near.engine.stop().unwrap();
    assert_eq!(
        (near.configuration(), near.pending()),
        (before, Value::Null)
    );
    let late = json!({"do": "apply", "config": document, "confirm_within_s": 600});
    assert!(near.refused(&late).contains("must be running"));
}

#[test]
fn every_mistake_of_an_apply_is_told_at_once() {
    let end = End::of(autoflow_tests::address::own(), &json!({}));
    let wrong = json!({"do": "apply", "config": {"mod": 1, "probe": {"ttl": 0}},
                       "confirm_within_s": 0});
    let problems = end.told(&wrong, "problems");
    let paths = problems.as_array().unwrap().iter();
    let paths: Vec<_> = paths.map(|problem| problem["path"].clone()).collect();
    assert_eq!(paths, ["confirm_within_s", "mod", "probe.ttl"]);
    let by_hand = json!({"do": "apply", "config": {"clock": "manual"}});
    assert!(
        end.refused(&by_hand)
            .starts_with("another clock than at the start")
    );
}

#[test]
fn of_a_bad_policy_all_mistakes_are_listed_and_the_one_that_runs_stays() {
    let far = End::far();
    let (near, document) = End::near(&far);
    let sla = json!({"loss_percent": 1});
    let mut good = document.clone();
    good["classes"] = json!([{"id": 1, "name": "voice", "sla": sla}]);
    near.told(&json!({"do": "apply", "config": good}), "applied");
    let before = near.configuration();
    let mut bad = good.clone();
    bad["classes"] = json!([
        {"id": 1, "name": "voice", "sla": {"loss_percent": 0, "bandwidth_mbps": 5}},
        {"id": 2, "name": "bulk", "sla": {}, "strategy": "cheapest"},
        {"id": 2, "name": "video", "sla": sla, "mistake_every_h": -3},
    ]);
    bad["decision"] = json!({"dwell_ms": -1});
    bad["lines"][0]["groups"] = json!([77]);
    let problems = near.told(&json!({"do": "apply", "config": bad}), "problems");
    let paths = problems.as_array().unwrap().iter();
    let mut paths: Vec<_> = paths
        .map(|problem| problem["path"].as_str().unwrap())
        .collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "classes[0].sla.bandwidth_mbps",
            "classes[0].sla.loss_percent",
            "classes[1].sla",
            "classes[1].strategy",
            "classes[2].id",
            "classes[2].mistake_every_h",
            "decision.dwell_ms",
            "lines[0].groups[0]",
        ]
    );
    assert_eq!(near.configuration(), before);
}
