use serde_json::{Value, json};

use super::super::tests::mistakes;
use super::super::{judge, read};
use super::*;

/// A hub and two branches with two uplinks each, as `site` has it.
fn at(site: &str) -> Value {
    let site_of = |name: &str, net: u8| {
        json!({"name": name, "uplinks": [
            {"name": "fibre", "address": format!("192.0.2.{net}"), "cost": 1},
            {"name": "lte", "address": format!("198.51.100.{net}"), "metered": true},
        ]})
    };
    let link = |id: u64, far: &str, uplink: &str| {
        json!({"id": id, "ends": [{"site": "hub", "uplink": uplink},
                                  {"site": far, "uplink": uplink}]})
    };
    json!({"site": site, "topology": {
        "template": "usual",
        "templates": {"usual": {"interval_ms": 200}, "slow": {"protocol": "stamp"}},
        "sites": [site_of("hub", 1), site_of("north", 2), site_of("south", 3)],
        "links": [link(1, "north", "fibre"), link(2, "north", "lte"), link(3, "south", "fibre")],
        "groups": [{"id": 1, "name": "overlay"}],
    }})
}

fn expanded(document: &Value) -> Config {
    expand(&judge(document).unwrap())
}

/// The mistakes after each value was put at its pointer in the topology of `north`.
fn after(changes: &[(&str, Value)]) -> Vec<String> {
    let mut document = at("north");
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match document["topology"].pointer_mut(parent).unwrap() {
            Value::Object(object) => drop(object.insert(key.into(), value.clone())),
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value.clone(),
            _ => panic!("{pointer} leads nowhere"),
        }
    }
    mistakes(&document)
}

#[test]
fn a_site_has_the_lines_that_end_there_and_no_others() {
    let ids = |site| {
        let lines = expanded(&at(site)).lines.into_iter();
        lines.map(|line| line.id).collect::<Vec<_>>()
    };
    assert_eq!(
        (ids("hub"), ids("north"), ids("south")),
        (vec![1, 2, 3], vec![1, 2], vec![3])
    );
    let line = &expanded(&at("north")).lines[1];
    assert_eq!(line.name, "hub-lte–north-lte");
    assert_eq!(line.local.unwrap().to_string(), "198.51.100.2");
    assert_eq!(line.remote.unwrap().to_string(), "198.51.100.1:862");
    assert_eq!(line.probe.as_ref().unwrap().interval_ms, Some(200.0));
    assert!(line.sender && line.responder && line.metered);
    assert_eq!((line.underlay(), line.far_end()), ("lte", "hub".into()));
    assert_eq!(line.owner, Owner::Topology);
}

#[test]
fn without_a_topology_a_document_means_itself() {
    let config = read(br#"{"lines": [{"id": 1, "name": "a", "remote": "192.0.2.1"}]}"#).unwrap();
    assert_eq!(expand(&config), config);
}

#[test]
fn one_end_sends_and_the_other_follows_if_it_is_told_so() {
    let roles = |site: &str| {
        let mut document = at(site);
        document["topology"]["links"][0]["sender"] = json!("north");
        let line = expanded(&document).lines.remove(0);
        (line.sender, line.responder)
    };
    assert_eq!(
        (roles("north"), roles("hub")),
        ((true, false), (false, true))
    );
}

#[test]
fn what_no_line_answers_has_a_door_of_its_own() {
    let mut document = at("hub");
    document["topology"]["links"][0]["template"] = json!("slow");
    document["topology"]["links"][1]["port"] = json!(9_000);
    let hub = expanded(&document);
    assert_eq!(hub.responder.stamp, ["192.0.2.1:862".parse().unwrap()]);
    assert_eq!(hub.responder.listen, ["198.51.100.1:9000".parse().unwrap()]);
    let answer = hub.lines.iter().map(|line| line.responder);
    assert_eq!(answer.collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn every_mistake_is_told_where_it_is_written() {
    let link = |end: Value| json!([{"site": "hub", "uplink": "fibre"}, end]);
    let cases = [
        (
            "/links/0/ends",
            link(json!({"site": "nort", "uplink": "fibre"})),
            r#"topology.links[0].ends[1].site: expected the name of a site, found "nort"; did you mean "north"?"#,
        ),
        (
            "/links/0/ends",
            link(json!({"site": "north", "uplink": "fibr"})),
            r#"topology.links[0].ends[1].uplink: expected the name of an uplink of site "north", found "fibr"; did you mean "fibre"?"#,
        ),
        (
            "/links/0/ends",
            link(json!({"site": "hub", "uplink": "lte"})),
            r#"topology.links[0].ends[1].site: expected another site than topology.links[0].ends[0].site, found "hub"; take the far site, or remove the link"#,
        ),
        (
            "/links/0/ends",
            link(json!({"site": "north", "uplink": "fibre", "address": "::1"})),
            r"topology.links[0].ends[1].address: expected an IPv4 address, as 192.0.2.1, found ::1; take two addresses of one family",
        ),
        (
            "/links/0/ends",
            json!([]),
            "topology.links[0].ends: expected two ends, found 0 of them; write one for each site",
        ),
        (
            "/links/1/id",
            json!(1),
            "topology.links[1].id: expected an id that is not taken, found 1 as in topology.links[0].id; change one of the two",
        ),
        (
            "/links/0/template",
            json!("slo"),
            r#"topology.links[0].template: expected the name of a template, found "slo"; did you mean "slow"?"#,
        ),
        (
            "/links/0/groups",
            json!([9]),
            "topology.links[0].groups[0]: expected the id of a group in groups or topology.groups, found 9; add the group, or take the link out of it",
        ),
        (
            "/links/0/sender",
            json!("south"),
            r#"topology.links[0].sender: expected one of both, hub, north, found "south"; say who sends probes over the link"#,
        ),
        (
            "/links/0/port",
            json!(0),
            "topology.links[0].port: expected a whole number from 1 to 65535, found 0; choose a number in that range",
        ),
        (
            "/templates/slow/ttl",
            json!(0),
            "topology.templates.slow.ttl: expected a whole number from 1 to 255, found 0; choose a number in that range",
        ),
        (
            "/templates/usual/key_id",
            json!("hob"),
            r#"topology.templates.usual.key_id: expected the id of a key in keys, found "hob"; add the key, or name one that is there"#,
        ),
        (
            "/templates/usual/interval_ms",
            json!(5_000),
            "topology.templates.usual.interval_ms: expected at most 3000, as decision.stale_after_ms, found 5000.0; probe more often, or let figures live longer",
        ),
        (
            "/sites/1/uplinks/0",
            json!({"name": "fibre"}),
            "topology.links[0].ends[1].address: expected an address of this end, found nothing; add it here, or to the uplink",
        ),
        (
            "/sites/0/name",
            json!("north"),
            r#"topology.sites[1].name: expected a name that is not taken, found "north" as in topology.sites[0].name; change one of the two"#,
        ),
        ("/sites/1/modes", json!(["auth"]), "responder"),
        (
            "/links/1/ends",
            link(json!({"site": "north", "uplink": "fibre"})),
            "topology.links[1].ends: expected two ends, with their port, that no other link has, found 192.0.2.1 and 192.0.2.2, as in topology.links[0]; change one of the two, or give one a port of its own",
        ),
    ];
    for (pointer, value, sentence) in cases {
        let found = after(&[(pointer, value)]);
        match sentence {
            "responder" => assert!(
                found[0].contains("mode open among those that site"),
                "{found:?}"
            ),
            sentence => assert_eq!(
                found.first().map(String::as_str),
                Some(sentence),
                "{found:#?}"
            ),
        }
    }
}

/// A session over link 1 that north sends, by the schedule of the topology.
fn with_session(site: &str) -> Value {
    let mut document = at(site);
    document["topology"]["schedule"] = json!({"every_s": 60});
    document["topology"]["sessions"] = json!([
        {"link": 1, "name": "burst", "sender": "north", "count": 5, "schedule": "global",
         "probe": {"protocol": "stamp"}, "export": false},
    ]);
    document
}

#[test]
fn a_session_over_a_link_is_sent_by_one_end_and_answered_by_the_other() {
    let north = expanded(&with_session("north"));
    let [session] = &north.sessions[..] else {
        panic!("{:?}", north.sessions);
    };
    assert_eq!(session.line.as_deref(), Some("hub-fibre–north-fibre"));
    assert_eq!(session.remote.to_string(), "192.0.2.1:862");
    assert_eq!((session.owner, session.export), (Owner::Topology, false));
    assert_eq!(north.schedule.unwrap().every_s, Some(60));
    let hub = expanded(&with_session("hub"));
    assert_eq!(hub.sessions, []);
    assert_eq!(hub.responder.stamp, ["192.0.2.1:862".parse().unwrap()]);
    assert_eq!(expanded(&with_session("south")).sessions, []);
}

#[test]
fn mistakes_of_sessions_over_links_are_told_where_they_are_written() {
    for (key, value, sentence) in [
        (
            "link",
            json!(9),
            "topology.sessions[0].link: expected the id of a link, found 9; name a link that is there, or add it first",
        ),
        (
            "sender",
            json!("south"),
            r#"topology.sessions[0].sender: expected one of both, hub, north, found "south"; say who sends probes over the link"#,
        ),
        (
            "count",
            Value::Null,
            r#"topology.sessions[0].schedule: expected no schedule for a session that always runs, found "global"; say in count how many probes a run has, or leave the schedule out"#,
        ),
        (
            "probe",
            json!({"protocol": "auth", "key_id": "none"}),
            "topology.sessions[0].probe",
        ),
    ] {
        let mut document = with_session("north");
        let session = &mut document["topology"]["sessions"][0];
        match value {
            Value::Null => drop(session.as_object_mut().unwrap().remove(key)),
            value => session[key] = value,
        }
        let found = mistakes(&document);
        assert!(
            found.iter().any(|told| told.starts_with(sentence)),
            "{key}: {found:#?}"
        );
    }
    let mut document = with_session("north");
    document["topology"]
        .as_object_mut()
        .unwrap()
        .remove("schedule");
    assert!(mistakes(&document)[0].starts_with("topology.sessions[0].schedule"));
}

#[test]
fn the_name_of_the_site_is_one_of_the_topology() {
    assert_eq!(
        mistakes(&at("nort")),
        [
            r#"site: expected the name of a site of the topology, found "nort"; did you mean "north"?"#
        ]
    );
    let mut document = at("hub");
    document.as_object_mut().unwrap().remove("site");
    assert!(mistakes(&document)[0].starts_with("site: expected the name of a site, found nothing"));
    assert!(mistakes(&json!({"site": "hub"}))[0].starts_with("site: expected no site without"));
}

#[test]
fn a_line_of_the_document_and_a_link_of_the_site_share_no_id() {
    let mut document = at("north");
    document["lines"] = json!([{"id": 2, "name": "own", "remote": "192.0.2.9"}]);
    assert_eq!(
        mistakes(&document)[0],
        "topology.links[1].id: expected an id that no line has, found 2 as in lines[0].id; \
         change one of the two"
    );
    document["lines"][0]["id"] = json!(3);
    assert_eq!(
        mistakes(&document),
        [""; 0],
        "link 3 is none of this site's"
    );
}
