//! One number for how well a line suits a class.
//!
//! With `x = measured / limit` for each figure that the SLA states,
//!
//! ```text
//! score = 100 / (1 + √(Σ x⁴))
//! ```
//!
//! so 100 is far within the SLA, 50 is one figure at its limit (37 if all three are), and 20 is one
//! figure at twice its limit. A worse figure never makes a better score; the fourth power lets the
//! worst figure speak. A dead line scores 0, and so does one over which only probes of other classes
//! come back. If a figure that the SLA states is unknown, so is the score.

use plugin_abi::config::Sla;

use super::estimator::Estimate;
use super::liveness::State;
use super::metric::Metric;
use super::summary::Summary;

/// The score over the window, 0 to 100.
pub(crate) fn score(estimate: &Estimate, sla: &Sla) -> Option<u32> {
    match estimate.state {
        State::Alive => score_over(&estimate.window, sla),
        State::Dead | State::Silent => Some(0),
        State::Unknown | State::Unmeasured => None,
    }
}

/// The score of a line that lives, over any span.
pub(crate) fn score_over(summary: &Summary, sla: &Sla) -> Option<u32> {
    let mut sum = 0.0;
    for metric in Metric::ALL {
        if let Some(limit) = metric.limit(sla) {
            sum += excess(metric.measured(summary)?, limit).powi(4);
        }
    }
    Some((100.0 / (1.0 + sum.sqrt())).round() as u32)
}

/// 1 at the limit. A limit of 0 is kept only by 0.
fn excess(measured: f64, limit: f64) -> f64 {
    if measured <= 0.0 {
        0.0
    } else {
        measured / limit.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::slice::RoundTrip;
    use super::*;

    const SLA: Sla = Sla {
        round_trip_ms: Some(150.0),
        jitter_ms: Some(30.0),
        loss_percent: Some(1.0),
        packet_octets: None,
    };

    fn line(lost: u64, round_trip_ms: i64, jitter_ms: u64) -> Summary {
        let round_trip = RoundTrip {
            mean_ns: round_trip_ms * 1_000_000,
            jitter_ns: jitter_ms * 1_000_000,
        };
        Summary {
            probes: 1_000,
            received: 1_000 - lost,
            lost,
            round_trip: Some(round_trip),
            ..Summary::default()
        }
    }

    #[test]
    fn the_edge_of_the_sla_scores_fifty_and_a_good_line_nearly_a_hundred() {
        assert_eq!(score_over(&line(0, 20, 1), &SLA), Some(98));
        assert_eq!(score_over(&line(10, 0, 0), &SLA), Some(50));
        assert_eq!(score_over(&line(0, 150, 0), &SLA), Some(50));
        assert_eq!(score_over(&line(0, 0, 30), &SLA), Some(50));
        assert_eq!(score_over(&line(10, 150, 30), &SLA), Some(37));
        assert_eq!(score_over(&line(1_000, 20, 1), &SLA), Some(0));
    }

    #[test]
    fn each_worse_figure_makes_a_worse_score_or_the_same() {
        for worse in 1..40 {
            let before = worse - 1;
            assert!(
                score_over(&line(worse, 100, 9), &SLA) <= score_over(&line(before, 100, 9), &SLA)
            );
            let trip = |n: u64| score_over(&line(3, 10 * n as i64, 9), &SLA);
            assert!(trip(worse) <= trip(before));
            assert!(score_over(&line(3, 9, worse), &SLA) <= score_over(&line(3, 9, before), &SLA));
        }
    }

    #[test]
    fn a_figure_that_is_asked_for_and_unknown_makes_the_score_unknown() {
        let without_delay = Summary {
            round_trip: None,
            ..line(0, 0, 0)
        };
        assert_eq!(score_over(&without_delay, &SLA), None);
        let loss_only = Sla {
            loss_percent: Some(1.0),
            ..Sla::default()
        };
        assert_eq!(score_over(&without_delay, &loss_only), Some(100));
    }

    #[test]
    fn a_limit_of_zero_is_kept_only_by_zero() {
        let none = Sla {
            loss_percent: Some(0.0),
            ..Sla::default()
        };
        assert_eq!(score_over(&line(0, 1, 1), &none), Some(100));
        assert_eq!(score_over(&line(1, 1, 1), &none), Some(0));
    }
}
