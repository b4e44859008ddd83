use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Accept, Command, Hmac, TypeP};
use crate::error::WireError;
use crate::time::Ntp64;
use crate::wire::{head, put, take};

/// A session's identifier, given by the server (RFC 4656, section 3.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Sid(pub [u8; 16]);

/// 32 hexadecimal digits.
impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Request-TW-Session: the client asks for a session (RFC 5357, section 3.5).
///
/// Addresses are read by `ip_version`: 4 takes the first four octets, anything else all sixteen.
/// An address of zeros is `None`: the control connection's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestTwSession {
    /// 4 or 6 in a good request; only the low nibble is sent.
    pub ip_version: u8,
    /// 0 in TWAMP.
    pub conf_sender: u8,
    /// 0 in TWAMP.
    pub conf_receiver: u8,
    /// 0 in TWAMP: the sender keeps its schedule to itself.
    pub schedule_slots: u32,
    /// 0 in TWAMP.
    pub packets: u32,
    /// UDP port of the Session-Sender.
    pub sender_port: u16,
    /// UDP port wanted of the Session-Reflector.
    pub receiver_port: u16,
    /// Where probes come from.
    pub sender_address: Option<IpAddr>,
    /// Where probes go to.
    pub receiver_address: Option<IpAddr>,
    /// Zeros in TWAMP: the server gives it.
    pub sid: Sid,
    /// Octets of padding on every sender packet.
    pub padding_length: u32,
    /// When the sender begins; zero or past: at once after Start-Sessions.
    pub start_time: Ntp64,
    /// An interval: how long the reflector still answers after Stop-Sessions.
    pub timeout: Ntp64,
    /// Marking of the test packets.
    pub type_p: TypeP,
    /// Octets to be returned in Accept-Session (RFC 6038), else 0.
    pub octets_to_reflect: u16,
    /// How much padding to reflect (RFC 6038), else 0.
    pub padding_to_reflect: u16,
    /// Zeros in open mode.
    pub hmac: Hmac,
}

impl RequestTwSession {
    /// Octets on the wire.
    pub const LEN: usize = 112;

    /// Reads the command; values are not judged.
    ///
    /// # Errors
    /// [`WireError::TooShort`], [`WireError::WrongCommand`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<{ Self::LEN }>("Request-TW-Session", bytes)?;
        Command::REQUEST_TW_SESSION.check("Request-TW-Session", bytes[0])?;
        let ip_version = bytes[1] & 0x0f;
        Ok(RequestTwSession {
            ip_version,
            conf_sender: bytes[2],
            conf_receiver: bytes[3],
            schedule_slots: u32::from_be_bytes(take(bytes, 4)),
            packets: u32::from_be_bytes(take(bytes, 8)),
            sender_port: u16::from_be_bytes(take(bytes, 12)),
            receiver_port: u16::from_be_bytes(take(bytes, 14)),
            sender_address: address(ip_version, take(bytes, 16)),
            receiver_address: address(ip_version, take(bytes, 32)),
            sid: Sid(take(bytes, 48)),
            padding_length: u32::from_be_bytes(take(bytes, 64)),
            start_time: Ntp64(u64::from_be_bytes(take(bytes, 68))),
            timeout: Ntp64(u64::from_be_bytes(take(bytes, 76))),
            type_p: TypeP(u32::from_be_bytes(take(bytes, 84))),
            octets_to_reflect: u16::from_be_bytes(take(bytes, 88)),
            padding_to_reflect: u16::from_be_bytes(take(bytes, 90)),
            hmac: take(bytes, 96),
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = Command::REQUEST_TW_SESSION.0;
        out[1] = self.ip_version & 0x0f;
        out[2] = self.conf_sender;
        out[3] = self.conf_receiver;
        put(&mut out, 4, &self.schedule_slots.to_be_bytes());
        put(&mut out, 8, &self.packets.to_be_bytes());
        put(&mut out, 12, &self.sender_port.to_be_bytes());
        put(&mut out, 14, &self.receiver_port.to_be_bytes());
        put(&mut out, 16, &address_octets(self.sender_address));
        put(&mut out, 32, &address_octets(self.receiver_address));
        put(&mut out, 48, &self.sid.0);
        put(&mut out, 64, &self.padding_length.to_be_bytes());
        put(&mut out, 68, &self.start_time.0.to_be_bytes());
        put(&mut out, 76, &self.timeout.0.to_be_bytes());
        put(&mut out, 84, &self.type_p.0.to_be_bytes());
        put(&mut out, 88, &self.octets_to_reflect.to_be_bytes());
        put(&mut out, 90, &self.padding_to_reflect.to_be_bytes());
        put(&mut out, 96, &self.hmac);
        out
    }
}

fn address(ip_version: u8, octets: [u8; 16]) -> Option<IpAddr> {
    let address = match ip_version {
        4 => IpAddr::from(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3])),
        _ => IpAddr::from(Ipv6Addr::from(octets)),
    };
    (!address.is_unspecified()).then_some(address)
}

fn address_octets(address: Option<IpAddr>) -> [u8; 16] {
    match address {
        None => [0; 16],
        Some(IpAddr::V4(v4)) => {
            let mut octets = [0; 16];
            put(&mut octets, 0, &v4.octets());
            octets
        }
        Some(IpAddr::V6(v6)) => v6.octets(),
    }
}

/// Accept-Session: the server's answer to a request, and to any unexpected command
/// (RFC 5357, section 3.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AcceptSession {
    /// Anything but OK: no session, and all else is zeros.
    pub accept: Accept,
    /// The reflector's UDP port, which need not be the wanted one.
    pub port: u16,
    /// The session's identifier.
    pub sid: Sid,
    /// Copy of the request's octets (RFC 6038), else 0.
    pub reflected_octets: u16,
    /// To be put at the head of the padding (RFC 6038), else 0.
    pub server_octets: u16,
    /// Zeros in open mode.
    pub hmac: Hmac,
}

impl AcceptSession {
    /// Octets on the wire.
    pub const LEN: usize = 48;

    /// A grant, without RFC 6038 and in open mode.
    pub fn grant(port: u16, sid: Sid) -> Self {
        AcceptSession {
            accept: Accept::OK,
            port,
            sid,
            reflected_octets: 0,
            server_octets: 0,
            hmac: [0; 16],
        }
    }

    /// A refusal in open mode: no port, no SID.
    pub fn refusal(accept: Accept) -> Self {
        AcceptSession {
            accept,
            ..Self::grant(0, Sid::default())
        }
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// [`WireError::TooShort`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<{ Self::LEN }>("Accept-Session", bytes)?;
        Ok(AcceptSession {
            accept: Accept(bytes[0]),
            port: u16::from_be_bytes(take(bytes, 2)),
            sid: Sid(take(bytes, 4)),
            reflected_octets: u16::from_be_bytes(take(bytes, 20)),
            server_octets: u16::from_be_bytes(take(bytes, 22)),
            hmac: take(bytes, 32),
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = self.accept.0;
        put(&mut out, 2, &self.port.to_be_bytes());
        put(&mut out, 4, &self.sid.0);
        put(&mut out, 20, &self.reflected_octets.to_be_bytes());
        put(&mut out, 22, &self.server_octets.to_be_bytes());
        put(&mut out, 32, &self.hmac);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REQUEST: &str = concat!(
        "0506000000000000000000004e21035e",
        "20010db8000000000000000000000001",
        "20010db8000000000000000000000002",
        "00000000000000000000000000000000",
        "00000064000000000000000000000002",
        "000000000a000000cafe001400000000",
        "00000000000000000000000000000000",
    );
    const ACCEPT: &str = concat!(
        "0000035ec0000202e8fe6f8000000000",
        "deadbeefcafe5e550000000000000000",
        "00000000000000000000000000000000",
    );

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    fn request() -> RequestTwSession {
        RequestTwSession {
            ip_version: 6,
            conf_sender: 0,
            conf_receiver: 0,
            schedule_slots: 0,
            packets: 0,
            sender_port: 20001,
            receiver_port: 862,
            sender_address: Some("2001:db8::1".parse().unwrap()),
            receiver_address: Some("2001:db8::2".parse().unwrap()),
            sid: Sid::default(),
            padding_length: 100,
            start_time: Ntp64(0),
            timeout: Ntp64(2 << 32),
            type_p: TypeP::from_dscp(10),
            octets_to_reflect: 0xcafe,
            padding_to_reflect: 20,
            hmac: [0; 16],
        }
    }

    #[test]
    fn the_request_vector_reads_and_writes_octet_for_octet() {
        let bytes = request().to_bytes();
        assert_eq!(hex(&bytes), REQUEST);
        assert_eq!(RequestTwSession::parse(&bytes), Ok(request()));
    }

    #[test]
    fn the_accept_vector_reads_and_writes_octet_for_octet() {
        let sid = Sid(0xc000_0202_e8fe_6f80_0000_0000_dead_beef_u128.to_be_bytes());
        let accept = AcceptSession {
            reflected_octets: 0xcafe,
            server_octets: 0x5e55,
            ..AcceptSession::grant(862, sid)
        };
        let bytes = accept.to_bytes();
        assert_eq!(hex(&bytes), ACCEPT);
        assert_eq!(AcceptSession::parse(&bytes), Ok(accept));
        assert_eq!(sid.to_string(), "c0000202e8fe6f8000000000deadbeef");
    }

    #[test]
    fn a_refusal_is_the_accept_value_and_zeros() {
        let mut expected = [0; AcceptSession::LEN];
        expected[0] = 5;
        let refusal = AcceptSession::refusal(Accept::TEMPORARY_LIMIT);
        assert_eq!(refusal.to_bytes(), expected);
    }

    #[test]
    fn an_ipv4_address_stands_in_the_first_four_octets() {
        let bytes = RequestTwSession {
            ip_version: 4,
            sender_address: Some("192.0.2.1".parse().unwrap()),
            receiver_address: None,
            ..request()
        }
        .to_bytes();
        assert_eq!(
            bytes[16..32],
            [192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(bytes[32..48], [0; 16]);
        let parsed = RequestTwSession::parse(&bytes).unwrap();
        assert_eq!(parsed.sender_address, Some("192.0.2.1".parse().unwrap()));
        assert_eq!(parsed.receiver_address, None);
    }

    #[test]
    fn the_high_nibble_beside_the_ip_version_is_ignored() {
        let mut bytes = request().to_bytes();
        bytes[1] |= 0xf0;
        assert_eq!(RequestTwSession::parse(&bytes), Ok(request()));
    }

    proptest! {
        #[test]
        fn any_request_survives_the_wire_but_for_the_unused(bytes: [u8; 32], rest: [u8; 32]) {
            let noise: Vec<u8> = [&bytes[..], &rest, &bytes, &rest[..16]].concat();
            for version in [4, 5, 6] {
                let mut noise = noise.clone();
                (noise[0], noise[1]) = (5, version);
                let request = RequestTwSession::parse(&noise)?;
                let clean = request.to_bytes();
                prop_assert_eq!(RequestTwSession::parse(&clean), Ok(request));
                prop_assert_eq!(&clean[..20], &noise[..20]);
                prop_assert_eq!(&clean[48..92], &noise[48..92]);
                prop_assert_eq!(&clean[96..], &noise[96..]);
                prop_assert!(RequestTwSession::parse(&noise[..111]).is_err());
            }
        }

        #[test]
        fn an_accept_session_survives_the_wire(
            accept: u8, port: u16, sid: [u8; 16], octets: [u16; 2], hmac: [u8; 16],
        ) {
            let accept = AcceptSession {
                accept: Accept(accept),
                port,
                sid: Sid(sid),
                reflected_octets: octets[0],
                server_octets: octets[1],
                hmac,
            };
            let mut bytes = accept.to_bytes();
            bytes[1] = 0xff;
            bytes[24..32].fill(0xff);
            prop_assert_eq!(AcceptSession::parse(&bytes), Ok(accept));
            prop_assert!(AcceptSession::parse(&bytes[1..]).is_err());
        }
    }
}
