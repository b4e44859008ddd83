use std::net::IpAddr;

use crate::time::Ntp64;
use crate::wire::control::Sid;

/// A session identifier as RFC 4656, section 3.5, wants it: four octets of the server's address
/// (the last four, of IPv6), the time, four random octets.
///
/// Unique as long as `now` or `random` differ; unpredictable as far as `random` is.
pub fn new_sid(local: IpAddr, now: Ntp64, random: [u8; 4]) -> Sid {
    let place = match local {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => v6.to_bits() as u32,
    };
    let sid =
        u128::from(place) << 96 | u128::from(now.0) << 32 | u128::from(u32::from_be_bytes(random));
    Sid(sid.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_sid_is_address_time_and_chance() {
        let now = Ntp64(0xe8fe_6f80_0000_0000);
        let random = [0xde, 0xad, 0xbe, 0xef];
        let v4 = new_sid("192.0.2.2".parse().unwrap(), now, random);
        assert_eq!(v4.to_string(), "c0000202e8fe6f8000000000deadbeef");
        let v6 = new_sid("2001:db8::1:2".parse().unwrap(), now, random);
        assert_eq!(v6.to_string(), "00010002e8fe6f8000000000deadbeef");
    }

    #[test]
    fn a_million_sids_are_all_different() {
        let local = "192.0.2.2".parse().unwrap();
        // Ten sessions in each moment of the clock, told apart by chance alone.
        let sids: HashSet<Sid> = (0..1_000_000u32)
            .map(|n| {
                let chance = n.wrapping_mul(0x9e37_79b1).to_be_bytes();
                new_sid(local, Ntp64(u64::from(n / 10)), chance)
            })
            .collect();
        assert_eq!(sids.len(), 1_000_000);
    }
}
