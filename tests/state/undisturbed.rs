//! A session that a document does not change does not notice the document.

use serde_json::{Value, json};

use crate::ends::{End, line, until};

#[test]
fn twenty_applies_that_change_all_else_touch_no_running_session() {
    let far = End::far();
    let (near, mut document) = End::near(&far);
    until("both lines are measured", || {
        near.received("a") > 5 && near.received("b") > 5
    });
    document["groups"] = json!([{"id": 1, "name": "hub"}]);
    for round in 0..20u64 {
        let here = near.address;
        let mut all = document.clone();
        // The line's own words, as far as its probes don't notice.
        all["lines"][0]["cost"] = json!(round);
        all["lines"][0]["groups"] = json!([1]);
        all["lines"][0]["metered"] = json!(round % 2 == 0);
        // Other lines come, change and go; responders, classes, keys and settings do.
        all["lines"][1] = match round % 3 {
            0 => line(2, "b", here, &far),
            1 => line(3, "c", here, &far),
            _ => json!({"id": 2, "name": "b", "remote": far.at(8620), "local": here,
                        "probe": {"interval_ms": 30 + round, "dscp": 46}}),
        };
        all["mode"] = json!(["measure", "advise", "act"][round as usize % 3]);
        all["decision"] = json!({"dwell_ms": 1_000 + round, "window_ms": 20_000 + round});
        all["keys"] = json!([{"id": format!("key {round}"), "passphrase": "hidden"}]);
        all["classes"] = json!([{"id": 1 + round % 2, "name": "voice",
                                 "sla": {"round_trip_ms": 100 + round}}]);
        all["responder"] = json!({
            "listen": [near.at(8_630 + round as u16)],
            "stamp": [near.at(8_660 + round as u16)],
            "peers": ["127.0.0.0/8"],
            "servwait_s": 100 + round,
            "test_ports": [8_700, 8_719 + round],
        });
        let before = near.received("a");
        near.told(&json!({"do": "apply", "config": all}), "applied");
        until("its probes go on", || near.received("a") > before);
    }
    near.await_replies("a", 5);
    let sender = near.sender("a").unwrap();
    let port = sender["result"]["local"].clone();
    let served = far.served();
    let of_a: Vec<&Value> = served.iter().filter(|s| s["remote"] == port).collect();
    // One session, still answered, and of its probes none is missing.
    assert_eq!(of_a.len(), 1, "{served:?}");
    assert_eq!(of_a[0]["ended"], "not ended");
    assert_eq!(of_a[0]["lost_forward"], json!(0));
    let lost = &sender["result"]["lost"];
    let counts = ["forward", "backward", "unattributed"].map(|way| lost[way].clone());
    assert_eq!(counts, [json!(0), json!(0), json!(0)], "{sender}");
    let rows = near.told(&json!({"do": "sessions"}), "sessions");
    let rows = rows.as_array().unwrap().iter();
    let senders = rows.filter(|row| row["line"] == "a" && row["role"] == "sender");
    assert_eq!(senders.count(), 1);
}
