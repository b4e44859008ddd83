//! What became of single probes, for a host that records them.
//!
//! An engine keeps none unless it is asked to (`keep_samples`). Then it keeps the newest, up to a
//! number, and the host takes them (`take_samples`) whenever it likes. What finds no room drives
//! out the oldest, and is counted. A packet waits for none of this.

/// What became of one probe of a line, or something that concerns those beside it. They come in
/// the order in which the engine learnt of them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampSample {
    /// The line; `NONE` for a pause.
    pub line: u64,
    /// The probe class.
    pub probe_class: u64,
    /// One of [`sample_kind`]; pass over an unknown one.
    pub kind: u32,
    /// Bits of [`sample_flag`].
    pub flags: u32,
    /// When the probe was handed out. Paused, new session: when the engine learnt of it.
    pub sent_ns: u64,
    /// Answered: when the reply was received. Lost: when it was given up. Paused: for how long.
    pub until_ns: u64,
    /// Answered: T1 to T4, wall clock.
    pub stamps_wall_ns: [i64; 4],
    /// The sender's number.
    pub sequence: u64,
    /// The reflector's number, if a flag says so.
    pub reflector_sequence: u64,
    /// How many times the reflector's numbers have begun anew in this session.
    pub epoch: u32,
    /// TTL at the reflector, if a flag says so.
    pub ttl_forward: u8,
    /// TTL of the reply, if a flag says so.
    pub ttl_backward: u8,
    /// TOS octet at the reflector, if a flag says so.
    pub tos_forward: u8,
    /// TOS octet of the reply, if a flag says so.
    pub tos_backward: u8,
}

/// Kinds of sample.
pub mod sample_kind {
    /// It came back in time.
    pub const ANSWERED: u32 = 1;
    /// No reply in time.
    pub const LOST: u32 = 2;
    /// Set aside: it was answered, but its times can't be used, as a clock was stepped.
    pub const CLOCK_STEP: u32 = 3;
    /// Set aside: it was answered, with times that can't be.
    pub const ANOMALY: u32 = 4;
    /// Set aside: this host stood still, or lost packets by its own fault.
    pub const LOCAL_TROUBLE: u32 = 5;
    /// Set aside: not answered before too many others were sent.
    pub const OVERRUN: u32 = 6;
    /// No probe: another session was agreed on, and numbers begin at 0 again, at both ends.
    pub const NEW_SESSION: u32 = 7;
    /// No probe: this host stood still.
    pub const PAUSED: u32 = 8;
}

/// Flags of a sample.
pub mod sample_flag {
    /// `reflector_sequence` and `epoch` are known.
    pub const REFLECTOR_SEQUENCE: u32 = 1;
    /// `ttl_forward` is known.
    pub const TTL_FORWARD: u32 = 1 << 1;
    /// `ttl_backward` is known.
    pub const TTL_BACKWARD: u32 = 1 << 2;
    /// `tos_forward` is known.
    pub const TOS_FORWARD: u32 = 1 << 3;
    /// `tos_backward` is known.
    pub const TOS_BACKWARD: u32 = 1 << 4;
    /// T1 and T4 were stamped by the kernel, or both by the interface.
    pub const KERNEL_STAMPS: u32 = 1 << 5;
    /// The far end says that its clock is synchronised.
    pub const FAR_SYNCHRONISED: u32 = 1 << 6;
}
