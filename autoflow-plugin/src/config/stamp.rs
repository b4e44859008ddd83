//! What must fit together about STAMP: who asks has a protocol to ask by, who answers somebody to
//! let in.

use plugin_abi::config::{Probe, Protocol};
use plugin_abi::manage::Problem;

use super::keys::protocol;
use super::node::Node;
use super::unique::own_items;
use crate::session::stamp::longest_probe;

/// Judges how something is probed.
pub(super) fn probe(probe: &Node, problems: &mut Vec<Problem>) {
    let stamp = probe.key("stamp");
    own_items(&stamp.key("ask"), "question", Node::text, problems);
    let other = protocol(probe).is_some_and(|protocol| protocol != Protocol::Stamp);
    if stamp.is_there() && other {
        let fix = "take that protocol, or remove the table";
        problems.push(stamp.problem("no such table except with protocol stamp", fix));
    }
}

/// Octets of a STAMP packet of `probe` that are not the padding it is told to have.
pub(super) fn around_padding(probe: &Probe) -> u32 {
    let octets = longest_probe(probe).saturating_sub(probe.padding().into());
    u32::try_from(octets).unwrap_or(u32::MAX)
}

/// Judges how this end answers.
pub(super) fn responder(responder: &Node, problems: &mut Vec<Problem>) {
    let (stamp, modes, figures) = (
        responder.key("stamp"),
        responder.key("modes"),
        responder.key("figures"),
    );
    let answers = stamp.items().next().is_some();
    own_items(&stamp, "address", Node::text, problems);
    let light: Vec<_> = responder.key("light").items().collect();
    for address in stamp.items() {
        let same = light.iter().find(|other| other.value() == address.value());
        if let Some(other) = same {
            let expected = format!("an address that is not taken, as by {}", other.path());
            problems.push(address.problem(expected, "remove that one: STAMP answers both"));
        }
    }
    let of_stamp = |mode: Node| matches!(mode.text(), Some("open" | "auth"));
    if answers && modes.is_there() && !modes.items().any(of_stamp) {
        let fix = format!("add one of them, or remove {}", stamp.path());
        problems.push(modes.problem("open or auth, which STAMP can be", fix));
    }
    if figures.flag_or(false) == Some(true) && !answers {
        let expected = format!("an address in {}, whose senders tell them", stamp.path());
        problems.push(figures.problem(expected, "answer STAMP, or remove it"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;

    #[test]
    fn every_rule_has_its_sentence() {
        let stamp_mtu = json!({"lines": [
            {"id": 1, "name": "a", "remote": "192.0.2.1", "mtu": 576, "probe": {
                "protocol": "stamp", "dont_fragment": true, "padding": 493}}
        ]});
        let cases: &[(Value, &str)] = &[
            (
                json!({"probe": {"stamp": {"ssid": 1}}}),
                "probe.stamp: expected no such table except with protocol stamp, found an object; take that protocol, or remove the table",
            ),
            (
                json!({"probe": {"protocol": "stamp", "stamp": {"ask": ["location", "location"]}}}),
                r#"probe.stamp.ask[1]: expected a question that is not taken, found "location" as in probe.stamp.ask[0]; change one of the two"#,
            ),
            (
                json!({"probe": {"protocol": "stamp", "stamp": {"ask": ["direct-measurement"]}}}),
                r#"probe.stamp.ask[0]: expected one of class-of-service, location, timestamp-information, follow-up, found "direct-measurement"; take one of them"#,
            ),
            (
                json!({"probe": {"protocol": "stamp", "stamp": {"ssid": 65_536}}}),
                "probe.stamp.ssid: expected a whole number from 0 to 65535, found 65536; choose a number in that range",
            ),
            (
                json!({"probe": {"protocol": "stamp", "key_id": "hub"}}),
                r#"probe.key_id: expected the id of a key in keys, found "hub"; add the key, or name one that is there"#,
            ),
            (
                json!({"responder": {"stamp": ["[::]:862"], "light": ["[::]:862"],
                                     "peers": ["any"]}}),
                r#"responder.stamp[0]: expected an address that is not taken, as by responder.light[0], found "[::]:862"; remove that one: STAMP answers both"#,
            ),
            (
                json!({"responder": {"stamp": ["[::]:862"], "modes": ["mixed"], "peers": ["any"]},
                       "keys": [{"id": "hub"}]}),
                r#"responder.modes: expected open or auth, which STAMP can be, found ["mixed"]; add one of them, or remove responder.stamp"#,
            ),
            (
                json!({"responder": {"figures": true}}),
                "responder.figures: expected an address in responder.stamp, whose senders tell them, found true; answer STAMP, or remove it",
            ),
            (
                json!({"clock": "manual", "responder": {"stamp": ["[::]:862"], "peers": ["any"]}}),
                r#"responder.stamp: expected no socket under a manual clock, found ["[::]:862"]; remove it, or take the system's clock"#,
            ),
            (
                stamp_mtu,
                "lines[0].probe.padding: expected at most 492 octets, to fit lines[0].mtu, found 493; pad less, or let probes be fragmented",
            ),
        ];
        for (document, sentence) in cases {
            assert_eq!(mistakes(document), [*sentence]);
        }
    }

    #[test]
    fn a_session_of_stamp_may_have_a_key_or_none() {
        let good = json!({
            "keys": [{"id": "hub", "passphrase": "hidden"}],
            "probe": {"protocol": "stamp", "stamp": {
                "ssid": 7, "stateful": false, "figures_ms": 1_000,
                "ask": ["class-of-service", "location", "timestamp-information", "follow-up"]}},
            "responder": {"stamp": ["[::]:862"], "modes": ["auth"], "figures": true,
                          "peers": ["any"]},
            "lines": [{"id": 1, "name": "a", "remote": "192.0.2.1",
                       "probe": {"protocol": "stamp", "key_id": "hub"}}],
        });
        assert_eq!(mistakes(&good), [""; 0]);
    }
}
