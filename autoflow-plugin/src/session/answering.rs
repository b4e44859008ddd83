//! Every session that this end answers: those that were agreed on, and those of strangers.
//!
//! A stranger's session begins with the first probe that is answered, and ends by silence. On a
//! path for TWAMP Light everybody is let in; on one for STAMP, who [`Admission`] says.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use twamp_core::probe::{self, TxStamp};
use twamp_core::stamp::{self, Discard, ReplyToken, Security};
use twamp_core::time::{ErrorEstimate, Mono};
use twamp_core::wire::tlv::figures::PrivateKind;

use super::admission::{Admission, Ssid};
use super::backward::Told;
use super::outlet::{Outlet, Token};
use super::reflector::Reflector;
use super::{Key, Served};
use crate::net::{Datagram, Options, Outgoing, Path};

/// Sessions beyond which no stranger is let in.
const STRANGERS: usize = 10_000;
/// A stranger's session ends after so long without a probe.
const STRANGER_SILENCE: Duration = Duration::from_secs(30);

/// Every session that one probe thread answers.
#[derive(Default)]
pub(super) struct Answering {
    sessions: HashMap<Key, Session>,
    /// Whose packet it is.
    callers: HashMap<Caller, Key>,
    /// Paths on which strangers are answered.
    doors: HashMap<Path, Door>,
    admission: Admission,
    /// When each session wants to be looked at.
    calendar: BinaryHeap<Reverse<(Mono, Key)>>,
    ended: Vec<(Key, Served)>,
    refused: Refused,
}

/// Packets of strangers who were not answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refused {
    pub(crate) not_admitted: u64,
    pub(crate) no_room: u64,
}

/// A path on which strangers are answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    /// What it is bound to.
    pub(crate) local: SocketAddr,
    pub(crate) kind: DoorKind,
}

/// What strangers speak there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DoorKind {
    /// TWAMP Light, answered without state.
    Light,
    /// STAMP; TWAMP Light begins in the same way and is answered as well.
    Stamp,
}

/// Who sends: one sender may have several sessions of STAMP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Caller {
    path: Path,
    from: SocketAddr,
    ssid: Ssid,
}

/// A packet, and the means to answer it.
pub(super) struct Call<'a, 'd, O> {
    pub(super) datagram: &'a Datagram<'d>,
    /// How good this host's clock is.
    pub(super) error: ErrorEstimate,
    pub(super) out: &'a mut O,
}

struct Session {
    reflector: Reflector,
    caller: Caller,
    local: SocketAddr,
    told: Told,
    /// Stop-Sessions has come.
    stopped: bool,
    /// Something came since the last report.
    news: bool,
}

impl Answering {
    /// A session that was agreed on.
    pub(super) fn begin(
        &mut self,
        key: Key,
        reflector: Reflector,
        (path, local): (Path, SocketAddr),
        from: SocketAddr,
    ) {
        let ssid = Ssid::None;
        let caller = Caller { path, from, ssid };
        self.enter(key, Session::new(reflector, caller, local));
    }

    /// Strangers are answered on `path`.
    pub(super) fn open(&mut self, path: Path, door: Door) {
        self.doors.insert(path, door);
    }

    /// Another policy, for all who come from now on.
    pub(super) fn admit(&mut self, admission: Admission) {
        self.admission = admission;
    }

    /// Stop-Sessions: `key` is answered for `timeout` longer.
    pub(super) fn retire(&mut self, key: Key, timeout: Duration, now: Mono) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.stopped = true;
            session.reflector.stop(now, timeout);
            self.calendar.push(Reverse((now, key)));
        }
    }

    /// Answers a packet; false: it is discarded.
    pub(super) fn handle_datagram(&mut self, mut call: Call<'_, '_, impl Outlet>) -> bool {
        let call = &mut call;
        match self.doors.get(&call.datagram.path).copied() {
            None => self.answer(Ssid::None, call).is_ok(),
            Some(door) if door.kind == DoorKind::Light => {
                let now = call.datagram.arrival.mono;
                self.welcome(Ssid::None, || light(now), door, call).is_ok()
            }
            Some(door) => self.handle_stamp(door, call),
        }
    }

    /// A reply of `key` has left.
    pub(super) fn handle_sent(&mut self, key: Key, token: ReplyToken, stamp: TxStamp) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.reflector.transmitted(token, stamp);
        }
    }

    /// Ends sessions that are silent for too long.
    pub(super) fn handle_timeout(&mut self, now: Mono) {
        while let Some(Reverse((due, key))) = self.calendar.peek().copied() {
            if due > now {
                break;
            }
            self.calendar.pop();
            let session = self.sessions.get(&key);
            match session.and_then(|session| session.reflector.poll_timeout()) {
                Some(next) if next > now => self.calendar.push(Reverse((next, key))),
                Some(_) => self.end(key),
                None => {}
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        self.calendar.peek().map(|Reverse((due, _))| *due)
    }

    /// Packets of strangers who were not answered, so far.
    pub(super) fn refused(&self) -> Refused {
        self.refused
    }

    /// Sessions have ended that are not reported yet.
    pub(super) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// How the sessions stand that have changed since the last time, or ended.
    pub(super) fn report(&mut self) -> Vec<(Key, Served)> {
        let mut served = std::mem::take(&mut self.ended);
        for (key, session) in &mut self.sessions {
            if std::mem::take(&mut session.news) {
                served.push((*key, session.served(None)));
            }
        }
        served
    }

    /// A packet of STAMP doesn't say whether it is protected: only a key can tell.
    fn handle_stamp(&mut self, door: Door, call: &mut Call<'_, '_, impl Outlet>) -> bool {
        let (packet, arrival) = (call.datagram.payload, call.datagram.arrival);
        let ssid = Admission::authenticated(packet);
        match self.answer(ssid, call) {
            Ok(()) => return true,
            // Another key may have taken the place of the session's.
            Err(Miss::Unknown | Miss::Discarded(Discard::BadHmac)) => {}
            Err(_) => return false,
        }
        let figures = self.admission.figures.then(PrivateKind::default);
        let begin = |security| {
            let config = stamp::ReflectorConfig {
                security,
                refwait: STRANGER_SILENCE,
                figures,
                ..stamp::ReflectorConfig::default()
            };
            Reflector::Stamp(Box::new(stamp::Reflector::new(config, arrival.mono)))
        };
        if let Some(key) = self.admission.key_of(packet, arrival.user) {
            let reflector = begin(Security::Authenticated(key.clone()));
            return self.begin_stranger(ssid, reflector, door, call).is_ok();
        }
        let Some(ssid) = self.admission.open(packet) else {
            self.refused.not_admitted += 1;
            return false;
        };
        let begin = || begin(Security::Open);
        self.welcome(ssid, begin, door, call).is_ok()
    }

    /// Answers a packet of a known session, or of one that begins with it.
    fn welcome(
        &mut self,
        ssid: Ssid,
        begin: impl FnOnce() -> Reflector,
        door: Door,
        call: &mut Call<'_, '_, impl Outlet>,
    ) -> Result<(), Miss> {
        match self.answer(ssid, call) {
            Err(Miss::Unknown) => self.begin_stranger(ssid, begin(), door, call),
            answered => answered,
        }
    }

    /// Answers the first packet of a stranger's session. One that isn't answered begins none.
    fn begin_stranger(
        &mut self,
        ssid: Ssid,
        reflector: Reflector,
        door: Door,
        call: &mut Call<'_, '_, impl Outlet>,
    ) -> Result<(), Miss> {
        if self.sessions.len() >= STRANGERS {
            self.refused.no_room += 1;
            return Err(Miss::NoRoom);
        }
        let at = call.datagram.to.unwrap_or(door.local.ip());
        let local = SocketAddr::new(at, door.local.port());
        let caller = Caller::of(call.datagram, ssid);
        let key = Key::new();
        let mut session = Session::new(reflector, caller, local);
        session.answer(key, call)?;
        if let Some(replaced) = self.callers.get(&caller).copied() {
            self.end(replaced);
        }
        self.enter(key, session);
        Ok(())
    }

    fn answer(&mut self, ssid: Ssid, call: &mut Call<'_, '_, impl Outlet>) -> Result<(), Miss> {
        let caller = Caller::of(call.datagram, ssid);
        let key = *self.callers.get(&caller).ok_or(Miss::Unknown)?;
        let session = self.sessions.get_mut(&key).ok_or(Miss::Unknown)?;
        session.answer(key, call)
    }

    fn enter(&mut self, key: Key, session: Session) {
        if let Some(timeout) = session.reflector.poll_timeout() {
            self.calendar.push(Reverse((timeout, key)));
        }
        self.callers.insert(session.caller, key);
        self.sessions.insert(key, session);
    }

    fn end(&mut self, key: Key) {
        let Some(session) = self.sessions.remove(&key) else {
            return;
        };
        // A newer session of the same sender may have taken the place.
        if self.callers.get(&session.caller) == Some(&key) {
            self.callers.remove(&session.caller);
        }
        let why = if session.stopped {
            "stopped"
        } else {
            "no more probes came"
        };
        self.ended.push((key, session.served(Some(why))));
    }
}

/// Why a packet was not answered.
enum Miss {
    /// No session is known that it belongs to.
    Unknown,
    NoRoom,
    Discarded(Discard),
}

/// A stateless session: nothing tells at which number its sender is.
fn light(now: Mono) -> Reflector {
    let config = probe::ReflectorConfig {
        refwait: STRANGER_SILENCE,
        stateful: false,
        from_zero: false,
        ..probe::ReflectorConfig::default()
    };
    Reflector::Twamp {
        reflector: Box::new(probe::Reflector::new(config, now)),
        dscp: 0,
    }
}

impl Caller {
    fn of(datagram: &Datagram<'_>, ssid: Ssid) -> Self {
        Self {
            path: datagram.path,
            from: datagram.from,
            ssid,
        }
    }
}

impl Session {
    fn new(reflector: Reflector, caller: Caller, local: SocketAddr) -> Self {
        Self {
            reflector,
            caller,
            local,
            told: Told::default(),
            stopped: false,
            news: true,
        }
    }

    fn answer(&mut self, key: Key, call: &mut Call<'_, '_, impl Outlet>) -> Result<(), Miss> {
        let datagram = call.datagram;
        let mut payload = call.out.buffer();
        let reply = self
            .reflector
            .reflect(datagram, self.local, call.error, &mut payload)
            .map_err(Miss::Discarded)?;
        self.told.absorb(self.reflector.backward());
        self.news = true;
        call.out.queue(Outgoing {
            path: datagram.path,
            to: datagram.from,
            payload,
            seal: Some(reply.seal),
            token: reply.token.map(|reply| Token::Reply { key, reply }),
            options: Options {
                tos: reply.dscp.map(|dscp| dscp << 2),
                source: datagram.to,
                ..Options::default()
            },
        });
        Ok(())
    }

    fn served(&self, ended: Option<&'static str>) -> Served {
        Served {
            remote: self.caller.from,
            local: self.local,
            ssid: self.caller.ssid.number(),
            report: self.reflector.report(),
            backward: self.told.result(),
            ended,
        }
    }
}
