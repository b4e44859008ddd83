//! What must fit together about keys: who needs one has one.

use std::collections::HashSet;

use plugin_abi::config::Protocol;
use plugin_abi::manage::Problem;
use serde::Deserialize;
use serde_json::Value;

use super::node::Node;
use super::unique::own_items;

/// Judges keys and all who use them.
pub(super) fn config(root: &Node, problems: &mut Vec<Problem>) {
    let keys = root.key("keys");
    let known: HashSet<&str> = keys
        .items()
        .filter_map(|key| key.key("id").text())
        .collect();
    for key in keys.items() {
        times(&key, problems);
    }
    let probes = root.key("lines").items().map(|line| line.key("probe"));
    for probe in std::iter::once(root.key("probe")).chain(probes) {
        key_of(&probe, &known, problems);
    }
    modes(&root.key("responder").key("modes"), &known, problems);
}

/// The protocol of a probe; `None` where it is none.
pub(super) fn protocol(probe: &Node) -> Option<Protocol> {
    match probe.key("protocol").value() {
        Some(word) => Protocol::deserialize(word).ok(),
        None => Some(Protocol::default()),
    }
}

fn times(key: &Node, problems: &mut Vec<Problem>) {
    let (first, last) = (key.key("not_before"), key.key("not_after"));
    if let (Some(from), Some(until)) = (first.whole(), last.whole())
        && from >= until
    {
        let expected = format!("a time after {from}, as in {}", first.path());
        problems.push(last.problem(expected, "write Unix seconds, the earlier time first"));
    }
}

/// A secure protocol has a key, and a key that is named exists.
pub(super) fn key_of(probe: &Node, known: &HashSet<&str>, problems: &mut Vec<Problem>) {
    let key = probe.key("key_id");
    match (key.text(), protocol(probe)) {
        (Some(id), _) if !known.contains(id) => {
            let fix = "add the key, or name one that is there";
            problems.push(key.problem("the id of a key in keys", fix));
        }
        (None, Some(protocol)) if protocol.is_secure() && !key.is_there() => {
            let expected = format!("the id of a key in keys, for protocol {}", protocol.name());
            problems.push(key.problem(expected, "name a key, or take protocol open"));
        }
        _ => {}
    }
}

fn modes(modes: &Node, known: &HashSet<&str>, problems: &mut Vec<Problem>) {
    own_items(modes, "mode", Node::text, problems);
    let all: Vec<_> = modes.items().collect();
    if all.is_empty() && modes.value().is_some_and(Value::is_array) {
        problems.push(modes.problem("at least one mode", "remove it to offer open mode"));
    }
    let secure = |mode: &&Node| matches!(mode.text(), Some("auth" | "encrypted" | "mixed"));
    if let (true, Some(mode)) = (known.is_empty(), all.iter().find(secure)) {
        let fix = "add a key, or offer open mode alone";
        problems.push(mode.problem("at least one key in keys for such a mode", fix));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;

    const KEYS: &str = "keys";

    fn document(keys: Value, rest: Value) -> Value {
        let mut document = rest;
        document[KEYS] = keys;
        document
    }

    fn hub() -> Value {
        json!([{"id": "hub", "passphrase": "hidden"}])
    }

    #[test]
    fn every_rule_has_its_sentence() {
        let cases: &[(Value, Value, &str)] = &[
            (
                hub(),
                json!({"probe": {"protocol": "auth"}}),
                "probe.key_id: expected the id of a key in keys, for protocol auth, found nothing; name a key, or take protocol open",
            ),
            (
                hub(),
                json!({"lines": [{"id": 1, "name": "a", "remote": "192.0.2.1",
                                  "probe": {"protocol": "mixed", "key_id": "hob"}}]}),
                r#"lines[0].probe.key_id: expected the id of a key in keys, found "hob"; add the key, or name one that is there"#,
            ),
            (
                json!([]),
                json!({"responder": {"modes": ["open", "encrypted"]}}),
                r#"responder.modes[1]: expected at least one key in keys for such a mode, found "encrypted"; add a key, or offer open mode alone"#,
            ),
            (
                hub(),
                json!({"responder": {"modes": ["open", "open"]}}),
                r#"responder.modes[1]: expected a mode that is not taken, found "open" as in responder.modes[0]; change one of the two"#,
            ),
            (
                hub(),
                json!({"responder": {"modes": []}}),
                "responder.modes: expected at least one mode, found an empty list; remove it to offer open mode",
            ),
            (
                json!([{"id": "hub"}, {"id": "hub"}]),
                json!({}),
                r#"keys[1].id: expected an id that is not taken, found "hub" as in keys[0].id; change one of the two"#,
            ),
            (
                json!([{"id": "hub", "not_before": 5, "not_after": 5}]),
                json!({}),
                "keys[0].not_after: expected a time after 5, as in keys[0].not_before, found 5; write Unix seconds, the earlier time first",
            ),
        ];
        for (keys, rest, sentence) in cases {
            assert_eq!(mistakes(&document(keys.clone(), rest.clone())), [*sentence]);
        }
    }

    #[test]
    fn an_id_has_80_octets_at_most_however_many_letters_they_are() {
        let keys = |id: &str| mistakes(&document(json!([{"id": id}]), json!({})));
        assert_eq!(keys(&"é".repeat(40)), [""; 0]);
        assert_eq!(keys(&"é".repeat(41)).len(), 1);
    }

    #[test]
    fn an_empty_passphrase_is_none() {
        let keys = json!([{"id": "hub", "passphrase": ""}]);
        assert_eq!(mistakes(&document(keys, json!({}))).len(), 1);
    }

    #[test]
    fn a_secret_in_a_wrong_place_is_not_shown_either() {
        let wrong = [
            json!("hidden"),
            json!(["hidden"]),
            json!([["hidden"]]),
            json!({"hub": "hidden"}),
            json!([{"id": "hub", "passphrase": "hidden\n"}]),
            json!([{"id": "hub", "passphrase": ["hidden"]}]),
            json!([{"id": "hub", "passphrase": {"is": "hidden"}}]),
            json!([{"id": "hub", "pass": "hidden"}]),
        ];
        for keys in wrong {
            let sentences = mistakes(&document(keys.clone(), json!({})));
            assert!(!sentences.is_empty(), "{keys}");
            for sentence in sentences {
                assert!(!sentence.contains("hidden"), "{sentence}");
            }
        }
    }
}
