//! What is known of every session: written by `twamp-ctl`, read by whoever asks.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use plugin_abi::config::Probe;
use plugin_abi::manage::{
    Failure, Progress, RunState, ServedResult, SessionResult, SessionRow, Statistics,
};
use twamp_core::metrics::loss::LossCounts;
use twamp_core::wire::control::Modes;

use super::counters::Tellings;
use super::identity::session_id;
use super::result::{Identity, Tally, served};
use super::setback::Setback;
use super::{Key, Report, Served};

/// Ended runs and served sessions that are still listed, at most.
const KEPT: usize = 256;

/// Every session of one engine.
#[derive(Default)]
pub(crate) struct Board {
    senders: BTreeMap<Key, Sender>,
    served: BTreeMap<Key, Served>,
    counters: Tellings,
    statistics: Statistics,
}

struct Sender {
    /// The line's name; none for a run.
    line: Option<String>,
    state: RunState,
    failure: Option<Failure>,
    who: Identity,
    tally: Tally,
    counts: LossCounts,
    setback: Option<Setback>,
}

impl Board {
    /// A session that will send probes; with `line`, the one that measures it.
    pub(crate) fn sender(
        &mut self,
        key: Key,
        line: Option<String>,
        probe: &Probe,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        // The port of a run is the system's choice: it is no part of who talks to whom.
        let port = if line.is_some() { local.port() } else { 0 };
        let who = Identity {
            id: session_id(SocketAddr::new(local.ip(), port), remote),
            mode: probe.protocol.name(),
            local,
            remote,
            stateful: probe.is_directed(),
            control: probe.protocol.has_control(),
            features: Modes::NONE,
            refused: Modes::NONE,
        };
        let sender = Sender {
            line,
            state: RunState::Connecting,
            failure: None,
            who,
            tally: Tally::new(),
            counts: LossCounts::default(),
            setback: None,
        };
        self.senders.insert(key, sender);
        self.forget_oldest();
    }

    /// Where a sender is in its life. One that ends without any answer fails by its last setback.
    pub(crate) fn state(&mut self, key: Key, state: RunState, failure: Option<Failure>) {
        if let Some(sender) = self.senders.get_mut(&key) {
            let unanswered = || sender.setback.filter(|_| sender.counts.received == 0);
            let setback = unanswered().filter(|_| state == RunState::Ended);
            let setback = setback.map(|why| why.failure(sender.who.remote, sender.who.control));
            sender.failure = failure.or(setback);
            sender.state = match sender.failure {
                Some(_) if state == RunState::Ended => RunState::Failed,
                _ => state,
            };
        }
    }

    /// What a sender and its far end have agreed on, and what that offers and refuses.
    pub(crate) fn agreed(&mut self, key: Key, features: Modes, refused: Modes) {
        if let Some(sender) = self.senders.get_mut(&key) {
            (sender.who.features, sender.who.refused) = (features, refused);
        }
    }

    /// The sender never came to be.
    pub(crate) fn forget(&mut self, key: Key) {
        self.senders.remove(&key);
    }

    /// Enters what a probe thread has seen. Answers what the served sessions that have ended
    /// saw.
    pub(crate) fn absorb(&mut self, thread: u16, report: &Report) -> Vec<ServedResult> {
        for (key, entry) in &report.entries {
            if let Some(sender) = self.senders.get_mut(key) {
                sender.tally.absorb(entry);
            }
        }
        for (key, pulse) in &report.pulses {
            if let Some(sender) = self.senders.get_mut(key) {
                sender.counts = pulse.counts;
            }
        }
        for (key, setback) in &report.setbacks {
            if let Some(sender) = self.senders.get_mut(key) {
                sender.setback = Some(*setback);
            }
        }
        let mut ended = Vec::new();
        for (key, seen) in &report.served {
            if seen.ended.is_some() {
                ended.push(result_of(seen));
            }
            self.served.insert(*key, seen.clone());
        }
        if !ended.is_empty() {
            self.forget_oldest();
        }
        self.counters.enter(thread, report.at.mono, report.counters);
        let counters = self.counters.sum();
        self.statistics.probes_sent = counters.sent;
        self.statistics.replies_received = counters.received;
        self.statistics.reflected = counters.reflected;
        self.statistics.discarded = counters.discarded + counters.net.truncated;
        self.statistics.not_admitted = counters.not_admitted;
        self.statistics.pauses = counters.pauses;
        self.statistics.wakeups = counters.net.wakeups;
        self.statistics.overflows = counters.net.overflows;
        self.statistics.late_sends = counters.late;
        self.statistics.missed_sends = counters.missed;
        self.statistics.send_lateness_us = counters.lateness.map(Into::into);
        ended
    }

    /// How a run stands.
    pub(crate) fn progress(&self, key: Key) -> Option<Progress> {
        let sender = self
            .senders
            .get(&key)
            .filter(|sender| sender.line.is_none())?;
        Some(Progress {
            run: key.0,
            state: sender.state,
            failure: sender.failure.clone(),
            result: Some(sender.result()),
        })
    }

    /// Every session.
    pub(crate) fn rows(&self) -> Vec<SessionRow> {
        let senders = self.senders.values().map(|sender| SessionRow {
            line: sender.line.clone(),
            role: "sender".into(),
            state: match sender.state {
                RunState::Connecting if sender.failure.is_some() => "retrying",
                RunState::Connecting => "connecting",
                RunState::Running => "running",
                RunState::Ended => "ended",
                RunState::Failed => "failed",
            }
            .into(),
            trouble: sender
                .failure
                .as_ref()
                .map(|failure| failure.message.clone()),
            result: Some(sender.result()),
            served: None,
        });
        let served = self.served.values().map(|seen| SessionRow {
            line: None,
            role: "responder".into(),
            state: if seen.ended.is_some() {
                "ended"
            } else {
                "running"
            }
            .into(),
            trouble: None,
            result: None,
            served: Some(result_of(seen)),
        });
        senders.chain(served).collect()
    }

    /// Nothing is served any more. Answers what the sessions still served saw.
    pub(crate) fn close(&mut self) -> Vec<ServedResult> {
        let mut ended = Vec::new();
        for seen in self.served.values_mut().filter(|seen| seen.ended.is_none()) {
            seen.ended = Some("the responder was stopped");
            ended.push(result_of(seen));
        }
        ended
    }

    /// Counters, as far as probe threads have told them.
    pub(crate) fn statistics(&mut self) -> &mut Statistics {
        &mut self.statistics
    }

    /// Keeps the lists short: what ended first goes first.
    fn forget_oldest(&mut self) {
        let over = |state| matches!(state, RunState::Ended | RunState::Failed);
        let runs = self.senders.iter().filter(|(_, sender)| over(sender.state));
        let runs: Vec<Key> = runs.map(|(key, _)| *key).collect();
        for key in &runs[..runs.len().saturating_sub(KEPT)] {
            self.senders.remove(key);
        }
        let ended = self.served.iter().filter(|(_, seen)| seen.ended.is_some());
        let ended: Vec<Key> = ended.map(|(key, _)| *key).collect();
        for key in &ended[..ended.len().saturating_sub(KEPT)] {
            self.served.remove(key);
        }
    }
}

impl Sender {
    fn result(&self) -> SessionResult {
        self.tally.result(&self.who, &self.counts)
    }
}

fn result_of(seen: &Served) -> ServedResult {
    let id = session_id(seen.remote, seen.local);
    served(id, seen)
}
