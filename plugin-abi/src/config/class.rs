//! Classes of traffic, and the groups of lines that they choose from.

use serde::{Deserialize, Serialize};

use super::{FlowRule, Mode};

/// A set of lines that reach the same destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The host's id.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// What may be done with its verdicts; absent: as the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// A class of traffic and what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// The host's id.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// Which flows are of it. Of all rules of all classes, in the order of the document, the first
    /// that matches a flow says its class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<FlowRule>,
    /// What it needs of a line.
    pub sla: Sla,
    /// Underlays in order of preference; the rest follows by cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefer: Vec<String>,
    /// A line may be said wrongly to break the SLA once in so many hours; absent: as the engine
    /// says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mistake_every_h: Option<u32>,
    /// What may be done with its verdicts; absent: as the group says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

impl Class {
    /// A class without rules, preferences and mode of its own.
    #[must_use]
    pub fn new(id: u64, name: impl Into<String>, sla: Sla) -> Self {
        Self {
            id,
            name: name.into(),
            flows: Vec::new(),
            sla,
            prefer: Vec::new(),
            mistake_every_h: None,
            mode: None,
        }
    }
}

/// What a class needs; an absent figure is no demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sla {
    /// Mean round trip, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f64>,
    /// RFC 3550 jitter of the round trip, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Loss, both directions together, percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_percent: Option<f64>,
}
