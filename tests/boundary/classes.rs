//! Probes of several kinds over one line, through the file that ships: a host under the manual clock
//! tells them apart by their probe class.

use std::collections::{BTreeMap, BTreeSet};

use plugin_abi::config::{MTU_PROBE_CLASS, SHARED_PROBE_CLASS};
use plugin_abi::host::{Choice, Engine};
use plugin_abi::manage::{Answer, LineRow, MtuState, Request};
use plugin_abi::{TwampObservation, TwampProbe, code, line_state, observation};

use crate::manual::started;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const ROUND_TRIP: u64 = 20 * MS;
const GROUP: u64 = 1;
const VOICE: u64 = 1;
const BULK: u64 = 2;
const REALTIME: u64 = 7;
/// TOS octet of EF.
const EF: u32 = 46 << 2;

const CONFIG: &str = r#"{
    "clock": "manual", "mode": "act", "probe": {"interval_ms": 100, "timeout_ms": 500},
    "probe_classes": [{"id": 7, "name": "realtime", "dscp": "EF"}],
    "mtu_probe": {"octets": 1400, "every_s": 5},
    "groups": [{"id": 1, "name": "hub"}],
    "classes": [
        {"id": 1, "name": "voice", "sla": {"loss_percent": 1.0}, "probe_class": "realtime"},
        {"id": 2, "name": "bulk", "sla": {"loss_percent": 3.0, "packet_octets": 1400}}],
    "lines": [{"id": 1, "name": "A", "remote": "192.0.2.1", "groups": [1], "cost": 0},
              {"id": 2, "name": "B", "remote": "192.0.2.2", "groups": [1], "cost": 1}]}"#;

/// A host that answers what it likes.
struct World {
    engine: Engine,
    now: u64,
    underway: Vec<TwampObservation>,
    /// Replies of each session, by line and probe class.
    answered: BTreeMap<(u64, u64), u64>,
    /// Every kind of probe: line, class, TOS, octets.
    kinds: BTreeSet<(u64, u64, u32, u32)>,
}

impl World {
    fn new() -> Self {
        Self {
            engine: started(CONFIG),
            now: 0,
            underway: Vec::new(),
            answered: BTreeMap::new(),
            kinds: BTreeSet::new(),
        }
    }

    /// Goes on for so many seconds; `passes` says which probes come back.
    fn run(&mut self, seconds: u64, passes: impl Fn(&TwampProbe) -> bool) {
        let until = self.now + seconds * SECOND;
        while self.now < until {
            let arrival = self.underway.iter().map(|reply| reply.at_ns).min();
            let next = arrival.unwrap_or(until).min(until);
            let mut probes = [TwampProbe::default(); 8];
            let (count, reached) = self.engine.advance(next, &mut probes).expect("it advances");
            self.now = reached;
            for probe in &probes[..count] {
                let kind = (probe.line, probe.probe_class, probe.tos, probe.octets);
                self.kinds.insert(kind);
                if passes(probe) {
                    self.answer(probe);
                }
            }
            let arrived = |reply: &mut TwampObservation| reply.at_ns <= reached;
            let replies: Vec<_> = self.underway.extract_if(.., arrived).collect();
            self.engine.observe(&replies).expect("replies are taken");
        }
    }

    fn answer(&mut self, probe: &TwampProbe) {
        let session = (probe.line, probe.probe_class);
        let number = self.answered.entry(session).or_default();
        let there = probe.t1_wall_ns + (ROUND_TRIP / 2) as i64;
        let back = probe.t1_wall_ns + ROUND_TRIP as i64;
        self.underway.push(TwampObservation {
            line: probe.line,
            probe_class: probe.probe_class,
            kind: observation::REPLY,
            at_ns: probe.at_ns + ROUND_TRIP,
            stamps_wall_ns: [probe.t1_wall_ns, there, there, back],
            sequence: probe.sequence.into(),
            reflector_sequence: *number,
            ..TwampObservation::default()
        });
        *number += 1;
    }

    /// Where voice is, and where bulk.
    fn choices(&self) -> [Choice; 2] {
        [VOICE, BULK].map(|class| self.engine.choose(GROUP, class, 0, None, 0))
    }

    fn lines(&self) -> Vec<LineRow> {
        match self.engine.manage(&Request::Lines) {
            Ok(Answer::Lines(rows)) => rows,
            other => panic!("no lines: {other:?}"),
        }
    }
}

#[test]
fn each_line_is_probed_for_each_class_in_use_and_with_full_size() {
    let mut world = World::new();
    world.run(12, |_| true);
    let small = 41;
    let each = |line: u64| {
        [
            (line, SHARED_PROBE_CLASS, 0, small),
            (line, REALTIME, EF, small),
            (line, MTU_PROBE_CLASS, 0, 1_400 - 28),
        ]
    };
    assert_eq!(world.kinds, [1, 2].into_iter().flat_map(each).collect());
    assert_eq!(world.choices(), [Choice::Line(1); 2]);
}

#[test]
fn what_harms_one_kind_of_probes_moves_the_classes_that_are_judged_by_them() {
    let mut world = World::new();
    world.run(90, |_| true);
    // Each fourth packet of best effort finds no room on A.
    world.run(60, |probe| {
        probe.line == 2 || probe.tos == EF || !probe.sequence.is_multiple_of(4)
    });
    assert_eq!(world.choices(), [Choice::Line(1), Choice::Line(2)]);
}

#[test]
fn full_size_packets_that_vanish_are_told_of_the_line_and_bulk_leaves_it() {
    let mut world = World::new();
    world.run(90, |_| true);
    world.run(60, |probe| probe.line == 2 || probe.octets < 1_000);
    assert_eq!(world.choices(), [Choice::Line(1), Choice::Line(2)]);
    let states: Vec<_> = world
        .lines()
        .iter()
        .map(|row| row.mtu.map(|mtu| (mtu.octets, mtu.state)))
        .collect();
    let known = [MtuState::BlackHole, MtuState::Passes].map(|state| Some((1_400, state)));
    assert_eq!(states, known);
    // The figures of the line know nothing of them.
    let snapshot = world.engine.snapshot().unwrap();
    assert!(snapshot.lines().all(|row| row.state == line_state::ALIVE));
    assert!(snapshot.scores().all(|score| score.loss_ppm == 0));
}

#[test]
fn a_reply_to_a_class_that_is_not_in_use_is_refused() {
    let world = World::new();
    let reply = |line, probe_class| {
        let reply = TwampObservation {
            line,
            probe_class,
            kind: observation::REPLY,
            ..TwampObservation::default()
        };
        world.engine.observe(&[reply])
    };
    for known in [SHARED_PROBE_CLASS, REALTIME, MTU_PROBE_CLASS] {
        assert!(reply(1, known).is_ok(), "{known}");
    }
    let refused = reply(1, 8).unwrap_err();
    assert_eq!(refused.code, code::UNKNOWN, "{refused}");
}
