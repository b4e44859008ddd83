//! Exact counts of what a direction did.

use std::ops::AddAssign;

use serde::Serialize;

/// Why a packet was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Independent loss.
    Random,
    /// Loss inside a bad spell of the burst chain.
    Burst,
    /// No room in front of the limited rate.
    Queue,
    /// The direction was blacked out.
    Blackout,
    /// It was longer than the direction lets pass.
    TooLong,
}

/// Packets dropped, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Drops {
    /// By independent loss.
    pub random: u64,
    /// In bad spells.
    pub burst: u64,
    /// At a full queue.
    pub queue: u64,
    /// In black-outs.
    pub blackout: u64,
    /// Longer than what passes.
    pub too_long: u64,
}

/// What became of the packets of a stream, or of all streams of a direction. Always
/// `offered = delivered + dropped.total()`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Packets offered.
    pub offered: u64,
    /// Packets delivered, each counted once.
    pub delivered: u64,
    /// Packets dropped.
    pub dropped: Drops,
    /// Second copies delivered, beside `delivered`.
    pub duplicated: u64,
    /// Packets held back so that others can overtake; part of `delivered`.
    pub reordered: u64,
    /// Sum of the delays of the packets in `delivered`, in nanoseconds.
    pub delay_sum_ns: u64,
}

impl Drops {
    /// All drops.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.random + self.burst + self.queue + self.blackout + self.too_long
    }

    pub(super) fn add(&mut self, reason: Reason) {
        match reason {
            Reason::Random => self.random += 1,
            Reason::Burst => self.burst += 1,
            Reason::Queue => self.queue += 1,
            Reason::Blackout => self.blackout += 1,
            Reason::TooLong => self.too_long += 1,
        }
    }
}

impl Counts {
    /// Mean imposed delay in nanoseconds; `None` if nothing was delivered.
    #[must_use]
    pub fn mean_delay_ns(&self) -> Option<u64> {
        self.delay_sum_ns.checked_div(self.delivered)
    }

    /// Packets that come out of the far side: those delivered and their second copies.
    #[must_use]
    pub fn copies(&self) -> u64 {
        self.delivered + self.duplicated
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.offered += other.offered;
        self.delivered += other.delivered;
        self.dropped.random += other.dropped.random;
        self.dropped.burst += other.dropped.burst;
        self.dropped.queue += other.dropped.queue;
        self.dropped.blackout += other.dropped.blackout;
        self.dropped.too_long += other.dropped.too_long;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.delay_sum_ns = self.delay_sum_ns.saturating_add(other.delay_sum_ns);
    }
}
