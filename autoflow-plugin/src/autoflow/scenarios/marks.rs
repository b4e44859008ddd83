//! Classes that are judged by probes of their own.

use plugin_abi::config::{Class, Config, ProbeClass, SHARED_PROBE_CLASS, Sla};
use plugin_abi::{answer, reason};

use crate::session::Rate;

use super::world::{GROUP, VOICE, World, config, voice};

const BULK: u64 = 11;
const REALTIME: u64 = 7;

/// Voice has probes of its own, bulk is judged by those that all share.
fn two_classes() -> Config {
    let sla = |loss_percent| Sla {
        loss_percent: Some(loss_percent),
        ..Sla::default()
    };
    Config {
        probe_classes: vec![ProbeClass {
            id: REALTIME,
            name: "realtime".into(),
            dscp: 46,
            padding: None,
            interval_ms: None,
        }],
        classes: vec![
            Class {
                probe_class: Some("realtime".into()),
                ..voice()
            },
            Class::new(BULK, "bulk", sla(3.0)),
        ],
        ..config()
    }
}

fn settled() -> World {
    let mut world = World::with(two_classes(), &["A", "B"]);
    world.run(90);
    assert_eq!(places(&world), ("A", "A"));
    world
}

/// Where voice is, and where bulk.
fn places(world: &World) -> (&'static str, &'static str) {
    (world.on(), world.line_of(BULK))
}

#[test]
fn who_queues_leaves_and_who_does_not_stays() {
    let mut world = settled();
    world.seen_by("A", SHARED_PROBE_CLASS).loss = 0.25;
    world.run(60);
    assert_eq!(places(&world), ("A", "B"));
    let said = world.switches();
    assert_eq!(said.len(), 2, "the start of bulk, and its move: {said:?}");
    assert!(
        said[1].starts_with("bulk leaves A for B: loss "),
        "{said:?}"
    );
}

#[test]
fn the_class_that_is_suspect_is_probed_faster_and_the_other_is_not() {
    let mut world = settled();
    world.seen_by("A", REALTIME).loss = 0.05;
    world.run_until(30, |world| {
        let mut raised = world.paths.iter().filter(|path| path.rate == Rate::Raised);
        raised.any(|path| path.name == "A")
    });
    let raised: Vec<_> = world
        .paths
        .iter()
        .filter(|path| path.rate == Rate::Raised)
        .collect();
    let raised: Vec<_> = raised
        .iter()
        .map(|path| (path.name, path.probe_class))
        .collect();
    assert_eq!(raised, [("A", REALTIME)]);
}

#[test]
fn a_line_is_dead_when_all_its_probes_are_silent() {
    let mut world = settled();
    world.seen_by("A", SHARED_PROBE_CLASS).cut = true;
    world.seen_by("A", REALTIME).cut = true;
    world.run(2);
    assert_eq!(places(&world), ("B", "B"));
    let mut last = world.rulings.iter().rev().take(2);
    assert!(last.all(|ruling| ruling.reason == reason::DEAD));
}

#[test]
fn a_class_whose_own_probes_alone_are_silent_leaves_a_line_that_is_bad_and_not_dead() {
    let mut world = settled();
    world.seen_by("A", REALTIME).cut = true;
    world.run(5);
    assert_eq!(places(&world), ("B", "A"));
    let said = world.switches();
    let words = "voice leaves A for B: its own probes are silent for ";
    assert!(said.last().unwrap().starts_with(words), "{said:?}");
    assert_eq!(world.rulings.last().unwrap().reason, reason::LOSS);
    assert!(world.flow.choices().lives(0), "flows that can't move stay");
    assert_eq!(
        world.flow.choices().get(GROUP, VOICE).unwrap().answer,
        answer::LINE
    );
    // It comes back as from any other fault.
    world.seen_by("A", REALTIME).cut = false;
    world.run(200);
    assert_eq!(places(&world), ("A", "A"));
}

#[test]
fn where_its_probes_are_silent_everywhere_a_class_stays() {
    let mut world = settled();
    for name in ["A", "B"] {
        world.seen_by(name, REALTIME).cut = true;
    }
    world.run(30);
    assert_eq!(places(&world), ("A", "A"));
    let choice = world.flow.choices().get(GROUP, VOICE).unwrap();
    assert_eq!(choice.answer, answer::BEST_OF_BAD);
}
