//! How long a line must be clean before a class returns to it.
//!
//! A return that fails within 15 minutes doubles the time, up to 15 minutes; each hour without
//! such a failure halves it. A line that the class itself has filled is another matter: it is good
//! whenever the class isn't there, so its time grows eightfold, up to two hours.

use std::time::Duration;

use twamp_core::time::Mono;

/// A return that fails later than this was no mistake.
const TRIAL: Duration = Duration::from_secs(15 * 60);
/// The clean time grows no further, unless it is configured longer.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Of a line that the class has filled: failures that one of these counts for, and the longest.
const FILLED: u32 = 3;
const LONGEST_FILLED: Duration = Duration::from_secs(2 * 3_600);
/// So much time without a failure halves the clean time.
const FORGIVES: Duration = Duration::from_secs(3600);

/// The history of one line as seen from one seat.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Damping {
    left: bool,
    returned_at: Option<Mono>,
    /// Returns that failed, less those forgiven up to `failed_at`.
    failures: u32,
    failed_at: Mono,
    /// The class has filled it.
    filled: bool,
}

impl Damping {
    /// The class comes to the line.
    pub(super) fn comes(&mut self, now: Mono) {
        self.returned_at = self.left.then_some(now);
    }

    /// The class leaves the line for the line's fault.
    pub(super) fn leaves(&mut self, now: Mono, base: Duration) {
        let failed = self
            .returned_at
            .take()
            .is_some_and(|returned| now.since(returned) < TRIAL);
        if failed {
            let capped = self.clean_time(now, base) >= longest(base);
            self.failures = self.standing_failures(now) + u32::from(!capped);
            self.failed_at = now;
        }
        self.left = true;
    }

    /// The class leaves the line, which it has filled.
    pub(super) fn fills(&mut self, now: Mono) {
        self.failures = (self.standing_failures(now) + FILLED).min(3 * FILLED);
        self.failed_at = now;
        self.returned_at = None;
        self.left = true;
        self.filled = true;
    }

    /// When the class left it the last time, if it has filled it.
    pub(super) fn filled_at(&self) -> Option<Mono> {
        self.filled.then_some(self.failed_at)
    }

    /// It was left for a fault before.
    pub(super) fn was_left(&self) -> bool {
        self.left
    }

    /// How long the line must be clean, where `base` is asked of a line without history.
    pub(super) fn clean_time(&self, now: Mono, base: Duration) -> Duration {
        let times = 1u32
            .checked_shl(self.standing_failures(now))
            .unwrap_or(u32::MAX);
        let longest = match self.filled {
            true => LONGEST_FILLED.max(base),
            false => longest(base),
        };
        base.saturating_mul(times).min(longest)
    }

    fn standing_failures(&self, now: Mono) -> u32 {
        let forgiven = now.since(self.failed_at).as_secs() / FORGIVES.as_secs();
        self.failures
            .saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

fn longest(base: Duration) -> Duration {
    LONGEST.max(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_secs(60);
    const MINUTE: u64 = 60;

    fn at(seconds: u64) -> Mono {
        Mono(seconds * 1_000_000_000)
    }

    fn clean_seconds(damping: &Damping, now: u64) -> u64 {
        damping.clean_time(at(now), BASE).as_secs()
    }

    /// Leaves at 0 and fails `times` returns, each after a minute.
    fn failing(times: u64) -> Damping {
        let mut damping = Damping::default();
        damping.comes(at(0));
        damping.leaves(at(0), BASE);
        for n in 0..times {
            damping.comes(at(n * 2 * MINUTE));
            damping.leaves(at((n * 2 + 1) * MINUTE), BASE);
        }
        damping
    }

    #[test]
    fn leaving_for_the_first_time_costs_nothing() {
        assert_eq!(clean_seconds(&failing(0), 1), 60);
    }

    #[test]
    fn each_failed_return_doubles_the_clean_time_up_to_fifteen_minutes() {
        let seconds: Vec<_> = (1..7)
            .map(|n| clean_seconds(&failing(n), n * 2 * MINUTE))
            .collect();
        assert_eq!(seconds, [120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn each_clean_hour_halves_the_clean_time() {
        let damping = failing(20);
        let failed = 39 * MINUTE;
        let seconds = [0, 1, 2, 3, 4, 9].map(|hour| clean_seconds(&damping, failed + hour * 3600));
        assert_eq!(seconds, [900, 480, 240, 120, 60, 60]);
    }

    #[test]
    fn a_return_that_lasts_fifteen_minutes_did_not_fail() {
        let mut damping = failing(1);
        damping.comes(at(10 * MINUTE));
        damping.leaves(at(26 * MINUTE), BASE);
        assert_eq!(clean_seconds(&damping, 27 * MINUTE), 120);
    }
}
