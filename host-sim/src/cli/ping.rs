//! The words of `host-sim ping`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::{ProbeOptions, Socket};
use crate::address::Target;

/// What stands below the help of `ping`.
pub(super) const AFTER: &str = "\
Unless said otherwise: --mode open --interval 100 --dscp 0 --ttl 255 --timeout 1000

Exit codes:
  0  at least one probe was answered
  1  the measurement failed: the name is unknown, the far end is unreachable, refuses the
     connection, doesn't answer, rejects the session or breaks the protocol, or no probe came back
  2  wrong use, also an address, port or permission that this machine refuses
With --json, failure.kind tells them apart: unresolved, unreachable, refused, no-answer, rejected,
protocol, local.";

/// `host-sim ping`.
#[derive(Args, Clone, Debug)]
pub struct Ping {
    /// Probes to send
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Use IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub ipv6: bool,
    /// Address to measure from
    #[arg(long, value_name = "ADDR")]
    pub local: Option<IpAddr>,
    /// Measure over exactly this line's way, of the running host or of --config
    #[arg(long, value_name = "NAME", conflicts_with = "local")]
    pub line: Option<String>,
    /// The configuration that has the line, in TOML; no running host is asked
    #[arg(long, value_name = "FILE", requires = "line")]
    pub config: Option<PathBuf>,
    /// File whose first line is the passphrase of --key-id
    #[arg(long, value_name = "FILE", requires = "key_id")]
    pub passphrase_file: Option<PathBuf>,
    /// How to probe.
    #[command(flatten)]
    pub probe: ProbeOptions,
    /// The host that has the line.
    #[command(flatten)]
    pub socket: Socket,
    /// Far end: name or address, IPv6 bare or in brackets; port 862 or --line's own unless given
    #[arg(value_name = "HOST[:PORT]", required_unless_present = "line")]
    pub target: Option<Target>,
}
