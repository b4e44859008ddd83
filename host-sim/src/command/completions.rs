//! `host-sim completions`: what a shell needs to complete the words of the command line.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::CommandError;
use crate::cli::{Cli, Completions, ShellName};
use crate::exit::Exit;

pub(super) fn run(arguments: &Completions) -> Result<Exit, CommandError> {
    let shell = match arguments.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
    };
    // Written at once: a reader that has read enough is no failure, and no panic.
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "host-sim", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Good)
}
