//! The commands, one a file.

mod apply;
mod asking;
mod bench;
mod check;
mod completions;
mod configuration;
mod confirm;
mod demo;
mod events;
mod follow;
mod known;
mod lines;
mod man;
mod nearest;
mod overrides;
mod ping;
mod probe;
mod report;
mod respond;
mod responders;
mod results;
mod run;
mod schedules;
mod sessions;
mod sim;
mod why;

use plugin_abi::code;
use plugin_abi::host::{CallError, Door, Level, Plugin};
use plugin_abi::manage::Problem;
use serde_json::json;

use self::nearest::nearest;

use crate::bench::BenchError;
use crate::cli::{Cli, Command, DoorName, LogLevel, Shared};
use crate::demo::DemoError;
use crate::document::ReadError;
use crate::exit::Exit;
use crate::host::control::{ClientError, PlaceError, StateError};
use crate::host::{self, FindError};
use crate::metrics::ServerError;
use crate::secret::SecretError;
use crate::sim::SimError;
use crate::sim::recording::RecorderError;
use crate::sim::replay::ReplayError;
use crate::text::{Output, complain};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No plugin, or one that is refused.
    #[error(transparent)]
    Plugin(#[from] FindError),
    /// The configuration can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A secret can't be had from its file.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The plugin refused a call.
    #[error("{}", refusal(.0))]
    Call(#[from] CallError),
    /// The control socket can't be opened.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A running host can't be asked, or refuses.
    #[error(transparent)]
    Host(#[from] ClientError),
    /// What was asked of a running host has mistakes.
    #[error("{}", sentences(.0))]
    Problems(Vec<Problem>),
    /// What persons added can't be taken up.
    #[error(transparent)]
    State(#[from] StateError),
    /// The plugin answered another question than it was asked.
    #[error("asked the plugin for {0}, its answer is of another kind; take a plugin of this build")]
    Answer(&'static str),
    /// A configuration that the plugin calls good but this host can't read.
    #[error("the plugin takes this configuration, this host can't read it: {0}; rebuild the host")]
    Configuration(serde_json::Error),
    /// Metrics can't be served.
    #[error(transparent)]
    Metrics(#[from] ServerError),
    /// A bench could not be run.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The demo could not be shown.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// What becomes of probes can't be recorded.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// A recording can't be played.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A simulation could not be run.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// Options that exclude each other in a way that only their values tell.
    #[error("{0}")]
    Usage(String),
    /// The system refused something to this program itself.
    #[error("can't {what}: {cause}")]
    System {
        /// What it refused.
        what: &'static str,
        /// Its words.
        cause: std::io::Error,
    },
    /// Standard output takes no more.
    #[error("can't write to standard output: {0}")]
    Output(#[from] std::io::Error),
}

/// The plugin's own sentence says who is at fault; without one, the code has to.
fn refusal(error: &CallError) -> String {
    let CallError { call, message, .. } = error;
    if message.is_empty() {
        format!("the plugin refused a call: {error}")
    } else {
        format!("the plugin refused `{call}`: {message}")
    }
}

/// One sentence a line.
fn sentences(problems: &[Problem]) -> String {
    let sentences: Vec<String> = problems.iter().map(Problem::to_string).collect();
    sentences.join("\nhost-sim: ")
}

impl CommandError {
    /// The exit code that tells it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Read(_)
            | Self::Secret(_)
            | Self::Usage(_)
            | Self::Problems(_)
            | Self::Replay(ReplayError::Open { .. } | ReplayError::Read { .. })
            | Self::State(StateError::Read { .. }) => Exit::Misused,
            Self::Host(ClientError::Refused(refusal)) => match refusal.code {
                code::CONFIGURATION | code::INVALID | code::UNKNOWN | code::EXISTS => Exit::Misused,
                _ => Exit::Failed,
            },
            Self::Call(error) if matches!(error.code, code::CONFIGURATION | code::INVALID) => {
                Exit::Misused
            }
            // Who closes the pipe has read enough.
            Self::Output(error) | Self::Demo(DemoError::Output(error))
                if error.kind() == std::io::ErrorKind::BrokenPipe =>
            {
                Exit::Good
            }
            _ => Exit::Failed,
        }
    }
}

/// Does what the command line says, and tells what went wrong.
#[must_use]
pub fn run(cli: Cli) -> Exit {
    let output = Output::new(cli.shared.json);
    obey(cli, output).unwrap_or_else(|error| {
        let exit = error.exit();
        if exit != Exit::Good {
            // If neither can be written to, the exit code is left.
            complain(&error.to_string());
            let _ = output.object(&match &error {
                CommandError::Problems(problems) => json!({ "problems": problems }),
                error => json!({ "error": error.to_string() }),
            });
        }
        exit
    })
}

fn obey(cli: Cli, output: Output) -> Result<Exit, CommandError> {
    let around = Surroundings {
        output,
        shared: cli.shared,
    };
    match cli.command {
        Command::Demo(arguments) => demo::run(&arguments, &around),
        Command::Bench(arguments) => bench::run(&arguments, &around),
        Command::Run(arguments) => run::run(&arguments, &around),
        Command::Check(arguments) => check::run(&arguments, &around),
        Command::Ping(arguments) => ping::run(&arguments, &around),
        Command::Respond(arguments) => respond::run(&arguments, &around),
        Command::Sim(arguments) => sim::run(&arguments, &around),
        Command::Sessions(arguments) => sessions::run(arguments, &around),
        Command::Results(arguments) => results::run(&arguments, &around),
        Command::Schedules(arguments) => schedules::run(&arguments, &around),
        Command::Lines(arguments) => lines::run(&arguments, &around),
        Command::Responders(arguments) => responders::run(&arguments, &around),
        Command::Overrides(arguments) => overrides::run(&arguments, &around),
        Command::Why(arguments) => why::run(&arguments, &around),
        Command::Events(arguments) => events::run(&arguments, &around),
        Command::Apply(arguments) => apply::run(&arguments, &around),
        Command::Confirm(arguments) => confirm::run(&arguments, &around),
        Command::Configuration(arguments) => configuration::run(&arguments, &around),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}

/// What every command stands on.
struct Surroundings {
    output: Output,
    shared: Shared,
}

impl Surroundings {
    fn plugin(&self) -> Result<Plugin, FindError> {
        let door = match self.shared.door {
            DoorName::Checked => Door::Checked,
            DoorName::C => Door::C,
        };
        host::load(self.shared.plugin.as_deref(), door)
    }

    fn log_level(&self) -> Level {
        match self.shared.log {
            LogLevel::Error => Level::Error,
            LogLevel::Warn => Level::Warn,
            LogLevel::Info => Level::Info,
            LogLevel::Debug => Level::Debug,
            LogLevel::Trace => Level::Trace,
        }
    }

    fn interrupt(&self) -> Result<host::Interrupt, CommandError> {
        host::Interrupt::watch().map_err(|cause| CommandError::System {
            what: "watch for Ctrl-C",
            cause,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: i32) -> CommandError {
        CommandError::Call(CallError {
            call: "create",
            code,
            message: String::new(),
        })
    }

    #[test]
    fn a_bad_configuration_is_wrong_use_and_a_busy_port_a_failure() {
        assert_eq!(refused(code::CONFIGURATION).exit(), Exit::Misused);
        assert_eq!(refused(code::SYSTEM).exit(), Exit::Failed);
    }

    #[test]
    fn a_reader_that_has_read_enough_is_no_failure() {
        let closed = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(CommandError::Output(closed).exit(), Exit::Good);
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(CommandError::Output(full).exit(), Exit::Failed);
    }
}
