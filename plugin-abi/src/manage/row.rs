//! Lists for people: sessions, lines, choices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Roles, ServedResult, SessionKind, SessionResult};
use crate::config::{Mode, Override, Owner};

/// One session in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id: the same after any restart.
    pub id: String,
    /// Whose it is.
    pub kind: SessionKind,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who wrote it into the configuration; none where it doesn't stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The number of the run that goes on, or of the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// When the next run begins by its schedule, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<f64>,
    /// The line it measures, or whose way its packets take, by name.
    pub line: Option<String>,
    /// The probe class that it measures the line for, by name; none: that of all classes of traffic
    /// that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_class: Option<String>,
    /// `sender` or `responder`.
    pub role: String,
    /// `connecting`, `running`, `retrying`, `ended`, `failed`; one that is configured and has not
    /// begun is `waiting` or `disabled`.
    pub state: String,
    /// What keeps it from running.
    pub trouble: Option<String>,
    /// A sender's result so far.
    pub result: Option<SessionResult>,
    /// What a responder saw so far.
    pub served: Option<ServedResult>,
}

/// One line in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineRow {
    /// The host's id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// As [`crate::line_state::name`].
    pub state: String,
    /// What keeps it from being measured.
    pub trouble: Option<String>,
    /// Why the interface's own stamps are not taken, where they are wished for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamps: Option<String>,
    /// Whether packets of full size come through, where probes of that size ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<MtuRow>,
    /// Who keeps classes off it, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// What people would think of a call over it, by the probes that the first class of traffic
    /// judges by; none unless loss has a direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos: Option<Opinions>,
    /// What its probes may take this month, and what they took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetRow>,
    /// What it does.
    #[serde(default)]
    pub roles: Roles,
    /// Who wrote it, and so who may change it.
    #[serde(default)]
    pub owner: Owner,
}

/// Whether packets of full size come through a line, as its probes of that size say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MtuRow {
    /// Octets of the IP packets that are tried.
    pub octets: u16,
    /// What comes of them.
    pub state: MtuState,
    /// The largest that is taken, where this host or a router tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes: Option<u32>,
    /// Lost in a row when it became known that they don't come through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_in_a_row: Option<u32>,
    /// When the last one came through before that, Unix seconds; none if none ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_at: Option<f64>,
}

/// What becomes of packets of full size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MtuState {
    /// Too early to say.
    #[default]
    Unknown,
    /// They come through.
    Passes,
    /// They vanish, while small ones come back: a black hole of the MTU (RFC 2923, section 2.1).
    BlackHole,
    /// They are refused, by this host or a router, which says so.
    TooLong,
}

impl MtuState {
    /// What it is called in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Passes => "passes",
            Self::BlackHole => "black-hole",
            Self::TooLong => "too-long",
        }
    }

    /// They are known not to come through.
    #[must_use]
    pub fn is_obstructed(self) -> bool {
        matches!(self, Self::BlackHole | Self::TooLong)
    }
}

/// What the probes of a line may take in this calendar month (UTC): octets on the wire, IP header
/// on, probes and replies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetRow {
    /// What they may take: all that is configured, or the part for what was left of the month when
    /// the plugin began.
    pub octets: u64,
    /// What they took.
    pub used_octets: u64,
    /// When the month ends, Unix seconds.
    pub until: u64,
    /// Between two probes, at least, in seconds: 0 before the last fifth; none: no probe leaves
    /// until the month ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing_s: Option<f64>,
}

/// Mean opinion scores of a call with G.711, 1 (bad) to 4.41, over the rolling window (E-model,
/// ITU-T G.107).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opinions {
    /// Towards the far end.
    pub forward: f64,
    /// From the far end.
    pub backward: f64,
}

/// One override.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverrideRow {
    /// As it was ordered.
    #[serde(rename = "override")]
    pub order: Override,
    /// It holds now.
    pub holds: bool,
    /// When it holds next, Unix seconds; none if it holds now, or never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<u64>,
}

/// One choice and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChoiceRow {
    /// Group, by name.
    pub group: String,
    /// Class, by name.
    pub class: String,
    /// Line, by name.
    pub line: Option<String>,
    /// All lines are bad; this is the best of them.
    pub best_of_bad: bool,
    /// What may be done with it.
    pub mode: Mode,
    /// Newest first.
    pub decisions: Vec<Decision>,
    /// How often it was switched since the engine began, by [`crate::reason::name`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub switched: BTreeMap<String, u64>,
    /// How often a switch was considered and refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, u64>,
}

/// The line that a class of a group is advised to be on, beside the one in use, since the engine
/// began to decide for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdviceRow {
    /// Group, by name.
    pub group: String,
    /// Class, by name.
    pub class: String,
    /// What may be done with it.
    pub mode: Mode,
    /// The line that is advised, by name.
    pub line: Option<String>,
    /// The line that it is compared with, by name.
    pub in_use: Option<String>,
    /// The host has told that line, by asking for a flow on it. False: the most preferred line is
    /// taken for it.
    pub told: bool,
    /// How long both were looked at, seconds.
    pub watched_s: f64,
    /// Of that, they were different lines.
    pub differs_s: f64,
    /// Of that, the line in use broke the SLA or was dead, and the advised one kept it.
    pub spared_s: f64,
    /// Of that, it was the other way round.
    pub harmed_s: f64,
    /// Switches that were advised, the first choice among them.
    pub switches: u64,
    /// Switches that were refused.
    pub refused: u64,
}

/// A switch, or a switch that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Wall clock, Unix seconds.
    pub at: f64,
    /// The line moved from, by name.
    pub from: Option<String>,
    /// The line moved to, or that was not moved to.
    pub to: Option<String>,
    /// As [`crate::reason::name`].
    pub reason: String,
    /// False: the switch was considered and refused.
    pub switched: bool,
    /// The numbers it stood on, in a sentence.
    pub sentence: String,
}
