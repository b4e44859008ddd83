//! What a scenario says is right, held against its impairments.
//!
//! Traffic that fills a line is left out: where it goes is for the policies to say.

use plugin_abi::manage::Problem;

use super::{Scenario, Truth};
use crate::sim::in_force::InForce;
use crate::sim::run::Stage;
use crate::sim::truth::{Quality, right};
use crate::sim::world::nanos;

/// Each statement that isn't true, by path.
pub(super) fn contradictions(scenario: &Scenario) -> Vec<Problem> {
    let stage = Stage::new(scenario);
    let mut in_force = InForce::of(&stage);
    let mut found: Vec<Option<Problem>> = vec![None; scenario.truth.len()];
    loop {
        let (since, until) = (in_force.since(), in_force.until().unwrap_or(u64::MAX));
        let mut qualities = None;
        for (place, truth) in scenario.truth.iter().enumerate() {
            let (from, to) = (nanos(truth.from_s), nanos(truth.to_s));
            if found[place].is_none() && since < to && until > from {
                let path = format!("truth[{place}].right");
                let qualities = qualities.get_or_insert_with(|| in_force.qualities());
                found[place] = contradiction(&stage, qualities, truth, since.max(from), path);
            }
        }
        if !in_force.advance() {
            return found.into_iter().flatten().collect();
        }
    }
}

/// What is wrong about a statement at a time in which it is made.
fn contradiction(
    stage: &Stage<'_>,
    qualities: &[Quality],
    truth: &Truth,
    at: u64,
    path: String,
) -> Option<Problem> {
    let setting = stage.setting(0);
    let per_group = stage.scenario.lines.len();
    for (class, of) in stage.scenario.classes.iter().enumerate() {
        if truth.class.as_ref().is_some_and(|name| *name != of.name) {
            continue;
        }
        for group in 0..stage.groups.len() {
            let mut right = right(&setting, group, class, qualities);
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
