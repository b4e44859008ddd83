//! One rule as sets of values.

use std::net::IpAddr;

use plugin_abi::config::{FlowRule, IpProtocol, Ports, Prefix};

use super::ranges::Ranges;

/// The first and the last address of IPv4, as they are mapped (RFC 4291, section 2.5.5.2).
const MAPPED: (u128, u128) = (0xffff << 32, (0xffff << 32) + 0xffff_ffff);

/// What a rule matches, of each part of the header.
#[derive(Clone, Debug)]
pub(crate) struct Matched {
    pub(super) dscp: Ranges<u8>,
    pub(super) protocol: Ranges<u8>,
    pub(super) source: Ranges<u128>,
    pub(super) destination: Ranges<u128>,
    pub(super) source_port: Ranges<u16>,
    pub(super) destination_port: Ranges<u16>,
}

impl Matched {
    /// What `rule` says. One that names ports means protocols with ports.
    pub(crate) fn of(rule: &FlowRule) -> Self {
        let listed = |protocol: &IpProtocol| {
            let named = rule.protocol.is_empty() || rule.protocol.contains(protocol);
            named && (protocol.has_ports() || !names_ports(rule))
        };
        let protocols = (0..=u8::MAX).map(IpProtocol).filter(listed);
        Self {
            dscp: Ranges::listed(rule.dscp.iter().map(|mark| (mark.0, mark.0))),
            protocol: Ranges::of(protocols.map(|protocol| (protocol.0, protocol.0))),
            source: networks(&rule.source),
            destination: networks(&rule.destination),
            source_port: ports(&rule.source_ports),
            destination_port: ports(&rule.destination_ports),
        }
    }

    /// Is every flow that `other` matches matched here?
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.dscp.covers(&other.dscp)
            && self.protocol.covers(&other.protocol)
            && self.source.covers(&other.source)
            && self.destination.covers(&other.destination)
            && self.source_port.covers(&other.source_port)
            && self.destination_port.covers(&other.destination_port)
    }
}

/// Does a rule ask for ports?
fn names_ports(rule: &FlowRule) -> bool {
    !rule.source_ports.is_empty() || !rule.destination_ports.is_empty()
}

fn networks(networks: &[Prefix]) -> Ranges<u128> {
    Ranges::listed(networks.iter().flat_map(|network| spans(*network)))
}

/// The addresses of a network; one of IPv6 has none of IPv4 in it.
fn spans(network: Prefix) -> impl Iterator<Item = (u128, u128)> {
    let (first, last) = network.ends();
    let is_v4 = first.is_ipv4();
    let (first, last) = (number(first), number(last));
    let around = !is_v4 && first <= MAPPED.0 && MAPPED.1 <= last;
    let (whole, before, behind) = match around {
        false => (Some((first, last)), None, None),
        true => (
            None,
            Some((first, MAPPED.0 - 1)),
            Some((MAPPED.1 + 1, last)),
        ),
    };
    whole.into_iter().chain(before).chain(behind)
}

/// An address as a number; of IPv4 the mapped one.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn ports(ports: &[Ports]) -> Ranges<u16> {
    Ranges::listed(ports.iter().map(|ports| (ports.first, ports.last)))
}
