//! `host-sim ping` at the near end of a path, and what it found.

use autoflow_tests::host::{Running, answer};
use autoflow_tests::net::Net;
use serde_json::Value;

/// Both families: an address of the far end, and octets of the headers of IP and UDP.
pub(crate) const FAR: [(&str, u64); 2] = [("10.7.0.2", 28), ("[fd00:7::2]", 48)];

/// A responder of TWAMP, and of STAMP on port 8620.
pub(crate) fn responder(net: &Net) -> [Running; 2] {
    ["0.0.0.0", "[::]"].map(|all| {
        let words = format!("respond --json --listen {all}:862 --stamp 8620");
        let responder = net.host_sim(&words);
        responder.line();
        responder
    })
}

/// What a run found, whether it failed or not.
pub(crate) fn ping(net: &Net, words: &str) -> Value {
    let mut command = net.host_command();
    command.args(["ping", "--json", "--interval", "10", "--timeout", "500"]);
    answer(command.args(words.split_whitespace())).object()
}

/// The sentence of a finding; `None`: it was not found.
pub(crate) fn sentence<'a>(result: &'a Value, code: &str) -> Option<&'a str> {
    let findings = result["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["code"] == code)?;
    found["sentence"].as_str()
}

/// All that was found to be wrong.
pub(crate) fn warnings(result: &Value) -> Vec<&str> {
    let findings = result["findings"].as_array().unwrap().iter();
    let warnings = findings.filter(|finding| finding["severity"] == "warning");
    warnings
        .filter_map(|found| found["code"].as_str())
        .collect()
}
