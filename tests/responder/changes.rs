//! Responders that come, move and go while the engine runs leave nothing behind.

use std::net::{TcpListener, TcpStream, UdpSocket};

use serde_json::json;

use crate::responder::{Prober, Responder, until_true};

#[test]
fn a_responder_that_is_removed_closes_its_ports_and_ends_its_sessions() {
    let mut responder = Responder::with(json!({}));
    let prober = Prober::on(responder.address, 0).unwrap();
    let mut caller = responder.call();
    let to = responder.at(caller.session(prober.address().port()).unwrap());
    assert!(prober.is_answered(0, to));
    responder.apply(json!({"listen": []}));
    caller.closed().unwrap();
    until_true("both ports are free", || {
        UdpSocket::bind(to).is_ok() && TcpListener::bind(responder.at(8620)).is_ok()
    });
    let served = responder.served(prober.address(), |served| served.ended != "not ended");
    assert_eq!(served.ended, "the responder was removed");
    // It can come back at once.
    responder.apply(json!({"listen": [responder.at(8620)]}));
    until_true("it answers again", || {
        TcpStream::connect(responder.at(8620)).is_ok()
    });
    let to = responder.at(responder.call().session(9_000).unwrap());
    assert!(
        Prober::on(responder.address, 9_000)
            .unwrap()
            .is_answered(0, to)
    );
}

#[test]
fn a_responder_goes_with_its_line() {
    let mut responder = Responder::with(json!({"listen": [], "control_port": 8620}));
    let line = json!({"id": 1, "name": "a", "local": responder.address, "sender": false,
                      "responder": true});
    responder.apply_lines(json!([line]));
    until_true("it answers", || {
        TcpStream::connect(responder.at(8620)).is_ok()
    });
    let mut caller = responder.call();
    let to = responder.at(caller.session(9_000).unwrap());
    responder.engine.line_down(1).unwrap();
    caller.closed().unwrap();
    until_true("its port is free", || UdpSocket::bind(to).is_ok());
}

#[test]
fn addresses_of_light_come_and_go() {
    let mut responder = Responder::with(json!({}));
    let prober = Prober::on(responder.address, 0).unwrap();
    let (one, other) = (responder.at(8_621), responder.at(8_622));
    responder.apply(json!({"light": [one]}));
    until_true("the first answers", || prober.is_answered(0, one));
    responder.apply(json!({"light": [one, other]}));
    until_true("the second answers", || prober.is_answered(1, other));
    assert!(prober.is_answered(2, one));
    responder.apply(json!({"light": [other]}));
    until_true("the first is free", || UdpSocket::bind(one).is_ok());
    assert!(prober.is_answered(3, other));
    let served = responder.served(prober.address(), |served| served.ended != "not ended");
    assert_eq!(served.local, one);
}

#[test]
fn other_test_ports_hold_for_new_sessions_and_the_old_ones_stay() {
    let mut responder = Responder::with(json!({}));
    let prober = Prober::on(responder.address, 0).unwrap();
    let mut caller = responder.call();
    let before = caller.session(prober.address().port()).unwrap();
    assert_eq!(before, 8_700);
    responder.apply(json!({"test_ports": [8_750, 8_759]}));
    let mut later = responder.call();
    later.set_up().unwrap();
    until_true("new sessions are elsewhere", || {
        later.request(9_001).unwrap().port == 8_750
    });
    assert!(prober.is_answered(0, responder.at(before)));
    assert_eq!(later.start().unwrap(), 0);
    assert!(
        Prober::on(responder.address, 9_001)
            .unwrap()
            .is_answered(0, responder.at(8_750))
    );
    // With the last session that was told of it the old port goes.
    caller.stop(1).unwrap();
    drop((caller, later));
    until_true("the old port is free", || {
        UdpSocket::bind(responder.at(before)).is_ok()
    });
}

#[test]
fn a_test_port_that_is_taken_is_passed_over() {
    let address = autoflow_tests::address::own();
    let _taken = UdpSocket::bind((address, 8_700)).unwrap();
    let mut responder = Responder::with(json!({}));
    let second = format!("{address}:8620");
    responder.apply(json!({"listen": [responder.at(8620), second]}));
    until_true("it answers there", || TcpStream::connect(&second).is_ok());
    let to = second.parse().unwrap();
    let mut caller = autoflow_tests::caller::Caller::connect(address, to).unwrap();
    assert_eq!(caller.session(9_000).unwrap(), 8_701);
}
