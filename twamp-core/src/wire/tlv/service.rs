//! How packets are treated on the way, and by which access network (RFC 8972, sections 4.4 and
//! 4.6).

/// Contents of a Class of Service TLV. DSCPs are 0 to 63, ECN is 0 to 3.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct ClassOfService {
    /// DSCP1: wanted by the sender for the reply.
    pub wanted: u8,
    /// DSCP2: of the probe as it came in; 0 in a request.
    pub seen: u8,
    /// ECN of the probe as it came in; 0 in a request.
    pub ecn: u8,
    /// RP: 0, or 1 if the reflector's policy refused `wanted` and the reply has `seen` instead.
    pub reverse_path: u8,
}

impl ClassOfService {
    /// From the wire.
    pub fn from_octets(octets: [u8; 4]) -> Self {
        let bits = u32::from_be_bytes(octets);
        ClassOfService {
            wanted: (bits >> 26) as u8,
            seen: (bits >> 20) as u8 & 0x3f,
            ecn: (bits >> 18) as u8 & 3,
            reverse_path: (bits >> 16) as u8 & 3,
        }
    }

    /// To the wire. Bits beyond the fields are cut off.
    pub fn to_octets(self) -> [u8; 4] {
        let bits = u32::from(self.wanted & 0x3f) << 26
            | u32::from(self.seen & 0x3f) << 20
            | u32::from(self.ecn & 3) << 18
            | u32::from(self.reverse_path & 3) << 16;
        bits.to_be_bytes()
    }
}

/// Contents of an Access Report TLV: the sender tells the state of an access network, the
/// reflector echoes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct AccessReport {
    /// Which network, 4 bits: 1 of 3GPP, 2 another.
    pub network: u8,
    /// Return Code.
    pub state: AccessState,
}

/// Return Code of an Access Report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct AccessState(pub u8);

impl AccessState {
    /// The network is available.
    pub const AVAILABLE: AccessState = AccessState(1);
    /// The network is not available.
    pub const UNAVAILABLE: AccessState = AccessState(2);
}

impl AccessReport {
    /// A network of 3GPP.
    pub const THREE_GPP: u8 = 1;
    /// Any other network.
    pub const NON_THREE_GPP: u8 = 2;

    /// From the wire.
    pub fn from_octets([network, state, ..]: [u8; 4]) -> Self {
        AccessReport {
            network: network >> 4,
            state: AccessState(state),
        }
    }

    /// To the wire. Bits beyond the fields are cut off.
    pub fn to_octets(self) -> [u8; 4] {
        [self.network << 4, self.state.0, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_stand_where_the_rfc_puts_them() {
        let class = ClassOfService {
            wanted: 46,
            seen: 10,
            ecn: 1,
            reverse_path: 0,
        };
        assert_eq!(class.to_octets(), [0xb8, 0xa4, 0, 0]);
        assert_eq!(ClassOfService::from_octets([0xb8, 0xa4, 0, 0]), class);
        let refused = ClassOfService::from_octets([0xb8, 0xa5, 0xff, 0xff]);
        assert_eq!(refused.reverse_path, 1);

        let report = AccessReport {
            network: AccessReport::NON_THREE_GPP,
            state: AccessState::UNAVAILABLE,
        };
        assert_eq!(report.to_octets(), [0x20, 2, 0, 0]);
        assert_eq!(AccessReport::from_octets([0x2f, 2, 9, 9]), report);
    }
}
