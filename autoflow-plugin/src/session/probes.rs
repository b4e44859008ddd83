//! What the probe thread carries: every sender and every reflector, sans-IO. Time and packets
//! come in, packets go to an [`Outlet`], and now and then a [`Report`] is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use twamp_core::probe;
use twamp_core::time::{ErrorEstimate, Mono, Now};

use super::admission::Admission;
use super::answering::{Agreed, Answering, Call};
use super::outlet::{Outlet, Token};
use super::reflector::Reflector;
use super::sending::Sending;
use super::setback::Setback;
use super::{Counters, Key, Order, Report};
use crate::net::{Datagram, Notice, NoticeKind, Path, Sent};

/// Sessions that are answered and stand in one report, at most. Where there are more, packets wait
/// for no long report, and each session is told of in its turn.
const SERVED: usize = 512;

/// Every sender and reflector of one probe thread.
pub(crate) struct Probes {
    sending: HashMap<Key, Sending>,
    /// Whose reply it is that comes by a path from an address.
    peers: HashMap<(Path, SocketAddr), Key>,
    answering: Answering,
    /// When each sender wants to be looked at.
    calendar: BinaryHeap<Reverse<(Mono, Key)>>,
    /// From one report to the next.
    cadence: Duration,
    last_report: Mono,
    /// Something is to be reported.
    news: bool,
    report: Report,
    counters: Counters,
    /// How good the times in packets are.
    error: ErrorEstimate,
}

impl Probes {
    pub(crate) fn new(cadence: Duration, error: ErrorEstimate, admission: Admission) -> Self {
        Self {
            sending: HashMap::new(),
            peers: HashMap::new(),
            answering: Answering::new(admission),
            calendar: BinaryHeap::new(),
            cadence,
            last_report: Mono(0),
            news: false,
            report: Report::default(),
            counters: Counters::default(),
            error,
        }
    }

    /// How good the times in packets are that are written from now on.
    pub(crate) fn stamp_within(&mut self, error: ErrorEstimate) {
        self.error = error;
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
                let config = probe::ReflectorConfig {
                    refwait,
                    features: terms.packets,
                    ..probe::ReflectorConfig::default()
                };
                let reflector = probe::Reflector::new(config, now.mono).secured(security);
                let reflector = Reflector::Twamp {
                    reflector: Box::new(reflector),
                    dscp,
                };
                self.answering.begin(Agreed {
                    key,
                    reflector,
                    path,
                    local,
                    from: sender,
                    features: terms.modes,
                    stay,
                });
                self.news = true;
            }
            Order::ReflectAll { path, door } => self.answering.open(path, door),
            Order::Accept(credentials) => self.answering.accept(credentials),
            Order::Retire { key, timeout } => self.answering.retire(key, timeout, now.mono),
            Order::Close(path) => {
                self.answering.close(path);
                self.news |= self.answering.has_news();
            }
            Order::Bind { .. } | Order::Leave { .. } | Order::Quit => {}
        }
    }

    /// A packet has arrived.
    pub(crate) fn handle_datagram(&mut self, datagram: &Datagram<'_>, out: &mut impl Outlet) {
        self.news = true;
        let sender = self.peers.get(&(datagram.path, datagram.from));
        let sending = sender.and_then(|key| self.sending.get_mut(key));
        let (taken, counter) = match sending {
            Some(sending) => {
                let taken = sending.handle_reply(datagram.payload, &datagram.arrival);
                sending.entries(&mut self.report.entries);
                (taken.is_ok(), &mut self.counters.received)
            }
            None => {
                let error = self.error;
                let call = Call {
                    datagram,
                    error,
                    out,
                };
                let answered = self.answering.handle_datagram(call);
                (answered, &mut self.counters.reflected)
            }
        };
        match taken {
            true => *counter += 1,
            false => self.counters.discarded += 1,
        }
    }

    /// A token has come back.
    pub(crate) fn handle_sent(&mut self, sent: Sent<Token>) {
        match sent.token {
            Token::Reply { key, reply } => {
                if let Ok(stamps) = sent.result {
                    self.answering.handle_sent(key, reply, stamps.into());
                }
            }
            Token::Probe {
                key,
                session,
                probe,
            } => {
                let Some(sending) = self.sending.get_mut(&key) else {
                    return;
                };
                self.counters.sent += u64::from(sent.result.is_ok());
                let not_sent = sent.result.as_ref().err().copied();
                sending.handle_sent(session, probe, sent.result);
                if let Some(error) = not_sent {
                    self.set_back(key, Setback::NotSent(error));
                }
            }
        }
    }

    /// The network has said something about a path.
    pub(crate) fn handle_notice(&mut self, notice: Notice) {
        if let NoticeKind::Overflow { packets } = notice.kind {
            self.answering.handle_overflow(notice.path, packets);
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
        self.answering.handle_pause(span);
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
            }
        }
        self.answering.handle_timeout(now.mono);
        self.news |= self.answering.has_news();
    }

    /// When it wants to be told the time; `None` while nothing is to be done.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let look = self.calendar.peek().map(|Reverse((due, _))| *due);
        let report = self.news.then(|| self.last_report + self.cadence);
        let all = [look, self.answering.poll_timeout(), report];
        all.into_iter().flatten().min()
    }

    /// The report, if one is due. `counters` are those of the network.
    pub(crate) fn poll_report(&mut self, now: Now) -> Option<Report> {
        let due = self.news && now.mono >= self.last_report + self.cadence;
        due.then(|| self.report(now, SERVED))
    }

    /// The whole report, due or not.
    pub(crate) fn report_now(&mut self, now: Now) -> Report {
        self.report(now, usize::MAX)
    }

    fn report(&mut self, now: Now, served: usize) -> Report {
        self.last_report = now.mono;
        let mut report = std::mem::take(&mut self.report);
        report.at = now;
        report.counters = self.counters;
        report.counters.not_admitted = self.answering.not_admitted();
        report.pulses = self
            .sending
            .iter()
            .map(|(key, sending)| (*key, sending.pulse()))
            .collect();
        report.served = self.answering.report(served);
        self.news = self.answering.has_news();
        for (key, _) in report.pulses.iter().filter(|(_, pulse)| pulse.finished) {
            if let Some(sending) = self.sending.remove(key) {
                self.peers.remove(&sending.peer());
            }
        }
        report
    }

    fn look_at(&mut self, key: Key, due: Mono) {
        self.calendar.push(Reverse((due, key)));
    }
}

#[cfg(test)]
mod tests;
