//! Bursty loss: good and bad spells of a line, in continuous time.
//!
//! A two-state chain that leaves "good" at rate *a* and "bad" at rate *b* is the same process as
//! this one: at the moments of a Poisson process of rate *a + b* the state is drawn afresh, bad
//! with probability *a / (a + b)*. Both have the transition matrix Π + e^−(a+b)t (I − Π).
//!
//! A Poisson process can be looked up anywhere: time is cut into slots, and the moments inside a
//! slot are a function of the key and the slot's number alone. So the state at a time depends on
//! the key, the two means and that time, never on which times were asked before.

use super::draw::Draws;
use super::impairment::Burst;

/// Mean number of fresh draws in a slot: few to walk through, and seldom none.
const DRAWS_PER_SLOT: f64 = 4.0;

/// The good and bad spells of one direction.
#[derive(Debug, Clone)]
pub(super) struct Spells {
    draws: Draws,
    /// Mean time between fresh draws, in nanoseconds.
    between_ns: f64,
    slot_ns: u64,
    bad_share: f64,
    current: Spell,
}

/// A stretch of time, `from ≤ t < until` in nanoseconds, in which the state stays the same.
#[derive(Debug, Clone, Copy)]
struct Spell {
    from: u64,
    until: u64,
    bad: bool,
}

impl Spells {
    /// The spells of a direction whose family of draws is `draws`.
    pub(super) fn new(draws: Draws, burst: &Burst) -> Self {
        let (leave_good, leave_bad) = (1.0 / burst.good_s, 1.0 / burst.bad_s);
        let between_ns = 1e9 / (leave_good + leave_bad);
        let nowhere = Spell {
            from: 0,
            until: 0,
            bad: false,
        };
        Self {
            draws,
            between_ns,
            slot_ns: ((between_ns * DRAWS_PER_SLOT) as u64).max(1),
            bad_share: leave_good / (leave_good + leave_bad),
            current: nowhere,
        }
    }

    /// Whether the line is in a bad spell at `now` (nanoseconds).
    pub(super) fn bad_at(&mut self, now: u64) -> bool {
        if now < self.current.from || now >= self.current.until {
            self.current = self.look_up(now);
        }
        self.current.bad
    }

    fn look_up(&self, now: u64) -> Spell {
        let slot = now / self.slot_ns;
        let slot_start = slot * self.slot_ns;
        let mut spell = Spell {
            from: slot_start,
            until: slot_start.saturating_add(self.slot_ns),
            bad: false,
        };
        let mut found = false;
        for (at, bad) in self.fresh_draws(slot) {
            if at > now {
                spell.until = at;
                break;
            }
            (spell.from, spell.bad, found) = (at, bad, true);
        }
        if !found {
            spell.bad = self.state_at_start_of(slot);
        }
        spell
    }

    /// The last fresh draw before a slot, or the stationary state before all slots.
    fn state_at_start_of(&self, slot: u64) -> bool {
        (0..slot)
            .rev()
            .find_map(|earlier| self.fresh_draws(earlier).last())
            .map_or_else(
                || self.draws.part(u64::MAX).number(0) < self.bad_share,
                |(_, bad)| bad,
            )
    }

    /// The moments in a slot at which the state is drawn afresh, and what it becomes.
    fn fresh_draws(&self, slot: u64) -> impl Iterator<Item = (u64, bool)> + '_ {
        let draws = self.draws.part(slot);
        let start = slot * self.slot_ns;
        let mut offset = 0.0;
        (0_u64..).map_while(move |i| {
            // 1 − u is in (0, 1], so its logarithm is finite.
            offset -= (1.0 - draws.number(2 * i)).ln() * self.between_ns;
            let bad = draws.number(2 * i + 1) < self.bad_share;
            (offset < self.slot_ns as f64).then(|| (start + offset as u64, bad))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: Burst = Burst {
        good_s: 4.9,
        bad_s: 0.1,
        loss_percent: 100.0,
    };

    fn spells(seed: u64) -> Spells {
        Spells::new(Draws::new(seed), &BURST)
    }

    /// Lengths of whole good and bad spells, in seconds, up to `end_s`.
    fn lengths(seed: u64, end_s: u64) -> (Vec<f64>, Vec<f64>) {
        let mut chain = spells(seed);
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let (mut now, mut started, mut state) = (0, 0, chain.bad_at(0));
        while now < end_s * 1_000_000_000 {
            now = chain.current.until;
            if chain.bad_at(now) != state {
                let length = (now - started) as f64 / 1e9;
                if state { &mut bad } else { &mut good }.push(length);
                (started, state) = (now, !state);
            }
        }
        (good, bad)
    }

    #[test]
    fn the_state_does_not_depend_on_the_times_asked() {
        let times: Vec<u64> = (0..50_000).map(|i| i * 7_777_777).collect();
        let mut onward = spells(3);
        let forward: Vec<bool> = times.iter().map(|&t| onward.bad_at(t)).collect();
        let mut back = spells(3);
        let mut backward: Vec<bool> = times.iter().rev().map(|&t| back.bad_at(t)).collect();
        backward.reverse();
        let alone: Vec<bool> = times.iter().map(|&t| spells(3).bad_at(t)).collect();
        assert_eq!(forward, backward);
        assert_eq!(forward, alone);
        assert!(forward.contains(&true) && forward.contains(&false));
    }

    #[test]
    fn another_seed_has_other_spells() {
        assert_ne!(lengths(1, 1000).1, lengths(2, 1000).1);
    }

    #[test]
    fn spells_have_their_mean_lengths_and_share() {
        let (good, bad) = lengths(11, 50_000);
        for (spells, mean_s) in [(&good, BURST.good_s), (&bad, BURST.bad_s)] {
            let n = spells.len() as f64;
            let mean = spells.iter().sum::<f64>() / n;
            // An exponential's standard deviation is its mean.
            assert!(
                (mean / mean_s - 1.0).abs() < 4.0 / n.sqrt(),
                "{mean} over {n}"
            );
        }
        let (good_s, bad_s): (f64, f64) = (good.iter().sum(), bad.iter().sum());
        let cycles = bad.len() as f64;
        let share = bad_s / (good_s + bad_s);
        assert!(
            (share / 0.02 - 1.0).abs() < 4.0 * (2.0 / cycles).sqrt(),
            "{share}"
        );
    }

    #[test]
    fn spells_are_exponential() {
        let (_, bad) = lengths(5, 50_000);
        let n = bad.len() as f64;
        for (length, expected) in [(0.05, 0.6065), (0.1, 0.3679), (0.3, 0.0498)] {
            let longer = bad.iter().filter(|&&s| s > length).count() as f64 / n;
            let error = (expected * (1.0_f64 - expected) / n).sqrt();
            assert!(
                (longer - expected).abs() < 4.0 * error,
                "{longer} > {length} s"
            );
        }
    }
}
