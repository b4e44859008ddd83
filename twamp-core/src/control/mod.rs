//! TWAMP-Control as two state machines over a byte stream (RFC 5357, section 3): [`Client`] and
//! [`Server`].
//!
//! ```text
//!   TCP octets ──▶ handle_bytes ─┐                 ┌─▶ poll_transmit ──▶ TCP octets
//!   timer ───────▶ handle_timeout├─▶   machine   ──┼─▶ poll_timeout  ──▶ timer
//!   EOF ─────────▶ handle_closed │                 └─▶ poll_event    ──▶ the driver acts
//!   the driver's wishes ─────────┘
//! ```
//!
//! After each input, poll all three outputs until they are empty. Octets may come in pieces of any
//! size. However a connection ends, the last event is `Ended` with the reason; send what is still
//! to transmit, then close. An ended machine stays ended and ignores whatever it is told.
//!
//! Open mode only, for now: the machines neither offer nor select anything else.

mod client;
#[cfg(test)]
mod conversation;
mod error;
mod inbox;
mod request;
mod server;

use std::net::IpAddr;

pub use client::{Client, ClientConfig, ClientEvent, IpVersion, RequestId, SessionRequest};
pub use error::{ControlError, Fault, Misuse};
pub use inbox::BACKLOG_LIMIT;
pub use request::SessionParameters;
pub use server::{Server, ServerConfig, ServerEvent, SessionIndex};

use crate::time::Ntp64;
use crate::wire::control::{Modes, Sid};

/// The modes these machines can do.
const SUPPORTED: Modes = Modes::OPEN;

/// Where random octets come from; in production the operating system's generator.
pub trait Entropy {
    /// Fills all of `out`.
    fn fill(&mut self, out: &mut [u8]);
}

/// A session identifier as RFC 4656, section 3.5, wants it: four octets of the server's address
/// (the last four, of IPv6), the time, four random octets.
///
/// Unique as long as `now` or `random` differ; unpredictable as far as `random` is.
pub fn new_sid(local: IpAddr, now: Ntp64, random: [u8; 4]) -> Sid {
    let place = match local {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => v6.to_bits() as u32,
    };
    let sid =
        u128::from(place) << 96 | u128::from(now.0) << 32 | u128::from(u32::from_be_bytes(random));
    Sid(sid.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_sid_is_address_time_and_chance() {
        let now = Ntp64(0xe8fe_6f80_0000_0000);
        let random = [0xde, 0xad, 0xbe, 0xef];
        let v4 = new_sid("192.0.2.2".parse().unwrap(), now, random);
        assert_eq!(v4.to_string(), "c0000202e8fe6f8000000000deadbeef");
        let v6 = new_sid("2001:db8::1:2".parse().unwrap(), now, random);
        assert_eq!(v6.to_string(), "00010002e8fe6f8000000000deadbeef");
    }

    #[test]
    fn a_million_sids_are_all_different() {
        let local = "192.0.2.2".parse().unwrap();
        // Ten sessions in each moment of the clock, told apart by chance alone.
        let sids: HashSet<Sid> = (0..1_000_000u32)
            .map(|n| {
                let chance = n.wrapping_mul(0x9e37_79b1).to_be_bytes();
                new_sid(local, Ntp64(u64::from(n / 10)), chance)
            })
            .collect();
        assert_eq!(sids.len(), 1_000_000);
    }
}
