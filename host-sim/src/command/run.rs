//! `host-sim run`: the daemon. It runs the plugin by a configuration and tells what happens.
//!
//! ```text
//!   event descriptor ─┐
//!   callbacks ────────┼──► Daemon ──► Telling (text or JSON lines)
//!   once a second ────┘
//!   control socket ──────► Reception ──► manage; what persons added ──► --state
//!   Prometheus ──────────► Server ─────► Metrics
//! ```

mod persons;
mod reception;
mod table;
mod telling;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plugin_abi::host::Engine;
use plugin_abi::manage::{Answer, Request};

use self::persons::Persons;
use self::reception::Reception;
use self::telling::Telling;
use super::check::judge;
use super::{CommandError, Surroundings};
use crate::cli::Run;
use crate::document::Source;
use crate::exit::Exit;
use crate::host::clock::boottime_ns;
use crate::host::control::{Control, default_path};
use crate::host::{Event, Interrupt, Names, Status, Watch, listen, wait_for_change};
use crate::metrics::{Metrics, Server};
use crate::sim::recording::Recorder;

/// The longest time between two looks at Ctrl-C and the lines.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn run(arguments: &Run, around: &Surroundings) -> Result<Exit, CommandError> {
    let interrupt = around.interrupt()?;
    let Some(judged) = judge(Source::read(&arguments.config)?, around)? else {
        return Ok(Exit::Misused);
    };
    let names = Names::of(&judged.config);
    let telling = Telling::new(around.output);
    let (listener, events) = listen(around.log_level());
    let mut persons = match &arguments.state {
        Some(file) => Some(Persons::of(file)?),
        None => None,
    };
    let document = match &mut persons {
        Some(persons) => persons.beside(&judged, around)?,
        None => judged.json.clone(),
    };
    let engine = Arc::new(judged.plugin.create(&document, listener)?);
    let reception = Arc::new(Reception::new(Arc::clone(&engine), persons));
    // Before anything starts: where another host runs, nothing is begun.
    let path = arguments.socket.path.clone().unwrap_or_else(default_path);
    let control = {
        let reception = Arc::clone(&reception);
        Control::open(&path, move |request| reception.answer(request))?
    };
    let mb = arguments.record_mb.saturating_mul(1_000_000);
    let record = |file: &PathBuf| -> Result<Recorder, CommandError> {
        let config = reception.effective()?;
        Ok(Recorder::start(Arc::clone(&engine), &config, file, mb)?)
    };
    let recorder = arguments.record.as_ref().map(record).transpose()?;
    let known = Arc::new(Mutex::new(names.clone()));
    let metrics = arguments.metrics.map(|at| {
        let metrics = Metrics::of(Arc::clone(&engine), Arc::clone(&known));
        Server::open(at, move |form| {
            let page = metrics.page(form);
            page.map_err(|error| error.to_string())
        })
    });
    let metrics = metrics.transpose()?;
    engine.start()?;
    telling.started(&judged, control.path(), metrics.as_ref().map(Server::at))?;

    let default = if around.output.is_json() { 1 } else { 5 };
    let mut daemon = Daemon {
        engine: &engine,
        events: &events,
        reception: &reception,
        watch: Watch::new(names),
        known: &known,
        states: BTreeMap::new(),
        telling: &telling,
        recorder: recorder.as_ref(),
        every: Duration::from_secs(arguments.every.unwrap_or(default)),
    };
    let end = arguments.seconds.map(Duration::from_secs);
    let exit = daemon.watch(&interrupt, end)?;
    let names = daemon.watch.names().clone();

    // Nobody asks from here on.
    drop(metrics);
    drop(control);
    drop(reception);
    if exit == Exit::Good {
        engine.stop()?;
    }
    let recorded = recorder.map(Recorder::stop).transpose()?;
    // The channel closes with the engine: this is what the stop itself has caused.
    drop(engine);
    for event in events {
        telling.event(&event, &names)?;
    }
    if let Some((recorded, file)) = recorded.zip(arguments.record.as_ref()) {
        telling.recorded(&recorded, file)?;
    }
    telling.stopped()?;
    Ok(exit)
}

struct Daemon<'a> {
    engine: &'a Engine,
    events: &'a Receiver<Event>,
    reception: &'a Reception,
    watch: Watch,
    /// The names in it, for whoever else needs them.
    known: &'a Mutex<Names>,
    /// Each line's last state that was told.
    states: BTreeMap<String, &'static str>,
    telling: &'a Telling,
    recorder: Option<&'a Recorder>,
    every: Duration,
}

impl Daemon<'_> {
    /// Tells what happens until interrupted, at the end of the time, or if the engine fails.
    fn watch(
        &mut self,
        interrupt: &Interrupt,
        end: Option<Duration>,
    ) -> Result<Exit, CommandError> {
        let start = Instant::now();
        let mut next = self.every;
        loop {
            let now = start.elapsed();
            if interrupt.asked() || end.is_some_and(|end| now >= end) {
                return Ok(Exit::Good);
            }
            let until = end.map_or(next, |end| end.min(next));
            wait_for_change(self.engine, LOOK.min(until.saturating_sub(now)))?;
            for event in self.events.try_iter() {
                if let (Some(recorder), Event::Choice(change)) = (self.recorder, &event) {
                    recorder.choice(change);
                }
                self.telling.event(&event, self.watch.names())?;
            }
            let status = self.status()?;
            self.tell_lines(&status)?;
            if start.elapsed() >= next {
                next += self.every;
                if let Some(names) = self.reception.other_names()? {
                    let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                    known.clone_from(&names);
                    drop(known);
                    self.watch.rename(names);
                    if let Some(recorder) = self.recorder {
                        recorder.setting(&self.reception.effective()?);
                    }
                }
                self.telling.status(&status)?;
            }
            if status.engine == "failed" {
                self.telling.status(&status)?;
                return Ok(Exit::Failed);
            }
        }
    }

    fn status(&mut self) -> Result<Status, CommandError> {
        let Answer::Lines(rows) = self.engine.manage(&Request::Lines)? else {
            return Err(CommandError::Answer("the lines"));
        };
        let trouble = rows
            .into_iter()
            .filter_map(|row| Some((row.id, row.trouble?)))
            .collect();
        Ok(self.watch.status(self.engine, &trouble, boottime_ns())?)
    }

    fn tell_lines(&mut self, status: &Status) -> Result<(), CommandError> {
        for line in &status.lines {
            let before = self.states.insert(line.line.clone(), line.state);
            let before = before.unwrap_or("unknown");
            if before != line.state {
                self.telling.line(line, before)?;
                if let (Some(recorder), Some(id)) =
                    (self.recorder, self.watch.names().line_id(&line.line))
                {
                    recorder.state(boottime_ns(), id, line.state);
                }
            }
        }
        Ok(())
    }
}
