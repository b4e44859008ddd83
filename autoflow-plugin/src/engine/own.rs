//! Configured sessions on `twamp-ctl`: how they begin, run, change and end.
//!
//! ```text
//!   put ──▶ open ──▶ bound ──▶ begin ──▶ runs ──▶ ended ──┐
//!            ▲         │ changed meanwhile                │ to begin anew
//!            └─────────┴──────────────────────────────────┘
//! ```

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use plugin_abi::config::Session;
use plugin_abi::manage::{Cause, Failure, FailureKind, RunState};
use tokio::time::Instant;

use super::control::Control;
use super::lock;
use super::measurement::{Measurement, Turn};
use super::message::News;
use super::opening::Sender;
use crate::net::{NetError, clock};
use crate::session::keyed::Keyed;
use crate::session::registry::Id;
use crate::session::subject::Subject;
use crate::session::{Key, Order};

/// The configured sessions.
#[derive(Default)]
pub(super) struct Owns {
    by_id: HashMap<Id, Own>,
    /// Those that go over a line, by its name.
    by_line: HashMap<Box<str>, BTreeSet<Id>>,
    /// Those that something goes on of.
    by_key: Keyed<Id>,
}

/// One configured session.
#[derive(Default)]
struct Own {
    /// `None`: it is gone, but for what is in flight.
    session: Option<Arc<Session>>,
    /// It, while it is continuous, or its run; from the opening of the path to the last probe.
    /// Boxed, as a table has room to spare.
    now: Option<Box<Now>>,
}

struct Now {
    key: Key,
    cause: Cause,
    /// What goes on.
    measurement: Measurement,
    /// It is ending, and then looked at again.
    ending: bool,
}

impl Owns {
    /// It goes over its line, if it is to go over one.
    fn link(&mut self, id: &Id, session: &Session) {
        if let Some(line) = &session.line {
            let over = self.by_line.entry(line.as_str().into()).or_default();
            over.insert(id.clone());
        }
    }

    fn unlink(&mut self, id: &Id, session: &Session) {
        if let Some(line) = session.line.as_deref()
            && let Some(over) = self.by_line.get_mut(line)
        {
            over.remove(id);
            if over.is_empty() {
                self.by_line.remove(line);
            }
        }
    }
}

impl Control {
    /// Those of the configuration, when the engine starts.
    pub(super) fn begin_own(&mut self) {
        let all: Vec<_> = {
            let registry = lock(&self.shared.registry);
            let all = registry.iter();
            all.map(|(id, session)| (id.clone(), Arc::clone(session)))
                .collect()
        };
        for (id, session) in all {
            self.put_session(&id, &session);
        }
    }

    /// A session is new, or is another one now.
    pub(super) fn put_session(&mut self, id: &Id, session: &Arc<Session>) {
        self.own.link(id, session);
        let own = self.own.by_id.entry(id.clone()).or_default();
        if let Some(former) = own.session.replace(Arc::clone(session))
            && former.line != session.line
        {
            self.own.unlink(id, &former);
        }
        self.match_session(id);
        self.export_session(id);
    }

    /// A session is gone: what is in flight is waited for.
    pub(super) fn delete_session(&mut self, id: &Id) {
        let Some(own) = self.own.by_id.get_mut(id) else {
            return;
        };
        let waits = own.now.is_none();
        if let Some(former) = own.session.take() {
            self.own.unlink(id, &former);
        }
        lock(&self.shared.board).history.forget(id);
        match waits {
            true => _ = self.own.by_id.remove(id),
            false => self.end_own(id),
        }
    }

    /// The configuration has changed in what sessions may take from it.
    pub(super) fn match_sessions(&mut self) {
        let all = self.configured();
        all.iter().for_each(|id| self.match_session(id));
    }

    /// A line is new, has changed or is gone, and sessions that go over it.
    pub(super) fn match_sessions_over(&mut self, line: &str) {
        let over = self.own.by_line.get(line).cloned();
        over.iter().flatten().for_each(|id| self.match_session(id));
    }

    /// What goes on is what is to go on, or becomes it.
    fn match_session(&mut self, id: &Id) {
        if self.stopping.is_some() {
            return;
        }
        let by = self.opener().by();
        let Some(own) = self.own.by_id.get_mut(id) else {
            return;
        };
        let flows = |session: &&Arc<Session>| session.enabled && session.is_continuous();
        let session = own.session.as_ref().filter(flows);
        let wanted = session.and_then(|session| Measurement::of(session, &self.config));
        let Some(now) = &mut own.now else {
            match (wanted, session.cloned()) {
                (Some(measurement), _) => self.open_session(id, Key::new(), measurement),
                (None, Some(session)) => self.miss_line(id, &session),
                (None, None) => {}
            }
            return;
        };
        // A run goes on as it began, and so does what is ending.
        if now.cause != Cause::Continuous || now.ending {
            return;
        }
        let key = now.key;
        let sends = self.sessions.get(&key).filter(|session| session.running);
        let path = sends.map(|session| session.path);
        let turn = match &wanted {
            Some(wanted) => now.measurement.turn(wanted),
            None => Turn::Anew,
        };
        match (turn, wanted, path) {
            (Turn::Nothing, ..) => {}
            (Turn::Retune, Some(wanted), Some(path)) => {
                let (tuning, asked) = (wanted.tuning(), wanted.asked());
                now.measurement = wanted;
                lock(&self.shared.board).asked(key, asked);
                self.orders.send(Order::Retune { key, path, tuning });
            }
            (Turn::Afresh, Some(wanted), Some(path)) => {
                let (tuning, asked) = (wanted.tuning(), wanted.asked());
                now.measurement = wanted.clone();
                lock(&self.shared.board).asked(key, asked);
                let ends = wanted.ends(by, &self.shared.namespaces);
                let stream = ends.ok().and_then(|ends| {
                    let initiation = self.initiation(&wanted, &ends);
                    initiation.configured(path).ok().flatten()
                });
                match stream {
                    Some(stream) => self.orders.send(Order::Afresh {
                        key,
                        stream,
                        tuning,
                    }),
                    // Its key or its interface is gone.
                    None => self.end_own(id),
                }
            }
            _ => self.end_own(id),
        }
    }

    fn end_own(&mut self, id: &Id) {
        let own = self.own.by_id.get_mut(id);
        if let Some(now) = own.and_then(|own| own.now.as_mut()) {
            now.ending = true;
            let key = now.key;
            self.finish(key);
        }
    }

    /// A run of a session begins; it is on the board already.
    pub(super) fn run_session(&mut self, id: &Id, key: Key, cause: Cause) {
        match self
            .next_of(id)
            .filter(|measurement| measurement.count.is_some())
        {
            Some(measurement) => {
                self.enter(id, key, cause, measurement.clone());
                self.open(key, measurement);
            }
            // It was changed, or its line has gone, since the run was asked for.
            None => {
                let failure = Failure {
                    kind: FailureKind::Local,
                    message: "configuration: the session, or the line that it is to go over, has \
                              changed; run it again"
                        .into(),
                };
                lock(&self.shared.timing).ended(id);
                self.end_session(key, Some(failure));
            }
        }
    }

    /// What is to be measured next of a session of which nothing goes on.
    fn next_of(&self, id: &Id) -> Option<Measurement> {
        let own = self.own.by_id.get(id).filter(|own| own.now.is_none())?;
        Measurement::of(own.session.as_ref()?, &self.config)
    }

    /// All configured sessions.
    pub(super) fn configured(&self) -> Vec<Id> {
        self.own.by_id.keys().cloned().collect()
    }

    /// The configured session that goes on under this key, or a run of which does.
    pub(super) fn own_of(&self, key: Key) -> Option<&Arc<Session>> {
        let id = self.own.by_key.get(&key)?;
        self.own.by_id.get(id)?.session.as_ref()
    }

    /// A continuous session that goes on, and under which key.
    pub(super) fn goes_on(&self, id: &Id) -> Option<(Key, Arc<Session>)> {
        let own = self.own.by_id.get(id)?;
        let now = own.now.as_ref();
        let now = now.filter(|now| now.cause == Cause::Continuous && !now.ending)?;
        Some((now.key, Arc::clone(own.session.as_ref()?)))
    }

    /// When the next run begins by its schedule.
    pub(super) fn run_at(&self) -> Option<Instant> {
        let now = clock();
        let next = lock(&self.shared.timing).poll_timeout(now)?;
        Some(Instant::now() + next.since(now.mono))
    }

    /// Runs whose time has come begin.
    pub(super) fn run_due(&mut self) {
        let due = lock(&self.shared.timing).due(clock());
        if self.stopping.is_some() {
            return;
        }
        for id in &due {
            let Some(measurement) = self.next_of(id) else {
                tracing::warn!("session {id} can't run now: its line is not there, or it changes");
                continue;
            };
            let (key, cause) = (Key::new(), Cause::Schedule);
            let by = self.opener().by();
            if self.shared.announce(id, key, cause, &measurement, by) {
                self.run_session(id, key, cause);
            }
        }
    }

    /// Puts a session on the board and has its path opened.
    fn open_session(&mut self, id: &Id, key: Key, measurement: Measurement) {
        let ends = measurement.outlook(self.opener().by());
        let subject = Subject::Own {
            id: id.clone(),
            cause: Cause::Continuous,
        };
        let mut board = lock(&self.shared.board);
        board.sender(key, subject, &measurement.probe, ends, clock());
        board.asked(key, measurement.asked());
        drop(board);
        self.enter(id, key, Cause::Continuous, measurement.clone());
        self.export_session(id);
        self.open(key, measurement);
    }

    fn enter(&mut self, id: &Id, key: Key, cause: Cause, measurement: Measurement) {
        self.own.by_key.insert(key, id.clone());
        if let Some(own) = self.own.by_id.get_mut(id) {
            own.now = Some(Box::new(Now {
                key,
                cause,
                measurement,
                ending: false,
            }));
        }
    }

    /// The line that a session is to go over is not there: nothing can begin.
    fn miss_line(&mut self, id: &Id, session: &Session) {
        let line = session.line.as_deref().unwrap_or("?");
        tracing::warn!("session {id} waits: the line {line} that it is to go over is not there");
        let key = Key::new();
        let probe = session.probe.clone().unwrap_or_default();
        let remote = session.remote.socket();
        let failure = Failure {
            kind: FailureKind::Local,
            message: format!("configuration: the line {line} is not there"),
        };
        let subject = Subject::Own {
            id: id.clone(),
            cause: Cause::Continuous,
        };
        let mut board = lock(&self.shared.board);
        board.sender(key, subject, &probe, (remote, remote), clock());
        board.state(key, RunState::Failed, Some(failure), clock());
    }

    /// A run is to end now. Nothing else is ended so.
    pub(super) fn cancel(&mut self, key: Key) {
        if lock(&self.shared.board).progress(key).is_some() {
            self.finish(key);
        }
    }

    /// Has the path of a run, or of a configured session, opened.
    pub(super) fn open(&mut self, key: Key, measurement: Measurement) {
        self.opening.insert(key);
        let (opener, shared, news) = (self.opener(), self.shared.clone(), self.news.clone());
        self.tasks.spawn_local(async move {
            let open = async || {
                let ends = measurement.ends(opener.by(), &shared.namespaces)?;
                let wanted = measurement.path(&ends, opener.by());
                let (path, local) = opener.path(wanted).await?;
                Ok(Sender {
                    ends,
                    path,
                    local,
                    unstamped: None,
                })
            };
            let bound = open().await;
            let _ = news.send(News::Opened(key, Box::new(measurement), bound));
        });
    }

    /// Its path is open, or can't be.
    pub(super) fn opened(
        &mut self,
        key: Key,
        measurement: &Measurement,
        bound: Result<Sender, NetError>,
    ) {
        let wanted = self.opening.remove(&key);
        match bound {
            Ok(sender) if wanted => self.begin_measurement(key, measurement, sender),
            Ok(sender) => self.leave(&sender),
            Err(error) if wanted => {
                if let Some(id) = self.own.by_key.get(&key) {
                    tracing::error!("session {id}: {error}");
                }
                let failure = Failure {
                    kind: FailureKind::Local,
                    message: error.to_string(),
                };
                self.end_session(key, Some(failure));
            }
            Err(_) => {}
        }
    }

    /// A session or its run is over; what it is to be now begins.
    pub(super) fn own_ended(&mut self, key: Key) {
        let Some(id) = self.own.by_key.remove(&key) else {
            return;
        };
        lock(&self.shared.timing).ended(&id);
        let Some(own) = self.own.by_id.get_mut(&id) else {
            return;
        };
        let ended = own.now.take_if(|now| now.key == key);
        if own.session.is_none() {
            // Gone, and with it what it has measured.
            self.own.by_id.remove(&id);
            lock(&self.shared.board).history.forget(&id);
        } else if ended.is_some_and(|now| now.ending || now.cause != Cause::Continuous) {
            // One that could not begin is not tried again before something changes.
            self.match_session(&id);
        }
    }
}
