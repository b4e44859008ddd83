//! Addresses that persons let answer, beside those of the document.

use plugin_abi::manage::Problem;

use super::node::Node;

/// None is there twice, and none where others answer in another way.
pub(super) fn added(responder: &Node, problems: &mut Vec<Problem>) {
    let lists = ["light", "stamp"].map(|kind| (kind, responder.key(kind)));
    let mut before: Vec<Node> = Vec::new();
    for node in responder.key("added").items() {
        let (at, protocol) = (node.key("at"), node.key("protocol"));
        let same_at = |other: &Node| other.value().is_some() && other.value() == at.value();
        let is_light_or_stamp = |kind: Option<&str>| matches!(kind, Some("light" | "stamp"));
        let kind = protocol.text();
        let listed = lists
            .iter()
            .filter(|(other, _)| is_light_or_stamp(kind) && Some(*other) != kind)
            .flat_map(|(_, list)| list.items())
            .find(&same_at);
        let added = before.iter().find(|other| {
            let beside = other.key("protocol").text();
            same_at(&other.key("at"))
                && (beside == kind || is_light_or_stamp(beside) && is_light_or_stamp(kind))
        });
        if let Some(first) = listed.as_ref().or(added) {
            let expected = format!("an address that is not taken, as by {}", first.path());
            problems.push(at.problem(expected, "take another port, or remove one of the two"));
        }
        before.push(node);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;

    fn found(light: &Value, added: &Value) -> Vec<String> {
        mistakes(&json!({"responder": {"light": light, "added": added, "peers": ["any"]}}))
    }

    #[test]
    fn an_address_answers_in_one_way() {
        let one = |protocol: &str| json!({"at": "127.0.0.1:862", "protocol": protocol});
        let none = json!([]);
        assert_eq!(found(&none, &json!([one("twamp"), one("stamp")])), [""; 0]);
        assert_eq!(
            found(&json!(["127.0.0.1:862"]), &json!([one("light")])),
            [""; 0]
        );
        let taken = |place: usize, by: &str| {
            format!(
                r#"responder.added[{place}].at: expected an address that is not taken, as by {by}, found "127.0.0.1:862"; take another port, or remove one of the two"#
            )
        };
        assert_eq!(
            found(&json!(["127.0.0.1:862"]), &json!([one("stamp")])),
            [taken(0, "responder.light[0]")]
        );
        for (first, second) in [("light", "stamp"), ("twamp", "twamp"), ("stamp", "stamp")] {
            assert_eq!(
                found(&none, &json!([one(first), one(second)])),
                [taken(1, "responder.added[0]")]
            );
        }
    }
}
