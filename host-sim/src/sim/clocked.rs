//! What a policy costs of a processor: a clock that runs while it is asked.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::policy::{Carried, Policy, Probe, Probing, Reply, Revealed};

/// A policy with a clock around it. What the world does meanwhile to its probes is left out.
pub(super) struct Clocked {
    policy: Box<dyn Policy>,
    spent: Rc<Cell<Duration>>,
}

struct Outside<'a> {
    probing: &'a mut dyn Probing,
    spent: Duration,
}

impl Clocked {
    /// With the time that it has taken so far.
    pub(super) fn new(policy: Box<dyn Policy>) -> (Self, Rc<Cell<Duration>>) {
        let spent = Rc::new(Cell::new(Duration::ZERO));
        let clocked = Self {
            policy,
            spent: Rc::clone(&spent),
        };
        (clocked, spent)
    }

    fn clock<T>(&mut self, ask: impl FnOnce(&mut dyn Policy) -> T) -> T {
        let begun = Instant::now();
        let answer = ask(&mut *self.policy);
        self.spent.set(self.spent.get() + begun.elapsed());
        answer
    }
}

impl Policy for Clocked {
    fn advance(&mut self, until: u64, probing: &mut dyn Probing) -> u64 {
        let spent = Duration::ZERO;
        let mut outside = Outside { probing, spent };
        let reached = self.clock(|policy| policy.advance(until, &mut outside));
        self.spent
            .set(self.spent.get().saturating_sub(outside.spent));
        reached
    }

    fn heard(&mut self, now: u64, reply: &Reply) {
        self.clock(|policy| policy.heard(now, reply));
    }

    fn carried(&mut self, now: u64, carried: &[Carried]) {
        self.clock(|policy| policy.carried(now, carried));
    }

    fn paused(&mut self, now: u64) {
        self.clock(|policy| policy.paused(now));
    }

    fn for_oracles_only(&mut self, now: u64, truth: &Revealed<'_>) {
        self.clock(|policy| policy.for_oracles_only(now, truth));
    }

    fn choose(&mut self, now: u64, group: usize, class: usize) -> Option<usize> {
        self.clock(|policy| policy.choose(now, group, class))
    }
}

impl Probing for Outside<'_> {
    fn probe(&mut self, at: u64, line: usize, probe: Probe) {
        let begun = Instant::now();
        self.probing.probe(at, line, probe);
        self.spent += begun.elapsed();
    }
}
