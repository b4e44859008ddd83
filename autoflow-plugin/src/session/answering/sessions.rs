//! The sessions that are answered: found by their caller on the way of packets, with one look-up,
//! and by their key on all others.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

use super::Caller;
use super::session::Session;
use crate::session::Key;
use crate::session::credentials::Ssid;

/// Where a session sits, as long as it lasts.
type Seat = usize;

#[derive(Default)]
pub(super) struct Sessions {
    seats: Vec<Option<(Key, Session)>>,
    free: Vec<Seat>,
    by_key: HashMap<Key, Seat>,
    /// Whose packet it is.
    callers: HashMap<Caller, Seat>,
}

impl Sessions {
    /// Enters a session. Its callers are told by [`claim`](Self::claim).
    pub(super) fn insert(&mut self, key: Key, session: Session) {
        let seat = self.free.pop().unwrap_or(self.seats.len());
        match self.seats.get_mut(seat) {
            Some(empty) => *empty = Some((key, session)),
            None => self.seats.push(Some((key, session))),
        }
        self.by_key.insert(key, seat);
    }

    /// Takes a session out; its caller's packets are nobody's, unless another session has them.
    pub(super) fn remove(&mut self, key: Key) -> Option<Session> {
        let seat = self.by_key.remove(&key)?;
        let (_, session) = self.seats.get_mut(seat)?.take()?;
        self.disclaim_of(seat, session.caller);
        self.free.push(seat);
        Some(session)
    }

    /// Packets of `caller` are those of `key` from now on.
    pub(super) fn claim(&mut self, caller: Caller, key: Key) {
        if let Some(seat) = self.by_key.get(&key) {
            self.callers.insert(caller, *seat);
        }
    }

    /// Packets of `caller` are not those of `key` any more. A newer session may have taken the
    /// caller over: that one keeps it.
    pub(super) fn disclaim(&mut self, caller: Caller, key: Key) {
        if let Some(seat) = self.by_key.get(&key) {
            self.disclaim_of(*seat, caller);
        }
    }

    fn disclaim_of(&mut self, seat: Seat, caller: Caller) {
        if self.callers.get(&caller) == Some(&seat) {
            self.callers.remove(&caller);
        }
    }

    /// Whose packets those of `caller` are.
    pub(super) fn of(&mut self, caller: &Caller) -> Option<(Key, &mut Session)> {
        let seat = *self.callers.get(caller)?;
        let (key, session) = self.seats.get_mut(seat)?.as_mut()?;
        Some((*key, session))
    }

    pub(super) fn get(&self, key: Key) -> Option<&Session> {
        let (_, session) = self.seats.get(*self.by_key.get(&key)?)?.as_ref()?;
        Some(session)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Session> {
        let (_, session) = self.seats.get_mut(*self.by_key.get(&key)?)?.as_mut()?;
        Some(session)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Session)> {
        let all = self.seats.iter().flatten();
        all.map(|(key, session)| (*key, session))
    }
}

/// In one piece, which is several times quicker than field by field. It stays the standard
/// library's hash with a random key: whoever sends packets chooses addresses and ports.
impl Hash for Caller {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (kind, ssid) = match self.ssid {
            Ssid::None => (0, 0),
            Ssid::Open(ssid) => (1, ssid),
            Ssid::Authenticated(ssid) => (2, ssid),
        };
        let mut octets = [0; 32];
        octets[..4].copy_from_slice(&(self.path.place() as u32).to_ne_bytes());
        octets[4..6].copy_from_slice(&self.from.port().to_ne_bytes());
        octets[6..8].copy_from_slice(&ssid.to_ne_bytes());
        octets[8] = kind;
        match self.from {
            SocketAddr::V4(from) => {
                octets[12..16].copy_from_slice(&from.ip().octets());
                state.write(&octets[..16]);
            }
            SocketAddr::V6(from) => {
                octets[12..16].copy_from_slice(&from.scope_id().to_ne_bytes());
                octets[16..].copy_from_slice(&from.ip().octets());
                state.write(&octets);
            }
        }
    }
}
