//! STAMP: with and without a key, with TWAMP Light at either end, and what far ends tell.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;

use crate::address;
use crate::host::{Running, host_sim};
use crate::ping::{Responder, assert_clean, measured};
use crate::secure::Secrets;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// A responder that answers STAMP alone, with the key `hub` if it has secrets.
pub(crate) fn responder(far: &str, modes: &str, secrets: &Secrets) -> Running {
    let keys = secrets.file("keys.toml", &format!("hub = \"{PASSPHRASE}\"\n"));
    let words = format!(
        "respond --json --stamp {far} --modes {modes} --keys {}",
        keys.display()
    );
    let running = Running::host_sim(&words);
    let ready: Value = serde_json::from_str(&running.line()).unwrap();
    assert_eq!(ready["listening"]["stamp"][0], far);
    assert_eq!(ready["listening"]["control"], serde_json::json!([]));
    running
}

/// What it says at its end: the sessions it has served, and its complaints.
fn end(responder: Running) -> (Vec<Value>, String) {
    responder.interrupt();
    let answer = responder.end();
    assert_eq!(answer.code, 0, "{answer:?}");
    (answer.objects(), answer.stderr)
}

#[test]
fn every_probe_comes_back_with_and_without_a_key_in_both_families() {
    let secrets = Secrets::new();
    let key = secrets.key("hub", PASSPHRASE);
    let v4 = format!("{}:8622", address::own());
    let v6 = format!("[::1]:{}", address::free_port_v6());
    for far in [v4, v6] {
        let responder = responder(&far, "open,auth", &secrets);
        for key in ["", &key] {
            let words = format!("--mode stamp {key} --count 20 --interval 10 --dscp 46 {far}");
            let result = measured(&words);
            assert_clean(&result, 20);
            assert_eq!(result["mode"], "stamp");
            assert_eq!(result["lost"]["forward"], 0);
            assert_eq!(result["lost"]["backward"], 0);
            let seen = &result["seen"];
            assert_eq!(
                (&seen["dscp_forward"], &seen["dscp_backward"]),
                (&46.into(), &46.into())
            );
            assert_eq!(seen["ttl_forward"], 255);
            assert_eq!(result["far_end"]["lacks_extensions"], false);
        }
        let (served, complaints) = end(responder);
        assert_eq!(complaints, "");
        for served in &served {
            assert_eq!(
                (&served["received"], &served["reflected"]),
                (&20.into(), &20.into())
            );
            assert!(served["ssid"].as_u64().unwrap() > 0, "{served}");
        }
    }
}

#[test]
fn what_is_asked_is_told() {
    let far = format!("{}:8622", address::own());
    let _responder = responder(&far, "open", &Secrets::new());
    let ask = "--ask class-of-service,location,timestamp-information,follow-up";
    let result = measured(&format!(
        "--mode stamp {ask} --count 10 --interval 10 --tos 185 {far}"
    ));
    assert_clean(&result, 10);
    let told = &result["far_end"];
    let endpoint = |told: &Value| {
        let address = told["address"].as_str().unwrap();
        format!("{address}:{}", told["port"])
    };
    assert_eq!(endpoint(&told["probes_from"]), result["local"]);
    assert_eq!(endpoint(&told["probes_to"]), result["remote"]);
    assert_eq!(result["seen"]["ecn_forward"], 1);
    assert_eq!(told["dscp_refused"], false);
    let clock = &told["clock"];
    assert_eq!(clock["transmit_stamps"], "control-plane");
    assert!(
        clock["source"] == "local" || clock["source"] == "ntp",
        "{told}"
    );
    // A reply leaves after its stamp was written.
    assert!(told["departure_lag_us"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!(
        (&told["unrecognised"], &told["unread"]),
        (&0.into(), &Value::Null)
    );

    let bare = measured(&format!(
        "--mode stamp --ask none --ssid 0 --count 3 --interval 5 {far}"
    ));
    assert_clean(&bare, 3);
    assert!(bare.get("far_end").is_none(), "{bare}");
    assert_eq!(bare["seen"]["dscp_forward"], Value::Null);
}

#[test]
fn stamps_as_ptp_writes_them_measure_the_same() {
    let far = format!("{}:8622", address::own());
    let _responder = responder(&far, "open", &Secrets::new());
    let result = measured(&format!("--mode stamp --ptp --count 10 --interval 5 {far}"));
    assert_clean(&result, 10);
    let offset = result["clock"]["offset_us"].as_f64().unwrap();
    // One clock at both ends; a TAI that was not undone would be 37 s.
    assert!(offset.abs() < 1e6, "{result}");
}

#[test]
fn people_read_what_the_far_end_told() {
    let far = format!("{}:8622", address::own());
    let _responder = responder(&far, "open", &Secrets::new());
    let words = format!("ping --mode stamp --ask location --count 3 --interval 5 {far}");
    let answer = host_sim(&words);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{answer:?}");
    let says = "\nthe far end\n  sees the probes come from 127.0.0.1";
    let arrive = format!("\n  sees them arrive at {far}\n");
    let page = &answer.stdout;
    assert!(page.contains(says) && page.contains(&arrive), "{page}");
}

#[test]
fn who_has_not_the_key_gets_no_answer_and_the_responder_counts_it() {
    let secrets = Secrets::new();
    for (modes, key) in [
        ("auth", secrets.key("hub", "wrong horse")),
        ("auth", String::new()),
        ("open", secrets.key("hub", PASSPHRASE)),
        ("open,auth", secrets.key("hub", "wrong horse")),
    ] {
        let far = format!("{}:8622", address::own());
        let responder = responder(&far, modes, &secrets);
        let words = format!("--mode stamp {key} --count 3 --interval 5 --timeout 200 {far}");
        let answer = host_sim(&format!("ping --json {words}"));
        assert_eq!(answer.code, 1, "{answer:?}");
        let (kind, message) = answer.failure();
        assert_eq!(kind, "no-answer");
        assert!(message.contains("have both ends the same key"), "{message}");
        let (served, complaints) = end(responder);
        assert!(served.is_empty(), "{served:?}");
        assert_eq!(
            complaints,
            "host-sim: 3 probes were not answered: no key of ours verifies them, or they are open \
             and --modes is not\n"
        );
    }
}

#[test]
fn stamp_and_twamp_light_measure_each_other() {
    let far = format!("{}:8622", address::own());
    let responder_of_stamp = responder(&far, "open", &Secrets::new());
    for padding in [0, 27, 100] {
        let words = format!("--mode light --padding {padding} --count 10 --interval 5 {far}");
        assert_clean(&measured(&words), 10);
    }
    let (served, _) = end(responder_of_stamp);
    assert!(
        served.iter().all(|served| served["received"] == 10),
        "{served:?}"
    );

    let light = Responder::v4();
    let words = format!(
        "--mode stamp --stateless --count 10 --interval 5 {}",
        light.light
    );
    let result = measured(&words);
    assert_clean(&result, 10);
    assert_eq!(result["lost"]["forward"], Value::Null);
    assert_eq!(result["far_end"]["lacks_extensions"], true);
    assert_eq!(result["seen"]["dscp_forward"], Value::Null);
}

#[test]
fn two_ssids_from_one_socket_are_two_sessions_with_numbers_of_their_own() {
    let far = format!("{}:8622", address::own());
    let responder = responder(&far, "open", &Secrets::new());
    let near = UdpSocket::bind((address::own(), 0)).unwrap();
    near.connect(&far).unwrap();
    near.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let exchange = |ssid: u16, number: u32| {
        let mut probe = [0; 44];
        probe[..4].copy_from_slice(&number.to_be_bytes());
        probe[4] = 0xee;
        probe[12..14].copy_from_slice(&[0x80, 1]);
        probe[14..16].copy_from_slice(&ssid.to_be_bytes());
        near.send(&probe).unwrap();
        let mut reply = [0; 128];
        assert_eq!(near.recv(&mut reply).expect("a reply comes"), 44);
        let number = |at: usize| u32::from_be_bytes(reply[at..at + 4].try_into().unwrap());
        let ssid = u16::from_be_bytes(reply[14..16].try_into().unwrap());
        (ssid, number(0), number(24))
    };
    // SSID, reply's number, probe's number.
    assert_eq!(exchange(7, 100), (7, 0, 100));
    assert_eq!(exchange(8, 200), (8, 0, 200));
    assert_eq!(exchange(7, 102), (7, 1, 102));
    assert_eq!(exchange(8, 201), (8, 1, 201));
    let (mut served, _) = end(responder);
    served.sort_by_key(|served| served["ssid"].as_u64());
    let seen = |served: &Value| {
        let number = |key: &str| served[key].as_u64().unwrap();
        (number("ssid"), number("received"), number("lost_forward"))
    };
    let seen: Vec<_> = served.iter().map(seen).collect();
    assert_eq!(seen, [(7, 2, 1), (8, 2, 0)]);
}

#[test]
fn options_of_another_mode_are_wrong_use() {
    for (words, says) in [
        (
            "ping --ssid 7 h",
            "--ssid, --ask and --stateless are options of --mode stamp",
        ),
        (
            "ping --mode stamp --ask none,location h",
            "--ask none asks nothing",
        ),
    ] {
        let answer = host_sim(words);
        assert_eq!(answer.code, 2, "{answer:?}");
        assert!(answer.stderr.contains(says), "{}", answer.stderr);
    }
    let words = "respond --stamp 127.0.0.1:8622 --modes mixed --keys /nowhere/keys";
    assert_eq!(host_sim(words).code, 2);
}
