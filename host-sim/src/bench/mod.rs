//! What the engine costs, each figure beside a bare reference measured in the same run.
//!
//! ```text
//!               ┌─ round 1 ─┬─ round 2 ─┬─ …
//!   ours        │  measure  │           │        the plugin, as it ships
//!   reference   │  measure  │           │        bare: the same system calls, no protocol
//!               └─ ratio ───┴─ ratio ───┴─ …  ──► medians, least and largest ratio
//! ```
//!
//! A machine that others share is now fast, now slow; ours and the reference take turns, so that
//! their ratio means something where the figures alone don't. What is compared is processor time
//! of threads (`/proc/self/task/*/schedstat`), not time on the wall, but for delays.

mod bare;
mod classify;
mod cpu;
mod delay;
mod engine;
mod memory;
mod reflect;
mod row;
mod send;
mod snapshot;

use std::io;
use std::time::Duration;

use plugin_abi::host::{CallError, Plugin};

pub use row::Row;

/// What is to be measured, and how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rounds; in each, ours and the reference take a turn.
    pub rounds: u32,
    /// How long a turn takes, beside its warm-up.
    pub turn: Duration,
    /// With how many sessions, for those benches that have sessions; one row, or more, each.
    pub sessions: Vec<u32>,
}

/// Which bench.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bench {
    /// Answering probes as fast as they come.
    Reflect,
    /// Sending probes at ten a second each.
    Send,
    /// How true the round trip is, at rest and under load.
    Delay,
    /// Reading the published snapshot.
    Snapshot,
    /// The class of a flow.
    Classify,
}

/// Why a bench could not be run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The system refused something.
    #[error("local system: can't {what}: {cause}")]
    System {
        /// What it refused.
        what: &'static str,
        /// Its words.
        cause: io::Error,
    },
    /// The plugin refused a call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Too little happened to say anything.
    #[error("{what}: nothing was measured in a turn; give it more time with --seconds")]
    Nothing {
        /// What did not happen.
        what: &'static str,
    },
    /// The engine did not do what was to be measured.
    #[error(
        "{refused} packets were refused in a turn, and what they cost is counted: the figures \
         would be false"
    )]
    Refused {
        /// Packets that got no answer though they were let through.
        refused: u64,
    },
    /// Interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// Runs a bench. `look` hears what is being measured, and says false to end it.
///
/// # Errors
/// [`BenchError`].
pub fn run(
    bench: Bench,
    plugin: &Plugin,
    plan: &Plan,
    look: &mut dyn FnMut(&str) -> bool,
) -> Result<Vec<Row>, BenchError> {
    let mut look = |says: &str| match look(says) {
        true => Ok(()),
        false => Err(BenchError::Interrupted),
    };
    match bench {
        Bench::Reflect => reflect::run(plugin, plan, &mut look),
        Bench::Send => send::run(plugin, plan, &mut look),
        Bench::Delay => delay::run(plugin, plan, &mut look),
        Bench::Snapshot => snapshot::run(plugin, plan, &mut look),
        Bench::Classify => classify::run(plugin, plan, &mut look),
    }
}

/// Hears what is being measured; an error ends the bench.
type Look<'a> = dyn FnMut(&str) -> Result<(), BenchError> + 'a;

impl Bench {
    /// Its word on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reflect => "reflect",
            Self::Send => "send",
            Self::Delay => "delay",
            Self::Snapshot => "snapshot",
            Self::Classify => "classify",
        }
    }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> BenchError {
    move |cause| BenchError::System { what, cause }
}
