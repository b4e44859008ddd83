//! An engine that exports, and another one that answers its probes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use autoflow_tests::{address, artifacts};
use plugin_abi::host::{Callbacks, Engine, Plugin};
use plugin_abi::manage::{Answer, CollectorRow, Progress, Request, SessionResult, Statistics};
use serde_json::{Value, json};

/// What is waited for comes within this, or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// STAMP of the far end.
const STAMP: u16 = 8_622;
/// Runs that go on at once, at most.
const AT_ONCE: usize = 256;

/// The host's record of ended runs.
#[derive(Clone, Default)]
pub(crate) struct Ended(Arc<(Mutex<BTreeMap<u64, SessionResult>>, Condvar)>);

impl Callbacks for Ended {
    fn run_ended(&self, run: u64, result: &str) {
        // 0: a session that was served.
        if run > 0 {
            let progress: Progress = serde_json::from_str(result).unwrap();
            let (results, changed) = &*self.0;
            let mut results = results.lock().unwrap();
            results.insert(run, progress.result.unwrap());
            changed.notify_all();
        }
    }
}

impl Ended {
    /// Waits until so many have ended.
    fn until(&self, count: usize) {
        let (results, changed) = &*self.0;
        let few = |results: &mut BTreeMap<_, _>| results.len() < count;
        let waited = changed.wait_timeout_while(results.lock().unwrap(), PATIENCE, few);
        assert!(!waited.unwrap().1.timed_out(), "runs don't end");
    }

    fn count(&self) -> usize {
        self.0.0.lock().unwrap().len()
    }
}

/// An engine that exports.
pub(crate) struct Exporting {
    near: Engine,
    _far: Engine,
    to: IpAddr,
    ended: Ended,
}

impl Exporting {
    /// With these collectors, and what else its configuration says.
    pub(crate) fn to(collectors: &Value, rest: Value) -> Self {
        Self::every(1, collectors, |_| rest)
    }

    /// With a configuration of lines and sessions to the far end, told of so often.
    pub(crate) fn every(
        interval_s: u32,
        collectors: &Value,
        rest: impl FnOnce(IpAddr) -> Value,
    ) -> Self {
        let plugin = Plugin::load_checked(&artifacts().plugin).unwrap();
        let to = address::own();
        let far = json!({"responder": {"stamp": [format!("{to}:{STAMP}")], "peers": ["any"]}});
        let far = plugin
            .create(&far.to_string(), plugin_abi::host::Silent)
            .unwrap();
        far.start().unwrap();
        let mut config = rest(to.into());
        config["export"]["interval_s"] = interval_s.into();
        config["export"]["collectors"] = collectors.clone();
        let ended = Ended::default();
        let near = plugin.create(&config.to_string(), ended.clone()).unwrap();
        near.start().unwrap();
        Self {
            near,
            _far: far,
            to: to.into(),
            ended,
        }
    }

    /// Makes so many runs of two probes each.
    pub(crate) fn run(&self, count: usize) {
        let request: Request = serde_json::from_value(json!({
            "do": "run",
            "run": {
                "remote": format!("{}:{STAMP}", self.to),
                "count": 2,
                "probe": {"protocol": "stamp", "interval_ms": 1, "timeout_ms": 2_000, "dscp": "AF31"},
            }
        }))
        .unwrap();
        let before = self.ended.count();
        for begun in 0..count {
            self.ended
                .until((before + begun + 1).saturating_sub(AT_ONCE));
            let answer = self.near.manage(&request).unwrap();
            assert!(matches!(answer, Answer::Run(_)), "{answer:?}");
        }
        self.ended.until(before + count);
    }

    /// Probes sent so far, by all sessions.
    pub(crate) fn probes_sent(&self) -> u64 {
        self.statistics().probes_sent
    }

    pub(crate) fn late_sends(&self) -> u64 {
        self.statistics().late_sends
    }

    /// In the last second or two.
    pub(crate) fn lateness_p99_us(&self) -> Option<u64> {
        self.statistics().send_lateness_us.map(|late| late.p99)
    }

    fn statistics(&self) -> Statistics {
        match self.near.manage(&Request::Statistics).unwrap() {
            Answer::Statistics(statistics) => statistics,
            other => panic!("no statistics: {other:?}"),
        }
    }

    pub(crate) fn rows(&self) -> Vec<CollectorRow> {
        match self.near.manage(&Request::Collectors).unwrap() {
            Answer::Collectors(rows) => rows,
            other => panic!("no collectors: {other:?}"),
        }
    }

    pub(crate) fn until(&self, what: &str, is: impl Fn(&[CollectorRow]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is(&self.rows()) {
            assert!(
                Instant::now() < deadline,
                "never: {what}: {:?}",
                self.rows()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it. Each run's result as the host was told, and how the collectors stand.
    pub(crate) fn end(self) -> (BTreeMap<u64, SessionResult>, Vec<CollectorRow>) {
        self.near.stop().unwrap();
        let rows = self.rows();
        for row in &rows {
            assert_eq!(
                (row.queued, row.sent + row.dropped),
                (0, row.produced),
                "{row:?}"
            );
        }
        let results = std::mem::take(&mut *self.ended.0.0.lock().unwrap());
        (results, rows)
    }
}

/// So many records tell of these runs: of those that were answered, two.
pub(crate) fn records(results: &BTreeMap<u64, SessionResult>) -> u64 {
    let answered = results
        .values()
        .filter(|result| result.round_trip_us.is_some());
    (results.len() + answered.count()) as u64
}

/// One collector of a configuration.
pub(crate) fn collector(name: &str, at: &impl ToString, transport: &str) -> Value {
    json!({"name": name, "at": at.to_string(), "transport": transport, "queue": 100_000})
}
