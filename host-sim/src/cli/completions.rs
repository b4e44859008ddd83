//! The words of `host-sim completions` and `man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `host-sim completions`.
#[derive(Args, Clone, Debug)]
pub struct Completions {
    /// Of which shell
    #[arg(value_name = "SHELL")]
    pub shell: ShellName,
}

/// The shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellName {
    /// GNU bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// `host-sim man`.
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// Write the page of each command there [default: the main page on standard output]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
