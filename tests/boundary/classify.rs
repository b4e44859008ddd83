//! The class of a flow, by the rules of the wanted state.

use std::net::IpAddr;

use plugin_abi::{NONE, TwampEngine, TwampFlowKey, TwampPlugin, TwampSink, code};

use crate::listener::Listener;
use crate::raw::{create, table};

const RULES: &str = r#"{"classes": [
    {"id": 7, "name": "voice", "sla": {"loss_percent": 1}, "flows": [{"dscp": ["EF"]}]},
    {"id": 8, "name": "web", "sla": {"loss_percent": 5}, "flows": [
        {"protocol": ["tcp"], "destination": ["192.0.2.0/24", "2001:db8::/32"],
         "destination_ports": [80, "443-444"]}]}]}"#;

fn key(destination: &str, destination_port: u16, dscp: u8) -> TwampFlowKey {
    let address: IpAddr = destination.parse().expect("an address");
    let mut octets = [0; 16];
    let family = match address {
        IpAddr::V4(v4) => {
            octets[..4].copy_from_slice(&v4.octets());
            4
        }
        IpAddr::V6(v6) => {
            octets = v6.octets();
            6
        }
    };
    TwampFlowKey {
        struct_size: size_of::<TwampFlowKey>() as u32,
        family,
        protocol: 6,
        dscp,
        destination_port,
        destination: octets,
        ..TwampFlowKey::default()
    }
}

/// What `classify` answers, and the class that it wrote.
fn classified(table: &TwampPlugin, engine: *mut TwampEngine, key: &TwampFlowKey) -> (i32, u64) {
    let mut class = 5;
    // SAFETY: the engine lives until `destroy`.
    let answered = unsafe { (table.classify)(engine, key, &raw mut class) };
    (answered, class)
}

#[test]
fn a_flow_has_the_class_of_the_first_rule_that_matches_from_the_creation_on() {
    let table = table();
    let listener = Listener::new(table);
    let engine = create(table, &listener, RULES).unwrap();
    let class = |key: &TwampFlowKey| classified(table, engine, key);
    for (destination, port, dscp, expected) in [
        ("192.0.2.9", 443, 0, (code::OK, 8)),
        ("192.0.2.9", 443, 46, (code::OK, 7)),
        ("192.0.2.9", 445, 0, (code::UNKNOWN, NONE)),
        ("198.51.100.1", 443, 0, (code::UNKNOWN, NONE)),
        ("2001:db8::5", 80, 0, (code::OK, 8)),
        ("::ffff:192.0.2.9", 80, 0, (code::OK, 8)),
    ] {
        let answered = class(&key(destination, port, dscp));
        assert_eq!(answered, expected, "{destination} {port} {dscp}");
    }
    let unknown_family = TwampFlowKey {
        family: 5,
        ..key("192.0.2.9", 443, 0)
    };
    assert_eq!(class(&unknown_family), (code::INVALID, 5));
    // SAFETY: as above.
    unsafe { assert_eq!((table.destroy)(engine), code::OK) };
}

#[test]
fn other_rules_hold_as_soon_as_they_are_applied() {
    let table = table();
    let listener = Listener::new(table);
    let engine = create(table, &listener, RULES).unwrap();
    let flow = key("192.0.2.9", 443, 0);
    assert_eq!(classified(table, engine, &flow), (code::OK, 8));
    let apply = |document: &str, dry_run: u32| {
        let (octets, length) = (document.as_ptr(), document.len());
        // SAFETY: as above; the document lives during the call.
        unsafe { (table.apply)(engine, octets, length, 0, dry_run, TwampSink::NONE) }
    };
    let other = RULES.replace("443-444", "444");
    assert_eq!(apply(&other, 1), code::OK);
    assert_eq!(classified(table, engine, &flow), (code::OK, 8), "a dry run");
    assert_eq!(apply(&RULES.replace("tcp", "icmp"), 0), code::CONFIGURATION);
    assert_eq!(classified(table, engine, &flow), (code::OK, 8), "refused");
    assert_eq!(apply(&other, 0), code::OK);
    assert_eq!(classified(table, engine, &flow), (code::UNKNOWN, NONE));
    // SAFETY: as above.
    unsafe { assert_eq!((table.destroy)(engine), code::OK) };
}
