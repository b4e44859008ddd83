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
    /// The probe class that it judges lines by, by name; absent: the one of all that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_class: Option<String>,
    /// Underlays in order of preference; the rest follows by cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefer: Vec<String>,
    /// How its line is chosen.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub strategy: Strategy,
    /// How its flows leave a line that lives.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub moves: Moves,
    /// A line may be said wrongly to break the SLA once in so many hours; absent: as the engine
    /// says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mistake_every_h: Option<u32>,
    /// What may be done with its verdicts; absent: as the group says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// How the line of a class is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The most preferred line, or else the cheapest, that keeps the SLA.
    #[default]
    SlaThenCost,
    /// Of the lines that keep the SLA the one whose figures are shown to be the best, whatever it
    /// costs.
    BestScore,
    /// All lines that keep the SLA, each with a share of the flows by its capacity and its score.
    Spread,
    /// The most preferred line as long as it lives, whatever its figures are.
    Pinned,
    /// The line that the other end has chosen, which is the one that a flow comes in by, as long as
    /// it lives; where none is told, or it doesn't, as [`Self::SlaThenCost`].
    FollowPeer,
}

/// How the flows of a class leave a line that lives. A dead line is left at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moves {
    /// All together.
    #[default]
    AtOnce,
    /// A tenth of them first, then three, then six, then all; back again if the new line suffers
    /// from it.
    Gradual,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SlaThenCost,
        Self::BestScore,
        Self::Spread,
        Self::Pinned,
        Self::FollowPeer,
    ];

    /// What it is called in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SlaThenCost => "sla-then-cost",
            Self::BestScore => "best-score",
            Self::Spread => "spread",
            Self::Pinned => "pinned",
            Self::FollowPeer => "follow-peer",
        }
    }
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
            probe_class: None,
            prefer: Vec::new(),
            strategy: Strategy::default(),
            moves: Moves::default(),
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
    /// Octets of the largest IP packet that must come through whole. Only where probes of full size
    /// say that it doesn't, this is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet_octets: Option<u16>,
}
