//! One rule as sets of values.

use std::net::IpAddr;

use plugin_abi::config::{FlowRule, IpProtocol, Ports, Prefix};

use super::ranges::Ranges;

/// What a rule matches, of each part of the header.
#[derive(Clone, Debug)]
pub(crate) struct Matched {
    pub(super) dscp: Ranges<u8>,
    pub(super) protocol: Ranges<u8>,
    pub(super) source: Ranges<IpAddr>,
    pub(super) destination: Ranges<IpAddr>,
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

fn networks(networks: &[Prefix]) -> Ranges<IpAddr> {
    Ranges::listed(networks.iter().map(|network| network.ends()))
}

fn ports(ports: &[Ports]) -> Ranges<u16> {
    Ranges::listed(ports.iter().map(|ports| (ports.first, ports.last)))
}
