//! Each way in which a measurement can fail has its own sentence, its kind and its exit code.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::address;
use crate::host::{Answer, Running, host_sim};
use crate::namespace;
use crate::strange::{Manner, peer};

/// `sentence` says FAR for the far end.
#[track_caller]
fn assert_fails(answer: &Answer, code: i32, kind: &str, far: SocketAddr, sentence: &str) {
    let (found, message) = answer.failure();
    assert_eq!(message.replace(&far.to_string(), "FAR"), sentence);
    assert_eq!((answer.code, found.as_str()), (code, kind));
    let sent = &answer.object()["sent"];
    assert!(sent.is_null() || sent.is_u64(), "{answer:?}");
}

#[track_caller]
fn assert_peer(manner: Manner, kind: &str, sentence: &str) {
    let far = peer(manner);
    let answer = host_sim(&format!("ping --json {far}"));
    assert_fails(&answer, 1, kind, far, sentence);
}

#[test]
fn nobody_listens_on_the_control_port() {
    let far = (address::own(), 8620).into();
    let answer = host_sim(&format!("ping --json {far}"));
    let sentence = "FAR refuses: nobody listens on TCP port 8620; start a \
                    responder there or name its port";
    assert_fails(&answer, 1, "refused", far, sentence);
}

#[test]
fn nobody_listens_on_the_light_port() {
    let far = (address::own(), 8621).into();
    let answer = host_sim(&format!(
        "ping --json --mode light --count 3 --interval 20 {far}"
    ));
    let sentence = "FAR refuses: nobody listens on UDP port 8621; start a \
                    responder there or name its port";
    assert_fails(&answer, 1, "refused", far, sentence);
    assert_eq!(answer.object()["lost"]["unattributed"], 3);
}

#[test]
fn the_light_port_is_deaf() {
    let deaf = UdpSocket::bind((address::own(), 8621)).unwrap();
    let far = deaf.local_addr().unwrap();
    let words = format!("ping --json --mode light --count 3 --interval 20 --timeout 100 {far}");
    let answer = host_sim(&words);
    let sentence = "no answer at all from FAR: 3 probes sent, none came back in time; is a \
                    responder there, does UDP pass, is --timeout long enough?";
    assert_fails(&answer, 1, "no-answer", far, sentence);
    assert_eq!(answer.object()["lost"]["percent"], 100.0);
}

#[test]
fn there_is_no_route() {
    let far = "192.0.2.1:8620".parse().unwrap();
    for (mode, why) in [
        ("open", "Network is unreachable (os error 101)"),
        (
            "light",
            "there is no way to the far end: no route, no neighbour, or the interface is down",
        ),
    ] {
        let words = format!("ping --json --mode {mode} --count 2 --interval 20 {far}");
        let Some(answer) = namespace::host_sim("", &words) else {
            return;
        };
        let sentence = format!("FAR is unreachable: {why}; check routes and the line itself");
        assert_fails(&answer, 1, "unreachable", far, &sentence);
    }
}

#[test]
fn the_far_host_takes_no_notice() {
    let far = "192.0.2.1:8621".parse().unwrap();
    let words = format!("ping --json --mode light --count 2 --interval 20 --timeout 100 {far}");
    let Some(answer) = namespace::host_sim(namespace::DEAF_CABLE, &words) else {
        return;
    };
    let sentence = "no answer at all from FAR: 2 probes sent, none came back in time; is a \
                    responder there, does UDP pass, is --timeout long enough?";
    assert_fails(&answer, 1, "no-answer", far, sentence);
}

#[test]
fn a_probe_is_larger_than_the_line_takes() {
    let far = "192.0.2.1:8621".parse().unwrap();
    let words = format!("ping --json --mode light --count 2 --df --padding 1480 {far}");
    let Some(answer) = namespace::host_sim(namespace::DEAF_CABLE, &words) else {
        return;
    };
    let sentence = "local system: no probe left for FAR: the packet is too \
                    large to leave in one piece";
    assert_fails(&answer, 2, "local", far, sentence);
}

/// A filter on the way does the same: the kernel drops what asks for a connection.
#[test]
fn the_connection_is_not_answered() {
    let far = SocketAddr::from((address::own(), 8620));
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&far.into()).unwrap();
    listener.listen(0).unwrap();
    let _waits_already = TcpStream::connect(far).unwrap();
    let answer = host_sim(&format!("ping --json {far}"));
    let sentence = "FAR does not answer: no reply to the connection within 5 s; a \
                    filter on the way, or the host is down";
    assert_fails(&answer, 1, "no-answer", far, sentence);
}

#[test]
fn the_connection_is_taken_in_silence() {
    assert_peer(
        Manner::Silent,
        "no-answer",
        "TWAMP-Control with FAR: peer was silent for 10s, expected Server-Greeting; is \
         that a TWAMP responder?",
    );
}

#[test]
fn the_far_end_falls_silent() {
    assert_peer(
        Manner::FallsSilent,
        "no-answer",
        "TWAMP-Control with FAR: peer was silent for 10s, expected Accept-Session",
    );
}

#[test]
fn the_connection_is_closed_at_once() {
    assert_peer(
        Manner::Closes,
        "protocol",
        "TWAMP-Control with FAR: peer closed the connection, expected \
         Server-Greeting; is that a TWAMP responder?",
    );
}

#[test]
fn the_far_end_hangs_up() {
    assert_peer(
        Manner::HangsUp,
        "protocol",
        "TWAMP-Control with FAR: peer closed the connection, expected \
         Accept-Session",
    );
}

#[test]
fn the_far_end_speaks_another_protocol() {
    assert_peer(
        Manner::Garbage,
        "protocol",
        "TWAMP-Control with FAR: peer announced a count of 2021161080, \
         expected a power of two from 1024; is that a TWAMP responder?",
    );
}

#[test]
fn the_far_end_offers_no_mode() {
    assert_peer(
        Manner::Offers(0),
        "rejected",
        "TWAMP-Control with FAR: peer refuses: it offers no mode",
    );
}

#[test]
fn the_far_end_offers_only_modes_that_need_a_key() {
    assert_peer(
        Manner::Offers(6),
        "rejected",
        "TWAMP-Control with FAR: no common mode: configured are open, peer \
         offers authenticated+encrypted; allow one of them (all but open need a key)",
    );
}

#[test]
fn the_far_end_refuses_the_mode() {
    assert_peer(
        Manner::Refuses(5),
        "rejected",
        "TWAMP-Control with FAR: peer refuses the connection: temporary resource \
         limitation (Accept 5)",
    );
}

#[test]
fn the_name_is_unknown() {
    let answer = host_sim("ping --json nowhere.invalid");
    let (kind, message) = answer.failure();
    assert_eq!((answer.code, kind.as_str()), (1, "unresolved"));
    // The words between are the name service's own.
    assert!(
        message.starts_with("can't find the address of nowhere.invalid: "),
        "{message}"
    );
    assert!(
        message.ends_with("; check the name, or give an IP address"),
        "{message}"
    );
}

#[test]
fn the_name_has_no_address_of_the_family() {
    let answer = host_sim("ping --json -6 127.0.0.1");
    let sentence = "127.0.0.1 has no IPv6 address; leave the family open, or name another host";
    assert_eq!(answer.failure(), ("unresolved".into(), sentence.into()));
    assert_eq!(answer.code, 1);
}

#[test]
fn the_local_address_is_somebody_elses() {
    let answer = host_sim("ping --json --local 203.0.113.9 127.0.0.1:8620");
    let (kind, message) = answer.failure();
    assert_eq!((answer.code, kind.as_str()), (2, "local"));
    assert!(message.contains("is no address of this host"), "{message}");
}

#[test]
fn ctrl_c_comes_before_anything_is_known() {
    let far = peer(Manner::Silent);
    let running = Running::host_sim(&format!("ping --json {far}"));
    std::thread::sleep(Duration::from_millis(500));
    running.interrupt();
    let answer = running.end();
    let sentence = "interrupted before the fate of any probe was known";
    assert_fails(&answer, 1, "interrupted", far, sentence);
}
