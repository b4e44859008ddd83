//! How many are let in.

use std::io::{ErrorKind, Write};

use autoflow_tests::address;
use autoflow_tests::caller::{Caller, request};
use serde_json::json;

use crate::responder::{Prober, Responder, until_true};

const TEMPORARY_LIMIT: u8 = 5;

#[test]
fn one_address_has_so_many_connections_and_another_has_its_own() {
    let responder = Responder::with(json!({"max_connections_per_peer": 2}));
    let mut in_place = [responder.call(), responder.call()];
    for caller in &mut in_place {
        caller.set_up().unwrap();
    }
    assert!(responder.turns_away(responder.address));
    assert!(!responder.turns_away([127, 0, 0, 1]));
    assert_eq!(responder.statistics().connections_refused, 1);
    drop(in_place);
    until_true("there is a place again", || {
        !responder.turns_away(responder.address)
    });
}

#[test]
fn a_session_too_many_is_refused_over_control_and_the_others_go_on() {
    let responder = Responder::with(json!({"max_sessions_per_peer": 2}));
    let prober = Prober::on(responder.address, 0).unwrap();
    let mut first = responder.call();
    let port = first.session(prober.address().port()).unwrap();
    let mut second = responder.call();
    second.set_up().unwrap();
    assert_eq!(second.request(9_001).unwrap().accept, 0);
    let refused = second.request(9_002).unwrap();
    assert_eq!((refused.accept, refused.port), (TEMPORARY_LIMIT, 0));
    // The connection is good for what it has.
    assert_eq!(second.start().unwrap(), 0);
    assert!(prober.is_answered(0, responder.at(port)));
    let mut other = Caller::connect([127, 0, 0, 1], responder.at(8620)).unwrap();
    assert!(other.session(9_001).is_ok());
    assert_eq!(responder.statistics().sessions_refused, 1);
}

#[test]
fn a_session_keeps_its_place_until_its_last_probe_could_be_answered() {
    let responder = Responder::with(json!({"max_sessions_total": 1}));
    let mut caller = responder.call();
    caller.session(9_000).unwrap();
    caller.stop(1).unwrap();
    // Its Timeout is two seconds.
    assert_eq!(caller.request(9_001).unwrap().accept, TEMPORARY_LIMIT);
    until_true("the place is free", || {
        caller.request(9_001).unwrap().accept == 0
    });
}

#[test]
fn a_session_that_was_accepted_and_never_started_gives_its_place_back() {
    let responder = Responder::with(json!({"max_sessions_total": 1}));
    let mut caller = responder.call();
    caller.set_up().unwrap();
    assert_eq!(caller.request(9_000).unwrap().accept, 0);
    drop(caller);
    until_true("the place is free", || {
        let mut next = responder.call();
        next.set_up().unwrap();
        next.request(9_000).unwrap().accept == 0
    });
}

#[test]
fn whoever_takes_no_answers_is_asked_no_more_and_holds_up_nobody() {
    let responder = Responder::with(json!({}));
    let mut deaf = responder.call();
    deaf.set_up().unwrap();
    deaf.stream.set_nonblocking(true).unwrap();
    // Until both ends' buffers are full: then nothing is read any more, and nothing kept.
    let requests = request(9_000).repeat(64);
    let mut sent = 0;
    let mut idle = 0;
    while idle < 20 {
        match deaf.stream.write(&requests[sent % 112..]) {
            Ok(octets) => (sent, idle) = (sent + octets, 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                idle += 1;
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        assert!(sent < 64 << 20, "it takes whatever comes");
    }
    let mut good = Caller::connect(address::own(), responder.at(8620)).unwrap();
    assert!(good.session(9_000).is_ok());
}
