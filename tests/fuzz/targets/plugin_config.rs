//! Configurations at the plugin's door: the one judge says the same wherever it is asked, and
//! what it lets in comes out again unchanged.

#![no_main]

use fuzzing::plugin::{idle_engine, plugin, sound};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use plugin_abi::code;
use plugin_abi::config::{Clock, Config};
use plugin_abi::host::{CallError, Silent};
use plugin_abi::manage::{Answer, Request};
use serde_json::Value;

/// Keys that a document may have somewhere, and a few that it may not.
const KEYS: &[&str] = &[
    "clock",
    "mode",
    "probe",
    "responder",
    "decision",
    "lines",
    "sessions",
    "local_port",
    "line",
    "tos",
    "count",
    "enabled",
    "export",
    "owner",
    "schedule",
    "every_s",
    "cron",
    "groups",
    "classes",
    "flows",
    "source",
    "destination",
    "source_ports",
    "destination_ports",
    "protocol",
    "interval_ms",
    "timeout_ms",
    "padding",
    "dscp",
    "ttl",
    "dont_fragment",
    "listen",
    "light",
    "stamp",
    "figures",
    "ssid",
    "stateful",
    "ask",
    "figures_ms",
    "control_port",
    "test_ports",
    "servwait_s",
    "added",
    "at",
    "toggled",
    "overrides",
    "what",
    "class",
    "group",
    "from",
    "until",
    "lasts_s",
    "percent",
    "by",
    "note",
    "line",
    "owner",
    "refwait_s",
    "peers",
    "max_connections",
    "max_connections_per_peer",
    "max_sessions",
    "max_sessions_per_peer",
    "max_sessions_total",
    "publish_ms",
    "window_ms",
    "stale_after_ms",
    "dwell_ms",
    "failback_ms",
    "dead_intervals",
    "scores_only",
    "mistake_every_h",
    "id",
    "name",
    "underlay",
    "far_end",
    "local",
    "remote",
    "device",
    "mark",
    "cost",
    "metered",
    "profile",
    "flows_movable",
    "mtu",
    "capacity_up_mbps",
    "capacity_down_mbps",
    "probe_budget_mb",
    "sender",
    "sla",
    "prefer",
    "strategy",
    "moves",
    "round_trip_ms",
    "jitter_ms",
    "loss_percent",
    "packet_octets",
    "mtu_probe",
    "octets",
    "probe_classes",
    "probe_class",
    "keys",
    "key_id",
    "passphrase",
    "not_before",
    "not_after",
    "modes",
    "",
    "a.b[0]",
    "line\nbreak",
    "lien",
    "é",
];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fuzzing::json::mutate(data, size, max_size, seed, KEYS)
});

fuzz_target!(|octets: &[u8]| {
    // What is no UTF-8 can't be handed over by a safe host.
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    let created = sound(plugin().create(text, Silent));
    let dry_run = sound(idle_engine().apply(text, u64::MAX, true));
    let verdict = judged(text);
    match &created {
        Ok(engine) => {
            assert_eq!(verdict.as_deref().unwrap_or_default(), "");
            let config: Config = serde_json::from_str(text).expect("it was judged");
            // An engine keeps the clock that it began with.
            match config.clock {
                Clock::System => assert!(dry_run.is_ok(), "{dry_run:?}"),
                Clock::Manual => assert!(refused(&dry_run, code::UNSUPPORTED), "{dry_run:?}"),
            }
            goes_round(&sound(engine.export_config()).expect("an engine knows its configuration"));
        }
        Err(error) => {
            assert_eq!(error.code, code::CONFIGURATION, "{error}");
            assert_eq!(
                dry_run.as_ref().map_err(|e| &e.message),
                Err(&error.message)
            );
            // Of what is no JSON there is no value to send for a verdict.
            if let Some(verdict) = verdict {
                assert_eq!(places(&verdict), places(&error.message));
            }
        }
    }
});

/// All mistakes of the document, as `manage` lists them; `None` if it is no JSON.
fn judged(text: &str) -> Option<String> {
    let config = serde_json::from_str(text).ok()?;
    let answer = sound(idle_engine().manage(&Request::Validate { config }));
    let Ok(Answer::Problems(problems)) = answer else {
        panic!("{answer:?}");
    };
    let sentences: Vec<_> = problems.iter().map(ToString::to_string).collect();
    Some(sentences.join("\n"))
}

/// Where the mistakes are. What was found there may differ in a number's last digit, which goes
/// when a number is read and written.
fn places(sentences: &str) -> Vec<&str> {
    let place = |line: &'_ str| line.find(": expected ").unwrap_or(line.len());
    sentences.lines().map(|line| &line[..place(line)]).collect()
}

fn goes_round(exported: &str) {
    let again = sound(plugin().create(exported, Silent)).expect("what it says is good");
    let exported_again = sound(again.export_config()).expect("as before");
    let document = |text| serde_json::from_str::<Value>(text).expect("JSON");
    assert!(
        alike(&document(&exported_again), &document(exported)),
        "{exported}"
    );
}

/// Equal, but for the last digit of numbers.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() => {
            let (one, other) = (one.as_f64().unwrap_or(0.0), other.as_f64().unwrap_or(1.0));
            (one - other).abs() <= 1e-12 * one.abs()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| alike(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, a)| other.get(key).is_some_and(|b| alike(a, b)))
        }
        (one, other) => one == other,
    }
}

fn refused<T>(answer: &Result<T, CallError>, code: i32) -> bool {
    matches!(answer, Err(error) if error.code == code)
}
