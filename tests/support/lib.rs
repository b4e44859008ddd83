//! What the tests stand on: the built plugin and the built host, as a user has them.

pub mod artifacts;

pub use artifacts::{Artifacts, artifacts};
