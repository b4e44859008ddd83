//! TWAMP Light at the other end, in open mode.

use super::*;
use crate::probe;

/// A TWAMP Light sender with so much padding.
fn light_sender(padding: u32) -> probe::Sender {
    probe::Sender::new(probe::SenderConfig {
        padding,
        seed: 5,
        ..probe::SenderConfig::default()
    })
}

#[test]
fn a_twamp_light_sender_is_answered_by_a_stamp_reflector() {
    // Padding of 30 octets and more may look like TLVs, of any sense or none.
    for padding in 0..200 {
        let mut sender = light_sender(padding);
        let mut bench = Bench::asking(Request::default());
        for n in 0..3 {
            let mut probe = Vec::new();
            let token = sender.send(at(n * 20 * MS), GOOD, &mut probe);
            let stamp = TxStamp {
                user: at(n * 20 * MS).wall,
                kernel: None,
                ..TxStamp::default()
            };
            sender.transmitted(token, stamp);
            let reply = bench.reflect(&probe, n * 20 * MS + MS);
            assert_eq!(reply.len(), probe.len().max(44));
            sender
                .handle_reply(&reply, &arrival(n * 20 * MS + 2 * MS))
                .unwrap();
            let Some(Outcome::Sample(sample)) = sender.poll_outcome() else {
                panic!("no sample")
            };
            assert_eq!((sample.sequence, sample.reflector_sequence), (n, n));
            assert_eq!(sample.forward(), MS as i64);
        }
    }
}

#[test]
fn short_requests_are_not_answered_if_that_is_switched_off() {
    let config = ReflectorConfig {
        answer_short: false,
        ..ReflectorConfig::default()
    };
    let mut reflector = Reflector::new(config, Mono(0));
    for (padding, answered) in [(0, false), (29, false), (30, true)] {
        let mut probe = Vec::new();
        _ = light_sender(padding).send(at(0), GOOD, &mut probe);
        let reply = reflector.reflect(&probe, &arrival(0), &context(), GOOD, &mut Vec::new());
        assert_eq!(reply.is_ok(), answered, "{padding}");
    }
    assert_eq!(reflector.report().discards.too_short, 2);
}

/// A round trip to a TWAMP Light reflector.
fn reflected_by_light(request: Request, ssid: u16) -> (Vec<u8>, Sender, Outcome, Returned) {
    let mut sender = Sender::new(SenderConfig {
        request,
        ssid,
        stateful_reflector: false,
        ..SenderConfig::default()
    });
    let config = probe::ReflectorConfig {
        stateful: false,
        ..probe::ReflectorConfig::default()
    };
    let mut light = probe::Reflector::new(config, Mono(0));
    let (mut probe, mut reply) = (Vec::new(), Vec::new());
    let token = sender.send(at(0), GOOD, &mut probe);
    let stamp = TxStamp {
        user: at(0).wall,
        kernel: None,
        ..TxStamp::default()
    };
    sender.transmitted(token, stamp);
    light
        .reflect(&probe, &arrival(MS), GOOD, &mut reply)
        .unwrap();
    probe::Reflector::seal(&mut reply, at(MS + 1_000).wall);
    sender.handle_reply(&reply, &arrival(2 * MS)).unwrap();
    let (outcome, returned) = sender.poll_outcome().unwrap();
    (reply, sender, outcome, returned)
}

#[test]
fn a_stamp_sender_understands_a_twamp_light_reflector() {
    for request in [Request::default(), everything()] {
        for ssid in [0, 0xbeef] {
            let (_, sender, outcome, returned) = reflected_by_light(request, ssid);
            let Outcome::Sample(sample) = outcome else {
                panic!("{outcome:?}")
            };
            assert_eq!((sample.forward(), sample.ttl_forward), (MS as i64, 60));
            let bare = request == Request::default() && ssid == 0;
            let stopped = (!bare).then_some(Stopped::NoExtensions);
            assert_eq!(
                returned,
                Returned {
                    stopped,
                    ..Returned::default()
                }
            );
            assert_eq!(sender.peer_lacks_extensions(), !bare);
            assert_eq!(sender.counts().received, 1);
        }
    }
}

#[test]
fn a_reply_of_41_octets_is_enough_in_open_mode() {
    let mut bench = Bench::asking(Request::default());
    let probe = bench.probe(0);
    let mut reply = bench.reflect(&probe, MS);
    reply[14..16].fill(0);
    let too_short = bench.sender.handle_reply(&reply[..40], &arrival(2 * MS));
    assert!(matches!(too_short, Err(Discard::TooShort(_))));
    assert!(
        bench
            .sender
            .handle_reply(&reply[..41], &arrival(2 * MS))
            .is_ok()
    );
    assert!(bench.sender.peer_lacks_extensions());
}
