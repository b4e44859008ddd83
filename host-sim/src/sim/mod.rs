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
mod clocked;
mod course;
mod crew;
mod happenings;
mod in_force;
mod measure;
mod peak;
mod play;
pub mod policy;
mod quiet;
pub mod recording;
pub mod replay;
pub mod report;
mod revealed;
mod run;
pub mod scenario;
mod sweep;
mod table;
mod traffic;
mod truth;
mod world;

pub use autoflow::Autoflow;
pub use course::{
    ChoiceChange, ClassCourse, Course, LineChange, LineCourse, PolicyCourse, RightChange,
};
pub use crew::Standing;
pub use measure::{Figures, Measures};
pub use play::{Wish, run};
pub use sweep::{Curve, Point};
pub use table::{Cost, Quantiles, Row, Spread, Table};

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
