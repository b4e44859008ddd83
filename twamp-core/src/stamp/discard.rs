//! Packets that are neither answered nor counted as replies, and why.

use crate::error::WireError;
use crate::probe;
use thiserror::Error;

/// Why a packet was discarded. The session goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Discard {
    /// Too few octets to be a packet of this session.
    #[error(transparent)]
    TooShort(#[from] WireError),
    /// The HMAC is not the one of this key: forged, damaged, or another key.
    #[error("peer sent a wrong HMAC: check that both ends have the same key")]
    BadHmac,
    /// The SSID is that of another session.
    #[error("peer sent SSID {found}, expected {expected}")]
    WrongSsid {
        /// Of this session.
        expected: u16,
        /// In the packet.
        found: u16,
    },
    /// A reply would go round in a loop or to many: the source is this very socket, a multicast,
    /// broadcast or unspecified address, or a port that senders don't have.
    #[error("a reply must not go to the source of this packet")]
    NoReplyTo,
    /// The sender asked for no reply (RFC 10052).
    #[error("the sender asked for no reply")]
    NoReplyAsked,
    /// Not a packet that the session can use.
    #[error(transparent)]
    Session(#[from] probe::Discard),
}

/// How many packets were discarded for each reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Discards {
    /// See [`Discard::TooShort`].
    pub too_short: u64,
    /// See [`Discard::BadHmac`].
    pub bad_hmac: u64,
    /// See [`Discard::WrongSsid`].
    pub wrong_ssid: u64,
    /// See [`Discard::NoReplyTo`].
    pub no_reply_to: u64,
    /// See [`Discard::NoReplyAsked`].
    pub no_reply_asked: u64,
    /// See [`Discard::Session`].
    pub session: probe::Discards,
}

impl Discards {
    /// Counts one.
    pub fn count(&mut self, discard: &Discard) {
        *match discard {
            Discard::TooShort(_) => &mut self.too_short,
            Discard::BadHmac => &mut self.bad_hmac,
            Discard::WrongSsid { .. } => &mut self.wrong_ssid,
            Discard::NoReplyTo => &mut self.no_reply_to,
            Discard::NoReplyAsked => &mut self.no_reply_asked,
            Discard::Session(discard) => return self.session.count(discard),
        } += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        let Discards {
            too_short,
            bad_hmac,
            wrong_ssid,
            no_reply_to,
            no_reply_asked,
            session,
        } = self;
        too_short + bad_hmac + wrong_ssid + no_reply_to + no_reply_asked + session.total()
    }
}
