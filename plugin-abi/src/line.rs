//! Lines: one measured uplink to one far end each, as the host describes them.

use crate::{TwampAddress, TwampText};

/// How the packets of a line leave this host.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampBinding {
    /// Interface name, or empty.
    pub device: TwampText,
    /// Descriptor of the network namespace, or -1. The plugin duplicates it.
    pub namespace_fd: i32,
    /// Firewall mark (`SO_MARK`), or 0.
    pub mark: u32,
    /// Address that packets are sent from; no address: the system's choice. Port 0.
    pub source: TwampAddress,
    /// Zero.
    pub reserved: u32,
}

/// One line, for `line_up` and `line_update`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampLine {
    /// `sizeof(TwampLine)` as the host knows it.
    pub struct_size: u32,
    /// Bits of [`line_flag`].
    pub flags: u32,
    /// The host's id of the line.
    pub line: u64,
    /// What people call it.
    pub name: TwampText,
    /// The physical uplink it runs over; empty: its own. Lines of one underlay share its fate.
    pub underlay: TwampText,
    /// Who is at the other end; empty: the far address. Lines to one far end share its fate.
    pub far_end: TwampText,
    /// How its packets leave.
    pub binding: TwampBinding,
    /// Address and control port of the far end; no address: a line that only the host feeds.
    pub far: TwampAddress,
    /// What a packet costs, in the host's own unit: lower is preferred.
    pub cost: u32,
    /// Largest IP packet in octets, or 0 for not known.
    pub mtu: u32,
    /// Towards the far end, in bit/s, or 0 for not known.
    pub capacity_up: u64,
    /// From the far end, in bit/s, or 0 for not known.
    pub capacity_down: u64,
    /// Ids of the groups it is in.
    pub groups: *const u64,
    /// How many.
    pub group_count: usize,
}

/// Flags of a line; unknown bits are refused.
pub mod line_flag {
    /// Traffic is paid by volume: probes are sparing.
    pub const METERED: u32 = 1;
    /// Flows may be moved between lines while they live (inside tunnels; not behind NAT).
    pub const FLOWS_MOVABLE: u32 = 1 << 1;
    /// Send probes on this line.
    pub const SENDER: u32 = 1 << 2;
    /// Answer probes on this line's local address.
    pub const RESPONDER: u32 = 1 << 3;
}

/// What the host itself sees of a line's traffic, for `line_load`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampLineLoad {
    /// `sizeof(TwampLineLoad)` as the host knows it.
    pub struct_size: u32,
    /// Zero.
    pub flags: u32,
    /// The line.
    pub line: u64,
    /// When the counters were read.
    pub at_ns: u64,
    /// Octets sent since the line came up.
    pub sent_octets: u64,
    /// Octets received since the line came up.
    pub received_octets: u64,
    /// Octets waiting in the local queue now.
    pub queued_octets: u64,
    /// Packets that the local queue dropped since the line came up.
    pub queue_drops: u64,
}
