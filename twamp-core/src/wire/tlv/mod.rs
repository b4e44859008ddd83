//! TLVs of STAMP: what may follow the base packet (RFC 8972, section 4).
//!
//! ```text
//!  0                 1               2               3
//! +-----------------+---------------+-------------------------------+
//! | U M I C 0 0 0 0 |     Type      |   Length, of the value only   |
//! +-----------------+---------------+-------------------------------+
//! |  Value ...
//! ```
//!
//! Reading copies nothing: [`Tlvs`] walks over the octets of a packet, [`Tlv::typed`] makes a
//! [`Value`] that borrows from them. Sub-TLVs have the same form and are read by the same walker.
//!
//! | file | types |
//! |---|---|
//! | [`value`] | all of them, as one enum |
//! | [`location`] | 2 Location, with its sub-TLVs |
//! | [`telemetry`] | 3 Timestamp Information, 5 Direct Measurement, 7 Follow-Up Telemetry |
//! | [`service`] | 4 Class of Service, 6 Access Report |
//! | [`routing`] | 9 Destination Node Address, 10 Return Path, 11 Micro-session ID |
//! | [`control`] | 12 Reflected Test Packet Control |
//! | [`figures`] | a private type: what the sender saw of the way back |

use thiserror::Error;

pub mod control;
pub mod figures;
pub mod location;
pub mod routing;
pub mod service;
pub mod telemetry;
pub mod value;

pub use value::Value;

/// Octets before the value.
pub const HEADER_LEN: usize = 4;

/// The first octet of a TLV: what the reflector says about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// U: not understood. A sender sets it, a reflector that understands clears it.
    pub const UNRECOGNISED: Flags = Flags(0x80);
    /// M: the length can't be right. Nothing after it was processed.
    pub const MALFORMED: Flags = Flags(0x40);
    /// I: the HMAC TLV was missing, misplaced or wrong. Nothing was processed.
    pub const INTEGRITY: Flags = Flags(0x20);
    /// C: the reply doesn't have the form that type 12 asked for (RFC 10052).
    pub const NOT_CONFORMING: Flags = Flags(0x10);

    /// Whether all flags of `other` are set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// The second octet of a TLV (IANA, "STAMP TLV Types").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Kind(pub u8);

impl Kind {
    /// Never a TLV: what unused octets of another protocol look like.
    pub const RESERVED: Kind = Kind(0);
    /// Octets without a meaning.
    pub const EXTRA_PADDING: Kind = Kind(1);
    /// Addresses and ports as the reflector sees them.
    pub const LOCATION: Kind = Kind(2);
    /// How the reflector's clock is synchronised and its stamps are taken.
    pub const TIMESTAMP_INFORMATION: Kind = Kind(3);
    /// DSCP and ECN.
    pub const CLASS_OF_SERVICE: Kind = Kind(4);
    /// Counters of the flow that is measured.
    pub const DIRECT_MEASUREMENT: Kind = Kind(5);
    /// State of an access network.
    pub const ACCESS_REPORT: Kind = Kind(6);
    /// When an earlier reply really left.
    pub const FOLLOW_UP_TELEMETRY: Kind = Kind(7);
    /// Protects the TLVs before it.
    pub const HMAC: Kind = Kind(8);
    /// Who is meant to answer (RFC 9503).
    pub const DESTINATION_NODE_ADDRESS: Kind = Kind(9);
    /// Which way the reply shall take (RFC 9503).
    pub const RETURN_PATH: Kind = Kind(10);
    /// Member link of an aggregate (RFC 9534).
    pub const MICRO_SESSION_ID: Kind = Kind(11);
    /// How many replies of which length (RFC 10052).
    pub const REFLECTED_PACKET_CONTROL: Kind = Kind(12);

    /// For private use: the value begins with a Private Enterprise Number.
    pub fn is_private(self) -> bool {
        (252..=254).contains(&self.0)
    }
}

/// One TLV, borrowed from a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tlv<'a> {
    /// Where its first octet stands among the TLVs.
    pub at: usize,
    /// What the reflector says about it.
    pub flags: Flags,
    /// Its type.
    pub kind: Kind,
    /// Its contents.
    pub value: &'a [u8],
}

/// The length of a TLV is not one that its type can have, or runs past the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("peer sent a malformed TLV at octet {at} of its TLVs")]
pub struct Malformed {
    /// Where its first octet stands among the TLVs.
    pub at: usize,
    /// Its type, if the packet goes so far.
    pub kind: Option<Kind>,
}

impl<'a> Tlv<'a> {
    /// The TLV at `at`.
    ///
    /// # Errors
    /// If there are too few octets for it.
    pub fn read(area: &'a [u8], at: usize) -> Result<Tlv<'a>, Malformed> {
        let rest = area.get(at..).unwrap_or_default();
        let malformed = Malformed {
            at,
            kind: rest.get(1).copied().map(Kind),
        };
        let Some((&[flags, kind, high, low], after)) = rest.split_first_chunk() else {
            return Err(malformed);
        };
        let len = u16::from_be_bytes([high, low]);
        let value = after.get(..len.into()).ok_or(malformed)?;
        Ok(Tlv {
            at,
            flags: Flags(flags),
            kind: Kind(kind),
            value,
        })
    }

    /// Where the next one begins.
    pub fn end(&self) -> usize {
        self.at + HEADER_LEN + self.value.len()
    }
}

/// Walks over TLVs, or over sub-TLVs. Ends after the first malformed one.
#[derive(Clone, Debug)]
pub struct Tlvs<'a> {
    area: &'a [u8],
    at: usize,
}

impl<'a> Tlvs<'a> {
    /// Over all of `area`, which is what follows the base packet.
    pub fn new(area: &'a [u8]) -> Self {
        Tlvs { area, at: 0 }
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.area.len() {
            return None;
        }
        let next = Tlv::read(self.area, self.at);
        self.at = match &next {
            Ok(tlv) => tlv.end(),
            Err(_) => self.area.len(),
        };
        Some(next)
    }
}

/// Appends a TLV to `out`. A value of more than 65 535 octets is cut to that.
pub fn push(out: &mut Vec<u8>, flags: Flags, kind: Kind, value: &[u8]) {
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&[flags.0, kind.0]);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&value[..len.into()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_that_runs_past_the_packet_is_malformed() {
        let area = [0x80, 4, 1, 0x90, 0, 0, 0, 0];
        let kind = Some(Kind::CLASS_OF_SERVICE);
        let all: Vec<_> = Tlvs::new(&area).collect();
        assert_eq!(all, [Err(Malformed { at: 0, kind })]);
    }

    #[test]
    fn less_than_a_header_is_malformed() {
        let kinds = [None, Some(Kind(9)), Some(Kind(9))];
        for (len, kind) in (1..4).zip(kinds) {
            let all: Vec<_> = Tlvs::new(&[0x80, 9, 0][..len]).collect();
            assert_eq!(all, [Err(Malformed { at: 0, kind })]);
        }
    }

    #[test]
    fn nothing_is_read_after_a_malformed_one() {
        let area = [0, 1, 0, 0, 0, 2, 0, 9, 0, 1, 0, 0];
        let all: Vec<_> = Tlvs::new(&area).collect();
        assert_eq!(
            (all.len(), all[0].is_ok(), all[1].is_err()),
            (2, true, true)
        );
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_read(
            tlvs in proptest::collection::vec(
                (any::<u8>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..30)), 0..8),
        ) {
            let mut out = Vec::new();
            for (flags, kind, value) in &tlvs {
                push(&mut out, Flags(*flags), Kind(*kind), value);
            }
            let read: Vec<_> = Tlvs::new(&out)
                .map(|tlv| tlv.map(|t| (t.flags.0, t.kind.0, t.value.to_vec())))
                .collect::<Result<_, _>>()?;
            prop_assert_eq!(read, tlvs);
        }

        #[test]
        fn any_octets_are_walked_to_their_end(
            area in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut end = 0;
            for tlv in Tlvs::new(&area) {
                match tlv {
                    Ok(tlv) => {
                        prop_assert_eq!(tlv.at, end);
                        end = tlv.end();
                        prop_assert!(end <= area.len());
                        _ = tlv.typed();
                    }
                    Err(malformed) => {
                        prop_assert_eq!(malformed.at, end);
                        end = area.len();
                    }
                }
            }
            prop_assert_eq!(end, area.len());
        }
    }
}
