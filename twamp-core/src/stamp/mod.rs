//! STAMP, the Simple Two-way Active Measurement Protocol: TWAMP-Test without TWAMP-Control, with
//! extensions (RFC 8762; RFC 8972 for the SSID and the TLVs).
//!
//! ```text
//! Sender::send ──► packet + TxToken ──► network ──► Reflector::reflect, then Sealer::seal
//!      ▲                                                        │            │
//!      │                          Reflector::transmitted ◄──────┘ ReplyToken │ reply
//! Sender::handle_reply ◄──────────────────── network ◄───────────────────────┘
//!      │
//! Sender::poll_outcome ──► (Sample | Lost | SetAside, what the TLVs returned)
//! ```
//!
//! An open STAMP packet begins with a TWAMP-Test packet, octet for octet. So both ends keep their
//! books with those of [`probe`](crate::probe), and this module does what is STAMP's own:
//!
//! | file | does |
//! |---|---|
//! | [`sender`] | makes requests, reads replies |
//! | [`reflector`] | decides whether to reply, makes replies |
//! | [`policy`] | what a reflector is told |
//! | [`sealer`] | finishes replies |
//! | [`security`] | the three ways to protect a session, and the key |
//! | `integrity` | verifies and makes the HMAC TLV |
//! | `answer` | answers TLVs, each in its place |
//! | [`request`] | which TLVs a sender sends |
//! | [`returned`] | what came back in them |
//! | [`copies`] | how many replies to one request, and how large |
//! | `access` | repeats an Access Report until it is answered |
//! | `figures` | gathers what the sender saw of the way back |
//! | [`discard`] | packets that are neither answered nor counted, and why |
//!
//! Sessions are configured at both ends, there is no negotiation. The default port is UDP 862,
//! which is not known here.

mod access;
mod answer;
pub mod copies;
pub mod discard;
mod figures;
mod integrity;
pub mod policy;
pub mod reflector;
pub mod request;
pub mod returned;
pub mod sealer;
pub mod security;
pub mod sender;

pub use access::Announcement;
pub use copies::{Copies, CopyLimits};
pub use discard::{Discard, Discards};
pub use policy::{Context, DataCounters, DscpSet, ReflectorConfig, ReplyDscp};
pub use reflector::{Reflector, ReflectorReport, Reply, ReplyToken};
pub use request::{FiguresConfig, Request};
pub use returned::{Located, Returned, Stopped};
pub use sealer::Sealer;
pub use security::{Key, Security};
pub use sender::{Sender, SenderConfig};

/// UDP port of a reflector unless configured otherwise (RFC 8762, section 4.1).
pub const DEFAULT_PORT: u16 = 862;

#[cfg(test)]
mod tests;
