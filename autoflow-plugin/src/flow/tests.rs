use std::net::IpAddr;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn classes(value: serde_json::Value) -> Vec<Class> {
    serde_json::from_value(value).unwrap()
}

fn flow(protocol: u8, source: &str, destination: &str, dscp: u8) -> Flow {
    let end = |text: &str| text.parse::<std::net::SocketAddr>().unwrap();
    let (source, destination) = (end(source), end(destination));
    Flow {
        dscp,
        protocol,
        source: number(source.ip()),
        destination: number(destination.ip()),
        source_port: source.port(),
        destination_port: destination.port(),
    }
}

#[test]
fn the_first_rule_that_matches_says_the_class() {
    let classifier = Classifier::new(&classes(json!([
        {"id": 1, "name": "voice", "sla": {}, "flows": [
            {"dscp": ["EF"]},
            {"protocol": ["udp"], "destination_ports": ["16384-32767"]},
        ]},
        {"id": 2, "name": "backup", "sla": {}, "flows": [
            {"source": ["10.9.0.0/16"], "destination": ["192.0.2.7", "2001:db8::/32"]},
        ]},
        {"id": 3, "name": "the rest", "sla": {}, "flows": [{}]},
    ])));
    let class = |protocol, source, destination, dscp| {
        classifier.classify(&flow(protocol, source, destination, dscp))
    };
    assert_eq!(class(6, "10.9.1.1:1000", "192.0.2.7:873", 46), Some(1));
    assert_eq!(class(17, "10.9.1.1:1000", "192.0.2.7:16384", 0), Some(1));
    assert_eq!(class(6, "10.9.1.1:1000", "192.0.2.7:16384", 0), Some(2));
    assert_eq!(class(6, "10.8.1.1:1000", "192.0.2.7:16384", 0), Some(3));
    assert_eq!(class(6, "10.9.1.1:1000", "192.0.2.8:873", 0), Some(3));
    assert_eq!(class(6, "[2001:db8::1]:1", "[2001:db8::2]:2", 0), Some(3));
}

#[test]
fn a_flow_that_no_rule_matches_has_no_class() {
    let none = Classifier::new(&classes(json!([{"id": 1, "name": "voice", "sla": {}}])));
    let voice = json!([{"id": 1, "name": "voice", "sla": {}, "flows": [{"dscp": [46]}]}]);
    let flow = flow(17, "10.0.0.1:1", "10.0.0.2:2", 0);
    assert_eq!(none.classify(&flow), None);
    assert_eq!(Classifier::new(&classes(voice)).classify(&flow), None);
}

#[test]
fn a_rule_with_ports_means_protocols_that_have_some() {
    let classifier = Classifier::new(&classes(json!([
        {"id": 1, "name": "dns", "sla": {}, "flows": [{"destination_ports": [53]}]},
    ])));
    for (protocol, class) in [
        (6, Some(1)),
        (17, Some(1)),
        (132, Some(1)),
        (1, None),
        (50, None),
    ] {
        let flow = flow(protocol, "10.0.0.1:1", "10.0.0.2:53", 0);
        assert_eq!(classifier.classify(&flow), class, "{protocol}");
    }
}

#[test]
fn a_mapped_address_is_one_of_ipv4() {
    let key = |family, octets: &[u8]| {
        let mut source = [0; 16];
        source[..octets.len()].copy_from_slice(octets);
        let key = TwampFlowKey {
            family,
            source,
            ..TwampFlowKey::default()
        };
        Flow::of(&key).map(|flow| flow.source)
    };
    let mapped: std::net::Ipv6Addr = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(key(4, &[192, 0, 2, 1]), key(6, &mapped.octets()));
    assert_ne!(key(4, &[192, 0, 2, 1]), key(4, &[192, 0, 2, 2]));
    assert_eq!(key(5, &[]), None);
}

/// Rules over few values, so that they meet.
fn rule() -> impl Strategy<Value = serde_json::Value> {
    let marks = proptest::collection::vec(0_u8..4, 0..3);
    let protocols = proptest::collection::vec(prop_oneof![Just(1_u8), Just(6), Just(17)], 0..3);
    let network = prop_oneof![
        Just("10.0.0.0/8"),
        Just("10.0.0.2/31"),
        Just("10.0.0.3"),
        Just("::/0"),
        Just("0.0.0.0/0"),
    ];
    let networks = || proptest::collection::vec(network.clone(), 0..3);
    let ports = proptest::collection::vec(prop_oneof![Just("1"), Just("2-3"), Just("3-9")], 0..3);
    (marks, protocols, networks(), networks(), ports).prop_map(
        |(dscp, protocol, source, destination, destination_ports)| {
            json!({"dscp": dscp, "protocol": protocol, "source": source,
                   "destination": destination, "destination_ports": destination_ports})
        },
    )
}

fn any_flow() -> impl Strategy<Value = Flow> {
    let address = || {
        prop_oneof![
            (0_u8..5).prop_map(|last| IpAddr::from([10, 0, 0, last])),
            Just(IpAddr::from([11, 0, 0, 1])),
            Just(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])),
        ]
    };
    let protocol = prop_oneof![Just(1_u8), Just(6), Just(17), Just(50)];
    (0_u8..5, protocol, address(), address(), 0_u16..11).prop_map(
        |(dscp, protocol, source, destination, destination_port)| Flow {
            dscp,
            protocol,
            source: number(source),
            destination: number(destination),
            source_port: 7,
            destination_port,
        },
    )
}

fn address(number: u128) -> IpAddr {
    IpAddr::from(std::net::Ipv6Addr::from_bits(number)).to_canonical()
}

/// The rules read one after another, as a person reads them.
fn as_written(classes: &[Class], flow: &Flow) -> Option<u64> {
    let listed = |empty: bool, any: bool| empty || any;
    let matches = |rule: &plugin_abi::config::FlowRule| {
        let ports = [
            (&rule.source_ports, flow.source_port),
            (&rule.destination_ports, flow.destination_port),
        ];
        listed(
            rule.dscp.is_empty(),
            rule.dscp.iter().any(|mark| mark.0 == flow.dscp),
        ) && listed(
            rule.protocol.is_empty(),
            rule.protocol.iter().any(|of| of.0 == flow.protocol),
        ) && listed(
            rule.source.is_empty(),
            rule.source
                .iter()
                .any(|of| of.contains(address(flow.source))),
        ) && listed(
            rule.destination.is_empty(),
            rule.destination
                .iter()
                .any(|of| of.contains(address(flow.destination))),
        ) && ports.into_iter().all(|(ports, port)| {
            let has = plugin_abi::config::IpProtocol(flow.protocol).has_ports();
            let within = |of: &plugin_abi::config::Ports| (of.first..=of.last).contains(&port);
            listed(ports.is_empty(), has && ports.iter().any(within))
        })
    };
    let class = classes.iter().find(|class| class.flows.iter().any(matches));
    class.map(|class| class.id)
}

proptest! {
    #[test]
    fn compiled_rules_say_what_the_written_ones_say(
        rules in proptest::collection::vec((rule(), 1_u64..4), 0..90),
        flows in proptest::collection::vec(any_flow(), 1..20),
    ) {
        let class = |(rule, _): (serde_json::Value, u64), id: usize| {
            json!({"id": id, "name": id.to_string(), "sla": {}, "flows": [rule]})
        };
        let listed = rules.into_iter().enumerate().map(|(id, rule)| class(rule, id)).collect();
        let classes = classes(serde_json::Value::Array(listed));
        let classifier = Classifier::new(&classes);
        for flow in flows {
            prop_assert_eq!(classifier.classify(&flow), as_written(&classes, &flow));
        }
    }

    #[test]
    fn a_rule_that_covers_another_matches_all_that_it_matches(
        one in rule(), other in rule(), flows in proptest::collection::vec(any_flow(), 1..20),
    ) {
        let classifier = |rule: &serde_json::Value| {
            Classifier::new(&classes(json!([{"id": 1, "name": "a", "sla": {}, "flows": [rule]}])))
        };
        let matched = |rule| Matched::of(&serde_json::from_value(rule).unwrap());
        let (wide, narrow) = (classifier(&one), classifier(&other));
        if matched(one).covers(&matched(other)) {
            for flow in flows.iter().filter(|flow| narrow.classify(flow).is_some()) {
                prop_assert!(wide.classify(flow).is_some());
            }
        }
    }
}
