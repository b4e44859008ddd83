//! A reflector whose packets scapy takes apart and puts together.

use std::path::Path;
use std::process::Command;

use crate::address;
use crate::host::Running;
use crate::oracle;
use crate::ping::{assert_clean, measured};

#[test]
fn our_sender_measures_against_packets_of_scapy() {
    let Some(scapy) = oracle::installed("python/scapy") else {
        return;
    };
    let far = address::own();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("command_line/scapy_reflector.py");
    let reflector = Running::start(
        Command::new("python3")
            .arg(script)
            .args([&far.to_string(), "8621"])
            .env("PYTHONPATH", scapy.with_file_name("")),
    );
    assert_eq!(reflector.line(), "listening");
    let words = format!("--mode light --padding 30 --ttl 77 --count 20 --interval 20 {far}:8621");
    let result = measured(&words);
    assert_clean(&result, 20);
    assert_eq!(result["seen"]["ttl_forward"], 77);
    // scapy counts time in steps of 0.2 µs and stamps in Python, on the same clock as we do.
    for field in ["outbound_us", "inbound_us"] {
        let min = result[field]["min"].as_f64().unwrap();
        assert!((-1.0..50_000.0).contains(&min), "{result}");
    }
    assert_eq!(result["clock"]["synchronised"], false);
}
