//! The words of `host-sim apply`, `confirm` and `configuration`.

use std::path::PathBuf;

use clap::Args;

use super::Socket;

/// `host-sim apply`.
#[derive(Args, Clone, Debug)]
pub struct Apply {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Say what would change, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Go back to the former configuration unless `host-sim confirm` comes within so many seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..),
          conflicts_with = "dry_run")]
    pub confirm_within: Option<u32>,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}

/// `host-sim confirm`.
#[derive(Args, Clone, Debug)]
pub struct Confirm {
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}

/// `host-sim configuration`.
#[derive(Args, Clone, Debug)]
pub struct Configuration {
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}
