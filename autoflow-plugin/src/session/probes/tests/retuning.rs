//! Streams that change while they last.

use crate::net::Options;
use crate::session::{Rate, Tuning};

use super::*;

fn tuning(interval_ms: u64, ttl: u8) -> Tuning {
    Tuning {
        interval: Duration::from_millis(interval_ms),
        rhythm: Rhythm::Periodic,
        options: Options {
            ttl: Some(ttl),
            ..Options::default()
        },
    }
}

fn retune(near: &mut End, key: Key, tuning: Tuning, now: u64) {
    let path = near.path;
    near.probes
        .order(Order::Retune { key, path, tuning }, at(now));
}

#[test]
fn a_stream_that_is_retuned_goes_on_with_its_numbers_at_its_new_pace() {
    let (mut near, mut far) = (End::new(), End::new());
    let key = Key::new();
    far.reflect(near.address, 0);
    near.send(key, far.address, None, 1_000);
    let mut run = |near: &mut End, from: u64, to: u64| -> usize {
        (from..to).map(|now| exchange(near, &mut far, now)).sum()
    };
    assert_eq!(run(&mut near, 1_000, 1_100), 10);
    retune(&mut near, key, tuning(2, 255), 1_100);
    assert_eq!(run(&mut near, 1_100, 1_200), 50);
    retune(&mut near, key, tuning(50, 255), 1_200);
    assert_eq!(run(&mut near, 1_200, 1_400), 4);
    let report = near.probes.report_now(at(1_500));
    assert_eq!(samples(&report), (0..64).collect::<Vec<_>>());
    let counts = report.pulses[0].1.counts;
    assert_eq!((counts.sent, counts.received), (64, 64));
    assert_eq!(report.pulses[0].1.interval, Duration::from_millis(50));
}

#[test]
fn no_probe_on_its_way_is_forgotten_because_others_leave_faster_after_it() {
    let mut near = End::new();
    let key = Key::new();
    near.send(key, "192.0.2.1:862".parse().unwrap(), None, 1_000);
    retune(&mut near, key, tuning(1, 255), 1_000);
    for now in 1_000..1_400 {
        near.probes.handle_timeout(at(now), &mut near.outbox);
    }
    let counts = near.probes.report_now(at(1_400)).pulses[0].1.counts;
    assert_eq!(counts.set_aside, 0);
    assert!(counts.lost() > 0 && counts.in_flight > 32, "{counts:?}");
}

#[test]
fn the_next_probe_leaves_with_what_it_was_retuned_to_also_after_another_agreement() {
    let mut near = End::new();
    let far = "192.0.2.1:862".parse().unwrap();
    let key = Key::new();
    near.send(key, far, None, 1_000);
    near.turn(1_000);
    retune(&mut near, key, tuning(10, 9), 1_001);
    for agreed_anew in [false, true] {
        if agreed_anew {
            near.send(key, far, None, 1_015);
        }
        near.probes.handle_timeout(at(1_020), &mut near.outbox);
        let ttl = near.outbox.0.last().and_then(|packet| packet.options.ttl);
        assert_eq!(ttl, Some(9));
    }
}

#[test]
fn other_packets_begin_the_figures_afresh_and_what_was_in_flight_is_no_part_of_them() {
    let (mut near, mut far) = (End::new(), End::new());
    let key = Key::new();
    far.reflect_all();
    near.send(key, far.address, None, 1_000);
    for now in 1_000..1_050 {
        exchange(&mut near, &mut far, now);
    }
    near.turn(1_050);
    let stream = near.stream(far.address, None);
    let order = Order::Afresh {
        key,
        stream,
        tuning: tuning(10, 255),
    };
    near.probes.order(order, at(1_051));
    for now in 1_051..1_100 {
        exchange(&mut near, &mut far, now);
    }
    let report = near.probes.report_now(at(1_200));
    let mut entries = report.entries.iter();
    let afresh = entries.position(|(_, entry)| matches!(entry, Entry::Afresh));
    let after = report.entries.len() - afresh.expect("it is told") - 1;
    let counts = report.pulses[0].1.counts;
    assert_eq!((counts.sent, counts.received, counts.set_aside), (4, 4, 0));
    assert_eq!(after, 4, "the samples of those four");
}

fn pace(near: &mut End, key: Key, rate: Rate, now: u64) {
    let path = near.path;
    near.probes.order(Order::Pace { key, path, rate }, at(now));
}

#[test]
fn a_stream_on_standby_leaves_a_tenth_of_its_probes_and_says_so() {
    let (mut near, mut far) = (End::new(), End::new());
    let key = Key::new();
    far.reflect(near.address, 0);
    near.send(key, far.address, None, 1_000);
    let mut run = |near: &mut End, from: u64, to: u64| -> usize {
        (from..to).map(|now| exchange(near, &mut far, now)).sum()
    };
    assert_eq!(run(&mut near, 1_000, 1_100), 10);
    pace(&mut near, key, Rate::Standby, 1_100);
    assert_eq!(run(&mut near, 1_100, 2_100), 10);
    let pulse = near.probes.report_now(at(2_100)).pulses[0].1;
    assert_eq!(
        (pulse.interval, pulse.slowed),
        (Duration::from_millis(100), 10.0)
    );
    pace(&mut near, key, Rate::Rest, 2_155);
    assert_eq!(run(&mut near, 2_155, 2_156), 1, "it is woken with a probe");
    assert_eq!(run(&mut near, 2_156, 2_206), 5);
    pace(&mut near, key, Rate::Standby, 2_206);
    pace(&mut near, key, Rate::Rest, 2_207);
    assert_eq!(run(&mut near, 2_207, 2_208), 1, "however short it slept");
}

#[test]
fn silence_counts_in_intervals_when_a_stream_is_woken() {
    let mut near = End::new();
    let key = Key::new();
    near.send(key, "192.0.2.1:862".parse().unwrap(), None, 1_000);
    near.turn(1_000);
    pace(&mut near, key, Rate::Standby, 1_000);
    pace(&mut near, key, Rate::Rest, 1_080);
    near.probes.handle_timeout(at(1_080), &mut near.outbox);
    let pulse = near.probes.report_now(at(1_080)).pulses[0].1;
    assert_eq!(
        pulse.unanswered_since,
        Some(at(1_072).mono),
        "80 of 100 ms are 8 of 10"
    );
}
