//! Everything that runs during a demo: the emulated lines, and an engine at each end of them.
//!
//! ```text
//!   near engine ── TWAMP ──►┌──────────┐──► far engine
//!      │ choose             │ emulator │
//!      ▼                    │  A  B  C │
//!   flows ── UDP ──────────►└──────────┘──► counted
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use plugin_abi::config::Config;
use plugin_abi::host::{CallError, Choice, Engine, Plugin, Silent};
use plugin_abi::manage::{Answer, Request, SessionResult, SessionRow};

use super::DemoError;
use super::listener::{Heard, listen};
use super::setting::{CLASSES, HUB, LINES, Setting, line_name};
use crate::host::clock::boottime_ns;
use crate::host::{Names, Status, Watch};
use crate::link::{Emulator, LineCounts};
use crate::sim::recording::Recorder;

/// What runs. Dropping it ends everything.
pub(super) struct Stage {
    pub(super) near: Arc<Engine>,
    pub(super) heard: Receiver<Heard>,
    pub(super) emulator: Emulator,
    /// What becomes of probes, if somebody wants it on file.
    pub(super) recorder: Option<Recorder>,
    watch: Watch,
    // Answers until everything else has ended.
    _far: Engine,
}

/// The last word of both sides.
pub(super) struct Outcome {
    /// For each line, in order, what the plugin measured.
    pub(super) results: Vec<SessionResult>,
    /// For each line, in order, what the emulator did.
    pub(super) truth: Vec<LineCounts>,
}

/// All three lines have to be measured within so many seconds.
const PATIENCE_S: u64 = 10;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// What is on its way when all is over arrives within this time.
const DRAIN: Duration = Duration::from_secs(2);

impl Stage {
    /// Starts the lines, the far end, then the near end.
    pub(super) fn open(
        setting: &Setting,
        seed: u64,
        plugin: &Plugin,
        record: Option<&Path>,
    ) -> Result<Self, DemoError> {
        let emulator = Emulator::start(setting.emulator(seed))?;
        let far = plugin
            .create(&json(&setting.far())?, Silent)
            .and_then(|far| far.start().map(|()| far))
            .map_err(at("far"))?;
        let configuration = setting.near();
        let (listener, heard) = listen();
        let near = plugin
            .create(&json(&configuration)?, listener)
            .map_err(at("near"))?;
        let near = Arc::new(near);
        let start = |file| Recorder::start(Arc::clone(&near), &configuration, file, u64::MAX);
        let recorder = record.map(start).transpose()?;
        near.start().map_err(at("near"))?;
        Ok(Self {
            near,
            heard,
            emulator,
            recorder,
            watch: Watch::new(Names::of(&configuration)),
            _far: far,
        })
    }

    /// Waits until every line is measured and every class is on a line, the one it prefers if
    /// that can be had; answers class and line.
    pub(super) fn wait_until_ready(
        &mut self,
    ) -> Result<Vec<(&'static str, &'static str)>, DemoError> {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        loop {
            let status = self.status()?;
            let alive = LINES.iter().all(|uplink| {
                let mut lines = status.lines.iter();
                lines.any(|line| line.line == uplink.name && line.state == "alive")
            });
            let placed = self.placed();
            let complete = alive && placed.len() == CLASSES.len();
            let settled = CLASSES
                .iter()
                .all(|class| placed.contains(&(class.name, class.prefer[0])));
            let is_over = Instant::now() >= deadline;
            if complete && (settled || is_over) {
                return Ok(placed);
            }
            if is_over {
                return Err(DemoError::NotReady {
                    patience_s: PATIENCE_S,
                    found: self.standing(&status, &placed),
                });
            }
            thread::sleep(LOOK);
        }
    }

    /// How the near end sees everything now.
    pub(super) fn status(&mut self) -> Result<Status, DemoError> {
        self.watch
            .status(&self.near, &BTreeMap::new(), boottime_ns())
            .map_err(at("near"))
    }

    /// The results of the lines so far; a line without one is not in it.
    pub(super) fn results(&self) -> Result<BTreeMap<String, SessionResult>, DemoError> {
        match self.near.manage(&Request::Sessions).map_err(at("near"))? {
            Answer::Sessions(rows) => Ok(by_line(rows)),
            _ => Err(DemoError::Answer("its sessions")),
        }
    }

    /// Ends the measurement, lets everything arrive, and asks both sides what they counted.
    pub(super) fn close(mut self) -> Result<Outcome, DemoError> {
        self.near.stop().map_err(at("near"))?;
        if let Some(recorder) = self.recorder.take() {
            // The show was over, but the plugin went on.
            for heard in self.heard.try_iter() {
                if let Heard::Change(change) = heard {
                    recorder.choice(&change);
                }
            }
            recorder.stop()?;
        }
        let deadline = Instant::now() + DRAIN;
        while self.emulator.in_transit() > 0 && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        let mut results = self.results()?;
        let result = |name: &str| {
            results.remove(name).ok_or_else(|| DemoError::NoResult {
                line: name.to_owned(),
            })
        };
        Ok(Outcome {
            results: LINES
                .iter()
                .map(|l| l.name)
                .map(result)
                .collect::<Result<_, _>>()?,
            truth: self.emulator.stop()?,
        })
    }

    fn placed(&self) -> Vec<(&'static str, &'static str)> {
        let line = |class: u64| match self.near.choose(HUB, class, 0, None, 0) {
            Choice::Line(line) | Choice::BestOfBad(line) => line_name(line),
            Choice::Keep | Choice::NoOpinion => None,
        };
        (1..)
            .zip(&CLASSES)
            .filter_map(|(id, class)| Some((class.name, line(id)?)))
            .collect()
    }

    /// How everything stands, in a sentence, for when it should stand otherwise.
    fn standing(&self, status: &Status, placed: &[(&str, &str)]) -> String {
        let trouble = match self.near.manage(&Request::Lines) {
            Ok(Answer::Lines(rows)) => rows
                .into_iter()
                .filter_map(|row| Some((row.name, row.trouble?)))
                .collect(),
            _ => BTreeMap::new(),
        };
        let lines = status.lines.iter().map(|line| {
            let why = trouble.get(&line.line).map(|why| format!(" ({why})"));
            format!("{} is {}{}", line.line, line.state, why.unwrap_or_default())
        });
        let classes = placed
            .iter()
            .map(|(class, line)| format!("{class} is on {line}"));
        let warnings = self.heard.try_iter().filter_map(|heard| match heard {
            Heard::Warning(warning) => Some(format!("the plugin warned: {warning}")),
            Heard::Change(_) => None,
        });
        lines
            .chain(classes)
            .chain(warnings)
            .collect::<Vec<_>>()
            .join("; ")
    }
}

fn by_line(rows: Vec<SessionRow>) -> BTreeMap<String, SessionResult> {
    rows.into_iter()
        .filter(|row| row.role == "sender")
        .filter_map(|row| Some((row.line?, row.result?)))
        .collect()
}

fn at(end: &'static str) -> impl Fn(CallError) -> DemoError {
    move |source| DemoError::Plugin { end, source }
}

fn json(config: &Config) -> Result<String, DemoError> {
    serde_json::to_string(config).map_err(|error| DemoError::Encode(error.to_string()))
}
