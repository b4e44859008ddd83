//! What probes of lines take.

use serde::{Deserialize, Serialize};

/// What the probes of one line take: octets on the wire, IP header on, probes and replies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostRow {
    /// The line, by name.
    pub line: String,
    /// Of one probe with its reply; of several probe classes, of one of each.
    pub octets: u64,
    /// At rest.
    pub rest: Cost,
    /// While nobody has need of it; none: it knows no standby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<Cost>,
    /// While it is suspect, if that went on for ever.
    pub most: Cost,
    /// What it may take in a month at most, GB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_gb: Option<f64>,
}

/// What a rate of probes takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Probes a second, of all probe classes.
    pub probes_per_s: f64,
    /// In a month of 31 days, GB of 10⁹ octets.
    pub gb_per_month: f64,
}
