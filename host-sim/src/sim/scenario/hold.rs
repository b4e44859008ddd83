//! What a scenario says is right, held against its impairments.
//!
//! Traffic that fills a line is left out: where it goes is for the policies to say.

use plugin_abi::manage::Problem;

use super::{Scenario, Truth};
use crate::link::{Directions, Impairment};
use crate::sim::happenings::{Happening, Happenings};
use crate::sim::run::Stage;
use crate::sim::truth::{Quality, right};
use crate::sim::world::nanos;

/// Each statement that isn't true, by path.
pub(super) fn contradictions(scenario: &Scenario) -> Vec<Problem> {
    let stage = Stage::new(scenario);
    let mut lines = Lines::new(scenario);
    let mut happenings = Happenings::of(&stage);
    let mut found: Vec<Option<Problem>> = vec![None; scenario.truth.len()];
    let mut now = 0;
    loop {
        while let Some(happening) = happenings.poll(now) {
            if let Happening::Set(line, directions, impairment) = happening {
                lines.set(line, directions, impairment);
            }
        }
        // What holds now holds until something happens.
        let until = happenings.next().unwrap_or(u64::MAX);
        for (place, truth) in scenario.truth.iter().enumerate() {
            let (from, to) = (nanos(truth.from_s), nanos(truth.to_s));
            if found[place].is_none() && now < to && until > from {
                let path = format!("truth[{place}].right");
                found[place] = lines.contradiction(&stage, truth, now.max(from), path);
            }
        }
        match happenings.next() {
            Some(next) => now = next,
            None => return found.into_iter().flatten().collect(),
        }
    }
}

/// The lines with what they do to packets.
struct Lines {
    base: Vec<[Impairment; 2]>,
    now: Vec<[Impairment; 2]>,
}

impl Lines {
    fn new(scenario: &Scenario) -> Self {
        let of_group = scenario.lines.iter();
        let of_group = of_group.map(|line| [line.base, line.back.unwrap_or(line.base)]);
        let base: Vec<_> = std::iter::repeat_n(of_group, scenario.groups)
            .flatten()
            .collect();
        Self {
            now: base.clone(),
            base,
        }
    }

    fn set(&mut self, line: usize, directions: Directions, impairment: Option<Impairment>) {
        let then = impairment.map_or(self.base[line], |impairment| [impairment; 2]);
        if directions != Directions::Backward {
            self.now[line][0] = then[0];
        }
        if directions != Directions::Forward {
            self.now[line][1] = then[1];
        }
    }

    /// What is wrong about a statement at a time in which it is made.
    fn contradiction(
        &self,
        stage: &Stage<'_>,
        truth: &Truth,
        at: u64,
        path: String,
    ) -> Option<Problem> {
        let qualities: Vec<_> = self
            .now
            .iter()
            .map(|[there, back]| Quality::of([there, back], [0.0; 2], [0.0; 2]))
            .collect();
        let setting = stage.setting(0);
        let per_group = stage.scenario.lines.len();
        for (class, of) in stage.scenario.classes.iter().enumerate() {
            if truth.class.as_ref().is_some_and(|name| *name != of.name) {
                continue;
            }
            for group in 0..stage.groups.len() {
                let mut right = right(&setting, group, class, &qualities);
                right.sort_unstable();
                let name = |line: &usize| stage.scenario.lines[line % per_group].name.as_str();
                let right: Vec<_> = right.iter().map(name).collect();
                let said = |name: &&str| truth.right.iter().any(|said| said == name);
                if right.len() == truth.right.len() && right.iter().all(said) {
                    continue;
                }
                let right = right.join(", ");
                return Some(Problem {
                    path,
                    expected: format!("{right} for {} at {} s", of.name, at as f64 / 1e9),
                    found: truth.right.join(", "),
                    fix: "correct it, or the impairments that make it so".to_owned(),
                });
            }
        }
        None
    }
}
