//! When the probes of a stream are due: at equal distances (RFC 3432), or at those of a Poisson
//! process (RFC 2330, section 11.1).
//!
//! Times follow from one another, never from when a probe really left, so a stream keeps its rate
//! and its phase whatever holds the thread up. What has become too old meanwhile is missed: nobody
//! sends in a burst what was not sent in time.

use std::time::Duration;

use plugin_abi::config::STANDBY_TIMES;
use twamp_core::time::Mono;

/// No two probes of a Poisson stream are further apart than so many mean intervals.
pub(crate) const LONGEST: u64 = 10;
/// Nor are they closer than this part of one.
const CLOSEST: u64 = 1_000;
/// So many mean intervals are the longest that is usual: 19 of 20 are shorter.
const USUAL: u32 = 3;
/// A suspect line is probed so many times as fast, for a while,
const FASTER: u32 = 10;
/// but not faster than this.
const QUICKEST: Duration = Duration::from_millis(10);
/// A slot may be as wide as this part of an interval, no wider.
const SLOTS: u64 = 10;

/// How the probes of a stream lie in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rhythm {
    /// At equal distances.
    Periodic,
    /// At random: each moment is as likely as any other. The same seed draws the same times.
    Poisson {
        /// Give each session its own.
        seed: u64,
    },
}

/// How often probes leave at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Rate {
    /// Nobody has need of them: ten times as seldom as at rest.
    Standby,
    /// As was asked for.
    #[default]
    Rest,
    /// A suspect is looked at more closely: ten times as often, at most a hundred a second.
    Raised,
}

impl Rate {
    /// From one probe to the next, of a stream with this interval at rest.
    pub(super) fn of(self, rest: Duration) -> Duration {
        match self {
            Self::Standby => rest * STANDBY_TIMES,
            Self::Rest => rest,
            Self::Raised => faster(rest),
        }
    }
}

/// The times of one stream.
pub(super) struct Schedule {
    rhythm: Rhythm,
    /// The mean one, in nanoseconds.
    interval: u64,
    random: u64,
    due: Mono,
    /// Not before this, because the one before it was late.
    not_before: Mono,
}

impl Schedule {
    /// The first probe is due at `first`.
    pub(super) fn new(rhythm: Rhythm, interval: Duration, first: Mono) -> Self {
        Self {
            rhythm,
            interval: nanos(interval).max(1),
            random: match rhythm {
                Rhythm::Periodic => 0,
                Rhythm::Poisson { seed } => seed,
            },
            due: first,
            not_before: first,
        }
    }

    /// From one probe to the next, on average.
    pub(super) fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// When the next probe is due, on slots that are `grain` wide: zero for exact times. A stream
    /// whose interval is not much longer than that has exact times in any case.
    pub(super) fn due(&self, grain: Duration) -> Mono {
        let due = self.due.max(self.not_before);
        match nanos(grain) {
            grain if grain > 0 && grain * SLOTS <= self.interval => slot_after(due, grain),
            _ => due,
        }
    }

    /// Passes over what should have left more than an interval ago. Answers how many.
    pub(super) fn skip(&mut self, now: Mono) -> u64 {
        let late = nanos(now.since(self.due));
        if late <= self.interval {
            return 0;
        }
        let missed = late.div_ceil(self.interval);
        match self.rhythm {
            Rhythm::Periodic => self.due = self.due + Duration::from_nanos(missed * self.interval),
            // The process has no memory: it may begin anew at any time.
            Rhythm::Poisson { .. } => self.due = now,
        }
        missed
    }

    /// The probe that was due leaves at `now`. Answers how many are passed over because it is so
    /// late.
    pub(super) fn advance(&mut self, now: Mono) -> u64 {
        match self.rhythm {
            Rhythm::Periodic => {
                self.due = self.due + Duration::from_nanos(self.interval);
                let too_close = self.due < now + Duration::from_nanos(self.interval / 2);
                if too_close {
                    self.due = self.due + Duration::from_nanos(self.interval);
                }
                u64::from(too_close)
            }
            Rhythm::Poisson { .. } => {
                self.due = self.due + Duration::from_nanos(self.draw());
                self.not_before = now + Duration::from_nanos(self.interval / CLOSEST);
                0
            }
        }
    }

    /// An interval of the Poisson process.
    fn draw(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea and Flood).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // Above 0 and at most 1.
        let uniform = ((mixed >> 11) + 1) as f64 / (1u64 << 53) as f64;
        let drawn = -uniform.ln() * self.interval as f64;
        (drawn as u64).clamp(
            self.interval / CLOSEST,
            self.interval.saturating_mul(LONGEST),
        )
    }
}

/// The longest that is usual between two probes.
pub(super) fn usual(rhythm: Rhythm, interval: Duration) -> Duration {
    match rhythm {
        Rhythm::Periodic => interval,
        Rhythm::Poisson { .. } => interval * USUAL,
    }
}

/// From one probe to the next, where a line is looked at more closely.
pub(crate) fn faster(interval: Duration) -> Duration {
    (interval / FASTER).max(QUICKEST).min(interval)
}

/// The first slot that does not begin before `time`.
pub(super) fn slot_after(time: Mono, grain: u64) -> Mono {
    Mono(time.nanos().div_ceil(grain).saturating_mul(grain))
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;
    const EXACT: Duration = Duration::ZERO;

    fn schedule(rhythm: Rhythm, interval_ms: u64) -> Schedule {
        Schedule::new(rhythm, Duration::from_millis(interval_ms), Mono(1_000 * MS))
    }

    /// Gaps between probes that each leave when they are due.
    fn gaps(schedule: &mut Schedule, count: usize) -> Vec<u64> {
        let gaps = (0..count).map(|_| {
            let due = schedule.due(EXACT);
            schedule.advance(due);
            schedule.due(EXACT).nanos() - due.nanos()
        });
        gaps.collect()
    }

    #[test]
    fn a_periodic_stream_keeps_its_phase_however_late_its_probes_leave() {
        let mut schedule = schedule(Rhythm::Periodic, 10);
        for n in 0..100 {
            assert_eq!(schedule.due(EXACT), Mono((1_000 + 10 * n) * MS));
            assert_eq!(schedule.advance(Mono((1_000 + 10 * n + n % 5) * MS)), 0);
        }
    }

    #[test]
    fn a_probe_that_is_late_by_half_an_interval_takes_the_place_of_the_next() {
        let mut schedule = schedule(Rhythm::Periodic, 10);
        assert_eq!(schedule.advance(Mono(1_006 * MS)), 1);
        assert_eq!(schedule.due(EXACT), Mono(1_020 * MS));
    }

    #[test]
    fn what_is_late_by_more_than_an_interval_is_missed() {
        let mut periodic = schedule(Rhythm::Periodic, 10);
        assert_eq!(periodic.skip(Mono(1_010 * MS)), 0);
        assert_eq!(periodic.skip(Mono(1_034 * MS)), 4);
        assert_eq!(periodic.due(EXACT), Mono(1_040 * MS));
        let mut poisson = schedule(Rhythm::Poisson { seed: 1 }, 10);
        assert!(poisson.skip(Mono(1_034 * MS)) > 0);
        assert_eq!(poisson.due(EXACT), Mono(1_034 * MS));
    }

    #[test]
    fn probes_fall_on_slots_unless_they_follow_each_other_fast() {
        let grain = Duration::from_millis(1);
        let first = Mono(1_000 * MS + 1);
        let due = |micros| {
            Schedule::new(Rhythm::Periodic, Duration::from_micros(micros), first).due(grain)
        };
        assert_eq!(due(10_000), Mono(1_001 * MS));
        assert_eq!(due(9_999), first);
    }

    /// The largest distance between the distribution of the sample and the exponential one, times
    /// the root of their number (Kolmogorov and Smirnov): above 1.63 in one of a hundred cases.
    fn distance(mut gaps: Vec<u64>, mean: f64) -> f64 {
        gaps.sort_unstable();
        let count = gaps.len() as f64;
        let distances = gaps.iter().enumerate().map(|(index, gap)| {
            let expected = 1.0 - (-(*gap as f64) / mean).exp();
            let (below, above) = (index as f64 / count, (index + 1) as f64 / count);
            (expected - below).abs().max((above - expected).abs())
        });
        distances.fold(0.0, f64::max) * count.sqrt()
    }

    #[test]
    fn intervals_of_a_poisson_stream_are_exponential_with_the_mean_that_was_asked_for() {
        let mut above = 0;
        for seed in 0..100 {
            let gaps = gaps(&mut schedule(Rhythm::Poisson { seed }, 100), 2_000);
            let mean = gaps.iter().sum::<u64>() as f64 / gaps.len() as f64 / (100 * MS) as f64;
            // Five times what such a mean is off by.
            assert!((mean - 1.0).abs() < 5.0 / 2_000f64.sqrt(), "{seed}: {mean}");
            above += u32::from(distance(gaps, (100 * MS) as f64) > 1.63);
        }
        assert!(above <= 4, "{above} of 100 where one is expected");
    }

    #[test]
    fn a_regular_stream_is_told_from_a_poisson_one() {
        let gaps = gaps(&mut schedule(Rhythm::Periodic, 100), 2_000);
        assert!(distance(gaps, (100 * MS) as f64) > 10.0);
    }

    proptest! {
        #[test]
        fn no_interval_is_shorter_or_longer_than_stated(
            seed: u64, interval in 10_000u64..3_600_000_000_000, late in 0u64..1 << 40,
        ) {
            let rhythm = Rhythm::Poisson { seed };
            let mut schedule = Schedule::new(rhythm, Duration::from_nanos(interval), Mono(5));
            for _ in 0..50 {
                let due = schedule.due(EXACT);
                schedule.advance(due);
                let gap = schedule.due(EXACT).nanos() - due.nanos();
                prop_assert!((interval / 1_000..=interval * 10).contains(&gap));
            }
            let left = schedule.due(EXACT) + Duration::from_nanos(late);
            schedule.skip(left);
            schedule.advance(left);
            prop_assert!(schedule.due(EXACT) >= left + Duration::from_nanos(interval / 1_000));
        }

        #[test]
        fn the_same_seed_draws_the_same_times(seed: u64) {
            let drawn = || gaps(&mut schedule(Rhythm::Poisson { seed }, 20), 20);
            prop_assert_eq!(drawn(), drawn());
        }
    }
}
