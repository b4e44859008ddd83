//! Which metered lines are probed more seldom, because nobody has need of them.
//!
//! ```text
//!            no class is on it, each has a line that nothing speaks against,
//!   at rest ─────────────────────────────────────────────────────────────────► on standby
//!      ▲      and it is known whether it would do, all that for ten seconds         │
//!      └──────── at once, with a probe, when one of that ends ──────────────────────┘
//! ```
//!
//! The first lost probe of the line in use wakes the others, or the first that is overdue: so they
//! have answered by the time that line is dead.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use twamp_core::time::Mono;

use super::Candidate;
use super::choose::Row;
use super::detect::Verdict;
use super::lines::Lines;
use super::pace::{RateRequest, Suspect};
use super::seat::Seat;
use crate::session::Rate;

/// A line is on standby when nobody had need of it for so long.
const LINGERS: Duration = Duration::from_secs(10);

/// The lines that some class has need of at this moment.
#[derive(Debug, Default)]
pub(super) struct Needs(HashSet<u64>);

impl Needs {
    /// Those that a class of a group has need of.
    pub(super) fn of(&mut self, now: Mono, seat: &Seat, rows: &[Row<'_>]) {
        if rows.iter().all(|row| !row.candidate.has_standby) {
            return;
        }
        let uses = |row: &&Row<'_>| seat.uses(row.candidate.line);
        let is_uneasy =
            seat.line().is_none() || rows.iter().filter(uses).any(|row| row.is_uneasy(now));
        let needed = rows
            .iter()
            .filter(|row| is_uneasy || uses(row) || row.is_in_doubt());
        self.0.extend(needed.map(|row| row.candidate.line));
    }
}

impl Row<'_> {
    /// Something speaks against it, if only a little.
    fn is_uneasy(&self, now: Mono) -> bool {
        let standing = &self.standing;
        standing.raised
            || standing.halfway
            || standing.alarm
            || matches!(standing.verdict, Verdict::Dead | Verdict::Breaks(_))
            || self.candidate.estimate.is_overdue(now)
    }

    /// It is not known whether it would do.
    fn is_in_doubt(&self) -> bool {
        matches!(
            self.standing.verdict,
            Verdict::Unknown | Verdict::Recovering
        )
    }
}

/// Who is on standby.
#[derive(Debug, Default)]
pub(super) struct Standby {
    /// Until when a line was needed, at least.
    needed: HashMap<u64, Mono>,
    asleep: HashSet<Suspect>,
}

impl Standby {
    /// A session begins at rest.
    pub(super) fn begins(&mut self, session: Suspect) {
        self.asleep.remove(&session);
    }

    /// Answers what changes. A line that is in none of these groups, from which classes choose, is
    /// never on standby.
    pub(super) fn look(
        &mut self,
        now: Mono,
        lines: Lines<'_>,
        groups: impl Iterator<Item = u64>,
        needs: &Needs,
    ) -> Vec<RateRequest> {
        let mut requests = Vec::new();
        let mut all = lines.all().flatten();
        if self.needed.is_empty() && all.all(|candidate| !candidate.has_standby) {
            return requests;
        }
        let groups: HashSet<u64> = groups.collect();
        let is_offered = |line: &Candidate<'_>| line.groups.iter().any(|id| groups.contains(id));
        let mut known = HashSet::new();
        for candidate in lines.all().flatten() {
            let session = Suspect::of(candidate);
            if !candidate.has_standby {
                if self.asleep.remove(&session) {
                    requests.push(session.request(Rate::Rest));
                }
                continue;
            }
            known.insert(candidate.line);
            let needed = needs.0.contains(&candidate.line) || !is_offered(candidate);
            let last = self.needed.entry(candidate.line).or_insert(now);
            if needed {
                *last = now;
            }
            let rests = now.since(*last) >= LINGERS;
            if rests && self.asleep.insert(session) {
                requests.push(session.request(Rate::Standby));
            } else if !rests && self.asleep.remove(&session) {
                requests.push(session.request(Rate::Rest));
            }
        }
        if self.needed.len() > known.len() {
            self.needed.retain(|line, _| known.contains(line));
            self.asleep.retain(|session| known.contains(&session.line));
        }
        requests
    }
}
