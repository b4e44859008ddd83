//! Requests and answers of `manage`: one JSON object in, one JSON object out.

mod far_end;

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::config::{Config, Probe};
pub use far_end::{Backward, Endpoint, FarClock, FarEnd};

/// What people ask an engine for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Judge a configuration, change nothing.
    Validate {
        /// The configuration, as written.
        config: serde_json::Value,
    },
    /// Name what is right in a configuration, but perhaps not meant.
    Warnings {
        /// The configuration, as written. Of one with mistakes the mistakes are answered.
        config: serde_json::Value,
    },
    /// Start one measurement run.
    Run {
        /// What to measure, and how.
        run: RunRequest,
    },
    /// How a run stands.
    Progress {
        /// Its id.
        run: u64,
    },
    /// End a run early; its result so far is its result.
    Cancel {
        /// Its id.
        run: u64,
    },
    /// Every session of this engine and every one that it serves.
    Sessions,
    /// Every line with its state.
    Lines,
    /// Which line each class of each group is on, and the last decisions about it.
    Why {
        /// Only this class, by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
    },
    /// Counters of the engine.
    Statistics,
}

/// One measurement run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// Far end: control port, or with Light and STAMP the reflector's port.
    pub remote: SocketAddr,
    /// Address to measure from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<IpAddr>,
    /// Probes to send.
    pub count: u32,
    /// How to probe.
    #[serde(default)]
    pub probe: Probe,
    /// Whole TOS octet of the probes instead of the DSCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
}

/// What `manage` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The mistakes of a configuration; none: it is good.
    Problems(Vec<Problem>),
    /// What is right in a configuration, but perhaps not meant.
    Warnings(Vec<Problem>),
    /// The id of the run that was started.
    Run(u64),
    /// How a run stands.
    Progress(Box<Progress>),
    /// A run was asked to end.
    Cancelled(u64),
    /// The sessions.
    Sessions(Vec<SessionRow>),
    /// The lines.
    Lines(Vec<LineRow>),
    /// The choices and why.
    Why(Vec<ChoiceRow>),
    /// The counters.
    Statistics(Statistics),
    /// The request is refused.
    Error(Refusal),
}

/// One mistake: where it is, what was expected, what was found, how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Path in the document: `lines[2].remote`.
    pub path: String,
    /// What would be right.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do.
    pub fix: String,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A code of [`crate::code`].
    pub code: i32,
    /// The sentence.
    pub message: String,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Its id.
    pub run: u64,
    /// Where it is in its life.
    pub state: RunState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The result so far; final when the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<SessionResult>,
}

/// The life of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Talking to the far end.
    Connecting,
    /// Probes are on their way.
    Running,
    /// Over, with a result.
    Ended,
    /// Over, without.
    Failed,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure, for programs.
    pub kind: FailureKind,
    /// The sentence, for people.
    pub message: String,
}

/// Kinds of failure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No route, or the network says the host is unreachable.
    Unreachable,
    /// Nobody listens there.
    Refused,
    /// No answer at all to the connection.
    NoAnswer,
    /// The far end speaks, but refuses the session or the mode.
    Rejected,
    /// The far end does not keep to the protocol.
    Protocol,
    /// The local system refused: address, port, permission.
    Local,
}

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
    /// `kernel` or `user`: who stamped.
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

/// One session in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The line it measures, by name; none for runs and served sessions.
    pub line: Option<String>,
    /// `sender` or `responder`.
    pub role: String,
    /// `connecting`, `running`, `retrying`, `ended`.
    pub state: String,
    /// What keeps it from running.
    pub trouble: Option<String>,
    /// A sender's result so far.
    pub result: Option<SessionResult>,
    /// What a responder saw so far.
    pub served: Option<ServedResult>,
}

/// One line in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRow {
    /// The host's id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// As [`crate::line_state::name`].
    pub state: String,
    /// What keeps it from being measured.
    pub trouble: Option<String>,
    /// Why the interface's own stamps are not taken, where they are wished for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamps: Option<String>,
}

/// One choice and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChoiceRow {
    /// Group, by name.
    pub group: String,
    /// Class, by name.
    pub class: String,
    /// Line, by name.
    pub line: Option<String>,
    /// All lines are bad; this is the best of them.
    pub best_of_bad: bool,
    /// What may be done with it.
    pub mode: crate::config::Mode,
    /// Newest first.
    pub decisions: Vec<Decision>,
}

/// A switch, or a switch that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Wall clock, Unix seconds.
    pub at: f64,
    /// The line moved from, by name.
    pub from: Option<String>,
    /// The line moved to, or that was not moved to.
    pub to: Option<String>,
    /// As [`crate::reason::name`].
    pub reason: String,
    /// False: the switch was considered and refused.
    pub switched: bool,
    /// The numbers it stood on, in a sentence.
    pub sentence: String,
}

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

impl Request {
    /// Judges `config` when sent.
    ///
    /// # Errors
    /// A configuration that is no JSON value, which can't happen for [`Config`].
    pub fn validate(config: &Config) -> Result<Self, serde_json::Error> {
        Ok(Self::Validate {
            config: serde_json::to_value(config)?,
        })
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: expected {}, found {}; {}",
            self.path, self.expected, self.found, self.fix
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_object_with_its_verb_in_do() {
        let request: Request = serde_json::from_str(r#"{"do":"why","class":"voice"}"#).unwrap();
        assert_eq!(
            request,
            Request::Why {
                class: Some("voice".into())
            }
        );
        assert!(serde_json::from_str::<Request>(r#"{"do":"dance"}"#).is_err());
    }
}
