//! What a span of time says about a line.

use std::time::Duration;

use plugin_abi::TwampDelay;
use twamp_core::metrics::delay::{DelaySummary, PathSummary};
use twamp_core::metrics::interval::{Interval, clopper_pearson};
use twamp_core::metrics::span::LossSplit;

use super::ring::SLICES;
use super::slice::{JitterSums, Slice};

/// The figures of one rolling span. What is not known is `None`, never 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    /// How far it looks back.
    pub(crate) span: Duration,
    /// The part of the span, 0 to 1, in which the line was measured.
    pub(crate) covered: f64,
    /// Probes whose fate is known. They are older than the time-out, all of them: an answer is
    /// known sooner than a loss, and counting the young ones would flatter the line.
    pub(crate) probes: u64,
    /// Of them, answered in time.
    pub(crate) received: u64,
    /// Of them, lost.
    pub(crate) lost: u64,
    /// The lost ones by direction, if the reflector has numbers of its own.
    pub(crate) directions: Option<Directions>,
    /// Delays up to now; known from two samples on.
    pub(crate) delays: Option<Delays>,
}

/// Lost probes by direction. Those that can't be attributed (yet) are in neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directions {
    /// Towards the far end.
    pub(crate) forward: u64,
    /// On the way back.
    pub(crate) backward: u64,
}

/// Delays of the same samples: inbound mean + outbound mean = round-trip mean, exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    /// How many samples.
    pub(crate) samples: u64,
    /// There and back, without the far end's processing.
    pub(crate) round_trip: TwampDelay,
    /// Towards the far end.
    pub(crate) outbound: TwampDelay,
    /// From the far end.
    pub(crate) inbound: TwampDelay,
    /// All stamps of this end are the kernel's.
    pub(crate) kernel_stamps: bool,
    /// The far end said in every sample that its clock is synchronised. This end's clock is for the
    /// reader to add.
    pub(crate) peer_synchronised: bool,
}

impl Summary {
    /// Sums up: `fates` for loss, `delays` for delay, each oldest first, of a span cut into
    /// `count` slices.
    pub(super) fn of<'a>(
        span: Duration,
        count: u64,
        stateful_reflector: bool,
        fates: impl Iterator<Item = &'a Slice> + Clone,
        delays: impl Iterator<Item = &'a Slice>,
    ) -> Self {
        let split = LossSplit::of(fates.clone().map(|slice| &slice.loss));
        let measured = fates.filter(|slice| slice.is_measured()).count();
        Self {
            span,
            covered: measured as f64 / count as f64,
            probes: split.received + split.lost(),
            received: split.received,
            lost: split.lost(),
            directions: stateful_reflector.then_some(Directions {
                forward: split.forward,
                backward: split.backward,
            }),
            delays: Delays::of(delays),
        }
    }

    /// The part that was lost, 0 to 1.
    pub(crate) fn loss(&self) -> Option<f64> {
        (self.probes > 0).then(|| self.lost as f64 / self.probes as f64)
    }

    /// Where the loss lies with `confidence`, 0 to 1 (Clopper and Pearson, two-sided).
    pub(crate) fn loss_interval(&self, confidence: f64) -> Option<Interval> {
        clopper_pearson(self.lost, self.probes, confidence)
    }
}

impl Delays {
    fn of<'a>(slices: impl Iterator<Item = &'a Slice>) -> Option<Self> {
        let (mut path, mut jitter) = (PathSummary::default(), JitterSums::default());
        let (mut kernel_stamps, mut synchronised) = (0, 0);
        for slice in slices {
            path.merge(&slice.path);
            jitter.merge(&slice.jitter);
            kernel_stamps += slice.kernel_stamps;
            synchronised += slice.synchronised;
        }
        let (means, jitter, samples) = (path.means()?, jitter.means()?, path.round_trip.count());
        Some(Self {
            samples,
            round_trip: row(&path.round_trip, means.round_trip, jitter.round_trip)?,
            outbound: row(&path.forward, means.forward, jitter.forward)?,
            inbound: row(&path.backward, means.backward, jitter.backward)?,
            kernel_stamps: kernel_stamps == samples,
            peer_synchronised: synchronised == samples,
        })
    }
}

/// The slices that make up the newest quarter of a span.
pub(super) const NEWEST: u64 = SLICES / 4;

fn row(delay: &DelaySummary, mean_ns: i64, jitter_ns: u64) -> Option<TwampDelay> {
    Some(TwampDelay {
        min_ns: delay.min()?,
        mean_ns,
        max_ns: delay.max()?,
        jitter_ns,
    })
}
