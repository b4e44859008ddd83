//! SERVWAIT and REFWAIT (RFC 5357, sections 3.1 and 4.2).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::responder::{Prober, Responder, until_true};

#[test]
fn a_connection_whose_sessions_have_all_expired_is_closed_after_servwait() {
    let responder = Responder::with(json!({"servwait_s": 1, "refwait_s": 1}));
    let mut caller = responder.call();
    caller.session(9_000).unwrap();
    // No probe comes: REFWAIT ends the session, and then SERVWAIT the connection.
    caller.closed().unwrap();
    responder.served(responder.at(9_000), |served| {
        served.ended == "no more probes came"
    });
}

#[test]
fn a_connection_whose_session_is_probed_outlives_servwait() {
    let responder = Responder::with(json!({"servwait_s": 1, "refwait_s": 1}));
    let prober = Prober::on(responder.address, 0).unwrap();
    let mut caller = responder.call();
    let to = responder.at(caller.session(prober.address().port()).unwrap());
    let end = Instant::now() + Duration::from_secs(3);
    let mut number = 0;
    while Instant::now() < end {
        assert!(prober.is_answered(number, to), "{number}");
        number += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    // The connection is there to be stopped, and used again.
    caller.stop(1).unwrap();
    assert_eq!(caller.request(9_001).unwrap().accept, 0);
}

#[test]
fn one_session_of_several_that_is_probed_keeps_the_connection() {
    let responder = Responder::with(json!({"servwait_s": 1, "refwait_s": 1}));
    let prober = Prober::on(responder.address, 0).unwrap();
    let mut caller = responder.call();
    caller.set_up().unwrap();
    let port = caller.request(prober.address().port()).unwrap().port;
    assert_eq!(caller.request(9_000).unwrap().accept, 0);
    assert_eq!(caller.start().unwrap(), 0);
    let mut number = 0;
    let mut probe = || {
        number += 1;
        std::thread::sleep(Duration::from_millis(50));
        prober.is_answered(number, responder.at(port))
    };
    // Twice as long as the silent one lives.
    for _ in 0..40 {
        assert!(probe());
    }
    responder.served(responder.at(9_000), |served| {
        served.ended == "no more probes came"
    });
    until_true("it is still answered", &mut probe);
    caller.stop(2).unwrap();
    assert_eq!(caller.request(9_001).unwrap().accept, 0);
}
