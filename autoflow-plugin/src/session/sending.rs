//! One stream of probes on the probe thread: the core's sender with its pace.

use twamp_core::probe::{Arrival, Discard, Outcome, Sender, SenderConfig, TxStamp, TxToken};
use twamp_core::time::{ErrorEstimate, Mono, Now};

use std::net::SocketAddr;

use super::probes::{Outlet, Token};
use super::{Key, Pulse, Stream};
use crate::net::{Options, Outgoing, Path, SendError, TxStamps};

/// Probes remembered for late and doubled replies, at least.
const REMEMBERED: usize = 256;

/// One stream of probes.
pub(super) struct Sending {
    key: Key,
    stream: Stream,
    sender: Sender,
    /// When the next probe leaves; `None`: all are sent.
    next: Option<Mono>,
    left: Option<u32>,
    last_reply: Option<Mono>,
    last_sent: Mono,
    unanswered_since: Option<Mono>,
}

impl Sending {
    /// The first probe leaves at `now`.
    pub(super) fn new(key: Key, stream: Stream, now: Mono) -> Self {
        let in_flight = stream.timeout.as_nanos() / stream.interval.as_nanos().max(1);
        let config = SenderConfig {
            padding: stream.padding.into(),
            timeout: stream.timeout,
            stateful_reflector: stream.stateful,
            remembered: REMEMBERED.max(usize::try_from(in_flight * 4).unwrap_or(usize::MAX)),
            ..SenderConfig::default()
        };
        Self {
            key,
            sender: Sender::new(config),
            next: Some(now),
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

    /// The far end answers elsewhere now.
    pub(super) fn redirect(&mut self, to: SocketAddr) {
        self.stream.to = to;
    }

    /// No more probes.
    pub(super) fn finish(&mut self) {
        self.next = None;
    }

    /// Sends the probe that is due, gives up those that are overdue.
    pub(super) fn handle_timeout(&mut self, now: Now, error: ErrorEstimate, out: &mut impl Outlet) {
        self.sender.handle_timeout(now.mono);
        let Some(due) = self.next.filter(|due| *due <= now.mono) else {
            return;
        };
        if self.left == Some(0) {
            self.next = None;
            return;
        }
        let mut payload = out.buffer();
        let token = self.sender.send(now, error, &mut payload);
        out.queue(Outgoing {
            path: self.stream.path,
            to: self.stream.to,
            payload,
            seal: false,
            token: Some(Token(self.key, token)),
            options: Options::default(),
        });
        self.last_sent = now.mono;
        self.unanswered_since.get_or_insert(now.mono);
        self.left = self.left.map(|left| left - 1);
        self.next = (self.left != Some(0)).then(|| {
            // A thread that was held up doesn't send in a burst what it has missed.
            let next = due + self.stream.interval;
            if next <= now.mono {
                now.mono + self.stream.interval
            } else {
                next
            }
        });
    }

    pub(super) fn handle_sent(&mut self, token: TxToken, result: Result<TxStamps, SendError>) {
        match result {
            Ok(TxStamps { user, kernel }) => {
                self.sender.transmitted(
                    token,
                    TxStamp {
                        user: user.wall,
                        kernel,
                    },
                );
            }
            Err(_) => self.sender.not_sent(token),
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

    /// Moves what has become of probes to `outcomes`.
    pub(super) fn outcomes(&mut self, outcomes: &mut Vec<(Key, Outcome)>) {
        while let Some(outcome) = self.sender.poll_outcome() {
            if let Outcome::Sample(sample) = &outcome {
                self.answered(sample.sent, sample.received);
            }
            outcomes.push((self.key, outcome));
        }
    }

    /// When it wants to be looked at again; `None`: never.
    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        match (self.next, self.sender.poll_timeout()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    pub(super) fn pulse(&self) -> Pulse {
        let counts = self.sender.counts();
        Pulse {
            counts,
            last_reply: self.last_reply,
            unanswered_since: self.unanswered_since,
            interval: self.stream.interval,
            finished: self.next.is_none() && counts.in_flight == 0,
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
