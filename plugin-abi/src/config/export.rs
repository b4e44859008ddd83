//! Who is told what was measured: collectors of IPFIX (RFC 7011).

use serde::{Deserialize, Serialize};

/// Results on their way out of the house.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Export {
    /// How often a line or a continuous session is told of, in seconds, where it says nothing else;
    /// and how often each choice is. Runs are told of when they end, switches when they happen.
    pub interval_s: u32,
    /// Sessions of others that are answered here are told of, too: each `interval_s`, and when they
    /// end.
    pub served: bool,
    /// The private enterprise number of the elements that IANA has none for. The default is for
    /// documents and tests (RFC 5612): who has a number of his own sets it.
    pub enterprise: u32,
    /// The observation domain (RFC 7011, section 3.1): which of an exporter's many this engine is.
    pub domain: u32,
    /// Who hears of it; nobody: nothing is exported.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collectors: Vec<Collector>,
}

/// One collector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collector {
    /// What people call it.
    pub name: String,
    /// Where it is: an address or a name, with its port. A name is looked up with each connection.
    pub at: String,
    /// How messages get there.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub transport: Transport,
    /// Octets of the largest IP packet, so that nothing is sent in fragments; over TCP it means
    /// nothing.
    #[serde(default = "default_mtu")]
    pub mtu: u16,
    /// Over UDP, how often templates are sent again, in seconds.
    #[serde(default = "default_templates_s")]
    pub templates_s: u32,
    /// After a failure it is tried again sooner at first, then this often, in seconds.
    #[serde(default = "default_retry_s")]
    pub retry_s: u32,
    /// Records that wait for it, at most; beyond that the oldest are dropped, and counted.
    #[serde(default = "default_queue")]
    pub queue: u32,
}

/// How messages get to a collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Each message a datagram.
    #[default]
    Udp,
    /// All messages of a connection one after the other.
    Tcp,
}

/// The number that documents and tests may use (RFC 5612).
pub const DOCUMENTATION_ENTERPRISE: u32 = 32_473;

impl Transport {
    /// What it is called in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

impl Collector {
    /// The collector at `at` with all defaults.
    #[must_use]
    pub fn new(name: &str, at: &str, transport: Transport) -> Self {
        Self {
            name: name.to_owned(),
            at: at.to_owned(),
            transport,
            mtu: default_mtu(),
            templates_s: default_templates_s(),
            retry_s: default_retry_s(),
            queue: default_queue(),
        }
    }

    /// Host and port of `at`; `None` if it has not both. An IPv6 address stands in brackets.
    #[must_use]
    pub fn host_and_port(at: &str) -> Option<(&str, u16)> {
        let (host, port) = at.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let good = match bracketed {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        good.then_some((bracketed.unwrap_or(host), port))
    }
}

/// A host's name (RFC 1123, section 2.1), or an IPv4 address.
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        let inside = label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        inside
            && (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numbers = host
        .bytes()
        .all(|octet| octet.is_ascii_digit() || octet == b'.');
    match numbers {
        true => host.parse::<std::net::Ipv4Addr>().is_ok(),
        false => host.len() <= 253 && host.trim_end_matches('.').split('.').all(label),
    }
}

impl Default for Export {
    fn default() -> Self {
        Self {
            interval_s: 10,
            served: true,
            enterprise: DOCUMENTATION_ENTERPRISE,
            domain: 1,
            collectors: Vec::new(),
        }
    }
}

fn default_mtu() -> u16 {
    1_400
}

fn default_templates_s() -> u32 {
    600
}

fn default_retry_s() -> u32 {
    60
}

fn default_queue() -> u32 {
    16_384
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_name_or_an_address_with_a_port() {
        for (at, parts) in [
            ("192.0.2.1:4739", Some(("192.0.2.1", 4_739))),
            ("[2001:db8::1]:4739", Some(("2001:db8::1", 4_739))),
            ("collector.example:1", Some(("collector.example", 1))),
            ("a-b:65535", Some(("a-b", 65_535))),
            ("collector.example", None),
            ("collector.example:0", None),
            ("2001:db8::1:4739", None),
            ("[192.0.2.1]:4739", None),
            ("256.0.0.1:4739", None),
            ("-a:1", None),
            ("a b:1", None),
            (":4739", None),
        ] {
            assert_eq!(Collector::host_and_port(at), parts, "{at}");
        }
    }

    #[test]
    fn what_is_left_out_of_a_collector_has_a_default() {
        let json = r#"{"name": "a", "at": "b:1"}"#;
        let collector: Collector = serde_json::from_str(json).unwrap();
        assert_eq!(collector, Collector::new("a", "b:1", Transport::Udp));
    }
}
