//! Packets that are neither answered nor counted as replies, and why.

use crate::error::WireError;
use thiserror::Error;

/// Why a packet was discarded. The session goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Discard {
    /// Too few octets to be a test packet.
    #[error(transparent)]
    TooShort(#[from] WireError),
    /// The Multiplier of its error estimate is 0, which marks it as corrupt (RFC 4656, 4.1.2).
    #[error("peer sent an error estimate with Multiplier 0, expected 1 to 255")]
    BadErrorEstimate,
    /// A stamp in PTP format with 10^9 ns or more.
    #[error("peer sent a PTP stamp whose nanoseconds are not below 10^9")]
    BadStamp,
    /// Its HMAC is not the one that the session's keys give: changed on the way, forged, or of
    /// another session.
    #[error("peer sent a packet whose HMAC doesn't fit the session's keys")]
    BadHmac,
    /// A reply to a number that was never sent, or too long ago to be remembered.
    #[error("peer answered probe number {0}, which is not one of the remembered ones")]
    UnknownSequence(u32),
    /// A reply to a probe with a T1 that this probe did not have: forged, or of another session.
    #[error("peer's copy of T1 is not the T1 that was sent with this number")]
    T1Mismatch,
    /// A reply to a probe that was given up for local trouble.
    #[error("the probe was set aside for local trouble before its reply was handled")]
    ProbeSetAside,
    /// A probe for a session that has not started.
    #[error("peer sent a probe before the session was started")]
    NotStarted,
    /// A probe for a session that was stopped, or was silent for too long.
    #[error("peer sent a probe after the session had ended")]
    Ended,
}

/// How many packets were discarded for each reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Discards {
    /// See [`Discard::TooShort`].
    pub too_short: u64,
    /// See [`Discard::BadErrorEstimate`].
    pub bad_error_estimate: u64,
    /// See [`Discard::BadStamp`].
    pub bad_stamp: u64,
    /// See [`Discard::BadHmac`].
    pub bad_hmac: u64,
    /// See [`Discard::UnknownSequence`].
    pub unknown_sequence: u64,
    /// See [`Discard::T1Mismatch`].
    pub t1_mismatch: u64,
    /// See [`Discard::ProbeSetAside`].
    pub probe_set_aside: u64,
    /// See [`Discard::NotStarted`].
    pub not_started: u64,
    /// See [`Discard::Ended`].
    pub ended: u64,
}

impl Discards {
    /// Counts one.
    pub fn count(&mut self, discard: &Discard) {
        *match discard {
            Discard::TooShort(_) => &mut self.too_short,
            Discard::BadErrorEstimate => &mut self.bad_error_estimate,
            Discard::BadStamp => &mut self.bad_stamp,
            Discard::BadHmac => &mut self.bad_hmac,
            Discard::UnknownSequence(_) => &mut self.unknown_sequence,
            Discard::T1Mismatch => &mut self.t1_mismatch,
            Discard::ProbeSetAside => &mut self.probe_set_aside,
            Discard::NotStarted => &mut self.not_started,
            Discard::Ended => &mut self.ended,
        } += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        let Discards {
            too_short,
            bad_error_estimate,
            bad_stamp,
            bad_hmac,
            unknown_sequence,
            t1_mismatch,
            probe_set_aside,
            not_started,
            ended,
        } = self;
        too_short
            + bad_error_estimate
            + bad_stamp
            + bad_hmac
            + unknown_sequence
            + t1_mismatch
            + probe_set_aside
            + not_started
            + ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_counter() {
        let short = WireError::TooShort {
            what: "packet",
            expected: 14,
            found: 0,
        };
        let reasons = [
            Discard::TooShort(short),
            Discard::BadErrorEstimate,
            Discard::BadStamp,
            Discard::BadHmac,
            Discard::UnknownSequence(7),
            Discard::T1Mismatch,
            Discard::ProbeSetAside,
            Discard::NotStarted,
            Discard::Ended,
        ];
        let mut seen: Vec<Discards> = Vec::new();
        for reason in reasons {
            let mut discards = Discards::default();
            discards.count(&reason);
            assert_eq!(discards.total(), 1, "{reason}");
            assert!(!seen.contains(&discards), "{reason}");
            seen.push(discards);
        }
    }
}
