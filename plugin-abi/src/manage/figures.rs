//! What a result says beyond its counts and delays: what was verified of all that was set, and how
//! the line varies and loses.

use serde::{Deserialize, Serialize};

/// More of a session or run. In JSON its fields stand beside those of the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// From when on: the first sample left, Unix seconds. `None` before any.
    pub since: Option<f64>,
    /// Until when: the last sample came back, Unix seconds.
    pub until: Option<f64>,
    /// What is worth a sentence.
    pub findings: Vec<Finding>,
    /// How probes were to leave.
    pub asked: Asked,
    /// With which marks samples arrived, and how often.
    pub arrived: Arrived,
    /// How long the IP packets are.
    pub packet_octets: PacketOctets,
    /// Probes that were refused for their size.
    pub too_big: TooBig,
    /// Delay above the smallest one (PDV, RFC 5481), as fine as [`Delay`](super::Delay).
    pub pdv_us: Variation,
    /// Difference between the delays of probes sent one right after the other, without its sign
    /// (IPDV, RFC 5481); of those that both came back, in their order.
    pub ipdv_us: Variation,
    /// Loss with its 95 % interval, and its periods.
    pub loss: LossFigures,
    /// Copies, by the way on which they were made; sums are `duplicates`.
    pub duplicated: Duplicated,
    /// `reordered` of `received`, 0–100 (RFC 4737); `None` before any.
    pub reordered_percent: Option<f64>,
}

/// Something worth knowing of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable word for programs, such as `dscp-forward-changed`.
    pub code: String,
    /// Is something wrong?
    pub severity: Severity,
    /// The same for people.
    pub sentence: String,
}

/// How a finding is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Not as it was asked for.
    Warning,
}

/// How probes were to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// DSCP, 0–63.
    pub dscp: u8,
    /// ECN, 0–3.
    pub ecn: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// In one piece.
    pub dont_fragment: bool,
}

/// With which marks samples arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arrived {
    /// TOS octets (DSCP and ECN) at the far end; empty where it doesn't tell.
    pub tos_forward: MarkTable,
    /// Those of replies.
    pub tos_backward: MarkTable,
    /// TTLs at the far end.
    pub ttl_forward: MarkTable,
    /// Those of replies.
    pub ttl_backward: MarkTable,
    /// Routers on the way there, by the newest TTL. A far end that can't read it tells 255: then 0.
    pub hops_forward: Option<u8>,
    /// Routers on the way back, if replies leave with 255; `None` if they can't have.
    pub hops_backward: Option<u8>,
}

/// How often which mark arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MarkTable {
    /// The first four kinds, in the order in which they came.
    pub seen: Vec<Counted>,
    /// Samples with other ones.
    pub others: u64,
    /// How often one came with another mark than the one before.
    pub changes: u64,
    /// When that was so last, Unix seconds.
    pub changed_at: Option<f64>,
}

/// A mark and its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The mark.
    pub value: u8,
    /// How many came with it.
    pub count: u64,
}

/// Octets of the IP packets, as they left or arrived; before any, `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketOctets {
    /// Of a probe.
    pub forward: Option<u32>,
    /// Of a reply.
    pub backward: Option<u32>,
}

/// Probes that were refused for their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TooBig {
    /// By this host: they were not sent, and no line has lost them.
    pub local: u64,
    /// By a router on the way, which said so (ICMP): they are a part of the loss. Routers limit how
    /// often they say so, so there may be more.
    pub path: u64,
    /// The largest IP packet that gets through, in octets, by whoever refused last.
    pub mtu: Option<u32>,
}

/// How delays vary, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Variation {
    /// Of the round trip.
    pub round_trip: Option<Percentiles>,
    /// Towards the far end.
    pub outbound: Option<Percentiles>,
    /// From the far end.
    pub inbound: Option<Percentiles>,
}

/// What most packets stay within, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Loss in more than one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LossFigures {
    /// Of the round trip.
    pub round_trip: Option<Share>,
    /// On the way there. Its whole are all probes whose fate is known; `None` where the far end
    /// keeps no numbers.
    pub forward: Option<Share>,
    /// On the way back; its whole are those that got there.
    pub backward: Option<Share>,
    /// Runs of probes lost one after the other, there or back (RFC 3357).
    pub periods: u64,
    /// The most probes lost in one of them.
    pub longest_period: u64,
}

/// A part of a whole, 0–100, and where the truth lies with 95 % confidence, if losses are
/// independent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// As counted.
    pub percent: f64,
    /// Lower bound.
    pub percent_low: f64,
    /// Upper bound.
    pub percent_high: f64,
}

/// Copies by direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicated {
    /// Probes that came more than once to the far end.
    pub forward: u64,
    /// Replies that came more than once.
    pub backward: u64,
}

/// More of what a responder saw of the way to it. In JSON its fields stand beside the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServedFigures {
    /// Loss on the way here with its 95 % interval; `None` before any probe.
    pub loss_forward: Option<Share>,
    /// The most probes in a row that were missing when a later one came.
    pub longest_gap: u64,
    /// Forward delay above the smallest one (PDV, RFC 5481), microseconds.
    pub pdv_us: Option<Percentiles>,
    /// Difference between neighbours, without its sign (IPDV, RFC 5481), microseconds.
    pub ipdv_us: Option<Percentiles>,
    /// TOS octets (DSCP and ECN) of the probes.
    pub tos: MarkTable,
    /// TTLs of the probes.
    pub ttl: MarkTable,
}
