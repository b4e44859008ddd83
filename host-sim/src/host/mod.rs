//! The host's side of the plugin: load it, hear it, read what it publishes; and how others reach
//! the host.

pub mod clock;
pub mod control;
pub mod flows;
mod interrupt;
mod listen;
mod load;
mod names;
mod status;
mod wake;

pub use interrupt::Interrupt;
pub use listen::{Event, Listener, listen};
pub use load::{FindError, PLUGIN_FILE, load};
pub use names::Names;
pub(crate) use status::engine_name;
pub use status::{
    ChoiceStatus, ClassScore, LineStatus, LossStatus, Microseconds, Seen, Status, Watch,
};
pub use wake::wait_for_change;
