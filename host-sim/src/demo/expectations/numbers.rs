//! The numbers, against what the emulator did.

use super::super::report::{LineReport, Truth};
use super::{Expectation, met, unmet};

/// Inbound and outbound add up but for the rounding of three numbers in microseconds.
const ROUNDING_US: f64 = 0.01;

/// Judges the numbers against what the emulator did.
pub(in super::super) fn of_numbers(lines: &[LineReport], truths: &[Truth]) -> Vec<Expectation> {
    let mut expectations: Vec<_> = lines
        .iter()
        .map(|line| losses_are_true(line, truths.iter().find(|truth| truth.line == line.name)))
        .collect();
    expectations.push(delays_add_up(lines));
    expectations
}

fn losses_are_true(line: &LineReport, truth: Option<&Truth>) -> Expectation {
    let what = format!(
        "{}: lost as many each way as the emulator dropped",
        line.name
    );
    let Some(truth) = truth else {
        return unmet(&what, "the emulator doesn't have the line");
    };
    let (Some(forward), Some(backward)) = (line.loss.forward, line.loss.backward) else {
        return unmet(&what, "the loss was not told apart by direction");
    };
    let found = format!(
        "{forward} of {} forward, {backward} of {} backward, {} unattributed",
        truth.dropped_forward, truth.dropped_backward, line.loss.unattributed
    );
    let equal = (forward, backward, line.loss.unattributed)
        == (truth.dropped_forward, truth.dropped_backward, 0);
    if equal {
        met(&what, &found)
    } else {
        unmet(&what, &found)
    }
}

fn delays_add_up(lines: &[LineReport]) -> Expectation {
    let what = "inbound and outbound add up to the round trip on every line";
    let mut worst_us: f64 = 0.0;
    for line in lines {
        let (Some(round_trip), Some(inbound), Some(outbound)) =
            (line.round_trip_us, line.inbound_us, line.outbound_us)
        else {
            return unmet(what, &format!("{} has no delays", line.name));
        };
        worst_us = worst_us.max((inbound.mean + outbound.mean - round_trip.mean).abs());
    }
    let found = format!("they differ by {worst_us:.3} µs at most");
    if worst_us <= ROUNDING_US {
        met(what, &found)
    } else {
        unmet(what, &found)
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::manage::{Delay, Jitter, LostCounts};

    use super::*;

    fn line(forward: u64, backward: u64, unattributed: u64) -> LineReport {
        let delay = |mean| Delay {
            min: mean,
            mean,
            max: mean,
            p50: mean,
            p95: mean,
            p99: mean,
        };
        LineReport {
            name: "A".to_owned(),
            sent: 100,
            samples: 90,
            round_trip_us: Some(delay(20_000.25)),
            inbound_us: Some(delay(9_000.0)),
            outbound_us: Some(delay(11_000.25)),
            jitter_us: Jitter::default(),
            loss: LostCounts {
                forward: Some(forward),
                backward: Some(backward),
                unattributed,
                percent: None,
            },
            score: None,
            scores: Default::default(),
        }
    }

    #[test]
    fn losses_are_compared_packet_by_packet() {
        let truth = [Truth {
            line: "A".to_owned(),
            dropped_forward: 6,
            dropped_backward: 4,
            ..Truth::default()
        }];
        let judged = |line| of_numbers(&[line], &truth)[0].clone();
        assert!(judged(line(6, 4, 0)).met);
        for wrong in [line(5, 4, 0), line(6, 5, 0), line(4, 6, 0), line(6, 4, 1)] {
            assert!(!judged(wrong).met);
        }
        let found = judged(line(7, 4, 0)).found;
        assert_eq!(found, "7 of 6 forward, 4 of 4 backward, 0 unattributed");
    }

    #[test]
    fn delays_that_dont_add_up_are_noticed() {
        let judged = |line| of_numbers(&[line], &[])[1].clone();
        assert!(judged(line(0, 0, 0)).met);
        let mut wrong = line(0, 0, 0);
        wrong.inbound_us = wrong.outbound_us;
        assert!(!judged(wrong.clone()).met);
        wrong.inbound_us = None;
        assert_eq!(judged(wrong).found, "A has no delays");
    }
}
