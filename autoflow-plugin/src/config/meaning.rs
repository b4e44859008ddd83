//! What must fit together. A value of the wrong shape is `shape`'s business and passed over here.

use std::collections::HashSet;
use std::net::IpAddr;

use plugin_abi::config::{Config, Probe, Protocol, RESTING_MS};
use plugin_abi::manage::Problem;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::node::Node;
use super::stamp::around_padding;
use super::unique::{own, own_items};
use super::{
    answering, export, features, flows, io, keys, mtu_probe, overrides, peers, probe_classes,
    schedule, sessions, stamp, test_ports, topology,
};
use crate::session::rhythm::LONGEST;

/// Judges the meaning of a whole configuration.
pub(super) fn config(root: &Node, problems: &mut Vec<Problem>) {
    decision(root, problems);
    io::config(&root.key("io"), problems);
    test_ports::suffice(root, problems);
    schedule::schedule(&root.key("schedule"), problems);
    no_sockets_by_hand(root, problems);
    for list in ["lines", "groups", "classes"] {
        let things = root.key(list);
        own(&things, "id", Node::whole, problems);
        own(&things, "name", Node::text, problems);
    }
    own(&root.key("keys"), "id", Node::text, problems);
    keys::config(root, problems);
    features::probe(&root.key("probe"), problems);
    features::responder(&root.key("responder").key("features"), problems);
    peers::config(root, problems);
    stamp::probe(&root.key("probe"), problems);
    stamp::responder(&root.key("responder"), problems);
    answering::added(&root.key("responder"), problems);
    own(&root.key("toggled"), "line", Node::whole, problems);
    export::config(&root.key("export"), problems);
    topology::judge(root, problems);
    let shared = root.key("topology").key("groups");
    let groups: HashSet<u64> = ids(&root.key("groups")).chain(ids(&shared)).collect();
    for each in root.key("lines").items() {
        line(&each, problems);
        known_groups(&groups, &each, problems);
    }
    sessions::config(root, problems);
    // Underlays that a class prefers, and groups, may wait for lines that the host brings up.
    for each in root.key("classes").items() {
        class(&each, problems);
    }
    flows::config(&root.key("classes"), problems);
    probe_classes::config(root, problems);
    overrides::config(&root.key("overrides"), problems);
}

/// Judges the meaning of one line by itself.
pub(super) fn line(line: &Node, problems: &mut Vec<Problem>) {
    if !line.value().is_some_and(Value::is_object) {
        return;
    }
    let (local, remote) = (line.key("local"), line.key("remote"));
    if line.key("sender").flag_or(true) == Some(true) && !remote.is_there() {
        let fix = "add it, or set sender to false";
        problems.push(remote.problem("the far end's address on a line that sends probes", fix));
    }
    if line.key("responder").flag_or(false) == Some(true) && !local.is_there() {
        let fix = "add it, or set responder to false";
        problems.push(local.problem("an address to answer on, on a line that responds", fix));
    }
    ends(&local, &remote, problems);
    links(line, problems);
    own_items(&line.key("groups"), "group", Node::whole, problems);
    stamp::probe(&line.key("probe"), problems);
    probe_fits(line, problems);
    mtu_probe::fits(line, problems);
    features::probe(&line.key("probe"), problems);
}

/// Judges the meaning of a run.
pub(super) fn run(run: &Node, problems: &mut Vec<Problem>) {
    ends(&run.key("local"), &run.key("remote"), problems);
    features::probe(&run.key("probe"), problems);
    stamp::probe(&run.key("probe"), problems);
}

/// Judges the two ends of something that sends probes.
pub(super) fn ends(local: &Node, remote: &Node, problems: &mut Vec<Problem>) {
    one_host(local, problems);
    one_host(remote, problems);
    if let (Some(near), Some(far)) = (local.ip(), remote.ip())
        && near.is_ipv4() != far.is_ipv4()
    {
        let family = if far.is_ipv4() { "IPv4" } else { "IPv6" };
        let expected = format!("an {family} address, as in {}", remote.path());
        problems.push(local.problem(expected, "take two addresses of one family"));
    }
}

fn decision(root: &Node, problems: &mut Vec<Problem>) {
    let defaults = Config::default().decision;
    let decision = root.key("decision");
    let publish = ("publish_ms", defaults.publish_ms);
    for ((key, default), (least, least_default), fix) in [
        (
            ("window_ms", defaults.window_ms),
            publish,
            "look back further, or publish more often",
        ),
        (
            ("stale_after_ms", defaults.stale_after_ms),
            publish,
            "raise it, or publish more often",
        ),
        (
            ("failback_ms", defaults.failback_ms),
            ("dwell_ms", defaults.dwell_ms),
            "raise it, or shorten the dwell",
        ),
    ] {
        let (node, bound) = (decision.key(key), decision.key(least));
        if let (Some(is), Some(least)) = (
            node.number_or(default.into()),
            bound.number_or(least_default.into()),
        ) && is < least
        {
            let expected = format!("at least {least}, as {}", bound.path());
            problems.push(node.problem_found(expected, is.to_string(), fix));
        }
    }

    let stale = decision.key("stale_after_ms");
    let Some(longest) = stale.number_or(defaults.stale_after_ms.into()) else {
        return;
    };
    let probes = root.key("lines").items().map(|line| line.key("probe"));
    let classes = root.key("probe_classes");
    let probes = probes.chain(classes.items());
    for probe in std::iter::once(root.key("probe")).chain(probes) {
        let interval = probe.key("interval_ms");
        if interval
            .number_or(0.0)
            .is_some_and(|interval| interval > longest)
        {
            let expected = format!("at most {longest}, as {}", stale.path());
            let fix = "probe more often, or let figures live longer";
            problems.push(interval.problem(expected, fix));
        } else if probe.key("stream").text() == Some("poisson")
            && interval
                .number_or(RESTING_MS)
                .is_some_and(|interval| interval * LONGEST as f64 > longest)
        {
            let most = longest / LONGEST as f64;
            let expected = format!(
                "at most {most}, a tenth of {}: a Poisson stream pauses for up to ten intervals",
                stale.path()
            );
            let fix = "probe more often, or let figures live longer";
            let found = interval.number_or(RESTING_MS).unwrap_or_default();
            problems.push(interval.problem_found(expected, found.to_string(), fix));
        }
    }
}

fn no_sockets_by_hand(root: &Node, problems: &mut Vec<Problem>) {
    if root.key("clock").text() != Some("manual") {
        return;
    }
    let answering = ["listen", "light", "stamp"].map(|key| root.key("responder").key(key));
    let collectors = root.key("export").key("collectors");
    for sockets in answering.into_iter().chain([collectors]) {
        if sockets.items().next().is_some() {
            let expected = "no socket under a manual clock";
            problems.push(sockets.problem(expected, "remove it, or take the system's clock"));
        }
    }
}

/// A packet goes to and comes from one host.
fn one_host(node: &Node, problems: &mut Vec<Problem>) {
    let many = |ip: IpAddr| {
        ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255, 255, 255, 255])
    };
    if node.ip().is_some_and(many) {
        problems.push(node.problem("the address of one host", "write that host's own address"));
    }
}

/// A link-local address is one on each link, and no other address is.
pub(super) fn links(line: &Node, problems: &mut Vec<Problem>) {
    let ends = [line.key("remote"), line.key("local")];
    let [far, near] = ends.each_ref().map(Node::address);
    let zones = [far, near].map(|end| end.and_then(|address| address.zone));
    let linked = zones.iter().any(Option::is_some) || line.key("device").is_there();
    for (node, address) in ends.iter().zip([far, near]) {
        let Some(address) = address else { continue };
        if address.is_link_local() && !linked {
            let fix = r#"write it with its interface, as "fe80::1%eth0", or add the line's device"#;
            problems.push(node.problem("a link for a link-local address", fix));
        }
        if address.zone.is_some() && !address.is_link_local() {
            let fix = "leave out what stands behind the %, or name it as the line's device";
            problems.push(node.problem("no link for an address that is not link-local", fix));
        }
    }
    if let [Some(far), Some(near)] = zones
        && far != near
    {
        let expected = format!("the link {far}, as in {}", ends[0].path());
        problems.push(ends[1].problem(expected, "name one link for both ends"));
    }
}

/// A probe that may not be fragmented fits the line.
fn probe_fits(line: &Node, problems: &mut Vec<Problem>) {
    let (mtu, probe) = (line.key("mtu"), line.key("probe"));
    let padding = probe.key("padding");
    if let (Some(true), Some(mtu), Some(octets)) = (
        probe.key("dont_fragment").flag_or(false),
        mtu.whole(),
        padding.number_or(features::default_padding(&probe).into()),
    ) {
        let ipv6 = line.key("remote").ip().is_some_and(|ip| ip.is_ipv6());
        let most = mtu as f64 - f64::from(headers(&typed(&probe), ipv6));
        if octets > most {
            let expected = format!(
                "at most {} octets, to fit {}",
                most.max(0.0),
                line.key("mtu").path()
            );
            let fix = "pad less, or let probes be fragmented";
            problems.push(padding.problem_found(expected, octets.to_string(), fix));
        }
    }
}

/// Octets of an IP packet before the padding of the probe in it.
pub(super) fn headers(probe: &Probe, ipv6: bool) -> u32 {
    const UDP: u32 = 8;
    let sender_packet = match probe.protocol {
        Protocol::Auth | Protocol::Encrypted => 48,
        Protocol::Open | Protocol::Mixed | Protocol::Light => 14,
        Protocol::Stamp => around_padding(probe),
    };
    let ip = if ipv6 { 40 } else { 20 };
    ip + UDP + sender_packet
}

/// The probe at `node`, as far as it can be read.
fn typed(node: &Node) -> Probe {
    let probe = node
        .value()
        .and_then(|value| Probe::deserialize(value).ok());
    probe.unwrap_or_else(|| Probe {
        protocol: keys::protocol(node).unwrap_or_default(),
        ..Probe::default()
    })
}

fn known_groups(known: &HashSet<u64>, line: &Node, problems: &mut Vec<Problem>) {
    for group in line.key("groups").items() {
        if group.whole().is_some_and(|id| !known.contains(&id)) {
            let fix = "add the group, or take the line out of it";
            problems.push(group.problem("the id of a group in groups", fix));
        }
    }
}

fn class(class: &Node, problems: &mut Vec<Problem>) {
    let sla = class.key("sla");
    if sla
        .value()
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty)
    {
        let expected = "at least one of round_trip_ms, jitter_ms, loss_percent, packet_octets";
        problems.push(sla.problem_found(expected, "no demand", "say what the class needs"));
    }
    let prefer = class.key("prefer");
    own_items(&prefer, "underlay", Node::text, problems);
}

fn ids(things: &Node) -> impl Iterator<Item = u64> {
    things.items().filter_map(|thing| thing.key("id").whole())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{good, mistakes};
    use super::*;

    /// The mistakes of the good document after each value was put at its pointer.
    fn after(changes: &[(&str, Value)]) -> Vec<String> {
        let mut document = good();
        for (pointer, value) in changes {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let parent = document
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap();
            parent.insert(key.to_owned(), value.clone());
        }
        mistakes(&document)
    }

    fn without(pointer: &str, key: &str) -> Vec<String> {
        let mut document = good();
        document
            .pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(key);
        mistakes(&document)
    }

    #[test]
    fn every_rule_that_one_value_breaks_has_its_sentence() {
        let cases: &[(&str, Value, &str)] = &[
            (
                "/decision/publish_ms",
                json!(4000),
                "decision.stale_after_ms: expected at least 4000, as decision.publish_ms, found 3000; raise it, or publish more often",
            ),
            (
                "/decision/window_ms",
                json!(99),
                "decision.window_ms: expected at least 100, as decision.publish_ms, found 99; look back further, or publish more often",
            ),
            (
                "/decision/failback_ms",
                json!(999),
                "decision.failback_ms: expected at least 1000, as decision.dwell_ms, found 999; raise it, or shorten the dwell",
            ),
            (
                "/probe/interval_ms",
                json!(3001),
                "probe.interval_ms: expected at most 3000, as decision.stale_after_ms, found 3001; probe more often, or let figures live longer",
            ),
            (
                "/lines/1/probe",
                json!({"interval_ms": 300.5, "stream": "poisson"}),
                "lines[1].probe.interval_ms: expected at most 300, a tenth of decision.stale_after_ms: a Poisson stream pauses for up to ten intervals, found 300.5; probe more often, or let figures live longer",
            ),
            (
                "/lines/1/probe",
                json!({"interval_ms": 4000.5}),
                "lines[1].probe.interval_ms: expected at most 3000, as decision.stale_after_ms, found 4000.5; probe more often, or let figures live longer",
            ),
            (
                "/responder/test_ports",
                json!([20_000, 20_000]),
                "responder.test_ports: expected at least 2 ports for the sessions of one address, found [20000,20000]; widen the range",
            ),
            (
                "/clock",
                json!("manual"),
                r#"responder.listen: expected no socket under a manual clock, found ["[::]:862"]; remove it, or take the system's clock"#,
            ),
            (
                "/lines/1/id",
                json!(1),
                "lines[1].id: expected an id that is not taken, found 1 as in lines[0].id; change one of the two",
            ),
            (
                "/lines/2/name",
                json!("lte"),
                r#"lines[2].name: expected a name that is not taken, found "lte" as in lines[1].name; change one of the two"#,
            ),
            (
                "/classes/1/id",
                json!(1),
                "classes[1].id: expected an id that is not taken, found 1 as in classes[0].id; change one of the two",
            ),
            (
                "/classes/1/name",
                json!("voice"),
                r#"classes[1].name: expected a name that is not taken, found "voice" as in classes[0].name; change one of the two"#,
            ),
            (
                "/lines/0/local",
                json!("::1"),
                r#"lines[0].local: expected an IPv4 address, as in lines[0].remote, found "::1"; take two addresses of one family"#,
            ),
            (
                "/lines/0/local",
                json!("0.0.0.0"),
                r#"lines[0].local: expected the address of one host, found "0.0.0.0"; write that host's own address"#,
            ),
            (
                "/lines/0/remote",
                json!("224.0.0.1:862"),
                r#"lines[0].remote: expected the address of one host, found "224.0.0.1:862"; write that host's own address"#,
            ),
            (
                "/lines/0/groups",
                json!([1, 1]),
                "lines[0].groups[1]: expected a group that is not taken, found 1 as in lines[0].groups[0]; change one of the two",
            ),
            (
                "/lines/0/groups",
                json!([1, 5]),
                "lines[0].groups[1]: expected the id of a group in groups, found 5; add the group, or take the line out of it",
            ),
            (
                "/lines/1/probe",
                json!({"dont_fragment": true, "padding": 1459}),
                "lines[1].probe.padding: expected at most 1458 octets, to fit lines[1].mtu, found 1459; pad less, or let probes be fragmented",
            ),
            (
                "/classes/1/sla",
                json!({}),
                "classes[1].sla: expected at least one of round_trip_ms, jitter_ms, loss_percent, packet_octets, found no demand; say what the class needs",
            ),
            (
                "/classes/0/prefer",
                json!(["fibre", "fibre"]),
                r#"classes[0].prefer[1]: expected an underlay that is not taken, found "fibre" as in classes[0].prefer[0]; change one of the two"#,
            ),
        ];
        for (pointer, value, sentence) in cases {
            assert_eq!(after(&[(pointer, value.clone())]), [*sentence], "{pointer}");
        }
    }

    #[test]
    fn a_line_that_sends_needs_a_far_end_and_one_that_responds_an_address() {
        assert_eq!(
            without("/lines/0", "remote"),
            [
                "lines[0].remote: expected the far end's address on a line that sends probes, \
              found nothing; add it, or set sender to false"
            ]
        );
        assert_eq!(
            without("/lines/0", "local"),
            [
                "lines[0].local: expected an address to answer on, on a line that responds, \
              found nothing; add it, or set responder to false"
            ]
        );
        let fed_by_the_host = json!({"id": 1, "name": "fibre", "sender": false, "groups": [1]});
        assert_eq!(
            after(&[
                ("/lines", json!([fed_by_the_host])),
                ("/classes", json!([]))
            ]),
            [""; 0]
        );
    }

    #[test]
    fn a_link_local_address_needs_a_link_and_both_ends_the_same() {
        let mistakes = |line: Value| {
            let mut whole = json!({"id": 1, "name": "fibre", "groups": [1]});
            for (key, value) in line.as_object().unwrap() {
                whole[key] = value.clone();
            }
            after(&[("/lines", json!([whole])), ("/classes", json!([]))])
        };
        for line in [
            json!({"remote": "[fe80::1%2]:862"}),
            json!({"remote": "fe80::1%eth0", "local": "fe80::2%eth0"}),
            json!({"remote": "fe80::1", "local": "fe80::2%eth0"}),
            json!({"remote": "fe80::1", "device": "eth0"}),
            json!({"remote": "2001:db8::1"}),
        ] {
            assert_eq!(mistakes(line.clone()), [""; 0], "{line}");
        }
        let interface =
            r#"write it with its interface, as "fe80::1%eth0", or add the line's device"#;
        for (line, mistake) in [
            (
                json!({"remote": "fe80::1"}),
                format!(
                    r#"lines[0].remote: expected a link for a link-local address, found "fe80::1"; {interface}"#
                ),
            ),
            (
                json!({"sender": false, "responder": true, "local": "fe80::2"}),
                format!(
                    r#"lines[0].local: expected a link for a link-local address, found "fe80::2"; {interface}"#
                ),
            ),
            (
                json!({"remote": "fe80::1%eth0", "local": "fe80::2%eth1"}),
                r#"lines[0].local: expected the link eth0, as in lines[0].remote, found "fe80::2%eth1"; name one link for both ends"#.into(),
            ),
            (
                json!({"remote": "2001:db8::1%eth0"}),
                r#"lines[0].remote: expected no link for an address that is not link-local, found "2001:db8::1%eth0"; leave out what stands behind the %, or name it as the line's device"#.into(),
            ),
        ] {
            assert_eq!(mistakes(line), [mistake]);
        }
    }

    #[test]
    fn sessions_on_different_addresses_share_the_test_ports() {
        let two = [("/responder/test_ports", json!([20_000, 20_001]))];
        assert_eq!(after(&two), [""; 0]);
    }

    #[test]
    fn groups_and_preferences_may_wait_for_lines_that_the_host_brings_up() {
        assert_eq!(after(&[("/lines", json!([]))]), [""; 0]);
        let prefer = [("/classes/0/prefer", json!(["fibre", "not up yet"]))];
        assert_eq!(after(&prefer), [""; 0]);
        let groups = [(
            "/groups",
            json!([{"id": 1, "name": "hub"}, {"id": 2, "name": "far"}]),
        )];
        assert_eq!(after(&groups), [""; 0]);
    }
}
