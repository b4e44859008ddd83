//! Which keys there are, and what each may hold: one table an object.

use std::net::{IpAddr, SocketAddr};

use plugin_abi::NONE;
use plugin_abi::manage::Problem;
use serde_json::Value;

use super::node::Node;
use Kind::{Address, Figure, Flag, Id, List, Object, Ports, Remote, Socket, Text, Whole, Word};

/// What a value may be.
enum Kind {
    Flag,
    /// An id of a line, group or class.
    Id,
    /// A name.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number from, to.
    Whole(u64, u64),
    /// A number from, to.
    Figure(f64, f64),
    /// A number above 0, up to.
    Above0(f64),
    Address,
    Socket,
    /// With or without a port.
    Remote,
    /// First and last.
    Ports,
    Object(Keys),
    List(&'static Kind),
}

/// The keys of an object; a needed one has `true`.
type Keys = &'static [(&'static str, bool, Kind)];

const HOUR_MS: u64 = 3_600_000;
const DAY_S: u64 = 86_400;
const MODE: Kind = Word(&["measure", "advise", "act"]);

const CONFIG: Keys = &[
    ("clock", false, Word(&["system", "manual"])),
    ("mode", false, MODE),
    ("probe", false, Object(PROBE)),
    ("responder", false, Object(RESPONDER)),
    ("decision", false, Object(DECISION)),
    ("lines", false, List(&Object(LINE))),
    ("groups", false, List(&Object(GROUP))),
    ("classes", false, List(&Object(CLASS))),
];

const PROBE: Keys = &probe(1.0);

/// A run ends by itself, and may be more of a burden until then.
const RUN_PROBE: Keys = &probe(0.01);

const fn probe(least_interval_ms: f64) -> [(&'static str, bool, Kind); 7] {
    [
        ("protocol", false, Word(&["open", "light"])),
        (
            "interval_ms",
            false,
            Figure(least_interval_ms, HOUR_MS as f64),
        ),
        ("timeout_ms", false, Whole(1, 600_000)),
        ("padding", false, Whole(0, 9_000)),
        ("dscp", false, Whole(0, 63)),
        ("ttl", false, Whole(1, 255)),
        ("dont_fragment", false, Flag),
    ]
}

const RUN: Keys = &[
    ("remote", true, Socket),
    ("local", false, Address),
    ("count", true, Whole(1, u32::MAX as u64)),
    ("probe", false, Object(RUN_PROBE)),
    ("tos", false, Whole(0, 255)),
];

const RESPONDER: Keys = &[
    ("listen", false, List(&Socket)),
    ("light", false, List(&Socket)),
    ("control_port", false, Whole(1, 65_535)),
    ("test_ports", false, Ports),
    ("servwait_s", false, Whole(1, DAY_S)),
    ("refwait_s", false, Whole(1, DAY_S)),
    ("max_sessions", false, Whole(1, 65_535)),
];

const DECISION: Keys = &[
    ("publish_ms", false, Whole(10, 60_000)),
    ("window_ms", false, Whole(10, HOUR_MS)),
    ("stale_after_ms", false, Whole(10, HOUR_MS)),
    ("dwell_ms", false, Whole(0, HOUR_MS)),
    ("failback_ms", false, Whole(0, 24 * HOUR_MS)),
    ("dead_intervals", false, Whole(1, 1_000)),
];

const LINE: Keys = &[
    ("id", true, Id),
    ("name", true, Text),
    ("underlay", false, Text),
    ("far_end", false, Text),
    ("local", false, Address),
    ("remote", false, Remote),
    ("device", false, Text),
    ("mark", false, Whole(0, u32::MAX as u64)),
    ("cost", false, Whole(0, u32::MAX as u64)),
    ("metered", false, Flag),
    ("flows_movable", false, Flag),
    ("mtu", false, Whole(68, 65_535)),
    ("capacity_up_mbps", false, Kind::Above0(10_000_000.0)),
    ("capacity_down_mbps", false, Kind::Above0(10_000_000.0)),
    ("sender", false, Flag),
    ("responder", false, Flag),
    ("groups", false, List(&Id)),
    ("probe", false, Object(PROBE)),
];

const GROUP: Keys = &[
    ("id", true, Id),
    ("name", true, Text),
    ("mode", false, MODE),
];

const CLASS: Keys = &[
    ("id", true, Id),
    ("name", true, Text),
    ("sla", true, Object(SLA)),
    ("prefer", false, List(&Text)),
    ("mode", false, MODE),
];

const SLA: Keys = &[
    ("round_trip_ms", false, Kind::Above0(60_000.0)),
    ("jitter_ms", false, Kind::Above0(60_000.0)),
    ("loss_percent", false, Kind::Above0(100.0)),
];

/// Judges the shape of a whole configuration.
pub(super) fn config(root: &Node, problems: &mut Vec<Problem>) {
    object(CONFIG, root, problems);
}

/// Judges the shape of one line.
pub(super) fn line(line: &Node, problems: &mut Vec<Problem>) {
    object(LINE, line, problems);
}

/// Judges the shape of a run.
pub(super) fn run(run: &Node, problems: &mut Vec<Problem>) {
    object(RUN, run, problems);
}

fn object(keys: Keys, node: &Node, problems: &mut Vec<Problem>) {
    let Some(Value::Object(found)) = node.value() else {
        problems.push(node.problem("an object", "write its keys and values"));
        return;
    };
    for key in found
        .keys()
        .filter(|key| keys.iter().all(|(known, ..)| known != key))
    {
        problems.push(unknown(keys, key, &node.key(key)));
    }
    for (key, needed, kind) in keys {
        let node = node.key(key);
        if node.is_there() {
            judge(kind, &node, problems);
        } else if *needed {
            problems.push(node.problem(format!("the key {key:?}"), "add it"));
        }
    }
}

fn unknown(keys: Keys, key: &str, node: &Node) -> Problem {
    let near = keys
        .iter()
        .map(|(known, ..)| (distance(key, known), *known))
        .filter(|(distance, known)| distance * 3 <= known.len().max(3))
        .min();
    let fix = match near {
        Some((_, known)) => format!("did you mean {known:?}?"),
        None => {
            let known: Vec<_> = keys.iter().map(|(known, ..)| *known).collect();
            format!("remove it, or take one of {}", known.join(", "))
        }
    };
    node.problem_found("a key that is known here", format!("{key:?}"), fix)
}

fn judge(kind: &Kind, node: &Node, problems: &mut Vec<Problem>) {
    match kind {
        Object(keys) => object(keys, node, problems),
        List(kind) => match node.value() {
            Some(Value::Array(_)) => {
                node.items().for_each(|item| judge(kind, &item, problems));
            }
            _ => problems.push(node.problem("a list", "put it in square brackets")),
        },
        plain if plain.admits(node) => {}
        plain => {
            let (expected, fix) = plain.words();
            problems.push(node.problem(expected, fix));
        }
    }
}

impl Kind {
    /// May a value without parts stand at `node`?
    fn admits(&self, node: &Node) -> bool {
        let number = || node.value().and_then(Value::as_f64);
        match self {
            Flag => node.value().is_some_and(Value::is_boolean),
            Id => node.whole().is_some_and(|id| id != NONE),
            Text => node.text().is_some_and(is_name),
            Word(words) => node.text().is_some_and(|text| words.contains(&text)),
            Whole(from, to) => node.whole().is_some_and(|n| (*from..=*to).contains(&n)),
            Figure(from, to) => number().is_some_and(|n| (*from..=*to).contains(&n)),
            Kind::Above0(to) => number().is_some_and(|n| n > 0.0 && n <= *to),
            Address => node
                .text()
                .is_some_and(|text| text.parse::<IpAddr>().is_ok()),
            Socket => node.text().is_some_and(is_socket),
            Remote => node
                .text()
                .is_some_and(|text| text.parse::<IpAddr>().is_ok() || is_socket(text)),
            Ports => ports(node).is_some_and(|(first, last)| 0 < first && first <= last),
            Object(_) | List(_) => true,
        }
    }

    /// What would be right, and what to do.
    fn words(&self) -> (String, &'static str) {
        let range = "choose a number in that range";
        match self {
            Flag => ("true or false".into(), "write it without quotes"),
            Id => (
                format!("a whole number below {NONE}"),
                "write the id without quotes; that number means no id",
            ),
            Text => (
                "a name of 1 to 128 letters".into(),
                "write it in quotes, without control characters",
            ),
            Word(words) => (format!("one of {}", words.join(", ")), "take one of them"),
            Whole(from, to) => (format!("a whole number from {from} to {to}"), range),
            Figure(from, to) => (format!("a number from {from} to {to}"), range),
            Kind::Above0(to) => (format!("a number above 0, up to {to}"), range),
            Address => (
                "an IP address without port".into(),
                r#"write it as "192.0.2.1" or "2001:db8::1""#,
            ),
            Socket => (
                "an IP address with a port above 0".into(),
                r#"write it as "192.0.2.1:862" or "[2001:db8::1]:862""#,
            ),
            Remote => (
                "an IP address, with a port above 0 or without".into(),
                r#"write it as "192.0.2.1" or "[2001:db8::1]:862""#,
            ),
            Ports => (
                "two ports from 1 to 65535, the first not above the last".into(),
                "write them as [20000, 20999]",
            ),
            Object(_) | List(_) => (String::new(), ""),
        }
    }
}

/// First and last port at `node`, in whatever order.
pub(super) fn ports(node: &Node) -> Option<(u16, u16)> {
    let ports = node.value()?.as_array()?;
    let port = |value: &Value| u16::try_from(value.as_u64()?).ok();
    match ports.as_slice() {
        [first, last] => Some((port(first)?, port(last)?)),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 128 && !text.contains(char::is_control)
}

fn is_socket(text: &str) -> bool {
    text.parse::<SocketAddr>()
        .is_ok_and(|socket| socket.port() != 0)
}

/// Letters to insert, delete or replace to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<_> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut corner = line;
        row[0] = line + 1;
        for (column, &candidate) in other.iter().enumerate() {
            let replaced = corner + usize::from(letter != candidate);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{good, mistakes};
    use super::*;

    /// The one mistake of the good document after `value` was put at `pointer`.
    fn mistake(pointer: &str, value: Value) -> String {
        let mut document = good();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Object(object) => drop(object.insert(key.to_owned(), value)),
            Value::Array(array) => array[key.parse::<usize>().unwrap()] = value,
            _ => panic!("{pointer} leads nowhere"),
        }
        let found = mistakes(&document);
        assert_eq!(found.len(), 1, "{pointer}: {found:#?}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn every_rule_of_the_tables_has_its_sentence() {
        let cases: &[(&str, Value, &str)] = &[
            (
                "/mod",
                json!("act"),
                r#"mod: expected a key that is known here, found "mod"; did you mean "mode"?"#,
            ),
            (
                "/lines/0/remot",
                json!("192.0.2.1"),
                r#"lines[0].remot: expected a key that is known here, found "remot"; did you mean "remote"?"#,
            ),
            (
                "/groups/0/colour",
                json!("red"),
                r#"groups[0].colour: expected a key that is known here, found "colour"; remove it, or take one of id, name, mode"#,
            ),
            (
                "/mode",
                json!("acting"),
                r#"mode: expected one of measure, advise, act, found "acting"; take one of them"#,
            ),
            (
                "/clock",
                json!("sun"),
                r#"clock: expected one of system, manual, found "sun"; take one of them"#,
            ),
            (
                "/probe",
                json!([]),
                "probe: expected an object, found an empty list; write its keys and values",
            ),
            (
                "/probe/protocol",
                json!("stamp"),
                r#"probe.protocol: expected one of open, light, found "stamp"; take one of them"#,
            ),
            (
                "/probe/interval_ms",
                json!(0.5),
                "probe.interval_ms: expected a number from 1 to 3600000, found 0.5; choose a number in that range",
            ),
            (
                "/probe/interval_ms",
                json!(-20),
                "probe.interval_ms: expected a number from 1 to 3600000, found -20; choose a number in that range",
            ),
            (
                "/probe/interval_ms",
                json!("20"),
                r#"probe.interval_ms: expected a number from 1 to 3600000, found "20"; choose a number in that range"#,
            ),
            (
                "/probe/timeout_ms",
                json!(0),
                "probe.timeout_ms: expected a whole number from 1 to 600000, found 0; choose a number in that range",
            ),
            (
                "/probe/timeout_ms",
                json!(1.5),
                "probe.timeout_ms: expected a whole number from 1 to 600000, found 1.5; choose a number in that range",
            ),
            (
                "/probe/padding",
                json!(9001),
                "probe.padding: expected a whole number from 0 to 9000, found 9001; choose a number in that range",
            ),
            (
                "/probe/dscp",
                json!(64),
                "probe.dscp: expected a whole number from 0 to 63, found 64; choose a number in that range",
            ),
            (
                "/probe/ttl",
                json!(0),
                "probe.ttl: expected a whole number from 1 to 255, found 0; choose a number in that range",
            ),
            (
                "/probe/dont_fragment",
                json!("yes"),
                r#"probe.dont_fragment: expected true or false, found "yes"; write it without quotes"#,
            ),
            (
                "/responder/listen/0",
                json!("127.0.0.1"),
                r#"responder.listen[0]: expected an IP address with a port above 0, found "127.0.0.1"; write it as "192.0.2.1:862" or "[2001:db8::1]:862""#,
            ),
            (
                "/responder/light",
                json!("127.0.0.1:862"),
                r#"responder.light: expected a list, found "127.0.0.1:862"; put it in square brackets"#,
            ),
            (
                "/responder/control_port",
                json!(0),
                "responder.control_port: expected a whole number from 1 to 65535, found 0; choose a number in that range",
            ),
            (
                "/responder/test_ports",
                json!([20_100, 20_000]),
                "responder.test_ports: expected two ports from 1 to 65535, the first not above the last, found [20100,20000]; write them as [20000, 20999]",
            ),
            (
                "/responder/test_ports",
                json!([0, 20_000]),
                "responder.test_ports: expected two ports from 1 to 65535, the first not above the last, found [0,20000]; write them as [20000, 20999]",
            ),
            (
                "/decision/dead_intervals",
                json!(0),
                "decision.dead_intervals: expected a whole number from 1 to 1000, found 0; choose a number in that range",
            ),
            (
                "/lines/0/id",
                json!(u64::MAX),
                "lines[0].id: expected a whole number below 18446744073709551615, found 18446744073709551615; write the id without quotes; that number means no id",
            ),
            (
                "/lines/0/id",
                json!("1"),
                r#"lines[0].id: expected a whole number below 18446744073709551615, found "1"; write the id without quotes; that number means no id"#,
            ),
            (
                "/lines/1/name",
                json!(" "),
                r#"lines[1].name: expected a name of 1 to 128 letters, found " "; write it in quotes, without control characters"#,
            ),
            (
                "/lines/0/local",
                json!("127.0.1.1:80"),
                r#"lines[0].local: expected an IP address without port, found "127.0.1.1:80"; write it as "192.0.2.1" or "2001:db8::1""#,
            ),
            (
                "/lines/0/remote",
                json!("127.0.1.2:0"),
                r#"lines[0].remote: expected an IP address, with a port above 0 or without, found "127.0.1.2:0"; write it as "192.0.2.1" or "[2001:db8::1]:862""#,
            ),
            (
                "/lines/0/remote",
                json!("hub.example"),
                r#"lines[0].remote: expected an IP address, with a port above 0 or without, found "hub.example"; write it as "192.0.2.1" or "[2001:db8::1]:862""#,
            ),
            (
                "/lines/1/capacity_up_mbps",
                json!(0),
                "lines[1].capacity_up_mbps: expected a number above 0, up to 10000000, found 0; choose a number in that range",
            ),
            (
                "/lines/0",
                json!("fibre"),
                r#"lines[0]: expected an object, found "fibre"; write its keys and values"#,
            ),
            (
                "/classes/0/sla/round_trip_ms",
                json!(0),
                "classes[0].sla.round_trip_ms: expected a number above 0, up to 60000, found 0; choose a number in that range",
            ),
            (
                "/classes/0/sla/jitter_ms",
                json!(null),
                "classes[0].sla.jitter_ms: expected a number above 0, up to 60000, found null; choose a number in that range",
            ),
            (
                "/classes/0/sla/loss_percent",
                json!(101),
                "classes[0].sla.loss_percent: expected a number above 0, up to 100, found 101; choose a number in that range",
            ),
        ];
        for (pointer, value, sentence) in cases {
            assert_eq!(mistake(pointer, value.clone()), *sentence);
        }
    }

    #[test]
    fn a_missing_key_is_named() {
        let mut document = good();
        for (pointer, key) in [
            ("/lines/2", "id"),
            ("/groups/0", "name"),
            ("/classes/1", "sla"),
        ] {
            document
                .pointer_mut(pointer)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(key);
        }
        assert_eq!(
            mistakes(&document),
            [
                r#"lines[2].id: expected the key "id", found nothing; add it"#,
                r#"groups[0].name: expected the key "name", found nothing; add it"#,
                r#"classes[1].sla: expected the key "sla", found nothing; add it"#,
            ]
        );
    }

    #[test]
    fn every_key_that_the_types_know_is_in_the_tables() {
        let full = good();
        let typed = serde_json::to_value(super::super::judge(&full).unwrap()).unwrap();
        let keys = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        let table = |keys: Keys| {
            let mut names: Vec<_> = keys.iter().map(|(key, ..)| (*key).to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(keys(&typed), table(CONFIG));
        assert_eq!(keys(&typed["probe"]), table(PROBE));
        assert_eq!(keys(&typed["decision"]), table(DECISION));
        assert_eq!(keys(&typed["classes"][0]), table(CLASS));
        assert_eq!(keys(&typed["classes"][0]["sla"]), table(SLA));
    }

    #[test]
    fn the_distance_counts_letters() {
        for (one, other, letters) in [
            ("mode", "mode", 0),
            ("mod", "mode", 1),
            ("", "abc", 3),
            ("dwel_ms", "dwell_ms", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), letters, "{one} {other}");
        }
    }
}
