//! What a look costs where there are many lines.

use std::time::Duration;

use plugin_abi::config::{Class, Config, Sla};

use super::world::{World, config, voice};

const TICK: Duration = Duration::from_millis(100);

/// By hand, in release: how long a thousand lines take to be decided on, for three classes of one
/// group; while nothing happens, and while every tenth line loses a tenth.
#[test]
#[ignore = "shows a figure, proves nothing"]
fn the_time_of_a_decision_over_a_thousand_lines_and_three_classes() {
    let other = |id: u64, round_trip_ms: f64| {
        let sla = Sla {
            round_trip_ms: Some(round_trip_ms),
            loss_percent: Some(2.0),
            ..Sla::default()
        };
        Class::new(id, format!("class {id}"), sla)
    };
    let config = Config {
        classes: vec![voice(), other(20, 300.0), other(30, 80.0)],
        ..config()
    };
    let name = |line| -> &'static str { format!("line {line}").leak() };
    let names: Vec<&'static str> = (0..1_000).map(name).collect();
    let mut world = World::with(config, &names);
    world.run(20);
    told("at rest", &mut world);
    for path in world.paths.iter_mut().step_by(10) {
        path.loss = 0.1;
    }
    told("every tenth line loses a tenth", &mut world);
}

fn told(what: &str, world: &mut World) {
    let mut took: Vec<Duration> = (0..100)
        .map(|_| {
            world.run_for(TICK);
            world.took
        })
        .collect();
    took.sort_unstable();
    println!(
        "{what}: median {:?}, {:?} to {:?}",
        took[50], took[0], took[99]
    );
}
