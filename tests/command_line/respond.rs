//! `respond`: says when it is ready, and what it saw of each session.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;

use crate::address;
use crate::host::{Running, host_sim};
use crate::ping::{Responder, measured};

/// What a responder tells of the session with the sender of `result`.
fn served(mut lines: impl Iterator<Item = String>, result: &Value) -> Value {
    let served = loop {
        let line = lines.next().expect("the session is reported");
        let served: Value = serde_json::from_str(&line).unwrap();
        if served["remote"] == result["local"] {
            break served;
        }
    };
    for field in ["session_id", "remote", "local", "ended"] {
        assert!(served[field].is_string(), "{field}: {served}");
    }
    for field in ["jitter_us", "variation_mean_us", "variation_max_us"] {
        assert!(served[field].is_number(), "{field}: {served}");
    }
    served
}

fn assert_saw(served: &Value, probes: u64) {
    for (field, expected) in [
        ("received", probes),
        ("reflected", probes),
        ("lost_forward", 0),
        ("duplicates", 0),
        ("reordered", 0),
    ] {
        assert_eq!(served[field], expected, "{field}: {served}");
    }
}

#[test]
fn a_session_that_its_sender_stopped_is_reported_at_once() {
    let responder = Responder::v4();
    let result = measured(&format!("--count 7 --interval 5 {}", responder.control));
    let served = served(responder.running.lines(), &result);
    assert_saw(&served, 7);
    assert_eq!(served["ended"], "stopped");
}

#[test]
fn a_light_session_is_reported_when_the_responder_ends() {
    let responder = Responder::v4();
    let result = measured(&format!(
        "--mode light --count 7 --interval 5 {}",
        responder.light
    ));
    responder.running.interrupt();
    let answer = responder.running.end();
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    let served = served(answer.stdout.lines().map(str::to_owned), &result);
    assert_saw(&served, 7);
    assert_eq!(served["ended"], "the responder was stopped");
    assert_eq!(served["local"], responder.light);
}

/// A connected socket with a sender packet of TWAMP-Test for each number.
struct Prober(UdpSocket);

impl Prober {
    fn to(far: &str) -> Self {
        let near = UdpSocket::bind((address::own(), 0)).unwrap();
        near.connect(far).unwrap();
        near.set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        Self(near)
    }

    /// True if nobody was there: on the loopback that is known at once.
    fn is_refused(&self, number: u32) -> bool {
        let mut packet = [0; 41];
        packet[..4].copy_from_slice(&number.to_be_bytes());
        packet[12..14].copy_from_slice(&[0x80, 1]);
        let sent = self.0.send(&packet);
        sent.is_err() || self.0.take_error().unwrap().is_some()
    }

    /// The number of the probe that is answered next.
    fn answered(&self) -> u32 {
        let mut reply = [0; 64];
        assert_eq!(self.0.recv(&mut reply).expect("a reply comes"), 41);
        u32::from_be_bytes(reply[24..28].try_into().unwrap())
    }
}

#[test]
fn the_first_probe_that_finds_the_port_open_is_answered() {
    let far = format!("{}:8621", address::own());
    let prober = Prober::to(&far);
    let _running = Running::host_sim(&format!("respond --light {far}"));
    let first = (0..).find(|&number| !prober.is_refused(number)).unwrap();
    assert_eq!(prober.answered(), first);
}

#[test]
fn what_came_just_before_the_end_is_reported() {
    let responder = Responder::v4();
    let prober = Prober::to(&responder.light);
    for number in 0..50 {
        assert!(!prober.is_refused(number));
        assert_eq!(prober.answered(), number);
    }
    responder.running.interrupt();
    let answer = responder.running.end();
    let served: Value = serde_json::from_str(answer.stdout.lines().last().unwrap()).unwrap();
    assert_saw(&served, 50);
}

#[test]
fn people_get_sentences() {
    let far = address::own();
    let words = format!("respond --listen {far}:8620 --test-ports 8700-8710");
    let running = Running::host_sim(&words);
    assert_eq!(
        running.line(),
        format!(
            "listening: TWAMP-Control on {far}:8620, test sessions on UDP ports 8700-8710; \
             features individual-sessions, reflect-octets, symmetrical-size, dscp-ecn, \
             ptp-timestamps; answers everybody"
        )
    );
    measured(&format!("--count 3 --interval 5 {far}:8620"));
    let sentence = running.line();
    assert!(
        sentence.contains(" → ") && sentence.contains(": 3 received, 0 lost on the way here"),
        "{sentence}"
    );
    running.interrupt();
    let answer = running.end();
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
}

#[test]
fn light_alone_opens_no_control_port() {
    let far = address::own();
    let running = Running::host_sim(&format!("respond --json --light {far}:8621"));
    let ready: Value = serde_json::from_str(&running.line()).unwrap();
    assert_eq!(ready["listening"]["control"], serde_json::json!([]));
    let answer = host_sim(&format!("ping --json {far}:8621"));
    assert_eq!(answer.failure().0, "refused");
}

#[test]
fn a_taken_port_is_one_sentence_and_a_failure() {
    let responder = Responder::v4();
    let answer = host_sim(&format!("respond --json --listen {}", responder.control));
    assert_eq!(answer.code, 1);
    let error = answer.object()["error"].as_str().unwrap().to_owned();
    assert_eq!(answer.stderr, format!("host-sim: {error}\n"));
    assert!(
        error.contains(&format!("{}: Address already in use", responder.control)),
        "{error}"
    );
}
