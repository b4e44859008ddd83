//! The published picture: what is known of every line, read without copying or waiting.

use std::ffi::c_void;

/// A held snapshot: filled by `acquire` or `renew`, given back by `release`. Zero it before first
/// use; it may be moved and released by another thread. Hold it for microseconds, at most eight a
/// thread; one that is renewed now and then may be kept.
#[repr(C)]
#[derive(Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampGuard {
    /// The picture, valid until `release`.
    pub snapshot: *const TwampSnapshot,
    /// The plugin's own: what keeps the picture alive.
    pub hold: [usize; 2],
    /// The plugin's own: non-null while held.
    pub owner: *const c_void,
}

/// One published picture. Never changes while held.
#[repr(C)]
#[derive(Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampSnapshot {
    /// `sizeof(TwampSnapshot)` as the plugin knows it.
    pub struct_size: u32,
    /// One of [`engine_state`].
    pub engine_state: u32,
    /// Grows with each picture.
    pub epoch: u64,
    /// When it was taken.
    pub taken_ns: u64,
    /// When it was taken, wall clock.
    pub taken_wall_ns: i64,
    /// It must not be used after this time.
    pub valid_until_ns: u64,
    /// The lines, `line_count` rows of `line_size` octets.
    pub lines: *const TwampLineState,
    /// The scores, `score_count` rows of `score_size` octets, ordered as the lines are.
    pub scores: *const TwampScore,
    /// Rows in `lines`.
    pub line_count: u32,
    /// Octets from one line to the next.
    pub line_size: u32,
    /// Rows in `scores`.
    pub score_count: u32,
    /// Octets from one score to the next.
    pub score_size: u32,
}

/// The state of one line.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampLineState {
    /// The host's id of the line.
    pub line: u64,
    /// One of [`line_state`]; treat an unknown one as `UNMEASURED`.
    pub state: u32,
    /// Zero.
    pub flags: u32,
    /// When the state began.
    pub since_ns: u64,
    /// When the last reply came in, or 0 for never.
    pub last_reply_ns: u64,
    /// The row must not be used after this time.
    pub valid_until_ns: u64,
}

/// A delay over the rolling window, signed (clocks of two ends may differ).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampDelay {
    /// Smallest, ns.
    pub min_ns: i64,
    /// Mean, ns: inbound mean + outbound mean = round-trip mean, exactly.
    pub mean_ns: i64,
    /// Largest, ns.
    pub max_ns: i64,
    /// RFC 3550 jitter, ns.
    pub jitter_ns: u64,
}

/// The score of one line for one probe class, over the rolling window.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampScore {
    /// The host's id of the line.
    pub line: u64,
    /// The class of traffic that the score is for.
    pub class: u64,
    /// 0 (useless) to 100 (nothing to improve for this class).
    pub score: u32,
    /// Bits of [`score_flag`].
    pub flags: u32,
    /// Probes sent in the window whose fate is known.
    pub probes: u32,
    /// Of them, answered in time.
    pub samples: u32,
    /// Lost, parts per million, both directions.
    pub loss_ppm: u32,
    /// Lower end of the 95 % interval of the loss.
    pub loss_low_ppm: u32,
    /// Upper end of the 95 % interval of the loss.
    pub loss_high_ppm: u32,
    /// Lost towards the far end.
    pub loss_forward_ppm: u32,
    /// Lost on the way back.
    pub loss_backward_ppm: u32,
    /// Zero.
    pub reserved: u32,
    /// Age of the newest sample when the picture was taken.
    pub age_ns: u64,
    /// The row must not be used after this time.
    pub valid_until_ns: u64,
    /// Round trip without the far end's processing.
    pub round_trip: TwampDelay,
    /// Towards the far end; a level only if `CLOCKS_SYNCHRONISED`, else variation only.
    pub outbound: TwampDelay,
    /// From the far end; as `outbound`.
    pub inbound: TwampDelay,
}

/// States of an engine; treat an unknown one as `FAILED`.
pub mod engine_state {
    /// Created, not started.
    pub const CREATED: u32 = 0;
    /// Measuring.
    pub const RUNNING: u32 = 1;
    /// Stopped.
    pub const STOPPED: u32 = 2;
    /// Failed: a thread died three times.
    pub const FAILED: u32 = 3;
}

/// States of a line; treat an unknown one as `UNMEASURED`.
pub mod line_state {
    /// No verdict yet.
    pub const UNKNOWN: u32 = 0;
    /// Replies come.
    pub const ALIVE: u32 = 1;
    /// No reply although probes leave and the far end was there.
    pub const DEAD: u32 = 2;
    /// Not measured: no session yet, refused, or local trouble. Not a fault of the line.
    pub const UNMEASURED: u32 = 3;

    /// The word for a state.
    #[must_use]
    pub fn name(state: u32) -> &'static str {
        match state {
            UNKNOWN => "unknown",
            ALIVE => "alive",
            DEAD => "dead",
            _ => "unmeasured",
        }
    }
}

/// Flags of a score.
pub mod score_flag {
    /// The loss figures are known.
    pub const LOSS_KNOWN: u32 = 1;
    /// The delay figures are known.
    pub const DELAY_KNOWN: u32 = 1 << 1;
    /// The split of the loss into directions is known.
    pub const DIRECTIONS_KNOWN: u32 = 1 << 2;
    /// Both ends say that their clocks are synchronised: one-way levels mean something.
    pub const CLOCKS_SYNCHRONISED: u32 = 1 << 3;
    /// The stamps are the kernel's.
    pub const KERNEL_STAMPS: u32 = 1 << 4;
    /// `score` is known.
    pub const SCORE_KNOWN: u32 = 1 << 5;
    /// Within the class's SLA.
    pub const WITHIN_SLA: u32 = 1 << 6;
}
