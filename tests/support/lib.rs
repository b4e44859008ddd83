//! What the tests stand on: the built plugin and the built host, as a user has them.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

pub mod accounts;
pub mod address;
pub mod artifacts;
pub mod caller;
pub mod holdings;
pub mod host;
pub mod net;
pub mod oracle;

pub use accounts::accounted;
pub use artifacts::{Artifacts, artifacts};
