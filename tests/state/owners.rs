//! Who may change what, and what the others are told.

use std::net::{Ipv4Addr, SocketAddr};

use plugin_abi::{TwampBinding, TwampLine, TwampText, code, line_flag};
use serde_json::{Value, json};

use crate::ends::{End, until};

fn with_line<T>(end: &End, id: u64, name: &str, call: impl FnOnce(&TwampLine) -> T) -> T {
    let line = TwampLine {
        struct_size: size_of::<TwampLine>() as u32,
        flags: line_flag::SENDER,
        line: id,
        name: TwampText::borrow(name),
        underlay: TwampText::EMPTY,
        far_end: TwampText::EMPTY,
        binding: TwampBinding {
            device: TwampText::EMPTY,
            namespace_fd: -1,
            mark: 0,
            source: SocketAddr::from((end.address, 0)).into(),
            reserved: 0,
        },
        far: end.at(862).into(),
        cost: 0,
        mtu: 0,
        capacity_up: 0,
        capacity_down: 0,
        groups: std::ptr::null(),
        group_count: 0,
    };
    call(&line)
}

/// A document whose only line, 7 (`north`), is of its topology.
fn of_topology(here: Ipv4Addr, far: &End) -> Value {
    let site = |name: &str, address: Ipv4Addr, control_port: u16| {
        json!({"name": name, "control_port": control_port,
               "uplinks": [{"name": "wire", "address": address}]})
    };
    json!({"site": "here", "topology": {
        "templates": {"usual": {"interval_ms": 20}}, "template": "usual",
        "sites": [site("here", here, 8_640), site("there", far.address, 8_620)],
        "links": [{"id": 7, "name": "north",
                   "ends": [{"site": "here", "uplink": "wire"},
                            {"site": "there", "uplink": "wire"}]}],
    }})
}

#[test]
fn the_host_does_not_change_a_line_of_the_topology_by_itself() {
    let far = End::far();
    let here = autoflow_tests::address::own();
    let near = End::of(here, &of_topology(here, &far));
    assert_eq!(near.line("north")["owner"], "topology");
    let words = r#"line "north" (id 7) belongs to the topology: change it there"#;
    let up = with_line(&near, 7, "mine", |line| near.engine.line_up(line));
    let update = with_line(&near, 7, "north", |line| near.engine.line_update(line));
    let down = near.engine.line_down(7);
    for refused in [up, update, down] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, code::EXISTS);
        // line_down has no sink to say it.
        let told = refused.message.contains(words);
        assert!(told || refused.call == "line_down", "{refused:?}");
    }
    with_line(&near, 8, "mine", |line| near.engine.line_up(line)).unwrap();
    near.engine.line_down(8).unwrap();
}

#[test]
fn roles_of_a_line_of_the_topology_are_toggled_beside_it() {
    let far = End::far();
    let here = autoflow_tests::address::own();
    let document = of_topology(here, &far);
    let near = End::of(here, &document);
    until("it is measured", || near.received("north") > 5);
    let toggle = json!({"do": "roles", "line": "north", "sender": false});
    assert_eq!(near.told(&toggle, "roles")["overridden"], json!(true));
    until("it is at rest", || {
        near.line("north")["state"] == "unmeasured"
    });
    // As written: the topology, what is toggled, and not what follows from it.
    let written = near.configuration();
    assert_eq!(written["topology"]["links"][0]["id"], json!(7));
    assert_eq!(written.get("lines"), None);
    assert_eq!(written["toggled"], json!([{"line": 7, "sender": false}]));
    let expanded = json!({"do": "expand", "config": written});
    let expanded = near.told(&expanded, "expanded");
    assert_eq!(expanded["lines"][0]["sender"], json!(false));
    assert_eq!(expanded["lines"][0]["owner"], "topology");
    // The same topology leaves it so; another link there does not.
    near.told(&json!({"do": "apply", "config": document}), "applied");
    assert_eq!(near.line("north")["roles"]["overridden"], json!(true));
    let mut other = document.clone();
    other["topology"]["links"][0]["cost"] = json!(7);
    let told = near.told(&json!({"do": "apply", "config": other}), "applied");
    assert_eq!(told["lines"]["changed"], json!(["north"]));
    assert_eq!(told["settings"], json!(["toggled", "topology"]));
    until("it is measured again", || {
        near.line("north")["state"] == "alive"
    });
}

#[test]
fn a_person_does_not_end_what_the_document_lets_answer() {
    let far = End::far();
    let request = json!({"do": "respond", "at": far.at(8620), "protocol": "twamp", "on": false});
    let told = far.refused(&request);
    let words = format!(
        "the twamp responder on {} belongs to the document: change it there and apply it",
        far.at(8620)
    );
    assert_eq!(told, words);
    assert_eq!(
        far.configuration()["responder"]["listen"],
        json!([far.at(8620)])
    );
}

#[test]
fn a_document_does_not_take_the_address_that_a_person_lets_answer() {
    let far = End::far();
    let at = far.at(8621);
    far.told(
        &json!({"do": "respond", "at": at, "protocol": "light", "on": true}),
        "responder",
    );
    let document = json!({"responder": {"stamp": [at], "peers": ["127.0.0.0/8"]}});
    let problems = far.told(&json!({"do": "apply", "config": document}), "problems");
    assert_eq!(problems[0]["path"], "responder.stamp[0]");
}
