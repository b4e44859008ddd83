//! What must fit together about features: who asks for some talks to the far end first, and has
//! the padding that they need.

use plugin_abi::config::{Probe, Protocol};
use plugin_abi::manage::Problem;

use super::keys::protocol;
use super::node::Node;
use super::unique::own_items;
use crate::session::features::most_padding;

/// Judges what a probe asks for.
pub(super) fn probe(probe: &Node, problems: &mut Vec<Problem>) {
    let Some(protocol) = protocol(probe) else {
        return;
    };
    let asked = asked(probe);
    if !protocol.has_control() {
        // How STAMP writes its stamps is a matter of each end.
        let own = |feature: &Node| protocol == Protocol::Stamp && is_ptp(feature);
        for feature in asked.into_iter().filter(|feature| !own(feature)) {
            let expected = format!("no feature with protocol {}", protocol.name());
            let fix = "remove it, or take a protocol that can agree on it";
            problems.push(feature.problem(expected, fix));
        }
        return;
    }
    // PTP stamps need no room.
    let needy = asked.iter().filter(|feature| !is_ptp(feature));
    let needy: Vec<_> = needy.map(Node::path).collect();
    let (padding, least) = (probe.key("padding"), default_padding(probe));
    if !needy.is_empty() && padding.whole().is_some_and(|octets| octets < least.into()) {
        let expected = format!("at least {least} octets, for {}", needy.join(" and "));
        problems.push(padding.problem(expected, "pad more, or leave it out"));
    }
}

/// Judges what a responder offers.
pub(super) fn responder(features: &Node, problems: &mut Vec<Problem>) {
    own_items(features, "feature", Node::text, problems);
}

/// Octets after the sender packet of a probe that is not told how many, at most.
pub(super) fn default_padding(probe: &Node) -> u16 {
    let reflected = probe.key("reflect_octets").whole();
    most_padding(&Probe {
        protocol: protocol(probe).unwrap_or_default(),
        reflect_octets: reflected.and_then(|octets| u16::try_from(octets).ok()),
        ..Probe::default()
    })
}

fn is_ptp(feature: &Node) -> bool {
    feature.path().ends_with("ptp")
}

/// The features that are asked for; DSCP and ECN are without asking.
fn asked<'doc>(probe: &Node<'doc>) -> Vec<Node<'doc>> {
    let flags = ["ptp", "symmetric"].map(|key| probe.key(key));
    let flags = flags.into_iter();
    let mut asked: Vec<_> = flags
        .filter(|flag| flag.flag_or(false) == Some(true))
        .collect();
    let octets = probe.key("reflect_octets");
    let some = octets.whole().is_some_and(|octets| octets > 0);
    asked.extend(some.then_some(octets));
    asked
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;

    fn of_probe(probe: &Value) -> Vec<String> {
        mistakes(&json!({"probe": probe}))
    }

    #[test]
    fn every_rule_has_its_sentence() {
        let cases: &[(Value, &str)] = &[
            (
                json!({"probe": {"protocol": "light", "ptp": true}}),
                "probe.ptp: expected no feature with protocol light, found true; remove it, or take a protocol that can agree on it",
            ),
            (
                json!({"lines": [{"id": 1, "name": "a", "remote": "192.0.2.1",
                                  "probe": {"protocol": "light", "reflect_octets": 4}}]}),
                "lines[0].probe.reflect_octets: expected no feature with protocol light, found 4; remove it, or take a protocol that can agree on it",
            ),
            (
                json!({"probe": {"protocol": "stamp", "ptp": true, "symmetric": true}}),
                "probe.symmetric: expected no feature with protocol stamp, found true; remove it, or take a protocol that can agree on it",
            ),
            (
                json!({"probe": {"symmetric": true, "padding": 29}}),
                "probe.padding: expected at least 30 octets, for probe.symmetric, found 29; pad more, or leave it out",
            ),
            (
                json!({"probe": {"symmetric": true, "reflect_octets": 10, "padding": 39}}),
                "probe.padding: expected at least 40 octets, for probe.symmetric and probe.reflect_octets, found 39; pad more, or leave it out",
            ),
            (
                json!({"probe": {"protocol": "auth", "key_id": "hub", "reflect_octets": 10,
                                 "padding": 73},
                       "keys": [{"id": "hub", "passphrase": "hidden"}]}),
                "probe.padding: expected at least 74 octets, for probe.reflect_octets, found 73; pad more, or leave it out",
            ),
            (
                json!({"responder": {"features": ["dscp-ecn", "dscp-ecn"]}}),
                r#"responder.features[1]: expected a feature that is not taken, found "dscp-ecn" as in responder.features[0]; change one of the two"#,
            ),
            (
                json!({"lines": [{"id": 1, "name": "a", "remote": "192.0.2.1", "mtu": 80,
                                  "probe": {"dont_fragment": true, "reflect_octets": 9}}]}),
                "lines[0].probe.padding: expected at most 38 octets, to fit lines[0].mtu, found 39; pad less, or let probes be fragmented",
            ),
        ];
        for (document, sentence) in cases {
            assert_eq!(mistakes(document), [*sentence]);
        }
    }

    #[test]
    fn what_is_not_asked_for_needs_nothing() {
        assert_eq!(
            of_probe(&json!({"padding": 0, "symmetric": false})),
            [""; 0]
        );
        assert_eq!(of_probe(&json!({"padding": 0, "ptp": true})), [""; 0]);
        let light = json!({"protocol": "light", "ptp": false, "symmetric": false});
        assert_eq!(of_probe(&light), [""; 0]);
        assert_eq!(mistakes(&json!({"responder": {"features": []}})), [""; 0]);
    }
}
