//! One session that sends, as the board knows it.

use plugin_abi::config::Protocol;
use plugin_abi::manage::{Asked, Failure, RunResult, RunState, SessionResult, SessionRow};
use twamp_core::metrics::clock::Step;
use twamp_core::metrics::loss::LossCounts;
use twamp_core::time::{ErrorEstimate, Mono, Wall};

use super::super::result::{Identity, Interval, Tally, Whose};
use super::super::setback::Setback;
use super::super::subject::Subject;
use super::super::{Entry, Key, Sizes, unix_seconds};

/// Packets of a session arrive with another DSCP than they left with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// The session's id.
    pub(crate) id: String,
    /// At the far end; else back here.
    pub(crate) forward: bool,
    pub(crate) asked: u8,
    pub(crate) arrived: u8,
}

/// A session that sends.
pub(super) struct Sender {
    pub(super) subject: Subject,
    /// When it began.
    started: Wall,
    /// Since when its figures count, if that is not since then.
    since: Option<Wall>,
    pub(super) exact: bool,
    pub(super) state: RunState,
    pub(super) failure: Option<Box<Failure>>,
    pub(super) who: Identity,
    /// What is asked for from the next turn on.
    pub(super) asked_next: Option<Asked>,
    protocol: Protocol,
    /// Nothing is kept of a line while scores alone are wanted.
    tally: Option<Box<Tally>>,
    pub(super) counts: LossCounts,
    pub(super) sizes: Sizes,
    pub(super) setback: Option<Setback>,
}

impl Sender {
    /// One that has sent nothing yet.
    pub(super) fn new(
        subject: Subject,
        who: Identity,
        exact: bool,
        protocol: Protocol,
        started: Wall,
    ) -> Self {
        Self {
            subject,
            started,
            since: None,
            exact,
            state: RunState::Connecting,
            failure: None,
            who,
            asked_next: None,
            protocol,
            tally: None,
            counts: LossCounts::default(),
            sizes: Sizes::default(),
            setback: None,
        }
    }

    /// From now on everything is kept, or no more than scores need; what was is gone. Where
    /// collectors are told of it in intervals, those go on.
    pub(super) fn keep(&mut self, kept: bool) {
        let mut tally = self.tally.take().unwrap_or_else(|| Box::new(self.blank()));
        tally.keep(kept);
        self.tally = Some(tally).filter(|tally| kept || tally.is_divided());
    }

    /// Enters what happened, known `at` that time. Tells of a step of a clock that is to be logged.
    pub(super) fn absorb(&mut self, entry: &Entry, at: Wall) -> Option<Step> {
        let step = self.tally.as_mut().and_then(|tally| tally.absorb(entry));
        match entry {
            Entry::Afresh => {
                self.since = Some(at);
                // What is counted has begun anew.
                self.turn(Mono::default());
            }
            Entry::Retuned(at) => self.turn(*at),
            _ => {}
        }
        step
    }

    /// Collectors are told of it in intervals, from now on.
    pub(super) fn divide(&mut self, at: Wall) {
        let tally = self.tally.take().unwrap_or_else(|| Box::new(self.blank()));
        self.tally.insert(tally).divide(at, &self.counts);
    }

    /// What it has measured since it was last asked for this, or since it began.
    pub(super) fn interval(&mut self, key: Key, near: ErrorEstimate, until: Wall) -> Interval {
        let whose = Whose {
            who: &self.who,
            run: key.0,
            state: self.state,
            failure: self.failure.as_ref().map(|failure| &*failure.message),
            started: self.since.unwrap_or(self.started),
        };
        let (counts, sizes) = (&self.counts, &self.sizes);
        match &mut self.tally {
            Some(tally) => tally.interval(&whose, counts, sizes, near, until),
            None => self.blank().interval(&whose, counts, sizes, near, until),
        }
    }

    pub(super) fn result(&self, near: ErrorEstimate) -> SessionResult {
        let of = |tally: &Tally| tally.result(&self.who, &self.counts, &self.sizes, near);
        match &self.tally {
            Some(tally) => of(tally),
            None => of(&self.blank()),
        }
    }

    /// What has become of the DSCP, if it is another one.
    pub(super) fn rewritten(&self) -> Option<Rewritten> {
        let asked = self.who.asked.dscp;
        let [forward, backward] = self.tally.as_ref()?.newest_dscp();
        let other = |arrived: Option<u8>| arrived.filter(|arrived| *arrived != asked);
        // The far end of Light isn't asked for any.
        let backward = backward.filter(|_| self.who.mode != Protocol::Light.name());
        let (forward, arrived) = match (other(forward), other(backward)) {
            (Some(arrived), _) => (true, arrived),
            (None, Some(arrived)) => (false, arrived),
            (None, None) => return None,
        };
        Some(Rewritten {
            id: self.who.id(),
            forward,
            asked,
            arrived,
        })
    }

    pub(super) fn run_result(
        &self,
        key: Key,
        ended: Option<Wall>,
        near: ErrorEstimate,
    ) -> RunResult {
        RunResult {
            session: self.who.id(),
            name: self.subject.line().map(str::to_owned),
            probe_class: self.subject.probe_class().map(str::to_owned),
            run: key.0,
            cause: self.subject.cause(),
            started_at: unix_seconds(self.started),
            ended_at: ended.map(unix_seconds),
            since: self.since.map(unix_seconds),
            state: self.state,
            failure: self.failure.as_deref().cloned(),
            result: self.result(near),
        }
    }

    pub(super) fn row(&self, key: Key, near: ErrorEstimate) -> SessionRow {
        let trouble = self.failure.as_ref();
        SessionRow {
            id: self.who.id(),
            kind: self.subject.kind(),
            name: None,
            owner: None,
            run: self.subject.is_run().then_some(key.0),
            next_run_at: None,
            line: self.subject.line().map(str::to_owned),
            probe_class: self.subject.probe_class().map(str::to_owned),
            role: "sender".into(),
            state: match self.state {
                RunState::Connecting if trouble.is_some() => "retrying",
                RunState::Connecting => "connecting",
                RunState::Running => "running",
                RunState::Ended => "ended",
                RunState::Failed => "failed",
            }
            .into(),
            trouble: trouble.map(|failure| failure.message.clone()),
            result: Some(self.result(near)),
            served: None,
        }
    }

    /// Its probes leave as was asked last, from then on.
    fn turn(&mut self, at: Mono) {
        if let Some(asked) = self.asked_next.take()
            && std::mem::replace(&mut self.who.asked, asked) != asked
            && let Some(tally) = &mut self.tally
        {
            tally.forget_marks(at);
        }
    }

    /// Of which nothing is kept.
    fn blank(&self) -> Tally {
        let mut tally = Tally::new(self.exact, self.protocol);
        tally.keep(false);
        tally
    }
}
