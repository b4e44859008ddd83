//! The same link-local addresses on two links.

use autoflow_tests::host::{Running, answer};
use serde_json::json;

use crate::engine::{assert_nothing_lost, results, served, started, until_heard};
use autoflow_tests::net::Net;

/// Two cables from one host, `left` and `right`: everywhere it is `fe80::2`, and `fe80::1` is there.
struct Links {
    near: Net,
    far: [Net; 2],
}

impl Links {
    fn new() -> Option<Self> {
        let [near, a, b] = Net::several::<3>()?;
        for (far, link) in [(&a, "left"), (&b, "right")] {
            near.cable(link, far, "there");
            near.run(&format!("ip address add fe80::2/64 dev {link} nodad"));
            far.run("ip address add fe80::1/64 dev there nodad");
        }
        Some(Self { near, far: [a, b] })
    }

    fn responders(&self) -> [Running; 2] {
        self.far.each_ref().map(|far| {
            let responder = far.host_sim("respond --json --listen [fe80::1%there]:862");
            responder.line();
            responder
        })
    }
}

#[test]
fn two_lines_to_the_same_link_local_address_go_by_their_own_links() {
    let Some(links) = Links::new() else { return };
    let responders = links.responders();
    let namespace = links.near.path();
    let engine = started(&json!({
        "lines": [
            {"id": 1, "name": "left", "local": "fe80::2", "remote": "fe80::1%left",
             "namespace": namespace, "probe": {"interval_ms": 10}},
            {"id": 2, "name": "right", "local": "fe80::2%right", "remote": "[fe80::1%right]:862",
             "namespace": namespace, "probe": {"interval_ms": 25}},
        ],
    }));
    until_heard(&engine, 2, 25);
    engine.stop().unwrap();
    let results = results(&engine);
    let scopes: Vec<_> = results
        .values()
        .map(|result| result.remote.to_string())
        .collect();
    assert_ne!(scopes[0], scopes[1], "each names its link");
    for (result, responder) in results.values().zip(responders) {
        assert_nothing_lost(result);
        assert_eq!(served(responder), [result.sent], "{result:?}");
    }
    assert_ne!(results["left"].sent, results["right"].sent);
}

#[test]
fn a_run_names_the_link_of_its_far_end() {
    let Some(links) = Links::new() else { return };
    let responders = links.responders();
    for (link, count) in [("left", 3), ("right", 5)] {
        let words = format!("ping --json --count {count} --interval 10 fe80::1%{link}");
        let answer = answer(links.near.host_command().args(words.split_whitespace()));
        assert_eq!(answer.code, 0, "{answer:?}");
        assert_eq!(answer.object()["received"], count);
    }
    let [a, b] = responders;
    assert_eq!((served(a), served(b)), (vec![3], vec![5]));
}

#[test]
fn a_line_is_answered_on_its_own_link() {
    let Some(links) = Links::new() else { return };
    let line = |id: u8, link: &str| {
        json!({
            "id": id, "name": link, "local": format!("fe80::2%{link}"), "remote": "fe80::1",
            "device": link, "namespace": links.near.path(), "sender": false, "responder": true,
        })
    };
    let _engine = started(&json!({"lines": [line(1, "left"), line(2, "right")]}));
    for (far, count) in links.far.iter().zip([3, 5]) {
        let words = format!("ping --json --count {count} --interval 10 fe80::2%there");
        let answer = answer(far.host_command().args(words.split_whitespace()));
        assert_eq!(answer.code, 0, "{answer:?}");
        assert_eq!(answer.object()["received"], count);
    }
}
