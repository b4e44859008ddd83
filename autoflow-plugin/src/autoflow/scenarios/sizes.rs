//! Classes that need packets of full size, on lines that don't let them pass.

use std::time::Duration;

use plugin_abi::config::{Class, Config, Sla};
use plugin_abi::{answer, reason};

use super::world::{GROUP, World, config, voice};
use crate::line::{FullSize, synthetic};

const BULK: u64 = 11;

/// Bulk needs packets of 1,400 octets, voice doesn't say.
fn two_classes() -> World {
    let sla = Sla {
        loss_percent: Some(3.0),
        packet_octets: Some(1_400),
        ..Sla::default()
    };
    let mut world = World::with(
        Config {
            classes: vec![voice(), Class::new(BULK, "bulk", sla)],
            ..config()
        },
        &["A", "B"],
    );
    for name in ["A", "B"] {
        world.path(name).full_size = Some(FullSize::new(1_400, false));
        (0..3).for_each(|_| probe(&mut world, name, true));
    }
    world.run(90);
    assert_eq!(places(&world), ("A", "A"));
    world
}

/// One of full size comes back, or is lost beside a hundred small ones that come back.
fn probe(world: &mut World, name: &str, comes_back: bool) {
    let at = world.now;
    let outcome = match comes_back {
        true => synthetic::sample(1, at, Duration::from_millis(20)),
        false => synthetic::lost(1, at, Duration::from_secs(2)),
    };
    let path = world.path(name);
    path.small += 100;
    let small = (path.small, 0);
    path.full_size.as_mut().unwrap().absorb(&outcome, small);
}

fn hole(world: &mut World, name: &str) {
    for _ in 0..8 {
        probe(world, name, false);
        world.run(3);
    }
}

/// Where voice is, and where bulk.
fn places(world: &World) -> (&'static str, &'static str) {
    (world.on(), world.line_of(BULK))
}

#[test]
fn who_needs_full_size_leaves_a_black_hole_and_who_does_not_stays() {
    let mut world = two_classes();
    hole(&mut world, "A");
    assert_eq!(places(&world), ("A", "B"));
    let last = world.rulings.last().unwrap();
    assert_eq!((last.reason, last.class), (reason::PACKET_SIZE, BULK));
    let words = "bulk leaves A for B: packets of 1400 octets don't come through (8 in a row lost, \
                 of 800 small ones beside them 0; the last came through ";
    assert!(last.sentence.starts_with(words), "{}", last.sentence);
    assert!(world.flow.choices().lives(0), "it is bad and not dead");
}

#[test]
fn it_comes_back_once_three_in_a_row_pass_and_the_line_was_clean_for_the_fail_back_time() {
    let mut world = two_classes();
    hole(&mut world, "A");
    (0..2).for_each(|_| probe(&mut world, "A", true));
    world.run(120);
    assert_eq!(places(&world), ("A", "B"));
    probe(&mut world, "A", true);
    world.run(30);
    assert_eq!(places(&world), ("A", "B"));
    world.run(60);
    assert_eq!(places(&world), ("A", "A"));
}

#[test]
fn nobody_moves_to_a_line_whose_full_size_packets_are_lost_of_late() {
    let mut world = two_classes();
    probe(&mut world, "B", false);
    hole(&mut world, "A");
    assert_eq!(places(&world), ("A", "A"));
    probe(&mut world, "B", true);
    world.run(2);
    assert_eq!(places(&world), ("A", "B"));
}

#[test]
fn where_all_lines_have_a_hole_bulk_stays_on_the_best_of_them() {
    let mut world = two_classes();
    hole(&mut world, "B");
    hole(&mut world, "A");
    world.run(60);
    assert_eq!(places(&world), ("A", "A"));
    let choice = world.flow.choices().get(GROUP, BULK).unwrap();
    assert_eq!(choice.answer, answer::BEST_OF_BAD);
    assert_eq!(world.switches().len(), 1, "the start of bulk");
}

#[test]
fn who_is_told_what_is_taken_says_so() {
    let mut world = two_classes();
    for _ in 0..2 {
        let size = world.path("A").full_size.as_mut().unwrap();
        size.refused(1_280);
    }
    world.run(2);
    assert_eq!(places(&world), ("A", "B"));
    let said = &world.rulings.last().unwrap().sentence;
    let words = "packets of 1400 octets are refused as too long: at most 1280 are taken";
    assert!(said.contains(words), "{said}");
}
