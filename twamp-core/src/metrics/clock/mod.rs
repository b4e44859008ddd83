//! How far the far clock is ahead of the near one, and how fast that changes.
//!
//! ```text
//!  samples ─▶ burst ─────▶ as expected ─▶ blocks of minima ─▶ line ─▶ offset, skew
//!             (least of    │
//!              16 or so)   └▶ not ─▶ watched ─▶ a step: starts anew
//!                                             ├▶ another route: floors move, the line stays
//!                                             └▶ congestion: left out
//! ```
//!
//! The offset `θ` is far minus near. Forward delays appear as `D + θ`, backward ones as `D − θ`, so
//! the least of both tell `θ` as well as the queues were short (the lower envelope of Paxson 1998,
//! and Moon, Skelly and Towsley 1999; weighting by the excess of the round trip is that of NTP).
//!
//! *What can't be known:* which part of the smallest round trip is the way there. Half of it is the
//! uncertainty of every *level*; *differences* of one-way delays don't suffer from it. A step moves
//! the two ways by equal and opposite amounts and leaves the round trip alone: that tells it from a
//! route.

mod envelope;
mod watch;

use self::envelope::{Envelope, Least};
use self::watch::{Found, Watch};
use super::delay::Delay;
use crate::time::Mono;

/// What no free-running clock exceeds against another one, parts per million.
const LARGEST_SKEW_PPM: f64 = 500.0;
/// Disagreement beyond all others that is not yet a step, nanoseconds.
const SLACK_NS: f64 = 50_000.0;
/// A burst ends with so many samples, or with half of them after so many seconds.
const BURST: u32 = 16;
const BURST_S: f64 = 8.0;

/// Offset and skew of one session, of fixed size (less than 1 KiB), in constant time a sample.
///
/// It works with any offset; with jumps of a clock it begins anew. Samples may come late and
/// overtake each other, and any may be lost.
#[derive(Clone, Debug, Default)]
pub struct ClockEstimator {
    origin: Option<Origin>,
    /// Smallest and largest round trip since the last start.
    round_trip: (i64, i64),
    burst: Burst,
    envelope: Envelope,
    watch: Watch,
    /// How much longer each way is now than it was at first, by routes that changed.
    longer: (f64, f64),
    /// What is unsure of that.
    routes_ns: f64,
    steps: u64,
    last_step: Option<Step>,
}

/// All is counted from the first sample, so that decades of offset cost no precision.
#[derive(Clone, Copy, Debug)]
struct Origin {
    at: Mono,
    forward: i64,
    backward: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Burst {
    samples: u32,
    began_s: f64,
    least: Least,
}

/// One of the clocks was set.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Step {
    /// When the sample was sent that made it certain, by the near monotonic clock.
    pub at: Mono,
    /// By how much the offset, far minus near, has grown; nanoseconds.
    pub size_ns: i64,
    /// How wrong one-way delays from before it and from after it may be to each other;
    /// nanoseconds. Of a step that was noticed late, all of it.
    pub across_ns: f64,
}

/// What is known at one moment. Uncertainties are 95 %, one-sided distances, nanoseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ClockEstimate {
    /// Far clock minus near clock, if the shortest ways there and back take equally long.
    pub offset_ns: i64,
    /// What queues and drift may do to it.
    pub offset_uncertainty_ns: f64,
    /// The same, and that routes may be as unequal as they can: half the smallest round trip more.
    pub level_uncertainty_ns: f64,
    /// How fast the offset grows; `None` in the first seconds.
    pub skew: Option<Skew>,
}

/// How fast the far clock runs ahead of the near one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Skew {
    /// Parts per million, signed.
    pub ppm: f64,
    /// 95 %.
    pub uncertainty_ppm: f64,
    /// How wrong the difference of two corrected one-way delays may be, if both are of the time
    /// that the skew was found over; nanoseconds, 95 %.
    pub variation_uncertainty_ns: f64,
}

impl ClockEstimator {
    /// Enters one sample: when it was sent, and its apparent delays. Tells of a step that this
    /// sample has made certain; the estimate has begun anew then.
    pub fn record(&mut self, at: Mono, delay: &Delay) -> Option<Step> {
        if self.last_step.is_some_and(|step| at < step.at) {
            // It was on its way when the clock was set, or before that was noticed.
            return None;
        }
        if let Some(size_ns) = self.impossible(at, delay) {
            let queues = delay.round_trip().saturating_sub(self.round_trip.0).max(0);
            let known = self.estimate(at);
            let before = known.map_or(0.0, |known| known.offset_uncertainty_ns);
            return Some(self.step(at, size_ns, before + queues as f64, delay));
        }
        let origin = *self.origin.get_or_insert(Origin {
            at,
            forward: delay.forward,
            backward: delay.backward,
        });
        let round_trip = delay.round_trip();
        if self.burst.samples == 0 && self.envelope.is_empty() {
            self.round_trip = (round_trip, round_trip);
        }
        let (least, most) = self.round_trip;
        self.round_trip = (least.min(round_trip), most.max(round_trip));
        let seen = origin.seen(at, delay, self.longer);
        self.burst.enter(&seen, self.envelope.skew());
        if !self.burst.is_over(seen.forward_s) {
            return None;
        }
        let burst = std::mem::take(&mut self.burst).least;
        self.absorb(at, &burst, delay)
    }

    /// What is known at the time `at`; `None` before the first sample.
    pub fn estimate(&self, at: Mono) -> Option<ClockEstimate> {
        let origin = self.origin?;
        let now = origin.seconds(at);
        let base = Delay {
            forward: origin.forward,
            backward: origin.backward,
            processing: 0,
        };
        let line = self.envelope.line();
        let (since, uncertainty) = match line {
            Some(line) => (line.at(now), line.uncertainty(now) + self.routes_ns),
            None => self.first_guess(now),
        };
        let (there, back) = self.floors(now);
        let half = (base.round_trip() as f64 + there + back) / 2.0;
        Some(ClockEstimate {
            offset_ns: base.offset_if_symmetrical().saturating_add(since as i64),
            offset_uncertainty_ns: uncertainty,
            level_uncertainty_ns: uncertainty + half.max(0.0),
            skew: line.map(|line| Skew {
                ppm: line.skew() / 1e3,
                uncertainty_ppm: line.skew_uncertainty() / 1e3,
                variation_uncertainty_ns: line.variation_uncertainty() + self.routes_ns,
            }),
        })
    }

    /// Another far clock may answer from now on: begins anew, and no step is counted.
    pub fn restart(&mut self) {
        *self = Self {
            steps: self.steps,
            last_step: self.last_step,
            ..Self::default()
        };
    }

    /// How many steps were noticed.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The newest of them.
    pub fn last_step(&self) -> Option<Step> {
        self.last_step
    }

    /// No delay is below 0, so `θ` lies between what this sample says, −backward to forward, and
    /// what all before said. If no `θ` is in both, a clock was set; by how much, more or less.
    fn impossible(&self, at: Mono, delay: &Delay) -> Option<i64> {
        let origin = self.origin?;
        let seen = origin.seen(at, delay, (0.0, 0.0));
        let now = seen.forward_s;
        let slack = match self.envelope.line() {
            Some(line) => 3.0 * line.uncertainty(now) + self.routes_ns,
            None => now.abs() * LARGEST_SKEW_PPM * 1e3,
        };
        let base = (i128::from(origin.forward) + i128::from(origin.backward)) as f64;
        let (there, back) = self.floors(now);
        let least = (seen.forward + back).min(seen.backward + there);
        if base + least >= -(SLACK_NS + slack) {
            return None;
        }
        let known = self.estimate(at)?.offset_ns;
        Some(delay.offset_if_symmetrical().saturating_sub(known))
    }

    /// The smallest delays there and back, as they would appear `now`; beyond the origin's.
    fn floors(&self, now: f64) -> (f64, f64) {
        match (self.envelope.line(), self.least()) {
            (Some(line), _) => (line.floors.0 + line.at(now), line.floors.1 - line.at(now)),
            (None, least) => (least.forward, least.backward),
        }
    }

    /// The least of all since the last start.
    fn least(&self) -> Least {
        let burst = self.burst.least;
        match (self.envelope.least(), self.burst.samples) {
            (Some(blocks), 0) => blocks,
            (Some(blocks), _) => burst.lower(&blocks, self.envelope.skew()),
            (None, _) => burst,
        }
    }

    fn step(&mut self, at: Mono, size_ns: i64, across_ns: f64, delay: &Delay) -> Step {
        let step = Step {
            at,
            size_ns,
            across_ns,
        };
        self.steps += 1;
        self.last_step = Some(step);
        self.restart();
        self.record(at, delay);
        step
    }

    fn absorb(&mut self, at: Mono, burst: &Least, delay: &Delay) -> Option<Step> {
        let Some(line) = self.envelope.line() else {
            self.envelope.enter(burst);
            return None;
        };
        match self.watch.judge(burst, &line) {
            Found::Expected => self.envelope.enter(burst),
            Found::Odd => {}
            Found::Step(size) => return Some(self.step(at, size as i64, size.abs(), delay)),
            Found::Route(forward, backward, unsure) => {
                self.routes_ns = self.routes_ns.hypot(unsure);
                self.longer.0 += forward;
                self.longer.1 += backward;
            }
        }
        None
    }

    /// Before there is a line: in the middle of what is possible.
    fn first_guess(&self, now: f64) -> (f64, f64) {
        let (least, most) = self.round_trip;
        let queues = (i128::from(most) - i128::from(least)) as f64 / 2.0;
        let floor = self.least();
        let age = (now - floor.middle_s()).abs().max(floor.apart_s());
        (floor.middle(), queues + age * LARGEST_SKEW_PPM * 1e3)
    }
}

impl Origin {
    fn seconds(&self, at: Mono) -> f64 {
        (i128::from(at.nanos()) - i128::from(self.at.nanos())) as f64 / 1e9
    }

    /// A sample as it counts from here, on a route that is so much `longer`.
    fn seen(&self, at: Mono, delay: &Delay, longer: (f64, f64)) -> Least {
        let seconds = self.seconds(at);
        Least {
            forward_s: seconds,
            forward: delay.forward.saturating_sub(self.forward) as f64 - longer.0,
            backward_s: seconds,
            backward: delay.backward.saturating_sub(self.backward) as f64 - longer.1,
        }
    }
}

impl Burst {
    fn enter(&mut self, seen: &Least, skew: f64) {
        if self.samples == 0 {
            (self.began_s, self.least) = (seen.forward_s, *seen);
        }
        self.samples += 1;
        self.least = self.least.lower(seen, skew);
    }

    fn is_over(&self, now: f64) -> bool {
        let slow = now - self.began_s >= BURST_S && self.samples >= BURST / 2;
        self.samples >= BURST || slow
    }
}

#[cfg(test)]
mod tests;
