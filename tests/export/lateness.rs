//! What export does to the times at which probes leave: a measurement, to be read by people.
//!
//!     cargo test --release -p autoflow-tests --test export -- --ignored --nocapture lateness
//!
//! `SESSIONS` says how many, each with a probe a second and told of each 10 s.

use std::thread::sleep;
use std::time::Duration;

use autoflow_tests::address;
use serde_json::{Value, json};

use crate::engine::{Exporting, collector};
use crate::sink::Sink;

const ROUNDS: usize = 5;
/// Two intervals of the export.
const SECONDS: usize = 20;

fn sessions() -> usize {
    let many = std::env::var("SESSIONS").ok();
    many.and_then(|many| many.parse().ok()).unwrap_or(2_000)
}

/// The p99 of the lateness in each second, microseconds; sorted.
fn lateness(collectors: &Value) -> Vec<u64> {
    let many = sessions();
    let engine = Exporting::every(10, collectors, |to| {
        let line = |id: usize| {
            json!({"id": id, "name": format!("line {id}"), "remote": format!("{to}:8622"),
                   "local": format!("127.99.{}.{}", id / 250, id % 250 + 1)})
        };
        json!({
            "probe": {"protocol": "stamp", "interval_ms": 1_000},
            "lines": (1..=many).map(line).collect::<Vec<_>>(),
        })
    });
    // All have begun, and each was told of.
    sleep(Duration::from_secs(12));
    let seconds = (0..SECONDS).filter_map(|_| {
        sleep(Duration::from_secs(1));
        engine.lateness_p99_us()
    });
    let mut all: Vec<u64> = seconds.collect();
    all.sort_unstable();
    let (sent, late, dropped) = (
        engine.probes_sent(),
        engine.late_sends(),
        engine.rows().iter().map(|row| row.dropped).sum::<u64>(),
    );
    let told: u64 = engine.rows().iter().map(|row| row.sent).sum();
    println!(
        "  p99 {:?} µs (median, most), {late} of {sent} probes late, {told} records, {dropped} dropped",
        (all[all.len() / 2], all[all.len() - 1])
    );
    all
}

#[test]
#[ignore = "a measurement of minutes"]
fn lateness_with_export_and_without() {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        println!("round {round}, {} sessions, without:", sessions());
        without.extend(lateness(&json!([])));
        println!("with:");
        let udp = Sink::udp(address::own().into());
        with.extend(lateness(&json!([collector("it", &udp.at, "udp")])));
        udp.end();
    }
    for (what, all) in [("without", &mut without), ("with", &mut with)] {
        all.sort_unstable();
        let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
        println!(
            "{what} export: p99 of lateness, over seconds: median {} µs, quartiles {} to {} µs, most {} µs",
            at(0.5),
            at(0.25),
            at(0.75),
            at(1.0)
        );
    }
}
