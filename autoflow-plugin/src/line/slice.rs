//! The probes sent in one slice of time.

use twamp_core::metrics::delay::PathSummary;
use twamp_core::metrics::span::LossSpan;
use twamp_core::metrics::variation::Jitter;
use twamp_core::probe::{Sample, Stamps};

/// What became of the probes sent in one slice of time. Small, and mergeable with its neighbours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slice {
    pub(super) loss: LossSpan,
    pub(super) path: PathSummary,
    pub(super) jitter: JitterSums,
    /// Samples with both stamps of this end from the kernel.
    pub(super) kernel_stamps: u64,
    /// Samples whose reflector says that its clock is synchronised.
    pub(super) synchronised: u64,
}

/// A reply's number within one life of the reflector's counter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) reflector: u64,
    pub(super) epoch: u32,
}

/// Sums of the smoothed jitter at each sample: a mean over any number of slices.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct JitterSums {
    count: u64,
    forward: f64,
    backward: f64,
    round_trip: f64,
}

/// Mean jitter, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitters {
    pub(super) forward: u64,
    pub(super) backward: u64,
    pub(super) round_trip: u64,
}

/// RFC 3550's jitter in both directions and of the round trip, in order of arrival.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathJitter {
    forward: Jitter,
    backward: Jitter,
    round_trip: Jitter,
}

impl Slice {
    /// Enters the delay of an answered probe; `jitter` has seen it already.
    pub(super) fn delayed(&mut self, sample: &Sample, jitter: &PathJitter) {
        self.path.record(&sample.delay());
        self.jitter.record(jitter);
        self.kernel_stamps += u64::from(sample.stamps == Stamps::Kernel);
        self.synchronised += u64::from(sample.peer_synchronised);
    }

    /// Enters an answered probe into the loss only.
    pub(super) fn received(&mut self, sequence: u64, numbers: Option<Numbers>) {
        match numbers {
            Some(Numbers { reflector, epoch }) => {
                self.loss.record_answered(sequence, reflector, epoch);
            }
            None => self.loss.record_received(),
        }
    }

    /// Enters a lost probe.
    pub(super) fn lost(&mut self) {
        self.loss.record_lost();
    }

    /// Whether the fate of any probe in it is known.
    pub(super) fn is_measured(&self) -> bool {
        self.loss.received + self.loss.lost > 0
    }
}

impl PathJitter {
    /// Enters the next sample to arrive.
    pub(super) fn record(&mut self, sample: &Sample) {
        self.forward.record(sample.forward());
        self.backward.record(sample.backward());
        self.round_trip.record(sample.round_trip());
    }

    /// Begins anew after a gap.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}

impl JitterSums {
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.forward += other.forward;
        self.backward += other.backward;
        self.round_trip += other.round_trip;
    }

    /// `None` before two samples in a row.
    pub(super) fn means(&self) -> Option<Jitters> {
        let mean = |sum: f64| (sum / self.count as f64).round() as u64;
        (self.count > 0).then(|| Jitters {
            forward: mean(self.forward),
            backward: mean(self.backward),
            round_trip: mean(self.round_trip),
        })
    }

    fn record(&mut self, jitter: &PathJitter) {
        let all = (
            jitter.forward.get(),
            jitter.backward.get(),
            jitter.round_trip.get(),
        );
        if let (Some(forward), Some(backward), Some(round_trip)) = all {
            self.merge(&Self {
                count: 1,
                forward,
                backward,
                round_trip,
            });
        }
    }
}
