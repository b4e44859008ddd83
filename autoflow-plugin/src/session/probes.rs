//! What a probe thread carries: every sender and every reflector, sans-IO. Time and packets
//! come in, packets go to an [`Outlet`], and now and then a [`Report`] is due.

use std::net::IpAddr;
use std::time::Duration;

use twamp_core::probe;
use twamp_core::time::{ErrorEstimate, Mono, Now};

use super::admission::Admission;
use super::answering::{Agreed, Answering, Call};
use super::calendar::Calendar;
use super::lateness::Lateness;
use super::outlet::{Outlet, Token};
use super::peers::Peers;
use super::phases::Phases;
use super::reflector::Reflector;
use super::roster::Roster;
use super::sending::{Look, Sending};
use super::setback::Setback;
use super::{Counters, Entry, Key, Order, Report, Stream};
use crate::net::{Datagram, Notice, NoticeKind, Path, SendError, Sent};

/// Times of probes fall on slots of this width, so that one wake-up serves many sessions.
const SLOT: Duration = Duration::from_millis(1);
/// Fewer sessions than this have exact times.
const MANY: usize = 32;
/// Looks in a row, at most; then what has arrived meanwhile is read before more probes leave.
const BURST: usize = 256;

/// A report of so much is handed over at once: thousands of sessions need no memory for it, and
/// whoever reads it finds it in a cache.
const FULL: usize = 256;

/// Reports kept for use again, at most.
const SPARE: usize = 4;

/// Sessions that are answered and stand in one report, at most. Where there are more, packets wait
/// for no long report, and each session is told of in its turn.
const SERVED: usize = 512;

/// Every sender and reflector of one probe thread.
pub(crate) struct Probes {
    roster: Roster,
    /// Whose reply it is.
    peers: Peers,
    phases: Phases,
    answering: Answering,
    /// When each sender wants to be looked at.
    calendar: Calendar,
    lateness: Lateness,
    /// What this host said last of packets too large for an interface: to whom, and the most.
    limit: Option<(Path, IpAddr, u32)>,
    /// Senders that are silent: told of in each report.
    silent: Vec<u32>,
    /// Senders whose work is done.
    finished: Vec<u32>,
    /// From one report to the next.
    cadence: Duration,
    last_report: Mono,
    /// Something is to be reported.
    news: bool,
    report: Report,
    /// Counts the reports.
    number: u64,
    /// Reports that were read, a few.
    spent: Vec<Report>,
    counters: Counters,
    /// How good the times in packets are.
    error: ErrorEstimate,
}

impl Probes {
    /// Those of the first thread.
    pub(crate) fn new(cadence: Duration, error: ErrorEstimate, admission: Admission) -> Self {
        Self::of(cadence, error, Phases::default(), Answering::new(admission))
    }

    /// Those of one more of so many threads of the same engine.
    pub(crate) fn beside(&self, thread: u16, threads: u16) -> Self {
        let phases = Phases::shifted(thread, threads);
        Self::of(self.cadence, self.error, phases, self.answering.beside())
    }

    fn of(cadence: Duration, error: ErrorEstimate, phases: Phases, answering: Answering) -> Self {
        Self {
            roster: Roster::default(),
            peers: Peers::default(),
            phases,
            answering,
            calendar: Calendar::new(),
            lateness: Lateness::new(),
            limit: None,
            silent: Vec::new(),
            finished: Vec::new(),
            cadence,
            last_report: Mono(0),
            news: false,
            report: Report::default(),
            number: 0,
            spent: Vec::new(),
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
            Order::Send { key, stream } => self.send(key, &stream, now.mono),
            Order::Retune { key, tuning, .. } => {
                if let Some(place) = self.roster.find(key) {
                    if let Some(sending) = self.roster.get_mut(place) {
                        sending.retune(tuning, now.mono);
                        self.report.entries.push((key, Entry::Retuned(now.mono)));
                    }
                    self.calendar.set(place, now.mono);
                    self.tell(place);
                }
            }
            Order::Pace { key, rate, .. } => {
                if let Some(place) = self.roster.find(key) {
                    if let Some(sending) = self.roster.get_mut(place) {
                        sending.pace(rate, now.mono);
                    }
                    self.calendar.set(place, now.mono);
                }
            }
            Order::Afresh {
                key,
                stream,
                tuning,
            } => {
                if let Some(place) = self.roster.find(key) {
                    if let Some(sending) = self.roster.get_mut(place) {
                        let entries = &mut self.report.entries;
                        sending.begin_afresh(&stream, tuning, now.mono, entries);
                    }
                    self.calendar.set(place, now.mono);
                    self.tell(place);
                }
            }
            Order::Suspend { key, .. } => {
                if let Some(place) = self.roster.find(key) {
                    if let Some(sending) = self.roster.get_mut(place) {
                        sending.suspend(now.mono);
                    }
                    self.tell(place);
                }
            }
            Order::Finish { key, .. } => {
                if let Some(place) = self.roster.find(key) {
                    if let Some(sending) = self.roster.get_mut(place) {
                        sending.finish();
                    }
                    self.calendar.set(place, now.mono);
                }
            }
            Order::Reuse(report) if self.spent.len() < SPARE => self.spent.push(*report),
            Order::Reuse(_) => {}
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
            Order::Retire { key, timeout, .. } => self.answering.retire(key, timeout, now.mono),
            Order::Close(path) => {
                self.answering.close(path);
                self.news |= self.answering.has_news();
            }
            Order::Bind { .. } | Order::Leave { .. } | Order::Quit => {}
        }
    }

    /// The next probe of a sender leaves at `due`, whatever its schedule says.
    pub(crate) fn leave_at(&mut self, key: Key, due: Mono) {
        let grain = self.grain();
        let Some(place) = self.roster.find(key) else {
            return;
        };
        if let Some(sending) = self.roster.get_mut(place) {
            sending.leave_at(due);
            if let Some(next) = sending.poll_timeout(grain) {
                self.calendar.set(place, next);
            }
        }
    }

    /// A packet has arrived.
    pub(crate) fn handle_datagram(&mut self, datagram: &Datagram<'_>, out: &mut impl Outlet) {
        self.news = true;
        let place = self.peers.get(datagram.path, datagram.from);
        let (taken, counter) = match place {
            Some(place) => {
                let sending = self.roster.get_mut(place);
                let taken = sending.is_some_and(|sending| {
                    let reply = sending.handle_reply(datagram.payload, &datagram.arrival);
                    reply.is_ok()
                });
                self.tell(place);
                (taken, &mut self.counters.received)
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
                place,
                session,
                probe,
            } => {
                let sending = self.roster.get_mut(place);
                let Some(sending) = sending.filter(|sending| sending.key() == key) else {
                    return;
                };
                let (left, not_sent) = match &sent.result {
                    Ok(stamps) => (Some(stamps.user.mono), None),
                    Err(error) => (None, Some(*error)),
                };
                self.counters.sent += u64::from(left.is_some());
                let due = sending.handle_sent(session, probe, sent.result);
                if let Some((due, left)) = due.zip(left) {
                    self.lateness.record(due, left);
                }
                let (path, to) = sending.far_end();
                if let (Some(SendError::TooBig), Some((limited, at, mtu))) = (not_sent, self.limit)
                    && (limited, at) == (path, to.ip())
                {
                    sending.handle_too_big(mtu, true);
                }
                if let Some(error) = not_sent {
                    self.set_back(place, Setback::NotSent(error));
                    self.tell(place);
                }
            }
        }
    }

    /// The network has said something about a path.
    pub(crate) fn handle_notice(&mut self, notice: Notice) {
        if let NoticeKind::Overflow { packets } = notice.kind {
            self.answering.handle_overflow(notice.path, packets);
        }
        let remote = notice.remote;
        if let (NoticeKind::TooBig { mtu, here: true }, Some(to)) = (notice.kind, remote) {
            // Its port is 0, as the socket is connected to nobody: the probe knows the session.
            self.limit = Some((notice.path, to.ip(), mtu));
            return;
        }
        let Some(place) = remote.and_then(|remote| self.peers.get(notice.path, remote)) else {
            return;
        };
        if let NoticeKind::TooBig { mtu, .. } = notice.kind {
            if let Some(sending) = self.roster.get_mut(place) {
                sending.handle_too_big(mtu, false);
            }
            self.tell(place);
        }
        if let Some(setback) = Setback::of(notice.kind) {
            self.set_back(place, setback);
        }
    }

    /// Something keeps a sender's probes from being answered; the same is told once a report.
    fn set_back(&mut self, place: u32, setback: Setback) {
        let told = Some((self.number, setback));
        if let Some(sending) = self.roster.get_mut(place)
            && std::mem::replace(&mut sending.set_back, told) != told
        {
            self.report.setbacks.push((sending.key(), setback));
            self.news = true;
        }
    }

    /// This thread was held up for `span`: what was in flight says nothing about the line.
    pub(crate) fn handle_pause(&mut self, span: Duration, now: Now) {
        self.counters.pauses += 1;
        self.report.paused = Some(self.report.paused.unwrap_or_default() + span);
        self.answering.handle_pause(span);
        for place in self.roster.places() {
            if let Some(sending) = self.roster.get_mut(place) {
                sending.set_aside(now.mono);
                self.tell(place);
            }
        }
        self.news = true;
    }

    /// Sends what is due, gives up what is overdue.
    pub(crate) fn handle_timeout(&mut self, now: Now, out: &mut impl Outlet) {
        let grain = self.grain();
        for _ in 0..BURST {
            let Some(place) = self.calendar.pop(now.mono) else {
                break;
            };
            let Some(sending) = self.roster.get_mut(place) else {
                continue;
            };
            self.counters.missed += sending.handle_timeout(&mut Look {
                now,
                place,
                grain,
                error: self.error,
                out,
            });
            let used_up = sending.is_used_up();
            if let Some(next) = sending.poll_timeout(grain) {
                self.calendar.set(place, next);
            }
            if used_up {
                self.set_back(place, Setback::UsedUp);
            }
            self.tell(place);
        }
        self.answering.handle_timeout(now.mono);
        self.news |= self.answering.has_news();
    }

    /// When it wants to be told the time; `None` while nothing is to be done.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let report = self.news.then(|| self.last_report + self.cadence);
        let all = [self.calendar.next(), self.answering.poll_timeout(), report];
        all.into_iter().flatten().min()
    }

    /// The report, if one is due, or has grown long.
    pub(crate) fn poll_report(&mut self, now: Now) -> Option<Report> {
        if self.is_due(now.mono) {
            return Some(self.report(now, SERVED));
        }
        let full = self.report.entries.len() >= FULL;
        full.then(|| self.hand_over(now))
    }

    /// A report is due with each cadence; a little sooner, where the thread would have to wake up
    /// for it alone.
    fn is_due(&self, now: Mono) -> bool {
        let due = self.last_report + self.cadence;
        let alone = || self.calendar.next().is_none_or(|next| next > due);
        self.news && (now >= due || now + self.cadence / 4 >= due && alone())
    }

    /// The whole report, due or not.
    pub(crate) fn report_now(&mut self, now: Now) -> Report {
        self.report(now, usize::MAX)
    }

    fn report(&mut self, now: Now, served: usize) -> Report {
        self.tell_of_the_silent();
        self.last_report = now.mono;
        let mut report = self.hand_over(now);
        report.served = self.answering.report(served);
        self.news = self.answering.has_news();
        report
    }

    /// What is known so far.
    fn hand_over(&mut self, now: Now) -> Report {
        self.number += 1;
        let spent = self.spent.pop().map(Report::emptied);
        let next = spent.unwrap_or_else(|| self.report.alike());
        let mut report = std::mem::replace(&mut self.report, next);
        report.at = now;
        report.counters = self.counters;
        report.counters.not_admitted = self.answering.not_admitted();
        report.counters.late = self.lateness.late();
        report.counters.lateness = self.lateness.spread(now.mono);
        for place in self.finished.drain(..) {
            if let Some(gone) = self.roster.remove(place) {
                let (path, to) = gone.far_end();
                self.peers.remove(path, to, place);
                self.calendar.remove(place);
            }
        }
        // Whatever is due then will be told of.
        let next = self.calendar.next();
        report.next = next.map(|next| next.max(self.last_report + self.cadence));
        report
    }

    fn send(&mut self, key: Key, stream: &Stream, now: Mono) {
        let (path, to) = (stream.path, stream.to);
        let place = match self.roster.find(key) {
            // A session that was agreed on anew goes on with its numbers and results.
            Some(place) => {
                if let Some(sending) = self.roster.get_mut(place) {
                    let (path, to) = sending.far_end();
                    self.peers.remove(path, to, place);
                    sending.renew(stream, now, &mut self.report.entries);
                }
                self.calendar.set(place, now);
                place
            }
            None => {
                let others = self.roster.len();
                let first = self.phases.first(now, stream.interval, path, others);
                let place = self.roster.insert(Sending::new(key, stream, first));
                self.calendar.set(place, first);
                place
            }
        };
        self.peers.insert(path, to, place);
    }

    fn grain(&self) -> Duration {
        match self.roster.len() {
            0..MANY => Duration::ZERO,
            MANY.. => SLOT,
        }
    }

    /// Something has happened to a sender.
    fn tell(&mut self, place: u32) {
        let Some(sending) = self.roster.get_mut(place) else {
            return;
        };
        self.news = true;
        sending.drain(&mut self.report.entries);
        let (pulse, pulses) = ((sending.key(), sending.pulse()), &mut self.report.pulses);
        let told = sending.told.filter(|(number, _)| *number == self.number);
        let mut was_finished = false;
        match told.and_then(|(_, index)| pulses.get_mut(index)) {
            Some(known) => {
                let (_, former) = std::mem::replace(known, pulse);
                was_finished = former.finished;
            }
            None => {
                sending.told = Some((self.number, pulses.len()));
                pulses.push(pulse);
            }
        }
        if pulse.1.finished && !was_finished {
            self.finished.push(place);
        }
        if sending.is_silent() && !sending.watched {
            sending.watched = true;
            self.silent.push(place);
        }
    }

    /// Silence grows without anything happening.
    fn tell_of_the_silent(&mut self) {
        let mut silent = std::mem::take(&mut self.silent);
        silent.retain(|place| {
            let Some(sending) = self.roster.get_mut(*place) else {
                return false;
            };
            sending.watched = sending.is_silent();
            let watched = sending.watched;
            if watched {
                self.tell(*place);
            }
            watched
        });
        silent.append(&mut self.silent);
        self.silent = silent;
    }
}

#[cfg(test)]
mod tests;
