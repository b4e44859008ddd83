//! The words of `host-sim events`.

use clap::Args;

use super::Socket;

/// `host-sim events`.
#[derive(Args, Clone, Debug)]
pub struct Events {
    /// Only those that stand
    #[arg(long)]
    pub standing: bool,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}
