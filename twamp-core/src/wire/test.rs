//! TWAMP-Test packets (RFC 4656, section 4.1.2; RFC 5357, section 4.2.1), as plain octets.
//!
//! The same fields stand in two layouts: the open one, which is also that of mixed mode, and the
//! secure one of modes authenticated and encrypted, which ends with room for an HMAC. Padding
//! follows the fixed part and belongs to the caller.

use super::{head, put, take};
use crate::error::WireError;
use crate::time::{ErrorEstimate, Ntp64};

/// Octets of a sender packet without padding.
pub const SENDER_LEN: usize = 14;

/// Octets of a reflector packet without padding.
pub const REFLECTOR_LEN: usize = 41;

/// Octets of a reflector packet that tells the received DSCP and ECN (RFC 7750), without padding.
pub const REFLECTOR_DSCP_LEN: usize = 44;

/// Octets of a secure sender packet that are not HMAC or padding.
pub const SECURE_SENDER_FIXED: usize = 32;

/// Octets of a secure sender packet without padding.
pub const SECURE_SENDER_LEN: usize = 48;

/// Octets of a secure reflector packet that are not HMAC or padding.
pub const SECURE_REFLECTOR_FIXED: usize = 96;

/// Octets of a secure reflector packet without padding. (RFC 5357 prints 104; its own figure, and
/// erratum 6408, say 112.)
pub const SECURE_REFLECTOR_LEN: usize = 112;

/// Where S-DSCP-ECN stands in a reflector packet (RFC 7750, section 2.2.1).
pub const RECEIVED_TOS: usize = 41;

/// The same in a secure one.
pub const SECURE_RECEIVED_TOS: usize = 81;

/// How much longer the headers of replies are than those of probes: octets of padding that a probe
/// needs to be as long as its reply (RFC 6038, section 4.2, with erratum 6408). `protected`: modes
/// authenticated and encrypted; `dscp_ecn`: RFC 7750.
pub const fn header_difference(protected: bool, dscp_ecn: bool) -> usize {
    match (protected, dscp_ecn) {
        (true, _) => SECURE_REFLECTOR_LEN - SECURE_SENDER_LEN,
        (false, true) => REFLECTOR_DSCP_LEN - SENDER_LEN,
        (false, false) => REFLECTOR_LEN - SENDER_LEN,
    }
}

/// Where T3 and T2 stand in a reflector packet.
pub(crate) const REPLY_STAMPS: (usize, usize) = (4, 16);

/// The same in a secure one.
pub(crate) const SECURE_REPLY_STAMPS: (usize, usize) = (16, 32);

/// What a Session-Sender sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct SenderPacket {
    /// Starts at 0, plus 1 for each packet, wraps.
    pub sequence: u32,
    /// T1: when the packet was sent.
    pub timestamp: Ntp64,
    /// Error of T1.
    pub error: ErrorEstimate,
}

impl SenderPacket {
    /// Reads the fixed part; padding after it is ignored.
    ///
    /// # Errors
    /// [`WireError::TooShort`] below [`SENDER_LEN`] octets.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<SENDER_LEN>("TWAMP-Test sender packet", bytes)?;
        Ok(SenderPacket {
            sequence: u32::from_be_bytes(take(bytes, 0)),
            timestamp: Ntp64(u64::from_be_bytes(take(bytes, 4))),
            error: ErrorEstimate(u16::from_be_bytes(take(bytes, 12))),
        })
    }

    /// Writes the first [`SENDER_LEN`] octets of `out` and leaves the rest alone.
    ///
    /// # Panics
    /// If `out` is shorter than that.
    pub fn write(&self, out: &mut [u8]) {
        put(out, 0, &self.sequence.to_be_bytes());
        put(out, 4, &self.timestamp.0.to_be_bytes());
        put(out, 12, &self.error.0.to_be_bytes());
    }

    /// Reads the plain text of a secure packet.
    pub fn parse_secure(bytes: &[u8; SECURE_SENDER_FIXED]) -> Self {
        SenderPacket {
            sequence: u32::from_be_bytes(take(bytes, 0)),
            timestamp: Ntp64(u64::from_be_bytes(take(bytes, 16))),
            error: ErrorEstimate(u16::from_be_bytes(take(bytes, 24))),
        }
    }

    /// The plain text of a secure packet, zeros in what is unused.
    pub fn to_secure(&self) -> [u8; SECURE_SENDER_FIXED] {
        let mut out = [0; SECURE_SENDER_FIXED];
        put(&mut out, 0, &self.sequence.to_be_bytes());
        put(&mut out, 16, &self.timestamp.0.to_be_bytes());
        put(&mut out, 24, &self.error.0.to_be_bytes());
        out
    }
}

/// What a Session-Reflector answers. The sender's fields are bit-exact copies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct ReflectorPacket {
    /// The reflector's own number: starts at 0, plus 1 for each reply, wraps.
    pub sequence: u32,
    /// T3: when the reply was sent.
    pub timestamp: Ntp64,
    /// Error of T3 and T2.
    pub error: ErrorEstimate,
    /// T2: when the sender's packet came in.
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
    /// Reads the fixed part; padding after it is ignored.
    ///
    /// # Errors
    /// [`WireError::TooShort`] below [`REFLECTOR_LEN`] octets.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<REFLECTOR_LEN>("TWAMP-Test reflector packet", bytes)?;
        Ok(ReflectorPacket {
            sequence: u32::from_be_bytes(take(bytes, 0)),
            timestamp: Ntp64(u64::from_be_bytes(take(bytes, 4))),
            error: ErrorEstimate(u16::from_be_bytes(take(bytes, 12))),
            receive: Ntp64(u64::from_be_bytes(take(bytes, 16))),
            sender_sequence: u32::from_be_bytes(take(bytes, 24)),
            sender_timestamp: Ntp64(u64::from_be_bytes(take(bytes, 28))),
            sender_error: ErrorEstimate(u16::from_be_bytes(take(bytes, 36))),
            sender_ttl: bytes[40],
        })
    }

    /// Writes the first [`REFLECTOR_LEN`] octets of `out` and leaves the rest alone.
    ///
    /// # Panics
    /// If `out` is shorter than that.
    pub fn write(&self, out: &mut [u8]) {
        put(out, 0, &self.sequence.to_be_bytes());
        put(out, 4, &self.timestamp.0.to_be_bytes());
        put(out, 12, &self.error.0.to_be_bytes());
        put(out, 14, &[0; 2]);
        put(out, 16, &self.receive.0.to_be_bytes());
        put(out, 24, &self.sender_sequence.to_be_bytes());
        put(out, 28, &self.sender_timestamp.0.to_be_bytes());
        put(out, 36, &self.sender_error.0.to_be_bytes());
        put(out, 38, &[0; 2]);
        put(out, 40, &[self.sender_ttl]);
    }

    /// Reads the plain text of a secure packet.
    pub fn parse_secure(bytes: &[u8; SECURE_REFLECTOR_FIXED]) -> Self {
        ReflectorPacket {
            sequence: u32::from_be_bytes(take(bytes, 0)),
            timestamp: Ntp64(u64::from_be_bytes(take(bytes, 16))),
            error: ErrorEstimate(u16::from_be_bytes(take(bytes, 24))),
            receive: Ntp64(u64::from_be_bytes(take(bytes, 32))),
            sender_sequence: u32::from_be_bytes(take(bytes, 48)),
            sender_timestamp: Ntp64(u64::from_be_bytes(take(bytes, 64))),
            sender_error: ErrorEstimate(u16::from_be_bytes(take(bytes, 72))),
            sender_ttl: bytes[80],
        }
    }

    /// The plain text of a secure packet, zeros in what is unused.
    pub fn to_secure(&self) -> [u8; SECURE_REFLECTOR_FIXED] {
        let mut out = [0; SECURE_REFLECTOR_FIXED];
        put(&mut out, 0, &self.sequence.to_be_bytes());
        put(&mut out, 16, &self.timestamp.0.to_be_bytes());
        put(&mut out, 24, &self.error.0.to_be_bytes());
        put(&mut out, 32, &self.receive.0.to_be_bytes());
        put(&mut out, 48, &self.sender_sequence.to_be_bytes());
        put(&mut out, 64, &self.sender_timestamp.0.to_be_bytes());
        put(&mut out, 72, &self.sender_error.0.to_be_bytes());
        put(&mut out, 80, &[self.sender_ttl]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{octets, vectors};
    use proptest::prelude::*;

    const SENDER: [u8; SENDER_LEN] = [
        0x00, 0x00, 0x00, 0x07, 0xe8, 0xfe, 0x6f, 0x80, 0x40, 0x00, 0x00, 0x00, 0x8e, 0x42,
    ];
    const REFLECTOR: [u8; REFLECTOR_LEN] = [
        0x00, 0x00, 0x00, 0x05, 0xe8, 0xfe, 0x6f, 0x80, 0x42, 0xf4, 0x49, 0x12, 0x8a, 0x64, 0x00,
        0x00, 0xe8, 0xfe, 0x6f, 0x80, 0x42, 0xf1, 0xa9, 0xfb, 0x00, 0x00, 0x00, 0x07, 0xe8, 0xfe,
        0x6f, 0x80, 0x40, 0x00, 0x00, 0x00, 0x8e, 0x42, 0x00, 0x00, 0xfd,
    ];

    fn sender() -> SenderPacket {
        SenderPacket {
            sequence: 7,
            timestamp: Ntp64(0xe8fe_6f80_4000_0000),
            error: ErrorEstimate(0x8e42),
        }
    }

    fn reflector() -> ReflectorPacket {
        ReflectorPacket {
            sequence: 5,
            timestamp: Ntp64(0xe8fe_6f80_42f4_4912),
            error: ErrorEstimate(0x8a64),
            receive: Ntp64(0xe8fe_6f80_42f1_a9fb),
            sender_sequence: 7,
            sender_timestamp: Ntp64(0xe8fe_6f80_4000_0000),
            sender_error: ErrorEstimate(0x8e42),
            sender_ttl: 253,
        }
    }

    #[test]
    fn the_sender_vector_reads_and_writes_octet_for_octet() {
        let mut out = [0xaa; SENDER_LEN];
        sender().write(&mut out);
        assert_eq!(out, SENDER);
        assert_eq!(SenderPacket::parse(&SENDER), Ok(sender()));
    }

    #[test]
    fn the_reflector_vector_reads_and_writes_octet_for_octet() {
        let mut out = [0xaa; REFLECTOR_LEN];
        reflector().write(&mut out);
        assert_eq!(out, REFLECTOR);
        assert_eq!(ReflectorPacket::parse(&REFLECTOR), Ok(reflector()));
    }

    #[test]
    fn the_secure_reflector_vector_reads_and_writes_octet_for_octet() {
        let plain = octets(&vectors()["twamp_test"]["reflector_secure_plain96"]);
        assert_eq!(reflector().to_secure(), plain);
        assert_eq!(ReflectorPacket::parse_secure(&plain), reflector());
    }

    #[test]
    fn replies_are_longer_by_27_or_64_octets_and_three_more_with_dscp_in_open_mode() {
        assert_eq!(header_difference(false, false), 27);
        assert_eq!(header_difference(false, true), 30);
        assert_eq!(header_difference(true, false), 64);
        assert_eq!(header_difference(true, true), 64);
    }

    #[test]
    fn padding_is_ignored_on_reading_and_left_alone_on_writing() {
        let mut padded = [0xaa; 60];
        reflector().write(&mut padded);
        assert_eq!(ReflectorPacket::parse(&padded), Ok(reflector()));
        assert_eq!(padded[REFLECTOR_LEN..], [0xaa; 60 - REFLECTOR_LEN]);
        sender().write(&mut padded);
        assert_eq!(SenderPacket::parse(&padded), Ok(sender()));
        assert_eq!(padded[REFLECTOR_LEN..], [0xaa; 60 - REFLECTOR_LEN]);
    }

    #[test]
    fn every_length_below_the_minimum_is_refused() {
        for len in 0..SENDER_LEN {
            let refused = SenderPacket::parse(&SENDER[..len]);
            assert!(matches!(refused, Err(WireError::TooShort { found, .. }) if found == len));
        }
        for len in 0..REFLECTOR_LEN {
            let refused = ReflectorPacket::parse(&REFLECTOR[..len]);
            assert!(matches!(refused, Err(WireError::TooShort { found, .. }) if found == len));
        }
    }

    proptest! {
        #[test]
        fn any_octets_of_full_length_are_a_sender_packet(bytes: [u8; SENDER_LEN]) {
            let mut out = [0; SENDER_LEN];
            SenderPacket::parse(&bytes)?.write(&mut out);
            prop_assert_eq!(out, bytes);
        }

        #[test]
        fn any_octets_survive_a_reflector_packet_but_for_the_unused(
            mut bytes: [u8; REFLECTOR_LEN],
        ) {
            let mut out = [0xaa; REFLECTOR_LEN];
            ReflectorPacket::parse(&bytes)?.write(&mut out);
            for unused in [14, 15, 38, 39] {
                bytes[unused] = 0;
            }
            prop_assert_eq!(out, bytes);
        }

        #[test]
        fn any_secure_text_survives_but_for_the_unused(
            sender: [u8; SECURE_SENDER_FIXED], reflector: [u8; SECURE_REFLECTOR_FIXED],
        ) {
            let unused = [4..16, 26..32];
            let again = SenderPacket::parse_secure(&sender).to_secure();
            prop_assert_eq!(again, without(sender, &unused));
            let unused = [4..16, 26..32, 40..48, 52..64, 74..80, 81..96];
            let again = ReflectorPacket::parse_secure(&reflector).to_secure();
            prop_assert_eq!(again, without(reflector, &unused));
        }
    }

    fn without<const N: usize>(mut octets: [u8; N], unused: &[std::ops::Range<usize>]) -> [u8; N] {
        for range in unused {
            octets[range.clone()].fill(0);
        }
        octets
    }
}
