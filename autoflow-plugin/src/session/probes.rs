//! What the probe thread carries: every sender and every reflector, sans-IO. Time and packets
//! come in, packets go to an [`Outlet`], and now and then a [`Report`] is due.

mod newcomers;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use plugin_abi::manage::ResponderLimited;
use twamp_core::probe::{Reflector, ReflectorConfig};
use twamp_core::time::{ErrorEstimate, Mono, Now};
use twamp_core::wire::control::Modes;

use super::admission::{Admission, Stay};
use super::outlet::{Outlet, Token};
use super::sending::Sending;
use super::setback::Setback;
use super::{Counters, Key, Order, Report, Served};
use crate::net::{Datagram, Notice, NoticeKind, Options, Outgoing, Path, Sent};
use newcomers::{Own, Unheard};

/// Every sender and reflector of one probe thread.
pub(crate) struct Probes {
    sending: HashMap<Key, Sending>,
    reflecting: HashMap<Key, Reflecting>,
    /// Whose packet it is that comes by a path from an address.
    peers: HashMap<(Path, SocketAddr), Key>,
    /// Paths on which everybody is answered, with their own addresses.
    anybody: HashMap<Path, SocketAddr>,
    unheard: Unheard,
    own: Own,
    admission: Admission,
    trouble: Trouble,
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
    /// Answers only this address,
    sender: SocketAddr,
    /// and this one, by which it came through a NAT.
    learned: Option<SocketAddr>,
    /// A good packet has come.
    heard: bool,
    tos: u8,
    /// What was agreed on.
    features: Modes,
    /// This host's trouble up to its begin.
    before: ResponderLimited,
    _stay: Stay,
    /// Something came since the last report.
    news: bool,
}

/// What this host itself has kept from being answered so far.
#[derive(Default)]
struct Trouble {
    /// Packets that had no room, by the path that they came on.
    overflows: HashMap<Path, u64>,
    /// How long this thread was held up.
    held_up: Duration,
}

impl Probes {
    pub(crate) fn new(cadence: Duration, error: ErrorEstimate, admission: Admission) -> Self {
        Self {
            sending: HashMap::new(),
            reflecting: HashMap::new(),
            peers: HashMap::new(),
            anybody: HashMap::new(),
            unheard: Unheard::default(),
            own: Own::default(),
            admission,
            trouble: Trouble::default(),
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
                stay,
            } => {
                let config = ReflectorConfig {
                    refwait,
                    features: terms.packets,
                    ..ReflectorConfig::default()
                };
                self.unheard.add(path, sender.ip(), key);
                let reflector = Reflector::new(config, now.mono).secured(security);
                let manner = (dscp << 2, terms.modes);
                self.reflect(key, reflector, (path, local), sender, manner, stay);
            }
            Order::ReflectAll { path, local } => {
                self.own.add(local, path);
                self.anybody.insert(path, local);
            }
            Order::Close(path) => self.close(path),
            Order::Retire { key, timeout } => {
                if let Some(reflecting) = self.reflecting.get_mut(&key) {
                    reflecting.stopped = true;
                    reflecting.reflector.stop(now.mono, timeout);
                    self.look_at(key, now.mono);
                }
            }
            Order::Bind { .. } | Order::Leave { .. } | Order::Quit => {}
        }
    }

    /// A packet has arrived.
    pub(crate) fn handle_datagram(&mut self, datagram: &Datagram<'_>, out: &mut impl Outlet) {
        let known = self.peers.get(&(datagram.path, datagram.from)).copied();
        let Some(key) = known.or_else(|| self.meet(datagram)) else {
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
                    let agreed = datagram.from == reflecting.sender;
                    let (first, back) = (!reflecting.heard, agreed && reflecting.learned.is_some());
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
                    if first {
                        self.heard(key);
                    }
                    if back {
                        self.forget_learned(key);
                    }
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
        if let NoticeKind::Overflow { packets } = notice.kind {
            *self.trouble.overflows.entry(notice.path).or_default() += u64::from(packets);
        }
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
        self.trouble.held_up += span;
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
                    Some(_) => {
                        let why = match reflecting.stopped {
                            true => "stopped",
                            false => "no more probes came",
                        };
                        self.end_reflecting(key, why);
                    }
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
                report
                    .served
                    .push((*key, reflecting.served(&self.trouble, None)));
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
        (tos, features): (u8, Modes),
        stay: Stay,
    ) {
        if let Some(timeout) = reflector.poll_timeout() {
            self.look_at(key, timeout);
        }
        // What comes from an address that replies leave from is never answered.
        self.own.add(local, path);
        if !self.own.has(sender, 0) {
            self.peers.insert((path, sender), key);
        }
        let reflecting = Reflecting {
            reflector,
            stopped: false,
            path,
            local,
            sender,
            learned: None,
            heard: false,
            tos,
            features,
            before: self.trouble.on(path),
            _stay: stay,
            news: true,
        };
        self.reflecting.insert(key, reflecting);
        self.news = true;
    }

    /// Nobody is answered on this path any more.
    fn close(&mut self, path: Path) {
        if !self.own.close(path) {
            return;
        }
        self.anybody.remove(&path);
        let sessions = self.reflecting.iter();
        let gone = sessions.filter(|(_, reflecting)| reflecting.path == path);
        for key in gone.map(|(key, _)| *key).collect::<Vec<_>>() {
            self.end_reflecting(key, "the responder was removed");
        }
        self.trouble.overflows.remove(&path);
    }

    fn end_reflecting(&mut self, key: Key, why: &'static str) {
        self.forget_learned(key);
        let Some(reflecting) = self.reflecting.remove(&key) else {
            return;
        };
        let (path, sender) = (reflecting.path, reflecting.sender);
        // A newer session of the same sender may have taken the place.
        if self.peers.get(&(path, sender)) == Some(&key) {
            self.peers.remove(&(path, sender));
        }
        self.unheard.remove(path, sender.ip(), key);
        let served = reflecting.served(&self.trouble, Some(why));
        self.report.served.push((key, served));
        self.news = true;
    }

    fn look_at(&mut self, key: Key, due: Mono) {
        self.calendar.push(Reverse((due, key)));
    }
}

impl Trouble {
    /// Up to now, for sessions on this path.
    fn on(&self, path: Path) -> ResponderLimited {
        ResponderLimited {
            packets: self.overflows.get(&path).copied().unwrap_or(0),
            held_up_ms: self.held_up.as_secs_f64() * 1e3,
        }
    }
}

impl Reflecting {
    fn served(&self, trouble: &Trouble, ended: Option<&'static str>) -> Served {
        let limited = trouble.on(self.path);
        Served {
            remote: self.learned.unwrap_or(self.sender),
            local: self.local,
            report: self.reflector.report(),
            limited: ResponderLimited {
                packets: limited.packets - self.before.packets,
                held_up_ms: limited.held_up_ms - self.before.held_up_ms,
            },
            ended,
            features: self.features,
        }
    }
}
