//! The course of one run, to be drawn: what the lines did, what was right, and who chose what.
//!
//! Everything is told as changes: what holds from a time on until the next one.

use serde::Serialize;

use super::in_force::InForce;
use super::run::Stage;
use super::truth::right;
use crate::link::Impairment;

const NS_PER_S: f64 = 1e9;

/// A scenario with one seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Course {
    /// The scenario's slug.
    pub scenario: String,
    /// Of all runs, the one with this seed.
    pub seed: u64,
    /// How long it takes.
    pub seconds: f64,
    /// Of so many groups…
    pub groups: usize,
    /// … this one, counted from 0.
    pub group: usize,
    /// Its lines.
    pub lines: Vec<LineCourse>,
    /// Its classes.
    pub classes: Vec<ClassCourse>,
}

/// What a line did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineCourse {
    /// Its name.
    pub name: String,
    /// From the start on.
    pub changes: Vec<LineChange>,
}

/// What a line does from a time on, but for what traffic does to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineChange {
    /// When, in seconds.
    pub at_s: f64,
    /// Nothing comes through, one way at least.
    pub dead: bool,
    /// Packets lost, forward and backward, percent over time.
    pub loss_percent: [f64; 2],
    /// Mean round trip, milliseconds.
    pub round_trip_ms: f64,
    /// Mean difference between two packets in a row, forward and backward, milliseconds.
    pub jitter_ms: [f64; 2],
    /// Is it as at the start?
    pub at_rest: bool,
}

/// What was right for a class, and what was chosen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassCourse {
    /// Its name.
    pub name: String,
    /// The lines that were right.
    pub right: Vec<RightChange>,
    /// What each policy chose.
    pub policies: Vec<PolicyCourse>,
}

/// These lines are right from a time on, the most preferred first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RightChange {
    /// When, in seconds.
    pub at_s: f64,
    /// Their names.
    pub lines: Vec<String>,
}

/// What a policy chose.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyCourse {
    /// Its slug.
    pub policy: &'static str,
    /// From the start on.
    pub choices: Vec<ChoiceChange>,
}

/// A class is on a line from a time on; `null`: on none yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChoiceChange {
    /// When, in seconds.
    pub at_s: f64,
    /// Its name.
    pub line: Option<String>,
}

/// Notes the choices of one group while a run goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Diary {
    /// By class: when, and the line from then on.
    classes: Vec<Vec<(u64, Option<usize>)>>,
}

impl Diary {
    pub(super) fn note(&mut self, now: u64, choices: &[Option<usize>]) {
        self.classes.resize_with(choices.len(), Vec::new);
        for (noted, choice) in self.classes.iter_mut().zip(choices) {
            if noted.last().is_none_or(|(_, last)| last != choice) {
                noted.push((now, *choice));
            }
        }
    }
}

/// The group worth showing: the first that an event is about.
pub(super) fn shown_group(stage: &Stage<'_>) -> usize {
    let mut of_events = stage.scenario.events.iter().filter_map(|event| event.group);
    of_events.next().unwrap_or(0)
}

impl Course {
    /// Of a scenario, without any policy yet.
    pub(super) fn of(stage: &Stage<'_>, seed: u64) -> Self {
        let group = shown_group(stage);
        let lines = &stage.groups[group];
        let mut course = Self {
            scenario: stage.scenario.name.clone(),
            seed,
            seconds: stage.scenario.seconds,
            groups: stage.groups.len(),
            group,
            lines: lines
                .iter()
                .map(|line| LineCourse {
                    name: stage.lines[*line].name.clone(),
                    changes: Vec::new(),
                })
                .collect(),
            classes: stage
                .classes
                .iter()
                .map(|class| ClassCourse {
                    name: class.name.clone(),
                    right: Vec::new(),
                    policies: Vec::new(),
                })
                .collect(),
        };
        let mut in_force = InForce::of(stage);
        loop {
            course.note(stage, &in_force);
            if !in_force.advance() {
                return course;
            }
        }
    }

    /// Takes in what a policy chose.
    pub(super) fn add(&mut self, stage: &Stage<'_>, policy: &'static str, diary: &Diary) {
        let choice = |&(at, line): &(u64, Option<usize>)| ChoiceChange {
            at_s: at as f64 / NS_PER_S,
            line: line.map(|line| stage.lines[line].name.clone()),
        };
        for (class, noted) in self.classes.iter_mut().zip(&diary.classes) {
            class.policies.push(PolicyCourse {
                policy,
                choices: noted.iter().map(choice).collect(),
            });
        }
    }

    fn note(&mut self, stage: &Stage<'_>, in_force: &InForce) {
        let at_s = in_force.since() as f64 / NS_PER_S;
        let qualities = in_force.qualities();
        let lines = stage.groups[self.group].iter();
        for (course, &line) in self.lines.iter_mut().zip(lines) {
            let quality = &qualities[line];
            let ways = in_force.ways(line);
            let change = LineChange {
                at_s,
                dead: ways.iter().any(|way: &Impairment| way.blackout),
                loss_percent: quality.loss.map(|share| share * 100.0),
                round_trip_ms: quality.delay_ms.iter().sum(),
                jitter_ms: quality.jitter_ms,
                at_rest: ways == in_force.at_rest(line),
            };
            let same = |last: &LineChange| LineChange { at_s, ..*last } == change;
            if !course.changes.last().is_some_and(same) {
                course.changes.push(change);
            }
        }
        let setting = stage.setting(0);
        for (place, class) in self.classes.iter_mut().enumerate() {
            let right = right(&setting, self.group, place, &qualities);
            let name = |line: &usize| stage.lines[*line].name.clone();
            let lines: Vec<_> = right.iter().map(name).collect();
            if class.right.last().is_none_or(|last| last.lines != lines) {
                class.right.push(RightChange { at_s, lines });
            }
        }
    }
}
