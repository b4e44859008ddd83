//! Whoever may be answered.

use std::collections::HashMap;
use std::net::IpAddr;

use plugin_abi::config::{Config, Peer, Prefix};

/// Whoever may be answered: the configured peers and the far ends of lines.
#[derive(Debug, Default)]
pub(super) struct Peers {
    any: bool,
    /// Looked through one by one, which is quick enough: people write some dozens at most.
    networks: Vec<Prefix>,
    /// Single hosts, with how many have named each: a hub has thousands of far ends.
    hosts: HashMap<IpAddr, u32>,
}

impl Peers {
    pub(super) fn new(config: &Config) -> Self {
        let mut peers = Self::default();
        for peer in &config.responder.peers {
            match peer {
                Peer::Any => peers.any = true,
                Peer::Within(network) => match network.as_host() {
                    Some(host) => peers.meet(host),
                    None => peers.networks.push(*network),
                },
            }
        }
        for remote in config.lines.iter().filter_map(|line| line.remote) {
            peers.meet(remote.socket().ip());
        }
        peers
    }

    /// One more has named this host.
    pub(super) fn meet(&mut self, host: IpAddr) {
        *self.hosts.entry(host.to_canonical()).or_default() += 1;
    }

    /// One of those who have named this host does so no more.
    pub(super) fn part(&mut self, host: IpAddr) {
        let host = host.to_canonical();
        if let Some(named) = self.hosts.get_mut(&host) {
            *named -= 1;
            if *named == 0 {
                self.hosts.remove(&host);
            }
        }
    }

    /// May `address` be answered?
    pub(super) fn admit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.any
            || self.hosts.contains_key(&address)
            || self
                .networks
                .iter()
                .any(|network| network.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn networks_hosts_and_far_ends_are_admitted_and_nobody_else() {
        let document = json!({
            "responder": {"peers": ["192.0.2.0/25", "198.51.100.7", "2001:db8::/32"]},
            "lines": [{"id": 1, "name": "a", "remote": "203.0.113.1:9000"},
                      {"id": 2, "name": "b"}]
        });
        let peers = Peers::new(&serde_json::from_value(document).unwrap());
        for (address, admitted) in [
            ("192.0.2.127", true),
            ("192.0.2.128", false),
            ("::ffff:192.0.2.127", true),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8::1", true),
            ("203.0.113.1", true),
        ] {
            assert_eq!(peers.admit(address.parse().unwrap()), admitted, "{address}");
        }
        assert!(!Peers::default().admit([127, 0, 0, 1].into()));
    }
}
