//! The words of `host-sim lines`.

use clap::{ArgGroup, Args, Subcommand};

use super::{Socket, Switch};

/// `host-sim lines`.
#[derive(Args, Clone, Debug)]
pub struct Lines {
    /// What to do with them.
    #[command(subcommand)]
    pub what: Option<LinesCommand>,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}

/// What can be done with lines.
#[derive(Clone, Debug, Subcommand)]
pub enum LinesCommand {
    /// Show every line and its state [the default]
    List,
    /// Turn this end's roles on a line on and off
    Role(Role),
}

/// `host-sim lines role`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("roles").required(true).multiple(true))]
pub struct Role {
    /// Which line
    #[arg(value_name = "LINE")]
    pub line: String,
    /// Measure it from here
    #[arg(long, value_name = "ON|OFF", group = "roles")]
    pub sender: Option<Switch>,
    /// Answer the probes of its far end
    #[arg(long, value_name = "ON|OFF", group = "roles")]
    pub responder: Option<Switch>,
}
