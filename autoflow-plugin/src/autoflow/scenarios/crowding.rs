//! Lines that suffer from what moves to them, as stories in virtual time.

use std::time::Duration;

use plugin_abi::config::{Class, Config, Moves, Sla};
use plugin_abi::reason;

use super::world::{GROUP, World, config};

const BACKUP: u64 = 10;
const UPDATES: u64 = 11;
const HOUR: u64 = 3_600;

fn class(id: u64, name: &str, prefer: &str) -> Class {
    let sla = Sla {
        round_trip_ms: None,
        jitter_ms: None,
        loss_percent: Some(3.0),
        packet_octets: None,
    };
    let mut class = Class::new(id, name, sla);
    class.prefer = vec![prefer.to_owned()];
    class
}

/// Two classes on two lines, each of which has room for little more than one of them.
fn crowded(moves: Moves) -> World {
    let mut classes = vec![class(BACKUP, "backup", "A"), class(UPDATES, "updates", "B")];
    classes[0].moves = moves;
    let all = Config {
        classes,
        ..config()
    };
    let mut world = World::with(all, &["A", "B"]);
    world.loads = vec![(BACKUP, 6.0), (UPDATES, 6.0)];
    for path in &mut world.paths {
        path.capacity = Some(10.0);
    }
    world.run(90);
    assert_eq!(on(&world), ["A", "B"]);
    world
}

fn on(world: &World) -> [&'static str; 2] {
    [BACKUP, UPDATES].map(|class| {
        let choice = world.flow.choices().get(GROUP, class).unwrap();
        let path = world
            .paths
            .iter()
            .zip(0..)
            .find(|(_, id)| choice.line == Some(*id));
        path.map_or("none", |(path, _)| path.name)
    })
}

/// Switches of each class since the `from`th ruling.
fn switches(world: &World, from: usize) -> [usize; 2] {
    [BACKUP, UPDATES].map(|class| {
        let rulings = world.rulings[from..].iter();
        rulings
            .filter(|ruling| ruling.switched && ruling.class == class)
            .count()
    })
}

#[test]
fn who_fills_a_line_that_others_are_on_goes_back_and_nobody_else_moves() {
    let mut world = crowded(Moves::AtOnce);
    let before = world.rulings.len();
    world.path("A").loss = 0.08;
    world.run(300);
    assert_eq!((on(&world), switches(&world, before)), (["A", "B"], [2, 0]));
    let back = world
        .rulings
        .iter()
        .find(|ruling| ruling.reason == reason::FILLED)
        .unwrap();
    let said = "backup goes back from B to A: B suffers since it came";
    assert!(back.sentence.starts_with(said), "{}", back.sentence);
    let refused = world.refusals();
    assert!(
        refused
            .iter()
            .any(|said| said.contains("B suffered when backup came the last time")),
        "{refused:?}"
    );
    world.path("A").loss = 0.0;
    world.run(HOUR);
    assert_eq!((on(&world), switches(&world, before)), (["A", "B"], [2, 0]));
}

#[test]
fn a_line_that_stays_too_small_is_tried_ever_more_seldom() {
    let mut world = crowded(Moves::AtOnce);
    world.tick = Duration::from_millis(500);
    world.path("A").loss = 0.08;
    let hours: Vec<usize> = (0..6)
        .map(|_| {
            let before = world.rulings.len();
            world.run(HOUR);
            switches(&world, before).iter().sum()
        })
        .collect();
    assert!(hours[0] <= 6, "{hours:?}");
    assert!(
        hours[2..].iter().all(|switches| *switches <= 2),
        "{hours:?}"
    );
}

#[test]
fn a_gradual_move_goes_in_four_steps() {
    let mut world = crowded(Moves::Gradual);
    world.loads.clear();
    world.path("A").loss = 0.08;
    world.run_until(60, |world| on(world)[0] == "B");
    for part in [0.1, 0.3, 0.6, 1.0] {
        assert!((world.part(BACKUP, "B") - part).abs() < 1e-6, "{part}");
        world.run_for(Duration::from_millis(5_000));
    }
    world.run(60);
    assert!((world.part(BACKUP, "B") - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_gradual_move_ends_where_the_new_line_suffers_from_it() {
    let mut world = crowded(Moves::Gradual);
    // There is room for a third of it.
    world.loads = vec![(BACKUP, 8.0), (UPDATES, 7.0)];
    world.path("A").loss = 0.08;
    world.run_until(60, |world| on(world)[0] == "B");
    let took = world.run_until(60, |world| on(world)[0] == "A");
    assert!(took < Duration::from_secs(30), "{took:?}");
    let mut switches = world.rulings.iter().rev().filter(|ruling| ruling.switched);
    assert_eq!(switches.next().unwrap().reason, reason::FILLED);
    assert_eq!(on(&world), ["A", "B"]);
}

#[test]
fn of_classes_that_fill_a_line_only_one_leaves() {
    let mut world = crowded(Moves::AtOnce);
    // As the host tells, and both are on it.
    world.path("A").cut = true;
    world.run(5);
    assert_eq!(on(&world), ["B", "B"]);
    world.path("A").cut = false;
    let before = world.rulings.len();
    world.path("B").rates = Some([9.9, 1.0]);
    world.path("A").rates = Some([0.0, 0.0]);
    world.run(20 * 60);
    assert_eq!((on(&world), switches(&world, before)), (["A", "B"], [1, 0]));
}

#[test]
fn a_line_that_our_own_traffic_fills_is_not_left_for_a_smaller_one() {
    let mut world = crowded(Moves::AtOnce);
    world.loads = vec![(BACKUP, 11.0), (UPDATES, 0.1)];
    world.path("B").capacity = Some(5.0);
    world.path("A").rates = Some([9.9, 0.0]);
    world.path("B").rates = Some([0.1, 0.0]);
    world.run(300);
    assert_eq!(on(&world), ["A", "B"]);
    let refused = world.refusals();
    assert!(
        refused
            .iter()
            .any(|said| said.ends_with("by traffic of its own, for which B has no room")),
        "{refused:?}"
    );
}
