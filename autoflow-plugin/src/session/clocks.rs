//! What two clocks do to one-way delays, taken out.
//!
//! ```text
//!  offset                            ╱ estimate, as it is known at the end
//!    │                     ╱────────╱
//!    │          ╱─────────╱          reference: known when each sample was entered; it bends, and
//!    │ ────────╱                     jumps only when a clock was set
//!    └───────────────────────▶ time
//! ```
//!
//! Each sample is entered relative to the reference, so that there and back still add up. How far
//! the reference is from the estimate is added to all alike when a result is read. What it has not
//! followed is part of the uncertainty of variation.

use plugin_abi::manage::ClockState;
use twamp_core::metrics::clock::{ClockEstimate, ClockEstimator, Step};
use twamp_core::metrics::delay::Delay;
use twamp_core::probe::Sample;
use twamp_core::time::{ErrorEstimate, Mono};

/// How often the reference is held against the estimate.
const LOOK: u64 = 1_000_000_000;
/// A clock that is set again and again is told of so often at most.
const TELL: u64 = 10_000_000_000;
/// Of a far end that begins anew: less than this is the same clock.
const SAME_NS: u64 = 1_000_000;

/// The clocks of one session.
#[derive(Default)]
pub(super) struct Clocks {
    estimator: ClockEstimator,
    reference: Reference,
    /// The reference until the newest step, for what was sent before that.
    former: Option<Reference>,
    /// Of the reference, over all samples.
    sum: i128,
    samples: u64,
    /// The smallest delays there and back, as the clocks tell them.
    least: (i64, i64),
    /// How far the estimate was from the reference, at least and at most, nanoseconds.
    apart: Option<(f64, f64)>,
    /// What steps have cost, nanoseconds.
    steps_ns: f64,
    newest: Mono,
    looked: Mono,
    told: Option<Mono>,
    anew: bool,
    far: Far,
}

/// What the far end says of its clock.
#[derive(Clone, Copy, Default)]
struct Far {
    synchronised: bool,
    error_ns: u64,
}

/// An offset, and how it grows.
#[derive(Clone, Copy, Default)]
struct Reference {
    at: Mono,
    offset: i64,
    skew_ppm: f64,
}

/// What results need to know of the clocks.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) state: ClockState,
    /// To be taken from all delays there and added to those back, nanoseconds.
    pub(super) offset: i64,
}

impl Clocks {
    /// The delays of a sample relative to the reference. Tells of a step that is to be logged.
    pub(super) fn relative(&mut self, sample: &Sample) -> (Delay, Option<Step>) {
        let (at, delay) = (sample.sent, sample.delay());
        if self.samples == 0 || self.is_another(at, &delay) {
            self.former = None;
            self.reference = Reference {
                at,
                offset: delay.offset_if_symmetrical(),
                skew_ppm: 0.0,
            };
        }
        if self.samples == 0 {
            (self.least, self.looked) = ((delay.forward, delay.backward), at);
        }
        let step = self.estimator.record(at, &delay);
        if let Some(step) = step {
            self.former = Some(self.reference);
            self.reference.offset = self.reference.offset.saturating_add(step.size_ns);
            self.steps_ns += step.across_ns;
        }
        self.newest = self.newest.max(at);
        self.far = Far {
            synchronised: sample.peer_synchronised,
            error_ns: sample.peer_error_ns,
        };
        let (there, back) = self.least;
        self.least = (there.min(delay.forward), back.min(delay.backward));
        if at.nanos() >= self.looked.nanos().saturating_add(LOOK) {
            self.look(at);
        }
        let set = self.estimator.last_step().map(|step| step.at);
        let before = self.former.filter(|_| set.is_some_and(|set| at < set));
        let offset = before.unwrap_or(self.reference).offset(at);
        self.sum += i128::from(offset);
        self.samples += 1;
        (delay.corrected(offset), step.filter(|_| self.is_news(at)))
    }

    /// Another far clock may answer from now on.
    pub(super) fn restart(&mut self) {
        self.estimator.restart();
        self.anew = true;
    }

    /// What is known now, where `near` is what the kernel says of this end's clock.
    pub(super) fn told(&self, near: ErrorEstimate) -> Told {
        let known = self.estimator.estimate(self.newest);
        let both = near.synchronised() && self.far.synchronised;
        let apart = known.map_or(0, |known| {
            let reference = self.reference.offset(self.newest);
            known.offset_ns.saturating_sub(reference)
        });
        // As the clocks have it: their drift is taken out, but no offset.
        let as_told = -self.mean();
        let sound = self.least.0 >= 0 && self.least.1 >= 0;
        let offset = if both || sound { as_told } else { apart };
        let level = known.map(|known| match both {
            true => near.error_ns().saturating_add(self.far.error_ns) as f64,
            false => known.level_uncertainty_ns + apart.abs_diff(offset) as f64,
        });
        let skew = known.and_then(|known| known.skew);
        let micros = |ns: f64| ns / 1e3;
        let state = ClockState {
            synchronised: both,
            near_synchronised: near.synchronised(),
            far_synchronised: self.far.synchronised,
            near_error_us: Some(micros(near.error_ns() as f64)),
            far_error_us: Some(micros(self.far.error_ns as f64)),
            offset_us: known.map(|known| micros(known.offset_ns as f64)),
            offset_uncertainty_us: known.map(|known| micros(known.offset_uncertainty_ns)),
            skew_ppm: skew.map(|skew| skew.ppm),
            skew_uncertainty_ppm: skew.map(|skew| skew.uncertainty_ppm),
            steps: self.estimator.steps(),
            last_step_us: self
                .estimator
                .last_step()
                .map(|step| micros(step.size_ns as f64)),
            level_uncertainty_us: level.map(micros),
            variation_uncertainty_us: known.and_then(|known| self.variation(&known)).map(micros),
        };
        Told { state, offset }
    }

    /// How wrong a difference of two relative delays may be, nanoseconds.
    fn variation(&self, known: &ClockEstimate) -> Option<f64> {
        let skew = known.skew?;
        let (low, high) = self.apart_with(self.newest)?;
        Some(skew.variation_uncertainty_ns + (high - low) + self.steps_ns)
    }

    /// Holds the reference against the estimate, and bends it where its skew can't be right.
    fn look(&mut self, at: Mono) {
        self.looked = at;
        let Some(skew) = self.estimator.estimate(at).and_then(|known| known.skew) else {
            return;
        };
        self.apart = self.apart_with(at);
        if (skew.ppm - self.reference.skew_ppm).abs() > skew.uncertainty_ppm {
            self.reference = Reference {
                at,
                offset: self.reference.offset(at),
                skew_ppm: skew.ppm,
            };
        }
    }

    /// The first time, what was before is looked at as well: nothing was followed then.
    fn apart_with(&self, at: Mono) -> Option<(f64, f64)> {
        let apart = |at: Mono| {
            let known = self.estimator.estimate(at)?;
            Some(known.offset_ns.saturating_sub(self.reference.offset(at)) as f64)
        };
        let now = apart(at)?;
        let (low, high) = match self.apart {
            Some(apart) => apart,
            None => apart(self.reference.at).map(|then| (then, then))?,
        };
        Some((low.min(now), high.max(now)))
    }

    /// After a new agreement: no offset explains both this sample and the reference.
    fn is_another(&mut self, at: Mono, delay: &Delay) -> bool {
        if !std::mem::take(&mut self.anew) {
            return false;
        }
        let apart = delay
            .offset_if_symmetrical()
            .abs_diff(self.reference.offset(at));
        apart > delay.round_trip().unsigned_abs() / 2 + SAME_NS
    }

    fn is_news(&mut self, at: Mono) -> bool {
        let told = self.told.map(|told| told.nanos().saturating_add(TELL));
        let news = told.is_none_or(|quiet| at.nanos() >= quiet);
        if news {
            self.told = Some(at);
        }
        news
    }

    /// Of the reference, nanoseconds.
    fn mean(&self) -> i64 {
        (self.sum / i128::from(self.samples.max(1))) as i64
    }
}

impl Reference {
    fn offset(&self, at: Mono) -> i64 {
        let passed = i128::from(at.nanos()) - i128::from(self.at.nanos());
        let grown = passed as f64 * self.skew_ppm / 1e6;
        self.offset.saturating_add(grown as i64)
    }
}

#[cfg(test)]
mod tests;
