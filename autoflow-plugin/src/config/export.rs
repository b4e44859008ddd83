//! What must fit together about collectors of results.

use plugin_abi::config::{Config, DOCUMENTATION_ENTERPRISE};
use plugin_abi::manage::Problem;

use super::node::Node;
use super::unique::own;

/// Each collector has a name of its own.
pub(super) fn config(export: &Node, problems: &mut Vec<Problem>) {
    own(&export.key("collectors"), "name", Node::text, problems);
}

/// Elements that anybody may call his own.
pub(super) fn borrowed_enterprise(config: &Config) -> Option<Problem> {
    let export = &config.export;
    let borrowed = export.enterprise == DOCUMENTATION_ENTERPRISE;
    (borrowed && !export.collectors.is_empty()).then(|| Problem {
        path: "export.enterprise".into(),
        expected: "a private enterprise number of your own".into(),
        found: format!("{DOCUMENTATION_ENTERPRISE}, which is for documents and tests (RFC 5612)"),
        fix: "write your own, or make sure that nobody else at the collector takes this one".into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;
    use super::super::{judge, warnings};

    fn collectors(collectors: &Value) -> Value {
        json!({"export": {"collectors": collectors}})
    }

    #[test]
    fn collectors_that_are_right_are_taken_and_a_borrowed_number_is_told() {
        let mut document = collectors(&json!([
            {"name": "a", "at": "collector.example:4739", "transport": "tcp"},
            {"name": "b", "at": "[2001:db8::1]:4739", "mtu": 576, "templates_s": 1,
             "retry_s": 1, "queue": 16},
        ]));
        let config = judge(&document).unwrap();
        assert_eq!(warnings(&config)[0].path, "export.enterprise");
        document["export"]["enterprise"] = json!(9);
        assert_eq!(warnings(&judge(&document).unwrap()), []);
    }

    #[test]
    fn every_mistake_in_a_collector_has_its_sentence() {
        for (key, value, sentence) in [
            (
                "at",
                json!("collector.example"),
                r#"at: expected a host's name or IP address, with a port above 0, found "collector.example"; write it as "collector.example:4739", "192.0.2.1:4739" or "[2001:db8::1]:4739""#,
            ),
            (
                "at",
                json!("192.0.2.1:0"),
                r#"at: expected a host's name or IP address, with a port above 0, found "192.0.2.1:0"; write it as "collector.example:4739", "192.0.2.1:4739" or "[2001:db8::1]:4739""#,
            ),
            (
                "transport",
                json!("sctp"),
                r#"transport: expected one of udp, tcp, found "sctp"; take one of them"#,
            ),
            (
                "mtu",
                json!(575),
                "mtu: expected a whole number from 576 to 65535, found 575; choose a number in that range",
            ),
            (
                "templates_s",
                json!(0),
                "templates_s: expected a whole number from 1 to 86400, found 0; choose a number in that range",
            ),
            (
                "queue",
                json!(1),
                "queue: expected a whole number from 16 to 1000000, found 1; choose a number in that range",
            ),
            (
                "prot",
                json!("udp"),
                r#"prot: expected a key that is known here, found "prot"; remove it, or take one of name, at, transport, mtu, templates_s, retry_s, queue"#,
            ),
        ] {
            let mut collector = json!({"name": "a", "at": "192.0.2.1:4739"});
            collector[key] = value;
            let found = mistakes(&collectors(&json!([collector])));
            assert_eq!(found, [format!("export.collectors[0].{sentence}")]);
        }
        let zero = json!({"export": {"enterprise": 0, "interval_s": 0}});
        assert_eq!(
            mistakes(&zero),
            [
                "export.interval_s: expected a whole number from 1 to 86400, found 0; choose a number in that range",
                "export.enterprise: expected a whole number from 1 to 4294967295, found 0; choose a number in that range",
            ]
        );
    }

    #[test]
    fn two_of_a_name_and_any_under_a_manual_clock_are_refused() {
        let two = collectors(&json!([{"name": "a", "at": "b:1"}, {"name": "a", "at": "c:1"}]));
        assert_eq!(
            mistakes(&two),
            [
                r#"export.collectors[1].name: expected a name that is not taken, found "a" as in export.collectors[0].name; change one of the two"#
            ]
        );
        let mut manual = collectors(&json!([{"name": "a", "at": "b:1"}]));
        manual["clock"] = json!("manual");
        let found = mistakes(&manual).concat();
        assert!(
            found.starts_with("export.collectors: expected no socket under a manual clock"),
            "{found}"
        );
    }
}
