//! Addresses that replies leave from. What comes from one of them is a reply, and answering it
//! would be a loop.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::net::Path;

/// The interface that a host's packets to itself come in by, in every network namespace.
const LOOPBACK: u32 = 1;

/// By path, and all together.
#[derive(Default)]
pub(super) struct Own {
    by_path: HashMap<Path, HashSet<(IpAddr, u16)>>,
    all: HashSet<(IpAddr, u16)>,
}

impl Own {
    pub(super) fn add(&mut self, local: SocketAddr, path: Path) {
        let local = (local.ip(), local.port());
        self.by_path.entry(path).or_default().insert(local);
        self.all.insert(local);
    }

    /// False if no replies left from this path.
    pub(super) fn close(&mut self, path: Path) -> bool {
        let gone = self.by_path.remove(&path);
        for local in gone.iter().flatten() {
            self.all.remove(local);
        }
        gone.is_some()
    }

    /// Is `from` one of them? A packet of this host's own comes in by the loopback interface, to
    /// whichever of its addresses it goes.
    pub(super) fn has(&self, from: SocketAddr, interface: u32) -> bool {
        let everywhere: IpAddr = match from {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let known = |ip| self.all.contains(&(ip, from.port()));
        known(from.ip()) || interface == LOOPBACK && known(everywhere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Net, PathSpec};

    #[test]
    fn a_responder_on_every_address_knows_its_own_packets_by_the_loopback() {
        let mut own = Own::default();
        let (mut net, _) = Net::<()>::new().unwrap();
        let any = PathSpec::new("127.0.0.1:0".parse().unwrap());
        let (path, _) = net.open(&any).unwrap();
        own.add("0.0.0.0:9000".parse().unwrap(), path);
        let from = ([192, 0, 2, 1], 9_000).into();
        assert!(own.has(from, 1));
        assert!(!own.has(from, 2), "a peer may use the same port");
        assert!(own.close(path));
        assert!(!own.has(from, 1) && !own.close(path));
    }
}
