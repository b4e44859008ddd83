//! The words of `host-sim results`.

use clap::Args;

use super::Socket;

/// `host-sim results`.
#[derive(Args, Clone, Debug)]
pub struct Results {
    /// Only of this session or line [default: of all sessions]
    #[arg(value_name = "ID|NAME|LINE")]
    pub of: Option<String>,
    /// Only the last so many of each session
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}
