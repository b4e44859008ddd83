//! What a span of time says about a line.

use std::time::Duration;

use plugin_abi::TwampDelay;
use twamp_core::metrics::delay::DelaySummary;
use twamp_core::metrics::interval::{Interval, wilson};
use twamp_core::metrics::span::{Fates, LossSplit, Numbers};

use super::slice::{Counted, RoundTrip, Slice, Sums};

/// Losses of both ways look like those of one in less than one case of so many.
const SURE_OF_WAY: f64 = 20.0;

/// The figures of one rolling span. What is not known is `None`, never 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    /// How far it looks back.
    pub(crate) span: Duration,
    /// Probes whose fate is known. They are older than the time-out, all of them: an answer is
    /// known sooner than a loss, and counting the young ones would flatter the line.
    pub(crate) probes: u64,
    /// Of them, answered in time.
    pub(crate) received: u64,
    /// Of them, lost.
    pub(crate) lost: u64,
    /// Up to now; known from two samples on.
    pub(crate) round_trip: Option<RoundTrip>,
}

/// Lost probes by direction. Those that can't be attributed (yet) are in neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Directions {
    /// Towards the far end.
    pub(crate) forward: u64,
    /// On the way back.
    pub(crate) backward: u64,
}

/// One of the two ways of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Towards the far end.
    Forward,
    /// On the way back.
    Backward,
}

/// Delays of the same samples: inbound mean + outbound mean = round-trip mean, exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
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

impl Directions {
    /// The way that surely most of the losses are of: a test between one in twenty of the other way
    /// and half of them.
    pub(crate) fn surely(&self) -> Option<Way> {
        let nats = |most: u64, least: u64| {
            let (most, least) = (most as f64, least as f64);
            most * (0.95_f64 / 0.5).ln() + least * (0.05_f64 / 0.5).ln()
        };
        let is_sure = |nats: f64| nats >= SURE_OF_WAY.ln();
        if is_sure(nats(self.forward, self.backward)) {
            Some(Way::Forward)
        } else if is_sure(nats(self.backward, self.forward)) {
            Some(Way::Backward)
        } else {
            None
        }
    }
}

impl Summary {
    /// The fates of a span beside its delays.
    pub(super) fn new(span: Duration, fates: Counted, round_trip: Option<RoundTrip>) -> Self {
        let Counted { received, lost } = fates;
        Self {
            span,
            probes: received + lost,
            received,
            lost,
            round_trip,
        }
    }

    /// The part that was lost, 0 to 1.
    pub(crate) fn loss(&self) -> Option<f64> {
        (self.probes > 0).then(|| self.lost as f64 / self.probes as f64)
    }

    /// Where the loss lies with `confidence`, 0 to 1 (Wilson, two-sided): for the reader. Verdicts
    /// have their own tests.
    pub(crate) fn loss_interval(&self, confidence: f64) -> Option<Interval> {
        wilson(self.lost, self.probes, confidence)
    }
}

impl Directions {
    /// Of no lost probe.
    pub(super) const NONE: Self = Self {
        forward: 0,
        backward: 0,
    };

    /// Sums up slices and the numbers of their replies, oldest first.
    pub(super) fn of<'a>(slices: impl Iterator<Item = (&'a Slice, &'a Numbers)>) -> Self {
        let fates = slices
            .map(|(slice, numbers)| Fates::new(slice.received.get(), slice.lost.get(), *numbers));
        let split = LossSplit::of(fates);
        Self {
            forward: split.forward,
            backward: split.backward,
        }
    }
}

impl Delays {
    /// Of slices whose delays were entered without an `offset` of the far clock.
    pub(super) fn of(sums: &Sums, offset: i64) -> Option<Self> {
        let path = sums.path().corrected(offset.saturating_neg());
        let [round_trip, outbound, inbound] = sums.jitter()?;
        let means = path.means()?;
        Some(Self {
            round_trip: row(&path.round_trip, means.round_trip, round_trip)?,
            outbound: row(&path.forward, means.forward, outbound)?,
            inbound: row(&path.backward, means.backward, inbound)?,
            kernel_stamps: sums.doubts.kernel_stamps(),
            peer_synchronised: sums.doubts.synchronised(),
        })
    }
}

fn row(delay: &DelaySummary, mean_ns: i64, jitter_ns: u64) -> Option<TwampDelay> {
    Some(TwampDelay {
        min_ns: delay.min()?,
        mean_ns,
        max_ns: delay.max()?,
        jitter_ns,
    })
}
