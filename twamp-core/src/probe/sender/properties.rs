//! What holds on any line.

use super::tests::{Bench, GOOD, MS, arrival, assert_sums, at};
use super::*;
use crate::metrics::variation::Jitter;
use proptest::prelude::*;

/// One probe's way: lost there or back, delays in 10 µs, extra copies.
#[derive(Debug, Clone)]
struct Way {
    lost: (bool, bool),
    delay: (u64, u64),
    doubled: (bool, bool),
    refused: bool,
}

fn way() -> impl Strategy<Value = Way> {
    let rarely = || proptest::bool::weighted(0.15);
    // Up to 3 s there and back: some are late.
    let delay = || prop_oneof![8 => 1u64..1_000, 1 => 1u64..150_000];
    (
        (rarely(), rarely()),
        (delay(), delay()),
        (rarely(), rarely()),
        rarely(),
    )
        .prop_map(|(lost, delay, doubled, refused)| Way {
            lost,
            delay,
            doubled,
            refused,
        })
}

/// Sends one probe every 20 ms over the line; returns the samples in order of arrival.
fn run(bench: &mut Bench, ways: &[Way]) -> Vec<Sample> {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for (i, way) in (0..).zip(ways) {
        let now = i * 20 * MS;
        let mut probe = Vec::new();
        let token = bench.sender.send(at(now), GOOD, &mut probe);
        if way.refused {
            bench.sender.not_sent(token);
            continue;
        }
        bench.sender.transmitted(
            token,
            TxStamp {
                user: at(now).wall,
                kernel: None,
                ..TxStamp::default()
            },
        );
        for copy in 0..=u64::from(way.doubled.0) {
            if !way.lost.0 {
                there.push((now + way.delay.0 * 10_000 + copy * MS, probe.clone(), way));
            }
        }
    }
    there.sort_by_key(|(at, ..)| *at);
    for (at, probe, way) in there {
        let reply = bench.reflect(&probe, at);
        for copy in 0..=u64::from(way.doubled.1) {
            if !way.lost.1 {
                back.push((at + way.delay.1 * 10_000 + copy * MS, reply.clone()));
            }
        }
    }
    back.sort_by_key(|(at, _)| *at);
    for (ns, reply) in back {
        bench.sender.handle_timeout(Mono(ns));
        bench.sender.handle_reply(&reply, &arrival(ns)).unwrap();
        assert_sums(bench.sender.counts());
    }
    bench.sender.handle_timeout(Mono(u64::MAX));
    assert_sums(bench.sender.counts());
    let samples = bench
        .outcomes()
        .into_iter()
        .filter_map(|outcome| match outcome {
            Outcome::Sample(sample) => Some(sample),
            _ => None,
        });
    samples.collect()
}

proptest! {
    #[test]
    fn the_books_balance_on_any_line(ways in proptest::collection::vec(way(), 0..60)) {
        let mut bench = Bench::new();
        let samples = run(&mut bench, &ways);
        let counts = bench.sender.counts();
        let refused = ways.iter().filter(|w| w.refused).count() as u64;
        prop_assert_eq!(counts.in_flight, 0);
        prop_assert_eq!((counts.not_sent, counts.sent), (refused, ways.len() as u64 - refused));
        prop_assert_eq!(counts.received, samples.len() as u64);
        let gone = |w: &&Way| !w.refused && (w.lost.0 || w.lost.1);
        prop_assert!(counts.lost() >= ways.iter().filter(gone).count() as u64);
        let report = bench.reflector.report();
        prop_assert!(report.distinct + report.lost_forward <= ways.len() as u64);
        prop_assert_eq!(report.received, report.distinct + report.duplicates);
    }

    #[test]
    fn loss_is_counted_on_its_side_and_errs_by_no_more_than_lost_replies_to_copies(
        ways in proptest::collection::vec(way(), 0..60),
        bursts in proptest::collection::vec((0usize..60, 1usize..9, any::<bool>()), 0..4),
    ) {
        let mut ways = ways;
        for (first, length, there) in bursts {
            for way in ways.iter_mut().skip(first).take(length) {
                let lost = if there { &mut way.lost.0 } else { &mut way.lost.1 };
                *lost = true;
            }
        }
        // It comes in after all others, so that nothing is left open.
        ways.push(Way {
            lost: (false, false),
            delay: (150_001, 1),
            doubled: (false, false),
            refused: false,
        });
        let mut bench = Bench::new();
        run(&mut bench, &ways);
        let counts = bench.sender.counts();
        let of = |is: fn(&Way) -> bool| ways.iter().filter(|w| !w.refused && is(w)).count() as u64;
        let truth = of(|w| w.lost.0);
        // A late reply is as good as lost.
        let copies = of(|w| {
            w.doubled.0 && !w.lost.0 && (w.lost.1 || w.delay.0 + w.delay.1 > 195_000)
        });
        prop_assert_eq!(counts.unattributed, 0);
        prop_assert!(counts.lost_forward <= truth, "{:?}, in truth {}", counts, truth);
        prop_assert!(counts.lost_forward + copies >= truth, "{:?}, in truth {}", counts, truth);
        prop_assert!(counts.ratio().is_some_and(|ratio| ratio.get() <= 1_000_000));
        prop_assert!(counts.longest_loss <= counts.lost());
        prop_assert_eq!(counts.loss_periods == 0, counts.lost() == 0);
    }

    #[test]
    fn a_clock_offset_of_an_hour_changes_nothing_but_the_one_way_delays(
        ways in proptest::collection::vec(way(), 0..40),
    ) {
        let hour = 3_600_000_000_000;
        let mut plain = Bench::new();
        let expected = run(&mut plain, &ways);
        for offset in [hour, -hour] {
            let mut bench = Bench::new();
            bench.offset = offset;
            let found = run(&mut bench, &ways);
            prop_assert_eq!(bench.sender.counts(), plain.sender.counts());
            prop_assert_eq!(found.len(), expected.len());
            let (mut jitter, mut plain_jitter) = (Jitter::default(), Jitter::default());
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(found.round_trip(), expected.round_trip());
                prop_assert_eq!(found.forward(), expected.forward() + offset);
                prop_assert_eq!(found.forward() + found.backward(), found.round_trip());
                jitter.record(found.forward());
                plain_jitter.record(expected.forward());
                prop_assert_eq!(jitter.get(), plain_jitter.get());
            }
            let (report, plain) = (bench.reflector.report(), plain.reflector.report());
            prop_assert_eq!(report.variation, plain.variation);
            prop_assert_eq!(report.jitter_ns, plain.jitter_ns);
        }
    }

    #[test]
    fn no_packet_can_break_the_sender(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..30),
        flips in proptest::collection::vec((0usize..41, any::<u8>(), 0u64..40), 0..60),
    ) {
        let mut bench = Bench::with(SenderConfig { remembered: 8, ..Default::default() });
        for packet in packets {
            _ = bench.sender.handle_reply(&packet, &arrival(0));
        }
        for (n, (place, octet, ms)) in (0..).zip(flips) {
            let now = n * 30 * MS;
            let probe = bench.probe(now);
            let mut reply = bench.reflect(&probe, now + MS);
            reply[place] ^= octet;
            _ = bench.sender.handle_reply(&reply, &arrival(now + ms * 100 * MS));
            bench.sender.handle_timeout(Mono(now));
            assert_sums(bench.sender.counts());
        }
    }
}
