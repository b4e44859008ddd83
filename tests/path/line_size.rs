//! Lines whose packets of full size don't come through: swallowed, or refused by a router.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use autoflow_tests::host::{Running, answer};
use autoflow_tests::net::Net;
use serde_json::Value;
use tempfile::TempDir;

use crate::ping::responder;
use crate::relay::{Relay, Way};
use crate::size::routed;

/// What is waited for comes within this, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host with two lines to the far end, of which only one has to agree on sessions.
struct Host {
    _running: Running,
    socket: PathBuf,
    _directory: TempDir,
}

impl Host {
    fn start(near: &Net) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (config, socket) = (
            directory.path().join("host.toml"),
            directory.path().join("socket"),
        );
        std::fs::write(
            &config,
            "mtu_probe = { octets = 1400, every_s = 1 }\n\
             [[lines]]\nid = 1\nname = \"stamp\"\nremote = \"10.7.0.2:8620\"\n\
             probe = { protocol = \"stamp\", interval_ms = 20, timeout_ms = 500 }\n\
             [[lines]]\nid = 2\nname = \"twamp\"\nremote = \"10.7.0.2\"\n\
             probe = { interval_ms = 20, timeout_ms = 500 }\n",
        )
        .unwrap();
        let (config, at) = (config.display(), socket.display());
        let running = near.host_sim(&format!("run --json --config {config} --socket {at}"));
        running.line();
        Self {
            _running: running,
            socket,
            _directory: directory,
        }
    }

    fn ask(&self, words: &str) -> Value {
        let mut command = autoflow_tests::host::host_command();
        let command = command.args(words.split_whitespace()).arg("--json");
        answer(command.arg("--socket").arg(&self.socket)).object()
    }

    /// Waits until this is said of both lines, and answers the list.
    #[track_caller]
    fn until(&self, state: &str) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let answer = self.ask("lines");
            let rows = answer["lines"].as_array().unwrap().clone();
            // Before the first picture there are none, of which anything is true.
            if rows.len() == 2 && rows.iter().all(|row| row["mtu"]["state"] == state) {
                return rows;
            }
            assert!(start.elapsed() < PATIENCE, "{state}: {answer}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// How many events of this code stand.
    fn standing(&self, code: &str) -> usize {
        let answer = self.ask("events --standing");
        let events = answer["events"]["rows"].as_array().unwrap();
        events.iter().filter(|event| event["code"] == code).count()
    }

    /// Waits until so many do.
    #[track_caller]
    fn until_standing(&self, code: &str, count: usize) {
        let start = Instant::now();
        while self.standing(code) != count {
            assert!(start.elapsed() < PATIENCE, "{}", self.ask("events"));
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn a_black_hole_is_told_of_the_line_and_is_over_when_full_size_passes_again() {
    let Some(relay) = Relay::start(Way::default(), Way::default()) else {
        return;
    };
    let _responder = responder(&relay.far);
    let host = Host::start(&relay.near);
    host.until("passes");
    relay.reroute(Way {
        longest: Some(1_280),
        ..Way::default()
    });
    for row in host.until("black-hole") {
        assert_eq!(row["state"], "alive", "{row}");
        assert_eq!(row["mtu"]["octets"], 1_400, "{row}");
        assert!(row["mtu"]["lost_in_a_row"].as_u64() >= Some(8), "{row}");
        assert!(row["mtu"]["passed_at"].is_number(), "{row}");
    }
    host.until_standing("mtu-black-hole", 2);
    assert_eq!(host.standing("line-dead"), 0);
    relay.reroute(Way::default());
    host.until("passes");
    host.until_standing("mtu-black-hole", 0);
}

#[test]
fn a_router_that_says_what_it_takes_is_no_black_hole() {
    let Some([near, router, far]) = routed() else {
        return;
    };
    let _responder = responder(&far);
    let host = Host::start(&near);
    for row in host.until("too-long") {
        assert_eq!(row["state"], "alive", "{row}");
        assert_eq!(row["mtu"]["takes"], 1_280, "{row}");
    }
    host.until_standing("mtu-too-small", 2);
    router.run("ip link set far mtu 1500");
    host.until("passes");
}
