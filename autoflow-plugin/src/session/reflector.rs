//! The answering side of a session, whichever packets it speaks: the core's two reflectors as one.

use std::net::SocketAddr;
use std::time::Duration;

use twamp_core::probe::{self, ReflectorReport, TxStamp};
use twamp_core::stamp::{self, Context, Discard, ReplyToken};
use twamp_core::time::{ErrorEstimate, Mono};
use twamp_core::wire::tlv::figures::BackwardFigures;

use crate::net::{Datagram, Seal};

/// A reflector of the core.
pub(super) enum Reflector {
    Twamp {
        reflector: Box<probe::Reflector>,
        /// Of its replies.
        dscp: u8,
    },
    Stamp(Box<stamp::Reflector>),
}

/// How a reply is to leave.
pub(super) struct Reply {
    pub(super) seal: Seal,
    /// `None`: that of the path.
    pub(super) dscp: Option<u8>,
    /// It is of use to know when it left.
    pub(super) token: Option<ReplyToken>,
}

impl Reflector {
    /// Writes the reply to a probe that came to `local`.
    pub(super) fn reflect(
        &mut self,
        datagram: &Datagram<'_>,
        local: SocketAddr,
        error: ErrorEstimate,
        out: &mut Vec<u8>,
    ) -> Result<Reply, Discard> {
        let (packet, arrival) = (datagram.payload, &datagram.arrival);
        match self {
            Self::Twamp { reflector, dscp } => {
                reflector.reflect(packet, arrival, error, out)?;
                Ok(Reply {
                    seal: Seal::Twamp(reflector.sealer()),
                    dscp: Some(*dscp),
                    token: None,
                })
            }
            Self::Stamp(reflector) => {
                let context = Context {
                    source: datagram.from,
                    destination: local,
                    source_mac: None,
                    data: None,
                };
                let reply = reflector.reflect(packet, arrival, &context, error, out)?;
                Ok(Reply {
                    seal: Seal::Stamp(reflector.sealer()),
                    dscp: reply.dscp,
                    token: reply.follow_up.then_some(reply.token),
                })
            }
        }
    }

    /// Can `packet` be a probe of this session? Strangers, who speak STAMP, are known by more.
    pub(super) fn recognises(&self, packet: &[u8]) -> bool {
        match self {
            Self::Twamp { reflector, .. } => reflector.recognises(packet),
            Self::Stamp(_) => false,
        }
    }

    /// A reply with a token has left.
    pub(super) fn transmitted(&mut self, token: ReplyToken, stamp: TxStamp) {
        if let Self::Stamp(reflector) = self {
            reflector.transmitted(token, stamp);
        }
    }

    /// Stop-Sessions: answers for `timeout` longer. STAMP knows no such thing.
    pub(super) fn stop(&mut self, now: Mono, timeout: Duration) {
        if let Self::Twamp { reflector, .. } = self {
            reflector.stop(now, timeout);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        match self {
            Self::Twamp { reflector, .. } => reflector.poll_timeout(),
            Self::Stamp(reflector) => reflector.poll_timeout(),
        }
    }

    pub(super) fn report(&self) -> ReflectorReport {
        match self {
            Self::Twamp { reflector, .. } => reflector.report(),
            Self::Stamp(reflector) => reflector.report().session,
        }
    }

    /// What the sender saw of the way back in the newest span that it told of.
    pub(super) fn backward(&self) -> Option<BackwardFigures> {
        match self {
            Self::Twamp { .. } => None,
            Self::Stamp(reflector) => reflector.backward(),
        }
    }
}
