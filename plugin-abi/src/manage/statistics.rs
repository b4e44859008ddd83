//! What an engine counts.

use serde::{Deserialize, Serialize};

use super::Pending;

/// Counters of an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Probes sent.
    pub probes_sent: u64,
    /// Replies received.
    pub replies_received: u64,
    /// Probes answered for others.
    pub reflected: u64,
    /// Packets that were thrown away: too short, unknown, or broken.
    pub discarded: u64,
    /// Of them, probes to a STAMP responder by strangers who were not let in: no key verifies them,
    /// or they are open where that is not offered.
    #[serde(default)]
    pub not_admitted: u64,
    /// Times a probe thread woke up.
    pub wakeups: u64,
    /// Control connections refused because too many waited for their keys.
    #[serde(default)]
    pub keys_refused: u64,
    /// Control connections refused because no key verifies what they said.
    #[serde(default)]
    pub not_authentic: u64,
    /// Control connections closed at once: they came from nobody who may be answered.
    #[serde(default)]
    pub foreign_connections: u64,
    /// Packets dropped on a port of TWAMP Light: they came from nobody who may be answered.
    #[serde(default)]
    pub foreign_packets: u64,
    /// Control connections closed at once: there were too many.
    #[serde(default)]
    pub connections_refused: u64,
    /// Control connections closed before they were set up, because too many others waited.
    #[serde(default)]
    pub connections_evicted: u64,
    /// Sessions refused: there were too many.
    #[serde(default)]
    pub sessions_refused: u64,
    /// Packets dropped because a reply could go round for ever: they came from the port of a
    /// responder.
    #[serde(default)]
    pub loops_prevented: u64,
    /// Packets that the kernel dropped because a socket's buffer was full.
    pub overflows: u64,
    /// Times a probe thread was held up so long that samples of its sessions were set aside.
    pub pauses: u64,
    /// Probes that left more than a millisecond after their time.
    #[serde(default)]
    pub late_sends: u64,
    /// Probes that were passed over because their time had gone by: nothing is sent in a burst.
    #[serde(default)]
    pub missed_sends: u64,
    /// How late probes left in the last second or two: sent − due. None if none did. Where there
    /// are several probe threads, the worst figure of any.
    #[serde(default)]
    pub send_lateness_us: Option<SendLateness>,
    /// Snapshots published.
    pub snapshots: u64,
    /// Panics caught at the boundary or in a thread.
    pub panics: u64,
    /// Log messages dropped because no engine was there to take them.
    pub logs_dropped: u64,
    /// An apply waits to be confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// How late probes leave, in microseconds. When they leave is measured; lateness adds to no delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendLateness {
    /// Half of them no later than this; right to an eighth.
    pub p50: u64,
    /// All but one in a hundred; right to an eighth.
    pub p99: u64,
    /// The latest.
    pub max: u64,
}
