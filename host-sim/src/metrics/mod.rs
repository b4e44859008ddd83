//! Metrics for Prometheus: what is known of a running engine, over HTTP.
//!
//! ```text
//!   scraper ──► http (GET /metrics) ──► Collected ──┬──► manage: lines, why, sessions, …
//!                        ▲                          └──► the published picture
//!                        └────── text ◄── families
//! ```
//!
//! All of it comes over the boundary, as any host can have it. Nothing is asked unless somebody
//! scrapes; whoever comes within a second gets the same page once more.

mod choices;
mod engine;
mod events;
mod export;
mod http;
mod lines;
mod sessions;
mod text;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plugin_abi::host::{CallError, Engine};
use plugin_abi::manage::{
    Answer, ChoiceRow, CollectorRow, Events, LineRow, Request, SessionRow, Statistics,
};
use plugin_abi::{TwampLineState, TwampScore};

use crate::host::Names;
use crate::host::clock::boottime_ns;
pub use http::{Server, ServerError};
pub use text::Form;
use text::{Family, page};

/// A page is as good for so long.
const FRESH: Duration = Duration::from_secs(1);

/// The metrics of one engine.
pub struct Metrics {
    engine: Arc<Engine>,
    names: Arc<Mutex<Names>>,
    /// The last ones, and when they were collected.
    last: Mutex<Option<(Instant, Vec<Family>)>>,
}

/// All that the boundary tells of an engine at one time.
struct Collected {
    now_ns: u64,
    names: Names,
    /// The engine's state, one of [`plugin_abi::engine_state`].
    state: u32,
    /// When the picture was taken.
    taken_ns: u64,
    /// From then on it must not be used.
    valid_until_ns: u64,
    rows: Vec<TwampLineState>,
    scores: Vec<TwampScore>,
    lines: Vec<LineRow>,
    sessions: Vec<SessionRow>,
    choices: Vec<ChoiceRow>,
    statistics: Statistics,
    collectors: Vec<CollectorRow>,
    events: Events,
}

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The plugin refuses to tell.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It answers something else.
    #[error("asked the plugin for {0}, its answer is of another kind; take a plugin of this build")]
    Answer(&'static str),
}

impl Metrics {
    /// Those of an engine, whose classes are called so; `names` may change.
    #[must_use]
    pub fn of(engine: Arc<Engine>, names: Arc<Mutex<Names>>) -> Self {
        Self {
            engine,
            names,
            last: Mutex::new(None),
        }
    }

    /// The page of metrics.
    ///
    /// # Errors
    /// The plugin doesn't tell what it is asked for.
    pub fn page(&self, form: Form) -> Result<String, MetricsError> {
        // One scraper collects, others wait for it: the engine is asked once.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, families)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(page(families, form));
        }
        let began = Instant::now();
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let collected = Collected::from(&self.engine, names.clone());
        let mut families = collected?.families();
        let took = Family::gauge(
            "twamp_metrics_collect_seconds",
            "How long it took to collect these metrics.",
        );
        families.push(took.with(began.elapsed().as_secs_f64()));
        let text = page(&families, form);
        *last = Some((Instant::now(), families));
        Ok(text)
    }
}

impl Collected {
    fn from(engine: &Engine, names: Names) -> Result<Self, MetricsError> {
        macro_rules! ask {
            ($request:expr, $kind:path, $what:literal) => {
                match engine.manage(&$request)? {
                    $kind(answer) => answer,
                    _ => return Err(MetricsError::Answer($what)),
                }
            };
        }
        let lines = ask!(Request::Lines, Answer::Lines, "the lines");
        let sessions = ask!(Request::Sessions, Answer::Sessions, "the sessions");
        let choices = ask!(Request::Why { class: None }, Answer::Why, "the choices");
        let statistics = ask!(Request::Statistics, Answer::Statistics, "its counters");
        let collectors = ask!(Request::Collectors, Answer::Collectors, "the collectors");
        let events = ask!(Request::Events, Answer::Events, "the events");
        let picture = engine.snapshot()?;
        Ok(Self {
            now_ns: boottime_ns(),
            names,
            state: picture.engine_state,
            taken_ns: picture.taken_ns,
            valid_until_ns: picture.valid_until_ns,
            rows: picture.lines().copied().collect(),
            scores: picture.scores().copied().collect(),
            lines,
            sessions,
            choices,
            statistics,
            collectors,
            events,
        })
    }

    fn families(&self) -> Vec<Family> {
        let lines: BTreeMap<u64, &str> = self
            .lines
            .iter()
            .map(|line| (line.id, line.name.as_str()))
            .collect();
        let mut families = lines::families(self, &lines);
        families.extend(sessions::families(&self.sessions));
        families.extend(choices::families(&self.choices));
        families.extend(engine::families(self));
        families.extend(export::families(&self.collectors));
        families.extend(events::families(&self.events));
        families
    }
}
