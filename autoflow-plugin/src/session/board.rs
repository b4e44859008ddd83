//! What is known of every session: written by `twamp-ctl`, read by whoever asks.

mod sender;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use plugin_abi::config::Probe;
use plugin_abi::manage::{
    Asked, Failure, Progress, RunResult, RunState, ServedResult, SessionKind, SessionRow,
    Statistics,
};
use twamp_core::metrics::clock::Step;
use twamp_core::time::Now;
use twamp_core::wire::control::Modes;

use super::counters::Tellings;
use super::history::History;
use super::identity::session_id;
use super::keyed::Keyed;
use super::registry::Id;
use super::result::{Identity, Interval, served};
use super::subject::Subject;
use super::{Key, Report, Served};
use crate::net::clock_error;
pub(crate) use sender::Rewritten;
use sender::Sender;

/// Ended runs and served sessions that are still listed, at most.
const KEPT: usize = 256;
/// Runs whose percentiles are right to three digits, at most, at one time: that takes memory. Where
/// more go on, the others' are as right as those of lines.
const EXACT: usize = 1_024;

/// Clocks that were set and nobody has asked about yet, at most.
const STEPS: usize = 256;

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
    /// Clocks that were set since somebody asked.
    steps: Vec<(Key, Step)>,
    /// Runs with exact percentiles that go on.
    exact: usize,
    /// Of lines nothing is kept that scores don't need.
    scores_only: bool,
    /// The newest of each configured session.
    newest: HashMap<Id, Key>,
    /// Of configured sessions.
    pub(crate) history: History,
}

/// Places in [`Board::over`].
const SENDERS: usize = 0;
const SERVED: usize = 1;

impl Board {
    /// A session that will send probes, known at `now`.
    pub(crate) fn sender(
        &mut self,
        key: Key,
        subject: Subject,
        probe: &Probe,
        (local, remote): (SocketAddr, SocketAddr),
        now: Now,
    ) {
        let run = subject.is_run();
        let exact = run && self.exact < EXACT;
        self.exact += usize::from(exact);
        let who = Identity {
            run,
            configured: subject.own().cloned(),
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
        if let Some(id) = subject.own() {
            self.newest.insert(id.clone(), key);
        }
        let kept = !(self.scores_only && subject.is_line());
        let mut sender = Sender::new(subject, who, exact, probe.protocol, now.wall);
        sender.keep(kept);
        self.senders.insert(key, Box::new(sender));
        self.forget_oldest();
    }

    /// Of lines, keep no more than scores need; or all there is.
    pub(crate) fn scores_only(&mut self, only: bool) {
        self.scores_only = only;
        let senders = self.senders.values_mut();
        for line in senders.filter(|sender| sender.subject.is_line()) {
            line.keep(!only);
        }
    }

    /// What a sender is bound to, and whom it really calls.
    pub(crate) fn bound(&mut self, key: Key, local: SocketAddr, remote: SocketAddr) {
        if let Some(sender) = self.senders.get_mut(&key) {
            (sender.who.local, sender.who.remote) = (local, remote);
        }
    }

    /// Where a sender is in its life. One that ends without any answer fails by its last setback.
    pub(crate) fn state(&mut self, key: Key, state: RunState, failure: Option<Failure>, now: Now) {
        if let Some(sender) = self.senders.get_mut(&key) {
            let was_over = is_over(sender.state);
            let unanswered = || sender.setback.filter(|_| sender.counts.received == 0);
            let setback = unanswered().filter(|_| state == RunState::Ended);
            let setback = setback.map(|why| why.failure(sender.who.remote, sender.who.control));
            sender.failure = failure.or(setback).map(Box::new);
            sender.state = match sender.failure {
                Some(_) if state == RunState::Ended => RunState::Failed,
                _ => state,
            };
            if is_over(sender.state) && !was_over {
                self.over[SENDERS].push_back(key);
                self.exact -= usize::from(sender.exact);
                if let (Some(id), true) = (sender.subject.own(), sender.subject.is_run()) {
                    let result = sender.run_result(key, Some(now.wall), clock_error());
                    self.history.enter(id.clone(), result);
                }
            }
        }
    }

    /// What a sender and its far end have agreed on, and what that offers and refuses.
    pub(crate) fn agreed(&mut self, key: Key, features: Modes, refused: Modes) {
        if let Some(sender) = self.senders.get_mut(&key) {
            (sender.who.features, sender.who.refused) = (features, refused);
        }
    }

    /// How its probes are to leave; while they do, once its thread has heard of it.
    pub(crate) fn asked(&mut self, key: Key, asked: Asked) {
        if let Some(sender) = self.senders.get_mut(&key) {
            match sender.state {
                RunState::Running => sender.asked_next = Some(asked),
                _ => sender.who.asked = asked,
            }
        }
    }

    /// The sender never came to be.
    pub(crate) fn forget(&mut self, key: Key) {
        if let Some(sender) = self.senders.remove(&key) {
            self.exact -= usize::from(sender.exact && !is_over(sender.state));
            forget_newest(&mut self.newest, key, &sender);
        }
    }

    /// A configured session, or a run of it, is not over.
    pub(crate) fn is_busy(&self, id: &Id) -> bool {
        let newest = self.newest.get(id).and_then(|key| self.senders.get(key));
        newest.is_some_and(|sender| !is_over(sender.state))
    }

    /// Enters what a probe thread has seen. Answers what the served sessions that have ended
    /// saw.
    pub(crate) fn absorb(&mut self, thread: u16, report: &Report) -> Vec<ServedResult> {
        for (key, entry) in &report.entries {
            if let Some(sender) = self.senders.get_mut(key) {
                let step = sender.absorb(entry, report.at.wall);
                if let Some(step) = step.filter(|_| self.steps.len() < STEPS) {
                    self.steps.push((*key, step));
                }
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

    /// Each clock that was set since this was last asked, of which session, and by how much.
    pub(crate) fn take_steps(&mut self) -> Vec<(Key, String, Step)> {
        let steps = std::mem::take(&mut self.steps).into_iter();
        let known = steps.filter_map(|(key, step)| {
            let sender = self.senders.get(&key)?;
            Some((key, sender.who.id(), step))
        });
        known.collect()
    }

    /// Of the sessions that go on, those whose newest packets came with another DSCP: of one in
    /// `of` sessions, another part with each `turn`.
    pub(crate) fn rewritten(&self, turn: u64, of: u64) -> Vec<(Key, Rewritten)> {
        let senders = self.senders.iter();
        let part = senders.filter(|(key, _)| key.0 % of == turn);
        // Whoever asks for a single run is told of it with its result.
        let going_on = part.filter(|(_, sender)| {
            sender.state == RunState::Running && !matches!(sender.subject, Subject::Run)
        });
        let rewritten = going_on.filter_map(|(key, sender)| Some((*key, sender.rewritten()?)));
        rewritten.collect()
    }

    /// Collectors are told of a session that goes on by itself in intervals, from now on.
    pub(crate) fn divide(&mut self, key: Key, now: Now) {
        if let Some(sender) = self.senders.get_mut(&key) {
            sender.divide(now.wall);
        }
    }

    /// What a session has measured since it was last asked for this, or since it began.
    pub(crate) fn interval(&mut self, key: Key, now: Now) -> Option<Interval> {
        let sender = self.senders.get_mut(&key)?;
        Some(sender.interval(key, clock_error(), now.wall))
    }

    /// Of the sessions that are served, one in `of`, another part with each `turn`.
    pub(crate) fn serving(&self, turn: u64, of: u64) -> Vec<ServedResult> {
        let part = self.served.iter().filter(|(key, _)| key.0 % of == turn);
        let going_on = part.filter(|(_, seen)| seen.ended.is_none());
        going_on.map(|(_, seen)| result_of(seen)).collect()
    }

    /// How a run stands.
    pub(crate) fn progress(&self, key: Key) -> Option<Progress> {
        let sender = self
            .senders
            .get(&key)
            .filter(|sender| sender.subject.is_run())?;
        Some(Progress {
            run: key.0,
            state: sender.state,
            failure: sender.failure.as_deref().cloned(),
            result: Some(sender.result(clock_error())),
        })
    }

    /// Every session, in the order in which they began; those that send come first. What the
    /// configuration says of them is not known here.
    pub(crate) fn rows(&self) -> Vec<SessionRow> {
        let near = clock_error();
        let senders = in_order(&self.senders).map(|(key, sender)| sender.row(key, near));
        let served = in_order(&self.served).map(|(_, seen)| SessionRow {
            id: session_id(seen.remote, seen.local),
            kind: SessionKind::Served,
            name: None,
            owner: None,
            run: None,
            next_run_at: None,
            line: None,
            probe_class: None,
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

    /// What sessions that go on by themselves have measured so far: those of lines, and of
    /// configured ones. Names of the latter are not known here.
    pub(crate) fn rolling(&self) -> impl Iterator<Item = (&Subject, RunResult)> {
        let goes_on = |key: Key, sender: &Sender| match &sender.subject {
            Subject::Line(..) => !is_over(sender.state),
            Subject::Own { id, .. } => {
                self.newest.get(id) == Some(&key) && !sender.subject.is_run()
            }
            Subject::Run => false,
        };
        let all = in_order(&self.senders).filter(move |(key, sender)| goes_on(*key, sender));
        let near = clock_error();
        all.map(move |(key, sender)| (&sender.subject, sender.run_result(key, None, near)))
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
            if let Some(sender) = self.senders.remove(&key) {
                forget_newest(&mut self.newest, key, &sender);
            }
        }
        for key in served.drain(..served.len().saturating_sub(KEPT)) {
            self.served.remove(&key);
        }
    }
}

fn is_over(state: RunState) -> bool {
    matches!(state, RunState::Ended | RunState::Failed)
}

fn in_order<T>(all: &Keyed<T>) -> impl Iterator<Item = (Key, &T)> {
    let mut all: Vec<_> = all.iter().map(|(key, of)| (*key, of)).collect();
    all.sort_unstable_by_key(|(key, _)| *key);
    all.into_iter()
}

fn forget_newest(newest: &mut HashMap<Id, Key>, key: Key, sender: &Sender) {
    if let Some(id) = sender.subject.own()
        && newest.get(id) == Some(&key)
    {
        newest.remove(id);
    }
}

fn result_of(seen: &Served) -> ServedResult {
    let id = session_id(seen.remote, seen.local);
    served(id, seen)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use twamp_core::metrics::loss::LossCounts;
    use twamp_core::time::{ErrorEstimate, Mono};

    use super::super::{Entry, Pulse, Sizes};
    use super::*;
    use crate::line::synthetic::sample;

    fn begin(board: &mut Board, key: Key) {
        let [local, remote] = ["192.0.2.1:1", "192.0.2.2:862"].map(|at| at.parse().unwrap());
        let now = Now::default();
        board.sender(key, Subject::Run, &Probe::default(), (local, remote), now);
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
        ended.for_each(|key| board.state(*key, RunState::Ended, None, Now::default()));
        // Told once more, it has not ended once more.
        board.state(keys[20], RunState::Ended, None, Now::default());
        assert_eq!(board.rows().len(), KEPT + 10);
        begin(&mut board, Key::new());
        assert_eq!(board.rows().len(), KEPT + 9);
        let newest = [KEPT + 8, KEPT + 9].map(|nth| board.progress(keys[nth]));
        assert_eq!(newest, [None, None]);
        assert!(board.progress(keys[0]).is_some());
    }

    #[test]
    fn who_keeps_scores_only_is_told_loss_of_lines_alone_and_all_of_runs() {
        let (mut board, keys) = board(1);
        let line = Key::new();
        let [local, remote] = ["192.0.2.1:1", "192.0.2.2:862"].map(|at| at.parse().unwrap());
        let (subject, now) = (Subject::Line("fibre".into(), None), Now::default());
        board.sender(line, subject, &Probe::default(), (local, remote), now);
        board.scores_only(true);
        let outcome = sample(0, Mono(0), Duration::from_millis(20));
        let counts = LossCounts {
            sent: 2,
            received: 1,
            lost_forward: 1,
            ..LossCounts::default()
        };
        let told = [line, keys[0]].map(|key| {
            let pulse = Pulse {
                counts,
                last_reply: None,
                unanswered_since: None,
                slowed: 1.0,
                interval: Duration::from_millis(100),
                sizes: Sizes::default(),
                finished: false,
            };
            let report = Report {
                entries: vec![(key, Entry::Probe(outcome))],
                pulses: vec![(key, pulse)],
                ..Report::default()
            };
            board.absorb(0, &report);
            board.senders[&key].result(ErrorEstimate::default())
        });
        let losses = told.each_ref().map(|result| result.lost.forward);
        assert_eq!(losses, [Some(1); 2]);
        let delays = told.each_ref().map(|result| result.round_trip_us.is_some());
        assert_eq!(delays, [false, true]);
        let findings = &told[0].figures.findings;
        assert_eq!(findings[0].code, "scores-only");
        board.scores_only(false);
        let report = Report {
            entries: vec![(line, Entry::Probe(outcome))],
            ..Report::default()
        };
        board.absorb(0, &report);
        let again = board.senders[&line].result(ErrorEstimate::default());
        assert!(again.round_trip_us.is_some());
    }
}
