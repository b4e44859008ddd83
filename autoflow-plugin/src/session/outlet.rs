//! The way of packets out of this room, and of their tokens back into it.

use twamp_core::probe::TxToken;

use super::Key;
use crate::net::Outgoing;

/// A probe's way back to its sender, which wants the transmit stamp.
#[derive(Debug)]
pub(crate) struct Token {
    pub(super) key: Key,
    /// Which of the sessions that were agreed on under this key.
    pub(super) session: u32,
    pub(super) probe: TxToken,
}

/// Where packets go.
pub(crate) trait Outlet {
    /// An empty payload.
    fn buffer(&mut self) -> Vec<u8>;
    /// Takes a packet; it leaves with the next batch.
    fn queue(&mut self, packet: Outgoing<Token>);
}
