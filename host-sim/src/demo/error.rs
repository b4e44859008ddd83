//! Why the demo could not be shown.

use plugin_abi::host::CallError;

use crate::host::flows::FlowsError;
use crate::link::EmulatorError;
use crate::sim::recording::RecorderError;

/// Why the demo could not be shown. What it showed and should not have is no error: see
/// [`Report::failures`](super::Report::failures).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// Less time than the script needs.
    #[error(
        "the demo needs at least {} seconds, not {found}; give it more",
        super::MIN_SECONDS
    )]
    TooShort {
        /// Seconds asked for.
        found: u64,
    },
    /// The lines can't be emulated.
    #[error("the emulated lines: {0}")]
    Emulator(#[from] EmulatorError),
    /// The plugin refused a call.
    #[error("the plugin, {end} end: {source}")]
    Plugin {
        /// `near` or `far`.
        end: &'static str,
        /// What it refused.
        source: CallError,
    },
    /// The plugin answered another question than it was asked.
    #[error("asked the plugin for {0}, its answer is of another kind; take a plugin of this build")]
    Answer(&'static str),
    /// What became of probes can't be recorded.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// The traffic can't be sent.
    #[error("the traffic: {0}")]
    Flows(#[from] FlowsError),
    /// The lines are not measured in time, though nothing is wrong with them.
    #[error("after {patience_s} s not every line is measured and every class placed: {found}")]
    NotReady {
        /// How long it was waited for.
        patience_s: u64,
        /// How everything stands.
        found: String,
    },
    /// A line has no session at the end.
    #[error("the plugin has no result for line {line}")]
    NoResult {
        /// The line.
        line: String,
    },
    /// What is to be shown can't be written down.
    #[error("can't write the configuration or the report down: {0}")]
    Encode(String),
    /// Nobody reads any more, or the disk is full.
    #[error("can't write the demo's output: {0}")]
    Output(#[from] std::io::Error),
}
