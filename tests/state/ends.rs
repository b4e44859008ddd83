//! Two engines in this process: one measures, the other answers, each on an address of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use autoflow_tests::{address, artifacts};
use plugin_abi::host::{Callbacks, Engine, Level, Plugin};
use serde_json::{Value, json};

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| {
    Plugin::load_checked(&artifacts().plugin).unwrap_or_else(|error| panic!("{error}"))
});

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A started engine.
pub(crate) struct End {
    pub(crate) engine: Engine,
    pub(crate) address: Ipv4Addr,
    heard: Heard,
}

/// What it logs.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Callbacks for Heard {
    fn log_enabled(&self, level: Level) -> bool {
        level <= Level::Warn
    }

    fn log(&self, _: Level, _: &str, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

impl End {
    /// One of this document.
    pub(crate) fn of(address: Ipv4Addr, document: &Value) -> Self {
        let heard = Heard::default();
        let engine = PLUGIN.create(&document.to_string(), heard.clone());
        let engine = engine.unwrap_or_else(|error| panic!("{document}: {error}"));
        engine.start().unwrap();
        let end = Self {
            engine,
            address,
            heard,
        };
        let has_lines = ["lines", "topology"]
            .iter()
            .any(|key| document.get(key).is_some());
        until("its lines are listed", || {
            !has_lines || end.told(&json!({"do": "lines"}), "lines") != json!([])
        });
        end
    }

    /// One that answers TWAMP-Control on port 8620.
    pub(crate) fn far() -> Self {
        let address = address::own();
        Self::of(
            address,
            &json!({"responder": {
                "listen": [format!("{address}:8620")],
                "peers": ["127.0.0.0/8"],
                "test_ports": [8_700, 8_719],
            }}),
        )
    }

    /// One that measures lines 1 (`a`) and 2 (`b`) to `far`; and its document.
    pub(crate) fn near(far: &Self) -> (Self, Value) {
        let address = address::own();
        let document = json!({
            "probe": {"interval_ms": 20, "timeout_ms": 1_000},
            "decision": {"window_ms": 60_000},
            "responder": {"test_ports": [8_700, 8_719]},
            "lines": [line(1, "a", address, far), line(2, "b", address, far)],
        });
        (Self::of(address, &document), document)
    }

    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    /// The answer to a request.
    pub(crate) fn ask(&self, request: &Value) -> Value {
        let answer = self.engine.manage_json(&request.to_string());
        serde_json::from_str(&answer.unwrap()).unwrap()
    }

    /// What stands in the answer to a request under this key.
    pub(crate) fn told(&self, request: &Value, key: &str) -> Value {
        let answer = self.ask(request);
        match answer.get(key) {
            Some(told) => told.clone(),
            None => panic!("{request}: {answer}"),
        }
    }

    /// The sentence that a request is refused with.
    pub(crate) fn refused(&self, request: &Value) -> String {
        let error = self.told(request, "error");
        error["message"].as_str().unwrap().to_owned()
    }

    pub(crate) fn configuration(&self) -> Value {
        self.told(&json!({"do": "configuration"}), "configuration")
    }

    pub(crate) fn pending(&self) -> Value {
        self.told(&json!({"do": "statistics"}), "statistics")["pending"].clone()
    }

    /// The row of a line.
    pub(crate) fn line(&self, name: &str) -> Value {
        let lines = self.told(&json!({"do": "lines"}), "lines");
        let lines = lines.as_array().unwrap().iter();
        let mut lines = lines.filter(|line| line["name"] == name);
        lines.next().cloned().unwrap_or_default()
    }

    /// What its sender of a line has seen, the newest session of it.
    pub(crate) fn sender(&self, line: &str) -> Option<Value> {
        let rows = self.told(&json!({"do": "sessions"}), "sessions");
        let mut rows = rows.as_array().unwrap().iter();
        let of_line = |row: &&Value| row["line"] == line && row["role"] == "sender";
        rows.rfind(of_line).cloned()
    }

    /// Probes of a line that were answered.
    pub(crate) fn received(&self, line: &str) -> u64 {
        let row = self.sender(line);
        row.and_then(|row| row["result"]["received"].as_u64())
            .unwrap_or(0)
    }

    /// Every session that it has served.
    pub(crate) fn served(&self) -> Vec<Value> {
        let rows = self.told(&json!({"do": "sessions"}), "sessions");
        let rows = rows.as_array().unwrap().iter();
        let served = rows.filter(|row| row["role"] == "responder");
        served.map(|row| row["served"].clone()).collect()
    }

    /// Waits until so many more probes of a line are answered.
    pub(crate) fn await_replies(&self, line: &str, more: u64) {
        let before = self.received(line);
        until("probes are answered", || {
            self.received(line) >= before + more
        });
    }

    /// Messages so far that contain `words`.
    pub(crate) fn said(&self, words: &str) -> usize {
        let log = self.heard.0.lock().unwrap();
        log.iter().filter(|message| message.contains(words)).count()
    }
}

/// A line of a document.
pub(crate) fn line(id: u64, name: &str, near: Ipv4Addr, far: &End) -> Value {
    json!({"id": id, "name": name, "local": near, "remote": far.at(8620)})
}

/// Looks until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "in vain: {what}");
        sleep(Duration::from_millis(10));
    }
}
