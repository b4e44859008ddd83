//! What the probes of one line say about it.
//!
//! ```text
//! outcome of a probe ─► Ring of slices ─► Summary ─┐
//!     │  pulse, trouble ─► Liveness ────► State ───┴► Estimate ─► score, rows of the snapshot
//!     ├► in order of sending ─► Watches: is a limit kept?       ─► auto flow control
//!     └► delays ─► ShiftWatch: is it as it was?                 ─► events
//! ```
//!
//! An [`Estimator`] belongs to one line and one probe class. It knows limits that somebody asks
//! about, but no class of traffic and no other line, and reads no clock. Whether the line lives, all
//! of its probe classes say together ([`Life`]).

mod count;
mod estimator;
mod extremes;
mod full_size;
mod liveness;
mod load;
mod metric;
mod opinion;
mod order;
mod ring;
mod row;
mod run;
mod score;
mod shift;
mod slice;
mod summary;
#[cfg(test)]
pub(crate) mod synthetic;
mod watch;
mod whole;

pub(crate) use estimator::{Estimate, Estimator, EstimatorConfig};
pub(crate) use full_size::{FullSize, Obstruction, Passage};
pub(crate) use liveness::{Pulse, State, Trouble};
pub(crate) use load::Load;
pub(crate) use metric::{Metric, within};
pub(crate) use opinion::opinions;
pub(crate) use row::{score_row, state_row};
pub(crate) use score::{score, score_over};
pub(crate) use shift::Shift;
pub(crate) use summary::{Directions, Way};
pub(crate) use watch::{Demand, Surely, Watch};
pub(crate) use whole::Life;
