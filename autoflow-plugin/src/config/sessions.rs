//! Sessions apart from lines: what must fit together in one, and among them all.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use plugin_abi::config::{Config, Line, Session};
use plugin_abi::manage::Problem;
use serde::Deserialize;
use serde_json::Value;

use super::node::Node;
use super::unique::own;
use super::{features, keys, meaning, schedule, stamp};
use crate::session::identity::{configured_id, four};
use crate::session::registry::MOST;

/// Judges the sessions of a whole configuration.
pub(super) fn config(root: &Node, problems: &mut Vec<Problem>) {
    let sessions = root.key("sessions");
    if sessions.items().next().is_none() {
        return;
    }
    let lines = root.key("lines");
    let mut lines: Vec<Arc<Line>> = lines.items().filter_map(|line| read(&line)).collect();
    if root.key("topology").is_there() {
        // Which lines there are is known at the site; there it is judged again.
        lines.clear();
    }
    let keys = root.key("keys");
    let keys = keys.items().filter_map(|key| key.key("id").text());
    let among = Among {
        lines: by_name(&lines),
        keys: keys.collect(),
        schedule: schedule::global(root),
    };
    let count = sessions.items().count();
    if count > MOST {
        let found = format!("{count} of them");
        let expected = format!("at most {MOST} sessions");
        problems.push(sessions.problem_found(expected, found, "leave some out"));
    }
    own(&sessions, "name", Node::text, problems);
    let mut known: HashMap<String, String> = HashMap::new();
    for node in sessions.items() {
        session(&node, problems);
        among.judge(&node, problems);
        let Some(session) = read::<Session>(&node) else {
            continue;
        };
        let line = session.line.as_deref();
        let line = line.and_then(|name| among.lines.get(name).copied());
        match known.entry(configured_id(&session, line)) {
            Entry::Occupied(first) => {
                problems.push(taken_by(
                    node.key("remote").path(),
                    &four(&session, line),
                    first.get(),
                ));
            }
            Entry::Vacant(free) => {
                free.insert(node.path().to_owned());
            }
        }
    }
}

/// Judges one session by itself.
pub(super) fn session(session: &Node, problems: &mut Vec<Problem>) {
    if !session.value().is_some_and(Value::is_object) {
        return;
    }
    let probe = session.key("probe");
    meaning::ends(&session.key("local"), &session.key("remote"), problems);
    let line = session.key("line");
    match line.is_there() {
        // Its device is the link.
        true => {
            for key in ["device", "mark", "namespace"] {
                let own = session.key(key);
                if own.is_there() {
                    let expected = format!("no {key} beside {}, which has its own", line.path());
                    problems.push(own.problem(expected, "leave out one of the two"));
                }
            }
        }
        false => meaning::links(session, problems),
    }
    let (tos, dscp) = (session.key("tos"), probe.key("dscp"));
    if let (Some(octet), Some(mark)) = (tos.whole(), dscp.dscp().filter(|mark| *mark != 0))
        && octet >> 2 != u64::from(mark)
    {
        let expected = format!("no octet that says otherwise than {}", dscp.path());
        problems.push(tos.problem(expected, "leave out one of the two"));
    }
    runs(session, problems);
    features::probe(&probe, problems);
    stamp::probe(&probe, problems);
}

/// Only what has runs has a schedule.
pub(super) fn runs(session: &Node, problems: &mut Vec<Problem>) {
    let (count, schedule) = (session.key("count"), session.key("schedule"));
    if schedule.is_there() && !count.is_there() {
        let expected = "no schedule for a session that always runs";
        let fix = "say in count how many probes a run has, or leave the schedule out";
        problems.push(schedule.problem(expected, fix));
    }
}

/// What sessions refer to.
pub(super) struct Among<'a> {
    lines: HashMap<&'a str, &'a Line>,
    keys: HashSet<&'a str>,
    /// The global schedule.
    schedule: Node<'a>,
}

impl<'a> Among<'a> {
    /// What there is in `config`, whose schedule is `global`.
    pub(super) fn new(config: &'a Config, global: Option<&'a Value>) -> Self {
        Self {
            lines: by_name(&config.lines),
            keys: config.keys.iter().map(|key| key.id.as_str()).collect(),
            schedule: Node::perhaps("schedule", global),
        }
    }

    /// Is all there that a session refers to?
    pub(super) fn judge(&self, session: &Node, problems: &mut Vec<Problem>) {
        let line = session.key("line");
        // Without any line in the document, the host brings them up.
        if let Some(name) = line.text()
            && !self.lines.is_empty()
            && !self.lines.contains_key(name)
        {
            let fix = "name a line that is there, or add it first";
            problems.push(line.problem("the name of a line", fix));
        }
        let probe = session.key("probe");
        if probe.is_there() {
            keys::key_of(&probe, &self.keys, problems);
        }
        schedule::when(&session.key("schedule"), &self.schedule, problems);
    }
}

/// A session has the four of another one, `first`.
pub(crate) fn taken_by(path: &str, four: &str, first: &str) -> Problem {
    Problem {
        path: path.into(),
        expected: "two ends, with their ports, that no other session has".into(),
        found: format!("{four}, as in {first}"),
        fix: "change one of the two, or give one a local_port of its own".into(),
    }
}

fn by_name(lines: &[Arc<Line>]) -> HashMap<&str, &Line> {
    lines
        .iter()
        .map(|line| (line.name.as_str(), &**line))
        .collect()
}

/// What stands at `node`, if it can be read.
fn read<'doc, T: Deserialize<'doc>>(node: &Node<'doc>) -> Option<T> {
    T::deserialize(node.value()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{good, mistakes};
    use super::*;

    fn after(sessions: &Value) -> Vec<String> {
        let mut document = good();
        document["sessions"] = sessions.clone();
        mistakes(&document)
    }

    #[test]
    fn sessions_that_are_right_are_taken() {
        let sessions = json!([
            {"remote": "192.0.2.9"},
            {"remote": "192.0.2.9", "local_port": 20_500, "name": "second", "tos": 184},
            {"remote": "192.0.2.9", "local_port": 20_501, "count": 100, "enabled": false,
             "export": false, "owner": "person", "probe": {"dscp": "EF"}, "tos": 185},
            {"remote": "127.0.1.2", "line": "fibre", "probe": {"protocol": "stamp"}},
            {"remote": "192.0.2.9", "namespace": "blue"},
            {"remote": "fe80::1%eth0", "local": "fe80::2"},
        ]);
        assert_eq!(after(&sessions), [""; 0]);
    }

    #[test]
    fn every_parameter_that_is_wrong_has_its_sentence() {
        let mark = r#"write the number, or a name as "EF", "AF31", "CS1", "VA", "LE" or "DF""#;
        let dscp = |found: &str| {
            format!("probe.dscp: expected a DSCP from 0 to 63, or its name, found {found}; {mark}")
        };
        let cases = [
            (json!({"name": ""}), r#"name: expected a name of 1 to 128 letters, found ""; write it in quotes, without control characters"#.to_owned()),
            (json!({"local": "192.0.2.1:9"}), r#"local: expected an IP address without port, of one link with its interface, found "192.0.2.1:9"; write it as "192.0.2.1", "2001:db8::1" or "fe80::1%eth0""#.into()),
            (json!({"local": "2001:db8::1"}), r#"local: expected an IPv4 address, as in sessions[0].remote, found "2001:db8::1"; take two addresses of one family"#.into()),
            (json!({"local_port": 0}), "local_port: expected a whole number from 1 to 65535, found 0; choose a number in that range".into()),
            (json!({"local_port": 65_536}), "local_port: expected a whole number from 1 to 65535, found 65536; choose a number in that range".into()),
            (json!({"remote": "hub"}), r#"remote: expected an IP address, with a port above 0 or without, found "hub"; write it as "192.0.2.1", "[2001:db8::1]:862" or "[fe80::1%eth0]:862""#.into()),
            (json!({"remote": "255.255.255.255"}), r#"remote: expected the address of one host, found "255.255.255.255"; write that host's own address"#.into()),
            (json!({"remote": "fe80::1"}), r#"remote: expected a link for a link-local address, found "fe80::1"; write it with its interface, as "fe80::1%eth0", or add the line's device"#.into()),
            (json!({"line": "fiber"}), r#"line: expected the name of a line, found "fiber"; name a line that is there, or add it first"#.into()),
            (json!({"line": "fibre", "device": "eth0"}), r#"device: expected no device beside sessions[0].line, which has its own, found "eth0"; leave out one of the two"#.into()),
            (json!({"line": "fibre", "mark": 1}), "mark: expected no mark beside sessions[0].line, which has its own, found 1; leave out one of the two".into()),
            (json!({"line": "fibre", "namespace": "blue"}), r#"namespace: expected no namespace beside sessions[0].line, which has its own, found "blue"; leave out one of the two"#.into()),
            (json!({"mark": -1}), "mark: expected a whole number from 0 to 4294967295, found -1; choose a number in that range".into()),
            (json!({"namespace": "a/b"}), r#"namespace: expected a name below /run/netns, or a path, found "a/b"; write it as "blue" or "/proc/1/ns/net""#.into()),
            (json!({"tos": 256}), "tos: expected a whole number from 0 to 255, found 256; choose a number in that range".into()),
            (json!({"tos": 8, "probe": {"dscp": 46}}), "tos: expected no octet that says otherwise than sessions[0].probe.dscp, found 8; leave out one of the two".into()),
            (json!({"count": 0}), "count: expected a whole number from 1 to 4294967295, found 0; choose a number in that range".into()),
            (json!({"schedule": {"every_s": 60}}), "schedule: expected no schedule for a session that always runs, found an object; say in count how many probes a run has, or leave the schedule out".into()),
            (json!({"count": 1, "schedule": "global"}), r#"schedule: expected a table, as there is no schedule, found "global"; add that one, or give the session its own"#.into()),
            (json!({"count": 1, "schedule": "daily"}), r#"schedule: expected the word "global" or a table, found "daily"; write one of them, or leave it out"#.into()),
            (json!({"count": 1, "schedule": {"every_s": 0}}), "schedule.every_s: expected a whole number from 1 to 2678400, found 0; choose a number in that range".into()),
            (json!({"count": 1, "schedule": {}}), "schedule: expected one of every_s and cron, found neither; say how often, or at which times".into()),
            (json!({"enabled": "yes"}), r#"enabled: expected true or false, found "yes"; write it without quotes"#.into()),
            (json!({"export": 1}), "export: expected true or false, found 1; write it without quotes".into()),
            (json!({"owner": "me"}), r#"owner: expected one of document, topology, person, found "me"; take one of them"#.into()),
            (json!({"cont": 1}), r#"cont: expected a key that is known here, found "cont"; did you mean "count"?"#.into()),
            (json!({"probe": {"ttl": 0}}), "probe.ttl: expected a whole number from 1 to 255, found 0; choose a number in that range".into()),
            (json!({"probe": {"interval_ms": 0.5}}), "probe.interval_ms: expected a number from 1 to 3600000, found 0.5; choose a number in that range".into()),
            (json!({"probe": {"timeout_ms": 0}}), "probe.timeout_ms: expected a whole number from 1 to 600000, found 0; choose a number in that range".into()),
            (json!({"probe": {"padding": 9_001}}), "probe.padding: expected a whole number from 0 to 9000, found 9001; choose a number in that range".into()),
            (json!({"probe": {"dscp": 64}}), dscp("64")),
            (json!({"probe": {"dscp": "AF44"}}), dscp(r#""AF44""#)),
            (json!({"probe": {"protocol": "auth"}}), "probe.key_id: expected the id of a key in keys, for protocol auth, found nothing; name a key, or take protocol open".into()),
            (json!({"probe": {"protocol": "auth", "key_id": "hob"}}), r#"probe.key_id: expected the id of a key in keys, found "hob"; add the key, or name one that is there"#.into()),
            (json!({"probe": {"protocol": "light", "symmetric": true}}), "probe.symmetric: expected no feature with protocol light, found true; remove it, or take a protocol that can agree on it".into()),
            (json!({"probe": {"stamp": {}}}), "probe.stamp: expected no such table except with protocol stamp, found an object; take that protocol, or remove the table".into()),
        ];
        for (wrong, sentence) in cases {
            let mut session = json!({"remote": "192.0.2.9"});
            for (key, value) in wrong.as_object().unwrap() {
                session[key] = value.clone();
            }
            assert_eq!(
                after(&json!([session])),
                [format!("sessions[0].{sentence}")]
            );
        }
        assert_eq!(
            after(&json!([{}])),
            ["sessions[0].remote: expected the key \"remote\", found nothing; add it"]
        );
    }

    #[test]
    fn a_second_session_of_the_same_four_and_a_second_of_a_name_name_the_first() {
        let first = json!({"remote": "192.0.2.9", "local": "192.0.2.1", "name": "a"});
        let same = json!({"remote": "192.0.2.9:862", "local": "192.0.2.1", "name": "b",
                          "count": 5});
        assert_eq!(
            after(&json!([first, same])),
            [
                "sessions[1].remote: expected two ends, with their ports, that no other session has, found 192.0.2.1:0>192.0.2.9:862, as in sessions[0]; change one of the two, or give one a local_port of its own"
            ]
        );
        let named = json!({"remote": "192.0.2.8", "name": "a"});
        assert_eq!(
            after(&json!([first, named])),
            [
                r#"sessions[1].name: expected a name that is not taken, found "a" as in sessions[0].name; change one of the two"#
            ]
        );
    }

    #[test]
    fn a_session_may_wait_for_a_line_that_the_host_brings_up() {
        let sessions = json!([{"remote": "192.0.2.9", "line": "not up yet"}]);
        assert_eq!(mistakes(&json!({ "sessions": sessions })), [""; 0]);
    }

    #[test]
    fn a_session_that_is_added_is_judged_as_one_of_a_document() {
        let config = super::super::judge(&good()).unwrap();
        let added = |session: Value| {
            let judged = super::super::judge_session(&session, &config);
            let problems = judged.err().unwrap_or_default();
            problems
                .into_iter()
                .map(|problem| problem.path)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            added(json!({"remote": "192.0.2.9", "line": "fibre"})),
            [""; 0]
        );
        let wrong = json!({"remote": "192.0.2.9", "line": "fiber", "tos": -1,
                           "probe": {"key_id": "hob", "ttl": 0}});
        assert_eq!(
            added(wrong),
            [
                "session.probe.ttl",
                "session.tos",
                "session.line",
                "session.probe.key_id"
            ]
        );
        assert_eq!(added(json!(7)), ["session"]);
    }
}
