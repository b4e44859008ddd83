//! Enough test ports for all sessions of an address. Sessions share one if their probes leave
//! alike, by the same thread, and go to different hosts (`engine/paths.rs`).

use std::collections::BTreeMap;
use std::net::IpAddr;

use plugin_abi::config::Io;
use plugin_abi::manage::Problem;

use super::node::Node;
use super::shape;

/// What tells apart the probes that leave one address: mark, DSCP, TTL, do-not-fragment.
type Manner = Vec<String>;

/// What an address needs ports for.
#[derive(Default)]
struct Need {
    /// It answers.
    responder: bool,
    /// Sessions to each far end, by the manner in which their probes leave.
    senders: BTreeMap<Manner, BTreeMap<Option<IpAddr>, usize>>,
}

/// There are ports for everybody.
pub(super) fn suffice(root: &Node, problems: &mut Vec<Problem>) {
    let node = root.key("responder").key("test_ports");
    let Some((first, last)) = shape::ports(&node).filter(|(first, last)| first <= last) else {
        return;
    };
    let probed = probed(root);
    let mut needs: BTreeMap<[Option<&str>; 3], Need> = BTreeMap::new();
    for line in root.key("lines").items() {
        let place = ["local", "device", "namespace"].map(|key| line.key(key).text());
        let need = needs.entry(place).or_default();
        need.responder |= line.key("responder").flag_or(false) == Some(true);
        if line.key("sender").flag_or(true) == Some(true) {
            let far = line.key("remote").ip();
            for class in &probed {
                let manner = manner(root, &line, class.as_ref());
                let alike = need.senders.entry(manner).or_default();
                *alike.entry(far).or_default() += 1;
            }
            if has_full_size(root, &line) {
                // Whole, and so by another socket than all that may be fragmented.
                let mut manner = manner(root, &line, probed.first().and_then(Option::as_ref));
                manner.pop();
                manner.push("true".into());
                let alike = need.senders.entry(manner).or_default();
                *alike.entry(far).or_default() += 1;
            }
        }
    }
    let threads = root.key("io").key("threads").whole();
    let threads = threads.map_or(Io::default().threads.into(), |threads| threads as usize);
    let most = needs.values().map(|need| need.ports(threads)).max();
    let most = most.unwrap_or(0);
    if most > usize::from(last - first) + 1 {
        let expected = format!("at least {most} ports for the sessions of one address");
        problems.push(node.problem(expected, "widen the range"));
    }
}

impl Need {
    /// With so many threads, whichever of them the sessions come to.
    fn ports(&self, threads: usize) -> usize {
        let responder = if self.responder { threads } else { 0 };
        let senders = self.senders.values();
        let shared = senders.map(|hosts| {
            let most = hosts.values().max().copied().unwrap_or(0);
            most.saturating_mul(threads).min(hosts.values().sum())
        });
        responder.saturating_add(shared.sum())
    }
}

/// The probe classes in use; `None`: that of all classes of traffic that name none.
fn probed<'doc>(root: &Node<'doc>) -> Vec<Option<Node<'doc>>> {
    let named = root.key("classes").items();
    let named: Vec<_> = named.map(|class| class.key("probe_class").text()).collect();
    let is_used = |class: &Node| named.contains(&class.key("name").text());
    let own = root.key("probe_classes").items();
    let own = own.filter(|class| class.key("name").text().is_some() && is_used(class));
    let shared = named.is_empty() || named.contains(&None);
    let shared = shared.then_some(None);
    shared.into_iter().chain(own.map(Some)).collect()
}

fn manner(root: &Node, line: &Node, class: Option<&Node>) -> Manner {
    let own = line.key("probe");
    let probe = if own.is_there() {
        own
    } else {
        root.key("probe")
    };
    let mark = line.key("mark").found();
    let dscp = class.unwrap_or(&probe).key("dscp").dscp();
    let dscp = dscp.unwrap_or_default().to_string();
    let of_probe = ["ttl", "dont_fragment"].map(|key| probe.key(key).found());
    [mark, dscp].into_iter().chain(of_probe).collect()
}

/// The line has probes of full size beside the others.
fn has_full_size(root: &Node, line: &Node) -> bool {
    let own = line.key("mtu_probe");
    let probe = if own.is_there() {
        own
    } else {
        root.key("mtu_probe")
    };
    probe.is_there() && probe.key("enabled").flag_or(true) == Some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;

    /// Lines from one address to so many hosts, so many each, on so many ports.
    fn lines(hosts: usize, each: usize, ports: usize, of_line: &Value) -> Vec<String> {
        let lines: Vec<Value> = (0..hosts * each)
            .map(|n| {
                let mut line = of_line.clone();
                line["id"] = json!(n + 1);
                line["name"] = json!(format!("line {n}"));
                line["local"] = json!("192.0.2.1");
                line["remote"] = json!(format!("198.51.100.{}", n % hosts + 1));
                line
            })
            .collect();
        let responder = json!({ "test_ports": [20_000, 20_000 + ports - 1] });
        mistakes(&json!({ "responder": responder, "lines": lines }))
    }

    #[test]
    fn sessions_to_different_hosts_share_a_port_and_those_to_one_host_do_not() {
        assert_eq!(lines(50, 3, 3, &json!({})), [""; 0]);
        let few = lines(50, 3, 2, &json!({}));
        assert!(few[0].contains("at least 3 ports"), "{few:?}");
    }

    #[test]
    fn each_thread_has_ports_of_its_own() {
        let of = |threads: u16, ports: u16, each: usize, responder: bool| {
            let lines: Vec<Value> = (1..=2 * each)
                .map(|n| {
                    json!({ "id": n, "name": format!("line {n}"), "local": "192.0.2.1",
                            "remote": format!("198.51.100.{}", n % 2 + 1), "responder": responder })
                })
                .collect();
            mistakes(&json!({ "io": { "threads": threads }, "lines": lines,
                              "responder": { "test_ports": [20_000, 19_999 + ports] } }))
        };
        assert_eq!(
            of(3, 3, 2, false),
            [
                "responder.test_ports: expected at least 4 ports for the sessions of one address, found [20000,20002]; widen the range"
            ]
        );
        assert_eq!(
            of(3, 4, 2, false),
            [""; 0],
            "no more than there are sessions"
        );
        assert_eq!(of(2, 6, 3, false), [""; 0]);
        assert!(of(2, 7, 3, true)[0].contains("at least 8 ports"));
        assert_eq!(of(2, 8, 3, true), [""; 0]);
    }

    #[test]
    fn a_responder_has_one_port_for_all_lines_of_its_address() {
        let both = json!({ "responder": true });
        assert_eq!(lines(5, 1, 2, &both), [""; 0]);
        assert!(lines(5, 1, 1, &both)[0].contains("at least 2 ports"));
    }

    #[test]
    fn probes_that_leave_otherwise_share_no_port() {
        let marked = json!({ "probe": { "dscp": 46 } });
        let plain = lines(1, 1, 1, &marked);
        assert_eq!(plain, [""; 0]);
        let lines = json!([
            { "id": 1, "name": "a", "local": "192.0.2.1", "remote": "198.51.100.1" },
            { "id": 2, "name": "b", "local": "192.0.2.1", "remote": "198.51.100.2",
              "probe": { "dscp": 46 } },
        ]);
        let of = |last| {
            let responder = json!({ "test_ports": [20_000, last] });
            mistakes(&json!({ "responder": responder, "lines": lines }))
        };
        assert_eq!(of(20_001), [""; 0]);
        assert!(of(20_000)[0].contains("at least 2 ports"));
    }

    #[test]
    fn each_probe_class_in_use_has_a_session_of_each_line() {
        let of = |named: Value| {
            mistakes(&json!({
                "responder": { "test_ports": [20_000, 20_000] },
                "lines": [{ "id": 1, "name": "a", "local": "192.0.2.1",
                            "remote": "198.51.100.1", "groups": [1] }],
                "groups": [{ "id": 1, "name": "hub" }],
                "probe_classes": [{ "id": 1, "name": "realtime", "dscp": "EF" }],
                "classes": [
                    { "id": 1, "name": "voice", "sla": { "jitter_ms": 9 }, "probe_class": named },
                    { "id": 2, "name": "bulk", "sla": { "loss_percent": 9 } },
                ],
            }))
        };
        assert!(of(json!("realtime"))[0].contains("at least 2 ports"));
    }

    #[test]
    fn probes_of_full_size_have_a_session_of_each_line_that_has_them() {
        let of = |ports, line: &Value| lines(2, 1, ports, line);
        let full_size = json!({ "mtu_probe": {} });
        assert!(of(1, &full_size)[0].contains("at least 2 ports"));
        assert_eq!(of(2, &full_size), [""; 0]);
        assert_eq!(
            of(1, &json!({ "mtu_probe": { "enabled": false } })),
            [""; 0]
        );
    }
}
