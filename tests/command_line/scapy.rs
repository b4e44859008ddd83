//! Ends whose packets scapy takes apart and puts together.

use std::path::Path;
use std::process::Command;

use crate::address;
use crate::host::{Running, answer};
use crate::oracle;
use crate::ping::{assert_clean, measured};
use crate::secure::Secrets;
use crate::stamp::{PASSPHRASE, responder};

/// One of our scripts; `None` without scapy.
fn script(name: &str) -> Option<Command> {
    let scapy = oracle::installed("python/scapy")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("command_line")
        .join(name);
    let mut python = Command::new("python3");
    python
        .arg(script)
        .env("PYTHONPATH", scapy.with_file_name(""));
    Some(python)
}

#[test]
fn our_sender_measures_against_packets_of_scapy() {
    let Some(mut python) = script("scapy_reflector.py") else {
        return;
    };
    let far = address::own();
    let reflector = Running::start(python.args([&far.to_string(), "8621"]));
    assert_eq!(reflector.line(), "listening");
    let stamp = "stamp --stateless --ask class-of-service,location --dscp 46";
    for mode in ["light --padding 30", stamp] {
        let words = format!("--mode {mode} --ttl 77 --count 20 --interval 20 {far}:8621");
        let result = measured(&words);
        assert_clean(&result, 20);
        assert_eq!(result["seen"]["ttl_forward"], 77);
        // scapy counts time in steps of 0.2 µs and stamps in Python, on the same clock as we do.
        for field in ["outbound_us", "inbound_us"] {
            let min = result[field]["min"].as_f64().unwrap();
            assert!((-1.0..50_000.0).contains(&min), "{result}");
        }
        assert_eq!(result["clock"]["synchronised"], false);
        if mode == stamp {
            assert_eq!(result["seen"]["dscp_forward"], 46);
            assert_eq!(result["far_end"]["unrecognised"], 1, "Location: {result}");
        }
    }
}

#[test]
fn our_reflector_answers_packets_of_scapy_as_scapy_reads_them() {
    let far = address::own();
    let secrets = Secrets::new();
    let _responder = responder(&format!("{far}:8622"), "open,auth", &secrets);
    for passphrase in [None, Some(PASSPHRASE)] {
        let Some(mut python) = script("scapy_sender.py") else {
            return;
        };
        python.args([&far.to_string(), "8622"]).args(passphrase);
        let told = answer(&mut python);
        assert_eq!(told.code, 0, "{told:?}");
        let told = told.objects();
        assert_eq!(told.len(), 3);
        for (number, told) in told.iter().enumerate() {
            // Base packet; Class of Service, Location, a stranger; the HMAC of the TLVs.
            let tlvs = 8 + 28 + 12;
            let octets = passphrase.map_or(44 + tlvs, |_| 112 + tlvs + 20);
            assert_eq!(told["octets"], octets, "as long as the probe: {told}");
            assert_eq!(
                (&told["seq"], &told["seq_sender"]),
                (&number.into(), &(10 + number).into())
            );
            assert_eq!((&told["ssid"], &told["ttl"]), (&0xbeef.into(), &77.into()));
            assert_eq!(told["flags"], serde_json::json!([0, 0, 0x80]), "{told}");
            assert_eq!(
                (&told["dscp_seen"], &told["nobodys"]),
                (&46.into(), &"whatever".into())
            );
            for is in [
                "port_is_ours",
                "address_is_ours",
                "hmac_is_right",
                "tlv_hmac_is_right",
            ] {
                let expected = passphrase.is_some() || !is.contains("hmac");
                assert_eq!(told[is].as_bool(), expected.then_some(true), "{is}: {told}");
            }
        }
    }
}
