//! Which sessions share a socket: those whose probes leave alike and go to different hosts. A reply
//! is told by the address that it comes from.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use crate::net::{Net, NetError, Path, PathSpec, Waker};
use crate::session::outlet::Token;

/// The paths of one probe thread.
pub(super) struct Paths {
    pub(super) net: Net<Token>,
    shared: Vec<Shared>,
    /// Which thread of how many: each has a place of its own in a range of ports to begin with.
    share: (u16, u16),
    /// Ports up to this one are taken, by address: the search goes on above.
    highest: HashMap<IpAddr, u16>,
}

/// A path with more than one session, at times.
struct Shared {
    spec: PathSpec,
    path: Path,
    local: SocketAddr,
    far: HashSet<IpAddr>,
}

impl Paths {
    /// None is open yet.
    pub(super) fn new(net: Net<Token>) -> Self {
        Self::of(net, (0, 1))
    }

    /// Those of another one of so many threads.
    ///
    /// # Errors
    /// As [`Net::new`].
    pub(super) fn beside(&self, thread: u16, threads: u16) -> Result<(Self, Waker), NetError> {
        let (net, waker) = self.net.beside(thread)?;
        Ok((Self::of(net, (thread, threads)), waker))
    }

    fn of(net: Net<Token>, share: (u16, u16)) -> Self {
        Self {
            net,
            shared: Vec::new(),
            share,
            highest: HashMap::new(),
        }
    }

    /// A path on the first free port of the range, and what it is bound to. For probes to `far`
    /// it may be one that others use.
    ///
    /// # Errors
    /// As [`Net::open`]; if none of `ports` is free, the last one's.
    pub(super) fn take(
        &mut self,
        spec: &PathSpec,
        ports: (u16, u16),
        far: Option<IpAddr>,
    ) -> Result<(Path, SocketAddr), NetError> {
        let Some(far) = far else {
            return self.open(spec, ports);
        };
        let mut alike = self.shared.iter_mut().rev();
        let fits = |port| ports == (0, 0) || (ports.0..=ports.1).contains(&port);
        let room = alike.find(|shared| {
            fits(shared.local.port()) && shared.spec.is_like(spec) && !shared.far.contains(&far)
        });
        if let Some(shared) = room {
            shared.far.insert(far);
            return Ok((shared.path, shared.local));
        }
        let (path, local) = self.open(spec, ports)?;
        self.shared.push(Shared {
            spec: spec.clone(),
            path,
            local,
            far: HashSet::from([far]),
        });
        Ok((path, local))
    }

    /// A session, to `far` if it shares, has no use for the path any more. The last one closes it.
    pub(super) fn give_back(&mut self, path: Path, far: Option<IpAddr>) {
        let found = self.shared.iter().position(|shared| shared.path == path);
        if let (Some(at), Some(far)) = (found, far) {
            self.shared[at].far.remove(&far);
            if !self.shared[at].far.is_empty() {
                return;
            }
            self.shared.swap_remove(at);
        }
        self.net.close(path);
    }

    fn open(
        &mut self,
        spec: &PathSpec,
        (first, last): (u16, u16),
    ) -> Result<(Path, SocketAddr), NetError> {
        let ip = spec.local.ip();
        let highest = self.highest.get(&ip);
        let highest = highest.filter(|port| (first..=last).contains(port));
        let next =
            highest.map_or_else(|| self.first_in(first, last), |port| port.saturating_add(1));
        // Those below may have become free again, or be another thread's.
        let below = first..next.min(last.saturating_add(1));
        let mut refused = None;
        let mut spec = spec.clone();
        for port in (next..=last).chain(below) {
            spec.local.set_port(port);
            match self.net.open(&spec) {
                Err(error @ NetError::PortInUse { .. }) => refused = Some(error),
                Ok(bound) => {
                    if port > 0 {
                        self.highest.insert(ip, port);
                    }
                    return Ok(bound);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or(NetError::PortInUse { local: spec.local }))
    }

    fn first_in(&self, first: u16, last: u16) -> u16 {
        let (thread, threads) = self.share;
        let ports = u32::from(last.saturating_sub(first)) + 1;
        first + (ports * u32::from(thread) / u32::from(threads)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: (u16, u16) = (0, 0);

    fn paths() -> Paths {
        Paths::new(Net::new().unwrap().0)
    }

    fn spec() -> PathSpec {
        PathSpec::new("127.0.0.1:0".parse().unwrap())
    }

    fn far(host: u8) -> Option<IpAddr> {
        Some([192, 0, 2, host].into())
    }

    #[test]
    fn probes_to_different_hosts_share_a_path_and_those_to_one_host_do_not() {
        let mut paths = paths();
        let (one, local) = paths.take(&spec(), ANY, far(1)).unwrap();
        assert_eq!(paths.take(&spec(), ANY, far(2)).unwrap(), (one, local));
        let (other, elsewhere) = paths.take(&spec(), ANY, far(1)).unwrap();
        assert!(other != one && elsewhere.port() != local.port());
        assert_eq!(paths.take(&spec(), ANY, far(3)).unwrap().0, other);
    }

    #[test]
    fn a_path_on_another_port_than_those_that_are_wanted_is_not_shared() {
        let mut paths = paths();
        let (one, local) = paths.take(&spec(), ANY, far(1)).unwrap();
        let this = (local.port(), local.port());
        assert_eq!(paths.take(&spec(), this, far(2)).unwrap().0, one);
        let below = (local.port() - 1, local.port() - 1);
        let other = paths.take(&spec(), below, far(3));
        assert!(other.is_ok_and(|(path, _)| path != one));
    }

    #[test]
    fn who_shares_with_nobody_has_a_path_alone() {
        let mut paths = paths();
        let (alone, _) = paths.take(&spec(), ANY, None).unwrap();
        let (shared, _) = paths.take(&spec(), ANY, far(1)).unwrap();
        assert_ne!(alone, shared);
        assert_ne!(paths.take(&spec(), ANY, None).unwrap().0, alone);
    }

    #[test]
    fn packets_that_leave_otherwise_share_nothing() {
        let mut paths = paths();
        let (plain, _) = paths.take(&spec(), ANY, far(1)).unwrap();
        let marked = PathSpec { tos: 184, ..spec() };
        assert_ne!(paths.take(&marked, ANY, far(2)).unwrap().0, plain);
        let short = PathSpec { ttl: 1, ..spec() };
        assert_ne!(paths.take(&short, ANY, far(2)).unwrap().0, plain);
        assert_eq!(paths.take(&spec(), ANY, far(2)).unwrap().0, plain);
    }

    #[test]
    fn the_last_to_leave_closes_the_path() {
        let mut paths = paths();
        let (path, local) = paths.take(&spec(), ANY, far(1)).unwrap();
        paths.take(&spec(), ANY, far(2)).unwrap();
        let again = (local.port(), local.port());
        paths.give_back(path, far(1));
        assert!(paths.take(&spec(), again, None).is_err(), "still open");
        assert_eq!(paths.take(&spec(), ANY, far(1)).unwrap().0, path);
        paths.give_back(path, far(1));
        paths.give_back(path, far(2));
        assert!(paths.take(&spec(), again, None).is_ok(), "closed");
    }

    #[test]
    fn the_first_free_port_of_the_range_is_taken_and_one_that_is_free_again_too() {
        let mut paths = paths();
        let (_, taken) = paths.take(&spec(), ANY, None).unwrap();
        let first = taken.port().min(u16::MAX - 2);
        let range = (first, first + 2);
        let mut bound = Vec::new();
        while let Ok((path, local)) = paths.take(&spec(), range, None) {
            assert!((range.0..=range.1).contains(&local.port()));
            bound.push((path, local));
        }
        let Some((path, local)) = bound.pop() else {
            panic!("nothing in {range:?} is free");
        };
        paths.give_back(path, None);
        let again = paths.take(&spec(), range, None).unwrap();
        assert_eq!(again.1, local);
    }

    #[test]
    fn threads_begin_apart_in_a_range_and_each_may_have_all_of_it() {
        let mut one = paths();
        let mut other = one.beside(1, 2).unwrap().0;
        let free = one.take(&spec(), ANY, None).unwrap().1.port();
        let range = (free.min(u16::MAX - 40), free.min(u16::MAX - 40) + 39);
        let port = |paths: &mut Paths| paths.take(&spec(), range, None).map(|(_, at)| at.port());
        let (near, far) = (port(&mut one).unwrap(), port(&mut other).unwrap());
        assert!(near < far && far >= range.0 + 20, "{near} {far} {range:?}");
        let mut ports = std::collections::BTreeSet::from([near, far]);
        while let Ok(port) = port(&mut other) {
            assert!(ports.insert(port));
        }
        assert!(port(&mut one).is_err(), "nothing is left");
        assert!(ports.iter().any(|port| *port < range.0 + 20), "{ports:?}");
    }
}
