//! The demo: one command, and the whole idea is visible. A host loads the plugin, real TWAMP
//! sessions measure three emulated lines, one line browns out, another dies, traffic moves, and
//! every number is set beside the truth.
//!
//! ```text
//!   setting ──► stage ──► performance ──► recording ──► expectations ─┐
//!   script ───────────────────┘  │                                    ▼
//!                                └─► view ──► live        report ──► summary
//! ```
//!
//! Everything but the lines is real: the plugin is the file that ships, its configuration an
//! ordinary one, its packets and those of the traffic are UDP over sockets. Only the lines are
//! made: the [emulator](crate::link) delays and drops on purpose and counts what it did.

mod audience;
mod error;
mod expectations;
mod listener;
mod live;
mod performance;
mod pulse;
mod recording;
mod report;
mod script;
mod setting;
mod stage;
mod summary;
mod view;

use std::collections::BTreeMap;
use std::path::PathBuf;

use plugin_abi::host::Plugin;

use crate::host::Status;
use crate::text::Output;
use audience::Audience;
pub use error::DemoError;
pub use expectations::Expectation;
use performance::Performance;
pub use recording::{Impaired, Switch};
pub use report::{FlowReport, LineReport, PluginReport, Report, Truth};
use setting::{CLASSES, Setting};
use stage::{Outcome, Stage};

/// The script needs at least so many seconds.
pub const MIN_SECONDS: u64 = 20;

/// What is shown.
pub struct DemoArguments {
    /// How long, in seconds; at least [`MIN_SECONDS`].
    pub seconds: u64,
    /// What the emulated lines draw their accidents from.
    pub seed: u64,
    /// Answer in JSON, and nothing but JSON, on standard output.
    pub json: bool,
    /// The plugin to show.
    pub plugin: Plugin,
    /// Record to this file.
    pub record: Option<PathBuf>,
}

/// Shows the demo, on standard output; answers what it found. Ask the report whether it
/// [is good](Report::is_good).
///
/// # Errors
/// [`DemoError`]: it could not be shown.
pub fn run(arguments: &DemoArguments) -> Result<Report, DemoError> {
    if arguments.seconds < MIN_SECONDS {
        return Err(DemoError::TooShort {
            found: arguments.seconds,
        });
    }
    let output = Output::new(arguments.json);
    let setting = Setting::of_process(std::process::id());
    let configuration = setting.near();
    output.text(&summary::opening(
        &PluginReport::of(&arguments.plugin),
        &configuration,
        output.paint(),
    )?)?;

    let record = arguments.record.as_deref();
    let mut stage = Stage::open(&setting, arguments.seed, &arguments.plugin, record)?;
    let placed = stage.wait_until_ready()?;
    let mut audience = Audience::find(arguments.json);
    let seconds = arguments.seconds;
    let performance = performance::perform(&mut stage, &setting, seconds, placed, &mut audience)?;
    let outcome = stage.close()?;

    let report = report(arguments, &setting, performance, &outcome);
    output.text(&summary::closing(&report, output.paint()))?;
    output.object(&report)?;
    Ok(report)
}

fn report(
    arguments: &DemoArguments,
    setting: &Setting,
    performance: Performance,
    outcome: &Outcome,
) -> Report {
    let Performance {
        recording,
        flows,
        status,
    } = performance;
    let lines: Vec<_> = outcome
        .truth
        .iter()
        .zip(&outcome.results)
        .map(|(line, result)| LineReport::new(&line.line, result, scores(&status, &line.line)))
        .collect();
    let emulator: Vec<_> = outcome.truth.iter().map(Truth::of).collect();
    let mut expectations = expectations::of_switches(&recording);
    expectations.extend(expectations::of_numbers(&lines, &emulator));
    Report {
        plugin: PluginReport::of(&arguments.plugin),
        seconds: arguments.seconds,
        seed: arguments.seed,
        lines,
        emulator,
        impairments: recording.impairments,
        switches: recording.switches,
        flows: flows
            .iter()
            .map(|counts| FlowReport::new(counts, &outcome.truth))
            .collect(),
        expectations,
        configuration: setting.near(),
    }
}

/// A line's scores by class.
fn scores(status: &Status, line: &str) -> BTreeMap<&'static str, Option<u32>> {
    let status = status.lines.iter().find(|status| status.line == line);
    let score = |class: &str| {
        let scores = &status?.scores;
        scores.iter().find(|score| score.class == class)?.score
    };
    CLASSES
        .iter()
        .map(|class| (class.name, score(class.name)))
        .collect()
}
