//! One stream of probes on the probe thread: the core's sender with its times.

use twamp_core::metrics::loss::LossCounts;
use twamp_core::probe::{Arrival, Outcome, TxToken};
use twamp_core::stamp::Discard;
use twamp_core::time::{ErrorEstimate, Mono, Now};

use std::net::SocketAddr;
use std::time::Duration;

use super::metered::Metered;
use super::outlet::{Outlet, Token};
use super::rhythm::{Rate, Rhythm, Schedule, slot_after, usual};
use super::sender::Sender;
use super::setback::Setback;
use super::{Entry, Key, Pulse, Sizes, Stream, Tuning};
use crate::net::{Options, Outgoing, Path, Progress, SendError, TxStamps};

/// One stream of probes.
pub(super) struct Sending {
    key: Key,
    path: Path,
    to: SocketAddr,
    /// At rest.
    interval: Duration,
    rate: Rate,
    rhythm: Rhythm,
    sender: Sender,
    /// Which of the sessions that were agreed on.
    session: u32,
    /// Totals of those before it.
    former: Option<Box<LossCounts>>,
    pace: Pace,
    schedule: Schedule,
    /// Its octets are counted.
    metered: Option<Box<Metered>>,
    /// What has changed of it since it began.
    tuning: Option<Box<Tuning>>,
    /// The newest probe, and when it was due.
    newest: Option<(u64, Mono)>,
    left: Option<u32>,
    last_reply: Option<Mono>,
    last_sent: Mono,
    unanswered_since: Option<Mono>,
    sizes: Sizes,
    /// Where its pulse stands in the report of this number.
    pub(super) told: Option<(u64, usize)>,
    /// What was last told to keep it from being answered, in the report of this number.
    pub(super) set_back: Option<(u64, Setback)>,
    /// It is told of in each report because it is silent.
    pub(super) watched: bool,
}

/// Whether probes leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// By the schedule.
    Running,
    /// Not now: there is nobody to answer.
    Suspended,
    /// All are sent.
    Done,
}

/// What a look at a session is done with.
pub(super) struct Look<'a, O> {
    pub(super) now: Now,
    /// Its place: probes find back by it.
    pub(super) place: u32,
    /// Slots are so wide; zero: there are none.
    pub(super) grain: Duration,
    /// How good this host's clock is.
    pub(super) error: ErrorEstimate,
    pub(super) out: &'a mut O,
}

impl Sending {
    /// The first probe is due at `first`.
    pub(super) fn new(key: Key, stream: &Stream, first: Mono) -> Self {
        Self {
            key,
            path: stream.path,
            to: stream.to,
            interval: stream.interval,
            rate: Rate::Rest,
            rhythm: stream.rhythm,
            sender: Sender::new(stream),
            session: 0,
            former: None,
            pace: Pace::Running,
            schedule: Schedule::new(stream.rhythm, stream.interval, first),
            metered: Metered::of(key, stream).map(Box::new),
            tuning: None,
            newest: None,
            left: stream.count,
            last_reply: None,
            last_sent: first,
            unanswered_since: None,
            sizes: Sizes::default(),
            told: None,
            set_back: None,
            watched: false,
        }
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }

    /// Where its replies come by, and from.
    pub(super) fn far_end(&self) -> (Path, SocketAddr) {
        (self.path, self.to)
    }

    /// Another session was agreed on: numbers begin anew, and the far end's port, the keys and the
    /// features may be others.
    pub(super) fn renew(&mut self, stream: &Stream, now: Mono, entries: &mut Vec<(Key, Entry)>) {
        self.set_aside(now);
        self.drain(entries);
        entries.push((self.key, Entry::NewSession));
        **self.former.get_or_insert_default() += self.sender.counts();
        self.replace(stream, now);
    }

    /// Other packets leave from now on, and what is counted begins at 0 again.
    pub(super) fn begin_afresh(
        &mut self,
        stream: &Stream,
        tuning: Tuning,
        now: Mono,
        entries: &mut Vec<(Key, Entry)>,
    ) {
        self.set_aside(now);
        self.drain(entries);
        entries.push((self.key, Entry::Afresh));
        self.former = None;
        self.sizes = Sizes::default();
        self.tuning = Some(Box::new(tuning));
        self.replace(stream, now);
    }

    /// The next probe leaves so, not before it would be due by the new interval.
    pub(super) fn retune(&mut self, tuning: Tuning, now: Mono) {
        if (tuning.rhythm, tuning.interval) != (self.rhythm, self.interval) {
            (self.rhythm, self.interval) = (tuning.rhythm, tuning.interval);
            self.schedule_from(now);
        }
        self.tuning = Some(Box::new(tuning));
    }

    /// The next probe leaves at `due`, and those after it from there on.
    pub(super) fn leave_at(&mut self, due: Mono) {
        self.schedule = Schedule::new(self.rhythm, self.interval_now(), due);
    }

    /// Probes leave at another rate from now on. What rests at more than a hundred a second is
    /// never raised. Who is woken from standby is needed now, whenever its last probe left.
    pub(super) fn pace(&mut self, rate: Rate, now: Mono) {
        let before = self.spacing();
        let was = std::mem::replace(&mut self.rate, rate);
        // Silence counts in intervals: half of a long one that is over is half of a short one.
        let after = self.spacing();
        if let Some(since) = &mut self.unanswered_since
            && after < before
        {
            let silent = now.since(*since).mul_f64(after.div_duration_f64(before));
            *since = Mono(now.nanos().saturating_sub(silent.as_nanos() as u64));
        }
        self.schedule_from(now);
        if was == Rate::Standby && rate != Rate::Standby {
            self.leave_at(now);
        }
    }

    /// The next probe leaves one interval after the last one, or now.
    fn schedule_from(&mut self, now: Mono) {
        let interval = self.interval_now();
        let next = (self.last_sent + interval).max(now);
        self.schedule = Schedule::new(self.rhythm, interval, next);
        self.sender.paced(interval);
    }

    /// From one probe to the next: as the rate says, or as far as the budget asks for.
    fn interval_now(&self) -> Duration {
        let budget = self.metered.as_ref().map(|metered| metered.spacing());
        self.rate.of(self.interval).max(budget.unwrap_or_default())
    }

    /// The same, where they are not closer than at rest.
    fn spacing(&self) -> Duration {
        self.interval_now().max(self.interval)
    }

    /// None of its probes may leave until the month ends.
    pub(super) fn is_used_up(&self) -> bool {
        self.metered.as_ref().is_some_and(|it| it.is_used_up())
    }

    fn replace(&mut self, stream: &Stream, now: Mono) {
        self.sender = Sender::new(stream);
        self.metered = Metered::of(self.key, stream).map(Box::new);
        self.session += 1;
        let tuned = self.tuning.as_deref();
        let tuned = tuned.map(|tuning| (tuning.rhythm, tuning.interval));
        let (rhythm, interval) = tuned.unwrap_or((stream.rhythm, stream.interval));
        if (rhythm, interval) != (self.rhythm, self.interval) {
            (self.rhythm, self.interval) = (rhythm, interval);
            self.schedule = Schedule::new(rhythm, self.interval_now(), now);
        }
        self.sender.paced(self.schedule.interval());
        (self.path, self.to) = (stream.path, stream.to);
        if self.pace == Pace::Suspended {
            self.pace = Pace::Running;
        }
    }

    /// The far end has ended the session: what is in flight says nothing about the line.
    pub(super) fn suspend(&mut self, now: Mono) {
        self.set_aside(now);
        if self.pace != Pace::Done {
            self.pace = Pace::Suspended;
        }
    }

    /// No more probes.
    pub(super) fn finish(&mut self) {
        self.pace = Pace::Done;
    }

    /// Sends the probe that is due, gives up those that are overdue. Answers how many were passed
    /// over because this thread was held up.
    pub(super) fn handle_timeout(&mut self, look: &mut Look<'_, impl Outlet>) -> u64 {
        let now = look.now.mono;
        self.sender.handle_timeout(now);
        if self.pace != Pace::Running || self.schedule.due(look.grain) > now {
            return 0;
        }
        let missed = self.schedule.skip(now);
        let due = self.schedule.due(look.grain);
        if due > now {
            return missed;
        }
        if let Some(metered) = &mut self.metered
            && let Err(wait) = metered.take(look.now.wall)
        {
            self.leave_at(now + wait);
            return missed;
        }
        let mut payload = look.out.buffer();
        let token = self.sender.send(look.now, look.error, &mut payload);
        self.newest = Some((token.sequence(), due));
        self.sizes.probe(payload.len(), self.to);
        if let Some(metered) = &mut self.metered {
            metered.sent(payload.len(), self.to);
        }
        look.out.queue(Outgoing {
            path: self.path,
            to: self.to,
            payload,
            seal: None,
            token: Some(Token::Probe {
                key: self.key,
                place: look.place,
                session: self.session,
                probe: token,
            }),
            options: self
                .tuning
                .as_deref()
                .map_or_else(Options::default, |tuning| tuning.options),
            progress: Progress::default(),
        });
        self.last_sent = now;
        self.unanswered_since.get_or_insert(now);
        self.left = self.left.map(|left| left.saturating_sub(1));
        if self.left == Some(0) {
            self.pace = Pace::Done;
        }
        // Month by month, and in its last fifth, the budget asks for another interval.
        if self.interval_now() != self.schedule.interval() {
            self.schedule_from(now);
            return missed;
        }
        missed + self.schedule.advance(now)
    }

    /// A probe of its `session` has left, or has not. Answers when it was due, while that is known.
    pub(super) fn handle_sent(
        &mut self,
        session: u32,
        probe: TxToken,
        result: Result<TxStamps, SendError>,
    ) -> Option<Mono> {
        if session != self.session {
            return None;
        }
        let newest = self
            .newest
            .take_if(|(number, _)| *number == probe.sequence());
        match result {
            Ok(stamps) => self.sender.transmitted(probe, stamps.into()),
            Err(error) => {
                self.sender.not_sent(probe);
                if let Some(metered) = &mut self.metered {
                    metered.not_sent();
                }
                if error == SendError::TooBig {
                    self.sizes.not_sent();
                }
            }
        }
        newest.map(|(_, due)| due)
    }

    pub(super) fn handle_reply(&mut self, packet: &[u8], arrival: &Arrival) -> Result<(), Discard> {
        if let Some(metered) = &mut self.metered {
            metered.replied(packet.len(), self.to);
        }
        self.sender.handle_reply(packet, arrival)?;
        self.sizes.reply(packet.len(), self.to);
        Ok(())
    }

    /// Somebody takes packets of at most `mtu` octets: this host, or a router on the way.
    pub(super) fn handle_too_big(&mut self, mtu: u32, here: bool) {
        self.sizes.refused(mtu, here);
    }

    /// What is in flight says nothing about the line.
    pub(super) fn set_aside(&mut self, now: Mono) {
        self.sender.set_aside_outstanding(now);
        self.unanswered_since = None;
    }

    /// Moves what has happened to `entries`.
    pub(super) fn drain(&mut self, entries: &mut Vec<(Key, Entry)>) {
        while let Some((outcome, returned)) = self.sender.poll_outcome() {
            if let Outcome::Sample(sample) = &outcome {
                self.answered(sample.sent, sample.received);
            }
            entries.push((self.key, Entry::Probe(outcome)));
            entries.extend(returned.map(|returned| (self.key, Entry::FarEnd(returned))));
        }
    }

    /// When it wants to be looked at again, on slots that are `grain` wide; `None`: never.
    pub(super) fn poll_timeout(&self, grain: Duration) -> Option<Mono> {
        let next = (self.pace == Pace::Running).then(|| self.schedule.due(grain));
        let timeout = self.sender.poll_timeout();
        let timeout = timeout.map(|due| match grain.as_nanos() as u64 {
            0 => due,
            grain => slot_after(due, grain),
        });
        next.into_iter().chain(timeout).min()
    }

    /// More than one probe has found no answer.
    pub(super) fn is_silent(&self) -> bool {
        self.unanswered_since
            .is_some_and(|since| since < self.last_sent)
    }

    pub(super) fn pulse(&self) -> Pulse {
        let mut counts = self.sender.counts();
        if let Some(former) = &self.former {
            counts += **former;
        }
        Pulse {
            counts,
            last_reply: self.last_reply,
            unanswered_since: self.unanswered_since,
            interval: usual(self.rhythm, self.spacing()),
            slowed: self.spacing().div_duration_f32(self.interval),
            sizes: self.sizes,
            finished: self.pace == Pace::Done && counts.in_flight == 0,
        }
    }

    /// The probe sent at `sent` was answered: silence begins with the one after it, if any.
    fn answered(&mut self, sent: Mono, received: Mono) {
        self.last_reply = self.last_reply.max(Some(received));
        if self.unanswered_since.is_some_and(|since| since <= sent) {
            let next = sent + self.spacing();
            self.unanswered_since = (sent < self.last_sent).then(|| next.min(self.last_sent));
        }
    }
}
