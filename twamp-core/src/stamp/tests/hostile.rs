//! Octets that no honest peer sends.

use super::*;
use proptest::prelude::*;

/// Both ends authenticated, with all TLVs.
fn protected() -> Bench {
    let sender = SenderConfig {
        security: authenticated(),
        request: everything(),
        ssid: 0xbeef,
        ..SenderConfig::default()
    };
    let reflector = ReflectorConfig {
        security: authenticated(),
        ..ReflectorConfig::default()
    };
    Bench::new(sender, reflector)
}

#[test]
fn a_truncated_request_is_refused_or_its_tlvs_are() {
    let probe = protected().probe(0);
    let whole = probe.len() - 20;
    for len in 0..probe.len() {
        let mut bench = protected();
        let mut out = Vec::new();
        let reply =
            bench
                .reflector
                .reflect(&probe[..len], &arrival(MS), &context(), GOOD, &mut out);
        let report = bench.reflector.report();
        if len < 112 {
            assert!(matches!(reply.err(), Some(Discard::TooShort(_))), "{len}");
            assert_eq!((out.len(), report.discards.too_short), (0, 1));
        } else {
            // An HMAC TLV that is whole covers all that stands before it; of one octet after it
            // nobody knows the type.
            assert_eq!(out.len(), len);
            let good = len == 112 || (len >= whole && len != whole + 1);
            assert_eq!(report.failed_tlvs, u64::from(!good), "{len}");
        }
    }
}

#[test]
fn every_octet_of_a_protected_request_counts() {
    let probe = protected().probe(0);
    for place in 0..probe.len() {
        let mut bench = protected();
        let mut forged = probe.clone();
        forged[place] ^= 0x11;
        let mut out = Vec::new();
        let reply = bench
            .reflector
            .reflect(&forged, &arrival(MS), &context(), GOOD, &mut out);
        if place < 112 {
            assert_eq!(reply.err(), Some(Discard::BadHmac), "{place}");
            assert_eq!(bench.reflector.report().session.received, 0);
        } else if place < probe.len() - 40 || (place > probe.len() - 40 && place < probe.len() - 20)
        {
            // All but the flags of the HMAC TLV, and the padding after it.
            assert_eq!(bench.reflector.report().failed_tlvs, 1, "{place}");
        }
    }
}

#[test]
fn every_octet_of_a_protected_reply_counts() {
    let mut bench = protected();
    let probe = bench.probe(0);
    let good = bench.reflect(&probe, MS);
    for place in 0..112 {
        let mut reply = good.clone();
        reply[place] ^= 0x11;
        let refused = bench.sender.handle_reply(&reply, &arrival(2 * MS));
        assert_eq!(refused, Err(Discard::BadHmac), "{place}");
    }
    for len in 0..112 {
        let refused = bench.sender.handle_reply(&good[..len], &arrival(2 * MS));
        assert!(matches!(refused, Err(Discard::TooShort(_))), "{len}");
    }
    assert_eq!(bench.sender.in_flight(), 1);
    assert!(bench.sender.handle_reply(&good, &arrival(2 * MS)).is_ok());
}

#[test]
fn an_open_packet_is_not_an_authenticated_one_and_another_key_is_wrong() {
    let open = Bench::asking(everything()).probe(0);
    let mut bench = protected();
    let mut out = Vec::new();
    let refused = bench
        .reflector
        .reflect(&open, &arrival(0), &context(), GOOD, &mut out);
    assert_eq!(refused.err(), Some(Discard::BadHmac));
    let config = ReflectorConfig {
        security: Security::Authenticated(Key::new(b"another").unwrap()),
        ..ReflectorConfig::default()
    };
    let probe = protected().probe(0);
    let mut reflector = Reflector::new(config, Mono(0));
    let refused = reflector.reflect(&probe, &arrival(0), &context(), GOOD, &mut out);
    assert_eq!(refused.err(), Some(Discard::BadHmac));
}

#[test]
fn protected_tlvs_without_an_hmac_tlv_are_refused() {
    let mut bench = protected();
    let probe = bench.probe(0);
    // The first TLV only: Class of Service.
    let reply = bench.reflect(&probe[..120], MS);
    assert_eq!(flags(&reply, 112), [(4, 0x20)]);
    assert_eq!(reply[116..], probe[116..120]);
}

#[test]
fn an_hmac_tlv_that_is_not_at_its_place_is_refused() {
    let security = Security::OpenWithTlvKey(key());
    let sender = SenderConfig {
        security: security.clone(),
        request: Request {
            class_of_service: Some(46),
            ..Request::default()
        },
        ..SenderConfig::default()
    };
    let reflector = ReflectorConfig {
        security,
        ..ReflectorConfig::default()
    };
    let mut bench = Bench::new(sender, reflector);
    let mut probe = bench.probe(0);
    assert_eq!(flags(&probe, 44), [(4, 0x80), (8, 0x80)]);
    crate::wire::tlv::push(
        &mut probe,
        Flags(0x80),
        Kind::ACCESS_REPORT,
        &[0x10, 2, 0, 0],
    );
    crate::wire::tlv::push(&mut probe, Flags(0x80), Kind(241), &[]);
    let reply = bench.reflect(&probe, MS);
    let refused = [(4, 0x20), (8, 0x20), (6, 0x20), (241, 0xa0)];
    assert_eq!(flags(&reply, 44), refused);
    assert_eq!(bench.reflector.report().access, None);
}

#[test]
fn a_reply_goes_to_nothing_that_could_answer_it() {
    let probe = Bench::asking(Request::default()).probe(0);
    let cases = [
        ("192.0.2.1:1023", "192.0.2.2:862"),
        ("192.0.2.1:862", "192.0.2.2:862"),
        ("192.0.2.1:0", "192.0.2.2:862"),
        ("192.0.2.2:5000", "192.0.2.2:5000"),
        ("255.255.255.255:5000", "192.0.2.2:862"),
        ("224.0.0.1:5000", "192.0.2.2:862"),
        ("0.0.0.0:5000", "192.0.2.2:862"),
        ("[ff02::1]:5000", "[2001:db8::2]:862"),
        ("[::ffff:224.0.0.1]:5000", "[2001:db8::2]:862"),
        ("192.0.2.1:5000", "239.1.1.1:862"),
    ];
    let mut reflector = Reflector::new(ReflectorConfig::default(), Mono(0));
    for (source, destination) in cases {
        let context = Context {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ..context()
        };
        let mut out = vec![1];
        let refused = reflector.reflect(&probe, &arrival(0), &context, GOOD, &mut out);
        assert_eq!(refused.err(), Some(Discard::NoReplyTo), "{source}");
        assert!(out.is_empty());
    }
    assert_eq!(reflector.report().discards.no_reply_to, cases.len() as u64);

    let config = ReflectorConfig {
        lowest_source_port: 0,
        ..ReflectorConfig::default()
    };
    let context = Context {
        source: "192.0.2.1:862".parse().unwrap(),
        ..context()
    };
    let mut reflector = Reflector::new(config, Mono(0));
    let reply = reflector.reflect(&probe, &arrival(0), &context, GOOD, &mut Vec::new());
    assert!(reply.is_ok());
}

#[test]
fn a_request_with_multiplier_zero_is_discarded() {
    let mut bench = Bench::asking(Request::default());
    let mut probe = bench.probe(0);
    probe[13] = 0;
    let refused = bench
        .reflector
        .reflect(&probe, &arrival(0), &context(), GOOD, &mut Vec::new());
    let bad = Discard::Session(crate::probe::Discard::BadErrorEstimate);
    assert_eq!(refused.err(), Some(bad));
    assert_eq!(
        bench.reflector.report().discards.session.bad_error_estimate,
        1
    );
}

#[test]
fn nonsense_in_t1_is_copied_bit_for_bit() {
    let mut bench = Bench::asking(Request::default());
    let mut probe = bench.probe(0);
    probe[4..14].fill(0xff);
    let reply = bench.reflect(&probe, MS);
    assert_eq!(reply[28..38], [0xff; 10]);
}

#[test]
fn a_reply_that_comes_again_or_too_late_makes_no_sample() {
    let mut bench = protected();
    let probe = bench.probe(0);
    let reply = bench.reflect(&probe, MS);
    for _ in 0..3 {
        let taken = bench.sender.handle_reply(&reply, &arrival(2 * MS));
        assert_eq!(taken, Ok(()));
    }
    let stale = bench.probe(20 * MS);
    let stale = bench.reflect(&stale, 21 * MS);
    let taken = bench.sender.handle_reply(&stale, &arrival(9 * SECOND));
    assert_eq!(taken, Ok(()));
    let outcomes: Vec<_> = std::iter::from_fn(|| bench.sender.poll_outcome()).collect();
    assert!(matches!(
        outcomes[..],
        [
            (Outcome::Sample(_), _),
            (Outcome::Lost { sequence: 1, .. }, _)
        ]
    ));
    let counts = bench.sender.counts();
    assert_eq!((counts.duplicates_backward, counts.late), (2, 1));
}

#[test]
fn a_reply_to_a_number_of_the_future_is_discarded() {
    let mut bench = Bench::asking(Request::default());
    let probe = bench.probe(0);
    let good = bench.reflect(&probe, MS);
    for number in [1, 1 << 31, u32::MAX] {
        let mut forged = good.clone();
        forged[24..28].copy_from_slice(&number.to_be_bytes());
        let refused = bench.sender.handle_reply(&forged, &arrival(2 * MS));
        let unknown = crate::probe::Discard::UnknownSequence(number);
        assert_eq!(refused, Err(Discard::Session(unknown)));
    }
    assert!(bench.sender.handle_reply(&good, &arrival(2 * MS)).is_ok());
}

#[test]
fn zero_stamps_are_copied_and_make_no_false_round_trip() {
    let mut bench = Bench::asking(Request::default());
    let mut stampless = bench.probe(0);
    stampless[4..12].fill(0);
    let reply = bench.reflect(&stampless, MS);
    assert_eq!(reply[28..38], stampless[4..14]);
    let refused = bench.sender.handle_reply(&reply, &arrival(2 * MS));
    let mismatch = crate::probe::Discard::T1Mismatch;
    assert_eq!(refused, Err(Discard::Session(mismatch)));

    let probe = bench.probe(20 * MS);
    let mut reply = bench.reflect(&probe, 25 * MS);
    reply[4..12].fill(0);
    let (outcome, _) = bench.answer(&reply, 32 * MS);
    assert!(matches!(outcome, Outcome::SetAside(_)));
}

proptest! {
    #[test]
    fn no_octets_break_a_reflector_and_no_reply_is_longer(
        mut packet in proptest::collection::vec(any::<u8>(), 0..300),
        sane_error: bool, ttl: Option<u8>, tos: Option<u8>,
    ) {
        if sane_error && packet.len() > 13 {
            packet[13] |= 1;
        }
        let seen = Arrival { ttl, tos, ..arrival(0) };
        for security in [Security::Open, Security::OpenWithTlvKey(key()), authenticated()] {
            let config = ReflectorConfig {
                security,
                figures: Some(Default::default()),
                copies: Some(CopyLimits::default()),
                ..ReflectorConfig::default()
            };
            let mut reflector = Reflector::new(config, Mono(0));
            let mut out = Vec::new();
            let reply = reflector.reflect(&packet, &seen, &context(), GOOD, &mut out);
            reflector.seal(&mut out, at(1).wall);
            _ = reflector.copy(&mut out);
            match reply {
                Ok(_) => prop_assert_eq!(out.len(), packet.len().max(44)),
                Err(_) => prop_assert!(out.is_empty()),
            }
            prop_assert!(packet.len() < 14 || packet[13] == 0 || reflector.report().discards.total()
                + reflector.report().session.reflected >= 1);
        }
    }

    #[test]
    fn no_tlvs_break_an_honest_base(
        tlvs in proptest::collection::vec(
            (any::<u8>(), 0u8..16, proptest::collection::vec(any::<u8>(), 0..40)), 0..6),
        junk in proptest::collection::vec(any::<u8>(), 0..5),
    ) {
        let mut bench = Bench::asking(Request::default());
        let mut probe = bench.probe(0);
        for (flags, kind, value) in &tlvs {
            crate::wire::tlv::push(&mut probe, Flags(*flags), Kind(*kind), value);
        }
        probe.extend_from_slice(&junk);
        let reply = bench.reflect(&probe, MS);
        prop_assert_eq!(reply.len(), probe.len());
        // Lengths never change, nor do types.
        for (sent, came) in Tlvs::new(&probe[44..]).zip(Tlvs::new(&reply[44..])) {
            match (sent, came) {
                (Ok(sent), Ok(came)) => {
                    prop_assert_eq!((sent.at, sent.kind), (came.at, came.kind));
                    prop_assert_eq!(sent.value.len(), came.value.len());
                }
                (sent, came) => prop_assert_eq!(sent.is_err(), came.is_err()),
            }
        }
        bench.answer(&reply, 2 * MS);
    }

    #[test]
    fn no_octets_break_a_sender(
        packets in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..300), 0..10),
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..20),
    ) {
        let mut bench = Bench::asking(everything());
        for packet in packets {
            _ = bench.sender.handle_reply(&packet, &arrival(0));
        }
        for (n, (place, octet)) in (0..).zip(flips) {
            let probe = bench.probe(n * 20 * MS);
            let mut reply = bench.reflect(&probe, n * 20 * MS + MS);
            let place = place % reply.len();
            reply[place] ^= octet;
            _ = bench.sender.handle_reply(&reply, &arrival(n * 20 * MS + 2 * MS));
        }
    }
}
