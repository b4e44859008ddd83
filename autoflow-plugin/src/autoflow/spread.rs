//! A class that is spread over all lines that keep its SLA: who is among them, with what weight.
//!
//! ```text
//!   weight = capacity × score × room that is left × what somebody has ordered
//! ```
//!
//! A line leaves on the grounds on which a class leaves its line, and comes back as a class
//! returns. Weights change only where they differ clearly, and not before the dwell: flows stay
//! where they are.

use std::time::Duration;

use plugin_abi::reason;
use twamp_core::time::Mono;

use super::choose::Row;
use super::detect::Verdict;
use super::guard::is_heard;
use super::seat::Seat;
use super::shares::Shares;
use super::spared::{Baseline, Spared};

/// A weight is another if it differs by this part.
const CLEARLY: f32 = 0.25;
/// The least that a score or a lack of room leaves of a weight.
const LEAST: f32 = 0.1;
/// Room is short from this part of the capacity on.
const FULL: f64 = 0.8;

/// Who shares the flows of a class.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    members: Vec<Member>,
    shares: Option<Shares>,
    weighed: Mono,
    /// It has been spread before: who joins is no beginning.
    begun: bool,
}

#[derive(Clone, Debug)]
struct Member {
    line: u64,
    name: String,
    /// Of capacity, score and room.
    weight: f32,
    /// What somebody makes of it.
    ordered: f32,
    /// From when it became suspect.
    baseline: Option<Baseline>,
}

/// A change of who shares the flows.
#[derive(Clone, Debug)]
pub(super) struct Respread {
    pub(super) from: Option<u64>,
    pub(super) to: Option<u64>,
    /// One of [`reason`].
    pub(super) reason: u32,
    /// What a sentence says after the name of the class.
    pub(super) words: String,
}

/// What a spread is decided by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a, F> {
    pub(super) now: Mono,
    pub(super) rows: &'a [Row<'a>],
    pub(super) dwell: Duration,
    pub(super) failback: Duration,
    /// What somebody makes of a line's weight, by its name.
    pub(super) ordered: F,
}

impl Spread {
    /// Where flows go by their hash; `None`: all to one line.
    pub(super) fn shares(&self) -> Option<&Shares> {
        self.shares.as_ref()
    }

    /// Does a line share the flows?
    pub(super) fn uses(&self, line: u64) -> bool {
        self.members.iter().any(|member| member.line == line)
    }

    /// Who shares the flows of a class that is on `seat`, from now on. Answers what has changed.
    pub(super) fn decide<F: Fn(&str) -> f32>(
        &mut self,
        seat: &mut Seat,
        at: &Ground<'_, F>,
    ) -> Option<Respread> {
        let left = self.left(seat, at);
        let joined = self.joined(seat, at);
        let weighed = self.weigh(at);
        if left.is_none() && joined.is_none() && !weighed {
            return None;
        }
        let had = self.shares.take();
        let weights = self
            .members
            .iter()
            .map(|of| (of.line, of.weight * of.ordered));
        self.shares = Shares::of(weights).filter(|shares| shares.parts().len() > 1);
        let on = seat.line();
        match (left, joined) {
            (Some((line, reason, words)), _) => Some(Respread {
                from: Some(line),
                to: on.filter(|on| *on != line),
                reason,
                words: format!("{words}; {}", self.words()),
            }),
            (_, joined) if self.shares != had && self.begun | self.shares.is_some() => {
                self.begun = true;
                Some(Respread {
                    from: on,
                    to: joined.or(on),
                    reason: reason::SPREAD,
                    words: format!("is {}", self.words()),
                })
            }
            _ => None,
        }
    }

    /// Those who are gone, or that are left for a fault of theirs: the last of them.
    fn left<F>(&mut self, seat: &mut Seat, at: &Ground<'_, F>) -> Option<(u64, u32, String)> {
        let mut left = None;
        let mut place = 0;
        while place < self.members.len() {
            let member = &self.members[place];
            let row = at.rows.iter().find(|row| row.candidate.line == member.line);
            let words = match row {
                None => Some((reason::LINE_GONE, "was taken away".to_owned())),
                Some(row) => self.leaves(place, row, seat, at),
            };
            match words {
                Some((reason, why)) => {
                    let member = self.members.remove(place);
                    if reason != reason::LINE_GONE {
                        seat.left_for_a_fault(member.line, at.now, at.failback);
                    }
                    let name = member.name;
                    left = Some((member.line, reason, format!("no longer uses {name}: {why}")));
                }
                None => {
                    self.suspect(place, at.rows);
                    place += 1;
                }
            }
        }
        left
    }

    fn leaves<F>(
        &self,
        place: usize,
        row: &Row<'_>,
        seat: &Seat,
        at: &Ground<'_, F>,
    ) -> Option<(u32, String)> {
        let member = &self.members[place];
        let is_on = seat.line() == Some(member.line);
        if let Some(order) = row.withdrawn.filter(|_| !is_on) {
            return Some((reason::WITHDRAWN, format!("{} is {order}", member.name)));
        }
        let others = at
            .rows
            .iter()
            .filter(|other| other.candidate.line != member.line);
        match row.standing.verdict {
            Verdict::Dead if !is_on => {
                let estimate = row.candidate.estimate;
                let mut others = others;
                let heard = others.any(|of| is_heard(at.now, estimate, of.candidate.estimate));
                heard.then(|| (reason::DEAD, format!("{} is dead", member.name)))
            }
            Verdict::Breaks(breach) if !is_on => {
                let since = member.baseline.as_ref();
                let mut fit = others.filter(|other| other.standing.fit);
                let spared = fit.any(|other| Spared::of(since, other.candidate, &breach).shown);
                spared.then(|| (breach.reason(), breach.words()))
            }
            _ => None,
        }
    }

    /// From halfway to an alarm on, the other lines are counted beside a member.
    fn suspect(&mut self, place: usize, rows: &[Row<'_>]) {
        let member = &mut self.members[place];
        let row = rows.iter().find(|row| row.candidate.line == member.line);
        if row.is_none_or(|row| !row.standing.halfway) {
            member.baseline = None;
        } else if member.baseline.is_none() {
            member.baseline = Some(Baseline::of(rows));
        }
    }

    /// The line of the class and every good one; one that was left, after the time that a return
    /// takes. The last of them.
    fn joined<F>(&mut self, seat: &mut Seat, at: &Ground<'_, F>) -> Option<u64> {
        let mut joined = None;
        for row in at.rows {
            let line = row.candidate.line;
            let is_on = seat.line() == Some(line);
            if self.uses(line) {
                continue;
            }
            let clean = row.standing.clean_since.map(|since| at.now.since(since));
            let returns =
                !seat.was_left(line) || clean >= Some(seat.clean_time(line, at.now, at.failback));
            if is_on || (row.is_good() && row.standing.fit && row.withdrawn.is_none() && returns) {
                if !is_on {
                    seat.joined(line, at.now);
                }
                self.members.push(Member {
                    line,
                    name: row.candidate.name.to_owned(),
                    weight: 0.0,
                    ordered: 1.0,
                    baseline: None,
                });
                joined = Some(line);
            }
        }
        joined
    }

    /// Says whether a weight is another now.
    fn weigh<F: Fn(&str) -> f32>(&mut self, at: &Ground<'_, F>) -> bool {
        let known = at.rows.iter().filter_map(|row| row.candidate.capacity[0]);
        // What is not known is not more than what is.
        let least = known.fold(f64::INFINITY, f64::min);
        let least = if least.is_finite() { least } else { 1.0 };
        let is_due = at.now.since(self.weighed) >= at.dwell;
        let mut changed = false;
        for member in &mut self.members {
            let Some(row) = at.rows.iter().find(|row| row.candidate.line == member.line) else {
                continue;
            };
            let ordered = (at.ordered)(&member.name);
            changed |= member.ordered != ordered;
            member.ordered = ordered;
            let weight = weight(row, least, at.now);
            let differs = (weight - member.weight).abs() > CLEARLY * member.weight;
            // What makes a line suspect is for its verdict: others may suffer from it as well.
            let is_calm = row.standing.fit && !row.standing.halfway;
            if member.weight == 0.0 || (is_due && differs && is_calm) {
                member.weight = weight;
                changed = true;
            }
        }
        if changed {
            self.weighed = at.now;
        }
        changed
    }

    /// As `spread over A (62 %) and B (38 %)`.
    fn words(&self) -> String {
        let Some(shares) = &self.shares else {
            return "on one line".to_owned();
        };
        let named = |(line, part): (u64, f32)| {
            let name = self.members.iter().find(|member| member.line == line);
            let name = name.map_or("", |member| member.name.as_str());
            format!("{name} ({:.0} %)", part * 1e2)
        };
        let parts: Vec<_> = shares.parts().into_iter().map(named).collect();
        format!("spread over {}", parts.join(", "))
    }
}

fn weight(row: &Row<'_>, least_capacity: f64, now: Mono) -> f32 {
    let capacity = row.candidate.capacity[0].unwrap_or(least_capacity) as f32;
    let quality = row.lasting_score(now) as f32 / 1e2;
    capacity * quality.max(LEAST) * room(row)
}

/// Less than all from where little of the capacity is left.
fn room(row: &Row<'_>) -> f32 {
    let used = row.candidate.used().map_or(0.0, |used| used.min(1.0));
    let left = (1.0 - used) / (1.0 - FULL);
    left.clamp(LEAST.into(), 1.0) as f32
}
