//! Every session that this end answers: those that were agreed on, and those of strangers.
//!
//! ```text
//!   packet ──▶ caller known? ──yes──────────────────────────▶ Session ──▶ reply
//!                 │ no                                           ▲
//!                 └──▶ newcomers: a loop? behind a NAT? ─────────┤
//!                        a stranger? admission ─▶ credentials ───┘ begins one
//! ```
//!
//! A stranger's session begins with the first probe that is answered, and ends by silence.

mod by_path;
mod newcomers;
mod own;
mod session;
mod sessions;
mod trouble;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use twamp_core::probe::TxStamp;
use twamp_core::stamp::{Discard, ReplyToken};
use twamp_core::time::{ErrorEstimate, Mono};
use twamp_core::wire::control::Modes;

use super::admission::{Admission, Stay};
use super::credentials::{Credentials, Ssid};
use super::outlet::Outlet;
use super::reflector::Reflector;
use super::{Key, Served};
use crate::net::{Datagram, Path};
use by_path::ByPath;
use newcomers::Unheard;
use own::Own;
use session::{Answer, Session};
use sessions::Sessions;
use trouble::Trouble;

/// Every session that one probe thread answers.
pub(super) struct Answering {
    sessions: Sessions,
    /// Paths on which strangers are answered.
    doors: ByPath<Door>,
    unheard: Unheard,
    own: Own,
    admission: Admission,
    credentials: Credentials,
    trouble: Trouble,
    /// When each session wants to be looked at.
    calendar: BinaryHeap<Reverse<(Mono, Key)>>,
    /// Sessions that something came for since they were reported last, the longest ago first.
    news: VecDeque<Key>,
    ended: Vec<(Key, Served)>,
    not_admitted: u64,
}

/// A session that was agreed on.
pub(super) struct Agreed {
    pub(super) key: Key,
    pub(super) reflector: Reflector,
    pub(super) path: Path,
    /// What the path is bound to.
    pub(super) local: SocketAddr,
    pub(super) from: SocketAddr,
    /// The features that were selected.
    pub(super) features: Modes,
    pub(super) stay: Stay,
}

/// A path on which strangers are answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    /// What it is bound to.
    pub(crate) local: SocketAddr,
    pub(crate) kind: DoorKind,
}

/// What strangers speak there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum DoorKind {
    /// TWAMP Light, answered without state.
    Light,
    /// STAMP; TWAMP Light begins in the same way and is answered as well.
    Stamp,
}

impl DoorKind {
    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Light => "TWAMP Light",
            Self::Stamp => "STAMP",
        }
    }
}

/// Who sends: one sender may have several sessions of STAMP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// Why a packet was not answered.
enum Miss {
    /// No session is known that it belongs to.
    Unknown,
    /// Its sender is not let in, or there is no room.
    Refused,
    Discarded(Discard),
}

impl Answering {
    pub(super) fn new(admission: Admission) -> Self {
        Self {
            sessions: Sessions::default(),
            doors: ByPath::default(),
            unheard: Unheard::default(),
            own: Own::default(),
            admission,
            credentials: Credentials::default(),
            trouble: Trouble::default(),
            calendar: BinaryHeap::new(),
            news: VecDeque::new(),
            ended: Vec::new(),
            not_admitted: 0,
        }
    }

    /// Those of another thread: it knows the same addresses as this host's own.
    pub(super) fn beside(&self) -> Self {
        Self {
            own: self.own.beside(),
            ..Self::new(self.admission.clone())
        }
    }

    /// A session that was agreed on.
    pub(super) fn begin(&mut self, agreed: Agreed) {
        let (path, from) = (agreed.path, agreed.from);
        self.unheard.add(path, from.ip(), agreed.key);
        let caller = Caller {
            path,
            from,
            ssid: Ssid::None,
        };
        let session = Session::new(
            agreed.reflector,
            caller,
            agreed.local,
            self.trouble.on(path),
            agreed.stay,
        );
        self.enter(agreed.key, session.with(agreed.features));
    }

    /// Strangers are answered on `path`.
    pub(super) fn open(&mut self, path: Path, door: Door) {
        self.own.add(door.local, path);
        self.doors.insert(path, door);
    }

    /// Others are accepted by STAMP, from now on.
    pub(super) fn accept(&mut self, credentials: Credentials) {
        self.credentials = credentials;
    }

    /// Nobody is answered on this path any more.
    pub(super) fn close(&mut self, path: Path) {
        if !self.own.close(path) {
            return;
        }
        self.doors.remove(path);
        let sessions = self.sessions.iter();
        let gone = sessions.filter(|(_, session)| session.caller.path == path);
        for key in gone.map(|(key, _)| key).collect::<Vec<_>>() {
            self.end(key, "the responder was removed");
        }
        self.trouble.forget(path);
    }

    /// Stop-Sessions: `key` is answered for `timeout` longer.
    pub(super) fn retire(&mut self, key: Key, timeout: Duration, now: Mono) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.stop(now, timeout);
            self.calendar.push(Reverse((now, key)));
        }
    }

    /// Answers a packet; false: it is discarded.
    pub(super) fn handle_datagram(&mut self, mut call: Call<'_, '_, impl Outlet>) -> bool {
        let call = &mut call;
        match self.answer_known(call) {
            Err(Miss::Unknown) => self.meet(call).is_ok(),
            answered => answered.is_ok(),
        }
    }

    /// A reply of `key` has left.
    pub(super) fn handle_sent(&mut self, key: Key, token: ReplyToken, stamp: TxStamp) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.transmitted(token, stamp);
        }
    }

    /// So many packets had no room on the socket of a path.
    pub(super) fn handle_overflow(&mut self, path: Path, packets: u32) {
        self.trouble.overflow(path, packets);
    }

    /// The thread was held up for so long.
    pub(super) fn handle_pause(&mut self, span: Duration) {
        self.trouble.held_up(span);
    }

    /// Ends sessions that are silent for too long.
    pub(super) fn handle_timeout(&mut self, now: Mono) {
        while let Some(Reverse((due, key))) = self.calendar.peek().copied() {
            if due > now {
                break;
            }
            self.calendar.pop();
            let Some(session) = self.sessions.get(key) else {
                continue;
            };
            match session.poll_timeout() {
                Some(next) if next > now => self.calendar.push(Reverse((next, key))),
                Some(_) => self.end(key, session.why_over()),
                None => {}
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        self.calendar.peek().map(|Reverse((due, _))| *due)
    }

    /// Packets of strangers without credentials, so far.
    pub(super) fn not_admitted(&self) -> u64 {
        self.not_admitted
    }

    /// There is something to report.
    pub(super) fn has_news(&self) -> bool {
        !self.ended.is_empty() || !self.news.is_empty()
    }

    /// How the sessions stand that have changed since the last time, at most so many, and all that
    /// have ended. What has no place in this report is the first in the next.
    pub(super) fn report(&mut self, most: usize) -> Vec<(Key, Served)> {
        let mut served = std::mem::take(&mut self.ended);
        for key in self.news.drain(..most.min(self.news.len())) {
            if let Some(session) = self.sessions.get_mut(key) {
                session.reported();
                let trouble = self.trouble.on(session.caller.path);
                served.push((key, session.served(trouble, None)));
            }
        }
        served
    }

    /// Answers a packet of a session that is there already.
    fn answer_known(&mut self, call: &mut Call<'_, '_, impl Outlet>) -> Result<(), Miss> {
        let packet = call.datagram.payload;
        match self.doors.get(call.datagram.path).map(|door| door.kind) {
            None | Some(DoorKind::Light) => return self.answer(Ssid::None, call),
            Some(DoorKind::Stamp) => {}
        }
        // A packet of STAMP doesn't say whether it is protected.
        match self.answer(Credentials::authenticated(packet), call) {
            // Another key may have taken the place of the session's.
            Err(Miss::Unknown | Miss::Discarded(Discard::BadHmac)) => {}
            answered => return answered,
        }
        match self.credentials.open(packet) {
            Some(ssid) => self.answer(ssid, call),
            None => Err(Miss::Unknown),
        }
    }

    /// Answers a packet of the session of this sender with this SSID.
    fn answer(&mut self, ssid: Ssid, call: &mut Call<'_, '_, impl Outlet>) -> Result<(), Miss> {
        let caller = Caller::of(call.datagram, ssid);
        let (key, session) = self.sessions.of(&caller).ok_or(Miss::Unknown)?;
        let Answer {
            first,
            agreed_again,
            news,
        } = session.answer(key, call).map_err(Miss::Discarded)?;
        if news {
            self.news.push_back(key);
        }
        if first {
            self.heard(key);
        }
        if agreed_again {
            self.forget_learned(key);
        }
        Ok(())
    }

    fn enter(&mut self, key: Key, session: Session) {
        if let Some(timeout) = session.poll_timeout() {
            self.calendar.push(Reverse((timeout, key)));
        }
        // What comes from an address that replies leave from is never answered.
        self.own.add(session.local, session.caller.path);
        let (caller, answered) = (
            session.caller,
            !self.own.has(session.caller.path, session.caller.from, 0),
        );
        self.sessions.insert(key, session);
        if answered {
            self.sessions.claim(caller, key);
        }
        self.news.push_back(key);
    }

    fn end(&mut self, key: Key, why: &'static str) {
        self.forget_learned(key);
        let Some(session) = self.sessions.remove(key) else {
            return;
        };
        let caller = session.caller;
        self.unheard.remove(caller.path, caller.from.ip(), key);
        let trouble = self.trouble.on(caller.path);
        self.ended.push((key, session.served(trouble, Some(why))));
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
