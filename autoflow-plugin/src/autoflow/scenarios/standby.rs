//! Metered lines, which are probed more seldom while nobody has need of them.

use std::time::Duration;

use crate::session::Rate;

use super::world::World;

/// Two lines; the second one is metered and the dearer one.
fn two_lines() -> World {
    let mut world = World::new(&["fibre", "lte"]);
    world.meter("lte");
    world
}

fn rate(world: &mut World) -> Rate {
    world.path("lte").rate
}

#[test]
fn a_metered_line_is_on_standby_once_it_is_known_to_do() {
    let mut world = two_lines();
    world.run(8);
    assert_eq!((world.on(), rate(&mut world)), ("fibre", Rate::Rest));
    world.run(100);
    assert_eq!((world.on(), rate(&mut world)), ("fibre", Rate::Standby));
    let before = world.path("lte").probes();
    world.run(600);
    let probes = world.path("lte").probes() - before;
    assert!((59..=61).contains(&probes), "{probes} in ten minutes");
    assert_eq!(world.switches(), [""; 0]);
}

#[test]
fn a_dead_line_is_left_at_once_for_one_that_is_woken_by_the_silence() {
    for moment in 0..10 {
        let mut world = two_lines();
        world.run(200);
        world.run_for(Duration::from_millis(1_100 * moment));
        assert_eq!(rate(&mut world), Rate::Standby);
        world.path("fibre").cut = true;
        let took = world.run_until(20, |world| world.on() == "lte");
        assert!(took <= Duration::from_secs(1), "{moment}: {took:?}");
        assert_eq!(rate(&mut world), Rate::Rest);
        world.run(60);
        assert_eq!((world.on(), rate(&mut world)), ("lte", Rate::Rest));
    }
}

#[test]
fn who_is_not_heard_when_it_is_woken_is_no_better() {
    let mut world = two_lines();
    world.run(200);
    for name in ["fibre", "lte"] {
        world.path(name).cut = true;
    }
    world.run(60);
    assert_eq!(world.on(), "fibre");
}

#[test]
fn one_lost_probe_of_a_line_on_standby_is_no_death_when_it_is_woken() {
    let mut world = two_lines();
    world.run(205);
    world.path("lte").cut = true;
    world.run(9);
    world.path("lte").cut = false;
    world.path("fibre").loss = 0.05;
    world.run_until(400, |world| world.on() == "lte");
    assert_eq!(world.on(), "lte");
    assert!(
        world.refusals().iter().all(|said| !said.contains("dead")),
        "{:?}",
        world.refusals()
    );
}

#[test]
fn a_line_that_dies_on_standby_is_known_to_after_some_of_its_intervals() {
    let mut world = two_lines();
    world.run(200);
    world.path("lte").cut = true;
    let dead = |world: &mut World| world.estimate("lte").state == crate::line::State::Dead;
    world.run(35);
    assert!(!dead(&mut world));
    world.run(20);
    assert!(dead(&mut world));
    assert_eq!((world.on(), rate(&mut world)), ("fibre", Rate::Standby));
    world.path("lte").cut = false;
    world.run(15);
    assert!(!dead(&mut world));
    assert_eq!(rate(&mut world), Rate::Rest, "it is to be shown good again");
}

#[test]
fn a_healthy_line_on_standby_is_not_said_to_break_its_limits() {
    for seed in 0..3 {
        let mut world = two_lines().seeded(seed);
        for name in ["fibre", "lte"] {
            world.path(name).loss = 0.002;
        }
        world.path("lte").noise = Duration::from_millis(40);
        world.path("lte").round_trip = Duration::from_millis(110);
        world.run(3_600);
        assert_eq!(world.switches(), [""; 0], "seed {seed}");
        let breaks = |said: &&str| said.contains("lte breaks");
        assert_eq!(
            world.refusals().iter().filter(|said| breaks(said)).count(),
            0
        );
    }
}
