//! What a collector of results has been told, and how it stands.

use serde::{Deserialize, Serialize};

use crate::config::Transport;

/// One collector. `produced = sent + dropped + queued`, always.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectorRow {
    /// What people call it.
    pub name: String,
    /// Where it is, as written.
    pub at: String,
    /// How messages get there.
    pub transport: Transport,
    /// How it stands.
    pub state: CollectorState,
    /// Since when, Unix seconds.
    pub since: f64,
    /// What is wrong, and what to do; none while messages go out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Records that were there to be told.
    pub produced: u64,
    /// Of them, those that the network has taken and has not refused.
    pub sent: u64,
    /// Those that were given up: the queue was full, or they were lost with a connection.
    pub dropped: u64,
    /// Those that wait, or are on their way.
    pub queued: u64,
    /// Messages sent, those of templates included.
    pub messages: u64,
    /// Their octets, without headers of the network.
    pub octets: u64,
    /// How often templates were sent.
    pub announced: u64,
    /// How often it was connected; over UDP, how often a socket was opened.
    pub connections: u64,
}

/// How a collector stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CollectorState {
    /// It is being looked up, or connected to.
    #[default]
    Connecting,
    /// Messages go out.
    Sending,
    /// Its name is known to nobody.
    Unresolved,
    /// Nobody listens there.
    Refused,
    /// No way leads there, or nothing answers.
    Unreachable,
    /// It is connected, and takes nothing.
    Stalled,
    /// It has closed the connection.
    Closed,
}

impl CollectorState {
    /// What it is called in lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Sending => "sending",
            Self::Unresolved => "unresolved",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Stalled => "stalled",
            Self::Closed => "closed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_written_as_it_is_called() {
        use CollectorState::{
            Closed, Connecting, Refused, Sending, Stalled, Unreachable, Unresolved,
        };
        for state in [
            Connecting,
            Sending,
            Unresolved,
            Refused,
            Unreachable,
            Stalled,
            Closed,
        ] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
