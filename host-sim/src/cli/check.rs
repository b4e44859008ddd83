//! The words of `host-sim check`.

use std::path::PathBuf;

use clap::Args;

/// `host-sim check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}
