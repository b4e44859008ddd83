//! TWAMP-Control as two state machines over a byte stream (RFC 5357, section 3): [`Client`] and
//! [`Server`].
//!
//! ```text
//!   TCP octets ──▶ handle_bytes ─┐                 ┌─▶ poll_transmit ──▶ TCP octets
//!   timer ───────▶ handle_timeout├─▶   machine   ──┼─▶ poll_timeout  ──▶ timer
//!   EOF ─────────▶ handle_closed │                 └─▶ poll_event    ──▶ the driver acts
//!   the driver's wishes ─────────┤                 └─▶ poll_derivation ─▶ another thread
//!   derived keys ─▶ key_derived ─┘
//! ```
//!
//! After each input, poll all outputs until they are empty. Octets may come in pieces of any
//! size. However a connection ends, the last event is `Ended` with the reason; send what is still
//! to transmit, then close. An ended machine stays ended and ignores whatever it is told.
//!
//! # Modes
//!
//! A server offers what [`ServerConfig::modes`] says, a client selects from it what
//! [`ClientConfig::modes`] allows. The secure modes (authenticated, encrypted, mixed) need a secret
//! that both ends hold. The machines never see it: they hand out a
//! [`KeyDerivation`](crate::security::KeyDerivation), which is slow on purpose, and go on when its
//! result is handed back. What the peer then says is decrypted and verified before anything is
//! acted upon. How the test packets of a session are to be protected is told by `test_security`.
//!
//! Of the features the machines negotiate individual session control (RFC 5938), reflected octets
//! and symmetrical size (RFC 6038), shared keys from IKEv2 (RFC 7717), DSCP and ECN monitoring
//! (RFC 7750) and PTP stamps (RFC 8186). Not done, and answered with "not supported": the member
//! links of RFC 9533 (command 11). The checksum complement of RFC 7820 is not negotiated at all.

mod client;
#[cfg(test)]
mod conversation;
mod error;
mod inbox;
mod outbox;
mod request;
mod server;
mod sid;

pub use client::{
    Client, ClientConfig, ClientEvent, IpVersion, Reflection, RequestId, SessionRequest,
};
pub use error::{ControlError, Fault, Misuse};
pub use inbox::BACKLOG_LIMIT;
pub use request::SessionParameters;
pub use server::{Server, ServerConfig, ServerEvent, SessionIndex};
pub use sid::new_sid;

use crate::wire::control::Modes;

/// The modes these machines can do.
const SUPPORTED: Modes = Modes(Modes::SECURITY.0 | Modes::FEATURES.0);

/// Where random octets come from; in production the operating system's generator.
pub trait Entropy {
    /// Fills all of `out`.
    fn fill(&mut self, out: &mut [u8]);
}

#[cfg(test)]
mod tests;
