//! The probe thread dies three times: the engine gives up, the host and its traffic go on.
//!
//! The plugin of this test is built to panic in its probe thread when a run is asked for. It
//! reads that wish from the environment, so the test runs in a process of its own.

use std::process::Command;
use std::sync::Arc;

use autoflow_tests::artifacts::plugin_variant;
use host_sim::host::flows::Flows;
use host_sim::link::Impairment;
use plugin_abi::config::Mode;
use plugin_abi::engine_state;
use plugin_abi::host::{Choice, Engine};
use plugin_abi::manage::{Answer, Request};
use serde_json::json;

use crate::ends::{Ends, HUB, Heard, Pair, load, statistics};
use crate::patience::until_true;

const FAULT: (&str, &str) = ("TWAMP_FAULT", "panic:twamp-io");

#[test]
fn an_engine_whose_probe_thread_died_three_times_has_no_opinion_and_harms_nobody() {
    if std::env::var(FAULT.0).as_deref() == Ok(FAULT.1) {
        return the_thread_dies_three_times();
    }
    let this =
        "failure::an_engine_whose_probe_thread_died_three_times_has_no_opinion_and_harms_nobody";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", this, "--nocapture"])
        .env(FAULT.0, FAULT.1)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.contains("1 passed"), "the test was not found: {said}");
}

fn the_thread_dies_three_times() {
    let plugin = load(&plugin_variant("fault", &["--features", "fault-injection"]));
    let ends = Ends::joined_by(&["first", "second"]);
    let healthy = Impairment::delay(5.0);
    let emulator = ends.emulator(31, healthy, healthy);
    let heard = Heard::default();
    let pair = Pair::of(&plugin, &ends, Mode::Act, emulator, heard.clone());
    let near = Arc::clone(&pair.near);
    let asked = move |class, hash, current| near.choose(HUB, class, hash, current, 0);
    let flows = Flows::start(&ends.flows(), asked).unwrap();
    until_true("a choice", || pair.choice() == Choice::Line(1));

    for strike in 1..=2 {
        ask_for_a_run(&pair.near);
        until_true("a panic", || statistics(&pair.near).panics == strike);
        // It was caught, and the sessions go on where they were.
        let before = pair.result("first").received;
        until_true("probes go on", || {
            pair.result("first").received > before + 20
        });
        assert_eq!(pair.choice(), Choice::Line(1));
    }
    assert_eq!(heard.said("the engine has failed"), 0);
    ask_for_a_run(&pair.near);
    until_true("no opinion", || pair.choice() == Choice::NoOpinion);
    let state = pair.near.snapshot().unwrap().engine_state;
    assert_eq!(state, engine_state::FAILED);

    // The traffic stays where it was, and goes on.
    let before = flows.counts()[0];
    until_true("traffic goes on", || {
        flows.counts()[0].received > before.received + 100
    });
    assert_eq!(flows.counts()[0].line, Some(1));
    assert_eq!(pair.choice(), Choice::NoOpinion);
    until_true("the log tells it", || {
        heard.said("the engine has failed") > 0
    });

    // It can still be asked, stopped and destroyed.
    assert_eq!(statistics(&pair.near).panics, 3);
    assert!(pair.result("first").received > 0);
    assert!(pair.near.stop().is_ok(), "its other thread ends");
    drop(flows);
    let near = Arc::into_inner(pair.near).expect("the traffic has let go of the engine");
    drop(near);
    assert_eq!(heard.said("the engine has failed"), 1, "{:?}", heard.log());
    assert_eq!(heard.said("injected into twamp-io"), 3, "{:?}", heard.log());
}

fn ask_for_a_run(engine: &Engine) {
    let request = json!({ "do": "run", "run": { "remote": "127.0.0.1:9", "count": 1 } });
    let request: Request = serde_json::from_value(request).unwrap();
    let answer = engine.manage(&request);
    assert!(matches!(answer, Ok(Answer::Run(_))), "{answer:?}");
}
