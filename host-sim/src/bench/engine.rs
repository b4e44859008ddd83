//! The plugin's engine as the benches use it.

use std::time::{Duration, Instant};

use plugin_abi::host::{Engine, Plugin, Silent};
use plugin_abi::manage::{Answer, Request, Statistics};
use serde_json::Value;

use super::{BenchError, cpu, system};

/// How long the counters may take to move.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running engine.
pub(super) fn start(plugin: &Plugin, config: &Value) -> Result<Engine, BenchError> {
    start_text(plugin, &config.to_string())
}

/// A running engine; its configuration is in JSON.
pub(super) fn start_text(plugin: &Plugin, config: &str) -> Result<Engine, BenchError> {
    let engine = plugin.create(config, Silent)?;
    engine.start()?;
    Ok(engine)
}

/// Counters and the processor time that it took to get there.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) counters: Statistics,
    /// Of all threads of the engine.
    pub(super) cpu: Duration,
    /// Of the one that sends and answers.
    pub(super) probing: Duration,
}

/// The counters at the moment in which `moves` was published anew: they come in steps, and
/// processor time is to be read at such a step.
pub(super) fn mark(
    engine: &Engine,
    what: &'static str,
    moves: impl Fn(&Statistics) -> u64,
) -> Result<Mark, BenchError> {
    let began = Instant::now();
    let before = moves(&statistics(engine)?);
    loop {
        let counters = statistics(engine)?;
        if moves(&counters) != before {
            return Ok(Mark {
                counters,
                cpu: cpu()?,
                probing: used("twamp-io")?,
            });
        }
        if began.elapsed() > PATIENCE {
            return Err(BenchError::Nothing { what });
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What all threads of engines have used.
pub(super) fn cpu() -> Result<Duration, BenchError> {
    used("twamp-")
}

fn used(threads: &str) -> Result<Duration, BenchError> {
    cpu::of_threads(threads).map_err(system("read the time of threads"))
}

pub(super) fn statistics(engine: &Engine) -> Result<Statistics, BenchError> {
    match engine.manage(&Request::Statistics)? {
        Answer::Statistics(statistics) => Ok(statistics),
        _ => Err(BenchError::Nothing {
            what: "the engine's counters",
        }),
    }
}
