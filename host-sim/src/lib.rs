//! A complete host for the autoflow plugin: it loads the plugin, keeps its configuration, moves
//! real flows, emulates lines, and is its command line. It knows the plugin by `plugin-abi` only.
//!
//! ```text
//!   cli ──► command ──► host (plugin, engine, what it tells) ──► text ──► standard output
//!              │
//!              ├──► document (TOML with places)
//!              ├──► metrics (what a running engine tells Prometheus)
//!              ├──► demo ──► link (the line emulator)
//!              ├──► sim ──► link (policies side by side in virtual time)
//!              └──► bench (ours beside a bare reference)
//! ```

pub mod address;
pub mod bench;
pub mod cli;
pub mod command;
pub mod demo;
pub mod document;
pub mod exit;
pub mod host;
pub mod link;
pub mod metrics;
pub mod secret;
pub mod sim;
pub mod text;
