//! Probes of full size: how they leave, and what must fit together about them.

use plugin_abi::config::{Config, Line, MtuProbe, Probe};
use plugin_abi::manage::Problem;

use super::meaning::headers;
use super::node::Node;

/// How probes of full size of a line leave, if it has any: as those of its first probe class, but as
/// long and as seldom as is asked, whole, and not longer for any feature.
pub(crate) fn full_size(config: &Config, line: &Line) -> Option<(MtuProbe, Probe)> {
    let (asked, remote) = (config.mtu_probe_of(line)?, line.remote?);
    let class = config.probed().by.first().copied().flatten();
    let mut probe = Probe {
        interval_ms: Some(asked.every_s * 1e3),
        stream: Default::default(),
        // That of STAMP has a header of its own.
        padding: Some(1),
        dont_fragment: true,
        symmetric: false,
        reflect_octets: None,
        ..config.probe_of(line, class)
    };
    let padding = u32::from(asked.octets).saturating_sub(headers(&probe, remote.ip().is_ipv6()));
    probe.padding = Some(padding as u16);
    Some((asked, probe))
}

/// Probes of full size of a line fit it, as far as it says.
pub(super) fn fits(line: &Node, problems: &mut Vec<Problem>) {
    let (mtu, octets) = (line.key("mtu"), line.key("mtu_probe").key("octets"));
    if let (Some(most), Some(found)) = (mtu.whole(), octets.whole())
        && found > most
    {
        let expected = format!("at most {most}, as {}", mtu.path());
        let fix = "let them be smaller: what is longer than the line is never taken";
        problems.push(octets.problem(expected, fix));
    }
}

/// What classes need, and probes of full size don't tell.
pub(super) fn warnings(config: &Config, warnings: &mut Vec<Problem>) {
    for (index, class) in config.classes.iter().enumerate() {
        let Some(needed) = class.sla.packet_octets else {
            continue;
        };
        let told = |line: &&std::sync::Arc<Line>| {
            let probe = config.mtu_probe_of(line);
            probe.is_none_or(|probe| probe.octets > needed)
        };
        let lines = config.lines.iter();
        // Who says that a line has none means it.
        let meant = |line: &Line| line.mtu_probe.is_some_and(|probe| !probe.enabled);
        let lines = lines.filter(|line| line.sender && !line.groups.is_empty() && !meant(line));
        if let Some(line) = lines.clone().find(told) {
            let found = match config.mtu_probe_of(line) {
                None => format!("{needed}, and line {:?} has none", line.name),
                Some(probe) => {
                    format!(
                        "{needed}, and those of line {:?} have {}",
                        line.name, probe.octets
                    )
                }
            };
            warnings.push(Problem {
                path: format!("classes[{index}].sla.packet_octets"),
                expected: "probes of full size that are no longer, on each line".into(),
                found,
                fix: "write mtu_probe with as many octets, for the engine or the line".into(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;
    use super::super::{judge, warnings};
    use super::*;

    fn padding(remote: &str, probe: Value) -> Option<u16> {
        let mut line = json!({"id": 1, "name": "a", "remote": remote, "mtu_probe": {}});
        line["probe"] = probe;
        let document = json!({"lines": [line], "keys": [{"id": "k", "passphrase": "hidden"}]});
        let config = judge(&document).unwrap();
        let (_, probe) = full_size(&config, &config.lines[0])?;
        assert!(probe.dont_fragment && probe.interval_ms == Some(30_000.0));
        probe.padding
    }

    #[test]
    fn with_all_headers_they_are_as_long_as_is_asked() {
        let padding = |remote: &str, probe| padding(remote, probe).unwrap();
        assert_eq!(padding("192.0.2.1", json!({})), 1_400 - 20 - 8 - 14);
        assert_eq!(padding("2001:db8::1", json!({})), 1_400 - 40 - 8 - 14);
        let auth = json!({"protocol": "auth", "key_id": "k", "symmetric": true});
        assert_eq!(padding("192.0.2.1", auth), 1_400 - 20 - 8 - 48);
        let stamp = padding("192.0.2.1", json!({"protocol": "stamp"}));
        let probe = Probe {
            protocol: plugin_abi::config::Protocol::Stamp,
            padding: Some(stamp),
            ..Probe::default()
        };
        assert_eq!(headers(&probe, false) + u32::from(stamp), 1_400);
    }

    #[test]
    fn they_are_marked_as_those_of_the_first_class_that_is_probed() {
        let document = json!({
            "probe": {"dscp": 10}, "mtu_probe": {"every_s": 5},
            "probe_classes": [{"id": 1, "name": "realtime", "dscp": 46}],
            "lines": [{"id": 1, "name": "a", "remote": "192.0.2.1"}],
            "classes": [{"id": 1, "name": "voice", "sla": {"jitter_ms": 9},
                         "probe_class": "realtime"}],
        });
        let dscp = |document: &Value| {
            let config = judge(document).unwrap();
            full_size(&config, &config.lines[0]).map(|(_, probe)| probe.dscp)
        };
        assert_eq!(dscp(&document), Some(46));
        let mut both = document.clone();
        let bulk = json!({"id": 2, "name": "bulk", "sla": {"loss_percent": 9}});
        both["classes"].as_array_mut().unwrap().push(bulk);
        assert_eq!(dscp(&both), Some(10));
    }

    #[test]
    fn what_can_never_pass_is_a_mistake() {
        let of = |octets: u16| {
            mistakes(
                &json!({"lines": [{"id": 1, "name": "a", "remote": "192.0.2.1",
                                        "mtu": 1280, "mtu_probe": {"octets": octets}}]}),
            )
        };
        assert_eq!(of(1_280), [""; 0]);
        assert_eq!(
            of(1_281),
            [
                "lines[0].mtu_probe.octets: expected at most 1280, as lines[0].mtu, found 1281; let them be smaller: what is longer than the line is never taken"
            ]
        );
        assert!(of(255)[0].contains("a whole number from 256 to 9000"));
    }

    #[test]
    fn a_class_whose_need_nobody_probes_for_is_named() {
        let said = |octets: u16| {
            let config = judge(&json!({
                "mtu_probe": {"octets": octets},
                "groups": [{"id": 1, "name": "hub"}],
                "lines": [{"id": 1, "name": "a", "remote": "192.0.2.1", "groups": [1]}],
                "classes": [{"id": 1, "name": "bulk", "sla": {"packet_octets": 1400}}],
            }));
            let said = warnings(&config.unwrap());
            said.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(said(1_400), [""; 0]);
        assert_eq!(
            said(1_401),
            [
                r#"classes[0].sla.packet_octets: expected probes of full size that are no longer, on each line, found 1400, and those of line "a" have 1401; write mtu_probe with as many octets, for the engine or the line"#
            ]
        );
    }
}
