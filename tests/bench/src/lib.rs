//! What is measured: the packets of a session of each kind, and setting one up.
//!
//! The harnesses in `benches/` only call what stands here, so that nanoseconds and instructions
//! are those of the same work.

mod handshake;
mod session;

pub use handshake::{SECURITY_MODES, handshake};
pub use session::{Kind, Session};
