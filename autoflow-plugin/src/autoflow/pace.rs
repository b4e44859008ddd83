//! Which lines are probed faster for a while, so that a suspicion is soon a verdict or nothing.
//!
//! It is bounded in time, and so in probes: a line has ten seconds, then it rests. At one place, an
//! uplink or a far end, one line in ten may be probed faster at a time, or one: its load no more
//! than doubles. Where many lines are suspect together it is the place, and more probes would only
//! add to what it suffers from.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use twamp_core::time::Mono;

use super::Candidate;
use super::lines::Lines;
use crate::session::Rate;

/// A line is probed faster for so long at most.
const LONGEST: Duration = Duration::from_secs(10);
/// And not again for so long, if that has led to nothing.
const PAUSE: Duration = Duration::from_secs(20);
/// One line in so many of a place may be.
const SHARE: usize = 10;
/// So many suspects are a matter of their place, if they are more than half of its lines.
const TOGETHER: usize = 3;

/// Who asks for a closer look: a line, as one probe class sees it. Both by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Suspect {
    pub(super) line: u64,
    pub(super) probe_class: u64,
}

/// A line is to be probed at another rate from now on, for one probe class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateRequest {
    /// The line.
    pub(crate) line: u64,
    /// The probe class.
    pub(crate) probe_class: u64,
    /// How often.
    pub(crate) rate: Rate,
}

/// Who is probed faster.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    raised: HashMap<Suspect, Mono>,
    /// Who must rest, and until when.
    resting: HashMap<Suspect, Mono>,
}

#[derive(Default)]
struct Room {
    lines: usize,
    suspects: usize,
    raised: usize,
}

impl Suspect {
    pub(super) fn of(candidate: &Candidate<'_>) -> Self {
        Self {
            line: candidate.line,
            probe_class: candidate.probe_class,
        }
    }

    pub(super) fn request(self, rate: Rate) -> RateRequest {
        RateRequest {
            line: self.line,
            probe_class: self.probe_class,
            rate,
        }
    }
}

impl Pacer {
    /// These lines are wished to be probed faster, the most urgent first. Answers what changes.
    pub(super) fn pace(
        &mut self,
        now: Mono,
        lines: Lines<'_>,
        wanted: &[Suspect],
    ) -> Vec<RateRequest> {
        if wanted.is_empty() && self.raised.is_empty() {
            return Vec::new();
        }
        self.resting.retain(|_, until| now < *until);
        let granted = self.granted(lines, wanted);
        let mut requests = Vec::new();
        let resting = &mut self.resting;
        self.raised.retain(|suspect, since| {
            let too_long = now.since(*since) >= LONGEST;
            if too_long {
                resting.insert(*suspect, now + PAUSE);
            }
            let goes_on = !too_long && granted.contains(suspect);
            if !goes_on {
                requests.push(suspect.request(Rate::Rest));
            }
            goes_on
        });
        for suspect in granted {
            if !self.resting.contains_key(&suspect) && !self.raised.contains_key(&suspect) {
                self.raised.insert(suspect, now);
                requests.push(suspect.request(Rate::Raised));
            }
        }
        requests.sort_unstable_by_key(|request| (request.line, request.probe_class));
        requests
    }

    /// Those that there is room for, at both of their places. A line of which several probe classes
    /// ask is one suspect, and takes room for each of them.
    fn granted(&self, lines: Lines<'_>, wanted: &[Suspect]) -> HashSet<Suspect> {
        let wishes: HashSet<u64> = wanted.iter().map(|suspect| suspect.line).collect();
        let mut far_ends: HashMap<&str, Room> = HashMap::new();
        let mut underlays: HashMap<&str, Room> = HashMap::new();
        let mut by_line = HashMap::new();
        for candidate in lines.iter() {
            let wished = wishes.contains(&candidate.line);
            for room in [
                far_ends.entry(candidate.far_end).or_default(),
                underlays.entry(candidate.underlay).or_default(),
            ] {
                room.lines += 1;
                room.suspects += usize::from(wished);
            }
            if wished {
                by_line.insert(candidate.line, candidate);
            }
        }
        // Who has begun goes on first.
        let (begun, new): (Vec<Suspect>, Vec<Suspect>) = wanted
            .iter()
            .partition(|suspect| self.raised.contains_key(suspect));
        let mut granted = HashSet::new();
        for suspect in begun.into_iter().chain(new) {
            let Some(candidate) = by_line.get(&suspect.line) else {
                continue;
            };
            let (Some(far_end), Some(underlay)) = (
                far_ends.get_mut(candidate.far_end),
                underlays.get_mut(candidate.underlay),
            ) else {
                continue;
            };
            if far_end.has_room() && underlay.has_room() && granted.insert(suspect) {
                far_end.raised += 1;
                underlay.raised += 1;
            }
        }
        granted
    }
}

impl Room {
    fn has_room(&self) -> bool {
        let together = self.suspects >= TOGETHER && 2 * self.suspects > self.lines;
        !together && self.raised < (self.lines / SHARE).max(1)
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::{Decision, Probe, Profile};

    use super::*;
    use crate::line::{Estimator, EstimatorConfig};

    fn at(seconds: u64) -> Mono {
        Mono(seconds * 1_000_000_000)
    }

    /// Asks for `wanted` of so many lines, over one underlay each, to one far end.
    fn ask(pacer: &mut Pacer, now: u64, lines: u64, wanted: &[u64]) -> Vec<(u64, bool)> {
        let config = EstimatorConfig::new(&Decision::default(), &Probe::default(), Profile::Fibre);
        let mut estimator = Estimator::new(config);
        let estimate = estimator.view(at(0));
        let names: Vec<String> = (0..lines).map(|line| line.to_string()).collect();
        let candidate = |line: u64| Candidate {
            line,
            probe_class: 0,
            name: &names[line as usize],
            cost: 0,
            underlay: &names[line as usize],
            far_end: "hub",
            has_standby: false,
            movable: true,
            capacity: [None; 2],
            rates: None,
            overflows: false,
            groups: &[],
            full_size: None,
            estimator: &estimator,
            estimate: &estimate,
        };
        let candidates: Vec<_> = (0..lines).map(candidate).collect();
        let suspect = |&line: &u64| Suspect {
            line,
            probe_class: 0,
        };
        let wanted: Vec<_> = wanted.iter().map(suspect).collect();
        let requests = pacer.pace(at(now), Lines::new(&candidates, 1), &wanted);
        requests
            .iter()
            .map(|request| (request.line, request.rate == Rate::Raised))
            .collect()
    }

    #[test]
    fn a_suspect_is_probed_faster_until_it_is_none() {
        let mut pacer = Pacer::default();
        assert_eq!(ask(&mut pacer, 1, 3, &[2]), [(2, true)]);
        assert_eq!(ask(&mut pacer, 2, 3, &[2]), []);
        assert_eq!(ask(&mut pacer, 3, 3, &[]), [(2, false)]);
    }

    #[test]
    fn ten_seconds_are_enough_and_then_it_rests() {
        let mut pacer = Pacer::default();
        ask(&mut pacer, 0, 3, &[1]);
        assert_eq!(ask(&mut pacer, 9, 3, &[1]), []);
        assert_eq!(ask(&mut pacer, 10, 3, &[1]), [(1, false)]);
        assert_eq!(ask(&mut pacer, 29, 3, &[1]), []);
        assert_eq!(ask(&mut pacer, 30, 3, &[1]), [(1, true)]);
    }

    #[test]
    fn at_one_place_one_line_in_ten_is_probed_faster_at_a_time() {
        let mut pacer = Pacer::default();
        let wanted: Vec<u64> = (0..8).collect();
        assert_eq!(ask(&mut pacer, 0, 40, &wanted).len(), 4);
        // Who has begun goes on.
        let turned: Vec<u64> = wanted.iter().rev().copied().collect();
        assert_eq!(ask(&mut pacer, 1, 40, &turned), []);
    }

    #[test]
    fn what_most_lines_of_a_place_share_is_not_looked_at_more_closely() {
        let mut pacer = Pacer::default();
        assert_eq!(ask(&mut pacer, 0, 3, &[0]), [(0, true)]);
        assert_eq!(ask(&mut pacer, 1, 3, &[0, 1, 2]), [(0, false)]);
    }
}
