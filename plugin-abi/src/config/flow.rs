//! Which flows are of a class: what a packet's header may say.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::{Dscp, Prefix};

/// A flow matches if every list that is there names what it has. A rule without lists matches
/// every flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowRule {
    /// One of these marks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dscp: Vec<Dscp>,
    /// One of these protocols.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protocol: Vec<IpProtocol>,
    /// From one of these networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<Prefix>,
    /// To one of these networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination: Vec<Prefix>,
    /// From one of these ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_ports: Vec<Ports>,
    /// To one of these ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_ports: Vec<Ports>,
}

/// The protocol of an IP packet: by its number, or by the name that it is known by. What is written
/// is the name, if it has one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IpProtocol(pub u8);

/// One port, or all from the first to the last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ports {
    /// The first, above 0.
    pub first: u16,
    /// The last, not below the first.
    pub last: u16,
}

/// Why a text names no protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("expected a protocol number from 0 to 255, or a name as tcp, udp, sctp, icmp, esp or gre")]
pub struct IpProtocolError;

/// Why a text names no ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("expected a port from 1 to 65535, or two as 5060-5061, the first not above the last")]
pub struct PortsError;

/// As IANA names them.
const PROTOCOLS: [(&str, u8, bool); 13] = [
    ("icmp", 1, false),
    ("igmp", 2, false),
    ("tcp", 6, true),
    ("udp", 17, true),
    ("dccp", 33, true),
    ("gre", 47, false),
    ("esp", 50, false),
    ("ah", 51, false),
    ("icmpv6", 58, false),
    ("ospf", 89, false),
    ("pim", 103, false),
    ("sctp", 132, true),
    ("udplite", 136, true),
];

impl IpProtocol {
    /// Do its packets name ports?
    #[must_use]
    pub fn has_ports(self) -> bool {
        self.known().is_some_and(|(.., ports)| ports)
    }

    fn known(self) -> Option<(&'static str, u8, bool)> {
        let mut all = PROTOCOLS.into_iter();
        all.find(|(_, number, _)| *number == self.0)
    }
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((name, ..)) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

impl FromStr for IpProtocol {
    type Err = IpProtocolError;

    fn from_str(text: &str) -> Result<Self, IpProtocolError> {
        let mut all = PROTOCOLS.into_iter();
        let known = all.find(|(name, ..)| name.eq_ignore_ascii_case(text));
        let number = || text.bytes().all(|octet| octet.is_ascii_digit());
        match known {
            Some((_, number, _)) => Ok(Self(number)),
            None if number() => text.parse().map(Self).map_err(|_| IpProtocolError),
            None => Err(IpProtocolError),
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => self.first.fmt(f),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl FromStr for Ports {
    type Err = PortsError;

    fn from_str(text: &str) -> Result<Self, PortsError> {
        let port = |text: &str| {
            let digits = text.bytes().all(|octet| octet.is_ascii_digit());
            let port = text.parse().ok().filter(|port| digits && *port > 0);
            port.ok_or(PortsError)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (port(first)?, port(last)?);
        let ports = Self { first, last };
        (first <= last).then_some(ports).ok_or(PortsError)
    }
}

impl Serialize for IpProtocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.known() {
            Some((name, ..)) => serializer.serialize_str(name),
            None => serializer.serialize_u8(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for IpProtocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer)
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.first == self.last {
            true => serializer.serialize_u16(self.first),
            false => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer)
    }
}

/// A number is read as the text that it is written as.
fn number_or_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct Reading<T>(std::marker::PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Reading<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number or a text")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
            match u64::try_from(number) {
                Ok(number) => self.visit_u64(number),
                Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
            }
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Reading(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_written_and_read_back() {
        let json = concat!(
            r#"{"dscp":[46,44],"protocol":["udp",253],"source":["10.0.0.0/8"],"#,
            r#""destination":["2001:db8::/32"],"source_ports":[5060,"16384-32767"],"#,
            r#""destination_ports":["1-65535"]}"#
        );
        let rule: FlowRule = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), json);
        assert_eq!(
            serde_json::from_str::<FlowRule>("{}").unwrap(),
            FlowRule::default()
        );
        assert_eq!(serde_json::to_string(&FlowRule::default()).unwrap(), "{}");
    }

    #[test]
    fn names_and_numbers_mean_the_same() {
        let read = |json: &str| serde_json::from_str::<FlowRule>(json).unwrap();
        assert_eq!(
            read(r#"{"dscp":["ef"],"protocol":["TCP"],"source_ports":["443-443"]}"#),
            read(r#"{"dscp":[46],"protocol":[6],"source_ports":[443]}"#)
        );
        assert_eq!(
            read(r#"{"protocol":["17"]}"#),
            read(r#"{"protocol":["udp"]}"#)
        );
    }

    #[test]
    fn what_is_no_port_or_protocol_is_refused() {
        for text in [
            "", "0", "65536", "5-4", "5-", "-5", "+5", "1-2-3", "http", "0-7",
        ] {
            assert_eq!(text.parse::<Ports>(), Err(PortsError), "{text}");
        }
        for text in ["", "256", "-1", "+6", "tcpudp", "6 "] {
            assert_eq!(text.parse::<IpProtocol>(), Err(IpProtocolError), "{text}");
        }
        assert!(serde_json::from_str::<Ports>("-1").is_err());
        assert!(serde_json::from_str::<Ports>("4.5").is_err());
    }

    #[test]
    fn some_protocols_have_ports() {
        let with: Vec<String> = (0..=255)
            .map(IpProtocol)
            .filter(|protocol| protocol.has_ports())
            .map(|protocol| protocol.to_string())
            .collect();
        assert_eq!(with, ["tcp", "udp", "dccp", "sctp", "udplite"]);
    }
}
