//! The words of `host-sim sessions`.

use clap::{Args, Subcommand};
use plugin_abi::config::Remote;

use super::{ProbeOptions, Socket, Switch};

/// `host-sim sessions`.
#[derive(Args, Clone, Debug)]
pub struct Sessions {
    /// What to do with them.
    #[command(subcommand)]
    pub what: Option<SessionsCommand>,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}

/// What can be done with sessions.
#[derive(Clone, Debug, Subcommand)]
pub enum SessionsCommand {
    /// Show every session, of lines, of their own and served [the default]
    List,
    /// Add a session
    Add(Box<AddSession>),
    /// Change a session: what is given, nothing else
    Change(Box<ChangeSession>),
    /// Delete a session
    Delete(NamedSession),
    /// Run a session once, now
    Run(RunSession),
}

/// `host-sim sessions add`.
#[derive(Args, Clone, Debug)]
pub struct AddSession {
    /// Far end; IPv6 in brackets if a port follows. The port is 862 unless given
    #[arg(value_name = "REMOTE[:PORT]")]
    pub remote: Remote,
    /// Everything else.
    #[command(flatten)]
    pub options: SessionOptions,
}

/// `host-sim sessions change`.
#[derive(Args, Clone, Debug)]
pub struct ChangeSession {
    /// Which session
    #[arg(value_name = "ID|NAME")]
    pub session: String,
    /// Run until stopped, without --count
    #[arg(long, conflicts_with = "count")]
    pub continuous: bool,
    /// Run by hand only
    #[arg(long, conflicts_with_all = ["every", "cron", "global_schedule"])]
    pub no_schedule: bool,
    /// Measure at all
    #[arg(long, value_name = "ON|OFF")]
    pub enabled: Option<Switch>,
    /// What else is to be so from now on.
    #[command(flatten)]
    pub options: SessionOptions,
}

/// What a session is, beside its far end.
#[derive(Args, Clone, Debug, Default)]
pub struct SessionOptions {
    /// What to call it
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Address to measure from; IPv6 in brackets if a port follows
    #[arg(long, value_name = "ADDR[:PORT]")]
    pub local: Option<Remote>,
    /// Measure over exactly this line's interface, mark and source
    #[arg(long, value_name = "LINE", conflicts_with_all = ["device", "namespace", "mark"])]
    pub line: Option<String>,
    /// Interface that the probes leave by
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// Network namespace to measure in
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Firewall mark of the packets
    #[arg(long, value_name = "N")]
    pub mark: Option<u32>,
    /// Probes of a run [default: the session never ends]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub count: Option<u32>,
    /// Run every so many seconds
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..),
          conflicts_with_all = ["cron", "global_schedule"])]
    pub every: Option<u32>,
    /// Run at the times of a cron expression, as "0 6 * * mon-fri"
    #[arg(long, value_name = "EXPR", conflicts_with = "global_schedule")]
    pub cron: Option<String>,
    /// Time zone of --cron, as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "TZ", requires = "cron")]
    pub time_zone: Option<String>,
    /// Run when the host's global schedule says
    #[arg(long)]
    pub global_schedule: bool,
    /// Export its results, or don't
    #[arg(long, value_name = "ON|OFF", conflicts_with = "no_export")]
    pub export: Option<Switch>,
    /// As --export off
    #[arg(long)]
    pub no_export: bool,
    /// How to probe.
    #[command(flatten)]
    pub probe: ProbeOptions,
}

/// A session by id or name.
#[derive(Args, Clone, Debug)]
pub struct NamedSession {
    /// Which session
    #[arg(value_name = "ID|NAME")]
    pub session: String,
}

/// `host-sim sessions run`.
#[derive(Args, Clone, Debug)]
pub struct RunSession {
    /// Which session
    #[arg(value_name = "ID|NAME")]
    pub session: String,
    /// Don't wait for its end
    #[arg(long)]
    pub background: bool,
}
