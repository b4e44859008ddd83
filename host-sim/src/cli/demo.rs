//! The words of `host-sim demo`.

use std::path::PathBuf;

use clap::Args;

use crate::demo::MIN_SECONDS;

/// `host-sim demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// How many seconds to show, at least 20
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(MIN_SECONDS..=3600))]
    pub seconds: u64,
    /// What the emulated lines draw their accidents from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Record what became of each probe, for `sim --replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}
