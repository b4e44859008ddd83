//! An engine: its life, its threads, and what they share.
//!
//! ```text
//!   host's threads                twamp-ctl                          twamp-io/n
//!  ┌───────────────┐  Wish   ┌──────────────────────┐  Order   ┌───────────────────┐
//!  │ manage, line_ │────────▶│ sessions (initiator, │─────────▶│ Probes over Net   │
//!  │ up, apply …   │         │ target), estimators, │          │ send, answer,     │
//!  │               │         │ auto flow control    │◀─────────│ pair, time out    │
//!  │ choose,       │         │                      │   Told   └───────────────────┘
//!  │ acquire ◀─────┼─ArcSwap─│ publish ─▶ callbacks │
//!  └───────────────┘         └──────────────────────┘
//! ```
//!
//! `twamp-ctl` has no tick of its own: it wakes for orders, for the probe threads' reports and
//! for TWAMP-Control. An engine without sessions sleeps. Of `twamp-io/n` there is one unless the
//! configuration wishes for more (`crew.rs`). Under the manual clock there is no thread at all, and
//! the host drives the same machines (`manual.rs`). Another thread, `twamp-kdf`, is there once a secure
//! connection has needed a key (`session/keys.rs`).

mod applying;
mod asked;
mod binding;
mod budgets;
mod control;
mod crew;
mod difference;
mod ends;
mod error;
mod exporting;
mod full_size;
mod heard;
mod lines;
mod manual;
mod measured;
mod measurement;
mod message;
mod namespaces;
mod opening;
mod overriding;
mod own;
mod owners;
mod paths;
mod probing;
mod publish;
mod responders;
mod roles;
mod sessions;
mod shared;
mod sight;
mod sights;
mod tap;
mod time;
mod timing;
mod upkeep;
mod watching;

use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use plugin_abi::TwampLineLoad;
use plugin_abi::config::{Answering, Clock, Config, Line};
use plugin_abi::manage::{Answer, Refusal, Request};
use plugin_abi::{TwampObservation, TwampProbe, TwampSample, engine_state};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use twamp_core::time::Mono;

use crate::config::expand;
use crate::flow::Flow;
use crate::host::{Host, Picture};
use crate::log;
use crate::net::{Namespace, clock_error, with_signals_blocked};
use crate::session::Key;
use crate::session::credentials::Credentials;
use crate::session::probes::Probes;
pub(crate) use applying::Terms;
use asked::told;
use control::Control;
use crew::{Crew, dismiss};
use ends::By;
pub(crate) use error::EngineError;
use manual::Manual;
use measured::Listed;
use message::Wish;
pub(crate) use shared::Answered;
use shared::Shared;

/// One engine of the plugin.
pub(crate) struct Engine {
    host: Host,
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

/// What drives a started engine.
enum Running {
    /// Threads of its own.
    Threads {
        wishes: UnboundedSender<Wish>,
        threads: Vec<JoinHandle<()>>,
    },
    /// The host, by its clock.
    Manual(Box<Manual>),
}

impl Engine {
    /// An engine that has not started: no thread, no socket. `config` has been validated.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(crate) fn create(host: Host, config: Config) -> Result<Self, EngineError> {
        Ok(Self {
            host,
            shared: Arc::new(Shared::new(config)?),
            running: Mutex::new(None),
        })
    }

    /// Binds everything, then starts the threads.
    ///
    /// # Errors
    /// What can't be bound; nothing is left half-way.
    pub(crate) fn start(&self) -> Result<(), EngineError> {
        let mut running = lock(&self.running);
        let state = self.shared.state();
        if state != engine_state::CREATED {
            return Err(EngineError::State {
                expected: "created",
                found: state_name(state),
            });
        }
        let config = owners::effective(&lock(&self.shared.config));
        *running = Some(match config.clock {
            Clock::System => self.start_threads(config)?,
            Clock::Manual => {
                Running::Manual(Box::new(Manual::start(self.host, &self.shared, config)))
            }
        });
        self.shared.set_state(engine_state::RUNNING);
        Ok(())
    }

    /// Binds everything, then starts the threads.
    fn start_threads(&self, config: Config) -> Result<Running, EngineError> {
        let mut crew = Crew::new(&config.io)?;
        let opened = match By::of(&self.host) {
            // By callbacks, which come from `twamp-ctl` alone.
            By::Host => opening::Opened::default(),
            By::Plugin => opening::open(&mut crew.paths, &config, &self.shared.namespaces)?,
        };
        let (tell, told) = unbounded_channel();
        let (wishes, wished) = unbounded_channel();
        let cadence = Duration::from_millis(config.decision.publish_ms.into());
        let admission = self.shared.admission.clone();
        // It may have changed since the engine was created.
        admission.rule(&config);
        let probes = Probes::new(cadence, clock_error(), admission);
        let credentials = Credentials::new(&config.responder, &self.shared.keys);
        let (orders, log) = (crew.orders(), self.shared.log.clone());
        let mut threads = crew.start(probes, &credentials, &opened.doors, &log, &tell)?;
        // From here on they alone hold it: with the last of them, the last report has come.
        drop(tell);
        let shared = Arc::clone(&self.shared);
        let (control, news) = Control::new(self.host, shared, orders.clone(), config);
        let spawned = with_signals_blocked(|| {
            thread::Builder::new()
                .name("twamp-ctl".into())
                .spawn(move || {
                    let _log = log::enter(&log);
                    control.run(opened, wished, told, news);
                })
        });
        match spawned {
            Ok(control) => threads.push(control),
            Err(source) => {
                dismiss(&orders, threads);
                let action = "start a thread";
                return Err(EngineError::System { action, source });
            }
        }
        Ok(Running::Threads { wishes, threads })
    }

    /// Ends all sessions, waits for what is in flight, and joins the threads.
    ///
    /// # Errors
    /// [`EngineError::State`] if it does not run.
    pub(crate) fn stop(&self) -> Result<(), EngineError> {
        let Some(running) = lock(&self.running).take() else {
            return Err(EngineError::State {
                expected: "running",
                found: state_name(self.shared.state()),
            });
        };
        self.take_back_at_stop();
        if let Running::Threads { wishes, threads } = running {
            let _ = wishes.send(Wish::Stop);
            for thread in threads {
                // A panic in a thread has been caught and counted there.
                let _ = thread.join();
            }
        }
        if self.shared.state() != engine_state::FAILED {
            self.shared.set_state(engine_state::STOPPED);
        }
        // Nobody is left to produce anything.
        self.shared.exporter.close();
        // Nobody is left to wait for a key.
        self.shared.keys.close();
        self.shared.close(self.shared.time.now());
        Ok(())
    }

    /// The wanted state, as it was written.
    pub(crate) fn config(&self) -> Config {
        self.shared.whole(&lock(&self.shared.config))
    }

    /// Answers what people ask.
    pub(crate) fn manage(&self, request: Request) -> Answer {
        match request {
            Request::Validate { config } => {
                Answer::Problems(crate::config::judge(&config).err().unwrap_or_default())
            }
            Request::Warnings { config } => match crate::config::judge(&config) {
                Ok(config) => Answer::Warnings(crate::config::warnings(&config)),
                Err(problems) => Answer::Problems(problems),
            },
            Request::Costs { config } => match crate::config::judge(&config) {
                Ok(config) => Answer::Costs(crate::config::costs(&config)),
                Err(problems) => Answer::Problems(problems),
            },
            Request::Lines => Answer::Lines(self.line_rows()),
            Request::Why { class } => {
                let mut rows = lock(&self.shared.why).clone();
                rows.retain(|row| class.as_ref().is_none_or(|class| *class == row.class));
                Answer::Why(rows)
            }
            Request::Advice { class } => Answer::Advice(self.shared.advice(class.as_deref())),
            Request::Statistics => Answer::Statistics(self.shared.statistics()),
            Request::Collectors => Answer::Collectors(self.shared.exporter.rows()),
            Request::Events => Answer::Events(lock(&self.shared.events).rows()),
            Request::Run { .. }
            | Request::RunSession { .. }
            | Request::AddSession { .. }
            | Request::Respond { .. }
                if self.shared.time.is_manual() =>
            {
                refuse(&EngineError::Unsupported(
                    "what is no line, under the manual clock,",
                ))
            }
            Request::Run { run } => told(self.run(&run)),
            Request::Sessions => Answer::Sessions(self.session_rows()),
            Request::AddSession { session } => told(self.add_session(&session)),
            Request::ChangeSession { session, change } => {
                told(self.change_session(&session, &change))
            }
            Request::DeleteSession { session } => told(self.delete_session(&session)),
            Request::RunSession { session } => told(self.run_session(&session)),
            Request::Results {
                session,
                line,
                last,
            } => told(self.results(session.as_deref(), line.as_deref(), last)),
            Request::Schedules => Answer::Schedules(self.schedule_rows()),
            Request::PauseSchedule { session, paused } => {
                told(self.pause_schedule(session.as_deref(), paused))
            }
            Request::Apply {
                config,
                generation,
                dry_run,
                confirm_within_s,
            } => answer(self.apply_asked(&config, generation, dry_run, confirm_within_s)),
            Request::Confirm => answer(self.confirm()),
            Request::Configuration => answer(self.configuration()),
            Request::Expand { config } => answer(self.expand(&config)),
            Request::Roles {
                line,
                sender,
                responder,
            } => answer(self.toggle(&line, sender, responder)),
            Request::Respond { at, protocol, on } => {
                answer(self.respond(Answering { at, protocol }, on))
            }
            Request::Overrides => Answer::Overrides(self.override_rows()),
            Request::AddOverride { order } => answer(self.add_override(&order)),
            Request::EndOverride { name } => answer(self.end_override(&name)),
            Request::Progress { run } => self.shared.progress(run),
            Request::Cancel { run } => {
                self.wish(Wish::Cancel(Key(run)));
                Answer::Cancelled(run)
            }
        }
    }

    /// Becomes readable when a choice or a line's state changed.
    pub(crate) fn event_fd(&self) -> RawFd {
        self.shared.event.fd()
    }

    /// A new line, in the namespace that the host handed over with it, if any.
    ///
    /// # Errors
    /// The mistakes in it, an id or name that is taken.
    pub(crate) fn line_up(
        &self,
        line: Line,
        namespace: Option<Namespace>,
    ) -> Result<(), EngineError> {
        let line = self.shared.enter_line(line, None, namespace)?;
        self.wish(Wish::Line(line));
        Ok(())
    }

    /// A line has changed; what was learned of it is kept.
    ///
    /// # Errors
    /// The mistakes in it, or it is unknown.
    pub(crate) fn line_update(
        &self,
        line: Line,
        namespace: Option<Namespace>,
    ) -> Result<(), EngineError> {
        let known = line.id;
        let line = self.shared.enter_line(line, Some(known), namespace)?;
        self.wish(Wish::Line(line));
        Ok(())
    }

    /// The host has read its counters of a line.
    ///
    /// # Errors
    /// The line is unknown, or the engine does not run.
    pub(crate) fn line_load(&self, told: &TwampLineLoad) -> Result<(), EngineError> {
        let own = lock(&self.shared.config);
        let known = own.lines.iter().any(|line| line.id == told.line);
        drop(own);
        let listed = |listed: &Listed| listed.is(told.line);
        if !known && !lock(&self.shared.lines).iter().any(listed) {
            return Err(EngineError::UnknownLine(told.line));
        }
        match self.wish(Wish::Load(*told)) {
            true => Ok(()),
            false => Err(EngineError::State {
                expected: "running",
                found: state_name(self.shared.state()),
            }),
        }
    }

    /// A line is gone.
    ///
    /// # Errors
    /// It is unknown.
    pub(crate) fn line_down(&self, line: u64) -> Result<(), EngineError> {
        let mut config = lock(&self.shared.config);
        owners::hosts_line(&expand(&config).lines, line)?;
        let before = config.lines.len();
        config.lines.retain(|known| known.id != line);
        if config.lines.len() == before {
            return Err(EngineError::UnknownLine(line));
        }
        config.toggled.retain(|toggled| toggled.line != line);
        self.shared.line_stays_away(line);
        drop(config);
        self.wish(Wish::LineGone(line));
        Ok(())
    }

    /// Whether the host says what time it is.
    pub(crate) fn has_manual_clock(&self) -> bool {
        self.shared.time.is_manual()
    }

    /// Manual clock: goes on to `until`, or to the first probes that are due. Answers how many were
    /// written, and the time that was reached.
    ///
    /// # Errors
    /// The engine has no manual clock or does not run, or that time is over.
    pub(crate) fn advance(
        &self,
        until: Mono,
        probes: &mut [MaybeUninit<TwampProbe>],
    ) -> Result<(usize, Mono), EngineError> {
        self.drive(|manual| Ok((manual.advance(until, probes)?, manual.now())))
    }

    /// Manual clock: a reply has come back.
    ///
    /// # Errors
    /// The engine has no manual clock or does not run, or the line is unknown.
    pub(crate) fn reply(&self, seen: &TwampObservation) -> Result<(), EngineError> {
        self.drive(|manual| manual.reply(seen))
    }

    /// Manual clock: the host stood still.
    ///
    /// # Errors
    /// The engine has no manual clock or does not run, or the time is over.
    pub(crate) fn paused(&self, seen: &TwampObservation) -> Result<(), EngineError> {
        self.drive(|manual| manual.paused(seen))
    }

    /// Manual clock: when the next probe of a line leaves.
    ///
    /// # Errors
    /// The engine has no manual clock or does not run, or the line is unknown.
    pub(crate) fn due(&self, seen: &TwampObservation) -> Result<(), EngineError> {
        self.drive(|manual| manual.due(seen))
    }

    /// Manual clock: another session of a line was agreed on.
    ///
    /// # Errors
    /// The engine has no manual clock or does not run, or the line is unknown.
    pub(crate) fn renewed(&self, seen: &TwampObservation) -> Result<(), EngineError> {
        self.drive(|manual| manual.renewed(seen))
    }

    /// Keeps the newest `room` samples from now on; 0: none.
    pub(crate) fn keep_samples(&self, room: usize) {
        self.shared.tap.keep(room);
    }

    /// Hands out the oldest that are kept, up to `room`. Answers how many, and how many were driven
    /// out since the last time.
    pub(crate) fn take_samples(
        &self,
        room: usize,
        out: impl FnMut(usize, TwampSample),
    ) -> (usize, u64) {
        self.shared.tap.take(room, out)
    }

    /// The snapshot cell.
    pub(crate) fn published(&self) -> &ArcSwap<Picture> {
        &self.shared.picture
    }

    /// The class of a flow; `None`: no rule matches. Waits for nothing.
    pub(crate) fn classify(&self, flow: &Flow) -> Option<u64> {
        self.shared.flows.load().classify(flow)
    }

    /// Which line for a flow. Waits for nothing.
    pub(crate) fn choose(
        &self,
        group: u64,
        class: u64,
        flow_hash: u64,
        current: Option<u64>,
        now_ns: u64,
    ) -> Answered {
        self.shared.choose(group, class, flow_hash, current, now_ns)
    }

    /// Where its log goes.
    pub(crate) fn log_queue(&self) -> &log::Queue {
        &self.shared.log
    }

    /// False if no thread is there to take it; then the configuration alone has changed.
    fn wish(&self, wish: Wish) -> bool {
        match lock(&self.running).as_mut() {
            Some(Running::Threads { wishes, .. }) => wishes.send(wish).is_ok(),
            Some(Running::Manual(manual)) => {
                manual.wish(wish);
                true
            }
            None => false,
        }
    }

    /// Under the manual clock: does what the host says to what it drives.
    ///
    /// # Errors
    /// What `what` says; [`EngineError::State`] where the system's clock drives it, or nothing.
    fn drive<T>(
        &self,
        what: impl FnOnce(&mut Manual) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        match lock(&self.running).as_mut() {
            Some(Running::Manual(manual)) => what(manual),
            Some(Running::Threads { .. }) => Err(EngineError::State {
                expected: "under the manual clock",
                found: "under the system's",
            }),
            None => Err(EngineError::State {
                expected: "running",
                found: state_name(self.shared.state()),
            }),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Not running: nothing to end.
        let _ = self.stop();
        self.shared
            .state
            .store(engine_state::STOPPED, Ordering::Release);
    }
}

/// The answer, or why there is none.
fn answer(answer: Result<Answer, EngineError>) -> Answer {
    answer.unwrap_or_else(|error| match error {
        EngineError::Mistakes(problems) => Answer::Problems(problems),
        error => refuse(&error),
    })
}

fn refuse(error: &EngineError) -> Answer {
    Answer::Error(Refusal {
        code: error.code(),
        message: error.to_string(),
    })
}

fn state_name(state: u32) -> &'static str {
    match state {
        engine_state::CREATED => "created",
        engine_state::RUNNING => "running",
        engine_state::STOPPED => "stopped",
        _ => "failed",
    }
}

/// A panic while the lock was held is caught at the barrier and leaves whole values behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
