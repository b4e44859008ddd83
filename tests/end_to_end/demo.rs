//! `host-sim demo`: what it prints for programs, and that it admits when nothing worked.

use std::sync::LazyLock;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::child::{Ended, Host};
use crate::hold::Held;
use crate::patience::until_true;
use crate::replay;

/// Seeds of the demos that are looked at.
const SEEDS: [u64; 2] = [1, 2];

/// Where they are recorded.
static RECORDINGS: LazyLock<TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary directory"));

/// One demo of each seed, shared by the tests.
static DEMOS: LazyLock<[Value; 2]> = LazyLock::new(|| {
    let shows = SEEDS.map(|seed| thread::spawn(move || show(seed)));
    shows.map(|show| show.join().expect("a demo is good"))
});

#[test]
fn its_json_has_every_field_that_is_promised() {
    for (demo, seed) in DEMOS.iter().zip(SEEDS) {
        assert_eq!(demo["seed"], seed);
        has(&demo["plugin"], &["path", "abi"]);
        for line in rows(demo, "lines") {
            has(line, &["name", "samples", "score"]);
            for delay in ["round_trip_us", "inbound_us", "outbound_us"] {
                has(&line[delay], &["min", "mean", "max", "p50", "p95", "p99"]);
            }
            has(&line["jitter_us"], &["round_trip", "inbound", "outbound"]);
            has(
                &line["loss"],
                &["forward", "backward", "unattributed", "percent"],
            );
        }
        for impairment in rows(demo, "impairments") {
            has(impairment, &["at_s", "line", "what"]);
        }
        for switch in rows(demo, "switches") {
            has(switch, &["at_s", "class", "from", "to", "reason"]);
        }
        for flow in rows(demo, "flows") {
            has(flow, &["class", "sent", "received", "lost"]);
        }
        assert!(demo["plugin"]["path"].as_str().unwrap().ends_with(".so"));
        assert_eq!(names(demo, "lines", "name"), ["A", "B", "C"]);
        assert_eq!(names(demo, "flows", "class"), ["voice", "video", "bulk"]);
    }
}

#[test]
fn what_each_line_lost_is_what_the_emulator_dropped() {
    for demo in DEMOS.iter() {
        for (line, truth) in rows(demo, "lines").iter().zip(rows(demo, "emulator")) {
            assert_eq!(line["name"], truth["line"]);
            let loss = &line["loss"];
            assert_eq!(loss["forward"], truth["dropped_forward"], "{line} {truth}");
            assert_eq!(
                loss["backward"], truth["dropped_backward"],
                "{line} {truth}"
            );
            assert_eq!(loss["unattributed"], 0);
            let lost = count(&loss["forward"]) + count(&loss["backward"]);
            assert_eq!(count(&line["sent"]), count(&line["samples"]) + lost);
        }
        let [a, b, c] = rows(demo, "emulator") else {
            panic!("three lines");
        };
        let dropped =
            |line: &Value| count(&line["dropped_forward"]) + count(&line["dropped_backward"]);
        assert!(dropped(a) > 0 && dropped(b) > 0, "{a} {b}");
        assert_eq!(dropped(c), 0, "C is never touched");
        for flow in rows(demo, "flows") {
            assert_eq!(flow["lost"], flow["dropped"], "{flow}");
            let fates = count(&flow["received"]) + count(&flow["lost"]);
            assert_eq!(count(&flow["sent"]), fates);
        }
    }
}

#[test]
fn inbound_and_outbound_add_up_to_the_round_trip() {
    for line in DEMOS.iter().flat_map(|demo| rows(demo, "lines")) {
        let mean = |delay: &str| line[delay]["mean"].as_f64().unwrap();
        let sum = mean("inbound_us") + mean("outbound_us");
        assert!((sum - mean("round_trip_us")).abs() < 1e-6, "{line}");
    }
}

#[test]
fn every_class_on_the_line_that_died_has_left_it() {
    for demo in DEMOS.iter() {
        let died_s = when(demo, "B", "dies");
        let classes = names(demo, "flows", "class");
        let mut there = 0;
        for class in classes
            .into_iter()
            .filter(|class| line_of(demo, class, died_s) == "B")
        {
            there += 1;
            let left = switches(demo, class).find(|switch| at_s(switch) >= died_s);
            let left = left.unwrap_or_else(|| panic!("{class} stays on a dead line"));
            assert_eq!(left["reason"], "dead line");
            assert!(at_s(left) - died_s < 3.0, "{left}");
            assert!(left["traffic_at_s"].as_f64() >= left["at_s"].as_f64().map(|at| at - 0.1));
        }
        assert!(there > 0, "nobody was on B when it died");
    }
}

#[test]
fn voice_has_left_the_line_that_browned_out_and_come_back() {
    for demo in DEMOS.iter() {
        let (ill_s, well_s) = (when(demo, "A", "browns out"), when(demo, "A", "heals"));
        assert_eq!(line_of(demo, "voice", ill_s), "A");
        let left = switches(demo, "voice")
            .find(|switch| switch["from"] == "A")
            .unwrap();
        assert_eq!(left["reason"], "loss");
        assert!(at_s(left) > ill_s);
        let back = switches(demo, "voice")
            .find(|switch| switch["to"] == "A")
            .unwrap();
        assert_eq!(back["reason"], "failback");
        assert!(at_s(back) > well_s && at_s(back) > at_s(left));
        assert_eq!(line_of(demo, "voice", f64::INFINITY), "A");
    }
}

#[test]
fn nobody_has_left_the_untouched_line_but_to_go_home() {
    for demo in DEMOS.iter() {
        assert!(
            rows(demo, "impairments")
                .iter()
                .all(|done| done["line"] != "C")
        );
        assert_eq!(switches(demo, "video").count(), 0, "its home is C");
        for switch in rows(demo, "switches")
            .iter()
            .filter(|switch| switch["from"] == "C")
        {
            assert_eq!(switch["reason"], "failback", "{switch}");
        }
    }
}

/// From outside nothing can be done to the emulated lines, but to the plugin: its probe threads
/// are held, so that nothing is measured and no line can be seen to fail.
#[test]
fn a_demo_whose_plugin_was_held_still_says_what_did_not_happen_and_fails() {
    let host = Host::spawn(&["demo", "--seconds", "20", "--seed", "3"]);
    // Traffic starts when every class is on its line.
    until_true("the demo begins", || !host.threads("flows-send").is_empty());
    let engines = host.threads("twamp-io/0");
    assert_eq!(engines.len(), 2, "near and far");
    let held: Vec<_> = engines.into_iter().map(Held::hold).collect();
    until_true("the demo is over", || host.threads("flows-send").is_empty());
    drop(held);
    let (code, demo) = report(host.wait());

    assert_eq!(code, Some(1));
    assert_eq!(rows(&demo, "switches").len(), 0, "{}", demo["switches"]);
    let unmet = rows(&demo, "expectations")
        .iter()
        .filter(|e| e["met"] == false);
    let unmet: Vec<_> = unmet.map(|e| e["what"].as_str().unwrap()).collect();
    for what in ["voice leaves A", "voice is back on A", "bulk leaves B"] {
        assert!(
            unmet.iter().any(|unmet| unmet.starts_with(what)),
            "{unmet:?}"
        );
    }
    // The traffic went on by the host's own routing: half of what was to be sent is enough to
    // tell that from a stop, on a machine with other things to do.
    for (flow, rate) in rows(&demo, "flows").iter().zip([50, 100, 100]) {
        assert!(count(&flow["sent"]) > 20 * rate / 2, "{flow}");
    }
}

#[test]
fn a_recorded_demo_replays_to_the_same_choices() {
    for (demo, seed) in DEMOS.iter().zip(SEEDS) {
        let file = replay::file(RECORDINGS.path(), seed);
        let (recording, [recorded, again]) = replay::replay(&file);
        assert_eq!(
            (
                &recording["dropped"],
                &recording["ended"],
                &recording["cut"]
            ),
            (&Value::from(0), &Value::from(true), &Value::Null)
        );
        // Every probe is in it, but for those in flight at the end.
        let sent: u64 = rows(demo, "lines")
            .iter()
            .map(|line| count(&line["sent"]))
            .sum();
        assert_eq!(recording["probes"], sent);
        assert_eq!(
            (&again["probes"], &again["probes_in_gaps"]),
            (&Value::from(sent), &0.into())
        );

        let [then, now] = [&recorded, &again].map(replay::moves);
        let lines = |moves: &[(String, String, f64)]| -> Vec<(String, String)> {
            moves
                .iter()
                .map(|(class, line, _)| (class.clone(), line.clone()))
                .collect()
        };
        assert_eq!(lines(&then), lines(&now), "{recorded:#} {again:#}");
        assert!(
            then.len() >= rows(demo, "switches").len() + 3,
            "{recorded:#}"
        );
        // Each publishes when its turn comes. What was held up then is not held up now, so the one
        // in the middle is looked at.
        let publish_s = demo["configuration"]["decision"]["publish_ms"]
            .as_f64()
            .unwrap()
            / 1e3;
        let mut apart: Vec<_> = then
            .iter()
            .zip(&now)
            .map(|(then, now)| (then.2 - now.2).abs())
            .collect();
        apart.sort_by(f64::total_cmp);
        assert!(apart[apart.len() / 2] <= publish_s, "{apart:?} s");
        assert!(apart[apart.len() - 1] <= 10.0 * publish_s, "{apart:?} s");
    }
}

/// Shows a demo that has to be good.
fn show(seed: u64) -> Value {
    let recording = replay::file(RECORDINGS.path(), seed);
    let record = recording.to_str().expect("a path of words");
    let seed = seed.to_string();
    let words = [
        "demo",
        "--seconds",
        "20",
        "--seed",
        &seed,
        "--record",
        record,
    ];
    let host = Host::spawn(&words);
    let (code, demo) = report(host.wait());
    let failures = rows(&demo, "expectations")
        .iter()
        .filter(|e| e["met"] == false);
    assert_eq!(code, Some(0), "{:#?}", failures.collect::<Vec<_>>());
    demo
}

fn report(mut ended: Ended) -> (Option<i32>, Value) {
    assert_eq!(ended.log, [""; 0], "nothing on standard error");
    assert_eq!(ended.output.len(), 1, "one JSON object on standard output");
    (ended.status.code(), ended.output.remove(0).object)
}

/// Where a class was at a time: on the line it prefers, or where its last switch put it.
fn line_of<'a>(demo: &'a Value, class: &str, before_s: f64) -> &'a str {
    let mut classes = rows(&demo["configuration"], "classes").iter();
    let home = &classes.find(|c| c["name"] == class).unwrap()["prefer"][0];
    let moved = switches(demo, class).take_while(|switch| at_s(switch) < before_s);
    let line = moved.last().map_or(home, |switch| &switch["to"]);
    line.as_str().expect("every class is on a line")
}

fn switches<'a>(demo: &'a Value, class: &str) -> impl Iterator<Item = &'a Value> {
    let of_class = rows(demo, "switches").iter();
    of_class.filter(move |switch| switch["class"] == class)
}

/// When something was done to a line.
fn when(demo: &Value, line: &str, what: &str) -> f64 {
    let done = rows(demo, "impairments")
        .iter()
        .find(|done| done["line"] == line && done["what"].as_str().unwrap().starts_with(what));
    at_s(done.unwrap_or_else(|| panic!("{line} never {what}")))
}

fn at_s(event: &Value) -> f64 {
    event["at_s"].as_f64().expect("seconds")
}

fn count(number: &Value) -> u64 {
    number.as_u64().expect("a count")
}

fn rows<'a>(of: &'a Value, what: &str) -> &'a [Value] {
    let rows = of[what].as_array();
    rows.unwrap_or_else(|| panic!("no {what}"))
}

fn names<'a>(demo: &'a Value, of: &str, name: &str) -> Vec<&'a str> {
    let names = rows(demo, of).iter().map(|row| row[name].as_str().unwrap());
    names.collect()
}

fn has(object: &Value, fields: &[&str]) {
    for field in fields {
        let value = object.get(field);
        assert!(
            value.is_some_and(|value| !value.is_null()),
            "no {field} in {object}"
        );
    }
}
