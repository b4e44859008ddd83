//! Sessions that send: how those of lines and of runs begin, what is heard of them, how they end.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use plugin_abi::config::Line;
use plugin_abi::manage::{Failure, FailureKind, RunRequest, RunState};
use tokio::sync::{oneshot, watch};
use twamp_core::wire::control::Modes;

use super::binding::{Opener, Wanted, Whose};
use super::control::Control;
use super::lock;
use super::message::{News, Step};
use super::opening::{self, Sender};
use super::upkeep::{Quit, Upkeep};
use crate::line::Trouble;
use crate::net::{Binding, Path, PathSpec, clock, hardware};
use crate::session::initiator::{Initiation, Origin};
use crate::session::{Key, Order, Stream};

/// One session that sends probes.
pub(super) struct Session {
    pub(super) line: Option<u64>,
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

    pub(super) fn begin_line(&mut self, line: &Line, sender: Sender) {
        let Sender { ends, path, local } = sender;
        let why = line
            .hardware_stamps
            .then(|| no_hardware(line, &ends.binding));
        self.publisher.stamps(line.id, why);
        let probe = line
            .probe
            .clone()
            .unwrap_or_else(|| self.config.probe.clone());
        let key = Key::new();
        let remote = ends.remote;
        lock(&self.shared.board).sender(key, Some(&line.name), &probe, local, remote);
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
        };
        self.by_line.insert(line.id, key);
        self.publisher.session(line.id, key);
        // Without a key it is tried again, as if a far end had refused it.
        if let Ok(Some(stream)) = initiation.configured(path) {
            return self.begin_without_task(key, line.id, stream);
        }
        let (upkeep, quit) = self.session(key, Some(line.id), initiation, path, local.port());
        self.tasks.spawn_local(upkeep.keep(quit));
    }

    /// A line's session that nobody has to agree to: there may be thousands, and a task for each
    /// would only wait.
    fn begin_without_task(&mut self, key: Key, line: u64, stream: Stream) {
        let session = Session {
            line: Some(line),
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

    pub(super) fn begin_run(
        &mut self,
        key: Key,
        request: RunRequest,
        path: Path,
        local: SocketAddr,
    ) {
        let mut board = lock(&self.shared.board);
        board.sender(key, None, &request.probe, local, request.remote);
        if let Some(tos) = request.tos {
            board.marked(key, tos);
        }
        drop(board);
        let initiation = Initiation {
            origin: Origin {
                local: request.local.map(|_| at_any_port(local)),
                binding: Binding::default(),
                host: self.host,
                line: None,
            },
            remote: request.remote,
            probe: request.probe,
            count: Some(request.count),
            keys: self.shared.keys.clone(),
            refused: Cell::default(),
        };
        let (upkeep, quit) = self.session(key, None, initiation, path, local.port());
        self.tasks.spawn_local(upkeep.run(quit));
    }

    fn session(
        &mut self,
        key: Key,
        line: Option<u64>,
        initiation: Initiation,
        path: Path,
        port: u16,
    ) -> (Box<Upkeep>, Quit) {
        let (quit, quitting) = oneshot::channel();
        let (silent, hears_silence) = watch::channel(false);
        let timeout = Duration::from_millis(initiation.probe.timeout_ms.into());
        let session = Session {
            line,
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

    pub(super) fn bind_run(&mut self, key: Key, request: Box<RunRequest>) {
        self.opening.insert(key);
        let local = opening::source(self.opener().by(), request.local, request.remote);
        let spec = PathSpec {
            ttl: request.probe.ttl,
            tos: request.tos.unwrap_or(request.probe.dscp << 2),
            dont_fragment: request.probe.dont_fragment,
            transmit_stamps: true,
            ..PathSpec::new(local)
        };
        let (opener, news) = (self.opener(), self.news.clone());
        let wanted = Wanted {
            spec,
            ports: (0, 0),
            whose: Whose::Run(request.remote),
        };
        self.tasks.spawn_local(async move {
            let bound = opener.path(wanted).await;
            let _ = news.send(News::RunBound(key, request, bound));
        });
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
                    if let Some(line) = session.line {
                        self.publisher.measured(line, clock().mono);
                    }
                }
                let mut board = lock(&self.shared.board);
                board.agreed(key, features, refused);
                board.state(key, RunState::Running, None);
            }
            Step::Trouble(failure) => {
                let session = self.sessions.get(&key);
                if let Some(line) = session.and_then(|session| session.line) {
                    let first = self.publisher.trouble(
                        line,
                        clock().mono,
                        match failure.kind {
                            FailureKind::Refused | FailureKind::Rejected => Trouble::Refused,
                            FailureKind::Local => Trouble::LocalFault,
                            _ => Trouble::NoSession,
                        },
                        failure.message.clone(),
                    );
                    if first {
                        let name = self.publisher.name(line).unwrap_or("?");
                        tracing::warn!("line {name}: {}", failure.message);
                    }
                }
                let state = match session.is_some_and(|session| session.running) {
                    true => RunState::Running,
                    false => RunState::Connecting,
                };
                lock(&self.shared.board).state(key, state, Some(failure));
            }
            Step::Ended(failure) => self.end_session(key, failure),
        }
        self.publish_soon();
    }

    /// A session is over: its result is final.
    pub(super) fn end_session(&mut self, key: Key, failure: Option<Failure>) {
        let session = self.sessions.remove(&key);
        let run = session.is_none_or(|session| session.line.is_none());
        let state = if failure.is_some() {
            RunState::Failed
        } else {
            RunState::Ended
        };
        let progress = {
            let mut board = lock(&self.shared.board);
            board.state(key, state, failure);
            board.progress(key)
        };
        if let (true, Some(progress)) = (run, progress) {
            self.run_ended(key.0, &progress);
        }
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

/// Why a line that wishes for stamps of its interface gets those of the kernel.
fn no_hardware(line: &Line, binding: &Binding) -> String {
    let why = match &line.device {
        Some(device) => format!("{device}: {}", hardware(binding, device)),
        None => "the line names no device whose stamps they could be".into(),
    };
    tracing::info!("line {}: stamped by the kernel: {why}", line.name);
    why
}

fn at_any_port(mut address: SocketAddr) -> SocketAddr {
    address.set_port(0);
    address
}
