//! Who is let in, and how many at once. Connections and sessions are refused here; packets of a
//! session that was let in never are.
//!
//! ```text
//!   connection ──▶ peers ──▶ places ──▶ probation until set up
//!   session    ──────────▶ places ──▶ stay, until its last probe is answered
//!   first packet of a stranger ──▶ peers ──▶ places ──▶ stay
//! ```
//!
//! One desk for all responders of an engine. `twamp-ctl` and the probe threads come to it for what
//! is new only, and leave at once: known packets pass it by.

mod complaints;
mod peers;
mod places;
mod probation;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_abi::config::{Config, Responder};
use plugin_abi::manage::Statistics;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use twamp_core::time::Mono;

use super::ground::Ground;
use complaints::{Complaint, Complaints};
use peers::Peers;
use places::Places;
use probation::Waiting;

/// Lets in and refuses. A clone is the same desk.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Mutex<Desk>>);

/// Not let in; it has been counted, and told unless that was done within the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refused;

/// A place that somebody has taken: free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Admission,
    kind: Kind,
    peer: IpAddr,
}

/// A session's stay at this responder. When dropped it is over: its place is free, its connection
/// hears of it, and the ground it stood on may go.
#[derive(Debug)]
pub(crate) struct Stay {
    _place: Place,
    _ground: Option<Ground>,
    _connection: Option<mpsc::Sender<Infallible>>,
}

/// A connection that is not set up; when dropped it is, or has ended.
#[derive(Debug)]
pub(crate) struct Probation {
    admission: Admission,
    ticket: u64,
}

#[derive(Debug)]
struct Desk {
    peers: Peers,
    connections: Places,
    /// Agreed on over TWAMP-Control.
    sessions: Places,
    /// Of TWAMP Light and STAMP. Their senders' addresses may be forged: they must not take the places of
    /// those who have shown by TCP that they are where they say.
    strangers: Places,
    waiting: Waiting,
    complaints: Complaints,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Connection,
    Session,
    Stranger,
}

impl Admission {
    /// As the configuration wants it.
    pub(crate) fn new(config: &Config) -> Self {
        let mut desk = Desk {
            peers: Peers::default(),
            connections: Places::default(),
            sessions: Places::default(),
            strangers: Places::default(),
            waiting: Waiting::default(),
            complaints: Complaints::default(),
        };
        desk.rule(config);
        Self(Arc::new(Mutex::new(desk)))
    }

    /// Other peers and limits, for whoever comes from now on. Who is in stays in.
    pub(crate) fn rule(&self, config: &Config) {
        self.desk().rule(config);
    }

    /// A line's far end has changed: it is a peer as long as the line has it.
    pub(crate) fn far_end(&self, before: Option<IpAddr>, after: Option<IpAddr>) {
        let mut desk = self.desk();
        after.into_iter().for_each(|far| desk.peers.meet(far));
        before.into_iter().for_each(|far| desk.peers.part(far));
    }

    /// Lets a control connection in.
    pub(crate) fn connection(&self, peer: IpAddr, now: Mono) -> Result<Place, Refused> {
        let mut desk = self.desk();
        if !desk.peers.admit(peer) {
            let say = || format!("the connection of {peer} is closed: it is no peer of ours");
            desk.complaints.note(Complaint::ForeignConnection, now, say);
            return Err(Refused);
        }
        self.place(&mut desk, Kind::Connection, peer, now)
    }

    /// Lets a session of a connection in.
    pub(crate) fn session(&self, peer: IpAddr, now: Mono) -> Result<Place, Refused> {
        self.place(&mut self.desk(), Kind::Session, peer, now)
    }

    /// Lets a session of TWAMP Light or STAMP in, of which the first packet has come.
    pub(crate) fn stranger(&self, peer: IpAddr, now: Mono) -> Result<Place, Refused> {
        let mut desk = self.desk();
        if !desk.peers.admit(peer) {
            let say = || format!("packets of {peer} are dropped: it is no peer of ours");
            desk.complaints.note(Complaint::ForeignPacket, now, say);
            return Err(Refused);
        }
        self.place(&mut desk, Kind::Stranger, peer, now)
    }

    /// A packet was dropped because its reply might come back to us as another one.
    pub(crate) fn loop_prevented(&self, from: std::net::SocketAddr, now: Mono) {
        let say = || format!("packets from {from} are dropped: a responder's port sends no probes");
        self.desk().complaints.note(Complaint::Loop, now, say);
    }

    /// A connection was refused because no key verifies what it says.
    pub(crate) fn not_authentic(&self, reason: impl FnOnce() -> String, now: Mono) {
        self.desk()
            .complaints
            .note(Complaint::NotAuthentic, now, reason);
    }

    /// A connection begins that is not set up.
    pub(crate) fn probation(&self) -> Probation {
        Probation {
            admission: self.clone(),
            ticket: self.desk().waiting.ticket(),
        }
    }

    /// `task` serves the connection of this ticket. If too many wait, one of them ends.
    pub(crate) fn watch(&self, ticket: u64, peer: IpAddr, task: AbortHandle, now: Mono) {
        let mut desk = self.desk();
        let victim = desk.waiting.enter(ticket, peer, task);
        desk.part_with(victim, now);
    }

    /// Nothing is left to accept connections with: one that is not set up ends. False if there is
    /// none.
    pub(crate) fn make_room(&self, now: Mono) -> bool {
        let mut desk = self.desk();
        let victim = desk.waiting.oldest();
        let found = victim.is_some();
        desk.part_with(victim, now);
        found
    }

    /// Enters what was refused.
    pub(crate) fn count(&self, statistics: &mut Statistics) {
        let desk = self.desk();
        let count = |complaint| desk.complaints.count(complaint);
        statistics.foreign_connections = count(Complaint::ForeignConnection);
        statistics.foreign_packets = count(Complaint::ForeignPacket);
        statistics.connections_refused = count(Complaint::Connection);
        statistics.connections_evicted = count(Complaint::Evicted);
        statistics.sessions_refused = count(Complaint::Session);
        statistics.loops_prevented = count(Complaint::Loop);
        statistics.not_authentic = count(Complaint::NotAuthentic);
    }

    fn place(
        &self,
        desk: &mut Desk,
        kind: Kind,
        peer: IpAddr,
        now: Mono,
    ) -> Result<Place, Refused> {
        match desk.places(kind).take(peer) {
            Ok(()) => Ok(Place {
                admission: self.clone(),
                kind,
                peer: peer.to_canonical(),
            }),
            Err(full) => {
                let (complaint, what) = match kind {
                    Kind::Connection => (Complaint::Connection, "a connection"),
                    Kind::Session | Kind::Stranger => (Complaint::Session, "a session"),
                };
                let say = || format!("{what} of {peer} is refused: {full}");
                desk.complaints.note(complaint, now, say);
                Err(Refused)
            }
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn rule(&mut self, config: &Config) {
        let Responder {
            max_connections,
            max_connections_per_peer,
            max_sessions_per_peer,
            max_sessions_total,
            ..
        } = config.responder;
        self.peers = Peers::new(config);
        self.connections
            .limit(max_connections, max_connections_per_peer);
        for places in [&mut self.sessions, &mut self.strangers] {
            places.limit(max_sessions_total, max_sessions_per_peer);
        }
    }

    fn places(&mut self, kind: Kind) -> &mut Places {
        match kind {
            Kind::Connection => &mut self.connections,
            Kind::Session => &mut self.sessions,
            Kind::Stranger => &mut self.strangers,
        }
    }

    fn part_with(&mut self, victim: Option<(IpAddr, AbortHandle)>, now: Mono) {
        if let Some((peer, task)) = victim {
            // Only marked: it is dropped, and comes back to this desk, at its own next turn.
            task.abort();
            let say = || format!("a connection of {peer} that says nothing makes room for others");
            self.complaints.note(Complaint::Evicted, now, say);
        }
    }
}

impl Stay {
    /// Of a session that was agreed on over TWAMP-Control.
    pub(crate) fn agreed(
        place: Place,
        ground: Ground,
        connection: mpsc::Sender<Infallible>,
    ) -> Self {
        Self {
            _place: place,
            _ground: Some(ground),
            _connection: Some(connection),
        }
    }

    /// Of a stranger's session: TWAMP Light or STAMP.
    pub(crate) fn stranger(place: Place) -> Self {
        Self {
            _place: place,
            _ground: None,
            _connection: None,
        }
    }
}

impl Probation {
    /// What [`Admission::watch`] knows it by.
    pub(crate) fn ticket(&self) -> u64 {
        self.ticket
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (kind, peer) = (self.kind, self.peer);
        self.admission.desk().places(kind).give_back(peer);
    }
}

impl Drop for Probation {
    fn drop(&mut self) {
        self.admission.desk().waiting.leave(self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::Peer;

    use super::*;

    const NOW: Mono = Mono(0);

    fn config() -> Config {
        let mut config = Config::default();
        config.responder.peers = vec!["192.0.2.0/24".parse().unwrap()];
        config.responder.max_connections = 3;
        config.responder.max_connections_per_peer = 2;
        config.responder.max_sessions_total = 2;
        config.responder.max_sessions_per_peer = 2;
        config
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn counts(admission: &Admission) -> Statistics {
        let mut statistics = Statistics::default();
        admission.count(&mut statistics);
        statistics
    }

    #[test]
    fn who_is_no_peer_is_refused_and_counted() {
        let admission = Admission::new(&config());
        assert!(admission.connection(ip("198.51.100.1"), NOW).is_err());
        assert!(admission.stranger(ip("198.51.100.1"), NOW).is_err());
        assert!(admission.stranger(ip("198.51.100.2"), NOW).is_err());
        assert!(admission.connection(ip("::ffff:192.0.2.1"), NOW).is_ok());
        let counts = counts(&admission);
        assert_eq!((counts.foreign_connections, counts.foreign_packets), (1, 2));
    }

    #[test]
    fn a_place_is_free_again_when_it_is_let_go() {
        let admission = Admission::new(&config());
        let connect = |host| admission.connection(ip(host), NOW);
        let first = connect("192.0.2.1").unwrap();
        let _second = connect("::ffff:192.0.2.1").unwrap();
        assert!(connect("192.0.2.1").is_err(), "two of one peer");
        let _third = connect("192.0.2.2").unwrap();
        assert!(connect("192.0.2.3").is_err(), "three in all");
        drop(first);
        let again = connect("192.0.2.3");
        assert!(again.is_ok());
        assert_eq!(counts(&admission).connections_refused, 2);
    }

    #[test]
    fn strangers_do_not_take_the_places_of_sessions_that_were_agreed_on() {
        let admission = Admission::new(&config());
        let strangers: Vec<_> = (1..5)
            .map(|host| admission.stranger([192, 0, 2, host].into(), NOW))
            .collect();
        let let_in = strangers.iter().filter(|place| place.is_ok()).count();
        assert_eq!(let_in, 2);
        assert!(admission.session(ip("192.0.2.9"), NOW).is_ok());
        assert_eq!(counts(&admission).sessions_refused, 2);
    }

    #[test]
    fn other_rules_hold_for_who_comes_and_let_stay_who_is_in() {
        let admission = Admission::new(&config());
        let places = ["192.0.2.1", "192.0.2.2"].map(|host| admission.session(ip(host), NOW));
        let mut narrow = config();
        narrow.responder.max_sessions_total = 1;
        narrow.responder.peers = vec![Peer::Any];
        admission.rule(&narrow);
        assert!(admission.session(ip("192.0.2.3"), NOW).is_err());
        assert!(admission.connection(ip("198.51.100.1"), NOW).is_ok());
        drop(places);
        assert!(admission.session(ip("192.0.2.3"), NOW).is_ok());
    }

    #[test]
    fn the_far_end_of_a_line_is_a_peer_as_long_as_a_line_has_it() {
        let admission = Admission::new(&config());
        let far = Some(ip("198.51.100.1"));
        let welcome = || admission.connection(ip("198.51.100.1"), NOW).is_ok();
        admission.far_end(None, far);
        admission.far_end(None, far);
        assert!(welcome());
        admission.far_end(far, None);
        assert!(welcome(), "another line has it");
        admission.far_end(far, far);
        assert!(welcome());
        admission.far_end(far, Some(ip("198.51.100.2")));
        assert!(!welcome());
    }
}
