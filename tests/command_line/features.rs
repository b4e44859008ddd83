//! What is agreed on beyond the base protocol: by whom, what it does to packets, and what happens
//! where the far end can't.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use serde_json::{Value, json};

use crate::host::{Running, host_sim};
use crate::ping::{Responder, assert_clean, measured};
use crate::raw::{Client, Prober, Wish};
use crate::strange::{No, shy_of_features};

const PLAIN: &str = "--count 5 --interval 5";

#[test]
fn what_is_asked_for_and_offered_is_agreed_on_and_every_probe_comes_back() {
    let responder = Responder::v4();
    for (options, features) in [
        ("", json!(["dscp-ecn"])),
        ("--ptp", json!(["dscp-ecn", "ptp-timestamps"])),
        ("--symmetric", json!(["symmetrical-size", "dscp-ecn"])),
        ("--reflect-octets 9", json!(["reflect-octets", "dscp-ecn"])),
        (
            "--ptp --symmetric --reflect-octets 9 --padding 1000",
            json!([
                "reflect-octets",
                "symmetrical-size",
                "dscp-ecn",
                "ptp-timestamps"
            ]),
        ),
    ] {
        let result = measured(&format!("{PLAIN} {options} {}", responder.control));
        assert_clean(&result, 5);
        assert_eq!(result["features"], features, "{options}");
        assert!(result.get("features_refused").is_none(), "{result}");
        let mut lines = responder.running.lines().map(|line| {
            let served: Value = serde_json::from_str(&line).unwrap();
            served
        });
        let served = lines.find(|served| served["remote"] == result["local"]);
        assert_eq!(served.unwrap()["features"], features);
    }
}

#[test]
fn what_is_not_offered_is_gone_without() {
    let responder = Responder::offering("ptp-timestamps,reflect-octets");
    let words = format!(
        "{PLAIN} --symmetric --reflect-octets 9 {}",
        responder.control
    );
    let result = measured(&words);
    assert_clean(&result, 5);
    assert_eq!(result["features"], json!(["reflect-octets"]));
    assert_eq!(result["seen"]["dscp_forward"], Value::Null);
    assert_eq!(result["seen"]["ecn_forward"], Value::Null);
}

#[test]
fn a_responder_says_what_it_offers() {
    for (words, features) in [
        ("none", json!([])),
        (
            "dscp-ecn,ptp-timestamps",
            json!(["dscp-ecn", "ptp-timestamps"]),
        ),
    ] {
        let far = format!("{}:8620", crate::address::own());
        let words = format!("respond --json --listen {far} --features {words}");
        let ready: Value = serde_json::from_str(&Running::host_sim(&words).line()).unwrap();
        assert_eq!(ready["listening"]["features"], features);
    }
    let answer = host_sim("respond --features none,dscp-ecn --listen 127.0.0.1:8620");
    assert_eq!(answer.code, 2, "{answer:?}");
}

#[test]
fn dscp_and_ecn_at_the_far_end_are_told() {
    let responder = Responder::v4();
    // EF and ECT(1).
    let result = measured(&format!("{PLAIN} --tos 185 {}", responder.control));
    let seen = &result["seen"];
    assert_eq!(
        (&seen["dscp_forward"], &seen["ecn_forward"]),
        (&46.into(), &1.into())
    );
    assert_eq!(
        (&seen["dscp_backward"], &seen["ecn_backward"]),
        (&46.into(), &0.into())
    );
    let page = host_sim(&format!("ping {PLAIN} --tos 185 {}", responder.control)).stdout;
    assert!(page.contains("arrived with  DSCP  ECN  TTL"), "{page}");
    assert!(page.contains("\nagreed on dscp-ecn\n"), "{page}");
    assert!(!page.contains(" asked, "), "{page}");
}

#[test]
fn light_has_nobody_to_agree_with() {
    for option in ["--ptp", "--symmetric", "--reflect-octets 9"] {
        let answer = host_sim(&format!("ping --mode light {option} 127.0.0.1:8621"));
        assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "{answer:?}");
        assert!(answer.stderr.contains("--mode light agrees on no features"));
    }
}

#[test]
fn padding_that_can_not_hold_what_is_asked_for_is_wrong_use() {
    let answer = host_sim("ping --symmetric --padding 29 127.0.0.1:8620");
    assert_eq!(answer.code, 2, "{answer:?}");
    assert!(
        answer
            .stderr
            .contains("expected at least 30 octets, for run.probe.symmetric"),
        "{}",
        answer.stderr
    );
}

#[test]
fn a_reply_is_never_longer_than_its_probe_or_its_own_fixed_part() {
    let responder = Responder::v4();
    // Open mode; the same with everything that changes test packets.
    for (modes, header) in [(0x001, 41), (0x361, 44)] {
        let mut client = Client::connect(&responder.control, modes);
        let prober = Prober::new();
        let padding = 200;
        let answer = client.request(
            prober.port(),
            Wish {
                padding,
                ..Wish::default()
            },
        );
        client.start_all();
        let (host, _) = responder.control.split_once(':').unwrap();
        let far = format!("{host}:{}", answer.port);
        for (number, padding) in [0, 1, 26, 27, 30, 200, 1_000].into_iter().enumerate() {
            let reply = prober.answered(&far, number as u32, &vec![0x5a; padding]);
            assert_eq!(reply.len(), (14 + padding).max(header), "{modes:#x}");
        }
    }
}

#[test]
fn a_client_of_another_make_gets_its_octets_back() {
    let responder = Responder::v4();
    // Open mode, reflected octets, symmetrical size, DSCP and ECN.
    let mut client = Client::connect(&responder.control, 0x161);
    let prober = Prober::new();
    let wish = |padding| Wish {
        padding,
        reflect: (0xabcd, 8),
    };
    let refused = client.request(prober.port(), wish(37));
    assert_eq!((refused.accept, refused.port, refused.sid), (3, 0, [0; 16]));
    let granted = client.request(prober.port(), wish(38));
    assert_eq!((granted.accept, granted.returned), (0, 0xabcd));
    client.start_all();
    let (host, _) = responder.control.split_once(':').unwrap();
    let mut padding = [0; 38];
    padding[30..].copy_from_slice(b"reflect!");
    prober.mark(0x2a);
    let reply = prober.answered(&format!("{host}:{}", granted.port), 0, &padding);
    assert_eq!(reply.len(), 14 + 38);
    assert_eq!((reply[41], &reply[44..]), (0x2a, &b"reflect!"[..]));
}

/// The modes that are selected, one connection after the other.
fn selections(selected: &Receiver<u32>, connections: usize) -> Vec<u32> {
    let next = || selected.recv_timeout(Duration::from_secs(30));
    (0..connections).map(|_| next().unwrap()).collect()
}

#[test]
fn a_far_end_that_can_not_do_what_it_offers_is_measured_without() {
    for no in [No::HangsUp, No::Refuses] {
        let responder = Responder::offering("none");
        let (far, selected) = shy_of_features(&responder.control, no);
        let words = format!("{PLAIN} --ptp --log info");
        let answer = host_sim(&format!("ping --json {words} {far}"));
        assert_eq!(answer.code, 0, "{answer:?}");
        let result = answer.object();
        assert_eq!(result["received"], 5, "{result}");
        assert_eq!(result["features"], json!([]));
        let refused = json!(["dscp-ecn", "ptp-timestamps"]);
        assert_eq!(result["features_refused"], refused);
        assert_eq!(selections(&selected, 2), [0x301, 0x001]);
        let told = format!("{far} refuses the features dscp-ecn+ptp-timestamps, which it offers");
        assert_eq!(answer.stderr.matches(&told).count(), 1, "{}", answer.stderr);

        let page = host_sim(&format!("ping {PLAIN} {far}")).stdout;
        let told = "the far end refuses dscp-ecn, which it offers: done without\n";
        assert!(page.ends_with(told), "{page}");
    }
}

#[test]
fn a_line_does_not_ask_for_what_was_refused_again() {
    let responder = Responder::offering("none");
    let (far, selected) = shy_of_features(&responder.control, No::HangsUpLater);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("host.toml");
    let line = format!("[[lines]]\nid = 1\nname = \"fibre\"\nremote = \"{far}\"\n");
    std::fs::write(&file, line).unwrap();
    let socket = directory.path().join("socket");
    let words = format!(
        "run --json --config {} --socket {}",
        file.display(),
        socket.display()
    );
    let _host = Running::host_sim(&words);
    assert_eq!(selections(&selected, 4), [0x101, 0x001, 0x001, 0x001]);
}
