use std::time::Duration;

use super::*;
use crate::line::synthetic::sample;
use crate::session::result::Tally;
use crate::session::{Entry, Sizes};
use plugin_abi::config::Protocol;
use plugin_abi::manage::SessionResult;
use twamp_core::metrics::loss::LossCounts;
use twamp_core::probe::Outcome;

const LONE: ErrorEstimate = ErrorEstimate(0x3fff);

/// A sample that left in the `n`th tenth of a second: 8 ms out, 12 ms back, and a little more.
fn entry(n: u64, offset_ns: i64) -> Entry {
    let more = (n * 7_919) % 100;
    let outcome = sample(
        n,
        Mono(n * 100_000_000),
        Duration::from_micros(20_000 + more * 10),
    );
    let Outcome::Sample(mut sample) = outcome else {
        panic!("no sample");
    };
    sample.t2.0 += offset_ns;
    sample.t3.0 += offset_ns;
    sample.peer_synchronised = false;
    Entry::Probe(Outcome::Sample(sample))
}

fn told(offset: impl Fn(u64) -> i64, probes: u64) -> (SessionResult, Vec<Step>) {
    let who = crate::session::result::tests::who(true);
    let mut tally = Tally::new(who.run, Protocol::Open);
    let steps = (0..probes).filter_map(|n| tally.absorb(&entry(n, offset(n))));
    let steps = steps.collect();
    let result = tally.result(&who, &LossCounts::default(), &Sizes::default(), LONE);
    let delays = [result.round_trip_us, result.outbound_us, result.inbound_us];
    let [round_trip, outbound, inbound] = delays.map(|delay| delay.unwrap().mean);
    assert!((outbound + inbound - round_trip).abs() < 1e-6, "{result:?}");
    (result, steps)
}

#[test]
fn drift_is_no_variation_and_the_offset_no_delay() {
    let hour = 3_600_000_000_000;
    for ahead in [hour, -hour] {
        // 50 ppm: 30 ms in ten minutes.
        let (result, steps) = told(|n| ahead + n as i64 * 5_000, 6_000);
        assert_eq!(steps, []);
        let (clock, outbound) = (result.clock, result.outbound_us.unwrap());
        assert!((clock.skew_ppm.unwrap() - 50.0).abs() <= clock.skew_uncertainty_ppm.unwrap());
        // The line makes 0.4 ms of it, and all there is of drift is what was not known at first.
        let apart = outbound.max - outbound.min - 400.0;
        assert!(
            apart.abs() <= clock.variation_uncertainty_us.unwrap(),
            "{result:?}"
        );
        assert!(outbound.p99 - outbound.p50 < 500.0, "{outbound:?}");
        let off = (outbound.min - 8_000.0).abs();
        assert!(off <= clock.level_uncertainty_us.unwrap(), "{result:?}");
        assert!(clock.level_uncertainty_us.unwrap() < 12_000.0, "{result:?}");
    }
}

#[test]
fn clocks_that_may_be_right_are_believed_to_the_nanosecond() {
    let (result, _) = told(|_| 0, 100);
    let (clock, outbound) = (result.clock, result.outbound_us.unwrap());
    assert!(!clock.synchronised && !clock.near_synchronised && !clock.far_synchronised);
    assert_eq!((outbound.min, outbound.max), (8_000.0, 8_396.0));
    assert!(clock.level_uncertainty_us.unwrap() >= 12_000.0, "{clock:?}");
}

#[test]
fn a_step_is_told_once_and_the_delays_on_both_sides_can_be_compared() {
    let (result, steps) = told(|n| if n < 300 { 0 } else { 3_600_000_000_000 }, 600);
    assert_eq!((steps.len(), result.clock.steps), (1, 1));
    assert!((result.clock.last_step_us.unwrap() - 3.6e9).abs() < 1e3);
    let outbound = result.outbound_us.unwrap();
    assert!(outbound.max - outbound.min < 1_500.0, "{outbound:?}");
}

#[test]
fn a_clock_that_is_set_with_every_sample_is_logged_now_and_then() {
    let (result, steps) = told(|n| (n as i64 % 2) * 3_600_000_000_000, 300);
    assert!(result.clock.steps > 200, "{result:?}");
    assert!((2..=4).contains(&steps.len()), "{}", steps.len());
}

#[test]
fn another_far_clock_after_a_new_agreement_is_no_step() {
    let mut clocks = Clocks::default();
    for n in 0..200 {
        if n == 100 {
            clocks.restart();
        }
        let year = 31_557_600_000_000_000;
        let Entry::Probe(Outcome::Sample(sample)) = entry(n, if n < 100 { 0 } else { year }) else {
            panic!("no sample");
        };
        let (delay, step) = clocks.relative(&sample);
        assert_eq!(step, None);
        assert!(
            (9_000_000..12_000_000).contains(&delay.forward),
            "{delay:?}"
        );
    }
}

#[test]
fn both_ends_must_say_that_they_are_synchronised() {
    let near = ErrorEstimate::new(true, 1_000_000);
    let mut clocks = Clocks::default();
    let Outcome::Sample(sample) = sample(0, Mono(0), Duration::from_millis(20)) else {
        panic!("no sample");
    };
    clocks.relative(&sample);
    let both = clocks.told(near).state;
    assert!(both.synchronised);
    let level = both.level_uncertainty_us.unwrap();
    assert_eq!(
        level,
        both.near_error_us.unwrap() + both.far_error_us.unwrap()
    );
    assert!(!clocks.told(LONE).state.synchronised);
}
