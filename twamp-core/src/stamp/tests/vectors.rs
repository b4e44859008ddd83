//! The worked vectors, octet for octet.

use super::*;
use crate::time::Ntp64;
use crate::vectors::{text, variable, vectors};
use crate::wire::stamp::{Layout, ReflectorPacket, SenderPacket};

const T1: Wall = Wall(EPOCH + 250_000_000);
const T2: Wall = Wall(EPOCH + 261_500_000);
const T3: Wall = Wall(EPOCH + 261_540_000);
const REFLECTOR_ERROR: ErrorEstimate = ErrorEstimate(0x8a64);

fn vector(name: &str) -> Vec<u8> {
    variable(&vectors()["stamp"][name])
}

fn vector_key() -> Key {
    assert!(!text(&vectors()["stamp"]["key"]).is_empty());
    Key::new(&vector("key")).unwrap()
}

/// The reply of a reflector that has answered five requests before.
fn reply_to(request: &[u8], config: ReflectorConfig) -> Vec<u8> {
    let security = config.security.clone();
    let mut reflector = Reflector::new(config, Mono(0));
    let mut sender = Sender::new(SenderConfig {
        security,
        ..SenderConfig::default()
    });
    let arrival = Arrival {
        mono: Mono(0),
        user: T2,
        ttl: Some(253),
        tos: Some(0x29),
        ..Arrival::default()
    };
    let data = DataCounters {
        received: 8,
        sent: 6,
    };
    let context = Context {
        data: Some(data),
        ..context()
    };
    let (mut probe, mut out) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        _ = sender.send(at(0), GOOD, &mut probe);
        let reflected = reflector.reflect(&probe, &arrival, &context, GOOD, &mut out);
        assert!(reflected.is_ok());
    }
    reflector
        .reflect(request, &arrival, &context, REFLECTOR_ERROR, &mut out)
        .unwrap();
    reflector.seal(&mut out, T3);
    out
}

fn open() -> ReflectorConfig {
    ReflectorConfig::default()
}

fn protected() -> ReflectorConfig {
    ReflectorConfig {
        security: Security::Authenticated(vector_key()),
        ..ReflectorConfig::default()
    }
}

/// The eighth probe of a session.
fn eighth_probe(security: Security, request: Request, zero_padding: bool) -> Vec<u8> {
    let mut sender = Sender::new(SenderConfig {
        security,
        ssid: 0xbeef,
        request,
        zero_padding,
        ..SenderConfig::default()
    });
    sender.set_data_sent(8);
    let mut out = Vec::new();
    for _ in 0..8 {
        let now = Now {
            mono: Mono(0),
            wall: T1,
        };
        _ = sender.send(now, ErrorEstimate(0x8e42), &mut out);
    }
    out
}

#[test]
fn the_senders_base_packets() {
    let open = eighth_probe(Security::Open, Request::default(), false);
    assert_eq!(open, vector("sender_unauth_44"));
    let security = Security::Authenticated(vector_key());
    let protected = eighth_probe(security, Request::default(), false);
    assert_eq!(protected, vector("sender_auth_112"));
}

#[test]
fn the_reflectors_base_packets() {
    let request = vector("sender_unauth_44");
    assert_eq!(reply_to(&request, open()), vector("reflector_unauth_44"));
    let stateless = ReflectorConfig {
        stateful: false,
        ..open()
    };
    let expected = vector("reflector_unauth_44_stateless");
    assert_eq!(reply_to(&request, stateless), expected);
    let request = vector("sender_auth_112");
    assert_eq!(
        reply_to(&request, protected()),
        vector("reflector_auth_112")
    );
}

#[test]
fn the_base_packets_are_read_field_by_field() {
    for (layout, request, reply) in [
        (Layout::Open, "sender_unauth_44", "reflector_unauth_44"),
        (
            Layout::Authenticated,
            "sender_auth_112",
            "reflector_auth_112",
        ),
    ] {
        let request = SenderPacket::parse(layout, &vector(request)).unwrap();
        let expected = SenderPacket {
            sequence: 7,
            timestamp: Ntp64(0xe8fe_6f80_4000_0000),
            error: ErrorEstimate(0x8e42),
            ssid: 0xbeef,
        };
        assert_eq!(request, expected);
        let reply = ReflectorPacket::parse(layout, &vector(reply)).unwrap();
        let expected = ReflectorPacket {
            sequence: 5,
            timestamp: Ntp64(0xe8fe_6f80_42f4_4912),
            error: REFLECTOR_ERROR,
            ssid: 0xbeef,
            receive: Ntp64(0xe8fe_6f80_42f1_a9fb),
            sender_sequence: 7,
            sender_timestamp: Ntp64(0xe8fe_6f80_4000_0000),
            sender_error: ErrorEstimate(0x8e42),
            sender_ttl: 253,
        };
        assert_eq!(reply, expected);
    }
}

#[test]
fn the_senders_tlvs() {
    let class = Request {
        class_of_service: Some(46),
        padding: 16,
        ..Request::default()
    };
    let probe = eighth_probe(Security::Open, class, true);
    assert_eq!(probe, vector("sender_unauth_cos_pad"));
    assert_eq!(probe[44..52], vector("tlv_cos_request"));
    let both = Request {
        direct_measurement: true,
        ..class
    };
    let probe = eighth_probe(Security::Authenticated(vector_key()), both, true);
    assert_eq!(probe, vector("sender_auth_cos_dm_hmac_pad"));
}

#[test]
fn the_reflectors_tlvs() {
    let reply = reply_to(&vector("sender_unauth_cos_pad"), open());
    assert_eq!(reply[44..52], vector("tlv_cos_reply"));
    let request = [
        vector("sender_unauth_44"),
        vector("tlv_direct_measurement_request"),
    ];
    let reply = reply_to(&request.concat(), open());
    assert_eq!(reply[44..], vector("tlv_direct_measurement_reply"));
    let reply = reply_to(&vector("sender_auth_cos_dm_hmac_pad"), protected());
    assert_eq!(reply, vector("reflector_auth_cos_dm_hmac_pad"));
}

#[test]
fn unknown_and_malformed_tlvs() {
    let reply = reply_to(&vector("sender_unauth_unknown_tlv_241"), open());
    assert_eq!(reply, vector("reflector_reply_unknown_tlv_241"));
    let reply = reply_to(&vector("sender_malformed_tlv_len"), open());
    assert_eq!(reply, vector("reflector_reply_malformed"));
}
