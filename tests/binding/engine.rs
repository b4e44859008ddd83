//! The engine under test, in this process, and what it says of its lines.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use autoflow_tests::host::Running;
use autoflow_tests::{accounted, artifacts};
use plugin_abi::host::{Engine, Plugin, Silent};
use plugin_abi::manage::{Answer, Request, SessionResult};
use serde_json::Value;

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine that has started.
pub(crate) fn started(config: &Value) -> Engine {
    let plugin = Plugin::load_checked(&artifacts().plugin).unwrap();
    let engine = plugin.create(&config.to_string(), Silent).unwrap();
    engine.start().unwrap_or_else(|error| panic!("{error}"));
    engine
}

/// The newest result of each line, by name.
pub(crate) fn results(engine: &Engine) -> BTreeMap<String, SessionResult> {
    let Ok(Answer::Sessions(rows)) = engine.manage(&Request::Sessions) else {
        panic!("no list of sessions");
    };
    let results = rows
        .into_iter()
        .filter_map(|row| Some((row.line?, row.result?)));
    results.collect()
}

/// Waits until each of so many lines has so many replies.
pub(crate) fn until_heard(engine: &Engine, lines: usize, replies: u64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let results = results(engine);
        let heard = results.values().filter(|result| result.received >= replies);
        if heard.count() == lines {
            return;
        }
        let rows = engine.manage(&Request::Lines);
        assert!(Instant::now() < end, "{rows:?} {results:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends a responder; answers how many probes came, of each session that it served.
pub(crate) fn served(responder: Running) -> Vec<u64> {
    responder.interrupt();
    let answer = responder.end();
    let sessions = answer.objects();
    let sessions = sessions.iter().map(|served| served["received"].as_u64());
    sessions.collect::<Option<_>>().unwrap()
}

/// Nothing is lost.
pub(crate) fn assert_nothing_lost(result: &SessionResult) {
    let known = accounted(result.sent, result.received, result.set_aside);
    assert!(known, "{result:?}");
    assert_eq!(result.lost.percent, Some(0.0), "{result:?}");
}
