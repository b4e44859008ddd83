//! Is this line good for this class? The watches of the line say what is broken and what is kept;
//! the verdict has a memory: it takes evidence to call a good line bad, and more to call a bad line
//! good again.
//!
//! ```text
//!            ┌──────── a limit is broken ───┐
//!  Unknown ──┴─► Good ─────────────────► Breaks ─── no more ─────► Recovering ─┐
//!                 ▲                        Dead ──── replies ────►             │
//!                 └──────────────── each limit is shown to be kept ────────────┘
//! ```
//!
//! *Unmeasured* stands beside it and forgets nothing. A line that only probes of other classes come
//! back over breaks whatever the class needs. One through which packets as long as the class needs
//! don't come breaks its SLA as well, until they are shown to.

use std::time::Duration;

use plugin_abi::config::Sla;
use twamp_core::time::Mono;

use crate::line::{
    Directions, Estimate, FullSize, Metric, Obstruction, State, Surely, Watch, Way, within,
};

/// Before so many probes have a fate there is no verdict.
const LEAST_PROBES: u64 = 10;
/// The first verdict is *good* unless a limit is so near to being broken.
const FIRST_DOUBT: f32 = 0.5;

/// What a line is to a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Too early to say.
    Unknown,
    /// Nothing speaks against it.
    Good,
    /// It breaks the SLA, surely.
    Breaks(Breach),
    /// It lives and no limit is broken, but it was bad and is not yet shown good again.
    Recovering,
    /// Silent.
    Dead,
    /// Can't be measured.
    Unmeasured,
}

/// How an SLA is broken, in the unit of the metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Breach {
    pub(super) metric: Metric,
    pub(super) measured: f64,
    pub(super) limit: f64,
    /// Probes or samples it stands on.
    pub(super) of: u64,
    /// Loss only: how many were lost.
    pub(super) lost: Option<u64>,
    /// Loss only: the way that it is of, if that is sure.
    pub(super) way: Option<Way>,
    /// The part of it that is no chance any more.
    pub(super) surely: Surely,
    /// Of a line that keeps the limit it would be said once in so much time.
    pub(super) mistake_every: Duration,
    /// Nothing comes back for so long, while probes of another class do.
    pub(super) silent: Option<Duration>,
    /// Packets as long as the class needs don't come through: why, and for how long.
    pub(super) obstruction: Option<(Obstruction, Option<Duration>)>,
}

/// A verdict, and for how long and how well a good one is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) verdict: Verdict,
    /// It was good all the time since.
    pub(super) clean_since: Option<Mono>,
    /// It was bad, or not yet good again, all the time since.
    pub(super) bad_since: Option<Mono>,
    /// More speaks for each figure than against it: a class may move there.
    pub(super) fit: bool,
    /// A closer look is worth its probes.
    pub(super) raised: bool,
    /// Halfway to an alarm.
    pub(super) halfway: bool,
    /// It looks as if a limit were broken.
    pub(super) alarm: bool,
}

/// Judges one line for one class.
#[derive(Clone, Debug, Default)]
pub(super) struct Detector {
    record: Record,
    /// The last time that something was wrong, or the first time that it was looked at.
    wrong_at: Option<Mono>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Record {
    #[default]
    Unproven,
    Good {
        from: Mono,
    },
    Bad {
        since: Mono,
    },
}

impl Detector {
    /// The standing at `now`, by the watches of what the class asks for.
    pub(super) fn judge<'a>(
        &mut self,
        now: Mono,
        estimate: &Estimate,
        watches: &(impl Iterator<Item = &'a Watch> + Clone),
        sla: &Sla,
        full_size: Option<&FullSize>,
    ) -> Standing {
        let alive = estimate.state == State::Alive;
        let full_size = sla.packet_octets.zip(full_size);
        let obstruction = full_size.and_then(|(octets, size)| size.obstructs(octets));
        let mut wrong_at = *self.wrong_at.get_or_insert(now);
        let verdict = match estimate.state {
            State::Alive => {
                let watches = watches.clone();
                self.living(now, wrong_at, estimate, watches, sla, obstruction)
            }
            State::Silent => {
                self.turn_bad(now);
                Verdict::Breaks(silence(now, estimate, sla))
            }
            State::Unknown => Verdict::Unknown,
            State::Unmeasured => Verdict::Unmeasured,
            State::Dead => {
                self.turn_bad(now);
                Verdict::Dead
            }
        };
        let alarm = watches.clone().any(Watch::alarm);
        if !alive || alarm || obstruction.is_some() {
            wrong_at = now;
            self.wrong_at = Some(now);
        }
        let (clean_since, bad_since) = match self.record {
            Record::Unproven => (None, None),
            Record::Good { from } => (Some(from.max(wrong_at)), None),
            Record::Bad { since } => (None, Some(since)),
        };
        Standing {
            verdict,
            clean_since,
            bad_since,
            fit: verdict == Verdict::Good
                && watches.clone().all(Watch::looks_good)
                && full_size.is_none_or(|(_, size)| !size.is_suspect()),
            raised: alive && watches.clone().any(Watch::is_raised),
            halfway: alive && watches.clone().any(Watch::is_halfway),
            alarm: alive && alarm,
        }
    }

    fn turn_bad(&mut self, now: Mono) {
        if !matches!(self.record, Record::Bad { .. }) {
            self.record = Record::Bad { since: now };
        }
    }

    fn living<'a>(
        &mut self,
        now: Mono,
        wrong_at: Mono,
        estimate: &Estimate,
        mut watches: impl Iterator<Item = &'a Watch> + Clone,
        sla: &Sla,
        obstruction: Option<Obstruction>,
    ) -> Verdict {
        if let Some(breach) = watches.clone().find_map(|watch| breach(watch, estimate)) {
            self.turn_bad(now);
            return Verdict::Breaks(breach);
        }
        if let Some(obstruction) = obstruction {
            self.turn_bad(now);
            return Verdict::Breaks(obstructed(now, obstruction));
        }
        match self.record {
            Record::Unproven if is_innocent(estimate, watches.clone(), sla) => {
                self.record = Record::Good { from: wrong_at };
            }
            Record::Bad { .. } => {
                let shown = watches.try_fold(Mono::default(), |latest, watch| {
                    watch.shown_good().map(|since| since.max(latest))
                });
                if let Some(from) = shown {
                    self.record = Record::Good { from };
                }
            }
            _ => {}
        }
        match self.record {
            Record::Unproven => Verdict::Unknown,
            Record::Good { .. } => Verdict::Good,
            Record::Bad { .. } => Verdict::Recovering,
        }
    }
}

fn breach(watch: &Watch, estimate: &Estimate) -> Option<Breach> {
    let (demand, evidence) = (watch.demand(), watch.verdict()?);
    Some(Breach {
        metric: demand.metric,
        measured: evidence.measured,
        limit: demand.limit,
        of: evidence.of,
        lost: evidence.lost,
        way: estimate
            .directions
            .filter(|_| demand.metric == Metric::Loss)
            .as_ref()
            .and_then(Directions::surely),
        surely: evidence.surely,
        mistake_every: demand.mistake_every,
        silent: None,
        obstruction: None,
    })
}

/// Nothing comes back of the probes of its class: whatever a class needs, that is not it.
fn silence(now: Mono, estimate: &Estimate, sla: &Sla) -> Breach {
    let since = estimate.silent_since.unwrap_or(estimate.since);
    Breach {
        metric: Metric::Loss,
        measured: 100.0,
        limit: sla.loss_percent.unwrap_or(100.0),
        of: 0,
        lost: None,
        way: None,
        surely: Surely { of: 0, lost: 0 },
        mistake_every: Duration::MAX,
        silent: Some(now.since(since)),
        obstruction: None,
    }
}

/// Whatever is as long as the class needs is lost.
fn obstructed(now: Mono, obstruction: Obstruction) -> Breach {
    let since = obstruction.passed.map(|passed| now.since(passed));
    Breach {
        metric: Metric::Loss,
        measured: 100.0,
        limit: 100.0,
        of: 0,
        lost: None,
        way: None,
        surely: Surely { of: 0, lost: 0 },
        mistake_every: Duration::MAX,
        silent: None,
        obstruction: Some((obstruction, since)),
    }
}

/// Good until shown otherwise.
fn is_innocent<'a>(
    estimate: &Estimate,
    mut watches: impl Iterator<Item = &'a Watch>,
    sla: &Sla,
) -> bool {
    let delays = Sla {
        loss_percent: None,
        ..*sla
    };
    estimate.window.probes >= LEAST_PROBES
        && watches.all(|watch| watch.suspicion() < FIRST_DOUBT)
        && within(&estimate.window, &delays) == Some(true)
}
