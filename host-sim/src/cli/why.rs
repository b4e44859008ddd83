//! The words of `host-sim why`.

use clap::Args;

use super::Socket;

/// `host-sim why`.
#[derive(Args, Clone, Debug)]
pub struct Why {
    /// Only this class of traffic
    #[arg(value_name = "CLASS")]
    pub class: Option<String>,
    /// Show what decisions have been worth, or would have been if they had been acted on
    #[arg(long)]
    pub advice: bool,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}
