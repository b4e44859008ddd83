//! The words of `host-sim run`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::Socket;

/// `host-sim run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// End by itself after so many seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: Option<u64>,
    /// Show the table of lines and choices every so many seconds [default: 5; with --json: 1]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub every: Option<u64>,
    /// Keep the sessions that persons add in this file, and take them up from it
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Record what becomes of each probe in this file, for `sim --replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// The newest so many megabytes of it are kept, in FILE and FILE.1
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "record",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub record_mb: u64,
    /// Serve metrics to Prometheus over HTTP at this address, such as 127.0.0.1:9862
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Where other commands reach this host.
    #[command(flatten)]
    pub socket: Socket,
}
