//! TWAMP without I/O: the protocols and the arithmetic of two-way active measurement.
//!
//! # What it is
//!
//! Wire formats, control and test state machines, the pairing of probes into samples, and the
//! statistics of loss, delay, variation and reordering (RFC 5357 and its family). What it is not:
//! there is no socket in here, no clock, no thread, no random generator. Octets, times and random
//! octets come in as arguments; octets, timers and events go out. So the same machines run over
//! sockets, in virtual time and under a fuzzer.
//!
//! | module | holds |
//! |---|---|
//! | [`time`] | clocks and stamps: monotonic, wall, NTP, error estimates |
//! | [`wire`] | messages and packets as plain structs: `parse`, `write` |
//! | [`security`] | keys, and what they protect: the control stream and the test packets |
//! | [`control`] | TWAMP-Control: [`Client`](control::Client) and [`Server`](control::Server) |
//! | [`probe`] | TWAMP-Test: sender, reflector, and the pairing of both into samples |
//! | [`stamp`] | STAMP: both ends, its TLVs and the answers to them |
//! | [`metrics`] | from samples to loss, delay, variation, reordering, with their uncertainty |
//! | [`error`] | what can be wrong with octets from the wire |
//!
//! # How to drive it
//!
//! Give a machine what came in (`handle_*`), then poll everything that may go out (`poll_*`) until
//! there is no more, and sleep until the next octets or the polled timeout. A client that asks a
//! server for one session and starts it, with two queues in place of the network:
//!
//! ```
//! use std::time::Duration;
//! use twamp_core::control::*;
//! use twamp_core::time::{Mono, Ntp64};
//!
//! struct Zeros; // In earnest: the operating system's generator.
//! impl Entropy for Zeros {
//!     fn fill(&mut self, out: &mut [u8]) {
//!         out.fill(0);
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Mono(0); // In earnest: read anew for each call.
//! let (near, far) = ("192.0.2.1:40000".parse()?, "192.0.2.2:862".parse()?);
//! let mut client = Client::new(ClientConfig::default(), now);
//! let mut server = Server::new(ServerConfig::new(Ntp64(1)), near, far, &mut Zeros, now);
//! client.request_session(
//!     SessionRequest {
//!         sender_port: 20001,
//!         receiver_port: 20002,
//!         sender_address: None,
//!         receiver_address: None,
//!         ip_version: IpVersion::V4,
//!         padding: 27,
//!         start_time: Ntp64(0),
//!         timeout: Duration::from_secs(2),
//!         dscp: 46,
//!     },
//!     now,
//! );
//! let mut started = false;
//! while !started {
//!     if let Some(octets) = server.poll_transmit() {
//!         client.handle_bytes(&octets, now)?;
//!     }
//!     if let Some(octets) = client.poll_transmit() {
//!         server.handle_bytes(&octets, now)?;
//!     }
//!     while let Some(event) = server.poll_event() {
//!         if let ServerEvent::SessionRequested { session, request } = event {
//!             // In earnest: bind a socket first.
//!             let sid = new_sid(request.receiver.ip(), Ntp64(1), [7; 4]);
//!             server.accept_session(session, request.receiver.port(), sid, now)?;
//!         }
//!     }
//!     while let Some(event) = client.poll_event() {
//!         match event {
//!             ClientEvent::Accepted { .. } => client.start_sessions(now)?,
//!             ClientEvent::Started => started = true,
//!             ClientEvent::Ended(reason) => return Err(reason.into()),
//!             _ => {}
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod control;
pub mod error;
pub mod metrics;
pub mod probe;
pub mod security;
pub mod stamp;
pub mod time;
pub mod wire;

#[cfg(test)]
mod vectors;
