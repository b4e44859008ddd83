//! Packets of every format against the worked vectors and against tampering: protected ones and
//! those of the features.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    Arrival, Discard, Features, Outcome, Reflector, ReflectorConfig, Sample, Sender, SenderConfig,
    StampFormat, TxToken,
};
use crate::security::{TestKeys, TestSecurity};
use crate::time::{ErrorEstimate, Mono, Now, Wall};
use crate::vectors::{octets, variable, vectors};

mod hostile;

const MS: i64 = 1_000_000;
const EPOCH: i64 = 1_700_000_000_000_000_000;
const SENDER_ERROR: ErrorEstimate = ErrorEstimate(0x8e42);
const REFLECTOR_ERROR: ErrorEstimate = ErrorEstimate(0x8a64);
/// EF, ECT(1).
const TOS: u8 = 0xb9;

fn keys() -> Arc<TestKeys> {
    let inputs = &vectors()["twamp_test"]["inputs"];
    let (aes, hmac) = (&inputs["test_aes_key"], &inputs["test_hmac_key"]);
    Arc::new(TestKeys::new(&octets(aes), &octets(hmac)))
}

fn modes() -> [TestSecurity; 3] {
    [
        TestSecurity::Open,
        TestSecurity::Authenticated(keys()),
        TestSecurity::Encrypted(keys()),
    ]
}

fn packet(name: &str) -> Vec<u8> {
    variable(&vectors()["twamp_test"][name])
}

fn at(us: i64) -> Now {
    Now {
        mono: Mono(us as u64 * 1_000),
        wall: Wall(EPOCH + us * 1_000),
    }
}

fn arrival(us: i64) -> Arrival {
    let Now { mono, wall } = at(us);
    Arrival {
        mono,
        user: wall,
        ttl: Some(253),
        tos: Some(TOS),
        ..Arrival::default()
    }
}

/// A sender that makes probe 7 next.
fn sender(config: SenderConfig, security: &TestSecurity) -> Sender {
    let mut sender = Sender::new(config).secured(security.clone());
    for _ in 0..7 {
        send(&mut sender, 0);
    }
    sender
}

fn send(sender: &mut Sender, us: i64) -> Vec<u8> {
    let mut out = Vec::new();
    let token: TxToken = sender.send(at(us), SENDER_ERROR, &mut out);
    let _ = token.sequence();
    out
}

/// A reflector that makes reply 5 next.
fn reflector(features: Features, security: &TestSecurity) -> Reflector {
    let config = ReflectorConfig {
        features,
        ..ReflectorConfig::default()
    };
    let mut reflector = Reflector::new(config, Mono(0)).secured(security.clone());
    let mut ahead = Sender::new(SenderConfig::default()).secured(security.clone());
    for _ in 0..5 {
        let probe = send(&mut ahead, 0);
        let mut out = Vec::new();
        let reflected = reflector.reflect(&probe, &arrival(0), REFLECTOR_ERROR, &mut out);
        assert_eq!(reflected, Ok(()));
    }
    reflector
}

fn reply(reflector: &mut Reflector, probe: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    reflector
        .reflect(probe, &arrival(261_500), REFLECTOR_ERROR, &mut out)
        .unwrap();
    reflector.sealer().seal(&mut out, at(261_540).wall);
    out
}

fn only_sample(sender: &mut Sender) -> Sample {
    match sender.poll_outcome() {
        Some(Outcome::Sample(sample)) => sample,
        other => panic!("{other:?}"),
    }
}

fn dscp_ecn() -> Features {
    Features {
        dscp_ecn: true,
        ..Features::default()
    }
}

fn symmetrical() -> Features {
    Features {
        symmetrical: true,
        ..Features::default()
    }
}

#[test]
fn the_sender_vectors_come_out_octet_for_octet() {
    let names = [
        ("sender_unauth_min14", "sender_unauth_pad27", 27),
        ("sender_auth_min48", "sender_auth_pad64", 64),
        ("sender_enc_min48", "sender_enc_pad64", 64),
    ];
    for (security, (least, padded, padding)) in modes().iter().zip(names) {
        let config = SenderConfig {
            padding: 0,
            zero_padding: true,
            ..SenderConfig::default()
        };
        let probe = send(&mut sender(config, security), 250_000);
        assert_eq!(probe, packet(least));
        let config = SenderConfig { padding, ..config };
        let probe = send(&mut sender(config, security), 250_000);
        let fixed = packet(least).len();
        assert_eq!(probe[..fixed], packet(padded)[..fixed]);
        assert_eq!(probe.len(), packet(padded).len());
    }
}

#[test]
fn the_reflector_vectors_come_out_octet_for_octet() {
    let cases = [
        (
            0,
            "sender_unauth_min14",
            "reflector_unauth_min41",
            Features::default(),
        ),
        (
            0,
            "sender_unauth_min14",
            "reflector_unauth_dscp_min44",
            dscp_ecn(),
        ),
        (
            1,
            "sender_auth_min48",
            "reflector_auth_min112",
            Features::default(),
        ),
        (1, "sender_auth_min48", "reflector_auth_dscp", dscp_ecn()),
        (
            2,
            "sender_enc_min48",
            "reflector_enc_min112",
            Features::default(),
        ),
        (2, "sender_enc_min48", "reflector_enc_dscp", dscp_ecn()),
    ];
    for (mode, probe, expected, features) in cases {
        let mut reflector = reflector(features, &modes()[mode]);
        assert_eq!(
            reply(&mut reflector, &packet(probe)),
            packet(expected),
            "{expected}"
        );
    }
}

#[test]
fn padding_that_makes_up_for_the_headers_is_cut_away() {
    let cases = [
        ("sender_unauth_pad27", 41),
        ("sender_auth_pad64", 112),
        ("sender_enc_pad64", 112),
    ];
    for (security, (probe, len)) in modes().iter().zip(cases) {
        let probe = packet(probe);
        assert_eq!(probe.len(), len);
        let mut longer = probe.clone();
        longer.extend([9; 10]);
        let mut reflector = reflector(Features::default(), security);
        assert_eq!(reply(&mut reflector, &probe).len(), len);
        let reply = reply(&mut reflector, &longer);
        // The first ten octets of the padding, which counts up from 0.
        assert_eq!(reply[len..], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}

#[test]
fn the_symmetrical_vectors_come_out_octet_for_octet() {
    let probe = packet("sender_sym_reflect20_pad100");
    let mut reflector = reflector(symmetrical(), &TestSecurity::Open);
    // Its additional padding is ours to choose; we choose to reflect all.
    let expected = packet("reflector_sym_reflect20_pad100");
    assert_eq!(reply(&mut reflector, &probe), expected[..probe.len()]);
    let short = packet("sender_symmetrical_unauth");
    assert_eq!(reply(&mut reflector, &short).len(), short.len());
}

#[test]
fn a_symmetrical_probe_has_zeros_then_the_server_octets_then_chance() {
    for (security, zeros, head) in [(0, 27, 14), (1, 64, 48), (2, 64, 48)] {
        let config = SenderConfig {
            padding: zeros + 20,
            features: symmetrical(),
            server_octets: 0x5e55,
            ..SenderConfig::default()
        };
        let probe = send(&mut sender(config, &modes()[security]), 0);
        let (zero, rest) = probe[head..].split_at(zeros as usize);
        assert!(zero.iter().all(|octet| *octet == 0));
        assert_eq!(rest[..2], [0x5e, 0x55]);
        assert_ne!(rest[2..], [0; 18]);
        let reply = reply(&mut reflector(symmetrical(), &modes()[security]), &probe);
        assert_eq!(reply.len(), probe.len());
        assert_eq!(reply[reply.len() - 20..], *rest);
    }
}

#[test]
fn server_octets_begin_the_padding_and_come_back_without_symmetry_too() {
    for (security, sender_len, header) in [(0, 14, 41), (1, 48, 112), (2, 48, 112)] {
        let config = SenderConfig {
            padding: 84,
            server_octets: 0x5e55,
            ..SenderConfig::default()
        };
        let probe = send(&mut sender(config, &modes()[security]), 0);
        assert_eq!(probe[sender_len..sender_len + 2], [0x5e, 0x55]);
        let reply = reply(
            &mut reflector(Features::default(), &modes()[security]),
            &probe,
        );
        let reflected = &reply[header..];
        assert_eq!(reflected, &probe[sender_len..][..reflected.len()]);
        assert!(reflected.len() >= 20);
    }
}

#[test]
fn symmetry_with_dscp_needs_three_more_zeros() {
    let features = Features {
        dscp_ecn: true,
        ..symmetrical()
    };
    let config = SenderConfig {
        padding: 31,
        features,
        server_octets: 0x5e55,
        ..SenderConfig::default()
    };
    // Room for only one octet behind the zeros: the server's two stay away.
    let probe = send(&mut sender(config, &TestSecurity::Open), 0);
    assert_eq!((probe.len(), &probe[14..44]), (45, &[0; 30][..]));
    let reply = reply(&mut reflector(features, &TestSecurity::Open), &probe);
    assert_eq!(reply[44..], probe[44..]);
}

#[test]
fn a_probe_of_any_size_is_answered_with_at_least_the_header_and_never_with_more_than_it_had() {
    let all = [Features::default(), dscp_ecn(), symmetrical()];
    for (security, least) in modes().iter().zip([14, 48, 48]) {
        for features in all {
            for padding in [0, 1, 26, 27, 29, 30, 63, 64, 65, 100, 65_507 - least] {
                let config = SenderConfig {
                    padding,
                    features,
                    ..SenderConfig::default()
                };
                let probe = send(&mut sender(config, security), 0);
                let header = match (security.is_secure(), features.dscp_ecn) {
                    (true, _) => 112,
                    (false, dscp) => 41 + 3 * usize::from(dscp),
                };
                let reply = reply(&mut reflector(features, security), &probe);
                assert_eq!(reply.len(), probe.len().max(header));
            }
        }
    }
}

#[test]
fn a_round_trip_gives_the_same_sample_in_every_mode() {
    for security in modes() {
        let config = SenderConfig {
            features: dscp_ecn(),
            ..SenderConfig::default()
        };
        let mut sender = sender(config, &security);
        let probe = send(&mut sender, 250_000);
        let reply = reply(&mut reflector(dscp_ecn(), &security), &probe);
        assert_eq!(sender.handle_reply(&reply, &arrival(272_000)), Ok(()));
        let sample = only_sample(&mut sender);
        assert_eq!((sample.sequence, sample.reflector_sequence), (7, 5));
        assert_eq!(
            (sample.forward(), sample.backward()),
            (11_500_000, 10_460_000)
        );
        assert_eq!((sample.ttl_forward, sample.tos_forward), (253, Some(TOS)));
    }
}

#[test]
fn without_the_feature_the_received_tos_is_unknown() {
    let mut sender = sender(SenderConfig::default(), &TestSecurity::Open);
    let probe = send(&mut sender, 250_000);
    let reply = reply(&mut reflector(dscp_ecn(), &TestSecurity::Open), &probe);
    assert_eq!(sender.handle_reply(&reply, &arrival(272_000)), Ok(()));
    assert_eq!(only_sample(&mut sender).tos_forward, None);
}

#[test]
fn an_ntp_sender_and_a_ptp_reflector_measure_right_delays_and_the_other_way_round() {
    let ptp = |tai_offset_s| Features {
        stamps: StampFormat {
            ptp: true,
            tai_offset_s,
        },
        ..Features::default()
    };
    let ntp = Features::default();
    for (ours, theirs) in [
        (ntp, ptp(37)),
        (ptp(37), ntp),
        (ptp(37), ptp(37)),
        (ntp, ptp(0)),
    ] {
        for security in modes() {
            let config = SenderConfig {
                features: ours,
                ..SenderConfig::default()
            };
            let mut sender = sender(config, &security);
            let probe = send(&mut sender, 250_000);
            let mut reflector = reflector(theirs, &security);
            let before = reflector.report().variation.unwrap();
            let reply = reply(&mut reflector, &probe);
            assert_eq!(sender.handle_reply(&reply, &arrival(272_000)), Ok(()));
            let sample = only_sample(&mut sender);
            assert_eq!(
                (sample.forward(), sample.backward()),
                (11_500_000, 10_460_000)
            );
            // And the reflector reads the sender's stamps right.
            let after = reflector.report().variation.unwrap();
            assert_eq!((before.max_ns, after.max_ns), (0, 11_500_000));
        }
    }
}

#[test]
fn a_changed_probe_is_not_answered_but_counted() {
    for security in &modes()[1..] {
        let probe = send(&mut sender(SenderConfig::default(), security), 250_000);
        let mut reflector = reflector(Features::default(), security);
        let mut refused = 0;
        for octet in 0..48 {
            let mut changed = probe.clone();
            changed[octet] ^= 1;
            let mut out = vec![1];
            let result = reflector.reflect(&changed, &arrival(0), REFLECTOR_ERROR, &mut out);
            if security.covers_stamps() || !(16..32).contains(&octet) {
                assert_eq!(result, Err(Discard::BadHmac), "octet {octet}");
                assert!(out.is_empty());
                refused += 1;
            }
        }
        assert_eq!(reflector.report().discards.bad_hmac, refused);
    }
}

#[test]
fn a_changed_reply_makes_no_sample_but_is_counted() {
    for security in &modes()[1..] {
        let mut sender = sender(SenderConfig::default(), security);
        let probe = send(&mut sender, 250_000);
        let reply = reply(&mut reflector(Features::default(), security), &probe);
        let mut refused = 0;
        for octet in 0..112 {
            if !security.covers_stamps() && (16..96).contains(&octet) {
                continue;
            }
            let mut changed = reply.clone();
            changed[octet] ^= 0x80;
            let result = sender.handle_reply(&changed, &arrival(272_000));
            assert_eq!(result, Err(Discard::BadHmac), "octet {octet}");
            refused += 1;
        }
        assert_eq!(sender.discards().bad_hmac, refused);
        assert_eq!(sender.poll_outcome(), None);
        assert_eq!(sender.handle_reply(&reply, &arrival(272_000)), Ok(()));
    }
}

#[test]
fn packets_of_another_session_or_mode_are_refused() {
    let other = TestSecurity::Encrypted(Arc::new(TestKeys::new(&[1; 16], &[2; 32])));
    let [open, authenticated, encrypted] = modes();
    for from in [&open, &authenticated, &other] {
        let config = SenderConfig {
            padding: 100,
            ..SenderConfig::default()
        };
        let probe = send(&mut sender(config, from), 0);
        let mut out = Vec::new();
        let result = reflector(Features::default(), &encrypted).reflect(
            &probe,
            &arrival(0),
            REFLECTOR_ERROR,
            &mut out,
        );
        assert_eq!(result, Err(Discard::BadHmac));
    }
}

#[test]
fn protected_packets_cut_anywhere_are_refused() {
    for security in &modes()[1..] {
        let config = SenderConfig {
            padding: 0,
            ..SenderConfig::default()
        };
        let mut sender = sender(config, security);
        let probe = send(&mut sender, 250_000);
        let mut reflector = reflector(Features::default(), security);
        let mut out = Vec::new();
        for len in 0..probe.len() {
            let cut = reflector.reflect(&probe[..len], &arrival(0), REFLECTOR_ERROR, &mut out);
            assert!(matches!(cut, Err(Discard::TooShort(_))), "{len} octets");
        }
        let reply = reply(&mut reflector, &probe);
        for len in 0..reply.len() {
            let cut = sender.handle_reply(&reply[..len], &arrival(272_000));
            assert!(matches!(cut, Err(Discard::TooShort(_))), "{len} octets");
        }
    }
}

#[test]
fn t3_is_never_before_t2_however_the_packet_is_protected() {
    for security in modes() {
        let mut sender = sender(SenderConfig::default(), &security);
        let probe = send(&mut sender, 250_000);
        let mut reflector = reflector(Features::default(), &security);
        let mut out = Vec::new();
        let seen = arrival(261_500);
        reflector
            .reflect(&probe, &seen, REFLECTOR_ERROR, &mut out)
            .unwrap();
        reflector.sealer().seal(&mut out, Wall(EPOCH - 5 * MS));
        assert_eq!(sender.handle_reply(&out, &arrival(272_000)), Ok(()));
        assert_eq!(only_sample(&mut sender).processing(), 0);
    }
}

proptest! {
    #[test]
    fn noise_is_answered_only_where_nothing_protects(
        noise in proptest::collection::vec(any::<u8>(), 0..300), dscp_ecn: bool, symmetrical: bool,
    ) {
        let features = Features { dscp_ecn, symmetrical, ..Features::default() };
        for security in modes() {
            let config = ReflectorConfig { features, ..ReflectorConfig::default() };
            let mut reflector = Reflector::new(config, Mono(0)).secured(security.clone());
            let mut out = Vec::new();
            let answered = reflector.reflect(&noise, &arrival(1), REFLECTOR_ERROR, &mut out);
            prop_assert!(answered.is_err() || !security.is_secure());
            if answered.is_ok() {
                let header = if dscp_ecn { 44 } else { 41 };
                prop_assert_eq!(out.len(), noise.len().max(header));
            }
            reflector.sealer().seal(&mut out, Wall(EPOCH));
            let config = SenderConfig { features, ..SenderConfig::default() };
            let mut sender = sender(config, &security);
            prop_assert!(sender.handle_reply(&noise, &arrival(1)).is_err());
        }
    }
}
