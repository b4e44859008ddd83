//! The safe loader for Rust hosts: two doors in, one [`Plugin`] out, then [`Engine`]s.
//!
//! ```no_run
//! use plugin_abi::host::{Plugin, Silent};
//! let plugin = Plugin::load_checked("target/release/libautoflow_plugin.so")?;
//! let engine = plugin.create(r#"{"mode":"advise"}"#, Silent)?;
//! engine.start()?;
//! let snapshot = engine.snapshot()?;
//! for score in snapshot.scores() {
//!     println!("line {}: {} of 100", score.line, score.score);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod callbacks;
mod engine;
mod error;
mod guard;
#[cfg(feature = "stable")]
mod layout;
mod load;

pub use callbacks::{Callbacks, Change, Level, Silent, SocketRequest};
pub use engine::{Choice, Engine};
pub use error::{CallError, LoadError};
pub use guard::Snapshot;
pub use load::{Door, Plugin};
