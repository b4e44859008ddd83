//! Reflected Test Packet Control (RFC 10052): replies of another length or number than the probes.

use std::time::Duration;

/// Octets of the fixed part. Sub-TLVs follow; their placeholder in a request is zero.
const LEN: usize = 12;

/// Contents of a Reflected Test Packet Control TLV.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct ReflectedControl {
    /// Octets that each reply shall have.
    pub length: u16,
    /// How many replies; 0 for none.
    pub count: u16,
    /// Time from one to the next, nanoseconds.
    pub interval_ns: u32,
}

impl ReflectedControl {
    /// From the wire; sub-TLVs are not read.
    pub fn from_octets(octets: [u8; LEN]) -> Self {
        let [l0, l1, c0, c1, i0, i1, i2, i3, ..] = octets;
        ReflectedControl {
            length: u16::from_be_bytes([l0, l1]),
            count: u16::from_be_bytes([c0, c1]),
            interval_ns: u32::from_be_bytes([i0, i1, i2, i3]),
        }
    }

    /// To the wire, with a zero placeholder for sub-TLVs.
    pub fn to_octets(self) -> [u8; LEN] {
        let mut octets = [0; LEN];
        octets[..2].copy_from_slice(&self.length.to_be_bytes());
        octets[2..4].copy_from_slice(&self.count.to_be_bytes());
        octets[4..8].copy_from_slice(&self.interval_ns.to_be_bytes());
        octets
    }

    /// Time from one reply to the next.
    pub fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval_ns.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_stand_where_the_rfc_puts_them() {
        let control = ReflectedControl {
            length: 0x0102,
            count: 0x0304,
            interval_ns: 0x0506_0708,
        };
        let octets = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0];
        assert_eq!(control.to_octets(), octets);
        assert_eq!(ReflectedControl::from_octets(octets), control);
    }
}
