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
    /// Nothing comes through a line until it has another impairment.
    Gap(usize, Directions),
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
    Gap(Directions),
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
            let (at, gap) = (nanos(event.at_s), nanos(event.gap_s));
            let source = |what, after: u64| Source {
                what,
                lines: concerned(stage, event),
                every: event.every_s.map(nanos),
                until: event.until_s.map_or(end, nanos) + after,
            };
            if gap > 0 {
                all.add(at, source(What::Gap(event.direction), 0));
            }
            let what = What::Set(event.direction, event.set);
            all.add(at + gap, source(what, gap));
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
            What::Gap(directions) => Happening::Gap(line, directions),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::embedded;

    #[test]
    fn each_step_of_a_satellite_in_low_orbit_comes_after_a_gap() {
        let leo = embedded("s13-leo").unwrap();
        let stage = Stage::new(&leo);
        let mut happenings = Happenings::of(&stage);
        let mut gap = None;
        let mut steps = 0;
        while let Some(at) = happenings.next() {
            match happenings.poll(at) {
                Some(Happening::Gap(0, _)) => gap = Some(at),
                Some(Happening::Set(0, _, Some(_))) => {
                    assert_eq!(gap.take(), Some(at - nanos(0.2)));
                    steps += 1;
                }
                _ => panic!("something else happens"),
            }
        }
        // One each 15 s.
        assert_eq!((steps, gap), (240, None));
    }
}
