//! The threads that send and answer probes.

use serde::{Deserialize, Serialize};

/// The threads that send and answer probes. Settled when the engine starts: of changes that come
/// later, the next start takes notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Io {
    /// How many, 1–64. One is enough for many thousand probes a second.
    pub threads: u16,
    /// CPUs they stay on, counted from 0, in turn: thread n on `cpus[n % len]`. Empty: wherever the
    /// system puts them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<u16>,
    /// How the system's scheduler treats them.
    pub policy: Policy,
    /// Among threads in real time, 1–99; absent: 1. None with the usual policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
}

/// A policy of the system's scheduler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The usual one, with short turns.
    #[default]
    Normal,
    /// In real time: before all usual threads, for as long as there is something to do.
    Fifo,
    /// The same, by turns with others of its priority.
    RoundRobin,
}

impl Policy {
    /// What it is called in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Fifo => "fifo",
            Self::RoundRobin => "round-robin",
        }
    }
}

impl Default for Io {
    fn default() -> Self {
        Self {
            threads: 1,
            cpus: Vec::new(),
            policy: Policy::Normal,
            priority: None,
        }
    }
}
