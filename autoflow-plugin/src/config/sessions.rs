//! Sessions apart from lines: what must fit together in one, and among them all.

use std::collections::{HashMap, HashSet};

use plugin_abi::config::{Config, Line, Session};
use plugin_abi::manage::Problem;
use serde::Deserialize;
use serde_json::Value;

use super::node::Node;
use super::unique::own;
use super::{features, keys, meaning, stamp};
use crate::session::identity::{configured_id, four};

/// Judges the sessions of a whole configuration.
pub(super) fn config(root: &Node, problems: &mut Vec<Problem>) {
    let sessions = root.key("sessions");
    if sessions.items().next().is_none() {
        return;
    }
    let lines = root.key("lines");
    let lines: Vec<Line> = lines.items().filter_map(|line| read(&line)).collect();
    let keys = root.key("keys");
    let keys = keys.items().filter_map(|key| key.key("id").text());
    let among = Among {
        lines: by_name(&lines),
        keys: keys.collect(),
        scheduled: root.key("schedule").is_there(),
    };
    own(&sessions, "name", Node::text, problems);
    let mut known: HashMap<String, String> = HashMap::new();
    for node in sessions.items() {
        session(&node, problems);
        among.judge(&node, problems);
        let Some(session) = read::<Session>(&node) else {
            continue;
        };
        let line = session.line.as_deref().map(|line| among.lines.get(line));
        // Of a line that is not there nobody knows where it is.
        let Some(line) = line.map_or(Some(None), |line| line.map(|line| Some(*line))) else {
            continue;
        };
        match known.entry(configured_id(&session, line)) {
            std::collections::hash_map::Entry::Occupied(first) => {
                problems.push(taken(&node, &four(&session, line), first.get()));
            }
            std::collections::hash_map::Entry::Vacant(free) => {
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
    let (count, schedule) = (session.key("count"), session.key("schedule"));
    if schedule.is_there() && !count.is_there() {
        let expected = "no schedule for a session that always runs";
        let fix = "say in count how many probes a run has, or leave the schedule out";
        problems.push(schedule.problem(expected, fix));
    }
    features::probe(&probe, problems);
    stamp::probe(&probe, problems);
}

/// What sessions refer to.
pub(super) struct Among<'a> {
    lines: HashMap<&'a str, &'a Line>,
    keys: HashSet<&'a str>,
    /// There is a global schedule.
    scheduled: bool,
}

impl<'a> Among<'a> {
    /// What there is in `config`.
    pub(super) fn new(config: &'a Config) -> Self {
        Self {
            lines: by_name(&config.lines),
            keys: config.keys.iter().map(|key| key.id.as_str()).collect(),
            scheduled: false,
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
        let schedule = session.key("schedule");
        if schedule.text() == Some("global") && !self.scheduled {
            let fix = "add the table schedule, or give this session a schedule of its own";
            problems.push(schedule.problem("a global schedule in schedule", fix));
        }
    }
}

/// A session has the four of another one, which stands at `first`.
pub(super) fn taken(session: &Node, four: &str, first: &str) -> Problem {
    let expected = "two ends, with their ports, that no other session has";
    let fix = "change one of the two, or give one a local_port of its own";
    let found = format!("{four}, as in {first}");
    session.problem_found(expected, found, fix)
}

fn by_name(lines: &[Line]) -> HashMap<&str, &Line> {
    lines
        .iter()
        .map(|line| (line.name.as_str(), line))
        .collect()
}

/// What stands at `node`, if it can be read.
fn read<'doc, T: Deserialize<'doc>>(node: &Node<'doc>) -> Option<T> {
    T::deserialize(node.value()?).ok()
}
