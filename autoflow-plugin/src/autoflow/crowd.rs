//! Trouble of our own making: a line that suffers because classes have come to it, or because their
//! traffic fills it, as the host tells.
//!
//! ```text
//!   a class comes ─► the line begins to suffer ─► ours ─► one class leaves ─► relieved:
//!                                                   the others stay, unless it suffers still
//! ```
//!
//! If all who suffer left together, they would fill the next line, and come back together.

use std::collections::HashMap;
use std::time::Duration;

use twamp_core::time::Mono;

use super::Candidate;
use super::detect::Breach;
use super::lines::Lines;
use super::spared::harmed;
use crate::line::{Metric, Watch};

/// What begins so soon after a class came is of its making.
const SOON: Duration = Duration::from_secs(60);
/// A queue is empty so long after those who filled it have left.
const DRAINS: Duration = Duration::from_secs(2);
/// A mean is that of a line without those who left, so long after them.
const SETTLES: Duration = Duration::from_secs(20);
/// From this part of the capacity on a line is full.
const FULL: f64 = 0.9;

/// Of the lines that classes came to or left of late.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    lines: HashMap<u64, Crowd>,
    /// Classes of groups on each line, where some line was come to of late or the host tells of its
    /// traffic.
    seats: HashMap<u64, u32>,
}

#[derive(Clone, Debug, Default)]
struct Crowd {
    came: Option<Mono>,
    /// The last seat that came, and from which line.
    last: Option<(Seated, u64)>,
    left: Option<Left>,
    suffers: bool,
    ours: bool,
}

/// A class of a group.
pub(super) type Seated = (u64, u64);

/// A class has left a line that suffered from it.
#[derive(Clone, Debug)]
struct Left {
    at: Mono,
    /// What each probe class had counted when the line's queue was empty; nothing before.
    totals: Vec<(u64, (u64, u64))>,
}

impl Crowds {
    /// The lines as they are now, with the classes on them.
    pub(super) fn look(&mut self, now: Mono, lines: Lines<'_>, on: impl Iterator<Item = u64>) {
        self.seats.clear();
        let told = lines.iter().any(|candidate| candidate.rates.is_some());
        if told || !self.lines.is_empty() {
            for line in on {
                *self.seats.entry(line).or_default() += 1;
            }
        }
        for line in lines.all() {
            let [candidate, ..] = line else { continue };
            let full = is_full(candidate);
            let known = self.lines.get_mut(&candidate.line);
            let crowd = match known {
                Some(crowd) => crowd,
                None if full => self.lines.entry(candidate.line).or_default(),
                None => continue,
            };
            crowd.look(now, line, full);
        }
        self.lines.retain(|_, crowd| {
            let recent = |at: Mono| now.since(at) < SOON;
            crowd.ours || crowd.suffers || crowd.came.is_some_and(recent)
        });
    }

    /// A class came to a line; `back` says who, and where to it may return.
    pub(super) fn came(&mut self, now: Mono, line: &[Candidate<'_>], back: Option<(Seated, u64)>) {
        let crowd = self.lines.entry(line[0].line).or_default();
        // What it suffered from before is another matter.
        if !suffers(line) {
            (crowd.came, crowd.last) = (Some(now), back);
        }
    }

    /// A class has left a line.
    pub(super) fn left(&mut self, now: Mono, line: u64) {
        if let Some(crowd) = self.lines.get_mut(&line).filter(|crowd| crowd.ours) {
            crowd.left = Some(Left {
                at: now,
                totals: Vec::new(),
            });
        }
    }

    /// A line suffers from its own traffic.
    pub(super) fn is_ours(&self, line: u64) -> bool {
        self.lines.get(&line).is_some_and(|crowd| crowd.ours)
    }

    /// A line suffers since this class came, the last to come.
    pub(super) fn is_by(&self, seat: Seated, line: u64) -> bool {
        let crowd = self.lines.get(&line).filter(|crowd| crowd.ours);
        let last = crowd.and_then(|crowd| crowd.last);
        last.is_some_and(|(last, _)| last == seat)
    }

    /// Where a class returns to, because its coming harms others on the line that it is on.
    pub(super) fn returns(&self, seat: Seated, line: u64) -> Option<u64> {
        let crowd = self.lines.get(&line).filter(|crowd| crowd.ours)?;
        let (_, from) = crowd.last.filter(|(last, _)| *last == seat)?;
        let others = self.seats.get(&line).is_some_and(|seats| *seats > 1);
        others.then_some(from)
    }

    /// How long ago one class has left a line that suffered from its own traffic, if it is not
    /// shown that what `breach` says goes on without it.
    pub(super) fn relieved(
        &self,
        now: Mono,
        line: &Candidate<'_>,
        breach: &Breach,
    ) -> Option<Duration> {
        let crowd = self.lines.get(&line.line)?;
        let left = crowd.left.as_ref()?;
        let mut totals = left.totals.iter();
        let totals = totals.find(|(seen_by, _)| *seen_by == line.probe_class);
        // No traffic makes packets too long.
        if breach.obstruction.is_some() {
            return None;
        }
        let goes_on = match breach.metric {
            Metric::Loss => totals.is_some_and(|(_, (probes, lost))| {
                let (now_probes, now_lost) = line.estimator.totals();
                let more = |now: u64, before: u64| now.saturating_sub(before);
                harmed(more(now_probes, *probes), more(now_lost, *lost), breach)
            }),
            Metric::RoundTrip | Metric::Jitter => {
                let measured = breach.metric.measured(&line.estimate.window);
                let is_above = measured.is_some_and(|measured| measured > breach.limit);
                is_above && now.since(left.at) >= SETTLES
            }
        };
        (!goes_on).then(|| now.since(left.at))
    }

    /// Whether there is room on `other` for a class that leaves `line`, which its traffic fills.
    /// What isn't known is no obstacle.
    pub(super) fn has_room(&self, line: &Candidate<'_>, other: &Candidate<'_>) -> bool {
        let (Some(rates), Some(others)) = (line.rates, other.rates) else {
            return true;
        };
        let classes = self.seats.get(&line.line).copied().unwrap_or(1).max(1);
        let ways = rates.iter().zip(others).zip(other.capacity);
        let mut ways = ways.filter_map(|((rate, there), capacity)| {
            Some(rate / f64::from(classes) + there <= FULL * capacity?)
        });
        !is_full(line) || ways.all(|has_room| has_room)
    }
}

impl Crowd {
    fn look(&mut self, now: Mono, line: &[Candidate<'_>], full: bool) {
        let suffers = suffers(line);
        if suffers {
            let came = self.came.is_some_and(|came| now.since(came) < SOON);
            self.ours |= full || (came && !self.suffers);
        } else {
            self.ours = false;
            self.left = None;
        }
        self.suffers = suffers;
        if let Some(left) = &mut self.left
            && left.totals.is_empty()
            && now.since(left.at) >= DRAINS
        {
            let totals = |seen: &Candidate<'_>| (seen.probe_class, seen.estimator.totals());
            left.totals = line.iter().map(totals).collect();
        }
    }
}

/// Some limit of some class looks broken there, whichever probes say so.
fn suffers(line: &[Candidate<'_>]) -> bool {
    let mut watches = line.iter().flat_map(|seen| seen.estimator.watches());
    watches.any(Watch::alarm)
}

fn is_full(line: &Candidate<'_>) -> bool {
    line.overflows || line.used().is_some_and(|used| used >= FULL)
}
