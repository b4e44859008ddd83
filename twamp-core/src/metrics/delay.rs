//! Delay, so that there and back always add up.
//!
//! ```text
//! forward = T2 − T1    backward = T4 − T3    processing = T3 − T2
//! round trip = (T4 − T1) − (T3 − T2) = forward + backward, exactly, whatever the clocks' offset
//! ```

use crate::time::Wall;

/// The delays of one sample, signed nanoseconds. One-way delays carry the offset between the two
/// clocks, so they may be negative; the round trip doesn't.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Delay {
    /// Sender to reflector.
    pub forward: i64,
    /// Reflector to sender.
    pub backward: i64,
    /// Inside the reflector.
    pub processing: i64,
}

impl Delay {
    /// From the four stamps of a probe and its reply.
    pub fn from_stamps(t1: Wall, t2: Wall, t3: Wall, t4: Wall) -> Delay {
        Delay {
            forward: t2.since(t1),
            backward: t4.since(t3),
            processing: t3.since(t2),
        }
    }

    /// Without the time inside the reflector.
    pub fn round_trip(&self) -> i64 {
        self.forward.saturating_add(self.backward)
    }

    /// The reflector's clock minus the sender's, if both ways take equally long.
    pub fn offset_if_symmetrical(&self) -> i64 {
        ((i128::from(self.forward) - i128::from(self.backward)) / 2) as i64
    }

    /// The same sample if the reflector's clock is `offset` ns ahead of the sender's. The round
    /// trip stays the same to the nanosecond.
    pub fn corrected(&self, offset: i64) -> Delay {
        Delay {
            forward: self.forward.saturating_sub(offset),
            backward: self.backward.saturating_add(offset),
            processing: self.processing,
        }
    }
}

/// Count, extremes and sum of a delay. Exact, mergeable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DelaySummary {
    count: u64,
    min: i64,
    max: i64,
    sum: i128,
}

impl DelaySummary {
    /// Of `count` delays that were summed up elsewhere; nothing if there is none.
    pub fn of(count: u64, (min, max): (i64, i64), sum: i128) -> Self {
        match count {
            0 => DelaySummary::default(),
            _ => DelaySummary {
                count,
                min,
                max,
                sum,
            },
        }
    }

    /// Enters one delay in nanoseconds.
    pub fn record(&mut self, delay: i64) {
        self.merge(&DelaySummary {
            count: 1,
            min: delay,
            max: delay,
            sum: delay.into(),
        });
    }

    /// Enters all delays of `other`.
    pub fn merge(&mut self, other: &DelaySummary) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
    }

    /// How many delays were entered.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest, in nanoseconds.
    pub fn min(&self) -> Option<i64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest, in nanoseconds.
    pub fn max(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max)
    }

    /// The sum of all, in nanoseconds.
    pub fn sum(&self) -> i128 {
        self.sum
    }

    /// The mean in nanoseconds, to the nearest (halves up).
    pub fn mean(&self) -> Option<i64> {
        let count = i128::from(self.count);
        (count > 0).then(|| (2 * self.sum + count).div_euclid(2 * count) as i64)
    }
}

/// Both ways of the same samples, so that their means add up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PathSummary {
    /// Sender to reflector.
    pub forward: DelaySummary,
    /// Reflector to sender.
    pub backward: DelaySummary,
    /// Both together.
    pub round_trip: DelaySummary,
}

/// Means over the same samples: `forward + backward == round_trip`, to the nanosecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathMeans {
    /// Nearest nanosecond.
    pub forward: i64,
    /// The rest of the round trip: within 1 ns of the true mean.
    pub backward: i64,
    /// Nearest nanosecond.
    pub round_trip: i64,
}

impl PathSummary {
    /// Enters one sample.
    pub fn record(&mut self, delay: &Delay) {
        self.forward.record(delay.forward);
        self.backward.record(delay.backward);
        self.round_trip.record(delay.round_trip());
    }

    /// Enters all samples of `other`.
    pub fn merge(&mut self, other: &PathSummary) {
        self.forward.merge(&other.forward);
        self.backward.merge(&other.backward);
        self.round_trip.merge(&other.round_trip);
    }

    /// The means. Rounding three means on their own would break the sum by a nanosecond now and
    /// then, so the round trip and the way forward are rounded, and the way back is what is left.
    pub fn means(&self) -> Option<PathMeans> {
        let (forward, round_trip) = (self.forward.mean()?, self.round_trip.mean()?);
        Some(PathMeans {
            forward,
            backward: round_trip - forward,
            round_trip,
        })
    }

    /// The same summary if the reflector's clock is `offset` ns ahead of the sender's.
    pub fn corrected(&self, offset: i64) -> PathSummary {
        PathSummary {
            forward: self.forward.shifted(-i128::from(offset)),
            backward: self.backward.shifted(offset.into()),
            round_trip: self.round_trip,
        }
    }
}

impl DelaySummary {
    fn shifted(&self, by: i128) -> DelaySummary {
        let shift = |ns: i64| (i128::from(ns) + by).clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        match self.count {
            0 => *self,
            count => DelaySummary {
                count,
                min: shift(self.min),
                max: shift(self.max),
                sum: self.sum + i128::from(count) * by,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: i64 = 1_700_000_000_000_000_000;

    fn example(offset: i64) -> Delay {
        Delay::from_stamps(
            Wall(BASE + 250_000_000),
            Wall(BASE + 261_500_000 + offset),
            Wall(BASE + 261_540_000 + offset),
            Wall(BASE + 272_000_000),
        )
    }

    #[test]
    fn known_stamps_have_known_delays() {
        let delay = example(0);
        assert_eq!(delay.forward, 11_500_000);
        assert_eq!(delay.backward, 10_460_000);
        assert_eq!(delay.processing, 40_000);
        assert_eq!(delay.round_trip(), 21_960_000);
        assert_eq!(delay.offset_if_symmetrical(), 520_000);
    }

    #[test]
    fn a_clock_offset_moves_between_the_two_ways() {
        let delay = example(-50_000_000);
        assert_eq!((delay.forward, delay.backward), (-38_500_000, 60_460_000));
        assert_eq!(delay.round_trip(), 21_960_000);
        assert_eq!(delay.corrected(-50_000_000), example(0));
    }

    #[test]
    fn an_empty_summary_knows_nothing() {
        let empty = DelaySummary::default();
        assert_eq!((empty.min(), empty.max(), empty.mean()), (None, None, None));
        assert_eq!(PathSummary::default().means(), None);
    }

    #[test]
    fn means_round_to_the_nearest_also_below_zero() {
        let mean = |delays: &[i64]| {
            let mut summary = DelaySummary::default();
            delays.iter().for_each(|&d| summary.record(d));
            summary.mean()
        };
        assert_eq!(mean(&[1, 2, 2]), Some(2));
        assert_eq!(mean(&[-1, -2, -2]), Some(-2));
        assert_eq!(mean(&[-1, -1, -2]), Some(-1));
        assert_eq!(mean(&[i64::MAX, i64::MAX]), Some(i64::MAX));
    }

    proptest! {
        #[test]
        fn there_and_back_add_up_in_every_sample_and_in_the_mean(
            samples in proptest::collection::vec(
                (0i64..1 << 40, 0i64..1 << 30, 0i64..1 << 40), 1..50),
            offset in -3_600_000_000_000i64..3_600_000_000_000,
            theta in -(1i64 << 42)..1 << 42,
        ) {
            let mut path = PathSummary::default();
            for (forward, processing, backward) in samples {
                let t2 = BASE + forward + offset;
                let t4 = BASE + forward + processing + backward;
                let (t1, t3) = (Wall(BASE), Wall(t2 + processing));
                let delay = Delay::from_stamps(t1, Wall(t2), t3, Wall(t4));
                prop_assert_eq!(delay.round_trip(), forward + backward);
                let corrected = delay.corrected(theta);
                prop_assert_eq!(corrected.forward + corrected.backward, delay.round_trip());
                path.record(&delay);
            }
            for path in [path, path.corrected(theta)] {
                let means = path.means().unwrap();
                prop_assert_eq!(means.forward + means.backward, means.round_trip);
                prop_assert_eq!(path.forward.sum() + path.backward.sum(), path.round_trip.sum());
                prop_assert!((means.backward - path.backward.mean().unwrap()).abs() <= 1);
            }
        }

        #[test]
        fn merging_is_the_same_as_recording_all(
            left in proptest::collection::vec(any::<i64>(), 0..20),
            right in proptest::collection::vec(any::<i64>(), 0..20),
        ) {
            let sum = |delays: &[i64]| {
                let mut summary = DelaySummary::default();
                delays.iter().for_each(|&d| summary.record(d));
                summary
            };
            let mut merged = sum(&left);
            merged.merge(&sum(&right));
            prop_assert_eq!(merged, sum(&[left, right].concat()));
        }
    }
}
