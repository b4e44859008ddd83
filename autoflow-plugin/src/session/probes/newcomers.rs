//! Packets from addresses that no session knows: the first of a session of TWAMP Light, the first
//! from behind a NAT, one that a responder sent, or nothing we want.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use plugin_abi::config::TWAMP_PORT;
use twamp_core::probe::{Reflector, ReflectorConfig};
use twamp_core::wire::control::Modes;

use super::Probes;
use crate::net::{Datagram, Path};
use crate::session::Key;
use crate::session::admission::Stay;

/// A session of TWAMP Light ends after so long without a probe.
const SILENCE: Duration = Duration::from_secs(30);
/// Below, ports belong to services, which send no probes of their own will.
const FIRST_FREE_PORT: u16 = 1_024;
/// Sessions whose keys are tried on one packet.
const TRIED: usize = 8;
/// The interface that a host's packets to itself come in by, in every network namespace.
const LOOPBACK: u32 = 1;

/// Sessions that were started and not heard of yet.
#[derive(Default)]
pub(super) struct Unheard(HashMap<(Path, IpAddr), Vec<Key>>);

/// Addresses that replies leave from, by path and all together.
#[derive(Default)]
pub(super) struct Own {
    by_path: HashMap<Path, HashSet<(IpAddr, u16)>>,
    all: HashSet<(IpAddr, u16)>,
}

impl Probes {
    /// Whose packet it is, by an address that is new to us.
    pub(super) fn meet(&mut self, datagram: &Datagram<'_>) -> Option<Key> {
        if !self.may_send_probes(datagram) {
            let now = datagram.arrival.mono;
            self.admission.loop_prevented(datagram.from, now);
            return None;
        }
        self.recognise(datagram).or_else(|| self.welcome(datagram))
    }

    /// False if a reply could come back to us as the next probe, for ever: it would go to a
    /// responder's port, ours or another's. Who forges such a source must not be helped.
    fn may_send_probes(&self, datagram: &Datagram<'_>) -> bool {
        let answers = self.anybody.contains_key(&datagram.path)
            || self.unheard.waits(datagram.path, datagram.from.ip());
        let port = datagram.from.port();
        !answers
            || port >= FIRST_FREE_PORT
                && port != TWAMP_PORT
                && !self.own.has(datagram.from, datagram.interface)
    }

    /// A NAT has changed the port of a session's sender. The address is that of its control
    /// connection, and the session was not heard of yet: its first good packet tells the port.
    ///
    /// That happens once. The port that was agreed on stays good as well, and takes the session
    /// back if it is heard after all. Among several sessions the newest fits best, and in the
    /// modes with keys the packet itself tells.
    fn recognise(&mut self, datagram: &Datagram<'_>) -> Option<Key> {
        let (path, from) = (datagram.path, datagram.from);
        let recognises = |key: &&Key| {
            let reflecting = self.reflecting.get(key);
            reflecting.is_some_and(|its| its.reflector.recognises(datagram.payload))
        };
        let waiting = self.unheard.0.get(&(path, from.ip()))?.iter();
        let key = *waiting.rev().take(TRIED).find(recognises)?;
        let reflecting = self.reflecting.get_mut(&key)?;
        tracing::info!(
            "{} comes from port {}: a NAT",
            reflecting.sender,
            from.port()
        );
        reflecting.learned = Some(from);
        self.peers.insert((path, from), key);
        self.heard(key);
        Some(key)
    }

    /// A session was heard of: its sender's port is known.
    pub(super) fn heard(&mut self, key: Key) {
        if let Some(reflecting) = self.reflecting.get_mut(&key) {
            reflecting.heard = true;
            self.unheard
                .remove(reflecting.path, reflecting.sender.ip(), key);
        }
    }

    /// The agreed port has spoken: what came from another one was a stray, or the NAT is gone.
    pub(super) fn forget_learned(&mut self, key: Key) {
        let reflecting = self.reflecting.get_mut(&key);
        let learned = reflecting.and_then(|reflecting| {
            let learned = reflecting.learned.take()?;
            Some((reflecting.path, learned))
        });
        if let Some(place) = learned
            && self.peers.get(&place) == Some(&key)
        {
            self.peers.remove(&place);
        }
    }

    /// A new session of TWAMP Light, if its path answers everybody. The first probe begins it, a
    /// silence ends it.
    fn welcome(&mut self, datagram: &Datagram<'_>) -> Option<Key> {
        let local = *self.anybody.get(&datagram.path)?;
        let now = datagram.arrival.mono;
        let place = self.admission.stranger(datagram.from.ip(), now).ok()?;
        let key = Key::new();
        let config = ReflectorConfig {
            refwait: SILENCE,
            stateful: false,
            from_zero: false,
            ..ReflectorConfig::default()
        };
        let local = SocketAddr::new(datagram.to.unwrap_or(local.ip()), local.port());
        let reflector = Reflector::new(config, now);
        let stay = Stay::light(place);
        self.reflect(
            key,
            reflector,
            (datagram.path, local),
            datagram.from,
            (0, Modes::NONE),
            stay,
        );
        Some(key)
    }
}

impl Unheard {
    pub(super) fn add(&mut self, path: Path, peer: IpAddr, key: Key) {
        self.0.entry((path, peer)).or_default().push(key);
    }

    pub(super) fn remove(&mut self, path: Path, peer: IpAddr, key: Key) {
        if let Some(waiting) = self.0.get_mut(&(path, peer)) {
            waiting.retain(|known| *known != key);
            if waiting.is_empty() {
                self.0.remove(&(path, peer));
            }
        }
    }

    fn waits(&self, path: Path, peer: IpAddr) -> bool {
        self.0.contains_key(&(path, peer))
    }
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
