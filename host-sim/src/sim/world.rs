//! The world of a run in virtual time: lines, the reflectors at their far ends with their clocks,
//! and the traffic that loads them.
//!
//! ```text
//!   probe ──► Line forward ──► reflector: T2, T3, its number ──► Line backward ──► reply
//!               ▲ load of the classes that are on the line            ▲
//! ```
//!
//! What happens to a packet is drawn by [`Line`] from the seed, whoever sends it and however often.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::policy::{Probe, Probing, Reply};
use super::scenario::Scenario;
use super::truth::Quality;
use crate::link::{
    Direction, Directions, Fate, Impairment, ImpairmentError, Line, OneWay, StreamId,
};

/// The far end answers so long after a probe has arrived, nanoseconds.
const PROCESSING: u64 = 20_000;
/// All probes of a line that are best effort are one stream: its n-th packet has the same fate whoever sends it.
const PROBES: StreamId = StreamId(1);
/// Those of full size are others, and change nothing for the small ones.
const FULL_SIZE: u64 = 1 << 16;
/// How many sessions a reflector numbers of one line: one for each DSCP, twice.
const SESSIONS: usize = 128;
const NS_PER_S: f64 = 1e9;
const NS_PER_MS: f64 = 1e6;

/// The lines of a run and what is underway on them.
pub(super) struct World {
    places: Vec<Place>,
    underway: BinaryHeap<Reverse<Arrival>>,
    now: u64,
    /// Orders arrivals of the same time.
    number: u64,
    probes: u64,
    octets: u64,
}

/// A line with its far end.
struct Place {
    line: Line,
    base: [Impairment; 2],
    /// What is true of it: what it does to packets, but for gaps.
    truth: [Impairment; 2],
    /// Probes sent over it.
    probes: u64,
    /// How far the far clock is ahead now, nanoseconds, without its drift.
    ahead: i64,
    fast_ppm: f64,
    /// The reflector's next numbers, by session.
    sequences: [u32; SESSIONS],
}

/// Something that arrives.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at: u64,
    number: u64,
    what: Underway,
}

/// Probes that are marked otherwise are of another one, and so are those of full size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Session {
    dscp: u8,
    full_size: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Underway {
    /// At the far end: line, the probe's number, when it left, its octets and session.
    There(usize, u64, u64, (usize, Session)),
    /// Back again: line, the probe's number, when it left, the stamps, the reflector's number.
    Back(usize, u64, u64, [i64; 4], u32),
}

impl World {
    /// The lines of a scenario as they are at its start.
    ///
    /// # Errors
    /// A number of an impairment out of its range.
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Result<Self, ImpairmentError> {
        let mut places = Vec::new();
        for group in 0..scenario.groups {
            for of in &scenario.lines {
                let back = of.back.as_ref().unwrap_or(&of.base);
                let name = format!("{}.{group}", of.name);
                places.push(Place {
                    line: Line::new(seed, &name, &of.base, back)?,
                    base: [of.base, *back],
                    truth: [of.base, *back],
                    probes: 0,
                    ahead: (of.clock_ahead_ms * NS_PER_MS) as i64,
                    fast_ppm: of.clock_fast_ppm,
                    sequences: [0; SESSIONS],
                });
            }
        }
        Ok(Self {
            places,
            underway: BinaryHeap::new(),
            now: 0,
            number: 0,
            probes: 0,
            octets: 0,
        })
    }

    /// When something arrives next; `None`: nothing is underway.
    pub(super) fn next(&self) -> Option<u64> {
        self.underway.peek().map(|Reverse(next)| next.at)
    }

    /// It is `now`. Never goes back.
    pub(super) fn go_to(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// The next reply that has arrived by now.
    pub(super) fn poll(&mut self) -> Option<Reply> {
        while self.next().is_some_and(|at| at <= self.now) {
            let Reverse(Arrival { at, what, .. }) = self.underway.pop()?;
            match what {
                Underway::There(line, number, sent_at, packet) => {
                    self.reflect(at, line, number, sent_at, packet);
                }
                Underway::Back(line, number, sent_at, stamps, reflector_sequence) => {
                    return Some(Reply {
                        line,
                        number,
                        sent_at,
                        stamps,
                        reflector_sequence,
                    });
                }
            }
        }
        None
    }

    /// Another impairment from now on; `None`: that of the start.
    pub(super) fn set(
        &mut self,
        line: usize,
        directions: Directions,
        impairment: Option<&Impairment>,
    ) -> Result<(), ImpairmentError> {
        let (now, place) = (self.now, &mut self.places[line]);
        let [forward, backward] = match impairment {
            Some(impairment) => [*impairment; 2],
            None => place.base,
        };
        if directions != Directions::Backward {
            place.truth[0] = forward;
        }
        if directions != Directions::Forward {
            place.truth[1] = backward;
        }
        place.put(now, directions, &[forward, backward])
    }

    /// Nothing comes through a line until it is set anew; what is true of it stays.
    pub(super) fn interrupt(
        &mut self,
        line: usize,
        directions: Directions,
    ) -> Result<(), ImpairmentError> {
        let (now, place) = (self.now, &mut self.places[line]);
        let interrupted = place.truth.map(|of| Impairment {
            blackout: true,
            ..of
        });
        place.put(now, directions, &interrupted)
    }

    /// So many octets of traffic have come to a direction of a line since the last time, and fill
    /// its queue. Answers which share of them found no room.
    pub(super) fn load(&mut self, line: usize, direction: Direction, octets: f64) -> f64 {
        self.places[line].line.pour(self.now, direction, octets)
    }

    /// The reflector of a line counts from 0 again.
    pub(super) fn restart(&mut self, line: usize) {
        self.places[line].sequences = [0; SESSIONS];
    }

    /// All far clocks step.
    pub(super) fn step_clocks(&mut self, by_ms: f64) {
        for place in &mut self.places {
            place.ahead += (by_ms * NS_PER_MS) as i64;
        }
    }

    /// What is true of a line, on which this share of traffic finds no room.
    pub(super) fn quality(&self, line: usize, overflow: [f64; 2]) -> Quality {
        let Place { line, truth, .. } = &self.places[line];
        let ways = [&line.forward, &line.backward];
        Quality::of(
            truth.each_ref(),
            overflow,
            ways.map(|way| way.waiting(self.now) as f64 / NS_PER_MS),
        )
    }

    /// The share of packets that a line loses at this very moment, in each direction.
    pub(super) fn loss_now(&mut self, line: usize, overflow: [f64; 2], dscp: u8) -> [f64; 2] {
        let Line { forward, backward } = &mut self.places[line].line;
        let lost = [forward, backward].map(|way| way.loss_now(self.now, dscp));
        [0, 1].map(|way| 1.0 - (1.0 - lost[way]) * (1.0 - overflow[way]))
    }

    /// Has it a rate that traffic can fill?
    pub(super) fn is_limited(&self, line: usize) -> bool {
        let Line { forward, backward } = &self.places[line].line;
        let limited = |way: &OneWay| way.impairment().rate_mbps.is_some();
        limited(forward) || limited(backward)
    }

    /// What time it is.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Probes sent over a line.
    pub(super) fn probes(&self, line: usize) -> u64 {
        self.places[line].probes
    }

    /// Probes sent, and their octets.
    pub(super) fn spent(&self) -> (u64, u64) {
        (self.probes, self.octets)
    }

    /// The reply has the DSCP of the probe.
    fn reflect(
        &mut self,
        at: u64,
        line: usize,
        number: u64,
        sent_at: u64,
        (octets, session): (usize, Session),
    ) {
        let place = &mut self.places[line];
        let next = &mut place.sequences[session.place()];
        let sequence = *next;
        *next = sequence.wrapping_add(1);
        let leaves = at + PROCESSING;
        let (t2, t3) = (place.far_clock(at), place.far_clock(leaves));
        let (back, stream) = (Direction::Backward, session.stream());
        let fate = place
            .line
            .offer_marked(leaves, back, stream, octets, session.dscp);
        self.deliver(fate, |arrives| {
            let stamps = [sent_at as i64, t2, t3, arrives as i64];
            Underway::Back(line, number, sent_at, stamps, sequence)
        });
    }

    fn deliver(&mut self, fate: Fate, what: impl Fn(u64) -> Underway) {
        let Fate::Delivered { at, copy_at, .. } = fate else {
            return;
        };
        for at in [Some(at), copy_at].into_iter().flatten() {
            self.number += 1;
            let (number, what) = (self.number, what(at));
            self.underway.push(Reverse(Arrival { at, number, what }));
        }
    }
}

impl Probing for World {
    fn probe(&mut self, at: u64, line: usize, probe: Probe) {
        let now = at.max(self.now);
        self.probes += 1;
        self.octets += probe.octets as u64;
        let Probe {
            number,
            octets,
            dscp,
            full_size,
        } = probe;
        let place = &mut self.places[line];
        place.probes += 1;
        let session = Session { dscp, full_size };
        let (forward, packet) = (Direction::Forward, (octets, session));
        let line_of = &mut place.line;
        let fate = line_of.offer_marked(now, forward, session.stream(), octets, dscp);
        self.deliver(fate, |_| Underway::There(line, number, now, packet));
    }
}

impl Place {
    fn put(
        &mut self,
        now: u64,
        directions: Directions,
        [forward, backward]: &[Impairment; 2],
    ) -> Result<(), ImpairmentError> {
        if directions != Directions::Backward {
            self.line.set(now, Directions::Forward, forward)?;
        }
        if directions != Directions::Forward {
            self.line.set(now, Directions::Backward, backward)?;
        }
        Ok(())
    }

    /// What the far clock shows at a time of the run.
    fn far_clock(&self, at: u64) -> i64 {
        let drift = at as f64 * self.fast_ppm / 1e6;
        at as i64 + self.ahead + drift as i64
    }
}

impl Session {
    fn place(self) -> usize {
        usize::from(self.dscp % 64) + if self.full_size { SESSIONS / 2 } else { 0 }
    }

    /// Its packets may overtake those of others.
    fn stream(self) -> StreamId {
        let full_size = if self.full_size { FULL_SIZE } else { 0 };
        StreamId(PROBES.0 + (u64::from(self.dscp) << 8) + full_size)
    }
}

/// Seconds to nanoseconds of the run.
pub(super) fn nanos(seconds: f64) -> u64 {
    (seconds * NS_PER_S).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_into_a_gap_is_lost_and_the_line_is_as_good_as_before() {
        let text = r#"
            name = "gap"
            says = "a gap"
            seconds = 10
            lines = [{ name = "A", base = { delay_ms = 5 } }]
            classes = [{ name = "voice", sla = { loss_percent = 2 } }]
        "#;
        let mut world = World::new(&toml::from_str(text).unwrap(), 1).unwrap();
        let probe = Probe {
            number: 0,
            octets: 100,
            dscp: 0,
            full_size: false,
        };
        let answered = |world: &mut World, at_s: f64| {
            world.probe(nanos(at_s), 0, probe);
            world.go_to(nanos(at_s + 0.5));
            world.poll().is_some()
        };
        assert!(answered(&mut world, 1.0));
        let good = world.quality(0, [0.0; 2]);
        world.interrupt(0, Directions::Forward).unwrap();
        assert!(!answered(&mut world, 2.0));
        assert_eq!(world.quality(0, [0.0; 2]), good);
        world.set(0, Directions::Forward, None).unwrap();
        assert!(answered(&mut world, 3.0));
        assert_eq!(world.probes(0), 3);
    }
}
