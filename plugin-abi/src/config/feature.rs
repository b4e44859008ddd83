//! What TWAMP-Control may agree on beyond the security mode.

use serde::{Deserialize, Serialize};

/// A feature of TWAMP-Control: a bit of its modes (IANA registry "TWAMP-Modes").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Sessions of one connection are started and stopped one by one (RFC 5938).
    IndividualSessions,
    /// Replies repeat octets of a probe's padding (RFC 6038).
    ReflectOctets,
    /// Probes as long as replies, and replies as probes (RFC 6038).
    SymmetricalSize,
    /// Replies tell with which DSCP and ECN the probe came in (RFC 7750).
    DscpEcn,
    /// Stamps as PTP writes them (RFC 8186).
    PtpTimestamps,
}

impl Feature {
    /// All of them, in the order of their bits.
    pub const ALL: [Self; 5] = [
        Self::IndividualSessions,
        Self::ReflectOctets,
        Self::SymmetricalSize,
        Self::DscpEcn,
        Self::PtpTimestamps,
    ];

    /// What it is called in documents and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IndividualSessions => "individual-sessions",
            Self::ReflectOctets => "reflect-octets",
            Self::SymmetricalSize => "symmetrical-size",
            Self::DscpEcn => "dscp-ecn",
            Self::PtpTimestamps => "ptp-timestamps",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_written_by_its_name() {
        for feature in Feature::ALL {
            assert_eq!(serde_json::to_value(feature).unwrap(), feature.name());
        }
    }
}
