//! What an emulator tells about its lines.

use std::ops::AddAssign;

use serde::Serialize;

use super::counts::Counts;

/// What was done on a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineCounts {
    /// The line's name.
    pub line: String,
    /// Near end to far end.
    pub forward: DirectionCounts,
    /// Far end to near end.
    pub backward: DirectionCounts,
    /// TCP connections relayed so far.
    pub tcp_connections: u64,
    /// TCP connections refused because too many were open.
    pub tcp_refused: u64,
}

/// What was done in one direction of a line. When nothing is in transit,
/// `counts.copies() = sent + overflowed + unsent`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DirectionCounts {
    /// Decisions about all packets.
    pub counts: Counts,
    /// Delays really imposed on all packets.
    pub imposed: Imposed,
    /// The same for each stream, sorted by ports.
    pub streams: Vec<StreamCounts>,
    /// Packets sent on to the receiving end, second copies included.
    pub sent: u64,
    /// Copies to deliver that the emulator had no memory for.
    pub overflowed: u64,
    /// Copies to deliver that the kernel didn't take.
    pub unsent: u64,
    /// Packets from elsewhere than the line's end or from a port the line doesn't cover; not
    /// offered to the line.
    pub strays: u64,
    /// Packets the kernel dropped before the emulator could read them: not the line's doing.
    /// `None`: the kernel doesn't tell.
    pub kernel_drops: Option<u64>,
}

/// What was done to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StreamCounts {
    /// The port its packets come from.
    pub sender_port: u16,
    /// The port its packets go to.
    pub destination_port: u16,
    /// Decisions.
    pub counts: Counts,
    /// Delays really imposed.
    pub imposed: Imposed,
}

/// Delays really imposed: from reading a packet to sending it on, second copies left out.
/// `counts.delay_sum_ns` is what was intended for the same packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Imposed {
    /// Packets measured.
    pub packets: u64,
    /// Sum of their delays in nanoseconds.
    pub delay_sum_ns: u64,
    /// The most a packet was sent later than intended, in nanoseconds.
    pub worst_late_ns: u64,
}

impl Imposed {
    /// Mean delay in nanoseconds; `None` without packets.
    #[must_use]
    pub fn mean_delay_ns(&self) -> Option<u64> {
        self.delay_sum_ns.checked_div(self.packets)
    }

    pub(super) fn record(&mut self, delay_ns: u64, late_ns: u64) {
        *self += Imposed {
            packets: 1,
            delay_sum_ns: delay_ns,
            worst_late_ns: late_ns,
        };
    }
}

impl AddAssign for Imposed {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.delay_sum_ns = self.delay_sum_ns.saturating_add(other.delay_sum_ns);
        self.worst_late_ns = self.worst_late_ns.max(other.worst_late_ns);
    }
}
