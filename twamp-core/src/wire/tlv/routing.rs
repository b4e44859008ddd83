//! Who shall answer, and which way the reply shall take (RFC 9503, RFC 9534).

use super::{Flags, Kind, Malformed, Tlv, Tlvs, push};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Contents of a Return Path TLV: sub-TLVs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReturnPath<'a>(&'a [u8]);

/// Contents of a sub-TLV of a Return Path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way<'a> {
    /// See [`Way::NO_REPLY`] and [`Way::SAME_LINK`]. Excludes all others.
    ControlCode(u32),
    /// The reply goes to this address.
    Address(IpAddr),
    /// The reply takes this SR-MPLS label stack, 4 octets each.
    LabelStack(&'a [u8]),
    /// The reply takes these SRv6 segments, 16 octets each.
    Segments(&'a [u8]),
    /// Of a type that is not known here.
    Unknown {
        /// Its type.
        kind: Kind,
        /// All of it.
        octets: &'a [u8],
    },
}

impl<'a> ReturnPath<'a> {
    /// Of these sub-TLVs, each written by [`Way::push`]. `None` unless all of them fit.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let fits = Tlvs::new(value).all(|way| way.is_ok_and(|way| Way::parse(&way).is_ok()));
        fits.then_some(ReturnPath(value))
    }

    /// The sub-TLVs with their flags.
    pub fn ways(&self) -> impl Iterator<Item = Result<(Flags, Way<'a>), Malformed>> + 'a {
        Tlvs::new(self.0).map(|way| {
            let way = way?;
            Ok((way.flags, Way::parse(&way)?))
        })
    }

    /// As on the wire.
    pub fn octets(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Way<'a> {
    /// Control Code: don't reply.
    pub const NO_REPLY: Way<'static> = Way::ControlCode(0);
    /// Control Code: reply on the link that the probe came in by.
    pub const SAME_LINK: Way<'static> = Way::ControlCode(1);

    fn parse(tlv: &Tlv<'a>) -> Result<Self, Malformed> {
        let value = tlv.value;
        match tlv.kind.0 {
            1 => value
                .try_into()
                .ok()
                .map(|code| Way::ControlCode(u32::from_be_bytes(code))),
            2 => address(value).map(Way::Address),
            3 => (value.len().is_multiple_of(4)).then_some(Way::LabelStack(value)),
            4 => (value.len().is_multiple_of(16)).then_some(Way::Segments(value)),
            _ => Some(Way::Unknown {
                kind: tlv.kind,
                octets: value,
            }),
        }
        .ok_or(Malformed {
            at: tlv.at,
            kind: Some(tlv.kind),
        })
    }

    /// Appends the sub-TLV to `out`.
    pub fn push(&self, flags: Flags, out: &mut Vec<u8>) {
        match self {
            Way::ControlCode(code) => push(out, flags, Kind(1), &code.to_be_bytes()),
            Way::Address(address) => {
                let (octets, len) = address_octets(*address);
                push(out, flags, Kind(2), &octets[..len]);
            }
            Way::LabelStack(octets) => push(out, flags, Kind(3), octets),
            Way::Segments(octets) => push(out, flags, Kind(4), octets),
            Way::Unknown { kind, octets } => push(out, flags, *kind, octets),
        }
    }
}

/// Contents of a Micro-session ID TLV: one session for each member link of an aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct MicroSession {
    /// The member link at the sender.
    pub sender: u16,
    /// The member link at the reflector; 0 if not known.
    pub reflector: u16,
}

impl MicroSession {
    /// From the wire.
    pub fn from_octets([a, b, c, d]: [u8; 4]) -> Self {
        MicroSession {
            sender: u16::from_be_bytes([a, b]),
            reflector: u16::from_be_bytes([c, d]),
        }
    }

    /// To the wire.
    pub fn to_octets(self) -> [u8; 4] {
        let [a, b] = self.sender.to_be_bytes();
        let [c, d] = self.reflector.to_be_bytes();
        [a, b, c, d]
    }
}

/// 4 octets are IPv4, 16 are IPv6.
pub(super) fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(value).map(|octets| Ipv6Addr::from(octets).into());
    v4.or_else(|_| v6()).ok()
}

/// The octets and how many of them count.
pub(super) fn address_octets(address: IpAddr) -> ([u8; 16], usize) {
    match address {
        IpAddr::V4(v4) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&v4.octets());
            (octets, 4)
        }
        IpAddr::V6(v6) => (v6.octets(), 16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_survives_the_wire() {
        let all = [
            Way::NO_REPLY,
            Way::SAME_LINK,
            Way::Address("192.0.2.1".parse().unwrap()),
            Way::Address("2001:db8::1".parse().unwrap()),
            Way::LabelStack(&[1; 8]),
            Way::Segments(&[2; 32]),
            Way::Unknown {
                kind: Kind(9),
                octets: &[3; 5],
            },
        ];
        let mut octets = Vec::new();
        for way in all {
            way.push(Flags::UNRECOGNISED, &mut octets);
        }
        let read: Vec<_> = ReturnPath::parse(&octets)
            .unwrap()
            .ways()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(read, all.map(|way| (Flags::UNRECOGNISED, way)));
    }

    #[test]
    fn a_way_of_a_wrong_length_spoils_the_whole() {
        for (kind, len) in [(1, 3), (1, 5), (2, 5), (3, 6), (4, 20)] {
            let mut octets = Vec::new();
            push(&mut octets, Flags(0x80), Kind(kind), &vec![0; len]);
            assert_eq!(ReturnPath::parse(&octets), None, "{kind} of {len}");
        }
    }
}
