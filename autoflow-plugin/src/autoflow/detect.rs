//! Is this line good for this class? The verdict has a memory: it takes statistics to call a good
//! line bad, and time to call a bad line good again.
//!
//! ```text
//!            ┌─────────── alarm ───────────┐
//!  Unknown ──┴─► Good ───── alarm ─────► Breaks ─── alarm is over ──► Recovering ─┐
//!                 ▲                        Dead ────── replies ──────►            │
//!                 └─────────────── shown good over the recent time ───────────────┘
//! ```
//!
//! *Unmeasured* stands beside it and forgets nothing.

use std::time::Duration;

use plugin_abi::config::Sla;
use twamp_core::time::Mono;

use crate::line::{Estimate, Metric, State, Summary, within};

/// An alarm of loss is raised if the loss is above the SLA with this confidence, one-sided.
///
/// Three spans are looked at ten times a second, but they overlap: that is about one independent
/// look a second. A line that loses exactly what its SLA allows raises a false alarm every few
/// hours, then, and one that loses a third of that about once a year.
pub(super) const SURE: f64 = 1.0 - 1e-4;
/// An alarm of delay stands on so many samples at least.
const LEAST_SAMPLES: u64 = 30;
/// And it must last: shorter than this is a blip.
const PERSISTS: Duration = Duration::from_secs(1);
/// Before so many probes have a fate there is no verdict.
const LEAST_PROBES: u64 = 10;
/// The first verdict is *good* unless the loss is above the SLA with this confidence, two-sided.
const FIRST_DOUBT: f64 = 0.95;
/// This part of the recent time must be measured to show a line good again.
const LEAST_COVER: f64 = 0.9;

/// What a line is to a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Too early to say.
    Unknown,
    /// Nothing speaks against it.
    Good,
    /// It breaks the SLA, surely.
    Breaks(Breach),
    /// It lives and no alarm is on, but it was bad and is not yet shown good again.
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
    /// Loss only: how many were lost, and what the loss is surely above.
    pub(super) lost: Option<(u64, f64)>,
}

/// A verdict, and for how long and how well a good one is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) verdict: Verdict,
    /// It was good all the time since.
    pub(super) clean_since: Option<Mono>,
    /// It was bad, or not yet good again, all the time since.
    pub(super) bad_since: Option<Mono>,
    /// Its figures were within the SLA as measured, on enough probes, all the time since: a class
    /// may move there.
    pub(super) fit_since: Option<Mono>,
}

/// Judges one line for one class.
#[derive(Clone, Debug)]
pub(super) struct Detector {
    record: Record,
    /// The last time that something was wrong.
    wrong_at: Mono,
    fit_since: Option<Mono>,
    /// Since when the round trip and the jitter are above their limits.
    above_since: [Option<Mono>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Record {
    Unproven,
    Good { from: Mono },
    Bad { since: Mono },
}

impl Detector {
    pub(super) fn new(now: Mono) -> Self {
        Self {
            record: Record::Unproven,
            wrong_at: now,
            fit_since: None,
            above_since: [None; 2],
        }
    }

    /// The standing at `now`.
    pub(super) fn judge(&mut self, now: Mono, estimate: &Estimate, sla: &Sla) -> Standing {
        let verdict = match estimate.state {
            State::Alive => self.living(now, estimate, sla),
            State::Unknown => Verdict::Unknown,
            State::Unmeasured => Verdict::Unmeasured,
            State::Dead => {
                self.turn_bad(now);
                Verdict::Dead
            }
        };
        if estimate.state != State::Alive {
            self.wrong_at = now;
            self.above_since = [None; 2];
        }
        let (clean_since, bad_since) = match self.record {
            Record::Unproven => (None, None),
            Record::Good { from } => (Some(from.max(self.wrong_at)), None),
            Record::Bad { since } => (None, Some(since)),
        };
        let fits = verdict == Verdict::Good && fits(estimate, sla);
        self.fit_since = fits.then_some(self.fit_since.unwrap_or(now));
        Standing {
            verdict,
            clean_since,
            bad_since,
            fit_since: self.fit_since,
        }
    }

    fn turn_bad(&mut self, now: Mono) {
        if !matches!(self.record, Record::Bad { .. }) {
            self.record = Record::Bad { since: now };
        }
    }

    fn living(&mut self, now: Mono, estimate: &Estimate, sla: &Sla) -> Verdict {
        if let Some(breach) = self.alarm(now, estimate, sla) {
            self.turn_bad(now);
            return Verdict::Breaks(breach);
        }
        match self.record {
            Record::Unproven if is_innocent(&estimate.window, sla) => {
                self.record = Record::Good {
                    from: self.wrong_at,
                };
            }
            Record::Bad { .. } if is_shown_good(estimate, sla) => {
                let shown_since = now
                    .nanos()
                    .saturating_sub(estimate.recent.span.as_nanos() as u64);
                self.record = Record::Good {
                    from: Mono(shown_since),
                };
            }
            _ => {}
        }
        match self.record {
            Record::Unproven => Verdict::Unknown,
            Record::Good { .. } => Verdict::Good,
            Record::Bad { .. } => Verdict::Recovering,
        }
    }

    /// Loss is looked for in all three spans: the newest sees heavy loss soon, the longest sees
    /// light loss at all, but then there must be some now. Delay must be high now.
    fn alarm(&mut self, now: Mono, estimate: &Estimate, sla: &Sla) -> Option<Breach> {
        let newest = loss_breach(&estimate.newest, sla);
        let [round_trip, jitter] = [(Metric::RoundTrip, 0), (Metric::Jitter, 1)]
            .map(|(metric, index)| self.delay_breach(now, estimate, sla, metric, index));
        if newest.is_some() || self.above_since != [None; 2] {
            self.wrong_at = now;
        }
        loss_breach(&estimate.window, sla)
            .or(newest)
            .or_else(|| {
                above(&estimate.window, sla, Metric::Loss)?;
                loss_breach(&estimate.recent, sla)
            })
            .or(round_trip)
            .or(jitter)
    }

    fn delay_breach(
        &mut self,
        now: Mono,
        estimate: &Estimate,
        sla: &Sla,
        metric: Metric,
        index: usize,
    ) -> Option<Breach> {
        let newest = above(&estimate.newest, sla, metric);
        let window = above(&estimate.window, sla, metric);
        let enough = |breach: &Breach| breach.of >= LEAST_SAMPLES;
        let breach = newest.filter(enough).or(newest.and(window).filter(enough));
        let since = &mut self.above_since[index];
        *since = breach.and(since.or(Some(now)));
        breach.filter(|_| since.is_some_and(|since| now.since(since) >= PERSISTS))
    }
}

/// Cheap as long as the loss is within the SLA as measured.
fn loss_breach(summary: &Summary, sla: &Sla) -> Option<Breach> {
    let breach = above(summary, sla, Metric::Loss)?;
    let two_sided = 2.0 * SURE - 1.0;
    let surely = summary.loss_interval(two_sided)?.low * 1e2;
    (surely > breach.limit).then_some(Breach {
        lost: Some((summary.lost, surely)),
        ..breach
    })
}

fn above(summary: &Summary, sla: &Sla, metric: Metric) -> Option<Breach> {
    let (limit, measured) = (metric.limit(sla)?, metric.measured(summary)?);
    let of = match metric {
        Metric::Loss => summary.probes,
        Metric::RoundTrip | Metric::Jitter => summary.round_trip?.samples,
    };
    (measured > limit).then_some(Breach {
        metric,
        measured,
        limit,
        of,
        lost: None,
    })
}

/// Good until shown otherwise.
fn is_innocent(window: &Summary, sla: &Sla) -> bool {
    let doubt = sla.loss_percent.is_some_and(|limit| {
        window
            .loss_interval(FIRST_DOUBT)
            .is_none_or(|interval| interval.low * 1e2 > limit)
    });
    let delays = Sla {
        loss_percent: None,
        ..*sla
    };
    window.probes >= LEAST_PROBES && !doubt && within(window, &delays) == Some(true)
}

/// Bad until shown otherwise.
fn is_shown_good(estimate: &Estimate, sla: &Sla) -> bool {
    estimate.recent.covered >= LEAST_COVER && fits(estimate, sla)
}

fn fits(estimate: &Estimate, sla: &Sla) -> bool {
    estimate.recent.probes >= LEAST_SAMPLES
        && [&estimate.recent, &estimate.window, &estimate.newest]
            .into_iter()
            .all(|summary| within(summary, sla) == Some(true))
}
