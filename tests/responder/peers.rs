//! Who is answered.

use std::net::Ipv4Addr;

use serde_json::json;

use crate::responder::{Prober, Responder, until_true};

/// Not 127.0.0.1, so not among the peers below.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 99, 99, 99);

#[test]
fn connections_of_others_are_closed_at_once_counted_and_told_once() {
    let responder = Responder::with(json!({"peers": ["127.0.0.1"]}));
    for _ in 0..20 {
        assert!(responder.turns_away(STRANGER));
    }
    let mut good = autoflow_tests::caller::Caller::connect([127, 0, 0, 1], responder.at(8620));
    assert!(good.as_mut().unwrap().session(9_000).is_ok());
    assert_eq!(responder.statistics().foreign_connections, 20);
    until_true("it is told", || {
        responder
            .heard
            .said("127.99.99.99 is closed: it is no peer")
            > 0
    });
    // Twenty within a second, or a few.
    assert!(responder.heard.said("it is no peer") < 20);
}

#[test]
fn packets_of_others_are_dropped_and_counted() {
    let mut responder = Responder::with(json!({"peers": ["127.0.0.1"]}));
    let light = responder.at(8621);
    responder.apply(json!({"light": [light]}));
    let good = Prober::on([127, 0, 0, 1], 0).unwrap();
    until_true("Light is open", || good.is_answered(0, light));
    let stranger = Prober::on(STRANGER, 0).unwrap();
    assert!(!stranger.is_answered(0, light));
    assert!(!stranger.is_answered(1, light));
    assert_eq!(responder.statistics().foreign_packets, 2);
    assert!(good.is_answered(1, light));
}

#[test]
fn other_peers_hold_for_whoever_comes_and_let_stay_who_is_in() {
    let mut responder = Responder::with(json!({"peers": ["127.0.0.0/8"]}));
    let mut caller = responder.call();
    let prober = Prober::on(responder.address, 0).unwrap();
    let port = caller.session(prober.address().port()).unwrap();
    assert!(prober.is_answered(0, responder.at(port)));
    responder.apply(json!({"peers": ["127.0.0.1"]}));
    until_true("nobody else is let in", || {
        responder.turns_away(responder.address)
    });
    assert!(prober.is_answered(1, responder.at(port)));
    responder.apply(json!({"peers": ["any"]}));
    until_true("all are let in", || !responder.turns_away(STRANGER));
}

#[test]
fn the_far_end_of_a_line_is_a_peer_without_a_word() {
    let far = autoflow_tests::address::own();
    let mut responder = Responder::with(json!({"peers": ["192.0.2.0/24"]}));
    assert!(responder.turns_away(far));
    let line = json!({"id": 1, "name": "a", "sender": false, "remote": far});
    responder.apply_lines(json!([line]));
    until_true("it is let in", || !responder.turns_away(far));
    responder.engine.line_down(1).unwrap();
    until_true("it is let in no more", || responder.turns_away(far));
}
