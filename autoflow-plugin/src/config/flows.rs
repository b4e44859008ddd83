//! Rules of classes: which flows are of them.

use plugin_abi::config::{Config, IpProtocol, Ports};
use plugin_abi::manage::Problem;

use super::node::Node;
use crate::flow::{MOST_RULES, Matched};

/// What must fit together in the rules of `classes`.
pub(super) fn config(classes: &Node, problems: &mut Vec<Problem>) {
    let rules = || classes.items().flat_map(|class| class.key("flows").items());
    let count = rules().count();
    if count > MOST_RULES {
        let expected = format!("at most {MOST_RULES} rules of flows in all classes");
        let fix = "name several networks, ports or marks in one rule";
        problems.push(classes.problem_found(expected, count.to_string(), fix));
    }
    for rule in rules() {
        ports_need_a_protocol(&rule, problems);
        one_family(&rule, problems);
    }
}

/// Rules that no flow gets to: earlier ones take all that they match.
pub(super) fn warnings(config: &Config, warnings: &mut Vec<Problem>) {
    let rules = config
        .classes
        .iter()
        .enumerate()
        .flat_map(|(index, class)| {
            let path = move |place| format!("classes[{index}].flows[{place}]");
            let rule = move |(place, rule)| (path(place), Matched::of(rule));
            class.flows.iter().enumerate().map(rule)
        });
    let mut before: Vec<(String, Matched)> = Vec::new();
    for (path, rule) in rules {
        if let Some((first, _)) = before.iter().find(|(_, first)| first.covers(&rule)) {
            warnings.push(Problem {
                expected: "a rule that some flow gets to".into(),
                found: format!("all that it matches is matched by {first} before"),
                fix: "move it, or its class, before that rule, or remove it".into(),
                path,
            });
        } else {
            before.push((path, rule));
        }
    }
}

fn ports_need_a_protocol(rule: &Node, problems: &mut Vec<Problem>) {
    let named = ["source_ports", "destination_ports"]
        .map(|key| rule.key(key))
        .into_iter()
        .find(|ports| ports.items().any(|port| port.parsed::<Ports>().is_some()));
    let Some(ports) = named else { return };
    for protocol in rule.key("protocol").items() {
        if let Some(known) = protocol.parsed::<IpProtocol>()
            && !known.has_ports()
        {
            let expected = format!("a protocol with ports, as {} names some", ports.path());
            problems.push(protocol.problem(expected, "remove it, or make it a rule of its own"));
        }
    }
}

/// A packet's two addresses are of one family.
fn one_family(rule: &Node, problems: &mut Vec<Problem>) {
    let families = |key: &str| {
        let networks = rule.key(key);
        let known = networks.items().filter_map(|network| network.prefix());
        let is_v4: Vec<bool> = known.map(|network| network.ends().0.is_ipv4()).collect();
        (networks, is_v4)
    };
    let ((_, from), (destination, to)) = (families("source"), families("destination"));
    if let (Some(first), false) = (from.first(), to.is_empty())
        && from.iter().all(|is_v4| is_v4 == first)
        && to.iter().all(|is_v4| is_v4 != first)
    {
        let family = if *first { "IPv4" } else { "IPv6" };
        let expected = format!("an {family} network, as those of source");
        problems.push(destination.problem(expected, "no packet has addresses of both families"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::mistakes;
    use super::super::{judge, warnings};
    use super::*;

    fn document(rules: &Value) -> Value {
        json!({"classes": [{"id": 1, "name": "a", "sla": {"loss_percent": 1}, "flows": rules}]})
    }

    #[test]
    fn every_mistake_of_a_rule_is_named() {
        let rules = json!([
            {"dscp": [64, "ef", "EX"], "protocol": [256, "tcp", "http"]},
            {"source": ["10.0.0.1/8"], "source_ports": [0, 65535, "5-4"], "port": 3},
            {"destination": "10.0.0.0/8"},
        ]);
        let named: Vec<String> = mistakes(&document(&rules))
            .into_iter()
            .map(|mistake| mistake.split(':').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            named,
            [
                "classes[0].flows[0].dscp[0]",
                "classes[0].flows[0].dscp[2]",
                "classes[0].flows[0].protocol[0]",
                "classes[0].flows[0].protocol[2]",
                "classes[0].flows[1].port",
                "classes[0].flows[1].source[0]",
                "classes[0].flows[1].source_ports[0]",
                "classes[0].flows[1].source_ports[2]",
                "classes[0].flows[2].destination",
            ]
        );
    }

    #[test]
    fn what_no_packet_can_be_is_refused() {
        let rules = json!([
            {"protocol": ["udp", "icmp"], "destination_ports": [53]},
            {"source": ["10.0.0.0/8"], "destination": ["2001:db8::/32"]},
            {"source": ["10.0.0.0/8", "::/0"], "destination": ["2001:db8::/32"]},
        ]);
        assert_eq!(
            mistakes(&document(&rules)),
            [
                r#"classes[0].flows[0].protocol[1]: expected a protocol with ports, as classes[0].flows[0].destination_ports names some, found "icmp"; remove it, or make it a rule of its own"#,
                r#"classes[0].flows[1].destination: expected an IPv4 network, as those of source, found ["2001:db8::/32"]; no packet has addresses of both families"#,
            ]
        );
    }

    #[test]
    fn more_rules_than_a_look_up_can_bear_are_refused() {
        let most = vec![json!({}); MOST_RULES];
        assert!(mistakes(&document(&Value::Array(most.clone()))).is_empty());
        let more = Value::Array([most, vec![json!({})]].concat());
        assert_eq!(
            mistakes(&document(&more)),
            [
                "classes: expected at most 1024 rules of flows in all classes, found 1025; name several networks, ports or marks in one rule"
            ]
        );
    }

    #[test]
    fn a_rule_that_no_flow_gets_to_is_warned_of() {
        let said = |rules: &Value| -> Vec<String> {
            let config = judge(&document(rules)).unwrap();
            warnings(&config).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            said(&json!([
                {"source": ["10.0.0.0/8"], "protocol": ["tcp"]},
                {"source": ["10.1.0.0/16"], "destination_ports": [443]},
                {"source": ["10.1.0.0/16"], "protocol": ["tcp"], "destination_ports": [443]},
                {},
                {"dscp": ["EF"]},
            ])),
            [
                "classes[0].flows[2]: expected a rule that some flow gets to, found all that it matches is matched by classes[0].flows[0] before; move it, or its class, before that rule, or remove it",
                "classes[0].flows[4]: expected a rule that some flow gets to, found all that it matches is matched by classes[0].flows[3] before; move it, or its class, before that rule, or remove it",
            ]
        );
    }
}
