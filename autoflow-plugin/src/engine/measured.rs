//! A line as the publisher knows it: what is needed of its configuration, and what its probes say.

use std::sync::Arc;

use plugin_abi::config::Line;
use plugin_abi::manage::LineRow;
use plugin_abi::{TwampLineLoad, TwampLineState, line_state};
use twamp_core::probe::Outcome;
use twamp_core::time::Mono;

use crate::autoflow::Candidate;
use crate::line::{Demand, Estimate, Estimator, EstimatorConfig, Load, Pulse, Trouble, state_row};
use crate::session::{Entry, Key};

/// One line. There are thousands, so it keeps no configuration that it doesn't need.
pub(super) struct Measured {
    pub(super) id: u64,
    pub(super) name: Arc<str>,
    cost: u32,
    /// `None`: the line's name.
    underlay: Option<Box<str>>,
    far_end: Box<str>,
    metered: bool,
    movable: bool,
    /// Towards the far end and from it, in Mbit/s.
    capacity: [Option<f64>; 2],
    groups: Box<[u64]>,
    /// The one that measures it.
    pub(super) session: Option<Key>,
    estimator: Estimator,
    /// What the host tells of its traffic, if it does.
    load: Option<Box<Load>>,
    /// What keeps it from being measured, for people.
    trouble: Option<(Mono, Arc<str>)>,
    /// Why the interface's own stamps are not taken.
    stamps: Option<Arc<str>>,
    /// What was known at the last look.
    estimate: Estimate,
    /// Without news, a look before this would see the same.
    until: Mono,
    news: bool,
}

/// A line in the list for people.
pub(super) struct Listed {
    id: u64,
    name: Arc<str>,
    state: u32,
    trouble: Option<Arc<str>>,
    stamps: Option<Arc<str>>,
}

impl Measured {
    pub(super) fn new(line: &Line, config: EstimatorConfig) -> Self {
        let estimator = Estimator::new(config);
        Self {
            id: line.id,
            name: line.name.as_str().into(),
            cost: line.cost,
            underlay: line.underlay.as_deref().map(Box::from),
            far_end: line.far_end().into(),
            metered: line.metered,
            movable: line.flows_movable,
            capacity: [line.capacity_up_mbps, line.capacity_down_mbps],
            groups: line.groups.as_slice().into(),
            session: None,
            estimate: estimator.view(Mono::default()),
            estimator,
            load: None,
            trouble: None,
            stamps: None,
            until: Mono::default(),
            news: true,
        }
    }

    /// It has changed: what was learned of it stays.
    pub(super) fn change(&mut self, line: &Line) {
        self.name = line.name.as_str().into();
        self.cost = line.cost;
        self.underlay = line.underlay.as_deref().map(Box::from);
        self.far_end = line.far_end().into();
        self.metered = line.metered;
        self.movable = line.flows_movable;
        self.capacity = [line.capacity_up_mbps, line.capacity_down_mbps];
        self.groups = line.groups.as_slice().into();
        self.estimator.profile(line.profile);
    }

    /// These limits are asked about.
    pub(super) fn watch(&mut self, demands: &[Demand]) {
        self.estimator.watch(demands);
    }

    /// Why the interface's own stamps are not taken, where it wishes for them.
    pub(super) fn stamps(&mut self, why: Option<String>) {
        self.stamps = why.map(Arc::from);
    }

    /// Enters what happened to the line's probes, known `now`. True if what kept it from being
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

    /// The host has read its counters.
    pub(super) fn load(&mut self, told: &TwampLineLoad) {
        self.load.get_or_insert_default().enter(told);
    }

    /// Enters a look of the probe thread at the line.
    pub(super) fn pulse(&mut self, pulse: &Pulse) {
        self.news |= self.estimator.pulse(pulse);
    }

    /// Something keeps it from being measured. True if that is new.
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

    /// What keeps it from being measured, for people.
    pub(super) fn hindrance(&self) -> Option<&str> {
        self.trouble.as_ref().map(|(_, why)| &**why)
    }

    /// Nothing keeps it from being measured any more.
    pub(super) fn excuse(&mut self, at: Mono) {
        self.estimator.trouble(at, None);
        self.trouble = None;
        self.news = true;
    }

    /// Brings the estimate up to date.
    pub(super) fn look(&mut self, now: Mono) {
        if self.news || now >= self.until {
            self.estimate = self.estimator.view(now);
            self.until = self.estimator.steady_until(now);
            self.news = false;
        }
    }

    /// As of the last look.
    pub(super) fn estimate(&self) -> &Estimate {
        &self.estimate
    }

    pub(super) fn candidate(&self, now: Mono) -> Candidate<'_> {
        let load = self.load.as_ref();
        Candidate {
            line: self.id,
            name: &self.name,
            cost: self.cost,
            underlay: self.underlay.as_deref().unwrap_or(&self.name),
            far_end: &self.far_end,
            metered: self.metered,
            movable: self.movable,
            capacity: self.capacity,
            rates: load.and_then(|load| load.rates(now)),
            overflows: load.is_some_and(|load| load.overflows(now)),
            groups: &self.groups,
            estimator: &self.estimator,
            estimate: &self.estimate,
        }
    }

    pub(super) fn row(&self, valid_until: Mono) -> TwampLineState {
        state_row(self.id, &self.estimate, valid_until)
    }

    pub(super) fn listed(&self) -> Listed {
        Listed {
            id: self.id,
            name: Arc::clone(&self.name),
            state: self.row(Mono::default()).state,
            trouble: self.trouble.as_ref().map(|(_, why)| Arc::clone(why)),
            stamps: self.stamps.clone(),
        }
    }
}

impl Listed {
    /// What people call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// It is the line with this id.
    pub(super) fn is(&self, line: u64) -> bool {
        self.id == line
    }
}

impl From<&Listed> for LineRow {
    fn from(listed: &Listed) -> Self {
        Self {
            id: listed.id,
            name: listed.name.to_string(),
            state: line_state::name(listed.state).to_owned(),
            trouble: listed.trouble.as_deref().map(str::to_owned),
            stamps: listed.stamps.as_deref().map(str::to_owned),
            withdrawn: None,
            mos: None,
            roles: Default::default(),
            owner: Default::default(),
        }
    }
}
