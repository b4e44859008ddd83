//! What the host looks up for its flows.
//!
//! ```text
//!  group, class ─► Choice ─┬─ follows, and the flow's line lives ──────► that line
//!                          ├─ the flow can't be moved, and its line lives ─► that line
//!                          ├─ shares ─► by the hash of the flow
//!                          └─ line
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use plugin_abi::config::Mode;
use twamp_core::time::Mono;

use super::lines::Lines;
use super::seat::Seat;
use super::shares::Shares;
use super::worth::Worth;
use crate::line::State;

/// All choices of one moment, by group and class. A clone is two reference counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    by_seat: Arc<HashMap<(u64, u64), Choice>>,
    /// The lines that are not dead, by id.
    living: Arc<[Living]>,
}

/// Where a class of a group is to go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    /// The line that is decided on, also if `answer` doesn't tell it to the host.
    pub(crate) line: Option<u64>,
    /// Several lines, where they share the flows.
    pub(crate) shares: Option<Shares>,
    /// What it would have been worth.
    pub(crate) worth: Worth,
    /// A flow stays on the line that it comes in by.
    pub(crate) follows: bool,
    /// What `choose` answers: one of [`plugin_abi::answer`].
    pub(crate) answer: u32,
    /// Why this line: one of [`plugin_abi::reason`].
    pub(crate) reason: u32,
    /// What may be done with it.
    pub(crate) mode: Mode,
    /// When the line was chosen.
    pub(crate) since: Mono,
}

/// A line that is not dead, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Living {
    line: u64,
    /// Its flows may be moved.
    movable: bool,
    /// Somebody keeps classes off it.
    withdrawn: bool,
}

/// Which line a flow takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The line.
    pub(crate) line: Option<u64>,
    /// It is the one that the flow is on, whatever the class does.
    pub(crate) kept: bool,
}

impl Choices {
    /// `None` if no decisions are made for it.
    pub(crate) fn get(&self, group: u64, class: u64) -> Option<&Choice> {
        self.by_seat.get(&(group, class))
    }

    /// Group, class and choice, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64, &Choice)> {
        self.by_seat
            .iter()
            .map(|(&(group, class), choice)| (group, class, choice))
    }

    /// The line of one flow, which is on `current`.
    pub(crate) fn take(&self, choice: &Choice, flow_hash: u64, current: Option<u64>) -> Taken {
        let shares = choice.shares.as_ref();
        let line = shares.map_or(choice.line, |shares| Some(shares.line(flow_hash)));
        let stays = current.filter(|&current| {
            self.living(current).is_some_and(|of| match choice.follows {
                true => !of.withdrawn,
                false => !of.movable && Some(current) != line,
            })
        });
        Taken {
            line: stays.or(line),
            kept: stays.is_some(),
        }
    }

    /// Known, and not dead.
    pub(crate) fn lives(&self, line: u64) -> bool {
        self.living(line).is_some()
    }

    /// These have changed, and those without a seat are gone. Says whether anything is another.
    pub(super) fn update(
        &mut self,
        changed: Vec<((u64, u64), Choice)>,
        seats: &HashMap<(u64, u64), Seat>,
    ) -> bool {
        let gone = self.by_seat.len() + changed.len() > seats.len()
            && self.by_seat.keys().any(|key| !seats.contains_key(key));
        if changed.is_empty() && !gone {
            return false;
        }
        let choices = Arc::make_mut(&mut self.by_seat);
        choices.extend(changed);
        choices.retain(|key, _| seats.contains_key(key));
        true
    }

    /// These are the lines now, by id.
    pub(super) fn look(&mut self, lines: Lines<'_>, is_withdrawn: impl Fn(&str) -> bool) {
        let living = lines.iter().filter_map(|candidate| {
            let lives = candidate.estimate.state != State::Dead;
            lives.then(|| Living {
                line: candidate.line,
                movable: candidate.movable,
                withdrawn: is_withdrawn(candidate.name),
            })
        });
        if !living.clone().eq(self.living.iter().copied()) {
            self.living = living.collect();
        }
    }

    fn living(&self, line: u64) -> Option<&Living> {
        let place = self
            .living
            .binary_search_by_key(&line, |living| living.line);
        place.ok().map(|place| &self.living[place])
    }
}
