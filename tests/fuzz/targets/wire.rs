//! Every message and packet: what is read is written again, octet for octet, but for the unused
//! octets, which are zeros; and nothing is refused but what is too short or another command.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use twamp_core::error::WireError;
use twamp_core::wire::control::{
    AcceptSession, RequestTwSession, ServerGreeting, ServerStart, SetUpResponse, StartAck,
    StartSessions, StopSessions,
};
use twamp_core::wire::stamp::{self, Layout};
use twamp_core::wire::test::{REFLECTOR_LEN, ReflectorPacket, SENDER_LEN, SenderPacket};
use twamp_core::wire::tlv::{Tlv, Tlvs};

/// A format, as the RFCs draw it.
struct Format<T, const LEN: usize> {
    parse: fn(&[u8]) -> Result<T, WireError>,
    write: fn(&T) -> [u8; LEN],
    command: Option<u8>,
    /// Octets that are ignored when read: from, and the one after the last.
    unused: &'static [(usize, usize)],
}

impl<T: PartialEq + Debug, const LEN: usize> Format<T, LEN> {
    /// Checks all that must hold of `octets`; returns what they say.
    fn check(&self, octets: &[u8]) -> Option<T> {
        let message = match (self.parse)(octets) {
            Ok(message) => message,
            Err(WireError::TooShort {
                expected, found, ..
            }) => {
                assert_eq!((expected, found), (LEN, octets.len()));
                assert!(found < expected);
                return None;
            }
            Err(WireError::WrongCommand { found, .. }) => {
                assert_eq!(found, octets[0]);
                assert_ne!(Some(found), self.command);
                return None;
            }
            Err(other) => panic!("{other}"),
        };
        let mut expected: [u8; LEN] = octets[..LEN].try_into().expect("it was long enough");
        for (from, to) in self.unused {
            expected[*from..*to].fill(0);
        }
        let written = (self.write)(&message);
        assert_eq!((self.parse)(&written).as_ref(), Ok(&message));
        // The request's own: the nibble beside the IP version, and the rest of IPv4 addresses.
        if self.command == Some(5) {
            expected[1] &= 0x0f;
            if expected[1] == 4 {
                expected[20..32].fill(0);
                expected[36..48].fill(0);
            }
        }
        assert_eq!(written, expected);
        Some(message)
    }
}

fuzz_target!(|octets: &[u8]| {
    let _ = Format {
        parse: ServerGreeting::parse,
        write: ServerGreeting::to_bytes,
        command: None,
        unused: &[(0, 12), (52, 64)],
    }
    .check(octets)
    .map(|greeting| greeting.modes.to_string());
    Format {
        parse: SetUpResponse::parse,
        write: SetUpResponse::to_bytes,
        command: None,
        unused: &[],
    }
    .check(octets);
    Format {
        parse: ServerStart::parse,
        write: ServerStart::to_bytes,
        command: None,
        unused: &[(0, 15), (40, 48)],
    }
    .check(octets);
    let _ = Format {
        parse: RequestTwSession::parse,
        write: RequestTwSession::to_bytes,
        command: Some(5),
        unused: &[(92, 96)],
    }
    .check(octets)
    .map(|request| assert!(request.type_p.dscp().is_none_or(|dscp| dscp < 64)));
    let _ = Format {
        parse: AcceptSession::parse,
        write: AcceptSession::to_bytes,
        command: None,
        unused: &[(1, 2), (24, 32)],
    }
    .check(octets)
    .map(|answer| assert_eq!(answer.accept.is_ok(), answer.accept.effective().is_ok()));
    Format {
        parse: StartSessions::parse,
        write: StartSessions::to_bytes,
        command: Some(2),
        unused: &[(1, 16)],
    }
    .check(octets);
    Format {
        parse: StartAck::parse,
        write: StartAck::to_bytes,
        command: None,
        unused: &[(1, 16)],
    }
    .check(octets);
    Format {
        parse: StopSessions::parse,
        write: StopSessions::to_bytes,
        command: Some(3),
        unused: &[(2, 4), (8, 16)],
    }
    .check(octets);
    let _ = Format {
        parse: SenderPacket::parse,
        write: |packet| written::<SENDER_LEN>(|out| packet.write(out)),
        command: None,
        unused: &[],
    }
    .check(octets)
    .map(|packet| packet.error.error_ns());
    Format {
        parse: ReflectorPacket::parse,
        write: |packet| written::<REFLECTOR_LEN>(|out| packet.write(out)),
        command: None,
        unused: &[(14, 16), (38, 40)],
    }
    .check(octets);
    for layout in [Layout::Open, Layout::Authenticated] {
        stamp_packets(layout, octets);
    }
    tlvs(octets);
});

/// What a base packet says is written and read again.
fn stamp_packets(layout: Layout, octets: &[u8]) {
    let mut out = vec![0xaa; layout.base_len() + 8];
    if let Ok(packet) = stamp::SenderPacket::parse(layout, octets) {
        packet.write(layout, &mut out);
        assert_eq!(stamp::SenderPacket::parse(layout, &out), Ok(packet));
    }
    if let Ok(packet) = stamp::ReflectorPacket::parse(layout, octets) {
        packet.write(layout, &mut out);
        assert_eq!(stamp::ReflectorPacket::parse(layout, &out), Ok(packet));
    }
    assert_eq!(out[layout.base_len()..], [0xaa; 8]);
}

/// TLVs follow one another to the end or to the first malformed one; what they say is written and
/// read again.
fn tlvs(area: &[u8]) {
    let mut at = 0;
    for tlv in Tlvs::new(area) {
        let tlv = match tlv {
            Ok(tlv) => tlv,
            Err(malformed) => {
                assert_eq!(malformed.at, at);
                return;
            }
        };
        assert_eq!(tlv.at, at);
        at = tlv.end();
        if let Ok(value) = tlv.typed() {
            let mut out = Vec::new();
            value.push(tlv.flags, &mut out);
            let again = Tlv::read(&out, 0).expect("what was written can be read");
            assert_eq!((again.flags, again.kind), (tlv.flags, tlv.kind));
            assert_eq!(again.typed(), Ok(value));
        }
    }
    assert_eq!(at, area.len());
}

/// The fixed part of a packet; what follows it is left alone.
fn written<const LEN: usize>(write: impl FnOnce(&mut [u8])) -> [u8; LEN] {
    let mut out = vec![0xaa; LEN + 8];
    write(&mut out);
    assert_eq!(out[LEN..], [0xaa; 8]);
    out[..LEN].try_into().expect("it has this length")
}
