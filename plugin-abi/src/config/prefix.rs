//! A network: an address and how many of its leading bits count.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A network, `192.0.2.0/24` or `2001:db8::/32`; an address alone is a network of one host.
///
/// IPv4 addresses that are mapped into IPv6 (`::ffff:192.0.2.1`) count as IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Prefix {
    network: IpAddr,
    bits: u8,
}

/// Why a text is no [`Prefix`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum PrefixError {
    /// What stands before the slash is no IP address.
    #[error("expected an IP address before the slash")]
    Address,
    /// What stands behind it is no length.
    #[error("expected a length from 0 to {most} behind the slash")]
    Length {
        /// The longest there is.
        most: u8,
    },
    /// The address says more than the length lets count: one of the two is wrong.
    #[error("bits beyond the length are set; the network is {network}")]
    Beyond {
        /// The network that the address is in.
        network: Prefix,
    },
}

impl Prefix {
    /// The network of the one host at `address`.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        let network = address.to_canonical();
        let bits = width(network);
        Self { network, bits }
    }

    /// The one host in it; `None` if there are more.
    #[must_use]
    pub fn as_host(self) -> Option<IpAddr> {
        (self.bits == width(self.network)).then_some(self.network)
    }

    /// Is it all of its address family?
    #[must_use]
    pub fn is_all(self) -> bool {
        self.bits == 0
    }

    /// The first and the last address in it.
    #[must_use]
    pub fn ends(self) -> (IpAddr, IpAddr) {
        let last = match self.network {
            IpAddr::V4(v4) => {
                let hosts = u32::MAX.checked_shr(self.bits.into()).unwrap_or(0);
                Ipv4Addr::from_bits(v4.to_bits() | hosts).into()
            }
            IpAddr::V6(v6) => {
                let hosts = u128::MAX.checked_shr(self.bits.into()).unwrap_or(0);
                Ipv6Addr::from_bits(v6.to_bits() | hosts).into()
            }
        };
        (self.network, last)
    }

    /// Does `address` lie in it?
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.bits) == self.network
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| PrefixError::Address)?;
        let Some(bits) = bits else {
            return Ok(Self::host(written));
        };
        let most = width(written);
        let digits = !bits.is_empty() && bits.bytes().all(|octet| octet.is_ascii_digit());
        let bits = bits.parse().ok().filter(|bits| digits && *bits <= most);
        let bits: u8 = bits.ok_or(PrefixError::Length { most })?;
        let network = Self::of(masked(written, bits), bits);
        if masked(written, bits) == written {
            Ok(network)
        } else {
            Err(PrefixError::Beyond { network })
        }
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Prefix {
    /// A network as it was written; one of mapped addresses is one of IPv4.
    fn of(network: IpAddr, bits: u8) -> Self {
        match (network, network.to_canonical()) {
            (IpAddr::V6(_), IpAddr::V4(v4)) if bits >= 96 => Self {
                network: v4.into(),
                bits: bits - 96,
            },
            _ => Self { network, bits },
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_host() {
            Some(host) => host.fmt(f),
            None => write!(f, "{}/{}", self.network, self.bits),
        }
    }
}

/// Bits of an address.
fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first `bits` of an address, the rest 0.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32)));
            Ipv4Addr::from_bits(v4.to_bits() & mask.unwrap_or(0)).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128)));
            Ipv6Addr::from_bits(v6.to_bits() & mask.unwrap_or(0)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
        ] {
            assert!(prefix(network).contains(ip(inside)), "{network} {inside}");
            assert!(
                !prefix(network).contains(ip(outside)),
                "{network} {outside}"
            );
        }
    }

    #[test]
    fn a_mapped_address_is_an_address_of_ipv4() {
        assert!(prefix("192.0.2.0/24").contains(ip("::ffff:192.0.2.7")));
        assert!(!prefix("::/0").contains(ip("::ffff:192.0.2.7")));
        assert_eq!(prefix("::ffff:192.0.2.0/120"), prefix("192.0.2.0/24"));
        assert_eq!(prefix("::ffff:192.0.2.7"), prefix("192.0.2.7"));
    }

    #[test]
    fn what_is_no_network_is_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<Prefix>().unwrap_err().to_string();
        for text in ["", "any", "192.0.2.0.0/24", "192.0.2/24", "[::1]/64", "/0"] {
            assert_eq!(refused(text), "expected an IP address before the slash");
        }
        for text in [
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/+8",
            "192.0.2.0/8/8",
        ] {
            assert_eq!(
                refused(text),
                "expected a length from 0 to 32 behind the slash"
            );
        }
        assert_eq!(
            refused("::/129"),
            "expected a length from 0 to 128 behind the slash"
        );
        assert_eq!(
            refused("192.0.2.1/24"),
            "bits beyond the length are set; the network is 192.0.2.0/24"
        );
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
            any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).into()),
        ]
    }

    proptest! {
        #[test]
        fn a_network_is_written_and_read_back(address in address(), bits in 0_u8..=128) {
            let bits = bits.min(width(address));
            let network = Prefix::of(masked(address, bits), bits);
            prop_assert_eq!(prefix(&network.to_string()), network);
            prop_assert!(network.contains(address));
            let (first, last) = network.ends();
            prop_assert!(first <= address && address <= last);
            prop_assert!(network.contains(first) && network.contains(last));
        }

        #[test]
        fn an_address_lies_in_a_network_if_its_first_bits_are_the_same(
            one in any::<u32>(), other in any::<u32>(), bits in 0_u8..=32,
        ) {
            let network = Prefix::of(masked(Ipv4Addr::from_bits(one).into(), bits), bits);
            let same = (one ^ other).leading_zeros() >= u32::from(bits);
            prop_assert_eq!(network.contains(Ipv4Addr::from_bits(other).into()), same);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,24}") {
            if let Ok(network) = text.parse::<Prefix>() {
                prop_assert_eq!(prefix(&network.to_string()), network);
            }
        }
    }
}
