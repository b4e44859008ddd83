//! `host-sim man`: the manual pages, made of what `--help` says.

use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::CommandError;
use crate::cli::{self, Cli};
use crate::exit::Exit;

pub(super) fn run(arguments: &cli::Man) -> Result<Exit, CommandError> {
    // With it, each command knows its whole name and the options of all.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match &arguments.dir {
        None => io::stdout().write_all(&page(&command)?)?,
        Some(directory) => write(directory, &command).map_err(|cause| CommandError::System {
            what: "write the manual pages",
            cause,
        })?,
    }
    Ok(Exit::Good)
}

/// The page of a command, and those of its subcommands: `host-sim-sessions-add.1`.
fn write(directory: &Path, command: &Command) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let file = format!("{}.1", name(command));
    std::fs::write(directory.join(file), page(command)?)?;
    for subcommand in command.get_subcommands() {
        write(directory, subcommand)?;
    }
    Ok(())
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // The page is called as its file is.
    let name = name(command).to_owned();
    Man::new(command.clone()).title(name).render(&mut page)?;
    Ok(page)
}

fn name(command: &Command) -> &str {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
}
