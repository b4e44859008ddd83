//! Sessions that send: how those of lines and of runs begin, what is heard of them, how they end.

use std::cell::Cell;
use std::net::IpAddr;
use std::time::Duration;

use plugin_abi::config::{Line, Probe};
use plugin_abi::manage::{Failure, FailureKind, RunState};
use tokio::sync::{oneshot, watch};
use twamp_core::wire::control::Modes;

use super::binding::Opener;
use super::control::Control;
use super::ends::Ends;
use super::lock;
use super::measurement::Measurement;
use super::message::{News, Step};
use super::opening::Sender;
use super::sight::Measures;
use super::upkeep::{Quit, Upkeep};
use crate::line::Trouble;
use crate::net::{Path, clock};
use crate::session::initiator::{Initiation, Origin};
use crate::session::subject::Subject;
use crate::session::{Key, Order, Stream};

/// One session that sends probes.
pub(super) struct Session {
    /// The line that it measures, for its probe class.
    pub(super) measures: Option<Measures>,
    /// Its thread is the session's.
    pub(super) path: Path,
    keeper: Keeper,
    /// Its probe thread has it.
    pub(super) running: bool,
    pub(super) timeout: Duration,
}

/// Who ends a session.
enum Keeper {
    /// A task of its own, as long as it isn't told to.
    Task {
        quit: oneshot::Sender<()>,
        /// No reply for so long that the far end may have forgotten the session.
        silent: watch::Sender<bool>,
    },
    /// Nobody has to agree: its place on its path is given back.
    Place { far: IpAddr },
    /// It is ending.
    Nobody,
}

impl Session {
    /// Whether no reply has come for long.
    pub(super) fn is_silent(&self, silent: bool) {
        if let Keeper::Task { silent: told, .. } = &self.keeper {
            told.send_if_modified(|was| std::mem::replace(was, silent) != silent);
        }
    }
}

impl Control {
    /// Who has sockets opened.
    pub(super) fn opener(&self) -> Opener {
        Opener::new(self.host, self.orders.clone())
    }

    /// The path of a line's probes of one class is open.
    pub(super) fn begin_line(&mut self, line: &Line, class: u64, probe: Probe, sender: Sender) {
        let Sender {
            ends,
            path,
            local,
            unstamped,
        } = sender;
        if let Some(why) = &unstamped {
            tracing::info!("line {}: stamped by the kernel: {why}", line.name);
        }
        self.publisher.stamps(line.id, unstamped);
        let key = Key::new();
        let remote = ends.remote;
        let subject = Subject::of_line(&self.config, &line.name, class);
        lock(&self.shared.board).sender(key, subject, &probe, (local, remote), clock());
        let origin = Origin {
            local: ends.source(),
            binding: ends.binding,
            host: self.host,
            line: Some(line.id),
        };
        let initiation = Initiation {
            origin,
            remote,
            probe,
            count: None,
            keys: self.shared.keys.clone(),
            refused: Cell::default(),
            meter: self.shared.budgets.of(line, clock().wall),
        };
        let what = Measures {
            line: line.id,
            class,
        };
        self.by_line.insert(what, key);
        self.publisher.session(what, key);
        self.export_line(line);
        // Without a key it is tried again, as if a far end had refused it.
        if let Ok(Some(stream)) = initiation.configured(path) {
            return self.begin_without_task(key, Some(what), stream);
        }
        let (upkeep, quit) = self.session(key, Some(what), initiation, path, local.port());
        self.tasks.spawn_local(upkeep.keep(quit));
    }

    /// A session that nobody has to agree to: there may be thousands, and a task for each would
    /// only wait.
    fn begin_without_task(&mut self, key: Key, measures: Option<Measures>, stream: Stream) {
        let session = Session {
            measures,
            path: stream.path,
            keeper: Keeper::Place {
                far: stream.to.ip(),
            },
            running: false,
            timeout: stream.timeout,
        };
        self.sessions.insert(key, session);
        self.orders.send(Order::Send { key, stream });
        let (features, refused) = (Modes::NONE, Modes::NONE);
        self.step(key, Step::Running { features, refused });
    }

    /// A run, or a configured session, whose path is open.
    pub(super) fn begin_measurement(
        &mut self,
        key: Key,
        measurement: &Measurement,
        sender: Sender,
    ) {
        let Sender {
            ends, path, local, ..
        } = sender;
        lock(&self.shared.board).bound(key, local, ends.remote);
        let initiation = self.initiation(measurement, &ends);
        let goes_on = measurement.count.is_none();
        if goes_on && let Ok(Some(stream)) = initiation.configured(path) {
            return self.begin_without_task(key, None, stream);
        }
        let (upkeep, quit) = self.session(key, None, initiation, path, local.port());
        match goes_on {
            true => self.tasks.spawn_local(upkeep.keep(quit)),
            false => self.tasks.spawn_local(upkeep.run(quit)),
        };
    }

    /// How a session of a measurement is agreed on.
    pub(super) fn initiation(&self, measurement: &Measurement, ends: &Ends) -> Initiation {
        Initiation {
            origin: Origin {
                local: ends.source(),
                binding: ends.binding.clone(),
                host: self.host,
                line: measurement.line,
            },
            remote: ends.remote,
            probe: measurement.probe.clone(),
            count: measurement.count,
            keys: self.shared.keys.clone(),
            refused: Cell::default(),
            meter: None,
        }
    }

    fn session(
        &mut self,
        key: Key,
        measures: Option<Measures>,
        initiation: Initiation,
        path: Path,
        port: u16,
    ) -> (Box<Upkeep>, Quit) {
        let (quit, quitting) = oneshot::channel();
        let (silent, hears_silence) = watch::channel(false);
        let timeout = Duration::from_millis(initiation.probe.timeout_ms.into());
        let session = Session {
            measures,
            path,
            keeper: Keeper::Task { quit, silent },
            running: false,
            timeout,
        };
        self.sessions.insert(key, session);
        let upkeep = Upkeep {
            key,
            initiation,
            path,
            port,
            orders: self.orders.clone(),
            news: self.news.clone(),
            silent: hears_silence,
        };
        (Box::new(upkeep), quitting)
    }

    pub(super) fn leave(&self, sender: &Sender) {
        let (path, far) = (sender.path, sender.ends.remote.ip());
        self.orders.send(Order::Leave { path, far });
    }

    pub(super) fn step(&mut self, key: Key, step: Step) {
        match step {
            Step::Running { features, refused } => {
                if let Some(session) = self.sessions.get_mut(&key) {
                    session.running = true;
                    if let Some(what) = session.measures {
                        self.publisher.measured(what, clock().mono);
                    }
                }
                let mut board = lock(&self.shared.board);
                board.agreed(key, features, refused);
                board.state(key, RunState::Running, None, clock());
            }
            Step::Trouble(failure) => {
                let session = self.sessions.get(&key);
                if let Some(what) = session.and_then(|session| session.measures) {
                    let first = self.publisher.trouble(
                        what,
                        clock().mono,
                        match failure.kind {
                            FailureKind::Refused | FailureKind::Rejected => Trouble::Refused,
                            FailureKind::Local => Trouble::LocalFault,
                            _ => Trouble::NoSession,
                        },
                        failure.message.clone(),
                    );
                    if first {
                        let name = self.publisher.name(what.line).unwrap_or("?");
                        tracing::warn!("line {name}: {}", failure.message);
                    }
                }
                let state = match session.is_some_and(|session| session.running) {
                    true => RunState::Running,
                    false => RunState::Connecting,
                };
                lock(&self.shared.board).state(key, state, Some(failure), clock());
            }
            Step::Ended(failure) => self.end_session(key, failure),
        }
        self.publish_soon();
    }

    /// A session is over: its result is final.
    pub(super) fn end_session(&mut self, key: Key, failure: Option<Failure>) {
        let session = self.sessions.remove(&key);
        let measures = session.and_then(|session| session.measures);
        let state = if failure.is_some() {
            RunState::Failed
        } else {
            RunState::Ended
        };
        let progress = {
            let mut board = lock(&self.shared.board);
            board.state(key, state, failure, clock());
            board.progress(key)
        };
        // Of a run.
        if let Some(progress) = progress {
            self.run_ended(key.0, &progress);
        }
        self.export_ended(key, measures);
        self.own_ended(key);
    }

    pub(super) fn finish(&mut self, key: Key) {
        let known = self.sessions.get(&key);
        match known.map(|session| (session.running, session.path)) {
            Some((true, path)) => self.orders.send(Order::Finish { key, path }),
            Some((false, _)) => self.quit(key),
            None if self.opening.remove(&key) => self.end_session(key, None),
            None => {}
        }
    }

    pub(super) fn quit(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        match std::mem::replace(&mut session.keeper, Keeper::Nobody) {
            Keeper::Task { quit, .. } => _ = quit.send(()),
            Keeper::Place { far } => {
                let path = session.path;
                self.orders.send(Order::Leave { path, far });
                let _ = self.news.send(News::Step(key, Step::Ended(None)));
            }
            Keeper::Nobody => {}
        }
    }
}
