//! STAMP base packets, open and authenticated (RFC 8762, sections 4.2 and 4.3; RFC 8972, section
//! 3, for the SSID).
//!
//! TLVs follow the base packet, see [`tlv`](super::tlv). The HMAC of the authenticated layout is
//! not a part of these structs: it is made and checked over the octets as they are.

use super::put;
use crate::error::WireError;
use crate::time::{ErrorEstimate, Ntp64};

/// Octets covered by the HMAC of an authenticated base packet; the HMAC follows.
pub const HMAC_TEXT_LEN: usize = 96;

/// Octets of the HMAC: HMAC-SHA-256, cut to the leftmost 16.
pub const HMAC_LEN: usize = 16;

/// Octets of the shortest request of a TWAMP Light sender.
const LIGHT_REQUEST_LEN: usize = 14;

/// Octets of the shortest reply of a TWAMP Light reflector.
const LIGHT_REPLY_LEN: usize = 41;

/// Which of the two forms a packet has. Nothing in the packet tells: both ends are configured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum Layout {
    /// 44 octets, unauthenticated.
    #[default]
    Open,
    /// 112 octets, of which the last 16 are an HMAC.
    Authenticated,
}

impl Layout {
    /// Octets of a base packet, of the sender as of the reflector.
    pub fn base_len(self) -> usize {
        match self {
            Layout::Open => 44,
            Layout::Authenticated => HMAC_TEXT_LEN + HMAC_LEN,
        }
    }

    /// The TLVs of a packet: what follows the base packet.
    pub fn tlvs(self, packet: &[u8]) -> &[u8] {
        packet.get(self.base_len()..).unwrap_or_default()
    }

    fn places(self) -> &'static Places {
        match self {
            Layout::Open => &OPEN,
            Layout::Authenticated => &AUTHENTICATED,
        }
    }
}

/// Where the fields stand. The first four are the same in the packets of both ends.
struct Places {
    timestamp: usize,
    error: usize,
    ssid: usize,
    receive: usize,
    sender_sequence: usize,
    sender_timestamp: usize,
    sender_error: usize,
    sender_ttl: usize,
}

const OPEN: Places = Places {
    timestamp: 4,
    error: 12,
    ssid: 14,
    receive: 16,
    sender_sequence: 24,
    sender_timestamp: 28,
    sender_error: 36,
    sender_ttl: 40,
};

const AUTHENTICATED: Places = Places {
    timestamp: 16,
    error: 24,
    ssid: 26,
    receive: 32,
    sender_sequence: 48,
    sender_timestamp: 64,
    sender_error: 72,
    sender_ttl: 80,
};

/// What a Session-Sender sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct SenderPacket {
    /// Starts at 0, plus 1 for each packet, wraps.
    pub sequence: u32,
    /// T1: when the packet was sent, in the format that the Z bit of `error` tells.
    pub timestamp: Ntp64,
    /// Error of T1.
    pub error: ErrorEstimate,
    /// Identifies the session of this sender; 0 if it has none.
    pub ssid: u16,
}

impl SenderPacket {
    /// Reads the base packet. In the open layout fewer than 44 octets, but at least 14, are the
    /// request of a TWAMP Light sender: it has no SSID.
    ///
    /// # Errors
    /// [`WireError::TooShort`].
    pub fn parse(layout: Layout, bytes: &[u8]) -> Result<Self, WireError> {
        let least = match layout {
            Layout::Open => LIGHT_REQUEST_LEN,
            Layout::Authenticated => layout.base_len(),
        };
        at_least(least, "STAMP sender packet", bytes)?;
        let places = layout.places();
        Ok(SenderPacket {
            sequence: u32::from_be_bytes(field(bytes, 0)),
            timestamp: Ntp64(u64::from_be_bytes(field(bytes, places.timestamp))),
            error: ErrorEstimate(u16::from_be_bytes(field(bytes, places.error))),
            ssid: match bytes.len() < layout.base_len() {
                true => 0,
                false => u16::from_be_bytes(field(bytes, places.ssid)),
            },
        })
    }

    /// The SSID of a packet whose sender is not known; 0 if it has none. What is not zero where an
    /// open STAMP packet has zeros is the padding of a TWAMP Light sender, and so is what stands in
    /// the place of its SSID: another number in each packet.
    pub fn ssid_of_stranger(layout: Layout, bytes: &[u8]) -> u16 {
        let Some(base) = bytes.get(..layout.base_len()) else {
            return 0;
        };
        let padded = layout == Layout::Open && base[OPEN.receive..].iter().any(|&octet| octet != 0);
        match padded {
            true => 0,
            false => u16::from_be_bytes(field(base, layout.places().ssid)),
        }
    }

    /// Writes the first [`base_len`](Layout::base_len) octets of `out`, all but the HMAC, which is
    /// left zero.
    ///
    /// # Panics
    /// If `out` is shorter than that.
    pub fn write(&self, layout: Layout, out: &mut [u8]) {
        out[..layout.base_len()].fill(0);
        let places = layout.places();
        put(out, 0, &self.sequence.to_be_bytes());
        put(out, places.timestamp, &self.timestamp.0.to_be_bytes());
        put(out, places.error, &self.error.0.to_be_bytes());
        put(out, places.ssid, &self.ssid.to_be_bytes());
    }
}

/// What a Session-Reflector answers. The sender's fields are bit-exact copies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct ReflectorPacket {
    /// The reflector's own number, or a copy of the sender's if the reflector is stateless.
    pub sequence: u32,
    /// T3: when the reply was sent, in the format that the Z bit of `error` tells.
    pub timestamp: Ntp64,
    /// Error of T3 and T2.
    pub error: ErrorEstimate,
    /// Copy of the sender's; 0 if the reflector lacks RFC 8972.
    pub ssid: u16,
    /// T2: when the sender's packet came in, in the same format as T3.
    pub receive: Ntp64,
    /// Copy of the sender's number.
    pub sender_sequence: u32,
    /// Copy of T1.
    pub sender_timestamp: Ntp64,
    /// Copy of the sender's error estimate.
    pub sender_error: ErrorEstimate,
    /// TTL or hop limit of the packet as it came in; 255 if it can't be read.
    pub sender_ttl: u8,
}

impl ReflectorPacket {
    /// Reads the base packet. In the open layout 41 octets are enough: so many has the reply of a
    /// TWAMP Light reflector.
    ///
    /// # Errors
    /// [`WireError::TooShort`].
    pub fn parse(layout: Layout, bytes: &[u8]) -> Result<Self, WireError> {
        let least = match layout {
            Layout::Open => LIGHT_REPLY_LEN,
            Layout::Authenticated => layout.base_len(),
        };
        at_least(least, "STAMP reflector packet", bytes)?;
        let places = layout.places();
        Ok(ReflectorPacket {
            sequence: u32::from_be_bytes(field(bytes, 0)),
            timestamp: Ntp64(u64::from_be_bytes(field(bytes, places.timestamp))),
            error: ErrorEstimate(u16::from_be_bytes(field(bytes, places.error))),
            ssid: u16::from_be_bytes(field(bytes, places.ssid)),
            receive: Ntp64(u64::from_be_bytes(field(bytes, places.receive))),
            sender_sequence: u32::from_be_bytes(field(bytes, places.sender_sequence)),
            sender_timestamp: Ntp64(u64::from_be_bytes(field(bytes, places.sender_timestamp))),
            sender_error: ErrorEstimate(u16::from_be_bytes(field(bytes, places.sender_error))),
            sender_ttl: bytes[places.sender_ttl],
        })
    }

    /// Writes the first [`base_len`](Layout::base_len) octets of `out`, all but the HMAC, which is
    /// left zero.
    ///
    /// # Panics
    /// If `out` is shorter than that.
    pub fn write(&self, layout: Layout, out: &mut [u8]) {
        out[..layout.base_len()].fill(0);
        let places = layout.places();
        put(out, 0, &self.sequence.to_be_bytes());
        put(out, places.timestamp, &self.timestamp.0.to_be_bytes());
        put(out, places.error, &self.error.0.to_be_bytes());
        put(out, places.ssid, &self.ssid.to_be_bytes());
        put(out, places.receive, &self.receive.0.to_be_bytes());
        put(
            out,
            places.sender_sequence,
            &self.sender_sequence.to_be_bytes(),
        );
        put(
            out,
            places.sender_timestamp,
            &self.sender_timestamp.0.to_be_bytes(),
        );
        put(out, places.sender_error, &self.sender_error.0.to_be_bytes());
        put(out, places.sender_ttl, &[self.sender_ttl]);
    }
}

fn at_least(expected: usize, what: &'static str, bytes: &[u8]) -> Result<(), WireError> {
    match bytes.len() {
        found if found < expected => Err(WireError::TooShort {
            what,
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

/// `N` octets at `at`. Panics beyond the end, which `at_least` has ruled out.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LAYOUTS: [Layout; 2] = [Layout::Open, Layout::Authenticated];

    fn sender() -> impl Strategy<Value = SenderPacket> {
        any::<(u32, u64, u16, u16)>().prop_map(|(sequence, t1, error, ssid)| SenderPacket {
            sequence,
            timestamp: Ntp64(t1),
            error: ErrorEstimate(error),
            ssid,
        })
    }

    fn reflector() -> impl Strategy<Value = ReflectorPacket> {
        (sender(), sender(), any::<(u64, u8)>()).prop_map(|(own, probe, (receive, sender_ttl))| {
            ReflectorPacket {
                sequence: own.sequence,
                timestamp: own.timestamp,
                error: own.error,
                ssid: own.ssid,
                receive: Ntp64(receive),
                sender_sequence: probe.sequence,
                sender_timestamp: probe.timestamp,
                sender_error: probe.error,
                sender_ttl,
            }
        })
    }

    #[test]
    fn every_length_below_the_minimum_is_refused() {
        for (layout, request, reply) in [(LAYOUTS[0], 14, 41), (LAYOUTS[1], 112, 112)] {
            let octets = [0; 112];
            for len in 0..request {
                let refused = SenderPacket::parse(layout, &octets[..len]);
                assert!(matches!(refused, Err(WireError::TooShort { found, .. }) if found == len));
            }
            for len in 0..reply {
                let refused = ReflectorPacket::parse(layout, &octets[..len]);
                assert!(matches!(refused, Err(WireError::TooShort { found, .. }) if found == len));
            }
            assert!(SenderPacket::parse(layout, &octets[..request]).is_ok());
            assert!(ReflectorPacket::parse(layout, &octets[..reply]).is_ok());
        }
    }

    #[test]
    fn the_padding_of_a_twamp_light_request_is_no_ssid() {
        let octets = [0xaa; 44];
        assert_eq!(
            SenderPacket::parse(Layout::Open, &octets[..43])
                .unwrap()
                .ssid,
            0
        );
        assert_eq!(
            SenderPacket::parse(Layout::Open, &octets).unwrap().ssid,
            0xaaaa
        );
    }

    #[test]
    fn whose_padding_is_not_zero_has_no_ssid_that_tells_its_sessions_apart() {
        let request = SenderPacket {
            ssid: 0xbeef,
            ..SenderPacket::default()
        };
        let mut octets = [0; 112];
        for layout in LAYOUTS {
            request.write(layout, &mut octets);
            assert_eq!(SenderPacket::ssid_of_stranger(layout, &octets), 0xbeef);
            let cut = &octets[..layout.base_len() - 1];
            assert_eq!(SenderPacket::ssid_of_stranger(layout, cut), 0);
        }
        request.write(Layout::Open, &mut octets);
        for place in 16..44 {
            octets[place] = 1;
            assert_eq!(SenderPacket::ssid_of_stranger(Layout::Open, &octets), 0);
            octets[place] = 0;
        }
        octets[44] = 1;
        let found = SenderPacket::ssid_of_stranger(Layout::Open, &octets);
        assert_eq!(found, 0xbeef, "TLVs follow there");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_unused_octets_are_zero(
            request in sender(), reply in reflector(), fill: u8,
        ) {
            for layout in LAYOUTS {
                let len = layout.base_len();
                let mut out = vec![fill; len + 5];
                request.write(layout, &mut out);
                prop_assert_eq!(SenderPacket::parse(layout, &out), Ok(request));
                prop_assert_eq!(&out[len..], &[fill; 5]);
                let mut bare = vec![0; len];
                request.write(layout, &mut bare);
                prop_assert_eq!(&out[..len], &bare);

                reply.write(layout, &mut out);
                prop_assert_eq!(ReflectorPacket::parse(layout, &out), Ok(reply));
                bare.fill(0);
                reply.write(layout, &mut bare);
                prop_assert_eq!(&out[..len], &bare);
            }
        }
    }
}
