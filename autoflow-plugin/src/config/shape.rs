//! Which keys there are, and what each may hold: one table an object.

mod kind;
mod topology;

use plugin_abi::manage::Problem;
use serde_json::Value;

pub(super) use kind::ports;

use super::node::Node;
use Kind::{
    Address, Dscp, Elsewhere, Figure, Flag, Id, KeyName, List, Namespace, Near, Network, Object,
    Passphrase, Peers, PortRange, Ports, Remote, Socket, Text, Whole, Word,
};

/// What a value may be.
enum Kind {
    Flag,
    /// An id of a line, group, class or probe class.
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
    /// A mark, by number or by name.
    Dscp,
    Address,
    Socket,
    /// An address, perhaps of one link.
    Near,
    /// The same, with or without a port.
    Remote,
    /// A name or an address of a host, with a port.
    Endpoint,
    /// What a network namespace is called.
    Namespace,
    /// First and last.
    Ports,
    /// A network, an address, or everybody.
    Peers,
    /// A network, or an address.
    Network,
    /// A protocol of IP packets, by number or by name.
    IpProtocol,
    /// One port, or a first and a last one.
    PortRange,
    /// What a secret is called on the wire.
    KeyName,
    /// Never shown.
    Passphrase,
    Object(Keys),
    List(&'static Kind),
    /// An object whose keys are names that people give.
    Named(&'static Kind),
    /// It has a judge of its own.
    Elsewhere,
}

/// The keys of an object; a needed one has `true`.
type Keys = &'static [(&'static str, bool, Kind)];

const HOUR_MS: u64 = 3_600_000;
const DAY_S: u64 = 86_400;
const LONGEST_PERIOD_S: u64 = 31 * DAY_S;
/// Whose nanoseconds still fit into 63 bits: in the year 2262.
const LAST_SECOND: u64 = 9_223_372_036;
/// How often something is exported.
const EXPORT_S: Kind = Whole(1, DAY_S);
/// What each IPv4 host can take (RFC 791, section 3.1): the largest template fits into it.
const LEAST_MTU: u64 = 576;
const MODES: Kind = List(&Word(&["open", "auth", "encrypted", "mixed"]));
const MODE: Kind = Word(&["measure", "advise", "act"]);
const PROFILE: Kind = Word(&["fibre", "lte", "satellite"]);
/// Of an IP packet whose size somebody asks about. A probe with all headers and keys is smaller.
const LEAST_PACKET: u64 = 256;
const MOST_PACKET: u64 = 9_000;
const PADDING: Kind = Whole(0, 9_000);
const MISTAKE: Kind = Whole(1, 365 * 24);

const CONFIG: Keys = &[
    ("clock", false, Word(&["system", "manual"])),
    ("mode", false, MODE),
    ("io", false, Object(IO)),
    ("probe", false, Object(PROBE)),
    ("probe_classes", false, List(&Object(PROBE_CLASS))),
    ("mtu_probe", false, Object(MTU_PROBE)),
    ("responder", false, Object(RESPONDER)),
    ("keys", false, List(&Object(KEY))),
    ("decision", false, Object(DECISION)),
    ("schedule", false, Object(SCHEDULE)),
    ("export", false, Object(EXPORT)),
    ("lines", false, List(&Object(LINE))),
    ("sessions", false, List(&Object(SESSION))),
    ("groups", false, List(&Object(GROUP))),
    ("classes", false, List(&Object(CLASS))),
    ("toggled", false, List(&Object(TOGGLED))),
    ("overrides", false, List(&Object(OVERRIDE))),
    ("site", false, Text),
    ("topology", false, Object(topology::TOPOLOGY)),
];

const IO: Keys = &[
    ("threads", false, Whole(1, 64)),
    ("cpus", false, List(&Whole(0, 1_023))),
    ("policy", false, Word(&["normal", "fifo", "round-robin"])),
    ("priority", false, Whole(1, 99)),
];

const PROBE: Keys = &probe(1.0);

/// A run ends by itself, and may be more of a burden until then.
const RUN_PROBE: Keys = &probe(0.01);

const fn probe(least_interval_ms: f64) -> [(&'static str, bool, Kind); 13] {
    const PROTOCOLS: Kind = Word(&["open", "auth", "encrypted", "mixed", "light", "stamp"]);
    let interval = Figure(least_interval_ms, HOUR_MS as f64);
    [
        ("protocol", false, PROTOCOLS),
        ("key_id", false, KeyName),
        ("interval_ms", false, interval),
        ("stream", false, Word(&["periodic", "poisson"])),
        ("timeout_ms", false, Whole(1, 600_000)),
        ("padding", false, PADDING),
        ("dscp", false, Dscp),
        ("ttl", false, Whole(1, 255)),
        ("dont_fragment", false, Flag),
        ("ptp", false, Flag),
        ("symmetric", false, Flag),
        ("reflect_octets", false, Whole(1, 8_900)),
        ("stamp", false, Object(STAMP)),
    ]
}

const PROBE_CLASS: Keys = &[
    ("id", true, Id),
    ("name", true, Text),
    ("dscp", true, Dscp),
    ("padding", false, PADDING),
    ("interval_ms", false, Figure(1.0, HOUR_MS as f64)),
];

const MTU_PROBE: Keys = &[
    ("octets", false, Whole(LEAST_PACKET, MOST_PACKET)),
    ("every_s", false, Figure(1.0, HOUR_MS as f64 / 1e3)),
    ("enabled", false, Flag),
];

const STAMP: Keys = &[
    ("ssid", false, Whole(0, 65_535)),
    ("stateful", false, Flag),
    (
        "ask",
        false,
        List(&Word(&[
            "class-of-service",
            "location",
            "timestamp-information",
            "follow-up",
        ])),
    ),
    ("figures_ms", false, Whole(100, HOUR_MS)),
];

const RUN: Keys = &[
    ("remote", true, Socket),
    ("local", false, Address),
    ("count", true, Whole(1, u32::MAX as u64)),
    ("probe", false, Object(RUN_PROBE)),
    ("tos", false, Whole(0, 255)),
    ("line", false, Text),
];

const SESSION: Keys = &[
    ("name", false, Text),
    ("local", false, Near),
    ("local_port", false, Whole(1, 65_535)),
    ("remote", true, Remote),
    ("line", false, Text),
    ("device", false, Text),
    ("mark", false, Whole(0, u32::MAX as u64)),
    ("namespace", false, Namespace),
    ("probe", false, Object(PROBE)),
    ("tos", false, Whole(0, 255)),
    ("count", false, Whole(1, u32::MAX as u64)),
    ("schedule", false, Elsewhere),
    ("enabled", false, Flag),
    ("export", false, Flag),
    ("export_s", false, EXPORT_S),
    ("owner", false, Word(&["document", "topology", "person"])),
];

const RESPONDER: Keys = &[
    ("listen", false, List(&Socket)),
    ("light", false, List(&Socket)),
    ("peers", false, List(&Peers)),
    ("stamp", false, List(&Socket)),
    ("figures", false, Flag),
    ("added", false, List(&Object(ANSWERING))),
    ("modes", false, MODES),
    ("control_port", false, Whole(1, 65_535)),
    ("test_ports", false, Ports),
    ("servwait_s", false, Whole(1, DAY_S)),
    ("refwait_s", false, Whole(1, DAY_S)),
    ("max_connections", false, Whole(1, 1_000_000)),
    ("max_connections_per_peer", false, Whole(1, 1_000_000)),
    ("max_sessions", false, Whole(1, 65_535)),
    ("max_sessions_per_peer", false, Whole(1, 1_000_000)),
    ("max_sessions_total", false, Whole(1, 1_000_000)),
    ("features", false, List(&Word(FEATURES))),
];

const ANSWERING: Keys = &[
    ("at", true, Socket),
    ("protocol", true, Word(&["twamp", "light", "stamp"])),
];

const FEATURES: &[&str] = &[
    "individual-sessions",
    "reflect-octets",
    "symmetrical-size",
    "dscp-ecn",
    "ptp-timestamps",
];

const KEY: Keys = &[
    ("id", true, KeyName),
    ("passphrase", false, Passphrase),
    ("not_before", false, Whole(0, LAST_SECOND)),
    ("not_after", false, Whole(0, LAST_SECOND)),
];

const DECISION: Keys = &[
    ("publish_ms", false, Whole(1, 60_000)),
    ("window_ms", false, Whole(10, HOUR_MS)),
    ("stale_after_ms", false, Whole(10, HOUR_MS)),
    ("dwell_ms", false, Whole(0, HOUR_MS)),
    ("failback_ms", false, Whole(0, 24 * HOUR_MS)),
    ("dead_intervals", false, Whole(1, 1_000)),
    ("mistake_every_h", false, MISTAKE),
    ("scores_only", false, Flag),
];

const SCHEDULE: Keys = &[
    ("every_s", false, Whole(1, LONGEST_PERIOD_S)),
    ("cron", false, Text),
    ("time_zone", false, Text),
    ("spread_s", false, Whole(0, LONGEST_PERIOD_S)),
    ("paused", false, Flag),
];

const EXPORT: Keys = &[
    ("interval_s", false, EXPORT_S),
    ("served", false, Flag),
    ("enterprise", false, Whole(1, u32::MAX as u64)),
    ("domain", false, Whole(0, u32::MAX as u64)),
    ("collectors", false, List(&Object(COLLECTOR))),
];

const COLLECTOR: Keys = &[
    ("name", true, Text),
    ("at", true, Kind::Endpoint),
    ("transport", false, Word(&["udp", "tcp"])),
    ("mtu", false, Whole(LEAST_MTU, u16::MAX as u64)),
    ("templates_s", false, Whole(1, DAY_S)),
    ("retry_s", false, Whole(1, DAY_S)),
    ("queue", false, Whole(16, 1_000_000)),
];

/// In MB.
const PROBE_BUDGET: Kind = Kind::Above0(1_000_000_000.0);

const LINE: Keys = &[
    ("id", true, Id),
    ("name", true, Text),
    ("underlay", false, Text),
    ("far_end", false, Text),
    ("local", false, Near),
    ("remote", false, Remote),
    ("device", false, Text),
    ("mark", false, Whole(0, u32::MAX as u64)),
    ("namespace", false, Namespace),
    ("hardware_stamps", false, Flag),
    ("cost", false, Whole(0, u32::MAX as u64)),
    ("metered", false, Flag),
    ("profile", false, PROFILE),
    ("flows_movable", false, Flag),
    ("mtu", false, Whole(68, 65_535)),
    ("capacity_up_mbps", false, Kind::Above0(10_000_000.0)),
    ("capacity_down_mbps", false, Kind::Above0(10_000_000.0)),
    ("sender", false, Flag),
    ("responder", false, Flag),
    ("groups", false, List(&Id)),
    ("probe", false, Object(PROBE)),
    ("mtu_probe", false, Object(MTU_PROBE)),
    ("probe_budget_mb", false, PROBE_BUDGET),
    ("export", false, Flag),
    ("export_s", false, EXPORT_S),
    ("owner", false, Word(&["document", "topology"])),
];

const TOGGLED: Keys = &[
    ("line", true, Id),
    ("sender", false, Flag),
    ("responder", false, Flag),
];

const OVERRIDE: Keys = &[
    ("name", true, Text),
    (
        "what",
        true,
        Word(&["pin", "drain", "maintain", "sla", "weight"]),
    ),
    ("class", false, Text),
    ("line", false, Text),
    ("group", false, Text),
    ("sla", false, Object(SLA)),
    ("percent", false, Whole(0, 1_000)),
    ("from", false, Whole(0, LAST_SECOND)),
    ("until", true, Whole(0, LAST_SECOND)),
    ("schedule", false, Object(SCHEDULE)),
    ("lasts_s", false, Whole(1, LONGEST_PERIOD_S)),
    ("by", false, Word(&["person", "analyzer"])),
    ("note", false, Text),
];

const GROUP: Keys = &[
    ("id", true, Id),
    ("name", true, Text),
    ("mode", false, MODE),
];

const CLASS: Keys = &[
    ("id", true, Id),
    ("name", true, Text),
    ("flows", false, List(&Object(FLOW))),
    ("sla", true, Object(SLA)),
    ("probe_class", false, Text),
    ("prefer", false, List(&Text)),
    ("strategy", false, Word(STRATEGIES)),
    ("moves", false, Word(&["at-once", "gradual"])),
    ("mistake_every_h", false, MISTAKE),
    ("mode", false, MODE),
];

const STRATEGIES: &[&str] = &[
    "sla-then-cost",
    "best-score",
    "spread",
    "pinned",
    "follow-peer",
];

const FLOW: Keys = &[
    ("dscp", false, List(&Dscp)),
    ("protocol", false, List(&Kind::IpProtocol)),
    ("source", false, List(&Network)),
    ("destination", false, List(&Network)),
    ("source_ports", false, List(&PortRange)),
    ("destination_ports", false, List(&PortRange)),
];

const SLA: Keys = &[
    ("round_trip_ms", false, Kind::Above0(60_000.0)),
    ("jitter_ms", false, Kind::Above0(60_000.0)),
    ("loss_percent", false, Kind::Above0(100.0)),
    ("packet_octets", false, Whole(LEAST_PACKET, MOST_PACKET)),
];

/// Judges the shape of a whole configuration.
pub(super) fn config(root: &Node, problems: &mut Vec<Problem>) {
    object(CONFIG, root, problems);
}

/// Judges the shape of one line.
pub(super) fn line(line: &Node, problems: &mut Vec<Problem>) {
    object(LINE, line, problems);
}

/// Judges the shape of a session.
pub(super) fn session(session: &Node, problems: &mut Vec<Problem>) {
    object(SESSION, session, problems);
}

/// Judges the shape of an override.
pub(super) fn order(order: &Node, problems: &mut Vec<Problem>) {
    object(OVERRIDE, order, problems);
}

/// Judges the shape of a schedule.
pub(super) fn schedule(schedule: &Node, problems: &mut Vec<Problem>) {
    object(SCHEDULE, schedule, problems);
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
    let fix = match nearest(key, keys.iter().map(|(known, ..)| *known)) {
        Some(known) => format!("did you mean {known:?}?"),
        None => {
            let known: Vec<_> = keys.iter().map(|(known, ..)| *known).collect();
            format!("remove it, or take one of {}", known.join(", "))
        }
    };
    node.problem_found("a key that is known here", format!("{key:?}"), fix)
}

/// The word among `known` that was perhaps meant.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (distance(word, known), known))
        .filter(|(distance, known)| distance * 3 <= known.len().max(3))
        .min()
        .map(|(_, known)| known)
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
        Kind::Named(kind) => match node.value() {
            Some(Value::Object(named)) => {
                for name in named.keys() {
                    judge(kind, &node.key(name), problems);
                }
            }
            _ => problems.push(node.problem("an object", "write its names and values")),
        },
        plain if plain.admits(node) => {}
        plain => {
            let (expected, fix) = plain.words();
            problems.push(node.problem(expected, fix));
        }
    }
}

/// Letters to insert, delete or replace to make one word of the other (Levenshtein).
pub(crate) fn distance(one: &str, other: &str) -> usize {
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
mod tests;
