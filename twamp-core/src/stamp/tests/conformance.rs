//! What RFC 8762, 8972 and 9503 ask of both ends.

use super::*;
use crate::wire::tlv::routing::Way;
use crate::wire::tlv::service::{AccessReport, AccessState, ClassOfService};
use crate::wire::tlv::telemetry::{StampMethod, SyncSource, TimestampInformation};

#[test]
fn a_round_trip_makes_a_sample_in_either_security_and_format() {
    for security in [Security::Open, authenticated()] {
        for format in [StampFormat::default(), PTP] {
            for reflector_format in [StampFormat::default(), PTP] {
                let sender = SenderConfig {
                    security: security.clone(),
                    stamps: format,
                    ..SenderConfig::default()
                };
                let reflector = ReflectorConfig {
                    security: security.clone(),
                    stamps: reflector_format,
                    ..ReflectorConfig::default()
                };
                let mut bench = Bench::new(sender, reflector);
                let (Outcome::Sample(sample), returned) = bench.exchange(MS) else {
                    panic!("no sample")
                };
                assert_eq!(sample.forward(), 5 * MS as i64);
                assert_eq!(sample.round_trip(), 12 * MS as i64 - 1_000);
                assert_eq!((sample.ttl_forward, sample.tos_backward), (60, Some(0x29)));
                assert_eq!(returned, Returned::default());
            }
        }
    }
}

#[test]
fn the_z_bit_of_each_packet_tells_its_own_format() {
    let sender = SenderConfig {
        stamps: PTP,
        ..SenderConfig::default()
    };
    let mut bench = Bench::new(sender, ReflectorConfig::default());
    let probe = bench.probe(250 * MS);
    assert_eq!(
        probe[4..14],
        [0x65, 0x53, 0xf1, 0x25, 0x0e, 0xe6, 0xb2, 0x80, 0xcf, 0x84]
    );
    let reply = bench.reflect(&probe, 255 * MS);
    assert_eq!(reply[12..14], [0x8f, 0x84]);
    assert_eq!(reply[28..38], probe[4..14]);
}

#[test]
fn a_reply_is_as_long_as_its_request() {
    for security in [Security::Open, authenticated()] {
        for padding in [0, 1, 1000] {
            let sender = SenderConfig {
                security: security.clone(),
                request: Request {
                    padding,
                    ..everything()
                },
                ..SenderConfig::default()
            };
            let reflector = ReflectorConfig {
                security: security.clone(),
                ..ReflectorConfig::default()
            };
            let mut bench = Bench::new(sender, reflector);
            let probe = bench.probe(0);
            assert_eq!(bench.reflect(&probe, MS).len(), probe.len());
        }
    }
}

#[test]
fn the_ssid_is_copied_and_another_one_is_discarded_if_provisioned() {
    let mut bench = Bench::asking(Request::default());
    let probe = bench.probe(0);
    assert_eq!(bench.reflect(&probe, MS)[14..16], [0xbe, 0xef]);

    let provisioned = ReflectorConfig {
        ssid: Some(0xbee0),
        ..ReflectorConfig::default()
    };
    let mut reflector = Reflector::new(provisioned, Mono(0));
    let mut out = vec![1];
    let refused = reflector.reflect(&probe, &arrival(MS), &context(), GOOD, &mut out);
    let (expected, found) = (0xbee0, 0xbeef);
    assert_eq!(refused.err(), Some(Discard::WrongSsid { expected, found }));
    assert!(out.is_empty());
    assert_eq!(reflector.report().discards.wrong_ssid, 1);
    assert_eq!(reflector.report().session.received, 0);
}

#[test]
fn a_reply_of_another_session_is_discarded() {
    let mut bench = Bench::asking(Request::default());
    let probe = bench.probe(0);
    let mut reply = bench.reflect(&probe, MS);
    reply[15] ^= 1;
    let refused = bench.sender.handle_reply(&reply, &arrival(2 * MS));
    let (expected, found) = (0xbeef, 0xbeee);
    assert_eq!(refused, Err(Discard::WrongSsid { expected, found }));
    assert_eq!(
        (bench.sender.discards().wrong_ssid, bench.sender.in_flight()),
        (1, 1)
    );
}

#[test]
fn every_question_is_answered() {
    for security in [
        Security::Open,
        Security::OpenWithTlvKey(key()),
        authenticated(),
    ] {
        let sender = SenderConfig {
            security: security.clone(),
            request: everything(),
            ssid: 7,
            ..SenderConfig::default()
        };
        let reflector = ReflectorConfig {
            security,
            ..ReflectorConfig::default()
        };
        let mut bench = Bench::new(sender, reflector);
        bench.context.source_mac = Some([1, 2, 3, 4, 5, 6]);
        bench.context.data = Some(DataCounters {
            received: 70,
            sent: 60,
        });
        bench.sender.set_data_sent(80);
        let (_, first) = bench.exchange(0);
        assert_eq!(first.follow_up, None);
        let (Outcome::Sample(sample), returned) = bench.exchange(20 * MS) else {
            panic!("no sample")
        };
        let class = ClassOfService {
            wanted: 46,
            seen: 10,
            ecn: 1,
            reverse_path: 0,
        };
        assert_eq!(returned.class_of_service, Some(class));
        let located = Located {
            source: Some("192.0.2.1".parse().unwrap()),
            source_port: 40_000,
            destination: Some("192.0.2.2".parse().unwrap()),
            destination_port: 862,
            source_mac: Some([1, 2, 3, 4, 5, 6]),
        };
        assert_eq!(returned.location, Some(located));
        let information = TimestampInformation {
            source_in: SyncSource::NTP,
            method_in: StampMethod::CONTROL_PLANE,
            source_out: SyncSource::NTP,
            method_out: StampMethod::CONTROL_PLANE,
        };
        assert_eq!(returned.timestamp_information, Some(information));
        let counters = returned.direct_measurement.unwrap();
        assert_eq!(
            (counters.sender_sent, counters.reflector_received),
            (80, 70)
        );
        assert_eq!(counters.reflector_sent, 60);
        let follow_up = returned.follow_up.unwrap();
        assert_eq!(
            (follow_up.sequence, follow_up.method),
            (0, StampMethod::SOFTWARE)
        );
        // The first reply left 1 µs after its T3, 20 ms before this one's.
        assert_eq!(sample.t3.since(follow_up.at), 20 * MS as i64 - 1_000);
        assert_eq!(
            returned.destination_node,
            Some("192.0.2.2".parse().unwrap())
        );
        assert_eq!((returned.unrecognised, returned.stopped), (0, None));
    }
}

#[test]
fn understood_tlvs_come_back_with_no_flag_and_others_with_u() {
    let mut bench = Bench::asking(Request {
        micro_session: Some(Default::default()),
        ..everything()
    });
    bench.context.destination = "192.0.2.9:862".parse().unwrap();
    let probe = bench.probe(0);
    let reply = bench.reflect(&probe, MS);
    // No counters are known, the node is another, micro-sessions are not supported.
    let expected = [
        (4, 0),
        (2, 0),
        (3, 0),
        (5, 0x80),
        (7, 0),
        (9, 0x80),
        (11, 0x80),
        (1, 0),
    ];
    assert_eq!(flags(&reply, 44), expected);
    let (_, returned) = bench.answer(&reply, 2 * MS);
    assert_eq!((returned.unrecognised, returned.stopped), (3, None));
    assert_eq!(
        (returned.direct_measurement, returned.destination_node),
        (None, None)
    );
}

#[test]
fn a_tlv_of_a_length_that_cannot_be_is_malformed_and_all_after_it_is_copied() {
    let mut probe = open_with(Kind::FOLLOW_UP_TELEMETRY, &[0; 15]);
    crate::wire::tlv::push(&mut probe, Flags(0x80), Kind::CLASS_OF_SERVICE, &[0; 4]);
    let mut bench = Bench::asking(Request::default());
    bench.probe(0);
    let reply = bench.reflect(&probe, MS);
    assert_eq!(flags(&reply, 44), [(7, 0x40), (4, 0x80)]);
    assert_eq!(reply[45..], probe[45..]);
    assert_eq!(bench.reflector.report().malformed_tlvs, 1);
    let (_, returned) = bench.answer(&reply, 2 * MS);
    assert_eq!(returned.stopped, Some(Stopped::Malformed));
}

#[test]
fn what_stands_before_a_malformed_tlv_is_answered_and_read() {
    let mut bench = Bench::asking(Request {
        class_of_service: Some(0),
        ..Request::default()
    });
    let mut probe = bench.probe(0);
    probe.extend_from_slice(&[0x80, 3]);
    let reply = bench.reflect(&probe, MS);
    assert_eq!(reply[reply.len() - 2..], [0x40, 3]);
    let (_, returned) = bench.answer(&reply, 2 * MS);
    assert_eq!(returned.class_of_service.unwrap().seen, 10);
    assert_eq!(returned.stopped, Some(Stopped::Malformed));
}

#[test]
fn a_wrong_hmac_tlv_sets_i_on_all_and_nothing_is_used() {
    let sender = SenderConfig {
        security: Security::OpenWithTlvKey(key()),
        request: everything(),
        ..SenderConfig::default()
    };
    let reflectors = [
        Security::Open,
        Security::OpenWithTlvKey(Key::new(b"other").unwrap()),
    ];
    for security in reflectors {
        let reflector = ReflectorConfig {
            security,
            ..ReflectorConfig::default()
        };
        let mut bench = Bench::new(sender.clone(), reflector);
        let probe = bench.probe(0);
        let reply = bench.reflect(&probe, MS);
        assert!(flags(&reply, 44).iter().all(|(_, flags)| *flags == 0x20));
        for (reply, probe) in Tlvs::new(&reply[44..]).zip(Tlvs::new(&probe[44..])) {
            assert_eq!(reply.unwrap().value, probe.unwrap().value);
        }
        assert_eq!(bench.reflector.report().failed_tlvs, 1);
        let (outcome, returned) = bench.answer(&reply, 2 * MS);
        assert!(matches!(outcome, Outcome::Sample(_)));
        let stopped = Some(Stopped::Integrity);
        assert_eq!(
            returned,
            Returned {
                stopped,
                ..Returned::default()
            }
        );
    }
}

#[test]
fn tlvs_of_a_reply_with_a_wrong_hmac_tlv_are_not_read() {
    let sender = SenderConfig {
        security: Security::OpenWithTlvKey(key()),
        request: everything(),
        ..SenderConfig::default()
    };
    let reflector = ReflectorConfig {
        security: Security::OpenWithTlvKey(key()),
        ..ReflectorConfig::default()
    };
    let mut bench = Bench::new(sender, reflector);
    let probe = bench.probe(0);
    let mut reply = bench.reflect(&probe, MS);
    reply[44 + 5] ^= 1;
    let (_, returned) = bench.answer(&reply, 2 * MS);
    assert_eq!(returned.stopped, Some(Stopped::Integrity));
    assert_eq!(returned.location, None);
}

#[test]
fn the_policy_decides_on_the_dscp_of_the_reply() {
    let cases = [
        (DscpSet::ALL, 46, Some(46), 0),
        (DscpSet::of(&[0, 46]), 46, Some(46), 0),
        (DscpSet::of(&[0, 46]), 45, Some(10), 1),
        (DscpSet::NONE, 0, Some(10), 1),
    ];
    for (permitted_dscp, wanted, dscp, reverse_path) in cases {
        let config = ReflectorConfig {
            permitted_dscp,
            dscp: ReplyDscp::Fixed(8),
            ..ReflectorConfig::default()
        };
        let mut reflector = Reflector::new(config, Mono(0));
        let probe = open_with(Kind::CLASS_OF_SERVICE, &[wanted << 2, 0, 0, 0]);
        let mut out = Vec::new();
        let reply = reflector
            .reflect(&probe, &arrival(0), &context(), GOOD, &mut out)
            .unwrap();
        assert_eq!(reply.dscp, dscp);
        let expected = ClassOfService {
            wanted,
            seen: 10,
            ecn: 1,
            reverse_path,
        };
        assert_eq!(out[44..48], [0, 4, 0, 4]);
        assert_eq!(out[48..], expected.to_octets());
    }
}

#[test]
fn without_the_class_of_service_the_dscp_is_copied_or_fixed() {
    let probe = Bench::asking(Request::default()).probe(0);
    let mut unmarked = arrival(0);
    unmarked.tos = None;
    let cases = [
        (ReplyDscp::Copied, arrival(0), Some(10)),
        (ReplyDscp::Copied, unmarked, None),
        (ReplyDscp::Fixed(8), arrival(0), Some(8)),
    ];
    for (dscp, arrival, expected) in cases {
        let config = ReflectorConfig {
            dscp,
            ..ReflectorConfig::default()
        };
        let mut reflector = Reflector::new(config, Mono(0));
        let reply = reflector.reflect(&probe, &arrival, &context(), GOOD, &mut Vec::new());
        assert_eq!(reply.unwrap().dscp, expected);
    }
    // What was seen can't be told if it isn't known.
    let probe = open_with(Kind::CLASS_OF_SERVICE, &[0xb8, 0, 0, 0]);
    let mut out = Vec::new();
    let mut reflector = Reflector::new(ReflectorConfig::default(), Mono(0));
    _ = reflector.reflect(&probe, &unmarked, &context(), GOOD, &mut out);
    assert_eq!(out[44..], probe[44..]);
}

#[test]
fn a_location_keeps_its_length_and_answers_in_place() {
    let mut bench = Bench::asking(Request {
        location: true,
        ..Request::default()
    });
    bench.context.source = "[2001:db8::1]:40000".parse().unwrap();
    bench.context.destination = "[::ffff:192.0.2.2]:862".parse().unwrap();
    let probe = bench.probe(0);
    let reply = bench.reflect(&probe, MS);
    assert_eq!(reply.len(), probe.len());
    assert_eq!(reply[44..48], [0, 2, 0, 56]);
    assert_eq!(
        reply[48..52],
        [862u16.to_be_bytes(), 40_000u16.to_be_bytes()].concat()
    );
    // The link-layer address is not known: zeros.
    assert_eq!(reply[52..64], [0, 2, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(reply[64..72], [0, 5, 0, 16, 192, 0, 2, 2]);
    assert_eq!(reply[84..92], [0, 9, 0, 16, 0x20, 0x01, 0x0d, 0xb8]);
    let (_, returned) = bench.answer(&reply, 2 * MS);
    let located = returned.location.unwrap();
    assert_eq!((located.source_mac, located.source_port), (None, 40_000));
    assert_eq!(located.source, Some("2001:db8::1".parse().unwrap()));
    assert_eq!(located.destination, Some("192.0.2.2".parse().unwrap()));
}

#[test]
fn a_stateless_reflector_copies_numbers_and_follows_up_with_zeros() {
    let reflector = ReflectorConfig {
        stateful: false,
        ..ReflectorConfig::default()
    };
    let sender = SenderConfig {
        request: everything(),
        stateful_reflector: false,
        ..SenderConfig::default()
    };
    let mut bench = Bench::new(sender, reflector);
    bench.probe(0);
    for n in 1..4 {
        let (Outcome::Sample(sample), returned) = bench.exchange(n * 20 * MS) else {
            panic!("no sample")
        };
        assert_eq!((sample.sequence, sample.reflector_sequence), (n, n));
        assert_eq!(returned.follow_up, None);
    }
    bench.sender.handle_timeout(Mono(10 * SECOND));
    assert_eq!(bench.sender.counts().unattributed, 1);
}

#[test]
fn a_follow_up_without_a_stamp_tells_nothing_whatever_its_method() {
    let mut bench = Bench::asking(Request {
        follow_up: true,
        ..Request::default()
    });
    let probe = bench.probe(0);
    let mut reply = bench.reflect(&probe, MS);
    let method = 44 + 4 + 12;
    assert_eq!(reply[method], 0, "no reply has left yet");
    reply[method] = StampMethod::SOFTWARE.0;
    let (_, returned) = bench.answer(&reply, 2 * MS);
    assert_eq!((returned.follow_up, returned.stopped), (None, None));
}

#[test]
fn a_stateful_reflector_numbers_by_itself_and_a_duplicate_anew() {
    let mut bench = Bench::asking(Request::default());
    bench.probe(0);
    let probe = bench.probe(MS);
    assert_eq!(bench.reflect(&probe, 2 * MS)[..4], [0, 0, 0, 0]);
    assert_eq!(bench.reflect(&probe, 3 * MS)[..4], [0, 0, 0, 1]);
    let report = bench.reflector.report().session;
    assert_eq!(
        (report.received, report.duplicates, report.reflected),
        (2, 1, 2)
    );
}

#[test]
fn an_access_report_is_echoed_told_and_no_longer_sent() {
    let report = AccessReport {
        network: AccessReport::THREE_GPP,
        state: AccessState::UNAVAILABLE,
    };
    let mut bench = Bench::asking(Request::default());
    bench.sender.announce(report);
    let lost = bench.probe(0);
    assert_eq!(flags(&lost, 44), [(6, 0x80)]);
    assert_eq!(bench.probe(SECOND).len(), 44);
    assert_eq!(bench.sender.announcement(), Announcement::Pending);
    let (_, returned) = bench.exchange(3 * SECOND);
    assert_eq!(returned.access, Some(report));
    assert_eq!(bench.reflector.report().access, Some(report));
    assert_eq!(bench.sender.announcement(), Announcement::Answered);
    assert_eq!(bench.probe(9 * SECOND).len(), 44);
}

#[test]
fn a_return_path_is_never_followed() {
    for way in [Way::NO_REPLY, Way::Address("198.51.100.1".parse().unwrap())] {
        let mut ways = Vec::new();
        way.push(Flags::UNRECOGNISED, &mut ways);
        let probe = open_with(Kind::RETURN_PATH, &ways);
        let reply = Bench::asking(Request::default()).reflect(&probe, MS);
        assert_eq!(reply[44..], probe[44..]);
        assert_eq!(flags(&reply, 44), [(10, 0x80)]);
    }
}

#[test]
fn a_session_ends_after_a_long_silence() {
    let mut bench = Bench::asking(Request::default());
    let probe = bench.probe(0);
    let end = 900 * SECOND;
    assert_eq!(bench.reflector.poll_timeout(), Some(Mono(end)));
    let late = bench
        .reflector
        .reflect(&probe, &arrival(end), &context(), GOOD, &mut Vec::new());
    let ended = Discard::Session(crate::probe::Discard::Ended);
    assert_eq!(late.err(), Some(ended));
    assert!(bench.reflector.expired(Mono(end)));
}

#[test]
fn t3_is_never_before_t2() {
    for format in [StampFormat::default(), PTP] {
        let config = ReflectorConfig {
            stamps: format,
            ..ReflectorConfig::default()
        };
        let mut bench = Bench::new(SenderConfig::default(), config);
        let probe = bench.probe(0);
        let mut reply = bench.reflect(&probe, MS);
        bench.reflector.seal(&mut reply, Wall(EPOCH));
        assert_eq!(reply[4..12], reply[16..24]);
    }
}
