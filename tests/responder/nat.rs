//! Senders whose port is another one than they know, and packets that must not go round.

use std::net::{IpAddr, SocketAddr};

use autoflow_tests::caller::probe;
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};

use crate::responder::{Prober, Responder, until_true};

#[test]
fn a_sender_behind_a_nat_is_answered_where_it_comes_from() {
    let responder = Responder::with(json!({}));
    let mut caller = responder.call();
    // What the client believes, and what the NAT makes of it.
    let to = responder.at(caller.session(9_000).unwrap());
    let natted = Prober::on(responder.address, 0).unwrap();
    assert!(natted.is_answered(0, to));
    let other = Prober::on(responder.address, 0).unwrap();
    assert!(!other.is_answered(0, to), "one sender a session");
    assert!(natted.is_answered(1, to));
    let served = responder.served(natted.address(), |served| served.received == 2);
    assert_eq!(served.lost_forward, 0);
}

#[test]
fn the_replies_of_two_reflectors_do_not_go_round() {
    let mut responder = Responder::with(json!({}));
    let (one, other) = (responder.at(8_621), responder.at(8_622));
    responder.apply(json!({"light": [one, other]}));
    let prober = Prober::on(responder.address, 0).unwrap();
    until_true("both answer", || {
        prober.is_answered(0, one) && prober.is_answered(0, other)
    });
    // A session whose sender shall be a reflector.
    let mut caller = responder.call();
    let to = responder.at(caller.session(other.port()).unwrap());
    let before = responder.statistics().reflected;
    let Some(forger) = Forger::new() else { return };
    for target in [one, to] {
        forger.send(other, target);
        forger.send((responder.address, 862).into(), target);
        forger.send(one, target);
    }
    until_true("each is dropped", || {
        responder.statistics().loops_prevented == 6
    });
    assert!(prober.is_answered(1, one));
    assert!(prober.is_answered(1, other));
    // A packet that goes round would be counted ten thousand times until the next report.
    until_true("the two are counted", || {
        responder.statistics().reflected >= before + 2
    });
    assert!(responder.statistics().reflected < before + 1_000);
}

/// Sends packets that seem to come from elsewhere.
struct Forger(Socket);

impl Forger {
    /// `None`: it needs a privilege that most have not. The rules have unit tests besides.
    fn new() -> Option<Self> {
        const RAW: i32 = 255;
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(RAW)));
        socket.ok().map(Self)
    }

    /// A probe from `from` to `to`.
    fn send(&self, from: SocketAddr, to: SocketAddr) {
        let probe = probe(7);
        let mut packet = vec![0x45, 0];
        packet.extend((28 + probe.len() as u16).to_be_bytes());
        // No fragment, 64 hops, UDP; the kernel sums up.
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        for end in [from, to] {
            match end.ip() {
                IpAddr::V4(v4) => packet.extend(v4.octets()),
                IpAddr::V6(_) => panic!("IPv4 only"),
            }
        }
        for field in [from.port(), to.port(), 8 + probe.len() as u16, 0] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend(probe);
        self.0.send_to(&packet, &to.into()).unwrap();
    }
}

#[test]
fn a_session_that_would_probe_from_the_port_of_responders_is_refused() {
    let responder = Responder::with(json!({}));
    let mut caller = responder.call();
    caller.set_up().unwrap();
    let refused = caller.request(862).unwrap();
    assert_eq!((refused.accept, refused.port), (3, 0));
    assert_eq!(caller.request(9_000).unwrap().accept, 0);
}
