//! What each strategy does, as stories in virtual time.

use std::time::Duration;

use plugin_abi::config::{Config, Override, Strategy};
use plugin_abi::reason;
use serde_json::json;

use super::super::Policy;
use super::world::{START_S, World, config, voice};

fn with(strategy: Strategy) -> Config {
    let mut class = voice();
    class.strategy = strategy;
    Config {
        classes: vec![class],
        ..config()
    }
}

/// Lines with these capacities, all of which are used by now.
fn spread(names: &[&'static str], capacities: &[f64]) -> World {
    let mut world = World::with(with(Strategy::Spread), names);
    for (path, capacity) in world.paths.iter_mut().zip(capacities) {
        path.capacity = Some(*capacity);
    }
    world.run(90);
    world
}

fn part(flows: &[&str], line: &str) -> f64 {
    flows.iter().filter(|on| **on == line).count() as f64 / flows.len() as f64
}

fn moved(before: &[&str], after: &[&str]) -> usize {
    before
        .iter()
        .zip(after)
        .filter(|(before, after)| before != after)
        .count()
}

#[test]
fn flows_are_spread_over_all_good_lines_by_capacity() {
    let mut world = spread(&["A", "B", "C"], &[50.0, 25.0, 25.0]);
    let flows = world.flows();
    for (line, expected) in [("A", 0.5), ("B", 0.25), ("C", 0.25)] {
        let found = part(&flows, line);
        assert!((found - expected).abs() < 0.06, "{line}: {found}");
    }
    let said = world.switches().pop().unwrap();
    assert!(
        said.starts_with("voice is spread over A (50 %), B (25 %), C (25 %)"),
        "{said}"
    );
    world.run(3_600);
    assert_eq!(
        moved(&flows, &world.flows()),
        0,
        "nothing happens, so nothing moves"
    );
}

#[test]
fn only_flows_of_a_dead_line_move_and_return_when_it_is_shown_good() {
    let mut world = spread(&["A", "B", "C"], &[10.0, 10.0, 10.0]);
    let before = world.flows();
    world.path("B").cut = true;
    let took = world.run_until(5, |world| part(&world.flows(), "B") == 0.0);
    assert!(took.as_secs_f64() <= 1.0, "{took:?}");
    for (before, after) in before.iter().zip(world.flows()) {
        assert!(*before == after || *before == "B");
    }
    assert_eq!(world.rulings.last().unwrap().reason, reason::DEAD);
    let said = world.switches().pop().unwrap();
    assert!(
        said.starts_with("voice no longer uses B: B is dead; spread over "),
        "{said}"
    );
    world.path("B").cut = false;
    let took = world.run_until(200, |world| part(&world.flows(), "B") > 0.0);
    assert!((60..75).contains(&took.as_secs()), "{took:?}");
    assert_eq!(world.rulings.last().unwrap().reason, reason::SPREAD);
    // Once the figures of its death are no longer among its recent ones.
    world.run(60);
    assert_eq!(moved(&before, &world.flows()), 0);
}

#[test]
fn a_line_that_breaks_the_sla_loses_its_flows_and_no_other_does() {
    let mut world = spread(&["A", "B", "C"], &[10.0, 10.0, 10.0]);
    let before = world.flows();
    world.path("C").loss = 0.08;
    let took = world.run_until(60, |world| part(&world.flows(), "C") == 0.0);
    assert!(took.as_secs() < 20, "{took:?}");
    for (before, after) in before.iter().zip(world.flows()) {
        assert!(*before == after || *before == "C");
    }
    let said = world.switches().pop().unwrap();
    assert!(said.starts_with("voice no longer uses C: loss "), "{said}");
}

#[test]
fn a_brown_out_of_all_lines_moves_no_flows() {
    for seed in 0..5 {
        let mut world = World::with(with(Strategy::Spread), &["A", "B", "C"]).seeded(seed);
        world.run(90);
        let before = world.flows();
        world.paths.iter_mut().for_each(|path| path.loss = 0.1);
        world.run(30);
        assert_eq!(moved(&before, &world.flows()), 0, "seed {seed}");
    }
}

#[test]
fn a_full_line_has_less_of_the_flows() {
    let mut world = spread(&["A", "B"], &[10.0, 10.0]);
    let before = part(&world.flows(), "A");
    world.path("A").rates = Some([9.6, 1.0]);
    world.run(20);
    let after = part(&world.flows(), "A");
    assert!(after < 0.5 * before, "{before} {after}");
}

#[test]
fn an_order_gives_a_line_another_weight_until_it_expires() {
    let mut world = spread(&["A", "B"], &[10.0, 10.0]);
    let before = world.flows();
    let order: Override = serde_json::from_value(json!({
        "name": "less", "what": "weight", "line": "B", "percent": 0, "by": "analyzer",
        "until": START_S + 200,
    }))
    .unwrap();
    world.flow.set_policy(Policy::new(&Config {
        overrides: vec![order],
        ..with(Strategy::Spread)
    }));
    world.run(1);
    assert_eq!(part(&world.flows(), "B"), 0.0);
    world.run(200);
    assert_eq!(moved(&before, &world.flows()), 0);
}

#[test]
fn a_bound_class_stays_though_its_line_breaks_the_sla_but_leaves_a_dead_one() {
    let mut world = World::with(with(Strategy::Pinned), &["A", "B"]);
    world.run(90);
    world.path("A").loss = 0.2;
    world.run(120);
    assert_eq!((world.on(), world.switches()), ("A", vec![]));
    let refused = world.refusals();
    let said = refused.last().unwrap();
    assert!(
        said.starts_with("voice stays on A: voice stays while its line lives, though loss "),
        "{said}"
    );
    world.path("A").cut = true;
    world.run(2);
    assert_eq!(world.on(), "B");
}

#[test]
fn return_traffic_stays_on_the_line_that_it_comes_in_by_while_that_lives() {
    let mut world = World::with(with(Strategy::FollowPeer), &["A", "B"]);
    world.run(20);
    assert_eq!(world.on(), "A");
    assert_eq!(world.flow_on(7, None), "A", "nobody has told a line");
    assert_eq!(world.flow_on(7, Some("B")), "B");
    // The other end sees loss on the way back, and has left A: it knows better.
    world.path("A").cut = true;
    world.run(5);
    assert_eq!(world.flow_on(7, Some("A")), "B");
    assert_eq!(world.flow_on(7, Some("B")), "B");
}

#[test]
fn a_flow_that_cannot_be_moved_leaves_only_a_dead_line() {
    let mut world = World::new(&["A", "B"]);
    world.path("A").movable = false;
    world.run(90);
    world.path("A").loss = 0.2;
    world.run(60);
    assert_eq!(world.on(), "B");
    assert_eq!(world.flow_on(7, Some("A")), "A");
    assert_eq!(world.flow_on(8, None), "B", "a new flow");
    world.path("A").cut = true;
    world.run(5);
    assert_eq!(world.flow_on(7, Some("A")), "B");
}

#[test]
fn a_line_that_is_shown_to_be_better_is_taken_whatever_it_costs() {
    let mut world = World::with(with(Strategy::BestScore), &["A", "B"]);
    world.path("A").round_trip = Duration::from_millis(60);
    let took = world.run_until(300, |world| world.on() == "B");
    assert!((20..120).contains(&took.as_secs()), "{took:?}");
    assert_eq!(world.rulings.last().unwrap().reason, reason::BETTER);
    let said = world.switches().pop().unwrap();
    assert!(
        said.starts_with("voice goes from A to B: B is better in "),
        "{said}"
    );
    world.run(3_600);
    assert_eq!(world.switches().len(), 1, "{:?}", world.switches());
}

#[test]
fn lines_with_figures_alike_are_equal_where_the_best_counts() {
    let mut world = World::with(with(Strategy::BestScore), &["A", "B"]);
    world.path("A").round_trip = Duration::from_millis(21);
    for path in &mut world.paths {
        path.loss = 0.002;
    }
    world.run(4 * 3_600);
    assert_eq!(world.switches(), [""; 0]);
}
