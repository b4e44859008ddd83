//! A line as the publisher knows it: what is needed of its configuration, and what its probes say.

use std::sync::Arc;

use plugin_abi::config::Line;
use plugin_abi::manage::{LineRow, MtuRow};
use plugin_abi::{TwampLineLoad, TwampLineState, line_state};
use twamp_core::time::{Mono, Now};

use super::full_size::FullSizeSight;
use super::sight::Sight;
use super::sights::Sights;
use crate::autoflow::Candidate;
use crate::line::{Load, Obstruction, state_row};
use crate::session::{Key, Rate};

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
    /// What its probes say.
    pub(super) sights: Sights,
    /// What those of full size say, if it has any.
    pub(super) full_size: Option<Box<FullSizeSight>>,
    /// What the host tells of its traffic, if it does.
    load: Option<Box<Load>>,
    /// Why the interface's own stamps are not taken.
    stamps: Option<Arc<str>>,
}

/// A line in the list for people.
pub(super) struct Listed {
    id: u64,
    name: Arc<str>,
    state: u32,
    trouble: Option<Arc<str>>,
    stamps: Option<Arc<str>>,
    mtu: Option<MtuRow>,
}

impl Measured {
    pub(super) fn new(line: &Line, sights: Sights) -> Self {
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
            sights,
            full_size: None,
            load: None,
            stamps: None,
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
        for sight in self.sights.iter_mut() {
            sight.estimator.profile(line.profile);
        }
    }

    /// Why the interface's own stamps are not taken, where it wishes for them.
    pub(super) fn stamps(&mut self, why: Option<String>) {
        self.stamps = why.map(Arc::from);
    }

    /// The host has read its counters.
    pub(super) fn load(&mut self, told: &TwampLineLoad) {
        self.load.get_or_insert_default().enter(told);
    }

    /// What keeps it from being measured, for people.
    pub(super) fn hindrance(&self) -> Option<&Arc<str>> {
        self.sights.iter().find_map(Sight::hindrance)
    }

    /// Small probes with a fate so far, and the lost ones of them, of the class that those of full
    /// size leave alike.
    pub(super) fn small(&self) -> (u64, u64) {
        self.sights.at(0).estimator.totals()
    }

    /// The session of its probes of full size is to leave them faster, or as at rest again.
    pub(super) fn pace_full_size(&mut self) -> Option<(Key, Rate)> {
        self.full_size.as_mut()?.pace(self.metered)
    }

    /// Whether full-size packets come through is another than when this was last asked.
    pub(super) fn has_news(&mut self) -> bool {
        let full_size = self.full_size.as_mut();
        full_size.is_some_and(|full_size| full_size.has_news())
    }

    /// What keeps full-size packets from coming through, if anything does.
    pub(super) fn obstruction(&self) -> Option<Obstruction> {
        self.full_size.as_ref()?.size.obstruction()
    }

    /// Brings the estimates up to date.
    pub(super) fn look(&mut self, now: Mono) {
        self.sights.look(now);
    }

    /// As each probe class sees it, as of the last look.
    pub(super) fn candidates(&self, now: Mono) -> impl Iterator<Item = Candidate<'_>> {
        let load = self.load.as_ref();
        let rates = load.and_then(|load| load.rates(now));
        let overflows = load.is_some_and(|load| load.overflows(now));
        let full_size = self.full_size.as_deref();
        self.sights.iter().map(move |sight| Candidate {
            line: self.id,
            probe_class: sight.class,
            name: &self.name,
            cost: self.cost,
            underlay: self.underlay.as_deref().unwrap_or(&self.name),
            far_end: &self.far_end,
            has_standby: sight.has_standby,
            movable: self.movable,
            capacity: self.capacity,
            rates,
            overflows,
            groups: &self.groups,
            full_size: full_size.map(|full_size| &full_size.size),
            estimator: &sight.estimator,
            estimate: &sight.estimate,
        })
    }

    pub(super) fn row(&self, valid_until: Mono) -> TwampLineState {
        state_row(self.id, &self.sights.life(), valid_until)
    }

    pub(super) fn listed(&self, now: Now) -> Listed {
        Listed {
            id: self.id,
            name: Arc::clone(&self.name),
            state: self.row(Mono::default()).state,
            trouble: self.hindrance().cloned(),
            stamps: self.stamps.clone(),
            mtu: self.full_size.as_ref().map(|full_size| full_size.row(now)),
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
            mtu: listed.mtu,
            withdrawn: None,
            mos: None,
            budget: None,
            roles: Default::default(),
            owner: Default::default(),
        }
    }
}
