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
//! | `lines` | how does each probe class see the lines? |
//! | `detect` | is this line good for this class? |
//! | `pace` | which lines are worth a closer look, and is there room for it? |
//! | `standby` | which metered lines has nobody need of, and which are woken? |
//! | `spared` | is another line spared what harms this one? |
//! | `rival` | is another line that keeps the SLA as well shown to be better? |
//! | `guard`  | whose fault is a silence: the line's, or that of all lines at one place? |
//! | `crowd` | does a line suffer from our own traffic, and has it been relieved? |
//! | `choose` | stay or move, and on what ground? |
//! | `overrides` | what has somebody laid upon the decisions, and does it hold now? |
//! | `ordered` | stay or move, where somebody has ordered it? |
//! | `spread` | which lines share a class, and with what weight? |
//! | `shares` | which of them does a flow take? |
//! | `seat` | where a class of a group is now, and what it has been through |
//! | `damping`| how long must a line be clean before it is used again? |
//! | `reason` | how to say it, and where it is kept |
//! | `worth` | what would decisions have been worth? |
//! | `choices` | what the host looks up |

mod choices;
mod choose;
mod crowd;
mod damping;
mod detect;
mod guard;
mod lines;
mod ordered;
mod overrides;
mod pace;
mod policy;
mod reason;
mod rival;
#[cfg(test)]
mod scenarios;
mod seat;
mod shares;
mod spared;
mod spread;
mod standby;
mod worth;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use plugin_abi::answer;
use plugin_abi::config::{Class, Mode, Strategy};
use twamp_core::time::{Mono, Now};

use crate::line::{Demand, Estimate, Estimator, FullSize, Metric, Obstruction, State};
use choose::{Rank, Row, Situation};
use crowd::Crowds;
use detect::{Detector, Standing, Verdict};
use guard::Places;
use lines::Lines;
use pace::{Pacer, Suspect};
use policy::Asked;
use reason::Log;
use seat::Seat;
use standby::{Needs, Standby};

pub(crate) use choices::{Choice, Choices};
pub(crate) use overrides::{Held, Ordered, Overrides};
pub(crate) use pace::RateRequest;
pub(crate) use policy::Policy;
pub(crate) use reason::Ruling;
pub(crate) use worth::Worth;

/// What a line said so many intervals ago is stale.
const STALE_INTERVALS: u32 = 3;

/// A line that may be chosen, and what one probe class knows of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// The host's id.
    pub(crate) line: u64,
    /// The probe class that sees it so.
    pub(crate) probe_class: u64,
    /// What people call it.
    pub(crate) name: &'a str,
    /// Lower is preferred.
    pub(crate) cost: u32,
    /// The physical uplink it runs over.
    pub(crate) underlay: &'a str,
    /// Who is at the other end.
    pub(crate) far_end: &'a str,
    /// It is probed more seldom while nobody has need of it.
    pub(crate) has_standby: bool,
    /// Its flows may be moved while it lives.
    pub(crate) movable: bool,
    /// Towards the far end and from it, in Mbit/s.
    pub(crate) capacity: [Option<f64>; 2],
    /// Its traffic, as the host tells, likewise.
    pub(crate) rates: Option<[f64; 2]>,
    /// The host's own queue of it has overflowed of late.
    pub(crate) overflows: bool,
    /// The groups it is in.
    pub(crate) groups: &'a [u64],
    /// What was seen of its probes of full size, if it has any.
    pub(crate) full_size: Option<&'a FullSize>,
    /// What was seen of its probes.
    pub(crate) estimator: &'a Estimator,
    /// What its probes say.
    pub(crate) estimate: &'a Estimate,
}

impl Candidate<'_> {
    /// The part of its capacity that its traffic takes, of the fuller way.
    fn used(&self) -> Option<f64> {
        let rates = self.rates?;
        let parts = self.capacity.iter().zip(rates);
        let parts = parts.filter_map(|(capacity, rate)| Some(rate / (*capacity)?));
        parts.reduce(f64::max)
    }
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
    /// Every limit that is broken now.
    pub(crate) broken: Vec<Broken>,
}

/// A line breaks a limit of a class, surely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Broken {
    /// The line.
    pub(crate) line: u64,
    /// The class.
    pub(crate) class: u64,
    /// Which figure.
    pub(crate) metric: Metric,
    /// What it is, in the unit of the limit.
    pub(crate) measured: f64,
    /// The most it may be.
    pub(crate) limit: f64,
    /// It is not that figure: packets as long as the class needs don't come through.
    pub(crate) obstruction: Option<Obstruction>,
}

/// Auto flow control of one engine.
#[derive(Debug)]
pub(crate) struct AutoFlow {
    policy: Policy,
    /// Of each line, by class; the lines as they were at the last look.
    detectors: Vec<Judged>,
    /// Candidates of each group, by index, as they were at the last look.
    members: Members,
    /// By group and class.
    seats: HashMap<(u64, u64), Seat>,
    choices: Choices,
    crowds: Crowds,
    pacer: Pacer,
    standby: Standby,
    log: Log,
}

impl AutoFlow {
    /// Nothing is chosen yet.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            detectors: Vec::new(),
            members: Members::default(),
            seats: HashMap::new(),
            choices: Choices::default(),
            crowds: Crowds::default(),
            pacer: Pacer::default(),
            standby: Standby::default(),
            log: Log::default(),
        }
    }

    /// From now on another policy holds. What was learned and chosen stays.
    pub(crate) fn set_policy(&mut self, policy: Policy) {
        let before: Vec<u64> = self.policy.classes.iter().map(|class| class.id).collect();
        for judged in &mut self.detectors {
            let known = std::mem::take(&mut judged.by_class);
            let mut known: Vec<_> = before.iter().copied().zip(known).collect();
            judged.by_class = policy
                .classes
                .iter()
                .map(|class| {
                    let place = known.iter().position(|(id, _)| *id == class.id);
                    place.map_or_else(Detector::default, |place| known.swap_remove(place).1)
                })
                .collect();
        }
        self.policy = policy;
    }

    /// What the probe class at this place is to watch on each line.
    pub(crate) fn demands(&self, place: usize) -> &[Demand] {
        self.policy.demands(place)
    }

    /// Looks at all lines of the engine and decides for every class of every group. Of each line
    /// there is a candidate for each probe class in use, in their order.
    pub(crate) fn decide(&mut self, now: Now, candidates: &[Candidate<'_>]) -> Decided {
        let lines = Lines::new(candidates, self.policy.probe_classes());
        let overrides = std::mem::take(&mut self.policy.overrides);
        let holding = overrides.at(now.wall);
        let asked = self.policy.asked(&holding);
        let standings = self.judge(now.mono, lines, &asked);
        self.members.update(lines);
        self.choices
            .look(lines, |line| holding.withdrawal(line).is_some());
        let on = self.seats.values().filter_map(Seat::line);
        self.crowds.look(now.mono, lines, on);
        // Who shares a silence is asked only where there is one.
        let dead = |candidate: &Candidate<'_>| candidate.estimate.state == State::Dead;
        let places = lines.iter().any(dead).then(|| Places::of(lines));
        let mut decided = Decided {
            broken: self.broken(lines, &standings),
            ..Decided::default()
        };
        let mut suspects = Vec::new();
        let mut needs = Needs::default();
        let mut changed = Vec::new();
        let mut seats = 0;
        for (group, place, class, mode) in self.policy.seats() {
            let key = (group.id, class.id);
            let seat = self.seats.entry(key).or_default();
            let row = |&line: &usize| {
                let candidate = lines.seen(line, asked[place].seen);
                Row {
                    candidate,
                    standing: standings[line * asked.len() + place],
                    sla: &asked[place].sla,
                    rank: rank(candidate, class),
                    withdrawn: holding.withdrawal(candidate.name).map(Ordered::of),
                }
            };
            let mut rows: Vec<Row<'_>> = self.members.of(group.id).iter().map(row).collect();
            rows.retain(|row| row.withdrawn.is_none() || seat.line() == Some(row.candidate.line));
            rows.sort_unstable_by_key(|row| (row.rank, row.candidate.line));
            let pin = holding.pin(&group.name, &class.name);
            let situation = Situation {
                now: now.mono,
                rows: &rows,
                places: places.as_ref(),
                pin,
                crowds: &self.crowds,
                strategy: class.strategy,
                moves: class.moves,
                seat: key,
                mistake_every: asked[place].mistake_every,
                dwell: self.policy.dwell,
                failback: self.policy.failback,
            };
            let before = seat.line();
            let said = seat.decide(&situation);
            if let Some(said) = said {
                seat.worth().ruled(said.switched);
                decided.rulings.push(said.ruling(now, group.id, class));
            }
            seat.worth().look(now.mono, seat.line(), &rows);
            let ordered = |line: &str| holding.weight(&group.name, &class.name, line);
            if let Some(changed) = seat.spread(&situation, ordered) {
                decided.rulings.push(changed.ruling(now, group.id, class));
            }
            if let (Some(from), to) = (before, seat.line())
                && to != before
            {
                self.crowds.left(now.mono, from);
                let back = seat.may_return().then_some((key, from));
                if let Some(to) = to.and_then(|to| lines.of(to)) {
                    self.crowds.came(now.mono, to, back);
                }
            }
            let choice = choice(now.mono, self.policy.stale_after, seat, &rows, class, mode);
            if self.choices.get(group.id, class.id) != Some(&choice) {
                changed.push((key, choice));
            }
            suspect(seat, &rows, &mut suspects);
            needs.of(now.mono, seat, &rows);
            seats += 1;
        }
        // What was decided before and is no more.
        if self.seats.len() > seats {
            let kept: HashSet<(u64, u64)> = self
                .policy
                .seats()
                .map(|(group, _, class, _)| (group.id, class.id))
                .collect();
            self.seats.retain(|key, _| kept.contains(key));
        }
        self.policy.overrides = overrides;
        self.log.extend(&decided.rulings);
        decided.choices_changed = self.choices.update(changed, &self.seats);
        // Who is woken may be raised at once.
        let groups = self.policy.seats().map(|(group, ..)| group.id);
        decided.rates = self.standby.look(now.mono, lines, groups, &needs);
        let rates = self.pacer.pace(now.mono, lines, &suspects);
        decided.rates.extend(rates);
        decided
    }

    /// A session begins, and so at rest: it measures this line for this probe class.
    pub(crate) fn begins(&mut self, line: u64, probe_class: u64) {
        self.standby.begins(Suspect { line, probe_class });
    }

    /// What the host looks up; cheap to clone.
    pub(crate) fn choices(&self) -> &Choices {
        &self.choices
    }

    /// What was ruled, newest first; the last 4096.
    pub(crate) fn rulings(&self) -> impl Iterator<Item = &Ruling> {
        self.log.newest_first()
    }

    /// What the standings of lines that may be chosen say is broken.
    fn broken(&self, lines: Lines<'_>, standings: &[Standing]) -> Vec<Broken> {
        let classes = &self.policy.classes;
        let of_lines = standings.chunks(classes.len().max(1));
        let chosen = lines.iter().zip(of_lines);
        let chosen = chosen.filter(|(candidate, _)| !candidate.groups.is_empty());
        let each = chosen.flat_map(|(candidate, standings)| {
            let by_class = classes.iter().zip(standings);
            by_class.filter_map(|(class, standing)| match &standing.verdict {
                Verdict::Breaks(breach) => Some(Broken {
                    line: candidate.line,
                    class: class.id,
                    metric: breach.metric,
                    measured: breach.measured,
                    limit: breach.limit,
                    obstruction: breach.obstruction.map(|(obstruction, _)| obstruction),
                }),
                _ => None,
            })
        });
        each.collect()
    }

    /// One standing for each line and class, line by line.
    fn judge(&mut self, now: Mono, lines: Lines<'_>, asked: &[Asked]) -> Vec<Standing> {
        let known = self.detectors.iter().map(|judged| judged.line);
        if !known.eq(lines.iter().map(|candidate| candidate.line)) {
            let known = std::mem::take(&mut self.detectors);
            let mut known: HashMap<u64, Judged> = known
                .into_iter()
                .map(|judged| (judged.line, judged))
                .collect();
            let all = lines.iter().map(|candidate| {
                known.remove(&candidate.line).unwrap_or_else(|| Judged {
                    line: candidate.line,
                    by_class: vec![Detector::default(); asked.len()],
                })
            });
            self.detectors = all.collect();
        }
        let mut standings = Vec::with_capacity(self.detectors.len() * asked.len());
        for (line, judged) in self.detectors.iter_mut().enumerate() {
            for (asked, detector) in asked.iter().zip(&mut judged.by_class) {
                let candidate = lines.seen(line, asked.seen);
                let watches = candidate.estimator.watches();
                let own = asked.places.iter().filter_map(|place| watches.get(*place));
                let Candidate {
                    estimate,
                    full_size,
                    ..
                } = *candidate;
                standings.push(detector.judge(now, estimate, &own, &asked.sla, full_size));
            }
        }
        standings
    }
}

/// What is known of a line.
#[derive(Debug)]
struct Judged {
    line: u64,
    by_class: Vec<Detector>,
}

/// Who is in which group.
#[derive(Debug, Default)]
struct Members {
    lines: Vec<(u64, Box<[u64]>)>,
    by_group: HashMap<u64, Vec<usize>>,
}

impl Members {
    /// Lines change seldom.
    fn update(&mut self, all: Lines<'_>) {
        let same = self.lines.len() == all.iter().len()
            && self.lines.iter().zip(all.iter()).all(|(known, candidate)| {
                (known.0, &*known.1) == (candidate.line, candidate.groups)
            });
        if same {
            return;
        }
        let lines = all.iter();
        self.lines = lines
            .map(|candidate| (candidate.line, candidate.groups.into()))
            .collect();
        self.by_group.clear();
        for (index, candidate) in all.iter().enumerate() {
            let groups: HashSet<u64> = candidate.groups.iter().copied().collect();
            for group in groups {
                self.by_group.entry(group).or_default().push(index);
            }
        }
    }

    fn of(&self, group: u64) -> &[usize] {
        self.by_group.get(&group).map_or(&[], Vec::as_slice)
    }
}

fn choice(
    now: Mono,
    stale_after: Duration,
    seat: &Seat,
    rows: &[Row<'_>],
    class: &Class,
    mode: Mode,
) -> Choice {
    // What is seldom probed is known for longer.
    let fresh = rows.iter().any(|row| {
        let known_for = stale_after.max(STALE_INTERVALS * row.candidate.estimator.interval());
        let last_reply = row.candidate.estimate.last_reply;
        last_reply.is_some_and(|reply| now.since(reply) <= known_for)
    });
    let on = seat
        .line()
        .and_then(|line| rows.iter().find(|row| row.candidate.line == line));
    let answer = match on {
        Some(on) if mode == Mode::Act && fresh => match on.standing.verdict {
            Verdict::Dead | Verdict::Unmeasured => answer::KEEP,
            _ if rows.iter().any(Row::is_good) => answer::LINE,
            _ => answer::BEST_OF_BAD,
        },
        _ => answer::NO_OPINION,
    };
    Choice {
        line: seat.line(),
        shares: seat.shares().cloned(),
        worth: seat.worth().clone(),
        follows: class.strategy == Strategy::FollowPeer && mode == Mode::Act,
        answer,
        reason: seat.reason(),
        mode,
        since: seat.since(),
    }
}

/// Which lines a closer look would help: those that the class is on, as long as they are suspect;
/// after an alarm the best of the others, which must be shown to be spared.
fn suspect(seat: &Seat, rows: &[Row<'_>], suspects: &mut Vec<Suspect>) {
    for row in rows.iter().filter(|row| seat.uses(row.candidate.line)) {
        let line = row.candidate.line;
        if row.standing.raised {
            suspects.push(Suspect::of(row.candidate));
        }
        if row.standing.alarm {
            let mut others = rows.iter().filter(|other| other.candidate.line != line);
            let next = others.find(|row| row.standing.fit);
            suspects.extend(next.map(|row| Suspect::of(row.candidate)));
        }
    }
}

/// Underlays that the class prefers come first, the rest follows by cost; where figures decide, all
/// are equal.
fn rank(candidate: &Candidate<'_>, class: &Class) -> Rank {
    let preferred = class
        .prefer
        .iter()
        .position(|underlay| underlay == candidate.underlay);
    match class.strategy {
        Strategy::BestScore => (0, 0),
        _ => (preferred.unwrap_or(class.prefer.len()), candidate.cost),
    }
}
