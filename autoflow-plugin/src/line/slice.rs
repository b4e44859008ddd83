//! The probes sent in one slice of time.
//!
//! A line keeps dozens of slices, and there are thousands of lines, so a slice is small. Delays
//! are kept as they would be without the offset between the clocks: then they need few octets.

use std::time::Duration;

use twamp_core::metrics::delay::{Delay, DelaySummary, PathSummary};
use twamp_core::metrics::variation::Jitter;
use twamp_core::probe::{Sample, Stamps};

use super::count::Count;
use super::extremes::Extremes;
use super::ring::Adds;

/// What became of the probes sent in one slice of time: all that is published of them, but for the
/// reflector's numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slice {
    /// The way back is what is left.
    round_trip: i64,
    forward: i64,
    /// Sums of the smoothed jitter at each sample: round trip, forward, backward.
    jitter: [f32; 3],
    pub(super) received: Count,
    pub(super) lost: Count,
    samples: Count,
    /// Samples with a jitter: all but the first in a row.
    smoothed: Count,
    /// In the order of the jitter.
    extremes: [Extremes; 3],
    doubts: Doubts,
}

/// What a verdict looks at: the same slice in less, where it is kept for long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brief {
    round_trip: i64,
    jitter: f32,
    pub(super) received: Count,
    pub(super) lost: Count,
    samples: Count,
    smoothed: Count,
}

const _: () = assert!(size_of::<Slice>() == 72);
const _: () = assert!(size_of::<Brief>() == 24);

/// What keeps samples from being as good as can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubts(u8);

/// RFC 3550's jitter in both directions and of the round trip, in order of arrival.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathJitter([Jitter; 3]);

/// Mean round trip and its mean jitter, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrip {
    /// To the nearest.
    pub(crate) mean_ns: i64,
    /// RFC 3550.
    pub(crate) jitter_ns: u64,
}

/// Probes with a fate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) received: u64,
    pub(super) lost: u64,
}

/// Sums of round trips and their jitter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoundTrips {
    samples: u64,
    sum: i128,
    smoothed: u64,
    jitter: f64,
}

/// Sums over slices. Extremes, sums and jitter are of the round trip, forward and backward.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    samples: u64,
    extremes: [(i64, i64); 3],
    sums: [i128; 3],
    smoothed: u64,
    jitter: [f64; 3],
    pub(super) doubts: Doubts,
}

impl Slice {
    /// Enters the delay of an answered probe; `jitter` has seen it already.
    pub(super) fn delayed(&mut self, delay: &Delay, jitter: &PathJitter, doubts: Doubts) {
        let first = self.samples.get() == 0;
        let three = [delay.round_trip(), delay.forward, delay.backward];
        for (extremes, delay) in self.extremes.iter_mut().zip(three) {
            *extremes = if first {
                Extremes::of(delay)
            } else {
                extremes.with(delay)
            };
        }
        self.samples.add_one();
        self.round_trip = self.round_trip.saturating_add(delay.round_trip());
        self.forward = self.forward.saturating_add(delay.forward);
        self.doubts.add(doubts);
        if let Some(three) = jitter.get() {
            self.smoothed.add_one();
            let pairs = self.jitter.iter_mut().zip(three);
            pairs.for_each(|(sum, jitter)| *sum += jitter as f32);
        }
    }

    /// Keeps the loss only.
    pub(super) fn forget_delays(&mut self) {
        *self = Self {
            received: self.received,
            lost: self.lost,
            ..Self::default()
        };
    }

    /// The longest round trip.
    pub(super) fn longest(&self) -> Option<Duration> {
        let (_, longest) = self.extremes[0].get();
        (self.samples.get() > 0).then(|| Duration::from_nanos(longest.max(0).unsigned_abs()))
    }
}

impl Brief {
    /// Enters the round trip of an answered probe; `jitter` has seen it already.
    pub(super) fn delayed(&mut self, round_trip: i64, jitter: &PathJitter) {
        self.samples.add_one();
        self.round_trip = self.round_trip.saturating_add(round_trip);
        if let Some([round_trip, ..]) = jitter.get() {
            self.smoothed.add_one();
            self.jitter += round_trip as f32;
        }
    }
}

impl Adds<Slice> for Counted {
    fn add(&mut self, slice: &Slice) {
        self.received += u64::from(slice.received.get());
        self.lost += u64::from(slice.lost.get());
    }
}

impl Adds<Brief> for Counted {
    fn add(&mut self, slice: &Brief) {
        self.received += u64::from(slice.received.get());
        self.lost += u64::from(slice.lost.get());
    }
}

impl Adds<Brief> for RoundTrips {
    fn add(&mut self, slice: &Brief) {
        self.samples += u64::from(slice.samples.get());
        self.sum += i128::from(slice.round_trip);
        self.smoothed += u64::from(slice.smoothed.get());
        self.jitter += f64::from(slice.jitter);
    }
}

impl RoundTrips {
    /// Known from two samples in a row on.
    pub(super) fn mean(&self) -> Option<RoundTrip> {
        Some(RoundTrip {
            mean_ns: DelaySummary::of(self.samples, (0, 0), self.sum).mean()?,
            jitter_ns: mean(self.jitter, self.smoothed)?,
        })
    }
}

impl Default for Sums {
    /// Of no slice.
    fn default() -> Self {
        Self {
            samples: 0,
            extremes: [(i64::MAX, i64::MIN); 3],
            sums: [0; 3],
            smoothed: 0,
            jitter: [0.0; 3],
            doubts: Doubts::default(),
        }
    }
}

impl Sums {
    /// Known from two samples in a row on.
    pub(super) fn round_trip(&self) -> Option<RoundTrip> {
        Some(RoundTrip {
            mean_ns: self.delay(0).mean()?,
            jitter_ns: mean(self.jitter[0], self.smoothed)?,
        })
    }

    /// Delays both ways.
    pub(super) fn path(&self) -> PathSummary {
        PathSummary {
            round_trip: self.delay(0),
            forward: self.delay(1),
            backward: self.delay(2),
        }
    }

    /// Mean jitter of round trip, forward, backward, nanoseconds; `None` before two samples in a
    /// row.
    pub(super) fn jitter(&self) -> Option<[u64; 3]> {
        let [round_trip, forward, backward] = self.jitter.map(|sum| mean(sum, self.smoothed));
        Some([round_trip?, forward?, backward?])
    }

    fn delay(&self, which: usize) -> DelaySummary {
        DelaySummary::of(self.samples, self.extremes[which], self.sums[which])
    }
}

impl Adds<Slice> for Sums {
    fn add(&mut self, slice: &Slice) {
        if slice.samples.get() == 0 {
            return;
        }
        self.samples += u64::from(slice.samples.get());
        let sums = [
            slice.round_trip,
            slice.forward,
            slice.round_trip.saturating_sub(slice.forward),
        ];
        for (known, more) in self.extremes.iter_mut().zip(slice.extremes) {
            let (min, max) = more.get();
            *known = (known.0.min(min), known.1.max(max));
        }
        for (known, more) in self.sums.iter_mut().zip(sums) {
            *known += i128::from(more);
        }
        for (known, more) in self.jitter.iter_mut().zip(slice.jitter) {
            *known += f64::from(more);
        }
        self.doubts.add(slice.doubts);
        self.smoothed += u64::from(slice.smoothed.get());
    }
}

impl Doubts {
    const USER_STAMPS: u8 = 1;
    const NOT_SYNCHRONISED: u8 = 2;

    pub(super) fn of(sample: &Sample) -> Self {
        let user = u8::from(sample.stamps == Stamps::User) * Self::USER_STAMPS;
        let alone = u8::from(!sample.peer_synchronised) * Self::NOT_SYNCHRONISED;
        Self(user | alone)
    }

    /// All stamps of this end are the kernel's, or its interface's own.
    pub(super) fn kernel_stamps(self) -> bool {
        self.0 & Self::USER_STAMPS == 0
    }

    /// The far end said each time that its clock is synchronised.
    pub(super) fn synchronised(self) -> bool {
        self.0 & Self::NOT_SYNCHRONISED == 0
    }

    fn add(&mut self, more: Self) {
        self.0 |= more.0;
    }
}

impl PathJitter {
    /// Enters the next sample to arrive.
    pub(super) fn record(&mut self, sample: &Sample) {
        let three = [sample.round_trip(), sample.forward(), sample.backward()];
        let pairs = self.0.iter_mut().zip(three);
        pairs.for_each(|(jitter, delay)| jitter.record(delay));
    }

    /// Begins anew after a gap.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// Of round trip, forward, backward, nanoseconds; `None` before two samples in a row.
    fn get(&self) -> Option<[f64; 3]> {
        let [round_trip, forward, backward] = self.0.map(|jitter| jitter.get());
        Some([round_trip?, forward?, backward?])
    }
}

/// To the nearest nanosecond.
fn mean(sum: f64, count: u64) -> Option<u64> {
    (count > 0).then(|| (sum / count as f64).round() as u64)
}
