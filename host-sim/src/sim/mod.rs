//! The simulator: path policies side by side, in virtual time, on the same lines.
//!
//! ```text
//!   scenarios ──► Stage ──┐                        ┌──► text
//!   policies ──► Maker ───┼─► run (seed) ─► Table ─┼──► JSON
//!                World ───┘     │                  └──► HTML
//!                               └── Measures: choices against the truth
//! ```
//!
//! Hours take seconds. One of the policies is the plugin file that ships, under its manual clock;
//! the others are rivals, each written from what is known of it. The same seed gives the same
//! lines to all of them, and the same octets out.

mod autoflow;
pub mod baselines;
pub mod bound;
mod happenings;
mod measure;
pub mod policy;
pub mod recording;
pub mod replay;
mod revealed;
mod run;
pub mod scenario;
mod table;
mod traffic;
mod truth;
mod world;

pub use autoflow::Autoflow;
pub use measure::Measures;
pub use table::{Quantiles, Row, Table, run};

use crate::link::ImpairmentError;
use policy::MakeError;

/// A run can't be made.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The policy can't be had.
    #[error(transparent)]
    Policy(#[from] MakeError),
    /// A scenario impairs a line in a way that can't be.
    #[error("{scenario}: {what}")]
    Impairment {
        /// The scenario.
        scenario: String,
        /// What is wrong.
        what: ImpairmentError,
    },
}
