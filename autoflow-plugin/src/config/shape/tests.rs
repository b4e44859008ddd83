use plugin_abi::config::{Probe, Schedule};
use serde_json::json;

use super::super::tests::{good, mistakes};
use super::*;

/// The one mistake of the good document after `value` was put at `pointer`.
fn mistake(pointer: &str, value: Value) -> String {
    let mut document = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(object) => drop(object.insert(key.to_owned(), value)),
        Value::Array(array) => array[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} leads nowhere"),
    }
    let found = mistakes(&document);
    assert_eq!(found.len(), 1, "{pointer}: {found:#?}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_responder_may_offer_every_feature_there_is() {
    let names = plugin_abi::config::Feature::ALL.map(plugin_abi::config::Feature::name);
    assert_eq!(FEATURES, names);
}

#[test]
fn a_class_may_have_every_strategy_there_is() {
    let names = plugin_abi::config::Strategy::ALL.map(plugin_abi::config::Strategy::name);
    assert_eq!(STRATEGIES, names);
    for name in names {
        let written = serde_json::to_value(plugin_abi::config::Strategy::default()).unwrap();
        let read: plugin_abi::config::Strategy = serde_json::from_value(json!(name)).unwrap();
        assert_eq!(read.name(), name);
        assert_eq!(written, "sla-then-cost");
    }
}

#[test]
fn every_rule_of_the_tables_has_its_sentence() {
    let cases: &[(&str, Value, &str)] = &[
        (
            "/probe/symmetric",
            json!(1),
            "probe.symmetric: expected true or false, found 1; write it without quotes",
        ),
        (
            "/probe/reflect_octets",
            json!(0),
            "probe.reflect_octets: expected a whole number from 1 to 8900, found 0; choose a number in that range",
        ),
        (
            "/responder/features",
            json!(["dscp"]),
            r#"responder.features[0]: expected one of individual-sessions, reflect-octets, symmetrical-size, dscp-ecn, ptp-timestamps, found "dscp"; take one of them"#,
        ),
        (
            "/classes/1/strategy",
            json!("cheapest"),
            r#"classes[1].strategy: expected one of sla-then-cost, best-score, spread, pinned, follow-peer, found "cheapest"; take one of them"#,
        ),
        (
            "/classes/1/moves",
            json!("slowly"),
            r#"classes[1].moves: expected one of at-once, gradual, found "slowly"; take one of them"#,
        ),
        (
            "/classes/0/sla/loss_percent",
            json!(0),
            "classes[0].sla.loss_percent: expected a number above 0, up to 100, found 0; choose a number in that range",
        ),
        (
            "/classes/0/mistake_every_h",
            json!(-1),
            "classes[0].mistake_every_h: expected a whole number from 1 to 8760, found -1; choose a number in that range",
        ),
        (
            "/classes/0/sla/bandwidth",
            json!(5),
            r#"classes[0].sla.bandwidth: expected a key that is known here, found "bandwidth"; remove it, or take one of round_trip_ms, jitter_ms, loss_percent, packet_octets"#,
        ),
        (
            "/mod",
            json!("act"),
            r#"mod: expected a key that is known here, found "mod"; did you mean "mode"?"#,
        ),
        (
            "/lines/0/remot",
            json!("192.0.2.1"),
            r#"lines[0].remot: expected a key that is known here, found "remot"; did you mean "remote"?"#,
        ),
        (
            "/groups/0/colour",
            json!("red"),
            r#"groups[0].colour: expected a key that is known here, found "colour"; remove it, or take one of id, name, mode"#,
        ),
        (
            "/mode",
            json!("acting"),
            r#"mode: expected one of measure, advise, act, found "acting"; take one of them"#,
        ),
        (
            "/clock",
            json!("sun"),
            r#"clock: expected one of system, manual, found "sun"; take one of them"#,
        ),
        (
            "/probe",
            json!([]),
            "probe: expected an object, found an empty list; write its keys and values",
        ),
        (
            "/probe/protocol",
            json!("owamp"),
            r#"probe.protocol: expected one of open, auth, encrypted, mixed, light, stamp, found "owamp"; take one of them"#,
        ),
        (
            "/probe/interval_ms",
            json!(0.5),
            "probe.interval_ms: expected a number from 1 to 3600000, found 0.5; choose a number in that range",
        ),
        (
            "/probe/interval_ms",
            json!(-20),
            "probe.interval_ms: expected a number from 1 to 3600000, found -20; choose a number in that range",
        ),
        (
            "/probe/interval_ms",
            json!("20"),
            r#"probe.interval_ms: expected a number from 1 to 3600000, found "20"; choose a number in that range"#,
        ),
        (
            "/probe/timeout_ms",
            json!(0),
            "probe.timeout_ms: expected a whole number from 1 to 600000, found 0; choose a number in that range",
        ),
        (
            "/probe/timeout_ms",
            json!(1.5),
            "probe.timeout_ms: expected a whole number from 1 to 600000, found 1.5; choose a number in that range",
        ),
        (
            "/probe/padding",
            json!(9001),
            "probe.padding: expected a whole number from 0 to 9000, found 9001; choose a number in that range",
        ),
        (
            "/probe/dscp",
            json!(64),
            r#"probe.dscp: expected a DSCP from 0 to 63, or its name, found 64; write the number, or a name as "EF", "AF31", "CS1", "VA", "LE" or "DF""#,
        ),
        (
            "/probe/ttl",
            json!(0),
            "probe.ttl: expected a whole number from 1 to 255, found 0; choose a number in that range",
        ),
        (
            "/probe/dont_fragment",
            json!("yes"),
            r#"probe.dont_fragment: expected true or false, found "yes"; write it without quotes"#,
        ),
        (
            "/responder/listen/0",
            json!("127.0.0.1"),
            r#"responder.listen[0]: expected an IP address with a port above 0, found "127.0.0.1"; write it as "192.0.2.1:862" or "[2001:db8::1]:862""#,
        ),
        (
            "/responder/light",
            json!("127.0.0.1:862"),
            r#"responder.light: expected a list, found "127.0.0.1:862"; put it in square brackets"#,
        ),
        (
            "/responder/modes",
            json!(["open", "secret"]),
            r#"responder.modes[1]: expected one of open, auth, encrypted, mixed, found "secret"; take one of them"#,
        ),
        (
            "/keys/0/not_after",
            json!(-1),
            "keys[0].not_after: expected a whole number from 0 to 9223372036, found -1; choose a number in that range",
        ),
        (
            "/keys/0/passphrase",
            json!("hid\nden"),
            "keys[0].passphrase: expected a passphrase: ASCII, in one line, not empty, found something that is not shown; write it in quotes, without line ends and letters beyond ASCII",
        ),
        (
            "/responder/control_port",
            json!(0),
            "responder.control_port: expected a whole number from 1 to 65535, found 0; choose a number in that range",
        ),
        (
            "/responder/test_ports",
            json!([20_100, 20_000]),
            "responder.test_ports: expected two ports from 1 to 65535, the first not above the last, found [20100,20000]; write them as [20000, 20999]",
        ),
        (
            "/responder/test_ports",
            json!([0, 20_000]),
            "responder.test_ports: expected two ports from 1 to 65535, the first not above the last, found [0,20000]; write them as [20000, 20999]",
        ),
        (
            "/decision/dead_intervals",
            json!(0),
            "decision.dead_intervals: expected a whole number from 1 to 1000, found 0; choose a number in that range",
        ),
        (
            "/lines/0/id",
            json!(u64::MAX),
            "lines[0].id: expected a whole number below 18446744073709551615, found 18446744073709551615; write the id without quotes; that number means no id",
        ),
        (
            "/lines/0/id",
            json!("1"),
            r#"lines[0].id: expected a whole number below 18446744073709551615, found "1"; write the id without quotes; that number means no id"#,
        ),
        (
            "/lines/1/name",
            json!(" "),
            r#"lines[1].name: expected a name of 1 to 128 letters, found " "; write it in quotes, without control characters"#,
        ),
        (
            "/lines/0/local",
            json!("127.0.1.1:80"),
            r#"lines[0].local: expected an IP address without port, of one link with its interface, found "127.0.1.1:80"; write it as "192.0.2.1", "2001:db8::1" or "fe80::1%eth0""#,
        ),
        (
            "/lines/0/remote",
            json!("127.0.1.2:0"),
            r#"lines[0].remote: expected an IP address, with a port above 0 or without, found "127.0.1.2:0"; write it as "192.0.2.1", "[2001:db8::1]:862" or "[fe80::1%eth0]:862""#,
        ),
        (
            "/lines/0/remote",
            json!("hub.example"),
            r#"lines[0].remote: expected an IP address, with a port above 0 or without, found "hub.example"; write it as "192.0.2.1", "[2001:db8::1]:862" or "[fe80::1%eth0]:862""#,
        ),
        (
            "/lines/0/namespace",
            json!("../blue"),
            r#"lines[0].namespace: expected a name below /run/netns, or a path, found "../blue"; write it as "blue" or "/proc/1/ns/net""#,
        ),
        (
            "/lines/1/capacity_up_mbps",
            json!(0),
            "lines[1].capacity_up_mbps: expected a number above 0, up to 10000000, found 0; choose a number in that range",
        ),
        (
            "/lines/0",
            json!("fibre"),
            r#"lines[0]: expected an object, found "fibre"; write its keys and values"#,
        ),
        (
            "/classes/0/sla/round_trip_ms",
            json!(0),
            "classes[0].sla.round_trip_ms: expected a number above 0, up to 60000, found 0; choose a number in that range",
        ),
        (
            "/classes/0/sla/jitter_ms",
            json!(null),
            "classes[0].sla.jitter_ms: expected a number above 0, up to 60000, found null; choose a number in that range",
        ),
        (
            "/classes/0/sla/loss_percent",
            json!(101),
            "classes[0].sla.loss_percent: expected a number above 0, up to 100, found 101; choose a number in that range",
        ),
    ];
    for (pointer, value, sentence) in cases {
        assert_eq!(mistake(pointer, value.clone()), *sentence);
    }
}

#[test]
fn a_missing_key_is_named() {
    let mut document = good();
    for (pointer, key) in [
        ("/lines/2", "id"),
        ("/groups/0", "name"),
        ("/classes/1", "sla"),
    ] {
        document
            .pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(key);
    }
    assert_eq!(
        mistakes(&document),
        [
            r#"lines[2].id: expected the key "id", found nothing; add it"#,
            r#"groups[0].name: expected the key "name", found nothing; add it"#,
            r#"classes[1].sla: expected the key "sla", found nothing; add it"#,
        ]
    );
}

#[test]
fn every_key_that_the_types_know_is_in_the_tables() {
    let mut full = good();
    full["probe"]["reflect_octets"] = json!(1);
    full["probe"]["padding"] = json!(65);
    full["sessions"] = json!([{"remote": "192.0.2.1"}]);
    full["toggled"] = json!([{"line": 1, "sender": false}]);
    full["probe_classes"] = json!([
        {"id": 1, "name": "realtime", "dscp": "EF", "padding": 9, "interval_ms": 50},
    ]);
    full["classes"][0]["probe_class"] = json!("realtime");
    full["classes"][0]["sla"]["packet_octets"] = json!(1_400);
    full["mtu_probe"] = json!({"octets": 1_400, "every_s": 30, "enabled": false});
    full["classes"][0]["mistake_every_h"] = json!(24);
    full["classes"][0]["strategy"] = json!("spread");
    full["classes"][0]["moves"] = json!("gradual");
    full["classes"][0]["flows"] = json!([{
        "dscp": ["EF"], "protocol": ["udp"], "source": ["10.0.0.0/8"],
        "destination": ["192.0.2.1"], "source_ports": [1], "destination_ports": ["2-3"],
    }]);
    full["overrides"] = json!([{
        "name": "a", "what": "pin", "class": "voice", "line": "fibre", "group": "hub", "from": 1,
        "until": 2, "schedule": {"every_s": 60}, "lasts_s": 1, "by": "analyzer", "note": "why",
    }]);
    full["decision"]["scores_only"] = json!(true);
    full["site"] = json!("hub");
    full["topology"] = json!({"sites": [{"name": "hub"}]});
    full["sessions"] = json!([{
        "name": "own", "local": "192.0.2.1", "local_port": 9, "remote": "192.0.2.9",
        "device": "eth0", "mark": 1, "namespace": "blue", "probe": {}, "tos": 0, "count": 1,
        "schedule": "global", "export_s": 60,
    }]);
    full["export"] = json!({"collectors": [{"name": "a", "at": "b:1", "transport": "tcp"}]});
    full["schedule"] = json!({"every_s": 60});
    let typed = serde_json::to_value(super::super::judge(&full).unwrap()).unwrap();
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let table = |keys: Keys| {
        let mut names: Vec<_> = keys.iter().map(|(key, ..)| (*key).to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(keys(&typed), table(CONFIG));
    let beside_sla = table(OVERRIDE)
        .into_iter()
        .filter(|key| key != "sla" && key != "percent");
    assert!(keys(&typed["overrides"][0]).into_iter().eq(beside_sla));
    let without_line = table(SESSION).into_iter().filter(|key| key != "line");
    assert!(keys(&typed["sessions"][0]).into_iter().eq(without_line));
    let schedule = Schedule {
        every_s: Some(60),
        cron: Some("@hourly".into()),
        time_zone: Some("UTC".into()),
        spread_s: Some(1),
        paused: true,
    };
    let schedule = serde_json::to_value(schedule).unwrap();
    assert_eq!(keys(&schedule), table(SCHEDULE));
    let mut probe = full["probe"].clone();
    probe["stamp"] = json!({"ssid": 1, "figures_ms": 100});
    let probe: Probe = serde_json::from_value(probe).unwrap();
    let probe = serde_json::to_value(probe).unwrap();
    assert_eq!(keys(&probe), table(PROBE));
    let io = json!({"threads": 2, "cpus": [0], "policy": "fifo", "priority": 1});
    let io: plugin_abi::config::Io = serde_json::from_value(io).unwrap();
    assert_eq!(keys(&serde_json::to_value(io).unwrap()), table(IO));
    let mut stamp = table(STAMP);
    stamp.sort();
    assert_eq!(keys(&probe["stamp"]), stamp);
    let unread = ["not_before", "passphrase"].map(str::to_owned);
    let known = table(KEY).into_iter().filter(|key| !unread.contains(key));
    assert!(keys(&typed["keys"][0]).into_iter().eq(known));
    assert_eq!(keys(&typed["export"]), table(EXPORT));
    assert_eq!(keys(&typed["export"]["collectors"][0]), table(COLLECTOR));
    assert_eq!(keys(&typed["decision"]), table(DECISION));
    let optional = ["added", "light", "stamp"].map(str::to_owned);
    let written = table(RESPONDER)
        .into_iter()
        .filter(|key| !optional.contains(key));
    assert!(keys(&typed["responder"]).into_iter().eq(written));
    assert_eq!(keys(&typed["probe_classes"][0]), table(PROBE_CLASS));
    assert_eq!(keys(&typed["mtu_probe"]), table(MTU_PROBE));
    assert_eq!(keys(&typed["classes"][0]), table(CLASS));
    assert_eq!(keys(&typed["classes"][0]["flows"][0]), table(FLOW));
    assert_eq!(keys(&typed["classes"][0]["sla"]), table(SLA));
}

#[test]
fn the_distance_counts_letters() {
    for (one, other, letters) in [
        ("mode", "mode", 0),
        ("mod", "mode", 1),
        ("", "abc", 3),
        ("dwel_ms", "dwell_ms", 1),
        ("kitten", "sitting", 3),
    ] {
        assert_eq!(distance(one, other), letters, "{one} {other}");
    }
}
