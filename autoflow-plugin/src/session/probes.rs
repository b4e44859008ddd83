//! What the probe thread carries: every sender and every reflector, sans-IO. Time and packets
//! come in, packets go to an [`Outlet`], and now and then a [`Report`] is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use twamp_core::probe::{Reflector, ReflectorConfig};
use twamp_core::time::{ErrorEstimate, Mono, Now};
use twamp_core::wire::control::Modes;

use super::outlet::{Outlet, Token};
use super::sending::Sending;
use super::setback::Setback;
use super::{Counters, Key, Order, Report, Served};
use crate::net::{Datagram, Notice, Options, Outgoing, Path, Sent};

/// Sessions of TWAMP Light that are not known beforehand, at most.
const STRANGERS: usize = 10_000;
/// Such a session ends after so long without a probe.
const STRANGER_SILENCE: Duration = Duration::from_secs(30);

/// Every sender and reflector of one probe thread.
pub(crate) struct Probes {
    sending: HashMap<Key, Sending>,
    reflecting: HashMap<Key, Reflecting>,
    /// Whose packet it is that comes by a path from an address.
    peers: HashMap<(Path, SocketAddr), Key>,
    /// Paths on which everybody is answered, with their own addresses.
    anybody: HashMap<Path, SocketAddr>,
    /// When each sender and reflector wants to be looked at.
    calendar: BinaryHeap<Reverse<(Mono, Key)>>,
    /// From one report to the next.
    cadence: Duration,
    last_report: Mono,
    /// Something is to be reported.
    news: bool,
    report: Report,
    counters: Counters,
    /// How good this host's clock is.
    error: ErrorEstimate,
}

struct Reflecting {
    reflector: Reflector,
    /// Stop-Sessions has come.
    stopped: bool,
    path: Path,
    local: SocketAddr,
    /// Answers only this address.
    sender: SocketAddr,
    tos: u8,
    /// What was agreed on.
    features: Modes,
    /// Something came since the last report.
    news: bool,
}

impl Probes {
    pub(crate) fn new(cadence: Duration, error: ErrorEstimate) -> Self {
        Self {
            sending: HashMap::new(),
            reflecting: HashMap::new(),
            peers: HashMap::new(),
            anybody: HashMap::new(),
            calendar: BinaryHeap::new(),
            cadence,
            last_report: Mono(0),
            news: false,
            report: Report::default(),
            counters: Counters::default(),
            error,
        }
    }

    /// Takes an order that concerns senders and reflectors; paths are the thread's own business.
    pub(crate) fn order(&mut self, order: Order, now: Now) {
        match order {
            Order::Send { key, stream } => {
                // A session that was agreed on anew goes on with its numbers and results.
                if let Some(sending) = self.sending.get_mut(&key) {
                    self.peers.remove(&sending.peer());
                    self.peers.insert((stream.path, stream.to), key);
                    sending.renew(stream, now.mono);
                    sending.entries(&mut self.report.entries);
                    self.look_at(key, now.mono);
                    return;
                }
                self.peers.insert((stream.path, stream.to), key);
                self.sending
                    .insert(key, Sending::new(key, stream, now.mono));
                self.look_at(key, now.mono);
            }
            Order::Suspend(key) => {
                if let Some(sending) = self.sending.get_mut(&key) {
                    sending.suspend(now.mono);
                    sending.entries(&mut self.report.entries);
                    self.news = true;
                }
            }
            Order::Finish(key) => {
                if let Some(sending) = self.sending.get_mut(&key) {
                    sending.finish();
                    self.look_at(key, now.mono);
                }
            }
            Order::Reflect {
                key,
                path,
                local,
                sender,
                refwait,
                dscp,
                security,
                terms,
            } => {
                let config = ReflectorConfig {
                    refwait,
                    features: terms.packets,
                    ..ReflectorConfig::default()
                };
                let reflector = Reflector::new(config, now.mono).secured(security);
                let (tos, features) = (dscp << 2, terms.modes);
                self.reflect(key, reflector, (path, local), sender, tos, features);
            }
            Order::ReflectAll { path, local } => drop(self.anybody.insert(path, local)),
            Order::Retire { key, timeout } => {
                if let Some(reflecting) = self.reflecting.get_mut(&key) {
                    reflecting.stopped = true;
                    reflecting.reflector.stop(now.mono, timeout);
                    self.look_at(key, now.mono);
                }
            }
            Order::Bind { .. } | Order::Close(_) | Order::Quit => {}
        }
    }

    /// A packet has arrived.
    pub(crate) fn handle_datagram(&mut self, datagram: &Datagram<'_>, out: &mut impl Outlet) {
        let known = self.peers.get(&(datagram.path, datagram.from)).copied();
        let Some(key) = known.or_else(|| self.welcome(datagram)) else {
            self.counters.discarded += 1;
            return;
        };
        self.news = true;
        if let Some(sending) = self.sending.get_mut(&key) {
            match sending.handle_reply(datagram.payload, &datagram.arrival) {
                Ok(()) => self.counters.received += 1,
                Err(_) => self.counters.discarded += 1,
            }
            sending.entries(&mut self.report.entries);
        } else if let Some(reflecting) = self.reflecting.get_mut(&key) {
            let mut reply = out.buffer();
            let (arrival, error) = (&datagram.arrival, self.error);
            match reflecting
                .reflector
                .reflect(datagram.payload, arrival, error, &mut reply)
            {
                Ok(()) => {
                    self.counters.reflected += 1;
                    reflecting.news = true;
                    out.queue(Outgoing {
                        path: datagram.path,
                        to: datagram.from,
                        payload: reply,
                        seal: Some(reflecting.reflector.sealer()),
                        token: None,
                        options: Options {
                            tos: Some(reflecting.tos),
                            source: datagram.to,
                            ..Options::default()
                        },
                    });
                }
                Err(_) => self.counters.discarded += 1,
            }
        }
    }

    /// A token has come back.
    pub(crate) fn handle_sent(&mut self, sent: Sent<Token>) {
        let key = sent.token.key;
        if let Some(sending) = self.sending.get_mut(&key) {
            self.counters.sent += u64::from(sent.result.is_ok());
            let not_sent = sent.result.as_ref().err().copied();
            sending.handle_sent(sent.token, sent.result);
            if let Some(error) = not_sent {
                self.set_back(key, Setback::NotSent(error));
            }
        }
    }

    /// The network has said something about a path.
    pub(crate) fn handle_notice(&mut self, notice: Notice) {
        let (Some(remote), Some(setback)) = (notice.remote, Setback::of(notice.kind)) else {
            return;
        };
        if let Some(key) = self.peers.get(&(notice.path, remote)).copied()
            && self.sending.contains_key(&key)
        {
            self.set_back(key, setback);
        }
    }

    fn set_back(&mut self, key: Key, setback: Setback) {
        if !self.report.setbacks.contains(&(key, setback)) {
            self.report.setbacks.push((key, setback));
            self.news = true;
        }
    }

    /// This thread was held up for `span`: what was in flight says nothing about the line.
    pub(crate) fn handle_pause(&mut self, span: Duration, now: Now) {
        self.counters.pauses += 1;
        self.report.paused = Some(self.report.paused.unwrap_or_default() + span);
        for sending in self.sending.values_mut() {
            sending.set_aside(now.mono);
            sending.entries(&mut self.report.entries);
        }
        self.news = true;
    }

    /// Sends what is due, gives up what is overdue.
    pub(crate) fn handle_timeout(&mut self, now: Now, out: &mut impl Outlet) {
        while let Some(Reverse((due, key))) = self.calendar.peek().copied() {
            if due > now.mono {
                break;
            }
            self.calendar.pop();
            if let Some(sending) = self.sending.get_mut(&key) {
                sending.handle_timeout(now, self.error, out);
                sending.entries(&mut self.report.entries);
                self.news = true;
                if let Some(next) = sending.poll_timeout() {
                    self.look_at(key, next);
                }
            } else if let Some(reflecting) = self.reflecting.get_mut(&key) {
                match reflecting.reflector.poll_timeout() {
                    Some(next) if next > now.mono => self.look_at(key, next),
                    Some(_) => self.end_reflecting(key),
                    None => {}
                }
            }
        }
    }

    /// When it wants to be told the time; `None` while nothing is to be done.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let look = self.calendar.peek().map(|Reverse((due, _))| *due);
        let report = self.news.then(|| self.last_report + self.cadence);
        match (look, report) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The report, if one is due. `counters` are those of the network.
    pub(crate) fn poll_report(&mut self, now: Now) -> Option<Report> {
        let due = self.news && now.mono >= self.last_report + self.cadence;
        due.then(|| self.report_now(now))
    }

    /// The report, due or not.
    pub(crate) fn report_now(&mut self, now: Now) -> Report {
        self.news = false;
        self.last_report = now.mono;
        let mut report = std::mem::take(&mut self.report);
        report.at = now;
        report.counters = self.counters;
        report.pulses = self
            .sending
            .iter()
            .map(|(key, sending)| (*key, sending.pulse()))
            .collect();
        for (key, reflecting) in &mut self.reflecting {
            if std::mem::take(&mut reflecting.news) {
                report.served.push((*key, reflecting.served(None)));
            }
        }
        for (key, _) in report.pulses.iter().filter(|(_, pulse)| pulse.finished) {
            if let Some(sending) = self.sending.remove(key) {
                self.peers.remove(&sending.peer());
            }
        }
        report
    }

    fn reflect(
        &mut self,
        key: Key,
        reflector: Reflector,
        (path, local): (Path, SocketAddr),
        sender: SocketAddr,
        tos: u8,
        features: Modes,
    ) {
        if let Some(timeout) = reflector.poll_timeout() {
            self.look_at(key, timeout);
        }
        self.peers.insert((path, sender), key);
        let news = true;
        let reflecting = Reflecting {
            reflector,
            stopped: false,
            path,
            local,
            sender,
            tos,
            features,
            news,
        };
        self.reflecting.insert(key, reflecting);
        self.news = true;
    }

    /// A new session of TWAMP Light, if its path answers everybody. The first probe begins it, a
    /// silence ends it.
    fn welcome(&mut self, datagram: &Datagram<'_>) -> Option<Key> {
        let local = *self.anybody.get(&datagram.path)?;
        if self.reflecting.len() >= STRANGERS {
            return None;
        }
        let key = Key::new();
        let config = ReflectorConfig {
            refwait: STRANGER_SILENCE,
            stateful: false,
            from_zero: false,
            ..ReflectorConfig::default()
        };
        let local = SocketAddr::new(datagram.to.unwrap_or(local.ip()), local.port());
        let reflector = Reflector::new(config, datagram.arrival.mono);
        let (place, from) = ((datagram.path, local), datagram.from);
        self.reflect(key, reflector, place, from, 0, Modes::NONE);
        Some(key)
    }

    fn end_reflecting(&mut self, key: Key) {
        let Some(reflecting) = self.reflecting.remove(&key) else {
            return;
        };
        // A newer session of the same sender may have taken the place.
        let place = (reflecting.path, reflecting.sender);
        if self.peers.get(&place) == Some(&key) {
            self.peers.remove(&place);
        }
        let why = if reflecting.stopped {
            "stopped"
        } else {
            "no more probes came"
        };
        let served = reflecting.served(Some(why));
        self.report.served.push((key, served));
        self.news = true;
    }

    fn look_at(&mut self, key: Key, due: Mono) {
        self.calendar.push(Reverse((due, key)));
    }
}

impl Reflecting {
    fn served(&self, ended: Option<&'static str>) -> Served {
        let report = self.reflector.report();
        Served {
            remote: self.sender,
            local: self.local,
            report,
            ended,
            features: self.features,
        }
    }
}

#[cfg(test)]
mod tests;
