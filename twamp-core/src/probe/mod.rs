//! Both ends of a measurement session, without sockets: a [`Sender`] makes probes and pairs their
//! replies into samples, a [`Reflector`] answers them.
//!
//! ```text
//! Sender::send ──► packet + TxToken ──► network ──► Reflector::reflect, then Sealer::seal
//!      ▲                    │                                          │
//!      │ transmitted ◄──────┘ stamp                                    │
//! Sender::handle_reply ◄──────────────── network ◄─────────────────────┘
//!      │
//! Sender::poll_outcome ──► Sample | Lost | SetAside
//! ```

use crate::time::{Mono, Wall};
use std::time::Duration;

pub mod discard;
pub mod features;
mod outcomes;
#[cfg(test)]
mod packets;
mod padding;
pub mod pairing;
pub mod reflector;
pub mod sender;
mod stamp_format;

pub use discard::{Discard, Discards};
pub use features::Features;
pub use pairing::{Sample, Stamps};
pub use reflector::{Reflector, ReflectorConfig, ReflectorReport, Sealer};
pub use sender::{Outcome, Reason, Sender, SenderConfig, SetAside, TxToken};
pub use stamp_format::StampFormat;

/// A datagram may lie unread for so long without being later by that.
pub const UNREAD: Duration = Duration::from_millis(50);

/// How a datagram came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrival {
    /// Read right after the receive call.
    pub mono: Mono,
    /// Read together with `mono`.
    pub user: Wall,
    /// The kernel's stamp, `CLOCK_REALTIME`, if there is one.
    pub kernel: Option<Wall>,
    /// The interface's own stamp as a time of `CLOCK_REALTIME`, if there is one.
    pub hardware: Option<Wall>,
    /// TTL or hop limit of the packet, if known.
    pub ttl: Option<u8>,
    /// TOS octet or traffic class (DSCP and ECN) of the packet, if known.
    pub tos: Option<u8>,
}

impl Arrival {
    /// The best stamp there is.
    pub fn wall(&self) -> Wall {
        self.kernel.unwrap_or(self.user)
    }

    /// How long it lay unread, by the kernel's stamp. No more than [`UNREAD`]: what is longer may
    /// be a step of the clock.
    pub fn unread(&self) -> Duration {
        let unread = self.kernel.map_or(0, |kernel| self.user.since(kernel));
        Duration::from_nanos(unread.max(0).unsigned_abs()).min(UNREAD)
    }
}

/// How a datagram left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TxStamp {
    /// Read right before the send call.
    pub user: Wall,
    /// The kernel's stamp, `CLOCK_REALTIME`, if there is one.
    pub kernel: Option<Wall>,
    /// The interface's own stamp as a time of `CLOCK_REALTIME`, if there is one.
    pub hardware: Option<Wall>,
}
