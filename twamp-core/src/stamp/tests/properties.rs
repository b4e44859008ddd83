//! What holds on any line.

use super::*;
use crate::metrics::loss::LossCounts;
use proptest::prelude::*;

fn assert_sums(counts: LossCounts) {
    let settled = counts.received + counts.lost() + counts.set_aside;
    assert_eq!(counts.sent, settled + counts.in_flight, "{counts:?}");
}

fn bench(protect: bool, stateful: bool, ptp: bool) -> Bench {
    let security = || match protect {
        true => authenticated(),
        false => Security::Open,
    };
    let stamps = match ptp {
        true => PTP,
        false => StampFormat::default(),
    };
    let sender = SenderConfig {
        security: security(),
        stamps,
        request: everything(),
        stateful_reflector: stateful,
        ssid: 3,
        ..SenderConfig::default()
    };
    let reflector = ReflectorConfig {
        security: security(),
        stamps,
        stateful,
        ssid: Some(3),
        ..ReflectorConfig::default()
    };
    Bench::new(sender, reflector)
}

proptest! {
    #[test]
    fn the_books_balance_on_any_line(
        // Lost there, lost back, doubled there, and the delays in 10 µs.
        ways in proptest::collection::vec(
            (proptest::bool::weighted(0.2), proptest::bool::weighted(0.2),
             proptest::bool::weighted(0.1), 1u64..900, 1u64..900), 0..50),
        protect: bool, stateful: bool, ptp: bool,
    ) {
        let mut bench = bench(protect, stateful, ptp);
        let mut returned = 0;
        for (n, (lost_there, lost_back, doubled, there, back)) in (0..).zip(&ways) {
            let now = n * 20 * MS;
            let probe = bench.probe(now);
            if *lost_there {
                continue;
            }
            for copy in 0..=u64::from(*doubled) {
                let arrived = now + there * 10_000 + copy * 1_000;
                let reply = bench.reflect(&probe, arrived);
                if !lost_back {
                    let back = arrived + back * 10_000;
                    bench.sender.handle_reply(&reply, &arrival(back)).unwrap();
                }
            }
            assert_sums(bench.sender.counts());
            while let Some((outcome, tlvs)) = bench.sender.poll_outcome() {
                let Outcome::Sample(sample) = outcome else { continue };
                returned += 1;
                prop_assert_eq!(sample.forward(), *there as i64 * 10_000);
                prop_assert_eq!(sample.forward() + sample.backward(), sample.round_trip());
                prop_assert_eq!(tlvs.stopped, None);
                prop_assert_eq!(tlvs.class_of_service.unwrap().seen, 10);
            }
        }
        bench.sender.handle_timeout(Mono(u64::MAX));
        let counts = bench.sender.counts();
        assert_sums(counts);
        let there = ways.iter().filter(|way| way.0).count() as u64;
        let gone = ways.iter().filter(|way| way.0 || way.1).count() as u64;
        prop_assert_eq!((counts.in_flight, counts.lost()), (0, gone));
        prop_assert_eq!(counts.received, returned);
        if stateful {
            prop_assert!(counts.lost_forward <= there);
        } else {
            prop_assert_eq!(counts.unattributed, gone);
        }
        let report = bench.reflector.report().session;
        prop_assert_eq!(report.distinct, ways.len() as u64 - there);
    }
}
