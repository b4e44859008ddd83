//! The sending side of a session, whichever packets it speaks: the core's two senders as one.

use std::time::Duration;

use twamp_core::metrics::loss::LossCounts;
use twamp_core::probe::{self, Arrival, Outcome, StampFormat, TxStamp, TxToken};
use twamp_core::security::TestSecurity;
use twamp_core::stamp::{self, Discard, Returned};
use twamp_core::time::{ErrorEstimate, Mono, Now};
use twamp_core::wire::control::Modes;
use twamp_core::wire::test::{
    REFLECTOR_DSCP_LEN, SECURE_REFLECTOR_LEN, SECURE_SENDER_LEN, SENDER_LEN,
};

use super::rhythm::faster;
use super::{Stream, Terms};

/// Probes remembered for late and doubled replies, at least: thousands of sessions do.
const REMEMBERED: usize = 32;

/// Which packets a session speaks, and what is agreed on about them.
#[derive(Clone, Debug)]
pub(crate) enum Dialect {
    /// TWAMP-Test (RFC 5357, section 4).
    Twamp {
        /// Octets after the sender packet.
        padding: u16,
        /// How probes and replies are protected.
        security: TestSecurity,
        /// What else was agreed on.
        terms: Terms,
    },
    /// STAMP (RFC 8762).
    Stamp {
        /// How probes and replies are protected.
        security: stamp::Security,
        /// Identifies the session at the reflector; 0 for none.
        ssid: u16,
        /// What each probe asks.
        request: stamp::Request,
        /// How T1 is written.
        stamps: StampFormat,
    },
}

impl Dialect {
    /// Octets of a probe and of the longest reply that is usual, without IP and UDP headers.
    pub(super) fn octets(&self) -> (usize, usize) {
        match self {
            Self::Twamp {
                padding, security, ..
            } => {
                let (sender, reflector) = match security {
                    TestSecurity::Open => (SENDER_LEN, REFLECTOR_DSCP_LEN),
                    TestSecurity::Authenticated(_) | TestSecurity::Encrypted(_) => {
                        (SECURE_SENDER_LEN, SECURE_REFLECTOR_LEN)
                    }
                };
                let probe = sender + usize::from(*padding);
                (probe, probe.max(reflector))
            }
            Self::Stamp {
                security, request, ..
            } => {
                let probe = request.longest_probe(security);
                (probe, probe)
            }
        }
    }

    /// The features that were agreed on.
    pub(crate) fn features(&self) -> Modes {
        match self {
            Self::Twamp { terms, .. } => terms.modes,
            Self::Stamp { .. } => Modes::NONE,
        }
    }
}

/// A sender of the core.
pub(super) enum Sender {
    Twamp(Box<probe::Sender>),
    Stamp(Box<stamp::Sender>),
}

impl Sender {
    /// A session that has sent nothing yet.
    pub(super) fn new(stream: &Stream) -> Self {
        // It may be probed faster for a while.
        let remembered = remembered(stream.timeout, faster(stream.interval));
        let mut sender = match &stream.dialect {
            Dialect::Twamp {
                padding,
                security,
                terms,
            } => {
                let config = probe::SenderConfig {
                    padding: (*padding).into(),
                    timeout: stream.timeout,
                    stateful_reflector: stream.stateful,
                    remembered,
                    features: terms.packets,
                    server_octets: terms.server_octets,
                    ..probe::SenderConfig::default()
                };
                let sender = probe::Sender::new(config).secured(security.clone());
                Self::Twamp(Box::new(sender))
            }
            Dialect::Stamp {
                security,
                ssid,
                request,
                stamps,
            } => Self::Stamp(Box::new(stamp::Sender::new(stamp::SenderConfig {
                security: security.clone(),
                ssid: *ssid,
                request: *request,
                stamps: *stamps,
                timeout: stream.timeout,
                stateful_reflector: stream.stateful,
                remembered,
                ..stamp::SenderConfig::default()
            }))),
        };
        sender.paced(stream.interval);
        sender
    }

    /// Probes leave at this distance from now on.
    pub(super) fn paced(&mut self, interval: Duration) {
        match self {
            Self::Twamp(sender) => sender.remember(remembered(sender.timeout(), interval)),
            Self::Stamp(sender) => sender.remember(remembered(sender.timeout(), interval)),
        }
    }

    pub(super) fn send(&mut self, now: Now, error: ErrorEstimate, out: &mut Vec<u8>) -> TxToken {
        match self {
            Self::Twamp(sender) => sender.send(now, error, out),
            Self::Stamp(sender) => sender.send(now, error, out),
        }
    }

    pub(super) fn transmitted(&mut self, token: TxToken, stamp: TxStamp) {
        match self {
            Self::Twamp(sender) => sender.transmitted(token, stamp),
            Self::Stamp(sender) => sender.transmitted(token, stamp),
        }
    }

    pub(super) fn not_sent(&mut self, token: TxToken) {
        match self {
            Self::Twamp(sender) => sender.not_sent(token),
            Self::Stamp(sender) => sender.not_sent(token),
        }
    }

    pub(super) fn handle_reply(&mut self, packet: &[u8], arrival: &Arrival) -> Result<(), Discard> {
        match self {
            Self::Twamp(sender) => Ok(sender.handle_reply(packet, arrival)?),
            Self::Stamp(sender) => sender.handle_reply(packet, arrival),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Mono) {
        match self {
            Self::Twamp(sender) => sender.handle_timeout(now),
            Self::Stamp(sender) => sender.handle_timeout(now),
        }
    }

    pub(super) fn set_aside_outstanding(&mut self, now: Mono) {
        match self {
            Self::Twamp(sender) => sender.set_aside_outstanding(now),
            Self::Stamp(sender) => sender.set_aside_outstanding(now),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        match self {
            Self::Twamp(sender) => sender.poll_timeout(),
            Self::Stamp(sender) => sender.poll_timeout(),
        }
    }

    /// What became of a probe; with a sample, what the far end told besides, if it can tell.
    pub(super) fn poll_outcome(&mut self) -> Option<(Outcome, Option<Returned>)> {
        match self {
            Self::Twamp(sender) => Some((sender.poll_outcome()?, None)),
            Self::Stamp(sender) => {
                let (outcome, returned) = sender.poll_outcome()?;
                let answered = matches!(outcome, Outcome::Sample(_));
                Some((outcome, answered.then_some(returned)))
            }
        }
    }

    pub(super) fn counts(&self) -> LossCounts {
        match self {
            Self::Twamp(sender) => sender.counts(),
            Self::Stamp(sender) => sender.counts(),
        }
    }
}

/// Twice as many as are on their way at most.
fn remembered(timeout: Duration, interval: Duration) -> usize {
    let in_flight = timeout.as_nanos() / interval.as_nanos().max(1);
    REMEMBERED.max(usize::try_from(in_flight * 2).unwrap_or(usize::MAX))
}
