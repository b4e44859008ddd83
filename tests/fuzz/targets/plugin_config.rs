//! Configurations at the plugin's door: the one judge says the same wherever it is asked, and
//! what it lets in comes out again unchanged.

#![no_main]

use fuzzing::plugin::{idle_engine, plugin, sound};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use plugin_abi::config::{Clock, Config};
use plugin_abi::host::Silent;
use plugin_abi::manage::{Answer, Request};
use plugin_abi::{capability, code};

/// Keys that a document may have somewhere, and a few that it may not.
const KEYS: &[&str] = &[
    "clock", "mode", "probe", "responder", "decision", "lines", "groups", "classes", "protocol",
    "interval_ms", "timeout_ms", "padding", "dscp", "ttl", "dont_fragment", "listen", "light",
    "control_port", "test_ports", "servwait_s", "refwait_s", "max_sessions", "publish_ms",
    "window_ms", "stale_after_ms", "dwell_ms", "failback_ms", "dead_intervals", "id", "name",
    "underlay", "far_end", "local", "remote", "device", "mark", "cost", "metered",
    "flows_movable", "mtu", "capacity_up_mbps", "capacity_down_mbps", "sender", "sla", "prefer",
    "round_trip_ms", "jitter_ms", "loss_percent", "keys", "key_id", "passphrase", "not_before",
    "not_after", "modes", "", "a.b[0]", "line\nbreak", "lien", "é",
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
            assert!(dry_run.is_ok(), "{dry_run:?}");
            goes_round(&sound(engine.export_config()).expect("an engine knows its configuration"));
        }
        Err(error) if error.code == code::UNSUPPORTED => {
            let config: Config = serde_json::from_str(text).expect("it was judged");
            assert_eq!(config.clock, Clock::Manual);
            assert_eq!(plugin().capabilities() & capability::MANUAL_CLOCK, 0);
            assert_eq!(verdict.as_deref(), Some(""));
        }
        Err(error) => {
            assert_eq!(error.code, code::CONFIGURATION, "{error}");
            assert_eq!(dry_run.as_ref().map_err(|e| &e.message), Err(&error.message));
            // Of what is no JSON there is no value to send for a verdict.
            if let Some(verdict) = verdict {
                assert_eq!(verdict, error.message);
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

fn goes_round(exported: &str) {
    let again = sound(plugin().create(exported, Silent)).expect("what it says is good");
    let exported_again = sound(again.export_config()).expect("as before");
    assert_eq!(exported_again, exported);
}
