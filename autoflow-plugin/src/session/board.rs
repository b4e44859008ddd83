//! What is known of every session: written by `twamp-ctl`, read by whoever asks.

use std::collections::VecDeque;
use std::net::SocketAddr;

use plugin_abi::config::Probe;
use plugin_abi::manage::{
    Asked, Failure, Progress, RunState, ServedResult, SessionResult, SessionRow, Statistics,
};
use twamp_core::metrics::clock::Step;
use twamp_core::metrics::loss::LossCounts;
use twamp_core::time::ErrorEstimate;
use twamp_core::wire::control::Modes;

use super::counters::Tellings;
use super::identity::session_id;
use super::keyed::Keyed;
use super::result::{Identity, Tally, served};
use super::setback::Setback;
use super::{Key, Report, Served, Sizes};
use crate::net::clock_error;

/// Ended runs and served sessions that are still listed, at most.
const KEPT: usize = 256;

/// Every session of one engine.
#[derive(Default)]
pub(crate) struct Board {
    /// Boxed, as a table has room to spare.
    senders: Keyed<Box<Sender>>,
    served: Keyed<Served>,
    /// Senders that are over and served sessions that are, in the order in which they ended.
    over: [VecDeque<Key>; 2],
    counters: Tellings,
    statistics: Statistics,
}

/// Places in [`Board::over`].
const SENDERS: usize = 0;
const SERVED: usize = 1;

struct Sender {
    /// The line's name; none for a run.
    line: Option<Box<str>>,
    state: RunState,
    failure: Option<Failure>,
    who: Identity,
    tally: Tally,
    counts: LossCounts,
    sizes: Sizes,
    setback: Option<Setback>,
}

impl Board {
    /// A session that will send probes; with `line`, the one that measures it.
    pub(crate) fn sender(
        &mut self,
        key: Key,
        line: Option<&str>,
        probe: &Probe,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        let who = Identity {
            run: line.is_none(),
            mode: probe.protocol.name(),
            local,
            remote,
            stateful: probe.is_directed(),
            control: probe.protocol.has_control(),
            features: Modes::NONE,
            refused: Modes::NONE,
            asked: Asked {
                dscp: probe.dscp,
                ecn: 0,
                ttl: probe.ttl,
                dont_fragment: probe.dont_fragment,
            },
        };
        let sender = Sender {
            line: line.map(Box::from),
            state: RunState::Connecting,
            failure: None,
            tally: Tally::new(&who, probe.protocol),
            who,
            counts: LossCounts::default(),
            sizes: Sizes::default(),
            setback: None,
        };
        self.senders.insert(key, Box::new(sender));
        self.forget_oldest();
    }

    /// Where a sender is in its life. One that ends without any answer fails by its last setback.
    pub(crate) fn state(&mut self, key: Key, state: RunState, failure: Option<Failure>) {
        if let Some(sender) = self.senders.get_mut(&key) {
            let was_over = is_over(sender.state);
            let unanswered = || sender.setback.filter(|_| sender.counts.received == 0);
            let setback = unanswered().filter(|_| state == RunState::Ended);
            let setback = setback.map(|why| why.failure(sender.who.remote, sender.who.control));
            sender.failure = failure.or(setback);
            sender.state = match sender.failure {
                Some(_) if state == RunState::Ended => RunState::Failed,
                _ => state,
            };
            if is_over(sender.state) && !was_over {
                self.over[SENDERS].push_back(key);
            }
        }
    }

    /// What a sender and its far end have agreed on, and what that offers and refuses.
    pub(crate) fn agreed(&mut self, key: Key, features: Modes, refused: Modes) {
        if let Some(sender) = self.senders.get_mut(&key) {
            (sender.who.features, sender.who.refused) = (features, refused);
        }
    }

    /// Its probes are marked with this TOS octet or traffic class, whatever the DSCP.
    pub(crate) fn marked(&mut self, key: Key, tos: u8) {
        if let Some(sender) = self.senders.get_mut(&key) {
            (sender.who.asked.dscp, sender.who.asked.ecn) = (tos >> 2, tos & 3);
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
            if let Some(sender) = self.senders.get_mut(key)
                && let Some(step) = sender.tally.absorb(entry)
            {
                sender.tell(&step);
            }
        }
        for (key, pulse) in &report.pulses {
            if let Some(sender) = self.senders.get_mut(key) {
                (sender.counts, sender.sizes) = (pulse.counts, pulse.sizes);
            }
        }
        for (key, setback) in &report.setbacks {
            if let Some(sender) = self.senders.get_mut(key) {
                sender.setback = Some(*setback);
            }
        }
        let mut ended = Vec::new();
        for (key, seen) in &report.served {
            let former = self.served.insert(*key, seen.clone());
            if seen.ended.is_some() {
                ended.push(result_of(seen));
                if former.is_none_or(|former| former.ended.is_none()) {
                    self.over[SERVED].push_back(*key);
                }
            }
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
            result: Some(sender.result(clock_error())),
        })
    }

    /// Every session, in the order in which they began; those that send come first.
    pub(crate) fn rows(&self) -> Vec<SessionRow> {
        let near = clock_error();
        let senders = in_order(&self.senders).map(|sender| SessionRow {
            line: sender.line.as_deref().map(str::to_owned),
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
            result: Some(sender.result(near)),
            served: None,
        });
        let served = in_order(&self.served).map(|seen| SessionRow {
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

    /// Keeps the lists short, when more comes: what ended first goes first. After a stop nothing
    /// comes, and all can be read.
    fn forget_oldest(&mut self) {
        let [senders, served] = &mut self.over;
        for key in senders.drain(..senders.len().saturating_sub(KEPT)) {
            self.senders.remove(&key);
        }
        for key in served.drain(..served.len().saturating_sub(KEPT)) {
            self.served.remove(&key);
        }
    }
}

fn is_over(state: RunState) -> bool {
    matches!(state, RunState::Ended | RunState::Failed)
}

fn in_order<T>(all: &Keyed<T>) -> impl Iterator<Item = &T> {
    let mut all: Vec<_> = all.iter().collect();
    all.sort_unstable_by_key(|(key, _)| **key);
    all.into_iter().map(|(_, of)| of)
}

impl Sender {
    fn result(&self, near: ErrorEstimate) -> SessionResult {
        self.tally
            .result(&self.who, &self.counts, &self.sizes, near)
    }

    fn tell(&self, step: &Step) {
        let name = match &self.line {
            Some(line) => format!("line {line}"),
            None => format!("run to {}", self.who.remote),
        };
        tracing::warn!(
            "{name}: a clock was set: the far one has moved by {:+.3} ms against the near one",
            step.size_ns as f64 / 1e6
        );
    }
}

fn result_of(seen: &Served) -> ServedResult {
    let id = session_id(seen.remote, seen.local);
    served(id, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(board: &mut Board, key: Key) {
        let [local, remote] = ["192.0.2.1:1", "192.0.2.2:862"].map(|at| at.parse().unwrap());
        board.sender(key, None, &Probe::default(), local, remote);
    }

    fn board(runs: usize) -> (Board, Vec<Key>) {
        let mut board = Board::default();
        let keys: Vec<Key> = (0..runs).map(|_| Key::new()).collect();
        keys.iter().for_each(|key| begin(&mut board, *key));
        (board, keys)
    }

    #[test]
    fn what_ended_first_is_forgotten_first_when_more_comes_and_what_runs_is_kept() {
        let (mut board, keys) = board(KEPT + 10);
        let ended = keys.iter().rev().take(KEPT + 2);
        ended.for_each(|key| board.state(*key, RunState::Ended, None));
        // Told once more, it has not ended once more.
        board.state(keys[20], RunState::Ended, None);
        assert_eq!(board.rows().len(), KEPT + 10);
        begin(&mut board, Key::new());
        assert_eq!(board.rows().len(), KEPT + 9);
        let newest = [KEPT + 8, KEPT + 9].map(|nth| board.progress(keys[nth]));
        assert_eq!(newest, [None, None]);
        assert!(board.progress(keys[0]).is_some());
    }
}
