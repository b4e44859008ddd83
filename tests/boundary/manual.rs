//! An engine under the manual clock, through the file that ships: the host says what time it is and
//! moves the probes.

use std::time::Instant;

use autoflow_tests::artifacts;
use plugin_abi::host::{Choice, Engine, Plugin, Silent};
use plugin_abi::manage::{Answer, Request};
use plugin_abi::{TwampObservation, TwampProbe, code, line_state, observation};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const GROUP: u64 = 1;
const CLASS: u64 = 1;

const CONFIG: &str = r#"{
    "clock": "manual", "mode": "act", "probe": {"interval_ms": 100, "timeout_ms": 500},
    "groups": [{"id": 1, "name": "hub"}],
    "classes": [{"id": 1, "name": "voice", "prefer": ["A"], "sla": {"loss_percent": 1.0}}],
    "lines": [{"id": 1, "name": "A", "remote": "192.0.2.1", "groups": [1]},
              {"id": 2, "name": "B", "remote": "192.0.2.2", "groups": [1]}]}"#;

/// An engine of the file that ships, which runs.
pub(crate) fn started(config: &str) -> Engine {
    let plugin = Plugin::load_checked(&artifacts().plugin).expect("the plugin is let in");
    let engine = plugin.create(config, Silent).expect("an engine");
    engine.start().expect("it starts");
    engine
}

/// A host that invents the lines: what it answers comes back so many milliseconds after the probe.
struct World {
    engine: Engine,
    now: u64,
    /// Replies on their way, by arrival.
    underway: Vec<TwampObservation>,
    /// Probes handed out, and answered, by line.
    sent: [u64; 2],
    answered: [u64; 2],
    choices: Vec<(u64, Choice)>,
}

impl World {
    fn new() -> Self {
        Self {
            engine: started(CONFIG),
            now: 0,
            underway: Vec::new(),
            sent: [0; 2],
            answered: [0; 2],
            choices: Vec::new(),
        }
    }

    /// Goes on to `until`; `delay_ms` says how long a probe of a line takes, there and back.
    fn run(&mut self, until: u64, delay_ms: impl Fn(u64, u64) -> Option<u64>) {
        while self.now < until {
            let arrival = self.underway.iter().map(|reply| reply.at_ns).min();
            let next = arrival.unwrap_or(until).min(until);
            let mut probes = [TwampProbe::default(); 8];
            let (count, reached) = self.engine.advance(next, &mut probes).expect("it advances");
            self.now = reached;
            for probe in &probes[..count] {
                self.take(probe, delay_ms(probe.line, probe.at_ns));
            }
            let arrived = |reply: &mut TwampObservation| reply.at_ns <= reached;
            let replies: Vec<_> = self.underway.extract_if(.., arrived).collect();
            self.engine.observe(&replies).expect("replies are taken");
            let choice = self.engine.choose(GROUP, CLASS, 0, None, 0);
            if self.choices.last().is_none_or(|(_, last)| *last != choice) {
                self.choices.push((self.now, choice));
            }
        }
    }

    fn take(&mut self, probe: &TwampProbe, delay_ms: Option<u64>) {
        let line = probe.line as usize - 1;
        self.sent[line] += 1;
        let Some(delay) = delay_ms.map(|ms| ms * MS) else {
            return;
        };
        let there = probe.t1_wall_ns + (delay / 2) as i64;
        self.underway.push(TwampObservation {
            line: probe.line,
            kind: observation::REPLY,
            at_ns: probe.at_ns + delay,
            stamps_wall_ns: [
                probe.t1_wall_ns,
                there,
                there,
                probe.t1_wall_ns + delay as i64,
            ],
            sequence: probe.sequence.into(),
            reflector_sequence: self.answered[line],
            ..TwampObservation::default()
        });
        self.answered[line] += 1;
    }
}

#[test]
fn a_host_that_moves_the_probes_sees_what_it_did_to_them() {
    let mut world = World::new();
    // Each seventh probe of B is lost.
    world.run(60 * SECOND, |line, at| {
        (line == 1 || !(at / (100 * MS)).is_multiple_of(7)).then_some(20 * line)
    });
    let snapshot = world.engine.snapshot().unwrap();
    for (row, score) in snapshot.lines().zip(snapshot.scores()) {
        assert_eq!(row.state, line_state::ALIVE);
        let round_trip = 20 * row.line * MS;
        let apart = score.round_trip.mean_ns - round_trip as i64;
        assert!(apart.abs() <= 2, "{apart} ns");
        assert_eq!(
            score.outbound.mean_ns + score.inbound.mean_ns,
            score.round_trip.mean_ns
        );
    }
    drop(snapshot);
    let Answer::Sessions(rows) = world.engine.manage(&Request::Sessions).unwrap() else {
        panic!("no sessions");
    };
    for (line, row) in rows.iter().enumerate() {
        let result = row.result.as_ref().unwrap();
        assert_eq!(result.sent, world.sent[line]);
        let lost = result.lost.forward.unwrap() + result.lost.unattributed;
        assert_eq!(
            result.received + lost + result.in_flight,
            result.sent,
            "{result:?}"
        );
        assert_eq!(result.lost.backward, Some(0));
        assert_eq!(lost > 0, line == 1, "{result:?}");
    }
}

#[test]
fn a_line_that_dies_is_left_and_the_same_world_gives_the_same_choices() {
    let dies = |line: u64, at: u64| (line == 2 || at < 30 * SECOND).then_some(20);
    let [one, other] = [World::new(), World::new()].map(|mut world| {
        world.run(40 * SECOND, dies);
        world.choices
    });
    assert_eq!(one, other);
    let switched = one.iter().find(|(_, choice)| *choice == Choice::Line(2));
    let (at, _) = switched.expect("B is chosen");
    assert!(one.contains(&(one[1].0, Choice::Line(1))), "{one:?}");
    assert!((30 * SECOND..32 * SECOND).contains(at), "{one:?}");
}

#[test]
fn a_host_that_stood_still_blames_no_line_for_it() {
    let [lost, stood_still] = [false, true].map(|says_so| {
        let mut world = World::new();
        world.run(30 * SECOND, |_, _| Some(250));
        // Nothing is sent or read for two seconds: all that was underway is gone.
        world.underway.clear();
        if says_so {
            world.now += 2 * SECOND;
            let paused = TwampObservation {
                kind: observation::PAUSED,
                at_ns: world.now,
                sequence: 2 * SECOND,
                ..TwampObservation::default()
            };
            world.engine.observe(&[paused]).expect("a pause is taken");
        }
        world.run(40 * SECOND, |_, _| Some(250));
        let Answer::Sessions(rows) = world.engine.manage(&Request::Sessions).unwrap() else {
            panic!("no sessions");
        };
        let results = rows.iter().filter_map(|row| row.result.as_ref());
        results
            .map(|result| {
                let of_way = [result.lost.forward, result.lost.backward];
                of_way.into_iter().flatten().sum::<u64>() + result.lost.unattributed
            })
            .sum::<u64>()
    });
    assert!(lost > 0);
    assert_eq!(stood_still, 0);
}

#[test]
fn time_goes_on_only_and_only_where_the_host_has_the_clock() {
    let mut world = World::new();
    world.run(SECOND, |_, _| Some(10));
    let mut probes = [TwampProbe::default(); 8];
    let back = world.engine.advance(SECOND / 2, &mut probes).unwrap_err();
    assert_eq!(back.code, code::INVALID, "{back}");
    let none = world.engine.advance(2 * SECOND, &mut []).unwrap_err();
    assert_eq!(none.code, code::INVALID, "{none}");
    let stranger = TwampObservation {
        line: 9,
        kind: observation::REPLY,
        ..TwampObservation::default()
    };
    let unknown = world.engine.observe(&[stranger]).unwrap_err();
    assert_eq!(unknown.code, code::UNKNOWN, "{unknown}");
    let past = TwampObservation {
        kind: observation::PAUSED,
        at_ns: SECOND / 2,
        ..TwampObservation::default()
    };
    let over = world.engine.observe(&[past]).unwrap_err();
    assert_eq!(over.code, code::INVALID, "{over}");
    world.engine.stop().unwrap();
    let stopped = world.engine.advance(2 * SECOND, &mut probes).unwrap_err();
    assert_eq!(stopped.code, code::STATE, "{stopped}");

    let plugin = Plugin::load_checked(&artifacts().plugin).unwrap();
    let engine = plugin.create("{}", Silent).unwrap();
    engine.start().unwrap();
    let system = engine.advance(SECOND, &mut probes).unwrap_err();
    assert_eq!(system.code, code::STATE, "{system}");
}

#[test]
fn probes_that_find_no_room_come_with_the_next_call_at_the_same_time() {
    let world = World::new();
    let mut handed = Vec::new();
    let mut last = 0;
    while last < SECOND {
        let mut room = [TwampProbe::default(); 1];
        let (count, reached) = world.engine.advance(SECOND, &mut room).unwrap();
        assert!(reached >= last);
        last = reached;
        handed.extend(
            room[..count]
                .iter()
                .map(|probe| (probe.line, probe.sequence)),
        );
    }
    for line in [1, 2] {
        let numbers: Vec<_> = handed.iter().filter(|(of, _)| *of == line).collect();
        assert!(numbers.len() >= 10, "{handed:?}");
        assert!(numbers.iter().zip(0..).all(|((_, number), n)| *number == n));
    }
}

/// By hand, in release: how many samples a second pass through the file that ships.
#[test]
#[ignore = "shows a figure, proves nothing"]
fn samples_a_second() {
    let mut world = World::new();
    let began = Instant::now();
    world.run(3_600 * SECOND, |line, _| Some(10 * line));
    let samples = world.answered.iter().sum::<u64>() as f64;
    println!(
        "{:.0} samples a second",
        samples / began.elapsed().as_secs_f64()
    );
}

#[test]
fn a_hub_that_only_answers_sends_return_traffic_over_the_line_that_the_other_end_chose() {
    let config = r#"{
        "clock": "manual", "mode": "act", "groups": [{"id": 1, "name": "branch"}],
        "classes": [{"id": 1, "name": "voice", "sla": {"loss_percent": 1.0},
                     "strategy": "follow-peer"}],
        "lines": [{"id": 1, "name": "A", "remote": "192.0.2.1", "groups": [1], "sender": false},
                  {"id": 2, "name": "B", "remote": "192.0.2.2", "groups": [1], "sender": false}]}"#;
    let hub = started(config);
    let at_the_hub = |now: u64, comes_by: Option<u64>| {
        let mut probes = [TwampProbe::default(); 8];
        let (count, _) = hub.advance(now, &mut probes).expect("it advances");
        assert_eq!(count, 0, "it sends nothing");
        hub.choose(GROUP, CLASS, 7, comes_by, 0)
    };
    // The branch measures: A loses on the way back alone, and only its end can see that.
    let mut branch = World::new();
    branch.run(60 * SECOND, |_, _| Some(20));
    assert_eq!(at_the_hub(60 * SECOND, Some(1)), Choice::Line(1));
    branch.run(120 * SECOND, |line, at| {
        (line == 2 || !(at / (100 * MS)).is_multiple_of(8)).then_some(20)
    });
    let (_, chosen) = branch.choices.last().expect("a choice");
    assert_eq!(*chosen, Choice::Line(2), "{:?}", branch.choices);
    assert_eq!(at_the_hub(120 * SECOND, Some(2)), Choice::Line(2));
    assert_eq!(
        at_the_hub(121 * SECOND, None),
        Choice::NoOpinion,
        "nobody has told it"
    );
}
