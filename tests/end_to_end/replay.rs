//! What was recorded of a demo, played again through the plugin.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::child::Host;

/// Where the demo of a seed records to; gone with the directory.
pub(crate) fn file(directory: &Path, seed: u64) -> PathBuf {
    directory.join(format!("demo-{seed}.recording"))
}

/// What came of a recording: what was chosen then, and what the plugin chooses again.
pub(crate) fn replay(recording: &Path) -> (Value, [Value; 2]) {
    let file = recording.to_str().expect("a path of words");
    let host = Host::spawn(&["sim", "--replay", file, "--policy", "autoflow"]);
    let mut ended = host.wait();
    assert_eq!(ended.log, [""; 0], "nothing on standard error");
    assert_eq!(ended.status.code(), Some(0));
    let mut answer = ended.output.remove(0).object;
    let policies = answer["policies"].take();
    let policies: [Value; 2] = serde_json::from_value(policies).expect("two policies");
    for (policy, name) in policies.iter().zip(["recorded", "autoflow"]) {
        assert_eq!(policy["policy"], name);
    }
    (answer["recording"].take(), policies)
}

/// Where each class went, and when, in seconds: class, line, time.
pub(crate) fn moves(policy: &Value) -> Vec<(String, String, f64)> {
    let switches = policy["switches"].as_array().expect("switches");
    let mut moves: Vec<_> = switches
        .iter()
        .map(|switch| {
            let word = |key: &str| switch[key].as_str().unwrap_or_default().to_owned();
            let at_s = switch["at_s"].as_f64().expect("a time");
            (word("class"), word("to"), at_s)
        })
        .collect();
    // Of each class in order of time: classes that move together have no order.
    moves.sort_by(|one, other| one.0.cmp(&other.0).then(one.2.total_cmp(&other.2)));
    moves
}
