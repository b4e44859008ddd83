//! What must fit together about overrides.

use plugin_abi::config::Hand;
use plugin_abi::manage::Problem;
use serde_json::{Map, Value};

use super::node::Node;
use super::schedule;
use super::unique::own;

/// What each kind needs beside its name and its end, and what it may have.
fn keys(hand: Hand) -> (&'static [&'static str], &'static [&'static str]) {
    match hand {
        Hand::Pin => (&["class", "line"], &["group"]),
        Hand::Drain | Hand::Maintain => (&["line"], &[]),
        Hand::Sla => (&["class", "sla"], &[]),
        Hand::Weight => (&["line", "percent"], &["class", "group"]),
    }
}

/// Judges the meaning of all overrides of a document.
pub(super) fn config(overrides: &Node, problems: &mut Vec<Problem>) {
    own(overrides, "name", Node::text, problems);
    for each in overrides.items() {
        one(&each, problems);
    }
}

/// Judges the meaning of one.
pub(super) fn one(order: &Node, problems: &mut Vec<Problem>) {
    let hand = Hand::ALL
        .into_iter()
        .find(|hand| order.key("what").text() == Some(hand.name()));
    if let Some(hand) = hand {
        parts(order, hand, problems);
    }
    let sla = order.key("sla");
    let is_empty = sla
        .value()
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty);
    if is_empty {
        let expected = "at least one of round_trip_ms, jitter_ms, loss_percent, packet_octets";
        problems.push(sla.problem_found(expected, "no demand", "say what the class needs"));
    }
    let (from, until) = (order.key("from"), order.key("until"));
    if let (Some(first), Some(last)) = (from.whole(), until.whole())
        && last <= first
    {
        let expected = format!("a time after {}", from.path());
        problems.push(until.problem(expected, "let it expire later, or hold earlier"));
    }
    again(order, problems);
}

fn parts(order: &Node, hand: Hand, problems: &mut Vec<Problem>) {
    let (needed, allowed) = keys(hand);
    for key in ["class", "line", "group", "sla", "percent"] {
        let node = order.key(key);
        let what = hand.name();
        if needed.contains(&key) && !node.is_there() {
            problems.push(node.problem(format!("the key {key:?}, as it is {what}"), "add it"));
        } else if !needed.contains(&key) && !allowed.contains(&key) && node.is_there() {
            problems.push(node.problem(format!("no {key}, as it is {what}"), "remove it"));
        }
    }
}

/// What holds again and again says when and for how long.
fn again(order: &Node, problems: &mut Vec<Problem>) {
    let (when, lasts) = (order.key("schedule"), order.key("lasts_s"));
    schedule::schedule(&when, problems);
    match (when.is_there(), lasts.is_there()) {
        (true, false) => {
            let expected = format!("how long it holds each time, as there is {}", when.path());
            problems.push(lasts.problem(expected, "add it"));
        }
        (false, true) => {
            let expected = format!("none without {}", when.path());
            problems.push(lasts.problem(expected, "remove it, or say when it holds"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;

    fn found(orders: &Value) -> Vec<String> {
        mistakes(&json!({"overrides": orders}))
    }

    #[test]
    fn each_kind_has_what_it_needs_and_nothing_else() {
        let good = json!([
            {"name": "a", "what": "pin", "class": "voice", "line": "fibre", "until": 9},
            {"name": "b", "what": "drain", "line": "fibre", "until": 9, "from": 8},
            {"name": "c", "what": "maintain", "line": "fibre", "until": 9, "by": "analyzer",
             "schedule": {"cron": "0 3 * * sun"}, "lasts_s": 3600},
            {"name": "d", "what": "sla", "class": "voice", "sla": {"loss_percent": 1}, "until": 9},
            {"name": "e", "what": "weight", "line": "lte", "percent": 0, "class": "bulk",
             "group": "hub", "until": 9},
        ]);
        assert_eq!(found(&good), [""; 0]);
        assert_eq!(
            found(&json!([
                {"name": "a", "what": "pin", "line": "fibre", "sla": {}, "until": 9},
                {"name": "b", "what": "drain", "class": "voice", "until": 9},
                {"name": "c", "what": "weight", "line": "lte", "until": 9},
            ])),
            [
                r#"overrides[0].class: expected the key "class", as it is pin, found nothing; add it"#,
                "overrides[0].sla: expected no sla, as it is pin, found an object; remove it",
                "overrides[0].sla: expected at least one of round_trip_ms, jitter_ms, loss_percent, packet_octets, found no demand; say what the class needs",
                "overrides[1].class: expected no class, as it is drain, found \"voice\"; remove it",
                r#"overrides[1].line: expected the key "line", as it is drain, found nothing; add it"#,
                r#"overrides[2].percent: expected the key "percent", as it is weight, found nothing; add it"#,
            ]
        );
    }

    #[test]
    fn times_fit_together() {
        let drain = |name: &str, more: Value| {
            let mut order = json!({"name": name, "what": "drain", "line": "a", "until": 9});
            for (key, value) in more.as_object().unwrap() {
                order[key] = value.clone();
            }
            order
        };
        assert_eq!(
            found(&json!([
                drain("a", json!({"from": 9})),
                drain("a", json!({"lasts_s": 60})),
                drain("b", json!({"schedule": {"every_s": 3600}})),
            ])),
            [
                r#"overrides[1].name: expected a name that is not taken, found "a" as in overrides[0].name; change one of the two"#,
                "overrides[0].until: expected a time after overrides[0].from, found 9; let it expire later, or hold earlier",
                "overrides[1].lasts_s: expected none without overrides[1].schedule, found 60; remove it, or say when it holds",
                "overrides[2].lasts_s: expected how long it holds each time, as there is overrides[2].schedule, found nothing; add it",
            ]
        );
    }
}
