//! Addresses as people write them on the command line.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use plugin_abi::config::{Remote, TWAMP_PORT};

/// A far end as written: `HOST[:PORT]`, IPv6 bare or in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
}

/// Which addresses of a name will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The first of either.
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// A port, on one address or on all: `[ADDR:]PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortAt {
    /// The address, port and link; absent: wherever the command listens.
    pub address: Option<SocketAddr>,
    /// The port.
    pub port: u16,
}

/// First and last port: `A-B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// An address that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing before the colon.
    #[error("expected a name or address before the port")]
    NoHost,
    /// The port is no port.
    #[error("expected a port from 1 to 65535, found `{0}`")]
    Port(String),
    /// What stands in brackets is no IPv6 address.
    #[error("expected an IPv6 address in the brackets, found `{0}`")]
    Brackets(String),
    /// What stands before the port is no IP address.
    #[error("expected an IP address before the port, found `{0}`")]
    Address(String),
    /// No interface of that name.
    #[error(
        "expected the name of an interface behind the %, found `{0}`; `ip link` shows those there are"
    )]
    Link(String),
    /// No two ports in order.
    #[error("expected first and last port as A-B, A not above B, found `{0}`")]
    Range(String),
}

/// A name without a usable address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The name service knows no such name, or doesn't answer.
    #[error("can't find the address of {host}: {cause}; check the name, or give an IP address")]
    Unknown {
        /// The name.
        host: String,
        /// The name service's words.
        cause: std::io::Error,
    },
    /// The name has addresses, but none of the family asked for.
    #[error("{host} has no {family} address; leave the family open, or name another host")]
    Family {
        /// The name.
        host: String,
        /// The family asked for.
        family: Family,
    },
}

/// An address with a port; a link-local one with its interface: `[fe80::1%eth0]:862`.
///
/// # Errors
/// Says what can't be read, or that there is no such interface.
pub fn socket(text: &str) -> Result<SocketAddr, AddressError> {
    if let Ok(socket) = text.parse() {
        return Ok(socket);
    }
    let refused = || AddressError::Address(text.to_owned());
    let at: Remote = text.parse().map_err(|_| refused())?;
    let (Some(port), Some(zone)) = (at.port, at.address.zone) else {
        return Err(refused());
    };
    // The resolver knows the numbers of interfaces.
    let mut found = (at.address.to_string(), port)
        .to_socket_addrs()
        .map_err(|_| AddressError::Link(zone.to_string()))?;
    found.next().ok_or_else(refused)
}

impl Target {
    /// The name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, 862 unless given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The first address of `family`, as the system's resolver orders them.
    ///
    /// # Errors
    /// The name is unknown, or has no address of that family.
    pub fn resolve(&self, family: Family) -> Result<SocketAddr, ResolveError> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        found
            .map_err(|cause| ResolveError::Unknown {
                host: self.host.clone(),
                cause,
            })?
            .find(|address| family.admits(address.ip()))
            .ok_or_else(|| ResolveError::Family {
                host: self.host.clone(),
                family,
            })
    }
}

impl Family {
    /// Is `address` one of them?
    #[must_use]
    pub fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

impl PortRange {
    /// First and last port.
    #[must_use]
    pub fn bounds(self) -> (u16, u16) {
        (self.first, self.last)
    }
}

impl FromStr for Target {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest
                .split_once(']')
                .ok_or_else(|| AddressError::Brackets(rest.to_owned()))?;
            if !is_ipv6(host) {
                return Err(AddressError::Brackets(host.to_owned()));
            }
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(AddressError::Port(after.to_owned())),
            }
        } else if is_ipv6(text) {
            (text, None)
        } else {
            match text.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.map_or(Ok(TWAMP_PORT), parse_port)?,
        })
    }
}

impl FromStr for PortAt {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.rsplit_once(':') {
            Some((host, port)) => match socket(text) {
                Ok(address) => Ok(Self {
                    address: Some(address),
                    port: parse_port(port)?,
                }),
                Err(AddressError::Address(_)) => Err(AddressError::Address(host.to_owned())),
                Err(other) => Err(other),
            },
            None => Ok(Self {
                address: None,
                port: parse_port(text)?,
            }),
        }
    }
}

impl FromStr for PortRange {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        text.split_once('-')
            .and_then(|(first, last)| {
                Some(Self {
                    first: parse_port(first).ok()?,
                    last: parse_port(last).ok()?,
                })
            })
            .filter(|range| range.first <= range.last)
            .ok_or_else(|| AddressError::Range(text.to_owned()))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "IP",
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_ipv6(&self.host) {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    match text.parse() {
        // `parse` takes a sign; a port has none.
        Ok(port) if port > 0 && !text.starts_with('+') => Ok(port),
        _ => Err(AddressError::Port(text.to_owned())),
    }
}

/// An IPv6 address, perhaps with a zone (`fe80::1%eth0`).
fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_may_leave_its_port_out_and_ipv6_its_brackets() {
        for (text, host, port) in [
            ("192.0.2.1", "192.0.2.1", 862),
            ("192.0.2.1:9000", "192.0.2.1", 9000),
            ("hub.example", "hub.example", 862),
            ("hub.example:9000", "hub.example", 9000),
            ("2001:db8::1", "2001:db8::1", 862),
            ("[2001:db8::1]", "2001:db8::1", 862),
            ("[2001:db8::1]:9000", "2001:db8::1", 9000),
            ("fe80::1%eth0", "fe80::1%eth0", 862),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.host(), target.port()), (host, port), "{text}");
        }
    }

    #[test]
    fn a_target_that_makes_no_sense_says_what_was_expected() {
        for (text, expected) in [
            ("", AddressError::NoHost),
            (":862", AddressError::NoHost),
            ("h:", AddressError::Port(String::new())),
            ("h:0", AddressError::Port("0".into())),
            ("h:+5", AddressError::Port("+5".into())),
            ("h:65536", AddressError::Port("65536".into())),
            ("[::1", AddressError::Brackets("::1".into())),
            ("[h]:862", AddressError::Brackets("h".into())),
            ("[::1]862", AddressError::Port("862".into())),
        ] {
            assert_eq!(text.parse::<Target>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_target_is_written_as_it_can_be_read() {
        for text in ["192.0.2.1:862", "[::1]:9000", "hub.example:862"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_address_of_the_other_family_will_not_do() {
        let target: Target = "192.0.2.1".parse().unwrap();
        assert_eq!(
            target.resolve(Family::Any).unwrap(),
            "192.0.2.1:862".parse().unwrap()
        );
        assert!(matches!(
            target.resolve(Family::V6),
            Err(ResolveError::Family { .. })
        ));
    }

    #[test]
    fn a_port_may_name_its_address() {
        let everywhere: PortAt = "8621".parse().unwrap();
        assert_eq!((everywhere.address, everywhere.port), (None, 8621));
        let there: PortAt = "[::1]:8621".parse().unwrap();
        assert_eq!(there.address, Some("[::1]:8621".parse().unwrap()));
        assert!("127.0.0.1:0".parse::<PortAt>().is_err());
        assert!("hub:8621".parse::<PortAt>().is_err());
    }

    #[test]
    fn a_link_local_address_to_answer_on_names_its_interface() {
        let there = socket("[fe80::1%lo]:862").unwrap();
        assert_eq!(there, "[fe80::1%1]:862".parse().unwrap());
        let refused = socket("[fe80::1%nowhere0]:862").unwrap_err();
        assert_eq!(refused, AddressError::Link("nowhere0".into()));
        for text in ["fe80::1%lo", "hub:862", "[fe80::1]"] {
            assert!(
                matches!(socket(text), Err(AddressError::Address(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_range_has_two_ports_in_order() {
        let range: PortRange = "20000-20099".parse().unwrap();
        assert_eq!(range.bounds(), (20_000, 20_099));
        for text in ["", "1", "-", "1-", "0-9", "9-8", "1-65536", "1-2-3"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }
}
