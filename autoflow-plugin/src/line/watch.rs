//! Whether one figure of a line keeps one limit: sequential tests, both ways, a few octets each.
//!
//! ```text
//!              ┌─► down: is it broken?   S ≥ alarm ─► S ≥ verdict ─► broken until S is 0 again
//!  fate, delay ┤
//!              └─► up: is it kept?       shown good from its own height on
//! ```
//!
//! A watch knows its limit and how often it may be wrong, but no class: classes that want the same
//! share one. How a line behaves while it keeps the limit is learned in between: whatever begins
//! with S = 0 and comes back there. What ends in a verdict is never learned as normal, but for what was
//! over in seconds and has come back: that is how the line is.

#[cfg(test)]
mod bound;
mod level;
mod loss;
#[cfg(test)]
mod promise;

use std::time::Duration;

use plugin_abi::config::Profile;
use twamp_core::time::Mono;

pub(super) use level::LevelWatch;
pub(super) use loss::LossWatch;

use super::metric::Metric;
use super::order::Fate;

/// A statistic that says *perhaps* asks for more probes; so many line-days lie between two alarms
/// that say no more than that.
const ALARMS_EVERY: Duration = Duration::from_secs(86_400);

/// What somebody wants to know of each line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Demand {
    /// Which figure.
    pub(crate) metric: Metric,
    /// The most it may be: percent or milliseconds, as in the SLA.
    pub(crate) limit: f64,
    /// A line that keeps the limit may be said to break it once in so much time.
    pub(crate) mistake_every: Duration,
}

/// One probe, as a watch sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// When it left, as nearly as known.
    pub(super) at: Mono,
    pub(super) fate: Fate,
    /// From one probe to the next at present, of the resting interval: 1, or 0.1 at ten times the
    /// rate.
    pub(super) pace: f32,
}

/// One delay, as a watch sees it, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delayed {
    /// When it was measured.
    pub(super) at: Mono,
    pub(super) round_trip: i64,
    /// How far it is from the one before it.
    pub(super) step: Option<i64>,
    /// From one probe to the next it is so many times as long as at rest, 1 or more.
    pub(super) slowed: f32,
}

/// Watches one figure.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    demand: Demand,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Loss(LossWatch),
    Level(LevelWatch),
}

/// What an alarm or a verdict stands on, in the unit of the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Evidence {
    /// Mean or share since `since`.
    pub(crate) measured: f64,
    /// Probes or samples since then.
    pub(crate) of: u64,
    /// Of loss, how many were lost.
    pub(crate) lost: Option<u64>,
    /// The part of it that is no chance any more.
    pub(crate) surely: Surely,
}

/// The later part of what an alarm stands on: of losses, from halfway to it. What was before may
/// have been chance, and has not hit other lines at the same time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Surely {
    pub(crate) of: u64,
    pub(crate) lost: u64,
}

impl Watch {
    /// Nothing was seen yet of a line probed each `rest` when at rest, to be used again after
    /// `failback`.
    pub(super) fn new(
        demand: Demand,
        rest: Duration,
        profile: Profile,
        failback: Duration,
    ) -> Self {
        let (limit, every) = (demand.limit, demand.mistake_every);
        let kind = match demand.metric {
            Metric::Loss => Kind::Loss(LossWatch::new(limit / 1e2, every, rest, profile, failback)),
            Metric::RoundTrip | Metric::Jitter => {
                Kind::Level(LevelWatch::new(limit * 1e6, every, rest))
            }
        };
        Self { demand, kind }
    }

    pub(crate) fn demand(&self) -> &Demand {
        &self.demand
    }

    /// The next probe in the order of sending.
    pub(super) fn fate(&mut self, seen: Seen) {
        if let Kind::Loss(loss) = &mut self.kind {
            loss.see(seen);
        }
    }

    /// A delay was measured.
    pub(super) fn delay(&mut self, seen: Delayed) {
        if let Kind::Level(level) = &mut self.kind {
            let value = match self.demand.metric {
                Metric::RoundTrip => Some(seen.round_trip),
                Metric::Jitter => seen.step,
                Metric::Loss => None,
            };
            if let Some(value) = value {
                level.see(seen.at, value, seen.slowed);
            }
        }
    }

    /// How near the verdict is: 1 is there.
    pub(crate) fn suspicion(&self) -> f32 {
        match &self.kind {
            Kind::Loss(loss) => loss.suspicion(),
            Kind::Level(level) => level.suspicion(),
        }
    }

    /// A closer look is worth its probes: from the first loss on, until half of that is forgotten.
    pub(crate) fn is_raised(&self) -> bool {
        match &self.kind {
            Kind::Loss(loss) => loss.is_raised(),
            Kind::Level(level) => level.is_raised(),
        }
    }

    /// It is halfway to an alarm: what [`Surely`] counts has begun.
    pub(crate) fn is_halfway(&self) -> bool {
        match &self.kind {
            Kind::Loss(loss) => loss.is_halfway(),
            Kind::Level(level) => level.is_halfway(),
        }
    }

    /// It looks broken; on a line that keeps its limit that happens about once a day.
    pub(crate) fn alarm(&self) -> bool {
        match &self.kind {
            Kind::Loss(loss) => loss.alarm(),
            Kind::Level(level) => level.alarm(),
        }
    }

    /// It is broken.
    pub(crate) fn verdict(&self) -> Option<Evidence> {
        match &self.kind {
            Kind::Loss(loss) => loss.verdict(),
            Kind::Level(level) => level.verdict(),
        }
    }

    /// It is kept, surely: since when that could be seen.
    pub(crate) fn shown_good(&self) -> Option<Mono> {
        match &self.kind {
            Kind::Loss(loss) => loss.shown_good(),
            Kind::Level(level) => level.shown_good(),
        }
    }

    /// More speaks for it than against.
    pub(crate) fn looks_good(&self) -> bool {
        match &self.kind {
            Kind::Loss(loss) => loss.looks_good(),
            Kind::Level(level) => level.looks_good(),
        }
    }
}
