//! Location (RFC 8972, section 4.2): addresses and ports as the reflector sees them, which shows
//! translators on the way.
//!
//! The sender asks with sub-TLVs of a generic type; the reflector writes what it sees in the same
//! place and changes the type to a specific one.

use super::{Flags, Kind, Malformed, Tlv, Tlvs, push};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets of the ports, before the sub-TLVs.
pub const PORTS_LEN: usize = 4;

/// Contents of a Location TLV.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location<'a> {
    /// Destination port of the probe as it came in; 0 in a request.
    pub destination_port: u16,
    /// Source port of the probe as it came in; 0 in a request.
    pub source_port: u16,
    /// The sub-TLVs.
    parts: &'a [u8],
}

/// Contents of a sub-TLV. Addresses that are not told are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Asks for the source's link-layer address.
    AskSourceMac,
    /// The source's link-layer address.
    SourceMac48([u8; 6]),
    /// The source's link-layer address, of the long kind.
    SourceMac64([u8; 8]),
    /// Asks for the destination address.
    AskDestination,
    /// The destination address.
    Destination(IpAddr),
    /// Asks for the source address.
    AskSource,
    /// The source address.
    Source(IpAddr),
    /// Of a type that is not known here.
    Unknown(Kind),
}

impl<'a> Location<'a> {
    /// Of these sub-TLVs, each written by [`Part::push`].
    pub fn new(destination_port: u16, source_port: u16, parts: &'a [u8]) -> Self {
        Location {
            destination_port,
            source_port,
            parts,
        }
    }

    /// The sub-TLVs with their flags.
    pub fn parts(&self) -> impl Iterator<Item = Result<(Flags, Part), Malformed>> + 'a {
        Tlvs::new(self.parts).map(|part| {
            let part = part?;
            Ok((part.flags, Part::parse(&part)?))
        })
    }

    /// `None` unless all sub-TLVs fit.
    pub(super) fn parse(value: &'a [u8]) -> Option<Self> {
        let (&[a, b, c, d], parts) = value.split_first_chunk::<PORTS_LEN>()?;
        let fits = Tlvs::new(parts).all(|part| part.is_ok_and(|part| Part::parse(&part).is_ok()));
        fits.then_some(Location {
            destination_port: u16::from_be_bytes([a, b]),
            source_port: u16::from_be_bytes([c, d]),
            parts,
        })
    }

    pub(super) fn push(&self, flags: Flags, out: &mut Vec<u8>) {
        let ports = [self.destination_port, self.source_port].map(u16::to_be_bytes);
        let value = [&ports.concat(), self.parts].concat();
        push(out, flags, Kind::LOCATION, &value);
    }
}

impl Part {
    /// Reads a sub-TLV.
    ///
    /// # Errors
    /// If the length is not the one of its type.
    pub fn parse(tlv: &Tlv<'_>) -> Result<Part, Malformed> {
        let value = tlv.value;
        match tlv.kind.0 {
            1 if value.len() == 8 => Some(Part::AskSourceMac),
            4 if value.len() == 16 => Some(Part::AskDestination),
            7 if value.len() == 16 => Some(Part::AskSource),
            2 if value.len() == 8 => value.first_chunk().copied().map(Part::SourceMac48),
            3 => value.try_into().ok().map(Part::SourceMac64),
            5 if value.len() == 16 => v4(value).map(Part::Destination),
            6 => v6(value).map(Part::Destination),
            8 if value.len() == 16 => v4(value).map(Part::Source),
            9 => v6(value).map(Part::Source),
            1..=9 => None,
            _ => Some(Part::Unknown(tlv.kind)),
        }
        .ok_or(Malformed {
            at: tlv.at,
            kind: Some(tlv.kind),
        })
    }

    /// Appends the sub-TLV to `out`; an unknown one is empty.
    pub fn push(&self, flags: Flags, out: &mut Vec<u8>) {
        let (kind, octets, len) = self.octets();
        push(out, flags, kind, &octets[..len]);
    }

    /// Type, value and its length.
    pub fn octets(&self) -> (Kind, [u8; 16], usize) {
        let mut octets = [0; 16];
        let (kind, len) = match self {
            Part::AskSourceMac => (1, 8),
            Part::SourceMac48(mac) => {
                octets[..6].copy_from_slice(mac);
                (2, 8)
            }
            Part::SourceMac64(mac) => {
                octets[..8].copy_from_slice(mac);
                (3, 8)
            }
            Part::AskDestination => (4, 16),
            Part::Destination(address) => (5 + write(*address, &mut octets), 16),
            Part::AskSource => (7, 16),
            Part::Source(address) => (8 + write(*address, &mut octets), 16),
            Part::Unknown(kind) => (kind.0, 0),
        };
        (Kind(kind), octets, len)
    }
}

/// 0 for IPv4, 1 for IPv6.
fn write(address: IpAddr, octets: &mut [u8; 16]) -> u8 {
    match address {
        IpAddr::V4(v4) => {
            octets[..4].copy_from_slice(&v4.octets());
            0
        }
        IpAddr::V6(v6) => {
            *octets = v6.octets();
            1
        }
    }
}

fn v4(value: &[u8]) -> Option<IpAddr> {
    let octets: [u8; 4] = *value.first_chunk()?;
    Some(Ipv4Addr::from(octets).into())
}

fn v6(value: &[u8]) -> Option<IpAddr> {
    let octets: [u8; 16] = value.try_into().ok()?;
    Some(Ipv6Addr::from(octets).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_survives_the_wire() {
        let all = [
            Part::AskSourceMac,
            Part::SourceMac48([1, 2, 3, 4, 5, 6]),
            Part::SourceMac64([1, 2, 3, 4, 5, 6, 7, 8]),
            Part::AskDestination,
            Part::Destination("192.0.2.1".parse().unwrap()),
            Part::Destination("2001:db8::1".parse().unwrap()),
            Part::AskSource,
            Part::Source("192.0.2.2".parse().unwrap()),
            Part::Source("2001:db8::2".parse().unwrap()),
            Part::Unknown(Kind(77)),
        ];
        let mut parts = Vec::new();
        for part in all {
            part.push(Flags::UNRECOGNISED, &mut parts);
        }
        let mut out = Vec::new();
        Location::new(862, 40_000, &parts).push(Flags::default(), &mut out);
        let location = Location::parse(&out[4..]).unwrap();
        assert_eq!(
            (location.destination_port, location.source_port),
            (862, 40_000)
        );
        let read: Vec<_> = location.parts().collect::<Result<_, _>>().unwrap();
        assert_eq!(read, all.map(|part| (Flags::UNRECOGNISED, part)));
    }

    #[test]
    fn the_types_and_lengths_are_those_of_the_rfc() {
        let mut out = Vec::new();
        Part::AskSourceMac.push(Flags(0x80), &mut out);
        assert_eq!(out, [0x80, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.clear();
        Part::Source("192.0.2.7".parse().unwrap()).push(Flags(0), &mut out);
        assert_eq!(out[..9], [0, 8, 0, 16, 192, 0, 2, 7, 0]);
    }

    #[test]
    fn a_part_of_a_wrong_length_spoils_the_whole() {
        for kind in 1..=9 {
            for len in [0, 4, 7, 9, 15, 17] {
                let mut value = vec![0; 4];
                push(&mut value, Flags(0x80), Kind(kind), &vec![0; len]);
                assert_eq!(Location::parse(&value), None, "{kind} of {len}");
            }
        }
    }
}
