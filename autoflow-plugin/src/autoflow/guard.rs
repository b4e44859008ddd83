//! Guards by place: a silence that all lines at one place share is not the fault of one line.

use std::collections::HashMap;
use std::time::Duration;

use twamp_core::time::Mono;

use super::Candidate;
use super::lines::Lines;
use crate::line::{Estimate, State};

/// Lines that fall silent within this time fall silent together.
const TOGETHER: Duration = Duration::from_secs(2);
/// For so long a line that lives may leave a dead line's class waiting for news of it.
const NEWS: Duration = Duration::from_secs(1);

/// Who shares a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// This line alone.
    Line,
    /// All lines over its underlay.
    Underlay,
    /// All lines to its far end.
    FarEnd,
    /// All lines that are measured, so many.
    Local(usize),
}

/// When something was last heard at each place.
#[derive(Debug)]
pub(super) struct Places<'a> {
    engine: Place,
    far_ends: HashMap<&'a str, Place>,
    underlays: HashMap<&'a str, Place>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    measured: usize,
    /// The lines heard last and last but one, each with the time.
    newest: [Option<(Mono, u64)>; 2],
    longest_round_trip: Duration,
}

/// Whether `other` has answered since `dead` fell silent, as far as one may wait to know.
pub(super) fn is_heard(now: Mono, dead: &Estimate, other: &Estimate) -> bool {
    if other.state != State::Alive {
        return false;
    }
    let Some(silent_since) = dead.silent_since else {
        return true;
    };
    let due = silent_since + dead.longest_round_trip.max(other.longest_round_trip);
    // One that was asked meanwhile and owes the answer is no news.
    let waited = now.since(dead.since) >= NEWS && !other.is_overdue(now);
    other.last_reply > Some(due) || waited
}

impl<'a> Places<'a> {
    /// Of all lines of the engine.
    pub(super) fn of(lines: Lines<'a>) -> Self {
        let mut places = Self {
            engine: Place::default(),
            far_ends: HashMap::new(),
            underlays: HashMap::new(),
        };
        for candidate in lines.iter() {
            let state = candidate.estimate.state;
            if matches!(state, State::Alive | State::Dead | State::Silent) {
                places.engine.add(candidate);
                places
                    .far_ends
                    .entry(candidate.far_end)
                    .or_default()
                    .add(candidate);
                places
                    .underlays
                    .entry(candidate.underlay)
                    .or_default()
                    .add(candidate);
            }
        }
        places
    }

    /// Who shares the silence of `dead`; the widest place is named.
    pub(super) fn fault(&self, dead: &Candidate<'_>) -> Fault {
        let silent = |place: Option<&Place>| place.is_some_and(|p| p.fell_silent_with(dead));
        if silent(Some(&self.engine)) {
            Fault::Local(self.engine.measured)
        } else if silent(self.far_ends.get(dead.far_end)) {
            Fault::FarEnd
        } else if silent(self.underlays.get(dead.underlay)) {
            Fault::Underlay
        } else {
            Fault::Line
        }
    }
}

impl Place {
    fn add(&mut self, candidate: &Candidate<'_>) {
        let estimate = candidate.estimate;
        self.measured += 1;
        self.longest_round_trip = self.longest_round_trip.max(estimate.longest_round_trip);
        let mut heard = estimate.last_reply.map(|reply| (reply, candidate.line));
        for newest in &mut self.newest {
            if heard > *newest {
                std::mem::swap(&mut heard, newest);
            }
        }
    }

    /// At least one other line is here, and the last one was heard when `dead` was.
    fn fell_silent_with(&self, dead: &Candidate<'_>) -> bool {
        let Some(silent_since) = dead.estimate.silent_since else {
            return false;
        };
        let others = self
            .newest
            .iter()
            .flatten()
            .filter(|(_, line)| *line != dead.line);
        let last_heard = others.map(|&(reply, _)| reply).max();
        last_heard.is_some_and(|heard| {
            heard <= silent_since + self.longest_round_trip && heard + TOGETHER >= silent_since
        })
    }
}
