//! What people are told of choices: what led to them, and how often they were others.

use std::collections::BTreeMap;

use plugin_abi::manage::{ChoiceRow, Decision};
use plugin_abi::{answer, reason};

use super::Publisher;
use crate::autoflow::{Choice, Ruling, Worth};

/// Decisions that `why` tells of each class of a group.
const TOLD: usize = 20;

/// How often a class was switched, and how often that was refused, by reason.
#[derive(Clone, Default)]
pub(super) struct Counted {
    switched: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
}

impl Publisher {
    /// Counts what was ruled.
    pub(super) fn count(&mut self, rulings: &[Ruling]) {
        for ruling in rulings {
            let counted = self
                .counted
                .entry((ruling.group, ruling.class))
                .or_default();
            let by_reason = match ruling.switched {
                true => &mut counted.switched,
                false => &mut counted.refused,
            };
            let reason = reason::name(ruling.reason).to_owned();
            *by_reason.entry(reason).or_default() += 1;
        }
    }

    /// Each choice with the decisions that led to it, and what it would have been worth.
    pub(super) fn why(&self) -> Vec<(ChoiceRow, Worth)> {
        let choices = self.autoflow.choices();
        let mut rows: Vec<_> = choices
            .iter()
            .map(|(group, class, choice)| (self.told(group, class, choice), choice.worth.clone()))
            .collect();
        rows.sort_by(|(a, _), (b, _)| (&a.group, &a.class).cmp(&(&b.group, &b.class)));
        rows
    }

    fn told(&self, group: u64, class: u64, choice: &Choice) -> ChoiceRow {
        let name = |id: Option<u64>| id.and_then(|id| self.name(id)).map(str::to_owned);
        let counted = self.counted.get(&(group, class)).cloned();
        let Counted { switched, refused } = counted.unwrap_or_default();
        ChoiceRow {
            group: named(
                self.config
                    .groups
                    .iter()
                    .map(|group| (group.id, &group.name)),
                group,
            ),
            class: named(
                self.config
                    .classes
                    .iter()
                    .map(|class| (class.id, &class.name)),
                class,
            ),
            line: name(choice.line),
            best_of_bad: choice.answer == answer::BEST_OF_BAD,
            mode: choice.mode,
            decisions: self
                .autoflow
                .rulings()
                .filter(|ruling| (ruling.group, ruling.class) == (group, class))
                .take(TOLD)
                .map(|ruling| Decision {
                    at: ruling.at.wall.nanos() as f64 / 1e9,
                    from: name(ruling.from),
                    to: name(ruling.to),
                    reason: reason::name(ruling.reason).to_owned(),
                    switched: ruling.switched,
                    sentence: ruling.sentence.clone(),
                })
                .collect(),
            switched,
            refused,
        }
    }
}

fn named<'a>(mut all: impl Iterator<Item = (u64, &'a String)>, id: u64) -> String {
    all.find(|(of, _)| *of == id)
        .map_or_else(|| id.to_string(), |(_, name)| name.clone())
}
