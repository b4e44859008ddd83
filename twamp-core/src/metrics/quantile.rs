//! What most packets see.

use hdrhistogram::Histogram;

/// Quantiles of signed delays in nanoseconds.
///
/// Values are kept as distances from an origin, one histogram a side. Resolution: a quantile is
/// within `10^-digits` of its *distance from the origin* (and exact below `2 · 10^digits` ns), so
/// for one-way delays between clocks that are far apart put the origin at the first value. Minimum
/// and maximum are exact. Memory grows with the span of values: at 20 ms about 10 KB with 2
/// digits, 60 KB with 3.
#[derive(Clone, Debug)]
pub struct Quantiles {
    origin: i64,
    digits: u8,
    /// Distances of values at or above the origin.
    above: Side,
    /// Distances of values below it.
    below: Side,
    extremes: Option<(i64, i64)>,
}

/// `None` until there is a value.
type Side = Option<Box<Histogram<u32>>>;

impl Quantiles {
    /// Around 0: for round trips, and for one-way delays between synchronised clocks.
    pub fn with_digits(digits: u8) -> Self {
        Self::around(0, digits)
    }

    /// Around `origin` nanoseconds; `digits` is 1 to 5.
    pub fn around(origin: i64, digits: u8) -> Self {
        Quantiles {
            origin,
            digits: digits.clamp(1, 5),
            above: None,
            below: None,
            extremes: None,
        }
    }

    /// Enters one delay.
    pub fn record(&mut self, delay: i64) {
        let side = if delay >= self.origin {
            &mut self.above
        } else {
            &mut self.below
        };
        if side.is_none() {
            *side = Histogram::new(self.digits).ok().map(Box::new);
        }
        if let Some(side) = side {
            // Can't fail: the histogram grows as far as `FARTHEST`.
            _ = side.record(delay.abs_diff(self.origin).min(FARTHEST));
        }
        let (min, max) = self.extremes.unwrap_or((delay, delay));
        self.extremes = Some((min.min(delay), max.max(delay)));
    }

    /// How many delays were entered.
    pub fn count(&self) -> u64 {
        len(&self.below) + len(&self.above)
    }

    /// The smallest, exactly.
    pub fn min(&self) -> Option<i64> {
        self.extremes.map(|(min, _)| min)
    }

    /// The largest, exactly.
    pub fn max(&self) -> Option<i64> {
        self.extremes.map(|(_, max)| max)
    }

    /// The delay that the fraction `q` (0 to 1) of the packets stayed within: the value of rank
    /// `⌈q · count⌉`, in nanoseconds.
    pub fn at(&self, q: f64) -> Option<i64> {
        let (min, max) = self.extremes?;
        let rank = ((q * self.count() as f64).ceil() as u64).clamp(1, self.count());
        let below = len(&self.below);
        let value = if rank <= below {
            self.origin
                .saturating_sub_unsigned(value_of_rank(&self.below, below - rank + 1))
        } else {
            self.origin
                .saturating_add_unsigned(value_of_rank(&self.above, rank - below))
        };
        Some(value.clamp(min, max))
    }

    /// As [`at`](Self::at), with the `lost` packets counted as infinitely late (RFC 7679, section
    /// 5.1): `None` if the quantile lies among them.
    pub fn at_with_lost(&self, q: f64, lost: u64) -> Option<i64> {
        let received = self.count() as f64;
        let all = received + lost as f64;
        let rank = (q * all).ceil().max(1.0);
        (rank <= received)
            .then(|| self.at((rank - 0.5) / received))
            .flatten()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        *self = Self::around(self.origin, self.digits);
    }
}

/// Largest distance kept apart, 146 years: bounds the memory, and no clock is farther off.
const FARTHEST: u64 = 1 << 62;

fn len(side: &Side) -> u64 {
    side.as_ref().map_or(0, |histogram| histogram.len())
}

/// Rank 1 is the smallest. The middle of the value's bucket, so that the error is even.
fn value_of_rank(side: &Side, rank: u64) -> u64 {
    let Some(histogram) = side else { return 0 };
    let value = histogram.value_at_quantile((rank as f64 - 0.5) / histogram.len() as f64);
    histogram.median_equivalent(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(delays: impl IntoIterator<Item = i64>) -> Quantiles {
        let mut quantiles = Quantiles::with_digits(3);
        delays.into_iter().for_each(|d| quantiles.record(d));
        quantiles
    }

    #[test]
    fn no_values_no_quantile() {
        assert_eq!(of([]).at(0.5), None);
        assert_eq!(of([]).at_with_lost(0.5, 10), None);
    }

    #[test]
    fn a_single_value_is_every_quantile_exactly() {
        let one = of([123_456_789]);
        assert_eq!([0.0, 0.5, 1.0].map(|q| one.at(q)), [Some(123_456_789); 3]);
    }

    #[test]
    fn quantiles_of_one_to_a_hundred_are_the_ranks() {
        let hundred = of(1..=100);
        assert_eq!(hundred.at(0.50), Some(50));
        assert_eq!(hundred.at(0.95), Some(95));
        assert_eq!(hundred.at(0.99), Some(99));
        assert_eq!(hundred.at(1.00), Some(100));
    }

    #[test]
    fn negative_delays_keep_their_sign_and_their_order() {
        let mixed = of(-50..50);
        assert_eq!(mixed.at(0.01), Some(-50));
        assert_eq!(mixed.at(0.50), Some(-1));
        assert_eq!(mixed.at(0.51), Some(0));
        assert_eq!(mixed.at(1.00), Some(49));
    }

    #[test]
    fn a_far_origin_does_not_cost_resolution() {
        let hour = 3_600_000_000_000;
        let mut near = Quantiles::around(hour, 2);
        (0..=100).for_each(|ms| near.record(hour + ms * 1_000_000));
        let error = near.at(0.5).unwrap() - hour - 50_000_000;
        assert!(error.abs() <= 500_000, "{error}");
    }

    #[test]
    fn lost_packets_are_infinitely_late() {
        let received = of(1..=90);
        assert_eq!(received.at_with_lost(0.50, 10), Some(50));
        assert_eq!(received.at_with_lost(0.90, 10), Some(90));
        assert_eq!(received.at_with_lost(0.95, 10), None);
    }

    #[test]
    fn the_farthest_values_are_taken() {
        let ends = of([i64::MIN, i64::MAX, 0]);
        assert_eq!((ends.min(), ends.max()), (Some(i64::MIN), Some(i64::MAX)));
        assert_eq!(ends.at(0.5), Some(0));
    }

    proptest! {
        #[test]
        fn stays_within_the_resolution(
            mut delays in proptest::collection::vec(-100_000_000i64..100_000_000, 1..200),
            q in 0.0f64..=1.0,
        ) {
            let found = of(delays.iter().copied()).at(q).unwrap();
            delays.sort_unstable();
            let rank = ((q * delays.len() as f64).ceil() as usize).max(1);
            let truth = delays[rank - 1];
            prop_assert!(found.abs_diff(truth) <= truth.unsigned_abs() / 1000 + 1);
        }
    }
}
