//! Numbers from the reflector: its clock, its counters, its true times of sending (RFC 8972,
//! sections 4.3, 4.5 and 4.7).

use crate::time::Ntp64;

/// What a clock is synchronised to (RFC 8972, section 5.4). 0 stands for not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct SyncSource(pub u8);

impl SyncSource {
    /// NTP.
    pub const NTP: SyncSource = SyncSource(1);
    /// PTP.
    pub const PTP: SyncSource = SyncSource(2);
    /// SSU or BITS, of a telephone exchange.
    pub const SSU_BITS: SyncSource = SyncSource(3);
    /// Satellites or long-range radio.
    pub const GNSS: SyncSource = SyncSource(4);
    /// Nothing: it runs freely.
    pub const LOCAL: SyncSource = SyncSource(5);
}

/// How a stamp is taken (RFC 8972, section 5.5). 0 stands for not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct StampMethod(pub u8);

impl StampMethod {
    /// By the interface.
    pub const HARDWARE: StampMethod = StampMethod(1);
    /// By software close to it: the kernel.
    pub const SOFTWARE: StampMethod = StampMethod(2);
    /// By the process that handles the packet.
    pub const CONTROL_PLANE: StampMethod = StampMethod(3);
}

/// Contents of a Timestamp Information TLV. All zero in a request. Sub-TLVs may follow; none is
/// defined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct TimestampInformation {
    /// What the clock of T2 is synchronised to.
    pub source_in: SyncSource,
    /// How T2 is taken.
    pub method_in: StampMethod,
    /// What the clock of T3 is synchronised to.
    pub source_out: SyncSource,
    /// How T3 is taken.
    pub method_out: StampMethod,
}

impl TimestampInformation {
    /// From the wire.
    pub fn from_octets([a, b, c, d]: [u8; 4]) -> Self {
        TimestampInformation {
            source_in: SyncSource(a),
            method_in: StampMethod(b),
            source_out: SyncSource(c),
            method_out: StampMethod(d),
        }
    }

    /// To the wire.
    pub fn to_octets(self) -> [u8; 4] {
        [
            self.source_in.0,
            self.method_in.0,
            self.source_out.0,
            self.method_out.0,
        ]
    }
}

/// Contents of a Direct Measurement TLV: packets of the flow that the probes go along with. The
/// counters wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct DirectMeasurement {
    /// Sent by the sender.
    pub sender_sent: u32,
    /// Received by the reflector; 0 in a request.
    pub reflector_received: u32,
    /// Sent by the reflector; 0 in a request.
    pub reflector_sent: u32,
}

impl DirectMeasurement {
    /// From the wire.
    pub fn from_octets(octets: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = octets;
        DirectMeasurement {
            sender_sent: u32::from_be_bytes([a, b, c, d]),
            reflector_received: u32::from_be_bytes([e, f, g, h]),
            reflector_sent: u32::from_be_bytes([i, j, k, l]),
        }
    }

    /// To the wire.
    pub fn to_octets(self) -> [u8; 12] {
        let mut octets = [0; 12];
        octets[..4].copy_from_slice(&self.sender_sent.to_be_bytes());
        octets[4..8].copy_from_slice(&self.reflector_received.to_be_bytes());
        octets[8..].copy_from_slice(&self.reflector_sent.to_be_bytes());
        octets
    }
}

/// Contents of a Follow-Up Telemetry TLV. All zero in a request, and from a stateless reflector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct FollowUp {
    /// The reflector's number of the reply that is meant.
    pub sequence: u32,
    /// When it left, in the format that the reply's own Z bit tells.
    pub timestamp: Ntp64,
    /// How that stamp was taken.
    pub method: StampMethod,
}

impl FollowUp {
    /// From the wire.
    pub fn from_octets(octets: [u8; 16]) -> Self {
        let [s0, s1, s2, s3, t0, t1, t2, t3, t4, t5, t6, t7, method, ..] = octets;
        FollowUp {
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            timestamp: Ntp64(u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7])),
            method: StampMethod(method),
        }
    }

    /// To the wire.
    pub fn to_octets(self) -> [u8; 16] {
        let mut octets = [0; 16];
        octets[..4].copy_from_slice(&self.sequence.to_be_bytes());
        octets[4..12].copy_from_slice(&self.timestamp.0.to_be_bytes());
        octets[12] = self.method.0;
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_stand_where_the_rfc_puts_them() {
        let counters = DirectMeasurement {
            sender_sent: 8,
            reflector_received: 7,
            reflector_sent: 6,
        };
        assert_eq!(counters.to_octets(), [0, 0, 0, 8, 0, 0, 0, 7, 0, 0, 0, 6]);
        assert_eq!(
            DirectMeasurement::from_octets(counters.to_octets()),
            counters
        );

        let follow_up = FollowUp {
            sequence: 0x0102_0304,
            timestamp: Ntp64(0x1112_1314_2122_2324),
            method: StampMethod::SOFTWARE,
        };
        let octets = [
            1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24, 2, 0, 0, 0,
        ];
        assert_eq!(follow_up.to_octets(), octets);
        assert_eq!(FollowUp::from_octets(octets), follow_up);

        let information = TimestampInformation {
            source_in: SyncSource::NTP,
            method_in: StampMethod::SOFTWARE,
            source_out: SyncSource::LOCAL,
            method_out: StampMethod::CONTROL_PLANE,
        };
        assert_eq!(information.to_octets(), [1, 2, 5, 3]);
        assert_eq!(TimestampInformation::from_octets([1, 2, 5, 3]), information);
    }
}
