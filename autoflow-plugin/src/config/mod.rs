//! The one judge of a configuration: every mistake at once, each with its place and its remedy.
//!
//! [`shape`] says which keys there are and what each may hold; [`meaning`] says what must fit
//! together. Both look at the document as written, so a mistake in one place hides none in
//! another. [`mod@warnings`] names what is right and perhaps not meant.

mod among;
mod answering;
mod costs;
mod export;
mod features;
mod flows;
mod io;
mod keys;
mod meaning;
mod merge;
mod mtu_probe;
mod node;
mod overrides;
mod peers;
mod probe_classes;
#[cfg(test)]
mod properties;
mod schedule;
mod sessions;
mod shape;
mod stamp;
mod test_ports;
mod topology;
mod unique;
mod warnings;

use plugin_abi::config::{Config, Line, Override, Session};
use plugin_abi::manage::{Problem, RunRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use among::{Misfit, judge_among};
pub(crate) use costs::costs;
pub(crate) use merge::merge_patch;
pub(crate) use mtu_probe::full_size;
use node::Node;
pub(crate) use sessions::taken_by;
pub(crate) use shape::distance;
pub(crate) use topology::expand;
pub(crate) use warnings::warnings;

/// The configuration in a JSON document.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn read(json: &[u8]) -> Result<Config, Vec<Problem>> {
    let document: Value = serde_json::from_slice(json).map_err(|error| {
        vec![Problem {
            path: "document".into(),
            expected: "one JSON object".into(),
            found: error.to_string(),
            fix: "mend the syntax there".into(),
        }]
    })?;
    judge(&document)
}

/// The configuration in a JSON value.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn judge(document: &Value) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let root = Node::root(document);
    shape::config(&root, &mut problems);
    meaning::config(&root, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut config = Config::deserialize(document).map_err(|error| vec![unforeseen(&error)])?;
    // It is kept: thousands of either leave room for half as many again.
    config.lines.shrink_to_fit();
    config.sessions.shrink_to_fit();
    let problems = topology::misplaced(&config);
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}

/// Judges one line that did not come from a document; paths begin with `line`.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn judge_line(line: &Line) -> Result<(), Vec<Problem>> {
    judge_value("line", line, |node, problems| {
        shape::line(node, problems);
        meaning::line(node, problems);
    })
}

/// The session in a JSON value, judged by itself and among what `config` has; paths begin with
/// `session`.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn judge_session(session: &Value, config: &Config) -> Result<Session, Vec<Problem>> {
    let mut problems = Vec::new();
    let node = Node::named("session", session);
    shape::session(&node, &mut problems);
    sessions::session(&node, &mut problems);
    let global = config.schedule.as_ref().map(serde_json::to_value);
    let global = global.and_then(Result::ok);
    sessions::Among::new(config, global.as_ref()).judge(&node, &mut problems);
    if problems.is_empty() {
        Session::deserialize(session).map_err(|error| vec![unforeseen(&error)])
    } else {
        Err(problems)
    }
}

/// The override in a JSON value, judged by itself; paths begin with `override`.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn judge_override(order: &Value) -> Result<Override, Vec<Problem>> {
    let mut problems = Vec::new();
    let node = Node::named("override", order);
    shape::order(&node, &mut problems);
    overrides::one(&node, &mut problems);
    if problems.is_empty() {
        Override::deserialize(order).map_err(|error| vec![unforeseen(&error)])
    } else {
        Err(problems)
    }
}

/// Judges a run that somebody asks for; paths begin with `run`.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn judge_run(run: &RunRequest) -> Result<(), Vec<Problem>> {
    judge_value("run", run, |node, problems| {
        shape::run(node, problems);
        meaning::run(node, problems);
    })
}

fn judge_value(
    name: &str,
    value: &impl Serialize,
    judge: impl FnOnce(&Node, &mut Vec<Problem>),
) -> Result<(), Vec<Problem>> {
    let value = serde_json::to_value(value).map_err(|error| vec![unforeseen(&error)])?;
    let mut problems = Vec::new();
    judge(&Node::named(name, &value), &mut problems);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// A form that the types refuse although `shape` lets it pass.
fn unforeseen(error: &serde_json::Error) -> Problem {
    Problem {
        path: "document".into(),
        expected: "a configuration".into(),
        found: error.to_string(),
        fix: "write it as the message says".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The mistakes of `document`, as people read them.
    pub(super) fn mistakes(document: &Value) -> Vec<String> {
        let problems = judge(document).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }

    /// A good document with three lines, a group and two classes.
    pub(super) fn good() -> Value {
        json!({
            "mode": "act",
            "probe": {"protocol": "auth", "key_id": "hub", "interval_ms": 20, "timeout_ms": 500,
                      "dscp": 46, "padding": 27},
            "responder": {"listen": ["[::]:862"], "peers": ["192.0.2.0/24"],
                          "test_ports": [20000, 20099],
                          "modes": ["open", "encrypted"]},
            "keys": [{"id": "hub", "passphrase": "hidden", "not_after": 4_000_000_000_u64},
                     {"id": "spare", "not_before": 1, "not_after": 2}],
            "decision": {"publish_ms": 100, "stale_after_ms": 3000, "dwell_ms": 1000,
                         "failback_ms": 3000},
            "lines": [
                {"id": 1, "name": "fibre", "local": "127.0.1.1", "remote": "127.0.1.2:862",
                 "groups": [1], "responder": true},
                {"id": 2, "name": "lte", "underlay": "mobile", "local": "127.0.2.1",
                 "remote": "127.0.2.2", "groups": [1], "metered": true, "cost": 10,
                 "capacity_up_mbps": 12.5, "mtu": 1500,
                 "probe": {"interval_ms": 250.5, "protocol": "light"}},
                {"id": 3, "name": "sat", "remote": "[fe80::1%2]:9000", "groups": [1],
                 "mark": 7, "device": "sat0"}
            ],
            "groups": [{"id": 1, "name": "hub"}],
            "classes": [
                {"id": 1, "name": "voice", "prefer": ["fibre", "mobile"], "mode": "advise",
                 "sla": {"round_trip_ms": 150, "jitter_ms": 30, "loss_percent": 1}},
                {"id": 2, "name": "bulk", "sla": {"loss_percent": 5.5}}
            ]
        })
    }

    #[test]
    fn a_good_document_is_read_whole_and_goes_round() {
        let config = judge(&good()).unwrap();
        assert_eq!(config.lines.len(), 3);
        assert_eq!(
            config.lines[1].probe.as_ref().and_then(|p| p.interval_ms),
            Some(250.5)
        );
        assert_eq!(config.classes[0].prefer, ["fibre", "mobile"]);
        let written = config.revealed().unwrap();
        assert_eq!(judge(&written).unwrap(), config);
    }

    #[test]
    fn an_empty_document_is_the_defaults() {
        assert_eq!(read(b"{}").unwrap(), Config::default());
        assert_eq!(
            judge(&serde_json::to_value(Config::default()).unwrap()).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn broken_json_is_one_mistake_with_its_line_and_column() {
        let problems = read(b"{\n  \"mode\": act\n}").unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "document: expected one JSON object, found expected value at line 2 column 11; \
             mend the syntax there"
        );
    }

    #[test]
    fn a_run_is_judged_as_a_line_is() {
        let run = |document: Value| {
            let run: RunRequest = serde_json::from_value(document).unwrap();
            judge_run(&run).map_err(|problems| {
                let paths = problems.into_iter().map(|problem| problem.path);
                paths.collect::<Vec<_>>()
            })
        };
        let good = json!({"remote": "127.0.0.1:862", "count": 1, "probe": {"interval_ms": 0.5}});
        assert_eq!(run(good), Ok(()));
        let wrong = json!({
            "remote": "[::]:0", "local": "127.0.0.1", "count": 0,
            "probe": {"interval_ms": -1, "timeout_ms": 0, "dscp": 64, "padding": 9001, "ttl": 0,
                      "protocol": "light", "reflect_octets": 8901}
        });
        let paths = [
            "run.remote",
            "run.count",
            "run.probe.interval_ms",
            "run.probe.timeout_ms",
            "run.probe.padding",
            "run.probe.dscp",
            "run.probe.ttl",
            "run.probe.reflect_octets",
            "run.remote",
            "run.local",
            "run.probe.reflect_octets",
        ];
        assert_eq!(run(wrong), Err(paths.map(str::to_owned).to_vec()));
    }

    #[test]
    fn mistakes_of_shape_and_meaning_are_listed_together() {
        let mut document = good();
        document["mod"] = json!("act");
        document["probe"]["dscp"] = json!(64);
        document["lines"][0]["remote"] = json!("nowhere");
        document["lines"][1]["id"] = json!(1);
        document["lines"][2]["groups"] = json!([1, 9]);
        document["decision"]["stale_after_ms"] = json!(50);
        document["classes"][1]["sla"] = json!({});
        let paths: Vec<_> = judge(&document)
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.path)
            .collect();
        assert_eq!(
            paths,
            [
                "mod",
                "probe.dscp",
                "lines[0].remote",
                "decision.stale_after_ms",
                "lines[1].probe.interval_ms",
                "lines[1].id",
                "lines[2].groups[1]",
                "classes[1].sla",
            ]
        );
    }
}
