//! The command line of the host.

use std::process::ExitCode;

use clap::Parser;
use host_sim::{cli::Cli, command};

fn main() -> ExitCode {
    command::run(Cli::parse()).into()
}
