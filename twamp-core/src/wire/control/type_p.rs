/// The Type-P descriptor: how test packets are to be marked (RFC 4656, section 3.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct TypeP(pub u32);

impl TypeP {
    /// Asks for a DSCP; only its low six bits are used.
    pub fn from_dscp(dscp: u8) -> TypeP {
        TypeP(u32::from(dscp & 0x3f) << 24)
    }

    /// The DSCP asked for; `None` if the descriptor is of another kind (a PHB-ID, or undefined),
    /// which TWAMP gives no meaning.
    pub fn dscp(self) -> Option<u8> {
        (self.0 >> 30 == 0).then_some((self.0 >> 24) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dscp_survives_and_other_kinds_have_none() {
        for dscp in 0..64 {
            assert_eq!(TypeP::from_dscp(dscp).dscp(), Some(dscp));
        }
        assert_eq!(TypeP::from_dscp(46), TypeP(0x2e00_0000));
        assert_eq!(TypeP::from_dscp(0xff).dscp(), Some(63));
        for prefix in 1..4 {
            assert_eq!(TypeP(prefix << 30).dscp(), None);
        }
    }
}
