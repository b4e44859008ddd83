//! stamp-suite, a STAMP implementation of another maker, at either end of TWAMP Light.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::address;
use crate::host::{Running, answer};
use crate::oracle;
use crate::ping::{Responder, assert_clean, measured};

#[test]
fn our_sender_measures_against_its_reflector() {
    let Some(program) = oracle::installed("bin/stamp-suite") else {
        return;
    };
    let far = address::own();
    let local = format!("-S {far} -o 8621");
    let _reflector = Running::start(
        Command::new(program)
            .arg("-i")
            .args(local.split_whitespace()),
    );
    wait_for(far, 8621);
    // A STAMP sender packet has 44 octets.
    let words = format!("--mode light --padding 30 --ttl 77 --count 20 --interval 10 {far}:8621");
    let result = measured(&words);
    assert_clean(&result, 20);
    assert_eq!(result["seen"]["ttl_forward"], 77);
}

#[test]
fn its_sender_measures_against_our_reflector() {
    let Some(program) = oracle::installed("bin/stamp-suite") else {
        return;
    };
    let responder = Responder::v4();
    let (far, port) = responder.light.split_once(':').unwrap();
    let words = format!("-r {far} -p {port} -S {far} -c 20 -d 10 -L 1 --output-format json");
    let theirs = answer(Command::new(program).args(words.split_whitespace()));
    assert_eq!(theirs.code, 0, "{theirs:?}");
    let result = theirs.object();
    for (field, expected) in [
        ("packets_sent", 20),
        ("packets_received", 20),
        ("packets_lost", 0),
    ] {
        assert_eq!(result[field], expected, "{result}");
    }
    responder.running.interrupt();
    let ours = responder.running.end();
    let served: Value = serde_json::from_str(ours.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&served["received"], &served["reflected"]),
        (&20.into(), &20.into()),
        "{served}"
    );
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
