//! The same four addresses in three namespaces at once.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::process::Command;

use autoflow_tests::artifacts;
use plugin_abi::host::{Plugin, Silent};
use plugin_abi::{TwampBinding, TwampLine, TwampText, line_flag};
use serde_json::json;

use crate::engine::{assert_nothing_lost, results, served, started, until_heard};
use autoflow_tests::net::{Net, good};

const NEAR: &str = "10.0.0.1";
const FAR: &str = "10.0.0.2";
const PORT: u16 = 20_000;

/// A name below `/run/netns`, for the time of a test.
struct Name(String);

impl Name {
    fn of(net: &Net) -> Self {
        let name = format!("autoflow-{}", net.id());
        let id = net.id().to_string();
        good(Command::new("ip").args(["netns", "attach", &name, &id]));
        Self(name)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut delete = Command::new("ip");
        let _ = delete.args(["netns", "delete", &self.0]).status();
    }
}

#[test]
fn three_lines_with_the_same_four_addresses_keep_to_their_own_namespaces() {
    let Some(near) = Net::several::<3>() else {
        return;
    };
    let far = Net::several::<3>().unwrap();
    for (near, far) in near.iter().zip(&far) {
        near.cable("here", far, "there");
        near.run(&format!("ip address add {NEAR}/24 dev here"));
        far.run(&format!("ip address add {FAR}/24 dev there"));
    }
    // They can be told apart by what they offer, and by how many probes they get.
    let features = ["dscp-ecn", "none", "dscp-ecn,ptp-timestamps"];
    let responders = [0, 1, 2].map(|at: usize| {
        let words = format!(
            "respond --json --listen {FAR}:862 --test-ports {PORT}-{PORT} --features {}",
            features[at]
        );
        let responder = far[at].host_sim(&words);
        responder.line();
        responder
    });

    let name = Name::of(&near[1]);
    let line = |id: usize, namespace: &str, interval_ms: u32| {
        json!({
            "id": id, "name": format!("line-{id}"), "local": NEAR, "remote": FAR,
            "namespace": namespace, "probe": {"interval_ms": interval_ms, "ptp": true},
        })
    };
    let engine = started(&json!({
        "responder": {"test_ports": [PORT, PORT]},
        "probe": {"interval_ms": 40, "ptp": true},
        "lines": [line(0, &near[0].path(), 10), line(1, &name.0, 20)],
    }));
    let handle = near[2].handle();
    let third = TwampLine {
        struct_size: size_of::<TwampLine>() as u32,
        flags: line_flag::SENDER,
        line: 2,
        name: TwampText::borrow("line-2"),
        underlay: TwampText::EMPTY,
        far_end: TwampText::EMPTY,
        binding: TwampBinding {
            device: TwampText::EMPTY,
            namespace_fd: handle.as_raw_fd(),
            mark: 0,
            source: SocketAddr::new(NEAR.parse().unwrap(), 0).into(),
            reserved: 0,
        },
        far: SocketAddr::new(FAR.parse().unwrap(), 862).into(),
        cost: 0,
        mtu: 0,
        capacity_up: 0,
        capacity_down: 0,
        groups: std::ptr::null(),
        group_count: 0,
    };
    engine.line_up(&third).unwrap();
    drop(handle);

    until_heard(&engine, 3, 25);
    engine.stop().unwrap();
    let results = results(&engine);
    let agreed: Vec<_> = results
        .values()
        .map(|result| result.features.join(","))
        .collect();
    assert_eq!(agreed, ["dscp-ecn", "", "dscp-ecn,ptp-timestamps"]);
    for (result, responder) in results.values().zip(responders) {
        let four = (result.local.to_string(), result.remote.to_string());
        assert_eq!(four, (format!("{NEAR}:{PORT}"), format!("{FAR}:862")));
        assert_eq!(served(responder), [result.sent], "{result:?}");
        assert_eq!((result.duplicates, result.reordered), (0, 0));
        assert_nothing_lost(result);
    }
    let mut sent: Vec<_> = results.values().map(|result| result.sent).collect();
    sent.dedup();
    assert_eq!(sent.len(), 3, "each has its own number: {sent:?}");
}

#[test]
fn who_has_our_address_and_port_in_another_namespace_is_answered() {
    let Some(near) = Net::several::<2>() else {
        return;
    };
    let [there] = Net::several().unwrap();
    near[1].cable("here", &there, "there");
    // Ours in the one namespace is the far end's in the other.
    near[0].run(&format!("ip address add {NEAR}/32 dev lo"));
    near[1].run(&format!("ip address add {FAR}/24 dev here"));
    there.run(&format!("ip address add {NEAR}/24 dev there"));
    let responds = |id: u8, net: &Net, local: &str| {
        json!({
            "id": id, "name": local, "local": local, "namespace": net.path(), "sender": false,
            "responder": true,
        })
    };
    let ports = json!({"test_ports": [PORT, PORT], "peers": ["any"]});
    let _ours = started(&json!({
        "responder": ports,
        "lines": [responds(1, &near[0], NEAR), responds(2, &near[1], FAR)],
    }));
    let theirs = started(&json!({
        "responder": ports,
        "probe": {"interval_ms": 10},
        "lines": [{"id": 1, "name": "mirror", "local": NEAR, "remote": FAR,
                   "namespace": there.path()}],
    }));
    until_heard(&theirs, 1, 10);
    assert_eq!(results(&theirs)["mirror"].local.port(), PORT);
}

#[test]
fn a_namespace_that_is_not_there_is_named() {
    let plugin = Plugin::load_checked(&artifacts().plugin);
    let config = json!({
        "lines": [{"id": 1, "name": "blue", "remote": "192.0.2.1", "namespace": "no-such-one"}],
    });
    let engine = plugin.unwrap().create(&config.to_string(), Silent);
    let refused = engine.unwrap().start().unwrap_err().to_string();
    assert!(
        refused.contains("line blue") && refused.contains("/run/netns/no-such-one"),
        "{refused}"
    );
}
