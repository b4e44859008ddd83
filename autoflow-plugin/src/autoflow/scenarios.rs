//! What must hold, as stories in virtual time.

mod crowding;
mod hand;
mod many;
mod marks;
mod sizes;
mod standby;
mod strategies;
mod world;

use std::time::Duration;

use plugin_abi::config::Mode;
use plugin_abi::{answer, reason};

use super::Policy;
use crate::line::{State, Trouble};
use world::{GROUP, VOICE, World, config, voice};

/// How a sentence names the way of a loss.
const FORWARD: &str = "loss towards the far end ";
const BACKWARD: &str = "loss on the way back ";
const HOUR: u64 = 3_600;
/// A round trip so long that the line's death is seen later than that of others.
const LATER: Duration = Duration::from_millis(140);

/// Past the first verdict and the recent time.
fn settled(names: &[&'static str]) -> World {
    let mut world = World::new(names);
    world.run(90);
    assert_eq!(world.on(), names[0]);
    world
}

#[test]
fn the_first_verdict_is_the_most_preferred_line_and_comes_within_seconds() {
    let mut world = World::new(&["A", "B"]);
    assert_eq!(world.answer(), u32::MAX);
    let took = world.run_until(10, |world| world.on() != "none");
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(world.on(), "A");
    assert_eq!(world.answer(), answer::LINE);
    assert_eq!(
        world.rulings[0].sentence,
        "voice starts on A: the most preferred line within its SLA"
    );
}

#[test]
fn a_preferred_underlay_comes_before_a_lower_cost() {
    let mut class = voice();
    class.prefer = vec!["B".into()];
    let mut world = World::new(&["A", "B"]);
    world
        .flow
        .set_policy(Policy::new(&plugin_abi::config::Config {
            classes: vec![class],
            ..config()
        }));
    world.run(10);
    assert_eq!(world.on(), "B");
}

#[test]
fn a_dead_line_is_left_within_a_second() {
    for (rate, tick_ms) in [(10, 100), (50, 100), (50, 20)] {
        let mut world = World::new(&["A", "B"]).probing(rate);
        world.tick = Duration::from_millis(tick_ms);
        world.run(20);
        world.path("A").cut = true;
        let took = world.run_until(5, |world| world.on() == "B");
        assert!(took <= Duration::from_secs(1), "{took:?} at {rate}/s");
        assert_eq!(world.switches().len(), 1);
        assert_eq!(world.rulings.last().unwrap().reason, reason::DEAD);
    }
}

#[test]
fn a_dead_line_is_left_even_right_after_a_switch() {
    let mut world = settled(&["A", "B", "C"]);
    world.path("A").cut = true;
    world.run(2);
    assert_eq!(world.on(), "B");
    world.path("B").cut = true;
    world.run(2);
    assert_eq!(world.on(), "C");
}

#[test]
fn five_percent_loss_moves_voice() {
    for seed in 0..10 {
        let mut world = World::new(&["A", "B"]).seeded(seed).probing(50);
        world.paths.iter_mut().for_each(|path| path.loss = 0.001);
        world.run(90);
        world.path("A").loss = 0.05;
        let took = world.run_until(60, |world| world.on() == "B");
        assert!(took < Duration::from_secs(25), "{took:?} with seed {seed}");
        let sentence = world.switches()[0];
        assert!(
            sentence.starts_with("voice leaves A for B: loss "),
            "{sentence}"
        );
        assert!(sentence.ends_with(" breaks its SLA of 1 %"), "{sentence}");
    }
}

#[test]
fn the_way_that_loss_is_of_is_named_rightly() {
    let (mut named, mut wrong, mut runs) = (0, 0, 0);
    for seed in 0..60 {
        for (forward, right, other) in [(1.0, FORWARD, BACKWARD), (0.0, BACKWARD, FORWARD)] {
            let mut world = World::new(&["A", "B"]).seeded(seed);
            for path in &mut world.paths {
                (path.loss, path.forward) = (0.001, 0.5);
            }
            world.run(90);
            (world.path("A").loss, world.path("A").forward) = (0.05, forward);
            world.run_until(60, |world| world.on() == "B");
            let said = world.switches()[0];
            runs += 1;
            named += u32::from(said.contains(right));
            wrong += u32::from(said.contains(other));
        }
    }
    assert_eq!(wrong, 0, "of {runs}");
    assert!(named * 100 >= runs * 99, "{named} of {runs}");
}

#[test]
fn loss_of_both_ways_is_seldom_said_to_be_of_one() {
    let mut named = 0;
    for seed in 0..60 {
        let mut world = World::new(&["A", "B"]).seeded(seed);
        world
            .paths
            .iter_mut()
            .for_each(|path| (path.loss, path.forward) = (0.001, 0.5));
        world.run(90);
        world.path("A").loss = 0.05;
        world.run_until(60, |world| world.on() == "B");
        let said = world.switches()[0];
        named += u32::from(said.contains(FORWARD) || said.contains(BACKWARD));
    }
    assert!(named <= 6, "{named} of 60");
}

#[test]
fn a_few_lost_probes_move_nothing() {
    let mut world = settled(&["A", "B"]);
    for _ in 0..20 {
        world.path("A").cut = true;
        world.run_for(Duration::from_millis(300));
        world.path("A").cut = false;
        world.run(30);
    }
    assert_eq!(world.switches(), [""; 0]);
}

#[test]
fn a_long_round_trip_moves_voice_and_a_short_spike_does_not() {
    let mut world = settled(&["A", "B"]);
    world.path("A").round_trip = Duration::from_millis(400);
    world.run(1);
    world.path("A").round_trip = Duration::from_millis(20);
    world.run(30);
    assert_eq!(world.switches(), [""; 0]);
    world.path("A").round_trip = Duration::from_millis(300);
    let took = world.run_until(60, |world| world.on() == "B");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(world.rulings.last().unwrap().reason, reason::LATENCY);
}

#[test]
fn a_healed_line_is_used_again_only_after_the_failback_time() {
    let mut world = settled(&["A", "B"]);
    world.path("A").cut = true;
    world.run(30);
    world.path("A").cut = false;
    let took = world.run_until(200, |world| world.on() == "A");
    assert!((60..70).contains(&took.as_secs()), "{took:?}");
    assert_eq!(world.rulings.last().unwrap().reason, reason::FAILBACK);
}

#[test]
fn each_failed_return_doubles_the_clean_time() {
    let mut world = settled(&["A", "B"]);
    let mut took = Vec::new();
    for _ in 0..3 {
        world.path("A").cut = true;
        world.run(5);
        assert_eq!(world.on(), "B");
        world.path("A").cut = false;
        took.push(world.run_until(HOUR, |world| world.on() == "A").as_secs());
        world.run(20);
    }
    for (took, asked) in took.into_iter().zip([60, 120, 240]) {
        assert!(
            (asked..asked + 10).contains(&took),
            "{took} s, asked for {asked}"
        );
    }
}

#[test]
fn equal_lines_never_swap() {
    let mut world = World::new(&["A", "B"]);
    for path in &mut world.paths {
        (path.cost, path.loss) = (5, 0.003);
    }
    world.path("B").round_trip = Duration::from_millis(19);
    world.run(HOUR);
    assert_eq!(world.switches(), [""; 0]);
    let on = world.on();
    world.path(on).cut = true;
    world.run(10);
    world.path(on).cut = false;
    world.run(HOUR);
    assert_eq!(world.switches().len(), 1, "{:?}", world.switches());
}

#[test]
fn when_all_lines_fall_silent_together_voice_stays() {
    let mut world = settled(&["A", "B", "C"]);
    world.path("B").round_trip = LATER;
    world.run(20);
    world.paths.iter_mut().for_each(|path| path.cut = true);
    world.run(2);
    assert_eq!(world.answer(), answer::KEEP);
    world.run(20);
    assert_eq!(world.answer(), answer::NO_OPINION);
    world.paths.iter_mut().for_each(|path| path.cut = false);
    world.run(200);
    assert_eq!((world.on(), world.switches()), ("A", vec![]));
    assert_eq!(
        world.refusals()[0],
        "voice stays on A: all 3 measured lines fell silent together, a local fault"
    );
}

#[test]
fn lines_to_a_dead_far_end_are_left_for_another_far_end() {
    let mut world = World::new(&["A", "B", "C"]);
    world.path("C").far_end = "other hub";
    world.path("B").round_trip = LATER;
    world.run(90);
    world.path("A").cut = true;
    world.path("B").cut = true;
    world.run(10);
    assert_eq!(world.on(), "C");
    assert_eq!(world.switches().len(), 1, "B is passed over");
    assert!(
        world.switches()[0].ends_with(", as all lines to hub"),
        "{}",
        world.switches()[0]
    );
}

#[test]
fn an_underlay_that_dies_is_left_at_once_for_another() {
    let mut world = World::new(&["A", "B", "C"]);
    world
        .paths
        .iter_mut()
        .for_each(|path| path.far_end = path.name);
    world.path("A").underlay = "fibre";
    world.path("B").underlay = "fibre";
    world.path("B").round_trip = LATER;
    world.run(90);
    world.path("A").cut = true;
    world.path("B").cut = true;
    world.run(10);
    assert_eq!((world.on(), world.switches().len()), ("C", 1));
    assert!(world.switches()[0].ends_with(", as all lines over fibre"));
}

#[test]
fn if_all_are_bad_the_best_of_bad_carries_on() {
    let mut world = settled(&["A", "B"]);
    world.path("B").loss = 0.1;
    world.run(60);
    world.path("A").loss = 0.1;
    world.run(300);
    assert_eq!((world.on(), world.switches()), ("A", vec![]));
    assert_eq!(world.answer(), answer::BEST_OF_BAD);
    world.path("B").loss = 0.011;
    world.run_until(300, |world| world.on() == "B");
    let last = world.rulings.last().unwrap();
    assert_eq!(
        (world.on(), last.reason),
        ("B", reason::BEST_OF_BAD),
        "{}",
        last.sentence
    );
}

#[test]
fn a_brown_out_of_all_lines_moves_nothing() {
    for seed in 0..20 {
        let mut world = World::new(&["A", "B", "C"]).seeded(seed);
        world.run(90);
        world.paths.iter_mut().for_each(|path| path.loss = 0.1);
        world.run(30);
        world.paths.iter_mut().for_each(|path| path.loss = 0.0);
        world.run(200);
        assert_eq!(world.switches(), [""; 0], "seed {seed}");
    }
}

#[test]
fn while_all_lines_heal_none_is_taken_for_a_lesser_evil_by_chance() {
    for seed in [89, 137, 1, 2] {
        let mut world = World::new(&["A", "B", "C"]).seeded(seed);
        let lose = |world: &mut World, losses: [f64; 3]| {
            let paths = world.paths.iter_mut().zip(losses);
            paths.for_each(|(path, loss)| path.loss = loss);
        };
        let healthy = [0.0005, 0.0015, 0.0025];
        lose(&mut world, healthy);
        world.run(120);
        lose(&mut world, [0.19; 3]);
        world.run(30);
        lose(&mut world, healthy);
        world.run(60);
        assert_eq!(world.switches(), [""; 0], "seed {seed}");
    }
}

#[test]
fn a_line_that_never_answered_is_unmeasured_and_not_chosen() {
    let mut world = World::new(&["A", "B"]);
    world.path("A").cut = true;
    world.run(30);
    assert_eq!(world.estimate("A").state, State::Unmeasured);
    assert_eq!(world.on(), "B");
}

#[test]
fn a_line_that_cannot_be_measured_is_held() {
    let mut world = settled(&["A", "B"]);
    world.path("A").cut = true;
    world.trouble("A", Some(Trouble::PortUnreachable));
    world.run(300);
    assert_eq!((world.on(), world.answer()), ("A", answer::KEEP));
    assert_eq!(
        world.refusals(),
        ["voice stays on A: A can't be measured (test port unreachable)"]
    );
}

#[test]
fn a_refusal_is_logged_once() {
    let mut world = settled(&["A", "B"]);
    world.path("A").cut = true;
    world.run(5);
    world.path("A").cut = false;
    world.run(55);
    world.path("B").cut = true;
    world.path("A").cut = true;
    world.run(300);
    let refusals = world.refusals();
    let mut distinct = refusals.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(refusals.len(), distinct.len(), "{refusals:?}");
}

#[test]
fn a_class_dwells_before_it_leaves_a_living_line_again() {
    let mut world = settled(&["A", "B", "C"]);
    world.path("A").cut = true;
    world.run_until(5, |world| world.on() == "B");
    world.path("B").round_trip = Duration::from_millis(400);
    let took = world.run_until(60, |world| world.on() == "C");
    assert!((10..12).contains(&took.as_secs()), "{took:?}");
    assert!(
        world
            .refusals()
            .iter()
            .any(|said| said.contains("waits on B before it goes to C")),
        "{:?}",
        world.refusals()
    );
}

#[test]
fn a_line_that_is_taken_away_is_left_for_the_next_one() {
    let mut world = settled(&["A", "B"]);
    world.take_away("A");
    world.run(1);
    assert_eq!(world.on(), "B");
    assert_eq!(world.switches(), ["voice leaves A for B: A was taken away"]);
    world.take_away("B");
    world.run(1);
    assert_eq!((world.on(), world.answer()), ("none", answer::NO_OPINION));
    assert_eq!(
        world.rulings.last().unwrap().sentence,
        "voice has no line: B was taken away"
    );
}

#[test]
fn in_advise_mode_there_is_a_decision_but_no_opinion() {
    let advise = plugin_abi::config::Config {
        mode: Mode::Advise,
        ..config()
    };
    let mut world = World::with(advise, &["A", "B"]);
    world.run(20);
    assert_eq!((world.on(), world.answer()), ("A", answer::NO_OPINION));
    world.path("A").cut = true;
    world.run(2);
    assert_eq!((world.on(), world.answer()), ("B", answer::NO_OPINION));
    assert_eq!(world.switches().len(), 1);
}

#[test]
fn advice_is_held_against_the_line_in_use() {
    let advise = plugin_abi::config::Config {
        mode: Mode::Advise,
        ..config()
    };
    let mut world = World::with(advise, &["A", "B"]);
    world.run(90);
    let worth = |world: &World| {
        let choice = world.flow.choices().get(GROUP, VOICE).unwrap();
        choice.worth.clone()
    };
    let before = worth(&world).balance();
    assert_eq!(
        (before.in_use, before.told, before.switches),
        (Some(0), false, 1)
    );
    assert!(before.watched > Duration::from_secs(80) && before.differs.is_zero());
    world.path("A").loss = 0.2;
    world.run(300);
    let balance = worth(&world).balance();
    assert_eq!((world.on(), balance.switches), ("B", 2));
    assert!(balance.spared > Duration::from_secs(280), "{balance:?}");
    assert_eq!(
        (balance.harmed, balance.differs),
        (Duration::ZERO, balance.spared)
    );
    // Whose flows are on B by now has nothing to gain.
    worth(&world).tell(1);
    world.run(100);
    let after = worth(&world).balance();
    assert_eq!((after.in_use, after.told), (Some(1), true));
    assert_eq!(after.spared, balance.spared);
}

#[test]
fn the_narrowest_mode_holds() {
    let mut wanted = config();
    wanted.mode = Mode::Act;
    wanted.groups[0].mode = Some(Mode::Measure);
    let mut world = World::with(wanted.clone(), &["A"]);
    world.run(10);
    assert!(world.flow.choices().get(GROUP, VOICE).is_none() && world.rulings.is_empty());
    wanted.classes[0].mode = Some(Mode::Act);
    world.flow.set_policy(Policy::new(&wanted));
    world.run(10);
    assert_eq!(world.answer(), answer::LINE);
}

#[test]
fn a_healthy_line_makes_no_switch_in_a_day_where_one_in_many_is_tolerated() {
    let mut seldom = config();
    seldom.decision.mistake_every_h = 2_000;
    let mut world = World::with(seldom, &["A", "B"]);
    world.paths.iter_mut().for_each(|path| path.loss = 0.003);
    // Slices of the window are so long: a look in between sees nothing new.
    world.tick = Duration::from_millis(500);
    world.run(24 * HOUR);
    assert_eq!(world.switches(), [""; 0]);
}
