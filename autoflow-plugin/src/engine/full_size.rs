//! The probes of full size of a line, and what they say.

use plugin_abi::config::{Clock, Config, Line};
use plugin_abi::manage::{MtuRow, MtuState};
use twamp_core::time::Now;

use crate::config::full_size;
use crate::line::{FullSize, Obstruction, Passage};
use crate::net::SendError;
use crate::session::setback::Setback;
use crate::session::{Entry, Key, Pulse, Rate};

/// A line as its probes of full size see it.
pub(super) struct FullSizeSight {
    pub(super) session: Option<Key>,
    pub(super) size: FullSize,
    /// They leave faster than at rest.
    raised: bool,
    /// The longest packet that somebody takes, as the probe thread heard last; 0: unknown.
    taken_here: u32,
    /// What was known when somebody last asked for news.
    told: Passage,
}

impl FullSizeSight {
    /// Nothing is known yet; `None` for a line that has no such probes.
    pub(super) fn of(config: &Config, line: &Line) -> Option<Box<Self>> {
        let (asked, probe) = full_size(config, line)?;
        // Under a manual clock sessions are taken as agreed.
        let agreed = probe.protocol.has_control() && config.clock == Clock::System;
        Some(Box::new(Self {
            session: None,
            size: FullSize::new(asked.octets, agreed),
            raised: false,
            taken_here: 0,
            told: Passage::Unknown,
        }))
    }

    /// Enters what happened to one, beside so many small probes with a fate and so many lost ones
    /// of them.
    pub(super) fn absorb(&mut self, entry: &Entry, small: (u64, u64)) {
        match entry {
            Entry::Probe(outcome) => self.size.absorb(outcome, small),
            Entry::NewSession => self.size.next_session(),
            Entry::FarEnd(_) | Entry::Afresh | Entry::Retuned(_) => {}
        }
    }

    /// Somebody has said why one was not answered.
    pub(super) fn set_back(&mut self, setback: Setback) {
        match setback {
            Setback::TooBig { mtu } => self.size.refused(mtu),
            Setback::NotSent(SendError::TooBig) => self.size.refused(self.taken_here),
            // The host's own buffer was full: it empties.
            Setback::NotSent(SendError::QueueFull) => {}
            _ => self.size.interrupted(),
        }
    }

    /// The probe thread has looked at them.
    pub(super) fn pulse(&mut self, pulse: &Pulse) {
        self.taken_here = pulse.sizes.too_big().mtu.unwrap_or(0);
    }

    /// What is known has changed since this was last asked.
    pub(super) fn has_news(&mut self) -> bool {
        let passage = self.size.passage();
        std::mem::replace(&mut self.told, passage) != passage
    }

    /// From now on they leave faster, or as at rest again.
    pub(super) fn pace(&mut self, metered: bool) -> Option<(Key, Rate)> {
        let wanted = self.size.wants_faster() && !metered;
        let session = self.session?;
        let rate = if wanted { Rate::Raised } else { Rate::Rest };
        (std::mem::replace(&mut self.raised, wanted) != wanted).then_some((session, rate))
    }

    /// For people.
    pub(super) fn row(&self, now: Now) -> MtuRow {
        let obstruction = self.size.obstruction();
        let passed = obstruction.and_then(|it: Obstruction| it.passed);
        let passed_at = passed.map(|passed| {
            let age = i64::try_from(now.mono.since(passed).as_nanos()).unwrap_or(i64::MAX);
            now.wall.nanos().saturating_sub(age) as f64 / 1e9
        });
        let (state, takes) = match self.size.passage() {
            Passage::Unknown => (MtuState::Unknown, None),
            Passage::Free => (MtuState::Passes, None),
            Passage::BlackHole => (MtuState::BlackHole, None),
            Passage::TooLong { mtu } => (MtuState::TooLong, Some(mtu).filter(|mtu| *mtu > 0)),
        };
        MtuRow {
            octets: self.size.octets(),
            state,
            takes,
            lost_in_a_row: obstruction.map(|obstruction| obstruction.lost),
            passed_at,
        }
    }
}
