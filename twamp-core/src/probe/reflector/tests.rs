use super::*;
use crate::time::Ntp64;
use crate::wire::test::{REFLECTOR_LEN, SENDER_LEN};
use proptest::prelude::*;

const MS: i64 = 1_000_000;
const EPOCH: i64 = 1_700_000_000_000_000_000;
const GOOD: ErrorEstimate = ErrorEstimate(0x8a64);

fn arrival(ms: u64) -> Arrival {
    Arrival {
        mono: Mono(ms * MS as u64),
        user: Wall(EPOCH + ms as i64 * MS),
        ttl: Some(253),
        ..Arrival::default()
    }
}

/// A probe that left at `ms`.
fn probe(sequence: u32, ms: u64) -> Vec<u8> {
    let timestamp = Ntp64::from_wall(Wall(EPOCH + ms as i64 * MS));
    let mut out = vec![0; SENDER_LEN];
    SenderPacket {
        sequence,
        timestamp,
        error: ErrorEstimate(0x8e42),
    }
    .write(&mut out);
    out
}

fn running() -> Reflector {
    Reflector::new(ReflectorConfig::default(), Mono(0))
}

fn reflect(reflector: &mut Reflector, packet: &[u8], ms: u64) -> ReflectorPacket {
    let mut out = Vec::new();
    reflector
        .reflect(packet, &arrival(ms), GOOD, &mut out)
        .unwrap();
    ReflectorPacket::parse(&out).unwrap()
}

fn refuse(reflector: &mut Reflector, packet: &[u8], ms: u64) -> Discard {
    let mut out = vec![1];
    let discard = reflector
        .reflect(packet, &arrival(ms), GOOD, &mut out)
        .unwrap_err();
    assert!(out.is_empty());
    discard
}

#[test]
fn the_known_probe_gets_the_known_reply() {
    let mut reflector = running();
    reflector.sequence = 5;
    let packet = [
        0, 0, 0, 7, 0xe8, 0xfe, 0x6f, 0x80, 0x40, 0, 0, 0, 0x8e, 0x42,
    ];
    let kernel = Some(Wall(EPOCH + 261_500_000));
    let mut out = Vec::new();
    reflector
        .reflect(
            &packet,
            &Arrival {
                kernel,
                ..arrival(262)
            },
            GOOD,
            &mut out,
        )
        .unwrap();
    Reflector::seal(&mut out, Wall(EPOCH + 261_540_000));
    let known = [
        0x00, 0x00, 0x00, 0x05, 0xe8, 0xfe, 0x6f, 0x80, 0x42, 0xf4, 0x49, 0x12, 0x8a, 0x64, 0x00,
        0x00, 0xe8, 0xfe, 0x6f, 0x80, 0x42, 0xf1, 0xa9, 0xfb, 0x00, 0x00, 0x00, 0x07, 0xe8, 0xfe,
        0x6f, 0x80, 0x40, 0x00, 0x00, 0x00, 0x8e, 0x42, 0x00, 0x00, 0xfd,
    ];
    assert_eq!(out, known);
}

#[test]
fn replies_are_numbered_from_zero_whatever_the_probes_numbers_are() {
    let mut reflector = running();
    for (reply, sequence) in [7, 3, 900, u32::MAX].into_iter().enumerate() {
        let answer = reflect(&mut reflector, &probe(sequence, 0), 1);
        assert_eq!(
            (answer.sequence, answer.sender_sequence),
            (reply as u32, sequence)
        );
    }
}

#[test]
fn a_discarded_packet_uses_no_number() {
    let mut reflector = running();
    reflect(&mut reflector, &probe(0, 0), 1);
    refuse(&mut reflector, &[0; 5], 2);
    assert_eq!(reflect(&mut reflector, &probe(1, 2), 3).sequence, 1);
}

#[test]
fn reply_numbers_wrap() {
    let mut reflector = running();
    reflector.sequence = u32::MAX;
    assert_eq!(reflect(&mut reflector, &probe(0, 0), 1).sequence, u32::MAX);
    assert_eq!(reflect(&mut reflector, &probe(1, 0), 1).sequence, 0);
}

#[test]
fn a_duplicate_is_answered_again_with_a_new_number() {
    let mut reflector = running();
    let packet = probe(0, 0);
    assert_eq!(reflect(&mut reflector, &packet, 1).sequence, 0);
    assert_eq!(reflect(&mut reflector, &packet, 2).sequence, 1);
    assert_eq!(reflector.report().duplicates, 1);
    assert_eq!(reflector.report().reflected, 2);
}

#[test]
fn a_reflector_without_state_copies_the_number() {
    let config = ReflectorConfig {
        stateful: false,
        from_zero: false,
        ..Default::default()
    };
    let mut reflector = Reflector::new(config, Mono(0));
    for sequence in [500, 77, 500] {
        assert_eq!(
            reflect(&mut reflector, &probe(sequence, 0), 1).sequence,
            sequence
        );
    }
}

#[test]
fn an_unreadable_ttl_is_255() {
    let mut out = Vec::new();
    let unknown = Arrival {
        ttl: None,
        ..arrival(1)
    };
    running()
        .reflect(&probe(0, 0), &unknown, GOOD, &mut out)
        .unwrap();
    assert_eq!(out[40], 255);
}

#[test]
fn padding_is_cut_from_the_end_and_the_reply_is_as_long_as_the_probe() {
    for len in [14, 15, 40, 41, 42, 100, 1472, 65_507] {
        let mut packet = probe(0, 0);
        packet.extend((SENDER_LEN..len).map(|i| i as u8));
        let mut out = Vec::new();
        running()
            .reflect(&packet, &arrival(1), GOOD, &mut out)
            .unwrap();
        assert_eq!(out.len(), len.max(REFLECTOR_LEN));
        let kept = out.len() - REFLECTOR_LEN;
        assert_eq!(out[REFLECTOR_LEN..], packet[SENDER_LEN..SENDER_LEN + kept]);
    }
}

#[test]
fn a_short_packet_is_never_answered_and_the_session_lives() {
    let mut reflector = running();
    let packet = probe(0, 0);
    for len in 0..SENDER_LEN {
        assert!(matches!(
            refuse(&mut reflector, &packet[..len], 1),
            Discard::TooShort(_)
        ));
    }
    assert_eq!(reflector.report().discards.too_short, 14);
    reflect(&mut reflector, &packet, 2);
}

#[test]
fn a_probe_with_multiplier_zero_is_discarded() {
    let mut reflector = running();
    let mut packet = probe(0, 0);
    packet[13] = 0;
    assert_eq!(
        refuse(&mut reflector, &packet, 1),
        Discard::BadErrorEstimate
    );
    assert_eq!(reflector.report().received, 0);
}

#[test]
fn an_unknown_error_is_sent_as_the_largest_never_with_multiplier_zero() {
    let mut out = Vec::new();
    running()
        .reflect(&probe(0, 0), &arrival(1), ErrorEstimate(0), &mut out)
        .unwrap();
    assert_eq!(out[12..14], [0x3f, 0xff]);
}

#[test]
fn t3_is_never_before_t2_also_across_the_2036_rollover() {
    let rollover = 2_085_978_496_000_000_000;
    for (t2, t3, expected) in [
        (EPOCH, EPOCH + 5, EPOCH + 5),
        (EPOCH, EPOCH - 1_000 * MS, EPOCH),
        (rollover - 1, rollover + 1, rollover + 1),
        (rollover + 1, rollover - 1, rollover + 1),
    ] {
        let mut out = Vec::new();
        let received = Arrival {
            user: Wall(t2),
            ..arrival(0)
        };
        running()
            .reflect(&probe(0, 0), &received, GOOD, &mut out)
            .unwrap();
        Reflector::seal(&mut out, Wall(t3));
        let reply = ReflectorPacket::parse(&out).unwrap();
        assert_eq!(reply.timestamp, Ntp64::from_wall(Wall(expected)));
        assert_eq!(reply.receive, Ntp64::from_wall(Wall(t2)));
    }
}

#[test]
fn nothing_is_answered_before_the_start() {
    let mut reflector = Reflector::waiting(ReflectorConfig::default());
    assert_eq!(refuse(&mut reflector, &probe(0, 0), 1), Discard::NotStarted);
    assert_eq!(reflector.poll_timeout(), None);
    reflector.start(Mono(0));
    assert_eq!(reflect(&mut reflector, &probe(1, 1), 2).sequence, 0);
}

#[test]
fn a_session_ends_after_refwait_without_a_probe() {
    let mut reflector = running();
    reflect(&mut reflector, &probe(0, 500_000), 500_000);
    let end = Mono(1_400_000 * MS as u64);
    assert_eq!(reflector.poll_timeout(), Some(end));
    assert!(!reflector.expired(Mono(end.0 - 1)) && reflector.expired(end));
    assert_eq!(
        refuse(&mut reflector, &probe(1, 0), 1_400_000),
        Discard::Ended
    );
    assert!(
        reflector.expired(end),
        "a probe that came too late does not revive it"
    );
}

#[test]
fn only_good_probes_keep_a_session_alive() {
    let mut reflector = running();
    refuse(&mut reflector, &[0; 3], 800_000);
    assert!(reflector.expired(Mono(900_000 * MS as u64)));
}

#[test]
fn after_stop_replies_go_on_for_the_timeout_then_cease() {
    let mut reflector = running();
    reflector.stop(Mono(1_000 * MS as u64), Duration::from_secs(2));
    reflect(&mut reflector, &probe(0, 2_999), 2_999);
    assert_eq!(
        refuse(&mut reflector, &probe(1, 3_000), 3_000),
        Discard::Ended
    );
    assert_eq!(reflector.report().discards.ended, 1);
}

#[test]
fn a_second_stop_does_not_prolong_the_session() {
    let mut reflector = running();
    reflector.stop(Mono(0), Duration::from_secs(2));
    reflector.stop(Mono(MS as u64), Duration::from_secs(5));
    assert!(reflector.expired(Mono(2_000 * MS as u64)));
}

#[test]
fn a_session_stopped_before_its_start_never_reflects() {
    let mut reflector = Reflector::waiting(ReflectorConfig::default());
    reflector.stop(Mono(0), Duration::from_secs(2));
    assert_eq!(refuse(&mut reflector, &probe(0, 0), 0), Discard::Ended);
}

#[test]
fn the_report_tells_loss_duplicates_and_reordering_apart() {
    let mut reflector = running();
    for (sequence, sent) in [(0, 0), (1, 10), (1, 10), (4, 40), (3, 30), (7, 70)] {
        reflect(&mut reflector, &probe(sequence, sent), sent + 45);
    }
    let report = reflector.report();
    assert_eq!(
        (report.received, report.distinct, report.reflected),
        (6, 5, 6)
    );
    assert_eq!(
        (report.lost_forward, report.duplicates, report.reordered),
        (3, 1, 1)
    );
}

#[test]
fn the_report_tells_the_variation_without_the_offset() {
    let transit = [10u64, 14, 11, 25];
    let mut known = None;
    for ahead in [0, 3_600_000 * MS] {
        let mut reflector = running();
        for (n, ms) in (0..).zip(transit) {
            let sent = u64::from(n) * 100;
            let mut seen = arrival(sent + ms);
            seen.user.0 += ahead;
            reflector
                .reflect(&probe(n, sent), &seen, GOOD, &mut Vec::new())
                .unwrap();
        }
        let report = reflector.report();
        assert_eq!(
            report.variation,
            Some(Variation {
                mean_ns: 5_000_000,
                max_ns: 15_000_000
            })
        );
        assert_eq!(*known.get_or_insert(report.jitter_ns), report.jitter_ns);
    }
    assert!(
        known.flatten().is_some_and(|j| (1e6..1.4e6).contains(&j)),
        "{known:?}"
    );
}

#[test]
fn the_report_tells_runs_of_loss_steps_and_marks() {
    let mut reflector = running();
    // 20 ms there, each tenth 30 ms; 40 to 46 never come.
    for n in (0..100u32).filter(|n| !(40..47).contains(n)) {
        let (sent, delay) = (u64::from(n) * 100, if n % 10 == 0 { 30 } else { 20 });
        let mut seen = arrival(sent + delay);
        seen.tos = Some(if n < 90 { 184 } else { 0 });
        reflector
            .reflect(&probe(n, sent), &seen, GOOD, &mut Vec::new())
            .unwrap();
    }
    let report = reflector.report();
    assert_eq!((report.lost_forward, report.longest_gap), (7, 7));
    let near = |found: u64, expected: i64| found.abs_diff(expected as u64) < 500_000;
    let [p50, p95, _] = report.pdv_ns.unwrap();
    assert!(near(p50, 0) && near(p95, 10 * MS), "{report:?}");
    let [p50, p95, _] = report.ipdv_ns.unwrap();
    assert!(near(p50, 0) && near(p95, 10 * MS), "{report:?}");
    let tos: Vec<_> = report.tos.kinds().collect();
    assert_eq!((tos, report.tos.changes()), (vec![(184, 83), (0, 10)], 1));
    assert_eq!(report.ttl.newest(), Some(253));
}

#[test]
fn a_report_of_nothing_claims_nothing() {
    let report = running().report();
    assert_eq!(
        (report.jitter_ns, report.variation, report.lost_forward),
        (None, None, 0)
    );
}

#[test]
fn probes_missing_at_the_start_are_lost_only_if_the_sender_starts_at_zero() {
    for (from_zero, lost) in [(true, 5), (false, 0)] {
        let config = ReflectorConfig {
            from_zero,
            ..Default::default()
        };
        let mut reflector = Reflector::new(config, Mono(0));
        reflect(&mut reflector, &probe(5, 0), 1);
        assert_eq!(reflector.report().lost_forward, lost);
    }
}

#[test]
fn a_sender_that_begins_anew_and_the_32_bit_wrap_are_no_loss() {
    let config = ReflectorConfig {
        from_zero: false,
        ..Default::default()
    };
    let mut reflector = Reflector::new(config, Mono(0));
    for n in 0..20u32 {
        let sequence = if n < 10 {
            (u32::MAX - 4).wrapping_add(n)
        } else {
            n - 10
        };
        reflect(&mut reflector, &probe(sequence, n.into()), u64::from(n) + 5);
    }
    let report = reflector.report();
    assert_eq!(
        (report.distinct, report.lost_forward, report.duplicates),
        (20, 0, 0)
    );
}

proptest! {
    #[test]
    fn the_senders_fields_are_copied_bit_by_bit_even_nonsense(
        sequence: u32, timestamp: u64, error: u16,
        padding in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        prop_assume!(error & 0xff != 0);
        let mut packet = vec![0; SENDER_LEN];
        let (timestamp, error) = (Ntp64(timestamp), ErrorEstimate(error));
        SenderPacket { sequence, timestamp, error }.write(&mut packet);
        packet.extend(padding);
        let mut out = Vec::new();
        running().reflect(&packet, &arrival(1), GOOD, &mut out).unwrap();
        prop_assert_eq!(&out[24..38], &packet[..14]);
        Reflector::seal(&mut out, Wall(EPOCH + 9));
        prop_assert_eq!(&out[24..38], &packet[..14]);
    }

    #[test]
    fn no_packet_can_break_the_reflector(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..40),
        stateful: bool, from_zero: bool,
    ) {
        let config = ReflectorConfig { stateful, from_zero, ..Default::default() };
        let mut reflector = Reflector::new(config, Mono(0));
        let mut out = Vec::new();
        for packet in &packets {
            if reflector.reflect(packet, &arrival(1), GOOD, &mut out).is_ok() {
                prop_assert_eq!(out.len(), packet.len().max(REFLECTOR_LEN));
            }
        }
        let report = reflector.report();
        prop_assert_eq!(report.received + report.discards.total(), packets.len() as u64);
        prop_assert!(report.distinct + report.duplicates <= report.received);
    }
}
