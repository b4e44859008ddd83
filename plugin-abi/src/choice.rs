//! Which line for this flow: the question, the four answers, and what changed.

use crate::TwampText;

/// What `classify` looks at. Addresses as in `TwampAddress`, ports in host order.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampFlowKey {
    /// `sizeof(TwampFlowKey)` as the host knows it.
    pub struct_size: u32,
    /// 4 or 6.
    pub family: u32,
    /// IP protocol number.
    pub protocol: u8,
    /// DSCP, 0–63.
    pub dscp: u8,
    /// Source port, or 0.
    pub source_port: u16,
    /// Destination port, or 0.
    pub destination_port: u16,
    /// Zero.
    pub reserved: u16,
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
}

/// What `choose` answers. The caller sets `struct_size`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampChoice {
    /// `sizeof(TwampChoice)` as the host knows it.
    pub struct_size: u32,
    /// One of [`answer`]; treat an unknown one as [`answer::NO_OPINION`].
    pub answer: u32,
    /// The line, or `NONE` where the answer names none.
    pub line: u64,
    /// Bits of [`choice_flag`].
    pub flags: u32,
    /// Why this line: one of [`reason`].
    pub reason: u32,
    /// Grows with each published set of choices.
    pub epoch: u64,
    /// The choice must not be used after this time.
    pub valid_until_ns: u64,
}

/// The four answers of `choose`. None of them says *drop*.
pub mod answer {
    /// No opinion: use your own routing.
    pub const NO_OPINION: u32 = 0;
    /// This line.
    pub const LINE: u32 = 1;
    /// This line, the best of a bad lot: none is within the class's SLA.
    pub const BEST_OF_BAD: u32 = 2;
    /// Keep what you have: the figures are getting old.
    pub const KEEP: u32 = 3;
}

/// Flags of a choice.
pub mod choice_flag {
    /// The line is another than the `current` one of the question.
    pub const MOVE: u32 = 1;
    /// The flow is asked to leave at once: its line is dead.
    pub const AT_ONCE: u32 = 1 << 1;
}

/// Why a choice stands or changed. Treat an unknown one as [`reason::NONE`].
pub mod reason {
    /// No verdict yet.
    pub const NONE: u32 = 0;
    /// The first verdict: the most preferred line within the SLA.
    pub const FIRST: u32 = 1;
    /// The former line is dead.
    pub const DEAD: u32 = 2;
    /// The former line breaks the SLA by loss.
    pub const LOSS: u32 = 3;
    /// The former line breaks the SLA by round trip.
    pub const LATENCY: u32 = 4;
    /// The former line breaks the SLA by jitter.
    pub const JITTER: u32 = 5;
    /// A more preferred line was shown good for the fail-back time.
    pub const FAILBACK: u32 = 6;
    /// All lines are bad; this is the best of them.
    pub const BEST_OF_BAD: u32 = 7;
    /// The former line was taken away by the host.
    pub const LINE_GONE: u32 = 8;

    /// Somebody has pinned the class to this line.
    pub const PINNED: u32 = 9;
    /// Somebody keeps classes off the former line: it is drained, or in maintenance.
    pub const WITHDRAWN: u32 = 10;

    /// The flows are shared by several lines, or by others than before.
    pub const SPREAD: u32 = 11;

    /// This line is shown to be better, though the former one keeps the SLA as well.
    pub const BETTER: u32 = 12;
    /// The former line suffered since the class came: it goes back.
    pub const FILLED: u32 = 13;
    /// Packets as large as the class needs don't come through the former line.
    pub const PACKET_SIZE: u32 = 14;

    /// The word for a reason.
    #[must_use]
    pub fn name(reason: u32) -> &'static str {
        match reason {
            FIRST => "first verdict",
            DEAD => "dead line",
            LOSS => "loss",
            LATENCY => "latency",
            JITTER => "jitter",
            FAILBACK => "failback",
            BEST_OF_BAD => "best of bad",
            LINE_GONE => "line gone",
            PINNED => "pinned",
            WITHDRAWN => "line withdrawn",
            SPREAD => "spread",
            BETTER => "better line",
            FILLED => "line filled",
            PACKET_SIZE => "packet size",
            _ => "none",
        }
    }
}

/// A class of a group has changed its line, for the callback `choice_changed`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampChange {
    /// `sizeof(TwampChange)` as the plugin knows it.
    pub struct_size: u32,
    /// One of [`reason`].
    pub reason: u32,
    /// The group.
    pub group: u64,
    /// The class.
    pub class: u64,
    /// The former line, or `NONE`.
    pub from: u64,
    /// The new line, or `NONE`.
    pub to: u64,
    /// When it was decided.
    pub at_ns: u64,
    /// The set of choices it is first in.
    pub epoch: u64,
    /// A sentence with the numbers it stands on.
    pub sentence: TwampText,
}
