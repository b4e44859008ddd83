//! One stream of probes on the probe thread: the core's sender with its pace.

use twamp_core::metrics::loss::LossCounts;
use twamp_core::probe::{Arrival, Outcome, TxToken};
use twamp_core::stamp::Discard;
use twamp_core::time::{ErrorEstimate, Mono, Now};

use std::net::SocketAddr;

use super::outlet::{Outlet, Token};
use super::sender::Sender;
use super::{Entry, Key, Pulse, Stream};
use crate::net::{Options, Outgoing, Path, SendError, TxStamps};

/// One stream of probes.
pub(super) struct Sending {
    key: Key,
    stream: Stream,
    sender: Sender,
    /// Which of the sessions that were agreed on.
    session: u32,
    /// Totals of those before it.
    former: LossCounts,
    /// What has happened since it was last told.
    entries: Vec<Entry>,
    pace: Pace,
    left: Option<u32>,
    last_reply: Option<Mono>,
    last_sent: Mono,
    unanswered_since: Option<Mono>,
}

/// Whether probes leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// The next one at this time.
    Due(Mono),
    /// Not now: there is nobody to answer.
    Suspended,
    /// All are sent.
    Done,
}

impl Sending {
    /// The first probe leaves at `now`.
    pub(super) fn new(key: Key, stream: Stream, now: Mono) -> Self {
        Self {
            key,
            sender: Sender::new(&stream),
            session: 0,
            former: LossCounts::default(),
            entries: Vec::new(),
            pace: Pace::Due(now),
            left: stream.count,
            last_reply: None,
            last_sent: now,
            unanswered_since: None,
            stream,
        }
    }

    /// Where its replies come from.
    pub(super) fn peer(&self) -> (Path, SocketAddr) {
        (self.stream.path, self.stream.to)
    }

    /// Another session was agreed on: numbers begin anew, and the far end's port, the keys and the
    /// features may be others.
    pub(super) fn renew(&mut self, stream: Stream, now: Mono) {
        self.set_aside(now);
        self.drain();
        self.entries.push(Entry::NewSession);
        self.former += self.sender.counts();
        self.sender = Sender::new(&stream);
        self.session += 1;
        self.stream = stream;
        if self.pace == Pace::Suspended {
            self.pace = Pace::Due(now);
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

    /// Sends the probe that is due, gives up those that are overdue.
    pub(super) fn handle_timeout(&mut self, now: Now, error: ErrorEstimate, out: &mut impl Outlet) {
        self.sender.handle_timeout(now.mono);
        let Pace::Due(due) = self.pace else { return };
        if due > now.mono {
            return;
        }
        let mut payload = out.buffer();
        let token = self.sender.send(now, error, &mut payload);
        out.queue(Outgoing {
            path: self.stream.path,
            to: self.stream.to,
            payload,
            seal: None,
            token: Some(Token::Probe {
                key: self.key,
                session: self.session,
                probe: token,
            }),
            options: Options::default(),
        });
        self.last_sent = now.mono;
        self.unanswered_since.get_or_insert(now.mono);
        self.left = self.left.map(|left| left.saturating_sub(1));
        // A thread that was held up doesn't send in a burst what it has missed.
        let next = due + self.stream.interval;
        let next = if next <= now.mono {
            now.mono + self.stream.interval
        } else {
            next
        };
        self.pace = if self.left == Some(0) {
            Pace::Done
        } else {
            Pace::Due(next)
        };
    }

    /// A probe of its `session` has left, or has not.
    pub(super) fn handle_sent(
        &mut self,
        session: u32,
        probe: TxToken,
        result: Result<TxStamps, SendError>,
    ) {
        if session != self.session {
            return;
        }
        match result {
            Ok(stamps) => self.sender.transmitted(probe, stamps.into()),
            Err(_) => self.sender.not_sent(probe),
        }
    }

    pub(super) fn handle_reply(&mut self, packet: &[u8], arrival: &Arrival) -> Result<(), Discard> {
        self.sender.handle_reply(packet, arrival)
    }

    /// What is in flight says nothing about the line.
    pub(super) fn set_aside(&mut self, now: Mono) {
        self.sender.set_aside_outstanding(now);
        self.unanswered_since = None;
    }

    /// Moves what has happened to `entries`.
    pub(super) fn entries(&mut self, entries: &mut Vec<(Key, Entry)>) {
        self.drain();
        entries.extend(self.entries.drain(..).map(|entry| (self.key, entry)));
    }

    fn drain(&mut self) {
        while let Some((outcome, returned)) = self.sender.poll_outcome() {
            if let Outcome::Sample(sample) = &outcome {
                self.answered(sample.sent, sample.received);
            }
            self.entries.push(Entry::Probe(outcome));
            self.entries.extend(returned.map(Entry::FarEnd));
        }
    }

    /// When it wants to be looked at again; `None`: never.
    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        match (self.pace, self.sender.poll_timeout()) {
            (Pace::Due(next), Some(timeout)) => Some(next.min(timeout)),
            (Pace::Due(next), None) => Some(next),
            (Pace::Suspended | Pace::Done, timeout) => timeout,
        }
    }

    pub(super) fn pulse(&self) -> Pulse {
        let mut counts = self.former;
        counts += self.sender.counts();
        Pulse {
            counts,
            last_reply: self.last_reply,
            unanswered_since: self.unanswered_since,
            interval: self.stream.interval,
            finished: self.pace == Pace::Done && counts.in_flight == 0,
        }
    }

    /// The probe sent at `sent` was answered: silence begins with the one after it, if any.
    fn answered(&mut self, sent: Mono, received: Mono) {
        self.last_reply = self.last_reply.max(Some(received));
        if self.unanswered_since.is_some_and(|since| since <= sent) {
            let next = sent + self.stream.interval;
            self.unanswered_since = (sent < self.last_sent).then(|| next.min(self.last_sent));
        }
    }
}
