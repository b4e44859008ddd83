//! From what the probe thread reports to what the host reads: estimates, picture, choices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plugin_abi::config::{Class, Config, Line};
use plugin_abi::manage::{ChoiceRow, Decision, LineRow};
use plugin_abi::{NONE, TwampLineState, TwampScore, answer, line_state, reason};
use twamp_core::probe::Outcome;
use twamp_core::time::{Mono, Now};

use super::lock;
use super::shared::{Decided, Shared};
use crate::autoflow::{AutoFlow, Candidate, Policy, Ruling};
use crate::host::{Change, Picture, Taken};
use crate::line::{
    Estimate, Estimator, EstimatorConfig, Pulse, State, Trouble, score_row, state_row,
};
use crate::net::{SendError, clock_error};
use crate::session::setback::Setback;
use crate::session::{Entry, Key, Report};

/// Decisions that `why` tells of each class of a group.
const TOLD: usize = 20;

/// Everything between a report and the published cells.
pub(super) struct Publisher {
    config: Config,
    lines: BTreeMap<u64, Measured>,
    by_session: BTreeMap<Key, u64>,
    autoflow: AutoFlow,
    stale_after: Duration,
    states: Vec<(u64, u32)>,
}

struct Measured {
    line: Line,
    far_end: String,
    estimator: Estimator,
    /// What keeps it from being measured, for people.
    trouble: Option<(Mono, String)>,
    /// Why the interface's own stamps are not taken.
    stamps: Option<String>,
}

/// What a publication led to.
#[derive(Default)]
pub(super) struct Published {
    /// A line's state or a choice is another than before.
    pub(super) changed: bool,
    /// The switches.
    pub(super) changes: Vec<Change>,
    /// Sentences of switches that were refused.
    pub(super) refused: Vec<String>,
}

impl Publisher {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            autoflow: AutoFlow::new(Policy::new(config)),
            lines: BTreeMap::new(),
            by_session: BTreeMap::new(),
            stale_after: Duration::from_millis(config.decision.stale_after_ms.into()),
            config: config.clone(),
            states: Vec::new(),
        }
    }

    /// Another configuration holds; what was learned stays.
    pub(super) fn policy(&mut self, config: &Config) {
        self.autoflow.set_policy(Policy::new(config));
        self.stale_after = Duration::from_millis(config.decision.stale_after_ms.into());
        self.config = config.clone();
    }

    /// A line is new, or has changed: what was learned of it stays.
    pub(super) fn line(&mut self, line: &Line) {
        let far_end = line.far_end();
        let probe = line.probe.as_ref().unwrap_or(&self.config.probe);
        let config = EstimatorConfig::new(&self.config.decision, probe);
        match self.lines.get_mut(&line.id) {
            Some(known) => (known.line, known.far_end) = (line.clone(), far_end),
            None => {
                let estimator = Estimator::new(config);
                let line = line.clone();
                let measured = Measured {
                    far_end,
                    estimator,
                    trouble: None,
                    stamps: None,
                    line,
                };
                self.lines.insert(measured.line.id, measured);
            }
        }
    }

    /// Why the interface's own stamps are not taken, where a line wishes for them.
    pub(super) fn stamps(&mut self, line: u64, why: Option<String>) {
        if let Some(measured) = self.lines.get_mut(&line) {
            measured.stamps = why;
        }
    }

    /// A line is gone.
    pub(super) fn lose(&mut self, line: u64) {
        self.lines.remove(&line);
        self.by_session.retain(|_, of| *of != line);
    }

    /// This session measures the line from now on.
    pub(super) fn session(&mut self, line: u64, key: Key) {
        self.by_session.retain(|_, of| *of != line);
        self.by_session.insert(key, line);
    }

    /// Something keeps a line from being measured. True if that is new.
    pub(super) fn trouble(&mut self, line: u64, at: Mono, trouble: Trouble, why: String) -> bool {
        let Some(measured) = self.lines.get_mut(&line) else {
            return false;
        };
        measured.estimator.trouble(at, Some(trouble));
        let former = measured.trouble.replace((at, why));
        let (_, why) = former.unzip();
        why.as_ref() != measured.trouble.as_ref().map(|(_, why)| why)
    }

    /// Nothing keeps it from being measured any more.
    pub(super) fn measured(&mut self, line: u64, at: Mono) {
        if let Some(measured) = self.lines.get_mut(&line) {
            measured.estimator.trouble(at, None);
            measured.trouble = None;
        }
    }

    /// Enters what the probe thread has seen.
    pub(super) fn absorb(&mut self, report: &Report) {
        for (key, entry) in &report.entries {
            let line = self
                .by_session
                .get(key)
                .and_then(|line| self.lines.get_mut(line));
            if let Some(measured) = line {
                measured.absorb(entry, report.at.mono);
            }
        }
        for (key, pulse) in &report.pulses {
            let line = self
                .by_session
                .get(key)
                .and_then(|line| self.lines.get_mut(line));
            if let Some(measured) = line {
                measured.estimator.pulse(&Pulse {
                    at: report.at.mono,
                    last_reply: pulse.last_reply,
                    unanswered_since: pulse.unanswered_since,
                    resting_interval: pulse.interval,
                });
            }
        }
        for (key, setback) in &report.setbacks {
            let (trouble, why) = match setback {
                Setback::PortUnreachable => {
                    let trouble = Trouble::PortUnreachable;
                    (trouble, trouble.words().to_owned())
                }
                Setback::NotSent(error) if *error != SendError::QueueFull => {
                    (Trouble::LocalFault, format!("local system: {error}"))
                }
                // A router that knows no way is a dead line, and silence tells that; a full queue
                // empties.
                Setback::HostUnreachable | Setback::NotSent(_) => continue,
            };
            if let Some(line) = self.by_session.get(key).copied() {
                self.trouble(line, report.at.mono, trouble, why);
            }
        }
    }

    /// Takes a new picture and decides; `fresh` is when the probe thread last reported.
    pub(super) fn publish(&mut self, now: Now, fresh: Option<Mono>, shared: &Shared) -> Published {
        let epoch = shared.next_epoch();
        let valid_until = fresh.unwrap_or(now.mono) + self.stale_after;
        let estimates: Vec<(&Measured, Estimate)> = self
            .lines
            .values()
            .map(|line| (line, line.estimator.view(now.mono)))
            .collect();
        let (lines, scores) = rows(&estimates, &self.config.classes, now, valid_until);
        let states: Vec<_> = lines.iter().map(|row| (row.line, row.state)).collect();
        let candidates: Vec<_> = estimates.iter().map(candidate).collect();
        let decided = self.autoflow.decide(now, &candidates);
        *lock(&shared.lines) = estimates.iter().map(line_row).collect();
        drop(estimates);

        let taken = Taken {
            epoch,
            engine_state: shared.state(),
            taken_ns: now.mono.nanos(),
            taken_wall_ns: now.wall.nanos(),
            valid_until_ns: valid_until.nanos(),
        };
        shared
            .picture
            .store(Arc::new(Picture::new(taken, lines, scores)));
        shared.choices.store(fresh.map(|fresh| {
            Arc::new(Decided {
                choices: self.autoflow.choices().clone(),
                epoch,
                fresh,
                stale_after: self.stale_after,
            })
        }));
        lock(&shared.board).statistics().snapshots += 1;
        let changed = decided.choices_changed || states != self.states;
        self.states = states;
        if decided.choices_changed || !decided.rulings.is_empty() {
            *lock(&shared.why) = self.why();
        }
        let (switched, refused): (Vec<_>, Vec<_>) = decided
            .rulings
            .into_iter()
            .partition(|ruling| ruling.switched);
        Published {
            changed,
            changes: switched
                .into_iter()
                .map(|ruling| change(ruling, epoch))
                .collect(),
            refused: refused.into_iter().map(|ruling| ruling.sentence).collect(),
        }
    }

    /// Each choice with the decisions that led to it.
    fn why(&self) -> Vec<ChoiceRow> {
        let name = |id: Option<u64>| {
            let line = id.and_then(|id| self.lines.get(&id));
            line.map(|measured| measured.line.name.clone())
        };
        let mut rows: Vec<_> = self
            .autoflow
            .choices()
            .iter()
            .map(|(group, class, choice)| ChoiceRow {
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
            })
            .collect();
        rows.sort_by(|a, b| (&a.group, &a.class).cmp(&(&b.group, &b.class)));
        rows
    }
}

impl Measured {
    /// Enters what happened to the line's probes, known `now`.
    fn absorb(&mut self, entry: &Entry, now: Mono) {
        match entry {
            Entry::Probe(outcome) => self.estimator.absorb(outcome),
            Entry::NewSession => self.estimator.next_session(),
            Entry::FarEnd(_) => {}
        }
        // A reply proves that what kept the line from being measured is over.
        if let (Entry::Probe(Outcome::Sample(sample)), Some((since, _))) = (entry, &self.trouble)
            && sample.received > *since
        {
            self.trouble = None;
            self.estimator.trouble(now, None);
        }
    }
}

/// The rows of the picture; lines without classes have one score, for no class.
fn rows(
    estimates: &[(&Measured, Estimate)],
    classes: &[Class],
    now: Now,
    valid_until: Mono,
) -> (Vec<TwampLineState>, Vec<TwampScore>) {
    let no_class = [Class {
        id: NONE,
        name: String::new(),
        sla: Default::default(),
        prefer: Vec::new(),
        mode: None,
    }];
    let classes = if classes.is_empty() {
        &no_class
    } else {
        classes
    };
    let synchronised = clock_error().synchronised();
    let (mut lines, mut scores) = (Vec::new(), Vec::new());
    for (measured, estimate) in estimates {
        let id = measured.line.id;
        lines.push(state_row(id, estimate, valid_until));
        for class in classes {
            scores.push(score_row(
                id,
                class,
                estimate,
                synchronised,
                now.mono,
                valid_until,
            ));
        }
    }
    (lines, scores)
}

fn candidate<'a>((measured, estimate): &'a (&'a Measured, Estimate)) -> Candidate<'a> {
    Candidate {
        line: measured.line.id,
        name: &measured.line.name,
        cost: measured.line.cost,
        underlay: measured.line.underlay(),
        far_end: &measured.far_end,
        groups: &measured.line.groups,
        estimate,
    }
}

fn line_row((measured, estimate): &(&Measured, Estimate)) -> LineRow {
    let state = match estimate.state {
        State::Unknown => line_state::UNKNOWN,
        State::Alive => line_state::ALIVE,
        State::Dead => line_state::DEAD,
        State::Unmeasured => line_state::UNMEASURED,
    };
    LineRow {
        id: measured.line.id,
        name: measured.line.name.clone(),
        state: line_state::name(state).to_owned(),
        trouble: measured.trouble.as_ref().map(|(_, why)| why.clone()),
        stamps: measured.stamps.clone(),
    }
}

fn change(ruling: Ruling, epoch: u64) -> Change {
    Change {
        reason: ruling.reason,
        group: ruling.group,
        class: ruling.class,
        from: ruling.from,
        to: ruling.to,
        at_ns: ruling.at.mono.nanos(),
        epoch,
        sentence: ruling.sentence,
    }
}

fn named<'a>(mut all: impl Iterator<Item = (u64, &'a String)>, id: u64) -> String {
    all.find(|(of, _)| *of == id)
        .map_or_else(|| id.to_string(), |(_, name)| name.clone())
}
