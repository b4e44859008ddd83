//! Which host a command talks to.

use std::path::PathBuf;

use clap::Args;

const HOST: &str = "Which host";

/// The control socket of a running host.
#[derive(Args, Clone, Debug, Default)]
pub struct Socket {
    /// Control socket of the running host [default: host-sim.sock in $XDG_RUNTIME_DIR or /run]
    #[arg(long = "socket", global = true, value_name = "PATH", help_heading = HOST)]
    pub path: Option<PathBuf>,
}
