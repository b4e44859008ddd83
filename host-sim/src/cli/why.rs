//! The words of `host-sim why`.

use clap::Args;

use super::Socket;

/// `host-sim why`.
#[derive(Args, Clone, Debug)]
pub struct Why {
    /// Only this class of traffic
    #[arg(value_name = "CLASS")]
    pub class: Option<String>,
    /// The host.
    #[command(flatten)]
    pub socket: Socket,
}
