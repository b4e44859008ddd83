//! What a probe may ask by STAMP beyond what all protocols measure.

use serde::{Deserialize, Serialize};

/// What a session of STAMP has of its own (RFC 8762, RFC 8972).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stamp {
    /// Identifies the session at the far end beside address and port (SSID); 0: none. Absent: drawn
    /// anew for each session, never 0, so that a reflector never takes it for an earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssid: Option<u16>,
    /// The far end numbers its replies by itself, so that loss has a direction. False for a peer
    /// that copies the probes' numbers.
    pub stateful: bool,
    /// What each probe asks.
    pub ask: Vec<Ask>,
    /// Tell the far end what is seen of the way back, in spans of so many milliseconds; absent: no.
    /// By a private TLV, so only among peers that agreed on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figures_ms: Option<u32>,
}

/// A question to the far end: a TLV of RFC 8972.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// With which DSCP and ECN do probes arrive? And may replies have the DSCP of the probes?
    ClassOfService,
    /// Which addresses and ports do you see? Another source than ours is a NAT's.
    Location,
    /// What is your clock synchronised to, and who stamps?
    TimestampInformation,
    /// When did the reply before this one really leave?
    FollowUp,
}

impl Default for Stamp {
    fn default() -> Self {
        Self {
            ssid: None,
            stateful: true,
            ask: vec![Ask::ClassOfService],
            figures_ms: None,
        }
    }
}
