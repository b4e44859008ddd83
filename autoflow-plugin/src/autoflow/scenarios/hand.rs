//! The operator's hand, as stories in virtual time.

use plugin_abi::config::{Config, Override};
use plugin_abi::reason;
use serde_json::{Value, json};

use super::super::Policy;
use super::settled;
use super::world::{START_S, World, config};

/// From now on these overrides hold, until the world's 1,000th second unless they say otherwise.
fn order(world: &mut World, orders: &[Value]) {
    let written = |(number, order): (usize, &Value)| -> Override {
        let mut order = order.clone();
        order["name"] = json!(number.to_string());
        let until = order.get("until").and_then(Value::as_u64);
        order["until"] = json!(START_S + until.unwrap_or(1_000));
        serde_json::from_value(order).unwrap()
    };
    world.flow.set_policy(Policy::new(&Config {
        overrides: orders.iter().enumerate().map(written).collect(),
        ..config()
    }));
}

fn pin(line: &str) -> Value {
    json!({"what": "pin", "class": "voice", "line": line})
}

fn drain(line: &str) -> Value {
    json!({"what": "drain", "line": line})
}

#[test]
fn a_pinned_class_goes_to_its_line_and_returns_when_the_pin_expires() {
    let mut world = settled(&["A", "B"]);
    order(&mut world, &[pin("B")]);
    world.run(1);
    assert_eq!(world.on(), "B");
    assert_eq!(world.rulings.last().unwrap().reason, reason::PINNED);
    let told = world.switches().pop().unwrap();
    let expected = "voice goes from A to B: voice is pinned by a person until 1970-01-01T";
    assert!(told.starts_with(expected), "{told}");
    world.run(800);
    assert_eq!(world.on(), "B", "a preferred line changes nothing");
    world.run(200);
    assert_eq!(world.on(), "A");
}

#[test]
fn a_pinned_class_stays_though_its_line_breaks_the_sla_and_says_so() {
    let mut world = settled(&["A", "B"]);
    order(&mut world, &[pin("A")]);
    world.path("A").loss = 0.2;
    world.run(60);
    assert_eq!(world.on(), "A");
    let refused = world.refusals();
    let told = refused.last().unwrap();
    assert!(
        told.starts_with("voice stays on A: voice is pinned by a person until"),
        "{told}"
    );
    assert!(told.contains("breaks its SLA"), "{told}");
}

#[test]
fn a_pinned_class_leaves_a_dead_line_and_returns_as_soon_as_that_lives() {
    let mut world = settled(&["A", "B"]);
    order(&mut world, &[pin("B")]);
    world.run(1);
    world.path("B").cut = true;
    world.run(2);
    assert_eq!(world.on(), "A");
    world.path("B").cut = false;
    world.run(5);
    assert_eq!(world.on(), "B");
}

#[test]
fn a_drained_line_is_left_at_once_and_used_again_when_that_is_over() {
    let mut world = settled(&["A", "B"]);
    order(
        &mut world,
        &[json!({"what": "maintain", "line": "A", "until": 200})],
    );
    world.run(1);
    assert_eq!(world.on(), "B");
    let told = world.switches().pop().unwrap();
    let expected = "voice leaves A for B: A is in maintenance by a person until 1970-01-01T";
    assert!(told.starts_with(expected), "{told}");
    world.run(90);
    assert_eq!(world.on(), "B");
    world.run(120);
    assert_eq!(world.on(), "A");
}

#[test]
fn a_drained_line_is_taken_by_no_class() {
    let mut world = settled(&["A", "B", "C"]);
    order(&mut world, &[drain("B")]);
    world.path("A").cut = true;
    world.run(2);
    assert_eq!(world.on(), "C");
}

#[test]
fn a_class_stays_on_a_drained_line_if_no_other_lives() {
    let mut world = settled(&["A", "B"]);
    world.path("B").cut = true;
    world.run(5);
    order(&mut world, &[drain("A")]);
    world.run(5);
    assert_eq!(world.on(), "A");
    let refused = world.refusals();
    assert!(
        refused.last().unwrap().ends_with("but no other line lives"),
        "{refused:?}"
    );
    world.path("B").cut = false;
    world.run(5);
    assert_eq!(world.on(), "B");
}

#[test]
fn what_is_planned_holds_when_its_time_comes_again_and_again() {
    let mut world = settled(&["A", "B"]);
    let nightly = json!({"what": "maintain", "line": "A", "schedule": {"every_s": 300},
                         "lasts_s": 30});
    order(&mut world, &[nightly]);
    let mut seen = Vec::new();
    for _ in 0..60 {
        world.run(10);
        if seen.last() != Some(&world.on()) {
            seen.push(world.on());
        }
    }
    assert_eq!(seen, ["A", "B", "A", "B", "A"]);
}

#[test]
fn an_sla_of_the_analyzers_is_the_one_that_counts_meanwhile() {
    let mut world = settled(&["A", "B"]);
    let analyzer = json!({"what": "sla", "class": "voice", "by": "analyzer",
                          "sla": {"loss_percent": 50}, "until": 300});
    order(&mut world, &[analyzer]);
    world.path("A").loss = 0.2;
    world.run(100);
    assert_eq!(world.on(), "A");
    world.run(200);
    assert_eq!(world.on(), "B");
}
