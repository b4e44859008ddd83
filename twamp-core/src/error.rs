//! What can go wrong with octets from the wire.
//!
//! Conventions of this crate: an error names who is at fault (the peer, the configuration, the
//! local system), what was expected and what was found. [`WireError`] is always the peer's fault.
//! Errors of the control machines are [`ControlError`](crate::control::ControlError); after one
//! of those the connection must close.

use thiserror::Error;

/// The peer sent octets that are not the message they should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum WireError {
    /// Fewer octets than the message has.
    #[error("peer sent a {what} of {found} octets, expected at least {expected}")]
    TooShort {
        /// Name of the message.
        what: &'static str,
        /// Octets the message needs.
        expected: usize,
        /// Octets that came.
        found: usize,
    },
    /// The first octet is another command's number.
    #[error("peer sent command {found} where {what} (command {expected}) was expected")]
    WrongCommand {
        /// Name of the message.
        what: &'static str,
        /// Number of that message's command.
        expected: u8,
        /// Number that came.
        found: u8,
    },
}
