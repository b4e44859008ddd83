//! Roles of lines and addresses that answer, toggled while probes flow.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use autoflow_tests::caller::{Caller, probe};
use serde_json::{Value, json};

use crate::ends::{End, line, until};

fn roles(end: &End, line: &str, role: &str, on: bool) -> Value {
    end.told(&json!({"do": "roles", "line": line, (role): on}), "roles")
}

fn samples(end: &End, line: u64) -> u32 {
    let picture = end.engine.snapshot().unwrap();
    let mut scores = picture.scores();
    scores
        .find(|score| score.line == line)
        .map_or(0, |score| score.samples)
}

#[test]
fn a_sender_goes_and_comes_back_with_its_history_and_no_other_session_notices() {
    let far = End::far();
    let (near, _) = End::near(&far);
    until("both lines are measured", || {
        samples(&near, 1) > 50 && near.received("b") > 5
    });
    let learned = samples(&near, 1);
    assert_eq!(
        roles(&near, "a", "sender", false),
        json!({"line": "a", "sender": false, "responder": false, "overridden": true})
    );
    until("it is at rest", || near.line("a")["state"] == "unmeasured");
    let row = near.line("a");
    assert_eq!(row["trouble"], "its sender is off: no probes are sent");
    assert_eq!(
        row["roles"],
        json!({"sender": false, "responder": false, "overridden": true})
    );
    assert_eq!(row["owner"], "document");
    until("the far end has heard it", || {
        far.served()
            .iter()
            .any(|served| served["ended"] == "stopped")
    });
    near.await_replies("b", 10);
    assert_eq!(near.line("a")["state"], "unmeasured");
    let back = roles(&near, "a", "sender", true);
    assert_eq!(back["overridden"], json!(false));
    until("it is measured again", || {
        near.line("a")["state"] == "alive"
    });
    // The first figures that it has again are not of its new session alone.
    let mut again = 0;
    until("it has figures", || {
        again = samples(&near, 1);
        again > 0
    });
    assert!(again >= learned, "{again} samples after {learned}");
    assert_eq!(near.line("a")["trouble"], Value::Null);
    // The other line had one session all along.
    let port = near.sender("b").unwrap()["result"]["local"].clone();
    let of_b = far.served().into_iter().filter(|s| s["remote"] == port);
    let of_b: Vec<_> = of_b.collect();
    assert_eq!(of_b.len(), 1);
    assert_eq!(
        (&of_b[0]["ended"], &of_b[0]["lost_forward"]),
        (&json!("not ended"), &json!(0))
    );
}

#[test]
fn a_responder_goes_with_its_port_and_its_sessions_hear_why() {
    let far = End::far();
    let here = autoflow_tests::address::own();
    let mut a = line(1, "a", here, &far);
    a["responder"] = json!(true);
    let document = json!({
        "probe": {"interval_ms": 20},
        "responder": {"control_port": 8620, "listen": [format!("{here}:8630")],
                      "peers": ["127.0.0.0/8"], "test_ports": [8_700, 8_719]},
        "lines": [a],
    });
    let near = End::of(here, &document);
    until("it is measured", || near.received("a") > 5);
    let mut caller = Caller::connect(here, near.at(8620)).unwrap();
    let mut other = Caller::connect(here, near.at(8630)).unwrap();
    caller.session(9_000).unwrap();
    let beside: SocketAddr = near.at(other.session(9_001).unwrap());
    roles(&near, "a", "responder", false);
    caller.closed().unwrap();
    until("its port is free", || {
        TcpStream::connect(near.at(8620)).is_err()
    });
    let ended = |end: &End, port: u16| {
        let served = end.served();
        let at = json!(SocketAddr::from((here, port)));
        let served = served.iter().find(|served| served["remote"] == at).cloned();
        served.unwrap_or_default()["ended"].clone()
    };
    until("its session has heard why", || {
        ended(&near, 9_000) == "the responder was removed"
    });
    // The other responder answers, and the line's own session goes on.
    assert!(is_answered((here, 9_001).into(), beside));
    assert_eq!(ended(&near, 9_001), "not ended");
    near.await_replies("a", 5);
    assert_eq!(near.line("a")["state"], "alive");
    assert_eq!(far.served().len(), 1);
    roles(&near, "a", "responder", true);
    until("it answers again", || {
        TcpStream::connect(near.at(8620)).is_ok()
    });
}

#[test]
fn what_was_toggled_ends_with_a_document_that_has_another_line_there() {
    let far = End::far();
    let (near, mut document) = End::near(&far);
    roles(&near, "a", "sender", false);
    document["lines"][1]["cost"] = json!(7);
    near.told(&json!({"do": "apply", "config": document}), "applied");
    assert_eq!(near.line("a")["roles"]["overridden"], json!(true));
    document["lines"][0]["cost"] = json!(7);
    near.told(&json!({"do": "apply", "config": document}), "applied");
    let now = json!({"sender": true, "responder": false, "overridden": false});
    assert_eq!(near.line("a")["roles"], now);
    until("it is measured", || near.line("a")["state"] == "alive");
}

#[test]
fn a_role_that_can_not_be_is_refused_with_what_it_lacks() {
    let far = End::far();
    let (near, mut document) = End::near(&far);
    document["lines"][0]
        .as_object_mut()
        .unwrap()
        .remove("local");
    near.told(&json!({"do": "apply", "config": document}), "applied");
    let request = json!({"do": "roles", "line": "a", "responder": true});
    let problems = near.told(&request, "problems");
    assert_eq!(problems[0]["path"], "line.local");
    let unknown = near.refused(&json!({"do": "roles", "line": "z", "sender": true}));
    assert!(unknown.contains(r#"no line is called "z""#), "{unknown}");
    assert_eq!(near.line("a")["roles"]["overridden"], json!(false));
}

#[test]
fn addresses_answer_and_stop_to_at_a_persons_word() {
    let far = End::far();
    let ask = |at: SocketAddr, protocol: &str, on: bool| {
        let request = json!({"do": "respond", "at": at, "protocol": protocol, "on": on});
        far.told(&request, "responder")
    };
    let (twamp, light, stamp) = (far.at(8621), far.at(8622), far.at(8623));
    let row = ask(twamp, "twamp", true);
    assert_eq!(
        row,
        json!({"at": twamp, "protocol": "twamp", "on": true, "owner": "person"})
    );
    ask(light, "light", true);
    ask(stamp, "stamp", true);
    until("TWAMP-Control is answered", || {
        TcpStream::connect(twamp).is_ok()
    });
    let from = far.at(9_000);
    until("Light is answered", || is_answered(from, light));
    until("STAMP is answered", || is_answered(from, stamp));
    let added = far.configuration()["responder"]["added"].clone();
    assert_eq!(added.as_array().unwrap().len(), 3);
    // A document that doesn't name them leaves them there.
    let mut caller = Caller::connect(far.address, twamp).unwrap();
    caller.session(9_001).unwrap();
    let document = json!({"responder": {"listen": [far.at(8620)], "peers": ["127.0.0.0/8"],
                                        "test_ports": [8_700, 8_719]}});
    far.told(&json!({"do": "apply", "config": document}), "applied");
    assert_eq!(far.configuration()["responder"]["added"], added);
    ask(twamp, "twamp", false);
    ask(light, "light", false);
    ask(stamp, "stamp", false);
    caller.closed().unwrap();
    until("all are free", || {
        TcpStream::connect(twamp).is_err()
            && UdpSocket::bind(light).is_ok()
            && UdpSocket::bind(stamp).is_ok()
    });
    assert!(TcpStream::connect(far.at(8620)).is_ok());
    assert_eq!(far.configuration()["responder"].get("added"), None);
    // Twice the same is the same.
    assert_eq!(ask(light, "light", false)["on"], json!(false));
}

#[test]
fn an_address_that_answers_otherwise_is_refused_with_its_place() {
    let end = End::of(
        autoflow_tests::address::own(),
        &json!({"responder": {"peers": ["127.0.0.0/8"]}}),
    );
    let at = end.at(8621);
    end.told(
        &json!({"do": "respond", "at": at, "protocol": "light", "on": true}),
        "responder",
    );
    let both = json!({"do": "respond", "at": at, "protocol": "stamp", "on": true});
    let problems = end.told(&both, "problems");
    assert_eq!(problems[0]["path"], "responder.added[1].at");
    let nowhere = json!({"do": "respond", "at": "127.0.0.1:0", "protocol": "twamp", "on": true});
    assert_eq!(
        end.told(&nowhere, "problems")[0]["path"],
        "responder.added[1].at"
    );
}

/// A probe of TWAMP Light or STAMP finds an answer.
fn is_answered(from: SocketAddr, to: SocketAddr) -> bool {
    let socket = UdpSocket::bind(from).unwrap();
    let patience = Duration::from_millis(500);
    socket.set_read_timeout(Some(patience)).unwrap();
    // Whether it is answered at all is what is asked: port unreachable is no.
    socket.send_to(&probe(0), to).is_ok() && socket.recv(&mut [0; 128]).is_ok()
}
