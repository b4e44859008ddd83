//! tshark, the network analyser, reads along: what we say is TWAMP to a third party, and means
//! what we report.

use std::path::Path;
use std::process::Command;

use autoflow_tests::oracle::{Capture, can_capture};
use serde_json::Value;

use crate::host::answer;
use crate::ping::{Responder, assert_clean, measured};

const PROBES: usize = 10;

#[test]
fn every_packet_of_an_open_session_is_good_and_means_what_we_report() {
    if !can_capture() {
        return;
    }
    for (features, offered, selected) in [
        ("none", 1, 1),
        ("individual-sessions,dscp-ecn", 0x111, 0x101),
    ] {
        session(&Responder::offering(features), [offered, selected]);
    }
}

/// Captures one session, in which these modes are offered and selected.
fn session(responder: &Responder, modes: [u32; 2]) {
    let (far, port) = responder.control.split_once(':').unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session.pcap");
    // Unpadded: tshark takes whatever has 41 octets for a reply.
    let words =
        format!("--padding 0 --ttl 77 --tos 185 --count {PROBES} --interval 20 {far}:{port}");
    let result = {
        let filter = format!("host {far}");
        let _capture = Capture::start(&mut Command::new("tshark"), "lo", &filter, &file);
        measured(&words)
    };
    assert_clean(&result, PROBES as u64);

    let near_port = port_of(&result["local"]);
    let filter = |filter| decoded(&file, port, filter, &FIELDS);
    assert_eq!(filter("_ws.malformed || _ws.expert.severity == error"), "");
    assert_control(&filter("twamp.control"), &near_port, modes);
    assert_test(&filter("twamp.test"), &near_port, &result);
    let marks = decoded(&file, port, "twamp.test", &MARKS);
    assert_marks(&marks, &near_port, modes[1] & 0x100 != 0, &result);
}

/// What tshark prints of each packet, in this order.
const FIELDS: [&str; 11] = [
    "twamp.control.command",
    "twamp.control.modes",
    "twamp.control.mode",
    "twamp.control.accept",
    "twamp.control.sender_port",
    "twamp.control.numsessions",
    "udp.srcport",
    "twamp.test.seq_number",
    "twamp.test.sender_seq_number",
    "twamp.test.sender_ttl",
    "twamp.test.sender_timestamp",
];

/// The same of the marks. tshark knows no RFC 7750, but what a packet was marked with.
const MARKS: [&str; 3] = ["udp.srcport", "ip.dsfield", "udp.payload"];

/// Greeting, Set-Up-Response, Server-Start; Request, Accept, Start, Start-Ack; Stop.
fn assert_control(messages: &str, near_port: &str, [offered, selected]: [u32; 2]) {
    let greeting = format!(",{offered},,,,,,,,,");
    let response = format!(",,{selected},,,,,,,,");
    let request = format!("5,,,,{near_port},,,,,,");
    let expected = [
        &greeting,
        &response,
        ",,,0,,,,,,,",
        &request,
        ",,,0,,,,,,,",
        "2,,,,,,,,,,",
        ",,,0,,,,,,,",
        "3,,,0,,1,,,,,",
    ];
    assert_eq!(messages.lines().collect::<Vec<_>>(), expected);
}

/// Probes from 0 on; each reply has its own number, the probe's number, and the TTL that the
/// result tells.
fn assert_test(packets: &str, near_port: &str, result: &Value) {
    let packets: Vec<Vec<&str>> = packets
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    let (probes, replies): (Vec<_>, Vec<_>) =
        packets.iter().partition(|packet| packet[6] == near_port);
    let numbers = |packets: &[&Vec<&str>], field: usize| {
        let numbers = packets.iter().map(|packet| packet[field].parse::<usize>());
        numbers
            .collect::<Result<Vec<_>, _>>()
            .unwrap_or_else(|error| panic!("{error}: {packets:?}"))
    };
    let all: Vec<_> = (0..PROBES).collect();
    assert_eq!(numbers(&probes, 7), all);
    assert_eq!(numbers(&replies, 7), all);
    assert_eq!(numbers(&replies, 8), all);
    let ttl = result["seen"]["ttl_forward"].to_string();
    assert!(
        replies.iter().all(|reply| reply[9] == ttl),
        "{ttl}: {replies:?}"
    );
    // A time before the epoch of Unix would be a time that was misread.
    assert!(
        replies
            .iter()
            .all(|reply| !reply[10].is_empty() && !reply[10].contains("19"))
    );
}

/// Probes leave marked as they should be; with the feature, replies tell how they arrived.
fn assert_marks(packets: &str, near_port: &str, told: bool, result: &Value) {
    for packet in packets.lines() {
        let [port, mark, payload] = packet.split(',').collect::<Vec<_>>()[..] else {
            panic!("{packet}");
        };
        if port == near_port {
            assert_eq!(mark, "0xb9", "EF and ECT(1)");
        } else {
            assert_eq!(mark, "0xb8", "EF");
            let reply = if told { (88, Some("b9")) } else { (82, None) };
            assert_eq!((payload.len(), payload.get(82..84)), reply, "{packet}");
        }
    }
    let seen = &result["seen"];
    let expected = match told {
        true => (Value::from(46), Value::from(1)),
        false => (Value::Null, Value::Null),
    };
    assert_eq!(
        (&seen["dscp_forward"], &seen["ecn_forward"]),
        (&expected.0, &expected.1)
    );
}

fn decoded(file: &Path, control_port: &str, filter: &str, fields: &[&str]) -> String {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(file);
    // The conversation names the ports of the session, so tshark finds its packets by itself.
    tshark.args(["-d", &format!("tcp.port=={control_port},twamp.control")]);
    tshark.args(["-Y", filter, "-t", "e", "-T", "fields", "-E", "separator=,"]);
    for field in fields {
        tshark.args(["-e", field]);
    }
    let answer = answer(&mut tshark);
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.stdout
}

fn port_of(address: &Value) -> String {
    let (_, port) = address.as_str().unwrap().rsplit_once(':').unwrap();
    port.to_owned()
}
