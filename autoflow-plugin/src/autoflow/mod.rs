//! Which line each class of each group takes, and why. Pure: no clock, no I/O, no threads.
//!
//! ```text
//! Watches ──► Detector ─► Standing ─┬► Pacer ─► RateRequest: probe this line faster
//!  of each     (line, class)        ├► choose ─► Step ─► Seat ─► Choice ─► Choices
//!  line ────► Places (guards) ──────┘                     └────► Ruling ─► Log
//! ```
//!
//! | file | question it answers |
//! |---|---|
//! | `policy` | what was configured? |
//! | `detect` | is this line good for this class? |
//! | `pace` | which lines are worth a closer look, and is there room for it? |
//! | `spared` | is another line spared what harms this one? |
//! | `guard`  | whose fault is a silence: the line's, or that of all lines at one place? |
//! | `choose` | stay or move, and on what ground? |
//! | `seat` | where a class of a group is now, and what it has been through |
//! | `damping`| how long must a line be clean before it is used again? |
//! | `reason` | how to say it, and where it is kept |
//! | `choices` | what the host looks up |

mod choices;
mod choose;
mod damping;
mod detect;
mod guard;
mod pace;
mod policy;
mod reason;
#[cfg(test)]
mod scenarios;
mod seat;
mod spared;

use std::collections::{HashMap, HashSet};

use plugin_abi::answer;
use plugin_abi::config::{Class, Mode};
use twamp_core::time::{Mono, Now};

use crate::line::{Demand, Estimate, Estimator, score, score_over};
use choose::{Rank, Row, Situation};
use detect::{Detector, Standing, Verdict};
use guard::Places;
use pace::Pacer;
use reason::Log;
use seat::Seat;

pub(crate) use choices::{Choice, Choices};
pub(crate) use pace::RateRequest;
pub(crate) use policy::Policy;
pub(crate) use reason::Ruling;

/// A line that may be chosen, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// The host's id.
    pub(crate) line: u64,
    /// What people call it.
    pub(crate) name: &'a str,
    /// Lower is preferred.
    pub(crate) cost: u32,
    /// The physical uplink it runs over.
    pub(crate) underlay: &'a str,
    /// Who is at the other end.
    pub(crate) far_end: &'a str,
    /// Its traffic is paid by volume.
    pub(crate) metered: bool,
    /// The groups it is in.
    pub(crate) groups: &'a [u64],
    /// What was seen of its probes.
    pub(crate) estimator: &'a Estimator,
    /// What its probes say.
    pub(crate) estimate: &'a Estimate,
}

/// What one look at the lines led to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decided {
    /// Every switch, and every refusal that began or changed.
    pub(crate) rulings: Vec<Ruling>,
    /// [`AutoFlow::choices`] is another than before.
    pub(crate) choices_changed: bool,
    /// Lines that are to be probed at another rate.
    pub(crate) rates: Vec<RateRequest>,
}

/// Auto flow control of one engine.
#[derive(Debug)]
pub(crate) struct AutoFlow {
    policy: Policy,
    /// By line and class.
    detectors: HashMap<(u64, u64), Detector>,
    /// By group and class.
    seats: HashMap<(u64, u64), Seat>,
    choices: Choices,
    pacer: Pacer,
    log: Log,
}

impl AutoFlow {
    /// Nothing is chosen yet.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            detectors: HashMap::new(),
            seats: HashMap::new(),
            choices: Choices::default(),
            pacer: Pacer::default(),
            log: Log::default(),
        }
    }

    /// From now on another policy holds. What was learned and chosen stays.
    pub(crate) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// What is to be watched on each line.
    pub(crate) fn demands(&self) -> &[Demand] {
        self.policy.demands()
    }

    /// Looks at all lines of the engine and decides for every class of every group.
    pub(crate) fn decide(&mut self, now: Now, candidates: &[Candidate<'_>]) -> Decided {
        let standings = self.judge(now.mono, candidates);
        // Where nothing is to be chosen, nobody asks who shares a group or a place.
        let compared = match self.policy.seats().next() {
            Some(_) => candidates,
            None => &[],
        };
        let members = members(compared);
        let places = Places::of(compared);
        let mut seats = std::mem::take(&mut self.seats);
        let mut choices = HashMap::new();
        let mut rulings = Vec::new();
        let mut suspects = Vec::new();
        for (group, class, mode) in self.policy.seats() {
            let key = (group, class.id);
            let mut seat = seats.remove(&key).unwrap_or_default();
            let lines = members.get(&group).map_or(&[][..], Vec::as_slice);
            let rows = rows(candidates, lines, class, &standings);
            let situation = Situation {
                now: now.mono,
                rows: &rows,
                places: &places,
                dwell: self.policy.dwell,
                failback: self.policy.failback,
            };
            if let Some(said) = seat.decide(&situation) {
                rulings.push(said.ruling(now, group, class));
            }
            choices.insert(key, self.choice(now.mono, &seat, &rows, mode));
            suspect(&seat, &rows, &mut suspects);
            self.seats.insert(key, seat);
        }
        self.log.extend(&rulings);
        Decided {
            rulings,
            choices_changed: self.choices.replace(choices),
            rates: self.pacer.pace(now.mono, candidates, &suspects),
        }
    }

    /// What the host looks up; cheap to clone.
    pub(crate) fn choices(&self) -> &Choices {
        &self.choices
    }

    /// What was ruled, newest first; the last 4096.
    pub(crate) fn rulings(&self) -> impl Iterator<Item = &Ruling> {
        self.log.newest_first()
    }

    /// One standing for each line and class.
    fn judge(&mut self, now: Mono, candidates: &[Candidate<'_>]) -> HashMap<(u64, u64), Standing> {
        let mut standings = HashMap::with_capacity(self.detectors.len());
        for candidate in candidates {
            let watches = candidate.estimator.watches();
            for (class, asks) in self.policy.classes() {
                let key = (candidate.line, class.id);
                let detector = self
                    .detectors
                    .entry(key)
                    .or_insert_with(|| Detector::new(now));
                let own = asks.iter().filter_map(|place| watches.get(*place));
                let standing = detector.judge(now, candidate.estimate, own, &class.sla);
                standings.insert(key, standing);
            }
        }
        if self.detectors.len() > standings.len() {
            self.detectors.retain(|key, _| standings.contains_key(key));
        }
        standings
    }

    fn choice(&self, now: Mono, seat: &Seat, rows: &[Row<'_>], mode: Mode) -> Choice {
        let newest = rows
            .iter()
            .filter_map(|row| row.candidate.estimate.last_reply)
            .max();
        let fresh = newest.is_some_and(|reply| now.since(reply) <= self.policy.stale_after);
        let good = rows.iter().any(|row| row.standing.verdict == Verdict::Good);
        let on = seat
            .line()
            .and_then(|line| rows.iter().find(|row| row.candidate.line == line));
        let answer = match on {
            Some(on) if mode == Mode::Act && fresh => match on.standing.verdict {
                Verdict::Dead | Verdict::Unmeasured => answer::KEEP,
                _ if good => answer::LINE,
                _ => answer::BEST_OF_BAD,
            },
            _ => answer::NO_OPINION,
        };
        Choice {
            line: seat.line(),
            answer,
            reason: seat.reason(),
            mode,
            since: seat.since(),
        }
    }
}

/// Which lines a closer look would help: the one that the class is on, as long as it is suspect;
/// after its alarm the best of the others, which must be shown to be spared.
fn suspect(seat: &Seat, rows: &[Row<'_>], suspects: &mut Vec<u64>) {
    let on = seat.line();
    let Some(row) = rows.iter().find(|row| Some(row.candidate.line) == on) else {
        return;
    };
    if row.standing.raised {
        suspects.push(row.candidate.line);
    }
    if row.standing.alarm {
        let mut others = rows.iter().filter(|row| Some(row.candidate.line) != on);
        let next = others.find(|row| row.standing.fit);
        suspects.extend(next.map(|row| row.candidate.line));
    }
}

/// Candidates of each group, by index.
fn members(candidates: &[Candidate<'_>]) -> HashMap<u64, Vec<usize>> {
    let mut members: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let groups: HashSet<u64> = candidate.groups.iter().copied().collect();
        for group in groups {
            members.entry(group).or_default().push(index);
        }
    }
    members
}

/// The lines of a group as a class sees them, the most preferred first.
fn rows<'a>(
    candidates: &'a [Candidate<'a>],
    lines: &[usize],
    class: &Class,
    standings: &HashMap<(u64, u64), Standing>,
) -> Vec<Row<'a>> {
    let row = |&index: &usize| {
        let candidate = &candidates[index];
        let standing = *standings.get(&(candidate.line, class.id))?;
        let estimate = candidate.estimate;
        Some(Row {
            candidate,
            standing,
            score: score(estimate, &class.sla).unwrap_or(0),
            lasting_score: score_over(&estimate.recent, &class.sla).unwrap_or(0),
            rank: rank(candidate, class),
        })
    };
    let mut rows: Vec<Row<'_>> = lines.iter().filter_map(row).collect();
    rows.sort_unstable_by_key(|row| (row.rank, row.candidate.line));
    rows
}

/// Underlays that the class prefers come first, the rest follows by cost.
fn rank(candidate: &Candidate<'_>, class: &Class) -> Rank {
    let preferred = class
        .prefer
        .iter()
        .position(|underlay| underlay == candidate.underlay);
    (preferred.unwrap_or(class.prefer.len()), candidate.cost)
}
