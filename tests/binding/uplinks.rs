//! Two uplinks to one far end, with the default route pointing at one of them.

use std::path::Path;

use autoflow_tests::oracle::{Capture, can_capture};
use plugin_abi::manage::{Answer, Request};
use serde_json::json;

use crate::engine::{results, started, until_heard};
use autoflow_tests::net::{Net, good};

const FAR: &str = "10.9.9.9";

/// The routes prefer `wan1`. Who marks packets with 7 goes by `wan2`.
const ROUTES: &str = "\
ip address add 10.0.1.1/24 dev wan1
ip address add 10.0.2.1/24 dev wan2
ip route add default via 10.0.1.2 dev wan1 metric 10
ip route add default via 10.0.2.2 dev wan2 metric 20
ip rule add fwmark 7 table 7
ip route add default via 10.0.2.2 dev wan2 table 7
for each in all default wan1 wan2; do echo 0 > /proc/sys/net/ipv4/conf/$each/rp_filter; done";

#[test]
fn each_probe_leaves_by_the_uplink_of_its_line_whatever_the_routes_prefer() {
    if !can_capture() {
        return;
    }
    let Some([near, far]) = Net::several() else {
        return;
    };
    near.cable("wan1", &far, "wan1");
    near.cable("wan2", &far, "wan2");
    near.run(ROUTES);
    far.run(&format!(
        "ip address add {FAR}/32 dev lo\n\
         ip address add 10.0.1.2/24 dev wan1\n\
         ip address add 10.0.2.2/24 dev wan2"
    ));
    let responder = far.host_sim("respond --json");
    responder.line();

    let directory = tempfile::tempdir().unwrap();
    let files = ["wan1", "wan2"].map(|uplink| directory.path().join(uplink));
    let captures = [("wan1", &files[0]), ("wan2", &files[1])].map(|(uplink, file)| {
        let filter = format!("dst host {FAR}");
        Capture::start(&mut near.command("tshark"), uplink, &filter, file)
    });
    let line = |id: u8, name: &str, by: (&str, serde_json::Value)| {
        let mut line = json!({
            "id": id, "name": name, "remote": FAR, "namespace": near.path(),
        });
        line[by.0] = by.1;
        line["hardware_stamps"] = json!(true);
        line
    };
    let engine = started(&json!({
        "probe": {"interval_ms": 20},
        "lines": [
            line(1, "first", ("device", json!("wan1"))),
            line(2, "second", ("device", json!("wan2"))),
            line(3, "marked", ("mark", json!(7))),
        ],
    }));
    until_heard(&engine, 3, 25);
    let Ok(Answer::Lines(rows)) = engine.manage(&Request::Lines) else {
        panic!("no list of lines");
    };
    let stamps = rows
        .iter()
        .map(|row| row.stamps.as_deref().unwrap_or_default());
    assert_eq!(
        stamps.collect::<Vec<_>>(),
        [
            "wan1: it has no clock to stamp by",
            "wan2: it has no clock to stamp by",
            "the line names no device whose stamps they could be",
        ]
    );
    engine.stop().unwrap();
    drop(captures);

    let results = results(&engine);
    let [by_first, by_second] = files.each_ref().map(|file| Seen::read(file));
    for (name, right, wrong) in [
        ("first", &by_first, &by_second),
        ("second", &by_second, &by_first),
        ("marked", &by_second, &by_first),
    ] {
        let port = results[name].local.port();
        let sent = usize::try_from(results[name].sent).unwrap();
        assert_eq!(
            right.probes_from(port),
            sent,
            "line {name} on its own uplink"
        );
        assert_eq!(
            wrong.probes_from(port),
            0,
            "line {name} on the other uplink"
        );
    }
    let ports: Vec<_> = results.values().map(|result| result.local.port()).collect();
    assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
    assert_eq!(
        (by_first.connections, by_second.connections),
        (1, 2),
        "control goes with the probes"
    );
}

/// What left by one uplink.
struct Seen {
    /// Source ports of UDP.
    probes: Vec<u16>,
    /// Connections of TCP that were asked for.
    connections: usize,
}

impl Seen {
    fn read(file: &Path) -> Self {
        let mut tshark = std::process::Command::new("tshark");
        tshark.arg("-r").arg(file).args(["-T", "fields"]);
        tshark.args(["-e", "udp.srcport", "-e", "tcp.flags.syn"]);
        let mut seen = Self {
            probes: Vec::new(),
            connections: 0,
        };
        for line in good(&mut tshark).lines() {
            let (port, opens) = line.split_once('\t').unwrap();
            seen.probes.extend(port.parse::<u16>());
            seen.connections += usize::from(matches!(opens, "1" | "True"));
        }
        seen
    }

    fn probes_from(&self, port: u16) -> usize {
        self.probes.iter().filter(|probe| **probe == port).count()
    }
}
