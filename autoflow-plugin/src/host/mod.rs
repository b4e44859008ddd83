//! What the host is told: by its callbacks, and by the picture that it looks at.
//!
//! ```text
//! twamp-ctl ─► Host (callbacks.rs) ─► the host's functions, marked by calling.rs
//! twamp-ctl ─► open_socket (sockets.rs) ─► sockets that the host opens in our place
//! twamp-ctl ─► Picture (picture.rs) ─► what `acquire` hands out
//! ```
//!
//! The way out of the plugin; the way in is [`boundary`](crate::boundary).

mod callbacks;
mod calling;
mod picture;
mod sockets;

pub(crate) use callbacks::{Change, Host, NOTHING};
pub(crate) use calling::{calling, is_calling};
pub(crate) use picture::{Picture, Taken};
