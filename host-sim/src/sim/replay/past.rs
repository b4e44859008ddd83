//! The lines as they were: what became of a recorded probe becomes of one that leaves at about the
//! same time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::recording::{Fate, Recording, Track};
use crate::sim::policy::{Probe, Probing, Reply};

/// Farther from all recorded probes of a line, in nanoseconds, nothing is known of it.
const GAP: u64 = 2_000_000_000;
/// So far from a recorded probe, at most, one counts as the same.
const SAME: u64 = 1_000_000;
/// What a clock must have been stepped by, where all that is known is that it was.
const STEP: i64 = 10_000_000_000;

/// The recorded lines, and what is underway on them.
pub(super) struct Past<'a> {
    recording: &'a Recording,
    /// By line.
    places: Vec<Place>,
    /// Sessions begin anew as they did, for who follows the recorded probes.
    renewed: bool,
    underway: BinaryHeap<Reverse<Arrival>>,
    now: u64,
    number: u64,
    probes: u64,
    in_gaps: u64,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// The reflector's next number.
    sequence: u32,
    /// How many sessions have begun anew.
    sessions: usize,
}

/// A reply on its way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at: u64,
    number: u64,
    line: usize,
    probe: u64,
    sent_at: u64,
    stamps: [i64; 4],
    sequence: u32,
}

impl<'a> Past<'a> {
    /// For who probes as it likes.
    pub(super) fn new(recording: &'a Recording) -> Self {
        Self {
            places: vec![Place::default(); recording.tracks.len()],
            recording,
            renewed: false,
            underway: BinaryHeap::new(),
            now: 0,
            number: 0,
            probes: 0,
            in_gaps: 0,
        }
    }

    /// For who follows the recorded probes: the reflectors' numbers begin anew with the sessions.
    pub(super) fn renewed(recording: &'a Recording) -> Self {
        Self {
            renewed: true,
            ..Self::new(recording)
        }
    }

    /// When something arrives next.
    pub(super) fn next(&self) -> Option<u64> {
        self.underway.peek().map(|Reverse(next)| next.at)
    }

    /// It is `now`. Never goes back.
    pub(super) fn go_to(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// The next reply that has arrived by now.
    pub(super) fn poll(&mut self) -> Option<Reply> {
        self.next().filter(|at| *at <= self.now)?;
        let Reverse(arrival) = self.underway.pop()?;
        Some(Reply {
            line: arrival.line,
            number: arrival.probe,
            sent_at: arrival.sent_at,
            stamps: arrival.stamps,
            reflector_sequence: arrival.sequence,
        })
    }

    /// Probes sent, and those of them near which nothing was recorded.
    pub(super) fn sent(&self) -> (u64, u64) {
        (self.probes, self.in_gaps)
    }

    /// The next number of a line's reflector.
    fn reflect(&mut self, line: usize) -> u32 {
        let place = &mut self.places[line];
        let sequence = place.sequence;
        place.sequence = sequence.wrapping_add(1);
        sequence
    }

    fn come_back(&mut self, line: usize, probe: u64, [out, far, back]: [i64; 3], step: i64) {
        let sequence = self.reflect(line);
        let sent_at = self.now;
        let t1 = sent_at as i64;
        let (t2, t3, t4) = (t1 + out, t1 + out + far, t1 + out + far + back);
        self.number += 1;
        self.underway.push(Reverse(Arrival {
            at: t4.max(t1) as u64,
            number: self.number,
            line,
            probe,
            sent_at,
            stamps: [t1, t2, t3, t4 + step],
            sequence,
        }));
    }
}

impl Probing for Past<'_> {
    fn probe(&mut self, at: u64, line: usize, probe: Probe) {
        self.now = self.now.max(at);
        self.probes += 1;
        let track = &self.recording.tracks[line];
        if self.renewed {
            let begun = track
                .sessions
                .partition_point(|session| *session <= self.now);
            let place = &mut self.places[line];
            if std::mem::replace(&mut place.sessions, begun) != begun {
                place.sequence = 0;
            }
        }
        match fate(track, self.now) {
            Some(Fate::Answered { out, far, back }) => {
                self.come_back(line, probe.number, [out, far, back], 0);
            }
            Some(Fate::Useless) => {
                // Its times were not recorded, only that they were of no use.
                let like = [0, 0, SAME as i64];
                self.come_back(line, probe.number, like, STEP);
            }
            Some(Fate::Lost { arrived: true }) => {
                self.reflect(line);
            }
            Some(Fate::Lost { arrived: false } | Fate::Unknown) => {}
            None => self.in_gaps += 1,
        }
    }
}

/// What became of the probe that left at this time; if none did, of the nearest one of which it is
/// known.
fn fate(track: &Track, at: u64) -> Option<Fate> {
    let probes = &track.probes;
    let after = probes.partition_point(|probe| probe.sent < at);
    let (earlier, later) = probes.split_at(after);
    let same = [earlier.last(), later.first()];
    let same = same
        .into_iter()
        .flatten()
        .map(|probe| (probe.sent.abs_diff(at), probe.fate));
    if let Some((_, fate)) = same
        .filter(|(apart, _)| *apart <= SAME)
        .min_by_key(|same| same.0)
    {
        return Some(fate);
    }
    let known = |fate: Fate| matches!(fate, Fate::Answered { .. } | Fate::Lost { .. });
    let before = earlier.iter().rev().find(|probe| known(probe.fate));
    let behind = later.iter().find(|probe| known(probe.fate));
    let near = [before, behind].into_iter().flatten();
    let nearest = near.min_by_key(|probe| probe.sent.abs_diff(at))?;
    (nearest.sent.abs_diff(at) <= GAP).then_some(nearest.fate)
}

#[cfg(test)]
mod tests {
    use super::super::recording::Past as Recorded;
    use super::*;

    const MS: u64 = 1_000_000;
    const BACK: Fate = Fate::Answered {
        out: 1,
        far: 2,
        back: 3,
    };
    const LOST: Fate = Fate::Lost { arrived: false };

    #[test]
    fn a_probe_meets_what_the_nearest_one_met_that_says_something() {
        let fates = [(0, BACK), (100, LOST), (200, Fate::Unknown), (300, BACK)];
        let track = Track {
            probes: fates
                .map(|(ms, fate)| Recorded {
                    sent: ms * MS,
                    fate,
                })
                .to_vec(),
            sessions: Vec::new(),
        };
        for (ms, met) in [
            (0, Some(BACK)),
            (49, Some(BACK)),
            (51, Some(LOST)),
            (190, Some(LOST)),
            // The very one of which nothing is known.
            (200, Some(Fate::Unknown)),
            (210, Some(BACK)),
            (2_300, Some(BACK)),
            (2_301, None),
        ] {
            assert_eq!(fate(&track, ms * MS), met, "{ms} ms");
        }
        assert_eq!(fate(&Track::default(), 0), None);
    }
}
