//! How many octets the probes of a line may take in a calendar month (UTC), and when the next one
//! may leave.
//!
//! ```text
//!   share of the month, octets
//!   ├────────── probes leave as asked ──────────┼── spread over what is left ──┤ none till it ends
//!   0                                          4/5                             1
//! ```
//!
//! Counted is what is on the wire, IP header on, both ways: a probe leaves only if there is room for
//! it and for the longest reply that came so far, and what was lost is paid all the same. So the
//! share is never exceeded, but by what others send unasked. What begins within a month has the
//! part of the budget that the part of the month has which is left: nothing is known of before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use twamp_core::time::Wall;

use super::Key;

/// Of the share, one part of so many is spread over what is left of the month.
const SPREAD: u64 = 5;

/// The budget of one line. A clone is the same: of several sessions, whichever threads they are on.
#[derive(Clone, Debug)]
pub(crate) struct Meter(Arc<Mutex<Account>>);

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Balance {
    /// Octets that it has this month: all of the budget, or the part since it began.
    pub(crate) share: u64,
    /// Of those, what is used.
    pub(crate) used: u64,
    /// When the month ends.
    pub(crate) until: Wall,
    /// Probes are so far apart, as asked if that is longer; `None`: none leaves till then.
    pub(crate) spacing: Option<Duration>,
}

#[derive(Debug)]
struct Account {
    /// Octets a month.
    budget: u64,
    month: Month,
    /// The part of the month that it was there for, when it began.
    part: f64,
    used: u64,
    /// What one probe of each session takes.
    round: Vec<(Key, u64)>,
}

/// A calendar month, in UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Month {
    begin: Wall,
    end: Wall,
}

impl Meter {
    /// So many octets a month, from now on.
    pub(crate) fn new(budget: u64, now: Wall) -> Self {
        let month = Month::of(now);
        Self(Arc::new(Mutex::new(Account {
            budget,
            month,
            part: month.part_left(now),
            used: 0,
            round: Vec::new(),
        })))
    }

    /// Another budget from now on; what is used stays used.
    pub(crate) fn limit(&self, budget: u64) {
        self.account().budget = budget;
    }

    /// How it stands.
    pub(crate) fn balance(&self, now: Wall) -> Balance {
        let mut account = self.account();
        account.turn(now);
        Balance {
            share: account.share(),
            used: account.used,
            until: account.month.end,
            spacing: account.spacing(now),
        }
    }

    /// A probe of a session wants to leave, which takes so many octets with its reply. If it may,
    /// answers how far the next one must be, else how long none may.
    pub(super) fn take(&self, session: Key, octets: u64, now: Wall) -> Result<Duration, Duration> {
        let mut account = self.account();
        account.turn(now);
        match account.round.iter_mut().find(|(of, _)| *of == session) {
            Some((_, known)) => *known = octets,
            None => account.round.push((session, octets)),
        }
        if account.left() < octets {
            return Err(account.month.left(now));
        }
        account.used += octets;
        // Where there is no room for another one, that is said when it is asked for.
        Ok(account.spacing(now).unwrap_or_default())
    }

    /// More came than was reckoned with.
    pub(crate) fn more(&self, octets: u64) {
        let mut account = self.account();
        account.used = account.used.saturating_add(octets);
    }

    /// A probe did not leave after all.
    pub(super) fn give_back(&self, octets: u64) {
        let mut account = self.account();
        account.used = account.used.saturating_sub(octets);
    }

    /// A session is over.
    pub(super) fn leave(&self, session: Key) {
        self.account().round.retain(|(of, _)| *of != session);
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Another month begins, and nothing of it is used. A clock that was set back changes nothing.
    fn turn(&mut self, now: Wall) {
        if now >= self.month.end {
            self.month = Month::of(now);
            self.part = self.month.part_left(now);
            self.used = 0;
        }
    }

    fn share(&self) -> u64 {
        (self.budget as f64 * self.part) as u64
    }

    fn left(&self) -> u64 {
        self.share().saturating_sub(self.used)
    }

    /// Between two probes of a session, at least: nothing before the last fifth; `None` if there is
    /// no room for one of each.
    fn spacing(&self, now: Wall) -> Option<Duration> {
        let round: u64 = self.round.iter().map(|(_, octets)| octets).sum();
        let left = self.left();
        if left > self.share() / SPREAD {
            return Some(Duration::ZERO);
        }
        let rounds = left as f64 / round.max(1) as f64;
        (rounds >= 1.0).then(|| self.month.left(now).div_f64(rounds + 1.0))
    }
}

impl Month {
    fn of(now: Wall) -> Self {
        let at = Timestamp::from_nanosecond(now.nanos().into()).unwrap_or_default();
        let first = TimeZone::UTC.to_datetime(at).date().first_of_month();
        let next = first.checked_add(1.month()).unwrap_or(Date::MAX);
        Self {
            begin: midnight(first),
            end: midnight(next),
        }
    }

    /// Of the month, more or less: a clock may have been set back since.
    fn left(self, now: Wall) -> Duration {
        Duration::from_nanos(self.end.since(now.max(self.begin)).max(0).unsigned_abs())
    }

    fn part_left(self, now: Wall) -> f64 {
        self.left(now).div_duration_f64(self.left(self.begin))
    }
}

fn midnight(date: Date) -> Wall {
    let at = TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
    let nanos = at.map_or(i128::MAX, Timestamp::as_nanosecond);
    Wall(i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
