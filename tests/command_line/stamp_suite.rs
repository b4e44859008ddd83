//! stamp-suite, a STAMP implementation of another maker, at either end of STAMP and TWAMP Light.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::address;
use crate::host::{Running, answer};
use crate::oracle;
use crate::ping::{Responder, assert_clean, measured};
use crate::secure::Secrets;
use crate::stamp::{PASSPHRASE, responder};

/// Everything that our sender asks.
const ASK: &str = "--ask class-of-service,location,timestamp-information,follow-up";

/// The program; `None` if it is not installed.
fn stamp_suite(words: &str) -> Option<Command> {
    let mut command = Command::new(oracle::installed("bin/stamp-suite")?);
    command.args(words.split_whitespace());
    Some(command)
}

/// Its reflector on a port of its own.
fn reflector(far: Ipv4Addr, words: &str) -> Option<Running> {
    let running = Running::start(&mut stamp_suite(&format!("-i -S {far} -o 8621 {words}"))?);
    wait_for(far, 8621);
    Some(running)
}

/// The words that give it our passphrase, of which it wants the octets in hexadecimal.
fn key() -> String {
    let octets = PASSPHRASE.bytes().map(|octet| format!("{octet:02x}"));
    let hex = octets.collect::<String>();
    format!("-A A --verify-tlv-hmac --hmac-key {hex}")
}

#[test]
fn our_light_sender_measures_against_its_reflector() {
    let far = address::own();
    let Some(_reflector) = reflector(far, "") else {
        return;
    };
    // A STAMP sender packet has 44 octets.
    let words = format!("--mode light --padding 30 --ttl 77 --count 20 --interval 10 {far}:8621");
    let result = measured(&words);
    assert_clean(&result, 20);
    assert_eq!(result["seen"]["ttl_forward"], 77);
}

#[test]
fn our_stamp_sender_measures_against_its_reflector_and_reads_all_its_answers() {
    let secrets = Secrets::new();
    let ours = secrets.key("hub", PASSPHRASE);
    for (theirs, ours) in [(String::new(), String::new()), (key(), ours)] {
        let far = address::own();
        let Some(_reflector) = reflector(far, &format!("--stateful-reflector {theirs}")) else {
            return;
        };
        let marks = "--ttl 77 --tos 185";
        let words =
            format!("--mode stamp {ours} {ASK} {marks} --count 20 --interval 10 {far}:8621");
        let result = measured(&words);
        assert_clean(&result, 20);
        assert_eq!(result["lost"]["forward"], 0);
        let seen = &result["seen"];
        assert_eq!(
            (&seen["ttl_forward"], &seen["dscp_forward"]),
            (&77.into(), &46.into())
        );
        assert_eq!(seen["ecn_forward"], 1);
        assert_eq!(seen["dscp_backward"], 46, "as our Class of Service asked");
        let told = &result["far_end"];
        for (field, expected) in [
            ("lacks_extensions", false.into()),
            ("unrecognised", 0.into()),
            ("unread", Value::Null),
            ("dscp_refused", false.into()),
        ] {
            assert_eq!(told[field], expected, "{field}: {told}");
        }
        let source = &told["probes_from"];
        let source = format!("{}:{}", source["address"].as_str().unwrap(), source["port"]);
        assert_eq!(source, result["local"]);
        // Its first answer has a method and a stamp of zeros, which must not count.
        let lag = told["departure_lag_us"].as_f64().unwrap();
        assert!((0.0..1e6).contains(&lag), "{told}");
    }
}

#[test]
fn a_reflector_of_its_without_numbers_gives_no_direction() {
    let far = address::own();
    let Some(_reflector) = reflector(far, "") else {
        return;
    };
    let words = format!("--mode stamp --stateless --count 10 --interval 5 {far}:8621");
    let result = measured(&words);
    assert_clean(&result, 10);
    assert_eq!(result["lost"]["forward"], Value::Null);
}

#[test]
fn its_sender_measures_against_our_light_reflector() {
    let responder = Responder::v4();
    let (far, port) = responder.light.split_once(':').unwrap();
    let Some(theirs) = its_result(far, port, "") else {
        return;
    };
    assert_eq!(theirs["packets_received"], 20, "{theirs}");
    assert_eq!(served(responder.running)["received"], 20);
}

#[test]
fn its_sender_measures_against_our_stamp_reflector_and_reads_all_our_answers() {
    let secrets = Secrets::new();
    let asks = "--ssid 4711 --cos --dscp 46 --location --timestamp-info --follow-up-telemetry \
                --extra-padding 20";
    // Type by type; 8 is the HMAC.
    for (key, kinds) in [(String::new(), "1 2 3 4 7"), (key(), "1 2 3 4 7 8")] {
        let far = address::own();
        let ours = responder(&format!("{far}:8622"), "open,auth", &secrets);
        let Some(theirs) = its_result(&far.to_string(), "8622", &format!("{asks} {key}")) else {
            return;
        };
        for (field, expected) in [
            ("packets_sent", 20),
            ("packets_received", 20),
            ("packets_lost", 0),
        ] {
            assert_eq!(theirs[field], expected, "{theirs}");
        }
        let measurements = &theirs["measurements"];
        let validation = &measurements["tlv_validation"];
        assert_eq!(validation["rejected_replies"], 0, "{validation}");
        for flag in ["unrecognized", "malformed", "integrity_failed"] {
            assert_eq!(validation["flags"][flag], 0, "{validation}");
        }
        let observed = validation["by_type"].as_object().unwrap().keys();
        let observed = observed.map(String::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(observed, kinds);
        let verified = if key.is_empty() { 0 } else { 20 };
        assert_eq!(validation["hmac"]["verified"], verified, "{validation}");
        assert_eq!(measurements["last_reflector_sequence"], 19);
        // All but the first reply are told of, most of them at once.
        let follow_up = &measurements["follow_up"];
        assert!(follow_up["matched"].as_u64() > Some(0), "{follow_up}");
        assert_eq!(follow_up["unmatched"], 0, "{follow_up}");
        let served = served(ours);
        assert_eq!(
            (&served["received"], &served["ssid"]),
            (&20.into(), &4711.into())
        );
    }
}

#[test]
fn without_our_key_its_sender_is_not_answered() {
    let far = address::own();
    let ours = responder(&format!("{far}:8622"), "auth", &Secrets::new());
    let wrong = "-A A --hmac-key 00112233445566778899aabbccddeeff";
    let Some(theirs) = its_result(&far.to_string(), "8622", wrong) else {
        return;
    };
    assert_eq!(theirs["packets_received"], 0, "{theirs}");
    ours.interrupt();
    let answer = ours.end();
    let counted = answer.stderr.contains("20 probes were not answered");
    assert!(counted, "{answer:?}");
}

/// What its sender says of 20 probes.
fn its_result(far: &str, port: &str, words: &str) -> Option<Value> {
    let run = "-c 20 -d 10 -L 1 --output-format json";
    let mut command = stamp_suite(&format!("-r {far} -p {port} -S {far} {run} {words}"))?;
    let theirs = answer(&mut command);
    assert_eq!(theirs.code, 0, "{theirs:?}");
    Some(theirs.object())
}

/// What our responder says of its only session.
fn served(responder: Running) -> Value {
    responder.interrupt();
    let ours = responder.end();
    let mut served = ours.objects();
    assert_eq!(served.len(), 1, "{ours:?}");
    let served = served.remove(0);
    assert_eq!(served["received"], served["reflected"], "{served}");
    served
}

/// Until somebody has the port.
pub(crate) fn wait_for(address: Ipv4Addr, port: u16) {
    let begun = Instant::now();
    while UdpSocket::bind((address, port)).is_ok() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "nobody listens on {address}:{port}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
