//! What was measured: the results of sessions, seen from either end.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Backward, FarEnd, Figures, ServedFigures};

/// The result of one session or run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionResult {
    /// Stable over restarts: derived from the configured addresses and ports.
    pub session_id: String,
    /// The mode that was selected: `open`, `auth`, `encrypted`, `mixed`, `light` or `stamp`.
    pub mode: String,
    /// Where the probes come from.
    pub local: SocketAddr,
    /// Where they go.
    pub remote: SocketAddr,
    /// Probes sent.
    pub sent: u64,
    /// Probes answered in time, each counted once.
    pub received: u64,
    /// Probes whose fate is still open.
    pub in_flight: u64,
    /// Extra copies that came back.
    pub duplicates: u64,
    /// Replies out of order (RFC 4737).
    pub reordered: u64,
    /// Replies after the time-out; each is a part of the loss.
    pub late: u64,
    /// Replies and probes set aside: not the line's doing.
    pub set_aside: u64,
    /// What was lost.
    pub lost: LostCounts,
    /// Round trip without the far end's processing.
    pub round_trip_us: Option<Delay>,
    /// From the far end.
    pub inbound_us: Option<Delay>,
    /// Towards the far end.
    pub outbound_us: Option<Delay>,
    /// RFC 3550 jitter.
    pub jitter_us: Jitter,
    /// Who stamped: `kernel`, or `user` where it wasn't always; `hardware` where the interface's own
    /// stamps have begun to come.
    pub stamps: String,
    /// The clocks of the two ends.
    pub clock: ClockState,
    /// What arrived of the marks that were set.
    pub seen: Seen,
    /// What the far end told besides; `None` where nothing was asked, or nothing answered yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far_end: Option<FarEnd>,
    /// What both ends agreed on beyond the mode, as [`Feature::name`](crate::config::Feature::name).
    #[serde(default)]
    pub features: Vec<String>,
    /// What the far end offered, and refused when it was selected: the session goes without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features_refused: Vec<String>,
    /// What was verified of all that was set, and more figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Lost probes, by direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LostCounts {
    /// On the way there; `None` where the far end keeps no numbers.
    pub forward: Option<u64>,
    /// On the way back.
    pub backward: Option<u64>,
    /// Somewhere.
    pub unattributed: u64,
    /// Of the sent, 0–100; `None` before any fate is known.
    pub percent: Option<f64>,
}

/// Delays in microseconds.
///
/// Percentiles of a run are right to three digits. Those of a line are within a twelfth of their
/// distance from the smallest delay, mostly half of that, and the old fade: at each 65,535th sample
/// all before it count half.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delay {
    /// Smallest.
    pub min: f64,
    /// Mean; inbound and outbound add up to the round trip.
    pub mean: f64,
    /// Largest.
    pub max: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// RFC 3550 jitter in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Jitter {
    /// Of the round trip.
    pub round_trip: Option<f64>,
    /// From the far end.
    pub inbound: Option<f64>,
    /// Towards the far end.
    pub outbound: Option<f64>,
}

/// The clocks of the two ends. Uncertainties are distances to either side, 95 %.
///
/// Drift and steps are taken out of all one-way delays. Their *level* is that of the clocks while
/// both ends say that these are synchronised, or while neither way has ever seemed to take less
/// than no time; otherwise it is that of a path that is symmetric at its shortest. Means and their
/// sum are exact; minima, maxima and percentiles are as good as `variation_uncertainty_us`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClockState {
    /// Both ends say so.
    pub synchronised: bool,
    /// The kernel says so of the near clock.
    #[serde(default)]
    pub near_synchronised: bool,
    /// The far end says so of its clock.
    #[serde(default)]
    pub far_synchronised: bool,
    /// The near clock's largest error, as the kernel knows it.
    #[serde(default)]
    pub near_error_us: Option<f64>,
    /// The far clock's error, as the far end tells it.
    #[serde(default)]
    pub far_error_us: Option<f64>,
    /// Far clock minus near clock, if the path is symmetric; `None` before any sample.
    pub offset_us: Option<f64>,
    /// What queues and drift may do to the offset; unequal ways come on top.
    #[serde(default)]
    pub offset_uncertainty_us: Option<f64>,
    /// How fast the offset grows, in parts per million; `None` in the first seconds.
    #[serde(default)]
    pub skew_ppm: Option<f64>,
    /// Of that.
    #[serde(default)]
    pub skew_uncertainty_ppm: Option<f64>,
    /// How often one of the clocks was set.
    #[serde(default)]
    pub steps: u64,
    /// By how much the offset grew the last time.
    #[serde(default)]
    pub last_step_us: Option<f64>,
    /// How wrong all one-way delays may be, one way by as much as the other in the other direction.
    #[serde(default)]
    pub level_uncertainty_us: Option<f64>,
    /// How wrong a difference of two delays of the same way may be; `None` in the first seconds.
    #[serde(default)]
    pub variation_uncertainty_us: Option<f64>,
}

/// What arrived of the marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// DSCP at the far end; `None` where it doesn't tell.
    pub dscp_forward: Option<u8>,
    /// DSCP of the replies.
    pub dscp_backward: Option<u8>,
    /// TTL at the far end.
    pub ttl_forward: Option<u8>,
    /// TTL of the replies.
    pub ttl_backward: Option<u8>,
    /// ECN at the far end, 0–3 (RFC 3168); `None` where it doesn't tell.
    #[serde(default)]
    pub ecn_forward: Option<u8>,
    /// ECN of the replies.
    #[serde(default)]
    pub ecn_backward: Option<u8>,
}

/// What a responder saw of a session that it served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServedResult {
    /// Derived from the two addresses below; the sender counts its control port instead.
    pub session_id: String,
    /// Where the probes came from.
    pub remote: SocketAddr,
    /// Where they arrived.
    pub local: SocketAddr,
    /// Distinct probes received.
    pub received: u64,
    /// Probes that never arrived, by their numbers.
    pub lost_forward: u64,
    /// Extra copies.
    pub duplicates: u64,
    /// Out of order (RFC 4737).
    pub reordered: u64,
    /// Replies sent.
    pub reflected: u64,
    /// RFC 3550 jitter of the forward direction, microseconds.
    pub jitter_us: Option<f64>,
    /// Forward delay above its own minimum, mean, microseconds: needs no common clock.
    pub variation_mean_us: Option<f64>,
    /// The same, largest.
    pub variation_max_us: Option<f64>,
    /// Its session identifier (STAMP); none, or 0 in the packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssid: Option<u16>,
    /// What the sender told of the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backward: Option<Backward>,
    /// What this host itself kept from being answered.
    #[serde(default)]
    pub responder_limited: ResponderLimited,
    /// Why it ended.
    pub ended: String,
    /// What both ends agreed on beyond the mode, as [`Feature::name`](crate::config::Feature::name).
    #[serde(default)]
    pub features: Vec<String>,
    /// More figures.
    #[serde(flatten)]
    pub figures: ServedFigures,
}

/// Trouble of a responder's host while a session ran: no fault of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResponderLimited {
    /// Packets dropped for lack of room on the socket of this session. Other sessions share it, so
    /// at most so many of the forward losses are none of the line's.
    pub packets: u64,
    /// How long the process was held up, milliseconds: replies to what came meanwhile left late.
    pub held_up_ms: f64,
}
