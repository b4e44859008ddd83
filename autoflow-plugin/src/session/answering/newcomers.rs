//! Packets from callers that no session knows: the first of a stranger's session, the first from
//! behind a NAT, one that a responder sent, or nothing we want.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use plugin_abi::config::TWAMP_PORT;
use twamp_core::probe;
use twamp_core::stamp::{self, Security};
use twamp_core::time::Mono;
use twamp_core::wire::tlv::figures::PrivateKind;

use super::session::Session;
use super::{Answering, Call, Caller, Door, DoorKind, Miss};
use crate::net::{Datagram, Path};
use crate::session::Key;
use crate::session::admission::Stay;
use crate::session::credentials::{Credentials, Ssid};
use crate::session::outlet::Outlet;
use crate::session::reflector::Reflector;

/// A stranger's session ends after so long without a probe.
const SILENCE: Duration = Duration::from_secs(30);
/// Below, ports belong to services, which send no probes of their own will.
const FIRST_FREE_PORT: u16 = 1_024;
/// Sessions whose keys are tried on one packet.
const TRIED: usize = 8;

/// Sessions that were started and not heard of yet.
#[derive(Default)]
pub(super) struct Unheard(HashMap<(Path, IpAddr), Vec<Key>>);

impl Answering {
    /// Answers a packet of a caller that is new to us.
    pub(super) fn meet(&mut self, call: &mut Call<'_, '_, impl Outlet>) -> Result<(), Miss> {
        let datagram = call.datagram;
        if !self.may_send_probes(datagram) {
            let now = datagram.arrival.mono;
            self.admission.loop_prevented(datagram.from, now);
            return Err(Miss::Refused);
        }
        if self.recognise(datagram) {
            return self.answer(Ssid::None, call);
        }
        match self.doors.get(datagram.path).copied() {
            None => Err(Miss::Unknown),
            Some(door) => match door.kind {
                DoorKind::Light => {
                    let stay = self.let_in(datagram)?;
                    let reflector = light(datagram.arrival.mono);
                    self.begin_stranger(Ssid::None, reflector, stay, door, call)
                }
                DoorKind::Stamp => self.meet_stamp(door, call),
            },
        }
    }

    /// False if a reply could come back to us as the next probe, for ever: it would go to a
    /// responder's port, ours or another's. Who forges such a source must not be helped.
    fn may_send_probes(&self, datagram: &Datagram<'_>) -> bool {
        let answers = self.doors.get(datagram.path).is_some()
            || self.unheard.waits(datagram.path, datagram.from.ip());
        let port = datagram.from.port();
        !answers
            || port >= FIRST_FREE_PORT
                && port != TWAMP_PORT
                && !self
                    .own
                    .has(datagram.path, datagram.from, datagram.interface)
    }

    /// A NAT has changed the port of a session's sender. The address is that of its control
    /// connection, and the session was not heard of yet: its first good packet tells the port.
    ///
    /// That happens once. The port that was agreed on stays good as well, and takes the session
    /// back if it is heard after all. Among several sessions the newest fits best, and in the
    /// modes with keys the packet itself tells.
    fn recognise(&mut self, datagram: &Datagram<'_>) -> bool {
        let (path, from) = (datagram.path, datagram.from);
        let recognises = |key: &&Key| {
            let session = self.sessions.get(**key);
            session.is_some_and(|session| session.recognises(datagram.payload))
        };
        let Some(waiting) = self.unheard.0.get(&(path, from.ip())) else {
            return false;
        };
        let found = waiting.iter().rev().take(TRIED).find(recognises).copied();
        let Some((key, session)) = found.and_then(|key| Some((key, self.sessions.get_mut(key)?)))
        else {
            return false;
        };
        tracing::info!(
            "{} comes from port {}: a NAT",
            session.caller.from,
            from.port()
        );
        session.learn(from);
        self.sessions.claim(Caller::of(datagram, Ssid::None), key);
        self.heard(key);
        true
    }

    /// A session was heard of: its sender's port is known.
    pub(super) fn heard(&mut self, key: Key) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.hear();
            let caller = session.caller;
            self.unheard.remove(caller.path, caller.from.ip(), key);
        }
    }

    /// The agreed port has spoken: what came from another one was a stray, or the NAT is gone.
    pub(super) fn forget_learned(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else {
            return;
        };
        let Some(from) = session.unlearn() else {
            return;
        };
        let learned = Caller {
            from,
            ..session.caller
        };
        self.sessions.disclaim(learned, key);
    }

    /// A packet of STAMP doesn't say whether it is protected: only a key can tell.
    fn meet_stamp(&mut self, door: Door, call: &mut Call<'_, '_, impl Outlet>) -> Result<(), Miss> {
        let (packet, arrival) = (call.datagram.payload, call.datagram.arrival);
        // Before keys are tried: that is work, and anybody can ask for it.
        let stay = self.let_in(call.datagram)?;
        let figures = self.credentials.figures.then(PrivateKind::default);
        let begin = |security| {
            let config = stamp::ReflectorConfig {
                security,
                refwait: SILENCE,
                figures,
                ..stamp::ReflectorConfig::default()
            };
            Reflector::Stamp(Box::new(stamp::Reflector::new(config, arrival.mono)))
        };
        let key = self.credentials.key_of(packet, arrival.user);
        if let Some(key) = key {
            let reflector = begin(Security::Authenticated(key.clone()));
            let ssid = Credentials::authenticated(packet);
            return self.begin_stranger(ssid, reflector, stay, door, call);
        }
        let Some(ssid) = self.credentials.open(packet) else {
            self.not_admitted += 1;
            return Err(Miss::Refused);
        };
        self.begin_stranger(ssid, begin(Security::Open), stay, door, call)
    }

    fn let_in(&self, datagram: &Datagram<'_>) -> Result<Stay, Miss> {
        let now = datagram.arrival.mono;
        match self.admission.stranger(datagram.from.ip(), now) {
            Ok(place) => Ok(Stay::stranger(place)),
            Err(_) => Err(Miss::Refused),
        }
    }

    /// Answers the first packet of a stranger's session. One that isn't answered begins none.
    fn begin_stranger(
        &mut self,
        ssid: Ssid,
        reflector: Reflector,
        stay: Stay,
        door: Door,
        call: &mut Call<'_, '_, impl Outlet>,
    ) -> Result<(), Miss> {
        let datagram = call.datagram;
        let at = datagram.to.unwrap_or(door.local.ip());
        let local = SocketAddr::new(at, door.local.port());
        let caller = Caller::of(datagram, ssid);
        let before = self.trouble.on(caller.path);
        let key = Key::new();
        let mut session = Session::new(reflector, caller, local, before, stay);
        session.answer(key, call).map_err(Miss::Discarded)?;
        session.hear();
        if let Some((replaced, _)) = self.sessions.of(&caller) {
            self.end(replaced, "another session took its place");
        }
        self.enter(key, session);
        Ok(())
    }
}

/// A stateless session: nothing tells at which number its sender is.
fn light(now: Mono) -> Reflector {
    let config = probe::ReflectorConfig {
        refwait: SILENCE,
        stateful: false,
        from_zero: false,
        ..probe::ReflectorConfig::default()
    };
    Reflector::Twamp {
        reflector: Box::new(probe::Reflector::new(config, now)),
        dscp: 0,
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
