//! What the host looks up for its flows.

use std::collections::HashMap;
use std::sync::Arc;

use plugin_abi::config::Mode;
use twamp_core::time::Mono;

use super::seat::Seat;

/// All choices of one moment, by group and class. A clone is one reference count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices(Arc<HashMap<(u64, u64), Choice>>);

/// Where a class of a group is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The line that is decided on, also if `answer` doesn't tell it to the host.
    pub(crate) line: Option<u64>,
    /// What `choose` answers: one of [`plugin_abi::answer`].
    pub(crate) answer: u32,
    /// Why this line: one of [`plugin_abi::reason`].
    pub(crate) reason: u32,
    /// What may be done with it.
    pub(crate) mode: Mode,
    /// When the line was chosen.
    pub(crate) since: Mono,
}

impl Choices {
    /// `None` if no decisions are made for it.
    pub(crate) fn get(&self, group: u64, class: u64) -> Option<&Choice> {
        self.0.get(&(group, class))
    }

    /// Group, class and choice, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64, &Choice)> {
        self.0
            .iter()
            .map(|(&(group, class), choice)| (group, class, choice))
    }

    /// These have changed, and those without a seat are gone. Says whether anything is another.
    pub(super) fn update(
        &mut self,
        changed: Vec<((u64, u64), Choice)>,
        seats: &HashMap<(u64, u64), Seat>,
    ) -> bool {
        let gone = self.0.len() + changed.len() > seats.len()
            && self.0.keys().any(|key| !seats.contains_key(key));
        if changed.is_empty() && !gone {
            return false;
        }
        let choices = Arc::make_mut(&mut self.0);
        choices.extend(changed);
        choices.retain(|key, _| seats.contains_key(key));
        true
    }
}
