//! What must fit together about classes of probes.

use std::collections::HashMap;

use plugin_abi::config::{MTU_PROBE_NAME, SHARED_PROBE_CLASS};
use plugin_abi::manage::Problem;
use serde_json::Value;

use super::node::Node;
use super::shape::nearest;
use super::unique::own;

/// Judges the meaning of all probe classes, and of what classes of traffic say of them: those of
/// the document and, beside them, of its topology.
pub(super) fn config(root: &Node, problems: &mut Vec<Problem>) {
    own(&root.key("probe_classes"), "id", Node::whole, problems);
    own(&root.key("probe_classes"), "name", Node::text, problems);
    let both = [root.clone(), root.key("topology")];
    let all = |list: &str| -> Vec<_> {
        let lists = both.iter().map(|of| of.key(list));
        lists.flat_map(|list| list.items()).collect()
    };
    let classes = all("probe_classes");
    for id in classes.iter().map(|class| class.key("id")) {
        if id.whole() == Some(SHARED_PROBE_CLASS) {
            let expected = format!("another id than {SHARED_PROBE_CLASS}, which no name has");
            problems.push(id.problem(expected, "count from 1 on"));
        }
    }
    for name in classes.iter().map(|class| class.key("name")) {
        if name.text() == Some(MTU_PROBE_NAME) {
            let expected = "another name than that of probes of full size";
            problems.push(name.problem(expected, "rename it"));
        }
    }
    alike(&classes, problems);
    let names = classes.iter().filter_map(|class| class.key("name").text());
    let names: Vec<_> = names.collect();
    for named in all("classes").iter().map(|class| class.key("probe_class")) {
        let Some(name) = named.text().filter(|name| !names.contains(name)) else {
            continue;
        };
        let fix = match nearest(name, names.iter().copied()) {
            Some(known) => format!("did you mean {known:?}?"),
            None => "add it there, or leave this out: the class shares all others' probes".into(),
        };
        problems.push(named.problem("the name of one of probe_classes", fix));
    }
}

/// Two that say the same would measure the same twice.
fn alike(classes: &[Node], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<_, &str> = HashMap::new();
    for class in classes {
        let (interval, padding) = (class.key("interval_ms"), class.key("padding"));
        let interval = interval.value().and_then(Value::as_f64).map(f64::to_bits);
        let says = (class.key("dscp").dscp(), padding.whole(), interval);
        if let (Some(first), Some(_)) = (seen.get(&says), says.0) {
            let expected = format!("other probes than those of {first}");
            let fix = "remove one of the two, and let its classes name the other";
            problems.push(class.problem_found(expected, "the same", fix));
        } else {
            seen.insert(says, class.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{good, mistakes};

    fn with(probe_classes: Value, named: Option<&str>) -> Vec<String> {
        let mut document = good();
        document["probe_classes"] = probe_classes;
        if let Some(named) = named {
            document["classes"][0]["probe_class"] = json!(named);
        }
        mistakes(&document)
    }

    #[test]
    fn probe_classes_that_fit_together_are_no_mistake() {
        let two = json!([
            {"id": 1, "name": "realtime", "dscp": "EF"},
            {"id": 2, "name": "bulk", "dscp": "EF", "padding": 1000},
        ]);
        assert_eq!(with(two.clone(), Some("realtime")), [""; 0]);
        assert_eq!(with(two, None), [""; 0]);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let odd = json!([
            {"id": 0, "name": "realtime", "dscp": 46, "interval_ms": 50},
            {"id": 1, "name": "realtime", "dscp": "EF", "interval_ms": 50.0},
            {"id": 1, "name": "other", "dscp": 10, "interval_ms": 4000},
        ]);
        assert_eq!(
            with(odd, Some("realtme")),
            [
                "probe_classes[2].interval_ms: expected at most 3000, as decision.stale_after_ms, found 4000; probe more often, or let figures live longer",
                "probe_classes[2].id: expected an id that is not taken, found 1 as in probe_classes[1].id; change one of the two",
                r#"probe_classes[1].name: expected a name that is not taken, found "realtime" as in probe_classes[0].name; change one of the two"#,
                "probe_classes[0].id: expected another id than 0, which no name has, found 0; count from 1 on",
                "probe_classes[1]: expected other probes than those of probe_classes[0], found the same; remove one of the two, and let its classes name the other",
                r#"classes[0].probe_class: expected the name of one of probe_classes, found "realtme"; did you mean "realtime"?"#,
            ]
        );
    }

    #[test]
    fn none_is_called_as_probes_of_full_size_are() {
        let named = with(json!([{"id": 1, "name": "mtu-probe", "dscp": 10}]), None);
        assert_eq!(
            named,
            [
                r#"probe_classes[0].name: expected another name than that of probes of full size, found "mtu-probe"; rename it"#
            ]
        );
    }

    #[test]
    fn a_probe_class_that_nobody_knows_is_a_mistake() {
        assert_eq!(
            with(json!([]), Some("realtime")),
            [
                r#"classes[0].probe_class: expected the name of one of probe_classes, found "realtime"; add it there, or leave this out: the class shares all others' probes"#
            ]
        );
    }
}
