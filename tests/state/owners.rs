//! Who may change what, and what the others are told.

use std::net::SocketAddr;

use plugin_abi::{TwampBinding, TwampLine, TwampText, code, line_flag};
use serde_json::json;

use crate::ends::{End, line};

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

#[test]
fn the_host_does_not_change_a_line_of_the_topology_by_itself() {
    let far = End::far();
    let here = autoflow_tests::address::own();
    let mut of_topology = line(7, "north", here, &far);
    of_topology["owner"] = json!("topology");
    let near = End::of(here, &json!({"lines": [of_topology]}));
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
