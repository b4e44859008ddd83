//! How late probes leave: sent − due, in buckets of fixed width and for the last second or two.

use std::time::Duration;

use plugin_abi::manage::SendLateness;
use twamp_core::time::Mono;

/// From one window to the next; the last two count.
const WINDOW: Duration = Duration::from_secs(1);
/// A probe that leaves later than this after its time is late.
const LATE: Duration = Duration::from_millis(1);
/// The unit of the narrowest buckets: 1,024 ns.
const UNIT: u32 = 10;
/// Buckets of each power of two: a figure is right to an eighth.
const FINE: u32 = 3;
/// Enough for a quarter of an hour.
const BUCKETS: usize = 224;

/// What is known of the lateness of one thread's probes.
pub(super) struct Lateness {
    windows: [Window; 2],
    began: Mono,
    late: u64,
}

/// How late the probes of the last second or two left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Spread {
    /// Half of them no later than this.
    pub(crate) p50: Duration,
    /// All but one in a hundred.
    pub(crate) p99: Duration,
    /// The latest.
    pub(crate) max: Duration,
}

impl Spread {
    /// Each figure of that of both in which it is longer.
    pub(super) fn worst(self, other: Self) -> Self {
        Self {
            p50: self.p50.max(other.p50),
            p99: self.p99.max(other.p99),
            max: self.max.max(other.max),
        }
    }
}

impl From<Spread> for SendLateness {
    fn from(spread: Spread) -> Self {
        let micros = |span: Duration| span.as_nanos().div_ceil(1_000) as u64;
        Self {
            p50: micros(spread.p50),
            p99: micros(spread.p99),
            max: micros(spread.max),
        }
    }
}

struct Window {
    counts: [u32; BUCKETS],
    total: u32,
    max: Duration,
}

impl Lateness {
    pub(super) fn new() -> Self {
        Self {
            windows: [Window::EMPTY; 2],
            began: Mono(0),
            late: 0,
        }
    }

    /// A probe that was `due` has left at `sent`.
    pub(super) fn record(&mut self, due: Mono, sent: Mono) {
        self.turn(sent);
        let late = sent.since(due);
        self.late += u64::from(late > LATE);
        let [window, _] = &mut self.windows;
        window.counts[bucket(late)] += 1;
        window.total += 1;
        window.max = window.max.max(late);
    }

    /// Late ones since the start.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// `None` if none has left of late.
    pub(super) fn spread(&mut self, now: Mono) -> Option<Spread> {
        self.turn(now);
        let [one, other] = &self.windows;
        let total = one.total + other.total;
        let max = one.max.max(other.max);
        let at = |percent: u64| {
            let rank = (u64::from(total) * percent).div_ceil(100);
            let mut seen = 0;
            let counts = one.counts.iter().zip(&other.counts);
            let found = counts.map(|(a, b)| u64::from(a + b)).position(|count| {
                seen += count;
                seen >= rank
            });
            found.map_or(max, |index| upper(index).min(max))
        };
        (total > 0).then(|| Spread {
            p50: at(50),
            p99: at(99),
            max,
        })
    }

    fn turn(&mut self, now: Mono) {
        let age = now.since(self.began);
        if age < WINDOW {
            return;
        }
        self.windows.swap(0, 1);
        self.windows[0] = Window::EMPTY;
        if age >= 2 * WINDOW {
            self.windows[1] = Window::EMPTY;
        }
        self.began = now;
    }
}

impl Window {
    const EMPTY: Self = Self {
        counts: [0; BUCKETS],
        total: 0,
        max: Duration::ZERO,
    };
}

fn bucket(late: Duration) -> usize {
    let units = (late.as_nanos() >> UNIT).min(u128::from(u64::MAX)) as u64;
    let power = (units | 1).ilog2();
    let index = match power.checked_sub(FINE) {
        None => units,
        Some(over) => (u64::from(over) << FINE) + (units >> over),
    };
    (index as usize).min(BUCKETS - 1)
}

/// No lateness of this bucket is longer.
fn upper(bucket: usize) -> Duration {
    let next = bucket as u64 + 1;
    let units = match (next >> FINE).checked_sub(1) {
        None => next,
        Some(over) => ((next & ((1 << FINE) - 1)) + (1 << FINE)) << over,
    };
    Duration::from_nanos(units << UNIT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_spread_is_that_of_the_probes_of_the_last_windows() {
        let mut lateness = Lateness::new();
        let at = |ms| Mono(ms * MS);
        assert_eq!(lateness.spread(at(1)), None);
        lateness.record(at(10), at(510));
        for n in 0..99 {
            lateness.record(at(2_000 + n), Mono((2_000 + n) * MS + 100_000));
        }
        lateness.record(at(2_100), at(2_103));
        let spread = lateness.spread(at(2_200)).unwrap();
        assert_eq!(spread.max, Duration::from_millis(3));
        assert!((100_000..115_000).contains(&spread.p50.as_nanos()));
        assert_eq!(spread.p99, spread.p50);
        assert_eq!(lateness.late(), 2);
        assert_eq!(lateness.spread(at(9_000)), None, "long ago");
    }

    proptest! {
        #[test]
        fn a_bucket_is_an_eighth_wide_at_most(late in 0u64..1 << 39) {
            let span = Duration::from_nanos(late);
            let upper = upper(bucket(span)).as_nanos() as u64;
            prop_assert!(late < upper);
            prop_assert!(upper - late <= late / 8 + (1 << UNIT), "{} {}", late, upper);
        }
    }
}
