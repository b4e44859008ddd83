//! `ping` against `respond`: what is counted, what is told, and how it ends.

use autoflow_tests::accounted;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::address;
use crate::host::{Answer, Running, host_sim};

/// A responder of ours on an address of its own.
pub(crate) struct Responder {
    pub(crate) running: Running,
    /// Its control port, `ADDR:PORT`.
    pub(crate) control: String,
    /// Its port for TWAMP Light.
    pub(crate) light: String,
}

impl Responder {
    pub(crate) fn v4() -> Self {
        let address = address::own();
        Self::on(format!("{address}:8620"), format!("{address}:8621"))
    }

    fn v6() -> Self {
        let port = address::free_port_v6;
        Self::on(format!("[::1]:{}", port()), format!("[::1]:{}", port()))
    }

    /// One that offers these features.
    pub(crate) fn offering(features: &str) -> Self {
        let address = address::own();
        let (control, light) = (format!("{address}:8620"), format!("{address}:8621"));
        Self::with(&format!("--features {features}"), control, light)
    }

    fn on(control: String, light: String) -> Self {
        Self::with("", control, light)
    }

    fn with(options: &str, control: String, light: String) -> Self {
        let words = format!("respond --json --listen {control} --light {light} {options}");
        let running = Running::host_sim(&words);
        let ready: Value = serde_json::from_str(&running.line()).unwrap();
        assert_eq!(ready["listening"]["control"][0], control);
        assert_eq!(ready["listening"]["light"][0], light);
        Self {
            running,
            control,
            light,
        }
    }

    /// The port that a mode talks to.
    fn port(&self, mode: &str) -> &str {
        if mode == "light" {
            &self.light
        } else {
            &self.control
        }
    }
}

/// Measures; once more if this machine was held up and probes may be set aside.
pub(crate) fn measured(words: &str) -> Value {
    for _ in 0..5 {
        let answer = host_sim(&format!("ping --json {words}"));
        assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
        let result = answer.object();
        if !answer.held_up && result["set_aside"] == 0 {
            return result;
        }
    }
    panic!("this machine is too busy to measure anything");
}

/// No probe lost, none twice, all in order; and the figures fit together.
pub(crate) fn assert_clean(result: &Value, count: u64) {
    for (field, expected) in [
        ("sent", count),
        ("received", count),
        ("in_flight", 0),
        ("duplicates", 0),
        ("reordered", 0),
        ("late", 0),
    ] {
        assert_eq!(result[field], expected, "{field}: {result}");
    }
    assert_eq!(result["lost"]["unattributed"], 0, "{result}");
    assert_eq!(result["lost"]["percent"], 0.0, "{result}");
    let mean = |field: &str| result[field]["mean"].as_f64().unwrap();
    let parts = mean("inbound_us") + mean("outbound_us");
    assert!((parts - mean("round_trip_us")).abs() < 0.01, "{result}");
    for field in ["round_trip_us", "inbound_us", "outbound_us"] {
        let figure = |name: &str| result[field][name].as_f64().unwrap();
        let order = ["min", "p50", "p95", "p99", "max"].map(figure);
        assert!(order.is_sorted(), "{field}: {result}");
        assert!(
            (figure("min")..=figure("max")).contains(&figure("mean")),
            "{field}: {result}"
        );
    }
    let minimum = result["round_trip_us"]["min"].as_f64().unwrap();
    assert!(minimum > 0.0 && minimum < 50_000.0, "{result}");
}

#[test]
fn every_probe_comes_back_on_the_loopback_in_both_modes_and_families() {
    for responder in [Responder::v4(), Responder::v6()] {
        for mode in ["open", "light"] {
            let far = responder.port(mode);
            let result = measured(&format!("--mode {mode} --count 20 --interval 10 {far}"));
            assert_clean(&result, 20);
            assert_eq!(result["mode"], mode);
            // Light has no numbers of the far end, so loss has no direction.
            let forward = if mode == "light" {
                Value::Null
            } else {
                0.into()
            };
            assert_eq!(result["lost"]["forward"], forward);
            assert_eq!(result["lost"]["backward"], forward);
            assert_eq!(result["seen"]["ttl_forward"], 255);
            assert_eq!(result["seen"]["ttl_backward"], 255);
            assert!(result["clock"]["synchronised"].is_boolean());
            assert!(["kernel", "user"].contains(&result["stamps"].as_str().unwrap()));
        }
    }
}

#[test]
fn a_result_has_all_the_fields_that_scripts_rely_on() {
    let responder = Responder::v4();
    let result = measured(&format!("--count 3 --interval 5 {}", responder.control));
    let keys = |value: &Value| {
        let keys = value.as_object().unwrap().keys();
        keys.map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    for (field, expected) in [
        ("lost", "backward forward percent unattributed"),
        ("round_trip_us", "max mean min p50 p95 p99"),
        ("inbound_us", "max mean min p50 p95 p99"),
        ("outbound_us", "max mean min p50 p95 p99"),
        ("jitter_us", "inbound outbound round_trip"),
        (
            "clock",
            "far_error_us far_synchronised last_step_us level_uncertainty_us near_error_us \
             near_synchronised offset_uncertainty_us offset_us skew_ppm skew_uncertainty_ppm \
             steps synchronised variation_uncertainty_us",
        ),
        (
            "seen",
            "dscp_backward dscp_forward ecn_backward ecn_forward ttl_backward ttl_forward",
        ),
    ] {
        assert_eq!(keys(&result[field]), expected, "{field}");
    }
    assert!(!result["session_id"].as_str().unwrap().is_empty());
    for field in ["failure", "error"] {
        assert!(result.get(field).is_none(), "{result}");
    }
}

#[test]
fn marks_arrive_as_they_were_set() {
    let responder = Responder::v4();
    for mode in ["open", "light"] {
        let far = responder.port(mode);
        let words = format!("--mode {mode} --count 3 --interval 5 --ttl 9 --dscp 46 {far}");
        let seen = &measured(&words)["seen"];
        assert_eq!(seen["ttl_forward"], 9);
        // The far end answers by its session's DSCP; Light has none.
        let dscp = if mode == "light" { 0 } else { 46 };
        assert_eq!(seen["dscp_backward"], dscp, "{mode}");
        assert!(seen["ttl_backward"].as_u64().unwrap() >= 64);
    }
    let words = format!("--count 3 --interval 5 --tos 184 {}", responder.control);
    assert_eq!(measured(&words)["seen"]["dscp_backward"], 46);
}

#[test]
fn padding_from_none_to_a_full_packet_is_answered() {
    let responder = Responder::v4();
    for mode in ["open", "light"] {
        for padding in [0, 27, 1000] {
            let far = responder.port(mode);
            let words = format!("--mode {mode} --count 3 --interval 5 --padding {padding} {far}");
            assert_clean(&measured(&words), 3);
        }
    }
}

#[test]
fn people_get_a_page_and_nothing_on_standard_error() {
    let responder = Responder::v4();
    let answer = host_sim(&format!(
        "ping --count 3 --interval 5 {}",
        responder.control
    ));
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    for word in [
        "open session ",
        "round trip",
        "received",
        "p99",
        "stamps by the ",
    ] {
        assert!(answer.stdout.contains(word), "{}", answer.stdout);
    }
    assert!(!answer.stdout.contains('\x1b'), "no colours for a file");
}

#[test]
fn the_local_address_is_the_one_asked_for() {
    let responder = Responder::v4();
    let near = address::own();
    let far = &responder.control;
    let result = measured(&format!("--count 3 --interval 5 --local {near} {far}"));
    let local = result["local"].as_str().unwrap();
    assert!(local.starts_with(&format!("{near}:")), "{local}");
}

#[test]
fn ctrl_c_gives_the_result_so_far() {
    let responder = Responder::v4();
    for mode in ["open", "light"] {
        let far = responder.port(mode);
        let words = format!("ping --json --mode {mode} --count 100000 --interval 10 {far}");
        let running = Running::host_sim(&words);
        std::thread::sleep(Duration::from_millis(1_000));
        running.interrupt();
        let asked = Instant::now();
        let answer = running.end();
        // What is in flight is waited for, and no longer than its time-out.
        assert!(asked.elapsed() < Duration::from_secs(5), "{answer:?}");
        assert_interrupted(&answer);
    }
}

fn assert_interrupted(answer: &Answer) {
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    let result = answer.object();
    let count = |field: &str| result[field].as_u64().unwrap();
    assert!(count("sent") > 0 && count("sent") < 1_000, "{result}");
    let known = accounted(count("sent"), count("received"), count("set_aside"));
    assert!(known, "{result}");
    assert_eq!(count("in_flight"), 0);
}
