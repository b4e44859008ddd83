//! Several replies to one request (RFC 10052).

use super::*;
use crate::wire::tlv::Value;
use crate::wire::tlv::control::ReflectedControl;

const LEN: usize = 112 + 16 + 20 + 24;

/// A protected request that asks for replies; 20 octets of padding.
fn request(sequence: u8, length: usize, count: u16) -> Vec<u8> {
    let mut bare = Sender::new(SenderConfig {
        security: authenticated(),
        ..SenderConfig::default()
    });
    let mut out = Vec::new();
    for _ in 0..=sequence {
        _ = bare.send(at(0), GOOD, &mut out);
    }
    let control = ReflectedControl {
        length: length as u16,
        count,
        interval_ns: 2_000_000,
    };
    Value::ReflectedControl(control).push(Flags::UNRECOGNISED, &mut out);
    Value::Hmac([0; 16]).push(Flags::UNRECOGNISED, &mut out);
    let security = authenticated();
    integrity::sign(&mut out[112..], 16, sequence.into(), &security);
    Value::ExtraPadding(&[0; 20]).push(Flags::UNRECOGNISED, &mut out);
    assert_eq!(out.len(), LEN);
    out
}

fn reflector(copies: Option<CopyLimits>) -> Reflector {
    let config = ReflectorConfig {
        security: authenticated(),
        copies,
        ..ReflectorConfig::default()
    };
    Reflector::new(config, Mono(0))
}

fn control_flags(reply: &[u8]) -> u8 {
    flags(reply, 112)[0].1
}

#[test]
fn it_is_off_by_default() {
    let mut out = Vec::new();
    let reply = reflector(None)
        .reflect(&request(0, LEN, 3), &arrival(0), &context(), GOOD, &mut out)
        .unwrap();
    assert_eq!((reply.copies, control_flags(&out)), (None, 0x80));
}

#[test]
fn each_copy_has_its_own_number_and_hmacs() {
    let mut reflector = reflector(Some(CopyLimits::default()));
    let mut out = Vec::new();
    let reply = reflector
        .reflect(&request(0, LEN, 3), &arrival(0), &context(), GOOD, &mut out)
        .unwrap();
    let interval = std::time::Duration::from_millis(2);
    assert_eq!(
        reply.copies,
        Some(Copies {
            further: 2,
            interval
        })
    );
    assert_eq!(control_flags(&out), 0);
    for number in 0..3 {
        if number > 0 {
            assert!(reflector.copy(&mut out).is_some());
        }
        reflector.seal(&mut out, at(u64::from(number) * 2 * MS).wall);
        assert_eq!(out[..4], [0, 0, 0, number]);
        assert!(key().verify([&out[..96], &[]], &out[96..112]));
        let checked = integrity::check(&out[112..], number.into(), &authenticated());
        assert_eq!(checked, integrity::Integrity::Verified { at: 16 });
    }
    assert_eq!(reflector.report().session.reflected, 3);
    assert_eq!(reflector.report().session.received, 1);
}

#[test]
fn no_reply_may_be_asked_and_uses_up_no_number() {
    let mut reflector = reflector(Some(CopyLimits::default()));
    let mut out = Vec::new();
    let none = reflector.reflect(&request(0, LEN, 0), &arrival(0), &context(), GOOD, &mut out);
    assert_eq!(none.err(), Some(Discard::NoReplyAsked));
    assert!(out.is_empty());
    let report = reflector.report();
    assert_eq!(
        (report.discards.no_reply_asked, report.session.reflected),
        (1, 0)
    );
    _ = reflector.reflect(&request(1, LEN, 1), &arrival(0), &context(), GOOD, &mut out);
    assert_eq!(out[..4], [0; 4]);
}

#[test]
fn a_reply_may_be_shorter_but_never_longer() {
    let cases = [
        (LEN, LEN, 0),
        (LEN - 5, LEN - 5, 0),
        (LEN - 24, LEN - 24, 0),
        (LEN - 25, LEN, 0x10),
        (LEN + 1, LEN, 0x10),
        (65_535, LEN, 0x10),
    ];
    for (asked, got, flag) in cases {
        let mut reflector = reflector(Some(CopyLimits::default()));
        let mut out = Vec::new();
        let reply = reflector
            .reflect(
                &request(0, asked, 2),
                &arrival(0),
                &context(),
                GOOD,
                &mut out,
            )
            .unwrap();
        assert_eq!((out.len(), control_flags(&out)), (got, flag), "{asked}");
        assert_eq!(reply.copies.is_some(), flag == 0);
        let checked = integrity::check(&out[112..], 0, &authenticated());
        assert_eq!(checked, integrity::Integrity::Verified { at: 16 });
    }
}

#[test]
fn beyond_the_limits_there_is_one_reply_and_for_an_old_number_too() {
    let mut reflector = reflector(Some(CopyLimits::default()));
    for (sequence, count, flag) in [(3, 9, 0x10), (3, 2, 0x80), (2, 2, 0x80), (4, 2, 0)] {
        let mut out = Vec::new();
        let request = request(sequence, LEN, count);
        let reply = reflector
            .reflect(&request, &arrival(0), &context(), GOOD, &mut out)
            .unwrap();
        assert_eq!(control_flags(&out), flag, "{sequence}");
        assert_eq!(reply.copies.is_some(), flag == 0);
    }
}
