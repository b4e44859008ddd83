//! The control socket: how other commands reach a host that runs.
//!
//! ```text
//!   host-sim sessions … ──► Client ──┐  one JSON request a line
//!   host-sim why … ───────► Client ──┼──► Control ──► manage of the one engine
//!   a script ────────────────────────┘  one JSON answer a line
//! ```
//!
//! The socket is a file of mode 0600: who may open it may do with the host what its owner may.

mod client;
mod place;
mod serve;
mod state;

pub use client::{Client, ClientError};
pub use place::{Place, PlaceError, default_path};
pub use serve::{Control, refusal};
pub use state::{Kept, State, StateError};

/// The longest request, in octets: a configuration of some ten thousand lines.
const LONGEST: usize = 8 << 20;
