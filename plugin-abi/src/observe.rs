//! Measurements by the host, and the packets of an engine under a manual clock.
//!
//! Under the manual clock both clocks of the engine begin at 0 with `start`. The host calls
//! `advance` for the probes that are due, lets whatever it likes happen to them, goes on, and gives
//! each that came back to `observe` when its time has come. What is not given back is lost. Nothing
//! is agreed on or encrypted.

/// One probe that an engine under a manual clock wants sent, from `advance`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampProbe {
    /// The line it leaves by.
    pub line: u64,
    /// Its probe class; `u64::MAX`: it is one of full size that may not be fragmented.
    pub probe_class: u64,
    /// When it leaves.
    pub at_ns: u64,
    /// T1, wall clock.
    pub t1_wall_ns: i64,
    /// Sender sequence number.
    pub sequence: u32,
    /// UDP payload in octets.
    pub octets: u32,
    /// TOS octet it carries.
    pub tos: u32,
    /// Zero.
    pub reserved: u32,
}

/// One thing the host saw, for `observe`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampObservation {
    /// The line.
    pub line: u64,
    /// The probe class it belongs to.
    pub probe_class: u64,
    /// One of [`observation`]; an unknown kind is refused.
    pub kind: u32,
    /// Bit 0: `ttl` is known; bit 1: `tos` is known.
    pub flags: u32,
    /// When.
    pub at_ns: u64,
    /// Reply: the four stamps T1–T4, wall clock. Delay: `stamps_wall_ns[0]` is the round trip.
    pub stamps_wall_ns: [i64; 4],
    /// Reply: the sender's number. Counters: packets sent. Paused: for how long, nanoseconds.
    pub sequence: u64,
    /// Reply: the reflector's number. Counters: packets received.
    pub reflector_sequence: u64,
    /// TTL as received.
    pub ttl: u32,
    /// TOS octet as received.
    pub tos: u32,
}

/// Kinds of observation.
pub mod observation {
    /// A reply to a probe handed out by `advance`.
    pub const REPLY: u32 = 1;
    /// A round trip that the host measured by its own means (ICMP, BFD echo).
    pub const DELAY: u32 = 2;
    /// A probe of the host's own that was not answered.
    pub const LOST: u32 = 3;
    /// Packet counters of the tunnel under the line.
    pub const COUNTERS: u32 = 4;
    /// The host's own liveness check says: up (`sequence` 1) or down (0).
    pub const LIVENESS: u32 = 5;
    /// Manual clock: the host stood still for `sequence` nanoseconds until `at_ns`, and no line is
    /// to blame for it. `line` says nothing.
    pub const PAUSED: u32 = 6;
    /// Manual clock, for a host that plays what was recorded: the next probe of the line leaves at
    /// `at_ns`, whatever its own schedule says; `u64::MAX`: not before another word. To be said
    /// again after each probe.
    pub const DUE: u32 = 7;
    /// Manual clock: another session of the line was agreed on; numbers begin at 0 again, at both
    /// ends, and what is in flight is set aside.
    pub const NEW_SESSION: u32 = 8;
}
