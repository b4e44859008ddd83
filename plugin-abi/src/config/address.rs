//! Addresses of a line's two ends. A link-local one belongs to a link, its zone (RFC 4007).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TWAMP_PORT;

/// A link: name or number of its interface, in the network namespace of the line.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone {
    /// The name, then zeros.
    name: [u8; Self::LONGEST],
}

/// An address, perhaps of one link: `192.0.2.1`, `fe80::1%eth0`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    /// The address itself.
    pub ip: IpAddr,
    /// Its link.
    pub zone: Option<Zone>,
}

/// A far address, with or without a port: `192.0.2.1`, `[fe80::1%eth0]:862`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Remote {
    /// The address.
    pub address: Address,
    /// Absent: the protocol's own, 862.
    pub port: Option<u16>,
}

/// A text that is no address.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected an IP address, found `{0}`")]
pub struct AddressError(String);

impl Zone {
    /// Octets of the longest interface name (Linux, `IFNAMSIZ` without the zero).
    const LONGEST: usize = 15;

    /// The zone of an interface by its number; `None` for 0, which is no interface.
    #[must_use]
    pub fn of(interface: u32) -> Option<Self> {
        (interface != 0).then(|| Self::named(&interface.to_string()))?
    }

    /// The zone of an interface by its name; `None` if no interface can be named so.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let plain = |octet: u8| octet.is_ascii_graphic() && !b"/:%[]".contains(&octet);
        let fits = (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(plain);
        let mut name = [0; Self::LONGEST];
        fits.then(|| name[..text.len()].copy_from_slice(text.as_bytes()))?;
        Some(Self { name })
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = std::str::from_utf8(&self.name).unwrap_or_default();
        text.trim_end_matches('\0')
    }

    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.as_str().parse().ok().filter(|number| *number != 0)
    }
}

impl Remote {
    /// Address and port, the protocol's own where none is given. A link that has a name has its
    /// number yet to be asked for: without it the scope is 0.
    #[must_use]
    pub fn socket(self) -> SocketAddr {
        let port = self.port.unwrap_or(TWAMP_PORT);
        self.address
            .socket(port, self.address.zone.and_then(|zone| zone.number()))
    }

    /// The address without port and link.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.address.ip
    }
}

impl Address {
    /// With this port, on the interface of this number.
    #[must_use]
    pub fn socket(self, port: u16, interface: Option<u32>) -> SocketAddr {
        match self.ip {
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, interface.unwrap_or(0)).into(),
            IpAddr::V4(_) => (self.ip, port).into(),
        }
    }

    /// Is it the address of something on each link?
    #[must_use]
    pub fn is_link_local(self) -> bool {
        matches!(self.ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self { ip, zone: None }
    }
}

impl From<Ipv4Addr> for Address {
    fn from(ip: Ipv4Addr) -> Self {
        IpAddr::from(ip).into()
    }
}

impl From<SocketAddr> for Remote {
    fn from(socket: SocketAddr) -> Self {
        let zone = match socket {
            SocketAddr::V6(v6) => Zone::of(v6.scope_id()),
            SocketAddr::V4(_) => None,
        };
        Self {
            address: Address {
                ip: socket.ip(),
                zone,
            },
            port: Some(socket.port()),
        }
    }
}

impl From<Address> for Remote {
    fn from(address: Address) -> Self {
        Self {
            address,
            port: None,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refused = || AddressError(text.to_owned());
        let Some((ip, zone)) = text.split_once('%') else {
            let ip: IpAddr = text.parse().map_err(|_| refused())?;
            return Ok(ip.into());
        };
        let ip: IpAddr = ip.parse().map_err(|_| refused())?;
        let zone = Zone::named(zone).filter(|_| ip.is_ipv6());
        match zone {
            Some(_) => Ok(Self { ip, zone }),
            None => Err(refused()),
        }
    }
}

impl FromStr for Remote {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let refused = || AddressError(text.to_owned());
        if let Ok(address) = text.parse() {
            return Ok(Self {
                address,
                port: None,
            });
        }
        let (address, port) = text.rsplit_once(':').ok_or_else(refused)?;
        let bare = address
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let parsed: Address = bare.unwrap_or(address).parse().map_err(|_| refused())?;
        // IPv6 wants its brackets, and IPv4 has none.
        if parsed.ip.is_ipv6() != bare.is_some() || port.starts_with('+') {
            return Err(refused());
        }
        Ok(Self {
            address: parsed,
            port: Some(port.parse().map_err(|_| refused())?),
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zone {
            Some(zone) => write!(f, "{}%{zone}", self.ip),
            None => self.ip.fmt(f),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.address.ip) {
            (None, _) => self.address.fmt(f),
            (Some(port), IpAddr::V4(_)) => write!(f, "{}:{port}", self.address),
            (Some(port), IpAddr::V6(_)) => write!(f, "[{}]:{port}", self.address),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Remote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Remote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_address_is_read_and_written_with_port_and_link_or_without() {
        for (text, socket) in [
            ("192.0.2.1", "192.0.2.1:862"),
            ("192.0.2.1:9000", "192.0.2.1:9000"),
            ("2001:db8::1", "[2001:db8::1]:862"),
            ("[2001:db8::1]:9000", "[2001:db8::1]:9000"),
            ("fe80::1%4", "[fe80::1%4]:862"),
            ("[fe80::1%4]:9000", "[fe80::1%4]:9000"),
            ("[fe80::1%eth0.7]:9000", "[fe80::1]:9000"),
            ("fe80::1%wan-a", "[fe80::1]:862"),
        ] {
            let remote: Remote = text.parse().unwrap();
            assert_eq!(remote.to_string(), text);
            assert_eq!(remote.socket().to_string(), socket);
            let json = serde_json::to_string(&remote).unwrap();
            assert_eq!(serde_json::from_str::<Remote>(&json).unwrap(), remote);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "hub",
            "192.0.2.1%eth0",
            "fe80::1%",
            "fe80::1%a/b",
            "fe80::1%sixteen-letters!",
            "[192.0.2.1]:862",
            "[fe80::1%eth0]",
            "[::1]:+1",
            "[::1]:65536",
            "192.0.2.1:",
        ] {
            assert!(text.parse::<Remote>().is_err(), "{text}");
        }
        assert!("192.0.2.1:80".parse::<Address>().is_err());
    }

    #[test]
    fn a_socket_address_keeps_its_scope_as_a_link() {
        let socket: SocketAddr = "[fe80::1%7]:20000".parse().unwrap();
        let remote = Remote::from(socket);
        assert_eq!(remote.address.zone.unwrap().number(), Some(7));
        assert_eq!(remote.socket(), socket);
        assert_eq!(Zone::of(0), None);
    }
}
