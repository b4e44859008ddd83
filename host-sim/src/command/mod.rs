//! The commands, one a file.

mod bench;
mod check;
mod demo;
mod ping;
mod respond;
mod run;

use plugin_abi::code;
use plugin_abi::host::{CallError, Door, Level, Plugin};
use serde_json::json;

use crate::bench::BenchError;
use crate::cli::{Cli, Command, DoorName, LogLevel, Shared};
use crate::demo::DemoError;
use crate::document::ReadError;
use crate::exit::Exit;
use crate::host::{self, FindError};
use crate::secret::SecretError;
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
    /// The plugin answered another question than it was asked.
    #[error("asked the plugin for {0}, its answer is of another kind; take a plugin of this build")]
    Answer(&'static str),
    /// A configuration that the plugin calls good but this host can't read.
    #[error("the plugin takes this configuration, this host can't read it: {0}; rebuild the host")]
    Configuration(serde_json::Error),
    /// A bench could not be run.
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The demo could not be shown.
    #[error(transparent)]
    Demo(#[from] DemoError),
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

impl CommandError {
    /// The exit code that tells it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Read(_) | Self::Secret(_) | Self::Usage(_) => Exit::Misused,
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
            let _ = output.object(&json!({ "error": error.to_string() }));
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
