//! What is right in a configuration, but perhaps not meant. It is a good one all the same.

use std::collections::HashSet;
use std::net::IpAddr;

use plugin_abi::config::{Config, Group, Line, Peer, ProbeClass, Security};
use plugin_abi::manage::Problem;

use super::costs;
use super::export::borrowed_enterprise;
use super::flows;
use super::meaning::headers;
use super::mtu_probe;
use crate::session::features::most_padding;

/// Every warning about a configuration without mistakes.
pub(crate) fn warnings(config: &Config) -> Vec<Problem> {
    let mut warnings = Vec::new();
    warnings.extend(idle_cpus(config));
    open_to_all(config, &mut warnings);
    open_mode_beside_secure_ones(config, &mut warnings);
    let probed = config.probed();
    for (index, line) in config.lines.iter().enumerate() {
        let each = probed.by.iter();
        warnings.extend(each.filter_map(|class| fragmented(config, index, line, *class)));
    }
    unused_probe_classes(config, &mut warnings);
    mtu_probe::warnings(config, &mut warnings);
    unknown_underlays(config, &mut warnings);
    nothing_to_choose_from(config, &mut warnings);
    warnings.extend(borrowed_enterprise(config));
    flows::warnings(config, &mut warnings);
    costs::warnings(config, &mut warnings);
    warnings
}

/// CPUs that no thread will be on.
fn idle_cpus(config: &Config) -> Option<Problem> {
    let (threads, cpus) = (config.io.threads, config.io.cpus.len());
    (cpus > usize::from(threads)).then(|| Problem {
        path: "io.cpus".into(),
        expected: format!("at most {threads}, as io.threads"),
        found: format!("{cpus} CPUs: the last ones stay without a thread"),
        fix: "name fewer, or start more threads".into(),
    })
}

/// Each address that answers whoever asks.
fn open_to_all(config: &Config, warnings: &mut Vec<Problem>) {
    let responder = &config.responder;
    let everybody: Vec<&Peer> = responder
        .peers
        .iter()
        .filter(|peer| peer.is_everybody())
        .collect();
    let mut open = |path: String, address: IpAddr, found: String| {
        // A network of IPv4 says nothing about who comes by IPv6.
        let by = everybody.iter().find(|peer| match peer {
            Peer::Any => true,
            Peer::Within(network) => network.contains(address),
        });
        if let Some(peer) = by {
            warnings.push(Problem {
                path,
                expected: "peers that are known".into(),
                found: format!(
                    "{found}, open to all by {:?} in responder.peers",
                    peer.to_string()
                ),
                fix: "name the networks of your senders in responder.peers instead".into(),
            });
        }
    };
    for (key, sockets) in [
        ("listen", &responder.listen),
        ("light", &responder.light),
        ("stamp", &responder.stamp),
    ] {
        for (index, socket) in sockets.iter().enumerate() {
            open(
                format!("responder.{key}[{index}]"),
                socket.ip(),
                socket.to_string(),
            );
        }
    }
    for (index, added) in responder.added.iter().enumerate() {
        open(
            format!("responder.added[{index}]"),
            added.at.ip(),
            added.at.to_string(),
        );
    }
    for (index, line) in config.lines.iter().enumerate() {
        if let (true, Some(local)) = (line.responder, line.local) {
            open(
                format!("lines[{index}].responder"),
                local.ip,
                local.to_string(),
            );
        }
    }
}

/// Who can't prove anything is answered as well.
fn open_mode_beside_secure_ones(config: &Config, warnings: &mut Vec<Problem>) {
    let modes = &config.responder.modes;
    let open = modes.iter().position(|mode| *mode == Security::Open);
    if let (Some(index), true) = (open, modes.len() > 1) {
        warnings.push(Problem {
            path: format!("responder.modes[{index}]"),
            expected: "secure modes alone, where there are some".into(),
            found: "open mode beside them".into(),
            fix: "remove it, unless some senders have no key".into(),
        });
    }
}

/// Probes that are larger than the line lets pass whole.
fn fragmented(
    config: &Config,
    index: usize,
    line: &Line,
    class: Option<&ProbeClass>,
) -> Option<Problem> {
    let probe = &config.probe_of(line, class);
    let (mtu, remote) = (line.mtu?, line.remote?);
    let headers = headers(probe, remote.ip().is_ipv6());
    let padded = most_padding(probe);
    let octets = headers + u32::from(padded);
    let named = class.filter(|class| class.padding.is_some());
    let named = named.and_then(|class| {
        let mut all = config.probe_classes.iter();
        all.position(|known| known.id == class.id)
    });
    let padding = match (named, &line.probe) {
        (Some(place), _) => format!("probe_classes[{place}].padding"),
        // The shared probes have the same.
        (None, _) if class.is_some() => return None,
        (None, Some(_)) => format!("lines[{index}].probe.padding"),
        (None, None) => "probe.padding".into(),
    };
    let what = match probe.dont_fragment {
        true => "which don't pass",
        false => "which pass in fragments",
    };
    (line.sender && octets > mtu).then(|| Problem {
        path: padding,
        expected: format!(
            "at most {} octets, to fit lines[{index}].mtu",
            mtu.saturating_sub(headers)
        ),
        found: format!("{padded}: probes of {octets} octets, {what}"),
        fix: "pad less".into(),
    })
}

/// Probe classes that nobody judges by: nothing is measured for them.
fn unused_probe_classes(config: &Config, warnings: &mut Vec<Problem>) {
    for (index, class) in config.probe_classes.iter().enumerate() {
        let mut named = config.classes.iter().map(|class| &class.probe_class);
        if named.all(|named| named.as_ref() != Some(&class.name)) {
            warnings.push(Problem {
                path: format!("probe_classes[{index}]"),
                expected: "a probe class that a class of traffic names".into(),
                found: format!(
                    "{:?}, which none does: nothing is measured for it",
                    class.name
                ),
                fix: "name it in the probe_class of a class, or remove it".into(),
            });
        }
    }
}

/// Preferences that no line can meet. They may wait for a line that the host brings up.
fn unknown_underlays(config: &Config, warnings: &mut Vec<Problem>) {
    let known: HashSet<&str> = config.lines.iter().map(|line| line.underlay()).collect();
    for (index, class) in config.classes.iter().enumerate() {
        for (place, underlay) in class.prefer.iter().enumerate() {
            if !known.contains(underlay.as_str()) {
                warnings.push(Problem {
                    path: format!("classes[{index}].prefer[{place}]"),
                    expected: "the underlay of a line".into(),
                    found: format!("{underlay:?}, which no line has"),
                    fix: "mend the name, unless such a line comes later".into(),
                });
            }
        }
    }
}

/// Groups without lines, where there are classes that choose from them.
fn nothing_to_choose_from(config: &Config, warnings: &mut Vec<Problem>) {
    if config.classes.is_empty() {
        return;
    }
    let has_line = |group: &Group| {
        config
            .lines
            .iter()
            .any(|line| line.groups.contains(&group.id))
    };
    for (index, group) in config.groups.iter().enumerate() {
        if !has_line(group) {
            warnings.push(Problem {
                path: format!("groups[{index}]"),
                expected: "lines that classes choose from".into(),
                found: format!("no line that is in {:?}", group.name),
                fix: "name its id in the groups of lines, unless such come later".into(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::judge;
    use super::*;

    fn said(document: &Value) -> Vec<String> {
        let config = judge(document).unwrap();
        warnings(&config).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn nothing_is_said_about_the_defaults() {
        assert_eq!(said(&json!({})), [""; 0]);
    }

    #[test]
    fn cpus_without_a_thread_are_named() {
        let io = |threads| said(&json!({"io": {"threads": threads, "cpus": [0, 1]}}));
        assert_eq!(
            io(1),
            [
                "io.cpus: expected at most 1, as io.threads, found 2 CPUs: the last ones stay without a thread; name fewer, or start more threads"
            ]
        );
        assert_eq!(io(2), [""; 0]);
        assert_eq!(io(3), [""; 0]);
    }

    #[test]
    fn each_address_that_is_open_to_all_is_named() {
        let mut document = json!({
            "responder": {"listen": ["127.0.0.1:862", "[::1]:862"], "light": ["[::1]:863"],
                          "peers": ["192.0.2.0/24", "any"]},
            "lines": [{"id": 1, "name": "a", "local": "127.0.0.2", "sender": false,
                       "responder": true}]
        });
        assert_eq!(
            said(&document),
            [
                r#"responder.listen[0]: expected peers that are known, found 127.0.0.1:862, open to all by "any" in responder.peers; name the networks of your senders in responder.peers instead"#,
                r#"responder.listen[1]: expected peers that are known, found [::1]:862, open to all by "any" in responder.peers; name the networks of your senders in responder.peers instead"#,
                r#"responder.light[0]: expected peers that are known, found [::1]:863, open to all by "any" in responder.peers; name the networks of your senders in responder.peers instead"#,
                r#"lines[0].responder: expected peers that are known, found 127.0.0.2, open to all by "any" in responder.peers; name the networks of your senders in responder.peers instead"#,
            ]
        );
        document["responder"]["peers"] = json!(["::/0"]);
        assert_eq!(said(&document).len(), 2, "IPv6 alone");
        document["responder"]["peers"] = json!(["2001:db8::/32", "10.0.0.0/8"]);
        assert_eq!(said(&document), [""; 0]);
    }

    #[test]
    fn open_mode_beside_secure_ones_is_named() {
        let modes = |modes: &[&str]| {
            said(&json!({"responder": {"modes": modes},
                         "keys": [{"id": "hub", "passphrase": "hidden"}]}))
        };
        assert_eq!(
            modes(&["auth", "open"]),
            [
                "responder.modes[1]: expected secure modes alone, where there are some, found open mode beside them; remove it, unless some senders have no key"
            ]
        );
        assert_eq!(modes(&["open"]), [""; 0]);
        assert_eq!(modes(&["auth", "mixed"]), [""; 0]);
    }

    #[test]
    fn probes_that_do_not_fit_a_line_whole_are_named() {
        let line = |probe: Value| {
            let mut line = json!({"id": 1, "name": "a", "remote": "192.0.2.1", "mtu": 1500});
            if probe.is_object() {
                line["probe"] = probe;
            }
            said(&json!({"probe": {"padding": 1459}, "lines": [line]}))
        };
        assert_eq!(
            line(Value::Null),
            [
                "probe.padding: expected at most 1458 octets, to fit lines[0].mtu, found 1459: probes of 1501 octets, which pass in fragments; pad less"
            ]
        );
        assert_eq!(line(json!({"padding": 1458})), [""; 0]);
        assert!(line(json!({"padding": 1460}))[0].starts_with("lines[0].probe.padding"));
    }

    #[test]
    fn an_underlay_that_no_line_has_is_named() {
        let document = json!({
            "lines": [{"id": 1, "name": "fibre", "remote": "192.0.2.1"}],
            "classes": [{"id": 1, "name": "voice", "prefer": ["fibre", "fiber"],
                         "sla": {"loss_percent": 1}}]
        });
        assert_eq!(
            said(&document),
            [
                r#"classes[0].prefer[1]: expected the underlay of a line, found "fiber", which no line has; mend the name, unless such a line comes later"#
            ]
        );
    }

    #[test]
    fn a_group_without_lines_leaves_classes_nothing_to_choose_from() {
        let mut document = json!({
            "lines": [{"id": 1, "name": "fibre", "remote": "192.0.2.1", "groups": [1]}],
            "groups": [{"id": 1, "name": "hub"}, {"id": 2, "name": "internet"}],
            "classes": [{"id": 1, "name": "voice", "sla": {"loss_percent": 1}}]
        });
        assert_eq!(
            said(&document),
            [
                r#"groups[1]: expected lines that classes choose from, found no line that is in "internet"; name its id in the groups of lines, unless such come later"#
            ]
        );
        document["classes"] = json!([]);
        assert_eq!(said(&document), [""; 0]);
    }
}
