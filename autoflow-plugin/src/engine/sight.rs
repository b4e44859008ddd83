//! A line as the probes of one class see it.

use std::sync::Arc;

use twamp_core::probe::Outcome;
use twamp_core::time::Mono;

use crate::line::{Estimate, Estimator, EstimatorConfig, Life, Pulse, Trouble};
use crate::session::{Entry, Key};

/// What is measured by one session: a line, for one probe class. Both by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Measures {
    pub(super) line: u64,
    pub(super) class: u64,
}

/// What the probes of one class say of a line.
pub(super) struct Sight {
    /// The probe class.
    pub(super) class: u64,
    /// The one that sends them.
    pub(super) session: Option<Key>,
    pub(super) estimator: Estimator,
    /// They leave more seldom while nobody has need of them.
    pub(super) has_standby: bool,
    /// What keeps it from being measured, for people.
    trouble: Option<(Mono, Arc<str>)>,
    /// What was known at the last look.
    pub(super) estimate: Estimate,
    /// Without news, a look before this would see the same.
    until: Mono,
    news: bool,
}

impl Sight {
    pub(super) fn new(class: u64, config: EstimatorConfig, has_standby: bool) -> Self {
        let mut estimator = Estimator::new(config);
        Self {
            class,
            session: None,
            estimate: estimator.view(Mono::default()),
            estimator,
            has_standby,
            trouble: None,
            until: Mono::default(),
            news: true,
        }
    }

    /// What was learned is of no use any more; who sends the probes stays.
    pub(super) fn begin_anew(&mut self, new: Self) {
        let session = self.session.take();
        *self = Self { session, ..new };
    }

    /// Enters what happened to its probes, known `now`. True if what kept the line from being
    /// measured is over.
    pub(super) fn absorb(&mut self, entry: &Entry, now: Mono) -> bool {
        match entry {
            Entry::Probe(outcome) => self.estimator.absorb(outcome),
            Entry::NewSession => self.estimator.next_session(),
            // A line's session never begins afresh.
            Entry::FarEnd(_) | Entry::Afresh | Entry::Retuned(_) => return false,
        }
        self.news = true;
        // A reply proves that what kept the line from being measured is over.
        if let (Entry::Probe(Outcome::Sample(sample)), Some((since, _))) = (entry, &self.trouble)
            && sample.received > *since
        {
            self.excuse(now);
            return true;
        }
        false
    }

    /// Enters a look of the probe thread.
    pub(super) fn pulse(&mut self, pulse: &Pulse) {
        self.news |= self.estimator.pulse(pulse);
    }

    /// Something keeps the line from being measured. True if that is new.
    pub(super) fn hinder(&mut self, at: Mono, trouble: Trouble, why: String) -> bool {
        self.estimator.trouble(at, Some(trouble));
        self.news = true;
        let is_new = self
            .trouble
            .as_ref()
            .is_none_or(|(_, known)| **known != *why);
        self.trouble = Some((at, why.into()));
        is_new
    }

    /// What keeps the line from being measured, for people.
    pub(super) fn hindrance(&self) -> Option<&Arc<str>> {
        self.trouble.as_ref().map(|(_, why)| why)
    }

    /// Nothing keeps the line from being measured any more.
    pub(super) fn excuse(&mut self, at: Mono) {
        self.estimator.trouble(at, None);
        self.trouble = None;
        self.news = true;
    }

    /// Brings the estimate up to date. True if it may be another.
    pub(super) fn look(&mut self, now: Mono) -> bool {
        let looks = self.news || now >= self.until;
        if looks {
            self.estimate = self.estimator.view(now);
            self.until = self.estimator.steady_until(now);
            self.news = false;
        }
        looks
    }

    /// Whether the line lives, as of the last look.
    pub(super) fn life(&self) -> Life {
        self.estimator.life()
    }
}
