//! How far a loss ratio can be trusted: confidence intervals for `lost` of `sent`.
//!
//! Both are two-sided and assume independent losses; bursty loss makes the truth wider.
//! [`wilson`] is cheap and close to its confidence on average: for display and for scores.
//! [`clopper_pearson`] is exact, it never promises too much: for decisions.

use statrs::distribution::{Beta, ContinuousCDF, Normal};

/// A range of ratios, `0 <= low <= high <= 1`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Interval {
    /// Whether no ratio lies in both.
    pub fn is_apart_from(&self, other: &Interval) -> bool {
        self.high < other.low || other.high < self.low
    }
}

/// Wilson's score interval (1927) at `confidence`, 0 to 1 exclusive.
///
/// `None`, which means unknown and never 0, if nothing was sent; also if more was lost than sent or
/// the confidence is out of range.
pub fn wilson(lost: u64, sent: u64, confidence: f64) -> Option<Interval> {
    check(lost, sent, confidence)?;
    let z = deviations(confidence);
    let n = sent as f64;
    let p = lost as f64 / n;
    let centre = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Some(Interval {
        // Exact at the ends, where rounding would leave a speck.
        low: if lost == 0 {
            0.0
        } else {
            (centre - spread) / scale
        },
        high: if lost == sent {
            1.0
        } else {
            (centre + spread) / scale
        },
    })
}

/// Standard deviations on either side of the mean that hold `confidence` of a normal distribution.
fn deviations(confidence: f64) -> f64 {
    match confidence {
        // What is asked for with each score.
        0.95 => 1.959_963_984_540_054,
        _ => Normal::standard().inverse_cdf(0.5 + confidence / 2.0),
    }
}

/// Clopper and Pearson's exact interval (1934) at `confidence`, 0 to 1 exclusive. `None` as with
/// [`wilson`].
pub fn clopper_pearson(lost: u64, sent: u64, confidence: f64) -> Option<Interval> {
    check(lost, sent, confidence)?;
    let tail = (1.0 - confidence) / 2.0;
    let (k, n) = (lost as f64, sent as f64);
    // Where all or nothing is lost, which is most often, the inverse has a closed form.
    let root = tail.powf(n.recip());
    let low = match lost {
        0 => 0.0,
        _ if lost == sent => root,
        _ => Beta::new(k, n - k + 1.0).ok()?.inverse_cdf(tail),
    };
    let high = match sent - lost {
        0 => 1.0,
        _ if lost == 0 => 1.0 - root,
        _ => Beta::new(k + 1.0, n - k).ok()?.inverse_cdf(1.0 - tail),
    };
    Some(Interval { low, high })
}

fn check(lost: u64, sent: u64, confidence: f64) -> Option<()> {
    (sent > 0 && lost <= sent && confidence > 0.0 && confidence < 1.0).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_close(found: Option<Interval>, low: f64, high: f64, tolerance: f64) {
        let found = found.unwrap();
        assert!(
            (found.low - low).abs() <= tolerance,
            "{found:?}, expected {low}"
        );
        assert!(
            (found.high - high).abs() <= tolerance,
            "{found:?}, expected {high}"
        );
    }

    #[test]
    fn nothing_sent_is_unknown_not_zero() {
        assert_eq!(wilson(0, 0, 0.95), None);
        assert_eq!(clopper_pearson(0, 0, 0.95), None);
    }

    #[test]
    fn impossible_questions_have_no_answer() {
        for (lost, sent, confidence) in [(2, 1, 0.95), (0, 1, 0.0), (0, 1, 1.0), (0, 1, f64::NAN)] {
            assert_eq!(wilson(lost, sent, confidence), None);
            assert_eq!(clopper_pearson(lost, sent, confidence), None);
        }
    }

    #[test]
    fn clopper_pearson_agrees_with_published_values() {
        assert_close(clopper_pearson(3, 1000, 0.95), 0.000_619, 0.008_742, 5e-7);
        // Rule of three, exactly: 1 - (alpha / 2)^(1/n).
        assert_close(
            clopper_pearson(0, 100, 0.95),
            0.0,
            1.0 - 0.025f64.powf(0.01),
            1e-9,
        );
        assert_close(
            clopper_pearson(100, 100, 0.95),
            0.025f64.powf(0.01),
            1.0,
            1e-9,
        );
    }

    #[test]
    fn the_constant_is_what_the_distribution_says() {
        let reckoned = Normal::standard().inverse_cdf(0.975);
        assert!((deviations(0.95) - reckoned).abs() < 1e-12, "{reckoned}");
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        assert_close(wilson(0, 30, 0.95), 0.0, 0.114, 5e-4);
        assert_close(wilson(1, 100, 0.95), 0.002, 0.055, 6e-4);
        assert_close(wilson(30, 3000, 0.95), 0.0070, 0.0142, 6e-5);
    }

    #[test]
    fn more_probes_tell_lines_apart_that_few_do_not() {
        let few = (wilson(0, 30, 0.95).unwrap(), wilson(1, 30, 0.95).unwrap());
        assert!(!few.0.is_apart_from(&few.1));
        let many = (
            wilson(0, 3000, 0.95).unwrap(),
            wilson(100, 3000, 0.95).unwrap(),
        );
        assert!(many.0.is_apart_from(&many.1));
    }

    proptest! {
        #[test]
        fn both_hold_the_ratio_within_zero_and_one(sent in 1u64..100_000, part in 0.0f64..=1.0) {
            let lost = (sent as f64 * part) as u64;
            let ratio = lost as f64 / sent as f64;
            for interval in [wilson(lost, sent, 0.95), clopper_pearson(lost, sent, 0.95)] {
                let Interval { low, high } = interval.unwrap();
                prop_assert!(0.0 <= low && low <= ratio + 1e-12, "{} {}", low, ratio);
                prop_assert!(ratio - 1e-12 <= high && high <= 1.0, "{} {}", high, ratio);
            }
        }
    }
}
