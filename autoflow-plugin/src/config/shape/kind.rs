//! What each kind of value admits, and the words for it.

use std::net::{IpAddr, SocketAddr};

use plugin_abi::NONE;
use plugin_abi::config::{self, Collector, Peer, dscp};
use serde_json::Value;
use twamp_core::security::{KeyId, SharedSecret};

use super::super::node::Node;
use super::Kind::{
    self, Address, Dscp, Elsewhere, Figure, Flag, Id, KeyName, List, Namespace, Near, Network,
    Object, Passphrase, Peers, PortRange, Ports, Remote, Socket, Text, Whole, Word,
};

impl Kind {
    /// May a value without parts stand at `node`?
    pub(super) fn admits(&self, node: &Node) -> bool {
        let number = || node.value().and_then(Value::as_f64);
        match self {
            Flag => node.value().is_some_and(Value::is_boolean),
            Id => node.whole().is_some_and(|id| id != NONE),
            Text => node.text().is_some_and(is_name),
            Word(words) => node.text().is_some_and(|text| words.contains(&text)),
            Whole(from, to) => node.whole().is_some_and(|n| (*from..=*to).contains(&n)),
            Figure(from, to) => number().is_some_and(|n| (*from..=*to).contains(&n)),
            Kind::Above0(to) => number().is_some_and(|n| n > 0.0 && n <= *to),
            Dscp => node.dscp().is_some(),
            Address => node
                .text()
                .is_some_and(|text| text.parse::<IpAddr>().is_ok()),
            Socket => node.text().is_some_and(is_socket),
            Near => node
                .text()
                .is_some_and(|text| text.parse::<config::Address>().is_ok()),
            Remote => node.text().is_some_and(|text| {
                let remote = text.parse::<config::Remote>();
                remote.is_ok_and(|remote| remote.port != Some(0))
            }),
            Kind::Endpoint => node
                .text()
                .is_some_and(|text| Collector::host_and_port(text).is_some()),
            Namespace => node.text().is_some_and(is_namespace),
            Network => node.prefix().is_some(),
            Kind::IpProtocol => node.parsed::<config::IpProtocol>().is_some(),
            PortRange => node.parsed::<config::Ports>().is_some(),
            Peers => node.text().is_some_and(|text| text.parse::<Peer>().is_ok()),
            KeyName => node.text().is_some_and(|text| KeyId::new(text).is_ok()),
            Passphrase => node
                .text()
                .is_some_and(|text| SharedSecret::new(text).is_ok()),
            Ports => ports(node).is_some_and(|(first, last)| 0 < first && first <= last),
            Object(_) | List(_) | Kind::Named(_) | Elsewhere => true,
        }
    }

    /// What would be right, and what to do.
    pub(super) fn words(&self) -> (String, &'static str) {
        let range = "choose a number in that range";
        match self {
            Flag => ("true or false".into(), "write it without quotes"),
            Id => (
                format!("a whole number below {NONE}"),
                "write the id without quotes; that number means no id",
            ),
            Text => (
                "a name of 1 to 128 letters".into(),
                "write it in quotes, without control characters",
            ),
            Word(words) => (format!("one of {}", words.join(", ")), "take one of them"),
            Whole(from, to) => (format!("a whole number from {from} to {to}"), range),
            Figure(from, to) => (format!("a number from {from} to {to}"), range),
            Kind::Above0(to) => (format!("a number above 0, up to {to}"), range),
            Near => (
                "an IP address without port, of one link with its interface".into(),
                r#"write it as "192.0.2.1", "2001:db8::1" or "fe80::1%eth0""#,
            ),
            Namespace => (
                "a name below /run/netns, or a path".into(),
                r#"write it as "blue" or "/proc/1/ns/net""#,
            ),
            Dscp => (
                format!("a DSCP from 0 to {}, or its name", dscp::LARGEST),
                r#"write the number, or a name as "EF", "AF31", "CS1", "VA", "LE" or "DF""#,
            ),
            Address => (
                "an IP address without port".into(),
                r#"write it as "192.0.2.1" or "2001:db8::1""#,
            ),
            Socket => (
                "an IP address with a port above 0".into(),
                r#"write it as "192.0.2.1:862" or "[2001:db8::1]:862""#,
            ),
            Remote => (
                "an IP address, with a port above 0 or without".into(),
                r#"write it as "192.0.2.1", "[2001:db8::1]:862" or "[fe80::1%eth0]:862""#,
            ),
            Kind::Endpoint => (
                "a host's name or IP address, with a port above 0".into(),
                r#"write it as "collector.example:4739", "192.0.2.1:4739" or "[2001:db8::1]:4739""#,
            ),
            Ports => (
                "two ports from 1 to 65535, the first not above the last".into(),
                "write them as [20000, 20999]",
            ),
            Peers => (
                "a network without bits beyond its length, an IP address, or any".into(),
                r#"write it as "192.0.2.0/24", "2001:db8::1" or "any""#,
            ),
            Network => (
                "a network without bits beyond its length, or an IP address".into(),
                r#"write it as "192.0.2.0/24" or "2001:db8::1""#,
            ),
            Kind::IpProtocol => (
                "a protocol from 0 to 255, or its name".into(),
                r#"write the number, or a name as "tcp", "udp", "sctp", "icmp", "icmpv6" or "esp""#,
            ),
            PortRange => (
                "a port from 1 to 65535, or two, the first not above the last".into(),
                r#"write it as 443 or "5060-5061""#,
            ),
            KeyName => (
                "a key id of 1 to 80 octets".into(),
                "shorten it, and leave zeros out",
            ),
            Passphrase => (
                "a passphrase: ASCII, in one line, not empty".into(),
                "write it in quotes, without line ends and letters beyond ASCII",
            ),
            Object(_) | List(_) | Kind::Named(_) | Elsewhere => (String::new(), ""),
        }
    }
}

/// First and last port at `node`, in whatever order.
pub(in super::super) fn ports(node: &Node) -> Option<(u16, u16)> {
    let ports = node.value()?.as_array()?;
    let port = |value: &Value| u16::try_from(value.as_u64()?).ok();
    match ports.as_slice() {
        [first, last] => Some((port(first)?, port(last)?)),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 128 && !text.contains(char::is_control)
}

/// One name, a path from the root, or what the kernel calls one that was handed over.
fn is_namespace(text: &str) -> bool {
    let path = text.starts_with('/') || !text.contains('/') && text != "." && text != "..";
    path && is_name(text)
}

fn is_socket(text: &str) -> bool {
    text.parse::<SocketAddr>()
        .is_ok_and(|socket| socket.port() != 0)
}
