//! What happens in a run, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::run::Stage;
use super::scenario::Event;
use super::world::nanos;
use crate::link::{Directions, Impairment};

/// Something happens.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum Happening {
    /// A line has another impairment; `None`: that of the start.
    Set(usize, Directions, Option<Impairment>),
    /// The reflector of a line begins its numbers anew.
    Restart(usize),
    /// All far clocks step by so many milliseconds.
    ClockStep(f64),
    /// The near host stands still for so many nanoseconds.
    Pause(u64),
}

/// All that happens, repetitions as they come.
pub(super) struct Happenings {
    due: BinaryHeap<Reverse<Due>>,
    sources: Vec<Source>,
}

/// When a source is next, first written first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: u64,
    source: usize,
    /// Which of its lines.
    line: usize,
}

struct Source {
    what: What,
    lines: Vec<usize>,
    every: Option<u64>,
    until: u64,
}

#[expect(clippy::large_enum_variant, reason = "a run has a few")]
enum What {
    Set(Directions, Option<Impairment>),
    Restart,
    ClockStep(f64),
    Pause(u64),
}

impl Happenings {
    pub(super) fn of(stage: &Stage<'_>) -> Self {
        let end = nanos(stage.scenario.seconds);
        let mut all = Self {
            due: BinaryHeap::new(),
            sources: Vec::new(),
        };
        for event in &stage.scenario.events {
            let source = Source {
                what: What::Set(event.direction, event.set),
                lines: concerned(stage, event),
                every: event.every_s.map(nanos),
                until: event.until_s.map_or(end, nanos),
            };
            all.add(nanos(event.at_s), source);
        }
        for event in &stage.scenario.ends {
            let far_ends = |line: &usize| {
                let far_end = &stage.lines[*line].far_end;
                event
                    .restart
                    .as_ref()
                    .is_none_or(|restarted| restarted == far_end)
            };
            let what = match (event.pause_s, event.clock_step_ms) {
                (Some(seconds), _) => What::Pause(nanos(seconds)),
                (_, Some(by_ms)) => What::ClockStep(by_ms),
                _ => What::Restart,
            };
            let lines = match what {
                What::Restart => (0..stage.lines.len()).filter(far_ends).collect(),
                _ => vec![0],
            };
            let (every, until) = (None, end);
            all.add(
                nanos(event.at_s),
                Source {
                    what,
                    lines,
                    every,
                    until,
                },
            );
        }
        all
    }

    /// When something happens next.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.peek().map(|Reverse(next)| next.at)
    }

    /// What has happened by `now`, one at a time.
    pub(super) fn poll(&mut self, now: u64) -> Option<Happening> {
        self.next().filter(|at| *at <= now)?;
        let Reverse(Due { at, source, line }) = self.due.pop()?;
        let of = &self.sources[source];
        if let Some(again) = of.every.map(|every| at + every).filter(|at| *at < of.until) {
            self.due.push(Reverse(Due {
                at: again,
                source,
                line,
            }));
        }
        Some(match of.what {
            What::Set(directions, impairment) => Happening::Set(line, directions, impairment),
            What::Restart => Happening::Restart(line),
            What::ClockStep(by_ms) => Happening::ClockStep(by_ms),
            What::Pause(span) => Happening::Pause(span),
        })
    }

    fn add(&mut self, at: u64, source: Source) {
        let place = self.sources.len();
        for &line in &source.lines {
            let source = place;
            self.due.push(Reverse(Due { at, source, line }));
        }
        self.sources.push(source);
    }
}

/// The lines that an event concerns.
fn concerned(stage: &Stage<'_>, event: &Event) -> Vec<usize> {
    let per_group = stage.scenario.lines.len();
    (0..stage.lines.len())
        .filter(|line| {
            let of = &stage.scenario.lines[line % per_group];
            let named = event.line.as_ref().is_none_or(|name| *name == of.name);
            named && event.group.is_none_or(|group| group == line / per_group)
        })
        .collect()
}
