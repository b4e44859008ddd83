//! Odd peers, odd packets, odd commands: a good session beside them goes on.

use std::io::Write;
use std::net::UdpSocket;

use autoflow_tests::caller::probe;
use serde_json::json;

use crate::responder::{Prober, Responder};

/// A responder and a good session with it; `odd` happens beside it.
fn beside_a_good_session(odd: impl Fn(&Responder, &Prober, std::net::SocketAddr)) {
    let responder = Responder::with(json!({}));
    let good = Prober::on(responder.address, 0).unwrap();
    let mut caller = responder.call();
    let to = responder.at(caller.session(good.address().port()).unwrap());
    for number in 0..10 {
        assert!(good.is_answered(number, to));
    }
    odd(&responder, &good, to);
    for number in 10..20 {
        assert!(good.is_answered(number, to), "{number}");
    }
    caller.stop(1).unwrap();
    let served = responder.served(good.address(), |served| served.ended == "stopped");
    assert_eq!((served.received, served.lost_forward), (20, 0));
    assert_eq!((served.duplicates, served.reordered), (0, 0));
}

#[test]
fn a_wrong_number_of_sessions_in_stop_ends_no_session_of_another_connection() {
    beside_a_good_session(|responder, _, _| {
        let mut odd = responder.call();
        odd.session(9_001).unwrap();
        odd.stop(65_536).unwrap();
        // RFC 5357, section 3.8: its own results are invalid.
        odd.closed().unwrap();
    });
}

#[test]
fn bad_packets_of_the_sender_itself_end_nothing() {
    beside_a_good_session(|_, good, to| {
        let zero_multiplier = {
            let mut probe = probe(5);
            probe[13] = 0;
            probe
        };
        for odd in [&[][..], &[0], &[0xff; 13], &zero_multiplier, &[0; 9_000]] {
            good.0.send_to(odd, to).unwrap();
        }
    });
}

#[test]
fn packets_of_others_to_the_same_port_end_nothing() {
    beside_a_good_session(|responder, _, to| {
        for from in [responder.address, [127, 0, 0, 1].into()] {
            let other = UdpSocket::bind((from, 0)).unwrap();
            for number in 0..10 {
                other.send_to(&probe(number), to).unwrap();
            }
        }
    });
}

#[test]
fn other_languages_and_half_sentences_end_nothing() {
    beside_a_good_session(|responder, _, _| {
        let odd: [&[u8]; 4] = [
            b"GET / HTTP/1.1\r\n\r\n",
            &[0; 163],
            &[0; 164],
            &[0xff; 4_096],
        ];
        for octets in odd {
            // It may be closed while we speak.
            let _ = responder.call().stream.write_all(octets);
        }
        for command in 0..=255 {
            let mut odd = responder.call();
            odd.set_up().unwrap();
            let mut message = [0; 112];
            message[0] = command;
            let _ = odd.stream.write_all(&message);
        }
    });
}

#[test]
fn a_second_start_and_a_stop_without_a_start_end_nothing_but_themselves() {
    beside_a_good_session(|responder, _, _| {
        let mut odd = responder.call();
        odd.session(9_001).unwrap();
        assert_ne!(odd.start().unwrap_or(1), 0);
        let mut odd = responder.call();
        odd.set_up().unwrap();
        odd.stop(0).unwrap();
        odd.closed().unwrap();
    });
}
