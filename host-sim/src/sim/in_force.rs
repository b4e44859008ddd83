//! What the lines do to packets, from one change to the next: a scenario without traffic, probes
//! or policies.

use super::happenings::{Happening, Happenings};
use super::run::Stage;
use super::truth::Quality;
use crate::link::{Directions, Impairment};

/// The impairments in force. At first those of the start, with what happens then.
pub(super) struct InForce {
    happenings: Happenings,
    base: Vec<[Impairment; 2]>,
    now: Vec<[Impairment; 2]>,
    since: u64,
}

impl InForce {
    pub(super) fn of(stage: &Stage<'_>) -> Self {
        let of_group = stage.scenario.lines.iter();
        let of_group = of_group.map(|line| [line.base, line.back.unwrap_or(line.base)]);
        let base: Vec<_> = std::iter::repeat_n(of_group, stage.scenario.groups)
            .flatten()
            .collect();
        let mut start = Self {
            happenings: Happenings::of(stage),
            now: base.clone(),
            base,
            since: 0,
        };
        start.take_in();
        start
    }

    /// Since when they are in force.
    pub(super) fn since(&self) -> u64 {
        self.since
    }

    /// Until when; `None`: to the end.
    pub(super) fn until(&self) -> Option<u64> {
        self.happenings.next()
    }

    /// On to the next change. False: there is none.
    pub(super) fn advance(&mut self) -> bool {
        let Some(next) = self.until() else {
            return false;
        };
        self.since = next;
        self.take_in();
        true
    }

    /// What is true of each line.
    pub(super) fn qualities(&self) -> Vec<Quality> {
        let of_line = |[there, back]: &[_; 2]| Quality::of([there, back], [0.0; 2], [0.0; 2]);
        self.now.iter().map(of_line).collect()
    }

    /// What a line does there and back.
    pub(super) fn ways(&self, line: usize) -> [Impairment; 2] {
        self.now[line]
    }

    /// What a line does there and back at the start.
    pub(super) fn at_rest(&self, line: usize) -> [Impairment; 2] {
        self.base[line]
    }

    fn take_in(&mut self) {
        while let Some(happening) = self.happenings.poll(self.since) {
            if let Happening::Set(line, directions, impairment) = happening {
                let then = impairment.map_or(self.base[line], |impairment| [impairment; 2]);
                if directions != Directions::Backward {
                    self.now[line][0] = then[0];
                }
                if directions != Directions::Forward {
                    self.now[line][1] = then[1];
                }
            }
        }
    }
}
