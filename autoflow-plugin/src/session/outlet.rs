//! The way of packets out of this room, and of their tokens back into it.

use twamp_core::probe::TxToken;
use twamp_core::stamp::ReplyToken;

use super::Key;
use crate::net::Outgoing;

/// A packet's way back to the session that wants its transmit stamp.
#[derive(Debug)]
pub(crate) enum Token {
    /// A probe, to its sender.
    Probe {
        key: Key,
        /// Where its sender is found, if that is still the same.
        place: u32,
        /// Which of the sessions that were agreed on under this key.
        session: u32,
        probe: TxToken,
    },
    /// A reply, to its reflector.
    Reply { key: Key, reply: ReplyToken },
}

/// Where packets go.
pub(crate) trait Outlet {
    /// An empty payload.
    fn buffer(&mut self) -> Vec<u8>;
    /// Takes a payload back that is not to leave.
    fn give_back(&mut self, payload: Vec<u8>) {
        drop(payload);
    }
    /// Takes a packet; it leaves with the next batch.
    fn queue(&mut self, packet: Outgoing<Token>);
}
