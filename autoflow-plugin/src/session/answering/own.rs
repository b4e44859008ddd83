//! Addresses that replies leave from. What comes from one of them is a reply, and answering it
//! would be a loop.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::net::Path;

/// The interface that a host's packets to itself come in by, in every network namespace.
const LOOPBACK: u32 = 1;

/// By path; and all together, those of the engine's other threads among them.
#[derive(Default)]
pub(super) struct Own {
    by_path: HashMap<Path, HashSet<SocketAddr>>,
    all: Arc<Mutex<All>>,
}

/// With the number of the network; how many paths have each. Asked for newcomers only.
type All = HashMap<(u32, SocketAddr), usize>;

impl Own {
    /// Those of another thread, which knows of these and tells of its own.
    pub(super) fn beside(&self) -> Self {
        Self {
            by_path: HashMap::new(),
            all: Arc::clone(&self.all),
        }
    }

    pub(super) fn add(&mut self, local: SocketAddr, path: Path) {
        if self.by_path.entry(path).or_default().insert(local) {
            *self.all().entry((path.network(), local)).or_default() += 1;
        }
    }

    /// False if no replies left from this path.
    pub(super) fn close(&mut self, path: Path) -> bool {
        let gone = self.by_path.remove(&path);
        let mut all = self.all();
        for local in gone.iter().flatten() {
            if let Entry::Occupied(mut known) = all.entry((path.network(), *local)) {
                *known.get_mut() -= 1;
                if *known.get() == 0 {
                    known.remove();
                }
            }
        }
        gone.is_some()
    }

    /// Is `from` one of them, to who hears it by `path`? In another network it is another host, and
    /// on another link as well. A packet of this host's own comes in by the loopback interface, to
    /// whichever of its addresses it goes.
    pub(super) fn has(&self, path: Path, from: SocketAddr, interface: u32) -> bool {
        let everywhere: IpAddr = match from {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let all = self.all();
        let known = |local| all.contains_key(&(path.network(), local));
        known(from) || interface == LOOPBACK && known(SocketAddr::new(everywhere, from.port()))
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(own.has(path, from, 1));
        assert!(!own.has(path, from, 2), "a peer may use the same port");
        assert!(own.close(path));
        assert!(!own.has(path, from, 1) && !own.close(path));
    }

    #[test]
    fn the_address_of_a_responder_is_anothers_on_another_link() {
        let mut own = Own::default();
        let (mut net, _) = Net::<()>::new().unwrap();
        let any = PathSpec::new("127.0.0.1:0".parse().unwrap());
        let (path, _) = net.open(&any).unwrap();
        own.add("[fe80::1%2]:20000".parse().unwrap(), path);
        assert!(own.has(path, "[fe80::1%2]:20000".parse().unwrap(), 2));
        assert!(!own.has(path, "[fe80::1%3]:20000".parse().unwrap(), 3));
    }

    #[test]
    fn what_another_thread_answers_on_is_known_until_the_last_has_left_it() {
        let (mut net, _) = Net::<()>::new().unwrap();
        let (mut other, _) = net.beside(1).unwrap();
        let any = PathSpec::new("127.0.0.1:0".parse().unwrap());
        let [path, theirs] = [&mut net, &mut other].map(|net| net.open(&any).unwrap().0);
        let mut own = Own::default();
        let mut beside = own.beside();
        let door = "192.0.2.1:862".parse().unwrap();
        own.add(door, path);
        own.add(door, path);
        beside.add(door, theirs);
        assert!(own.has(path, door, 0) && beside.has(theirs, door, 0));
        assert!(own.close(path));
        assert!(own.has(path, door, 0), "the other thread answers");
        assert!(beside.close(theirs));
        assert!(!own.has(path, door, 0));
    }
}
