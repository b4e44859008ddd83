//! What a session has measured.

use plugin_abi::manage::RunState;

use super::super::element::Value;
use super::super::table as of;
use super::{Field, Told, bits, field, id, millis, unless, whole, with};
use crate::session::result::{Interval, Way};

/// What a session has measured.
#[derive(Clone, Debug)]
pub(crate) struct SessionRecord {
    /// What people call it.
    pub(crate) name: String,
    /// The line that it measures, and what that is called.
    pub(crate) line: Option<(u64, String)>,
    /// What it has measured.
    pub(crate) seen: Interval,
}

const IPV6: u16 = 1;
const ANSWERED: u16 = 1 << 1;
const DIRECTED: u16 = 1 << 2;
const PATH_DELAY: u16 = 1 << 3;
const JITTER: u16 = 1 << 4;
const OFFSET: u16 = 1 << 5;
const TOS_FORWARD: u16 = 1 << 6;
const MARKS: u16 = 1 << 7;
const LINE: u16 = 1 << 8;

impl Told for SessionRecord {
    const FIRST: u16 = 512;
    const BITS: u32 = 9;
    const FIELDS: &'static [Field<Self>] = &[
        field(&of::FLOW_START, |it| millis(it.seen.since)),
        field(&of::FLOW_END, |it| millis(it.seen.until)),
        unless(IPV6, &of::SOURCE_IPV4, |it| {
            Value::Address(it.seen.local.ip())
        }),
        unless(IPV6, &of::DESTINATION_IPV4, |it| {
            Value::Address(it.seen.remote.ip())
        }),
        with(IPV6, &of::SOURCE_IPV6, |it| {
            Value::Address(it.seen.local.ip())
        }),
        with(IPV6, &of::DESTINATION_IPV6, |it| {
            Value::Address(it.seen.remote.ip())
        }),
        field(&of::SOURCE_PORT, |it| whole(it.seen.local.port())),
        field(&of::DESTINATION_PORT, |it| whole(it.seen.remote.port())),
        field(&of::PROTOCOL, |_| Value::Unsigned(17)),
        field(&of::TOS, |it| {
            whole(it.seen.asked.dscp << 2 | it.seen.asked.ecn)
        }),
        field(&of::DSCP, |it| whole(it.seen.asked.dscp)),
        field(&of::TTL, |it| whole(it.seen.asked.ttl)),
        field(&of::PACKET_DELTA, |it| whole(it.seen.sent)),
        field(&of::OCTET_DELTA, |it| {
            // Before the first probe it is not known how long one is, nor was one sent.
            whole(it.seen.sent * u64::from(it.seen.probe_octets.unwrap_or(0)))
        }),
        field(&of::FLOW_ID, |it| whole(it.seen.run)),
        field(&of::SESSION_ID, |it| Value::Text(&it.seen.session)),
        field(&of::SESSION_NAME, |it| Value::Text(&it.name)),
        field(&of::SESSION_MODE, |it| Value::Text(it.seen.mode)),
        field(&of::SESSION_STATE, |it| {
            whole(match it.seen.state {
                RunState::Connecting => 0_u8,
                RunState::Running => 1,
                RunState::Ended => 2,
                RunState::Failed => 3,
            })
        }),
        unless(ANSWERED, &of::SESSION_FAILURE, |it| {
            Value::Text(it.seen.failure.as_deref().unwrap_or_default())
        }),
        with(LINE, &of::LINE_ID, |it| id(it.line.as_ref())),
        field(&of::PROBES_SENT, |it| whole(it.seen.total.sent)),
        field(&of::PROBES_RECEIVED_DELTA, |it| whole(it.seen.received)),
        field(&of::PROBES_LOST_DELTA, |it| whole(it.seen.lost)),
        field(&of::PROBES_RECEIVED, |it| whole(it.seen.total.received)),
        with(DIRECTED, &of::PROBES_LOST_FORWARD, |it| {
            whole(it.seen.total.lost_forward)
        }),
        with(DIRECTED, &of::PROBES_LOST_BACKWARD, |it| {
            whole(it.seen.total.lost_backward)
        }),
        field(&of::PROBES_LOST_SOMEWHERE, |it| {
            whole(it.seen.total.unattributed)
        }),
        field(&of::PROBES_IN_FLIGHT, |it| whole(it.seen.total.in_flight)),
        field(&of::PROBES_SET_ASIDE, |it| whole(it.seen.set_aside_total)),
        field(&of::PROBES_LATE, |it| whole(it.seen.total.late)),
        field(&of::DUPLICATES_FORWARD, |it| {
            whole(it.seen.total.duplicates_forward)
        }),
        field(&of::DUPLICATES_BACKWARD, |it| {
            whole(it.seen.total.duplicates_backward)
        }),
        field(&of::REORDERED, |it| whole(it.seen.reordered_total)),
        with(ANSWERED, &of::ROUND_TRIP_MIN, |it| {
            way(it, 0, |way| way.min)
        }),
        with(ANSWERED, &of::ROUND_TRIP_MEAN, |it| {
            way(it, 0, |way| way.mean)
        }),
        with(ANSWERED, &of::ROUND_TRIP_MAX, |it| {
            way(it, 0, |way| way.max)
        }),
        with(ANSWERED, &of::ROUND_TRIP_P50, |it| {
            way(it, 0, |way| way.p50)
        }),
        with(ANSWERED, &of::ROUND_TRIP_P95, |it| {
            way(it, 0, |way| way.p95)
        }),
        with(ANSWERED, &of::ROUND_TRIP_P99, |it| {
            way(it, 0, |way| way.p99)
        }),
        with(ANSWERED, &of::ROUND_TRIP_MEAN_MICROS, |it| {
            micros(it.seen.delays.map_or(0, |ways| ways[0].mean))
        }),
        with(ANSWERED, &of::OUTBOUND_MIN, |it| way(it, 1, |way| way.min)),
        with(ANSWERED, &of::OUTBOUND_MEAN, |it| {
            way(it, 1, |way| way.mean)
        }),
        with(ANSWERED, &of::OUTBOUND_MAX, |it| way(it, 1, |way| way.max)),
        with(ANSWERED, &of::OUTBOUND_P95, |it| way(it, 1, |way| way.p95)),
        with(ANSWERED, &of::INBOUND_MIN, |it| way(it, 2, |way| way.min)),
        with(ANSWERED, &of::INBOUND_MEAN, |it| way(it, 2, |way| way.mean)),
        with(ANSWERED, &of::INBOUND_MAX, |it| way(it, 2, |way| way.max)),
        with(ANSWERED, &of::INBOUND_P95, |it| way(it, 2, |way| way.p95)),
        with(PATH_DELAY, &of::PATH_DELAY_MEAN, |it| {
            micros(it.seen.delays.map_or(0, |ways| ways[1].mean))
        }),
        with(PATH_DELAY, &of::PATH_DELAY_MIN, |it| {
            micros(it.seen.delays.map_or(0, |ways| ways[1].min))
        }),
        with(PATH_DELAY, &of::PATH_DELAY_MAX, |it| {
            micros(it.seen.delays.map_or(0, |ways| ways[1].max))
        }),
        with(PATH_DELAY, &of::PATH_DELAY_SUM, |it| {
            whole(u64::try_from(it.seen.outbound_sum / 1_000).unwrap_or(0))
        }),
        with(JITTER, &of::JITTER_NANOSECONDS, |it| jitter(it, 1)),
        with(JITTER, &of::ROUND_TRIP_JITTER, |it| jitter(it, 0)),
        with(JITTER, &of::INBOUND_JITTER, |it| jitter(it, 2)),
        with(TOS_FORWARD, &of::TOS_FORWARD, |it| {
            mark(it.seen.tos_forward)
        }),
        with(MARKS, &of::TOS_BACKWARD, |it| mark(it.seen.tos_backward)),
        with(MARKS, &of::TTL_FORWARD, |it| mark(it.seen.ttl_forward)),
        with(MARKS, &of::TTL_BACKWARD, |it| mark(it.seen.ttl_backward)),
        field(&of::SYNCHRONISED, |it| Value::Flag(it.seen.synchronised)),
        field(&of::KERNEL_STAMPS, |it| Value::Flag(it.seen.kernel_stamps)),
        with(OFFSET, &of::CLOCK_OFFSET, |it| {
            Value::Signed(it.seen.offset.unwrap_or(0))
        }),
    ];

    fn known(&self) -> u16 {
        let seen = &self.seen;
        let outbound = seen.delays.map(|ways| ways[1]);
        // Unsigned, and of 32 bits (RFC 9951).
        let longest = i64::from(u32::MAX) * 1_000;
        let path_delay = outbound.is_some_and(|way| way.min >= 0 && way.max <= longest);
        let marks = [seen.tos_backward, seen.ttl_forward, seen.ttl_backward];
        bits(&[
            (seen.remote.is_ipv6(), IPV6),
            (seen.delays.is_some(), ANSWERED),
            (seen.directed, DIRECTED),
            (path_delay, PATH_DELAY),
            (seen.jitter.iter().all(Option::is_some), JITTER),
            (seen.offset.is_some(), OFFSET),
            (seen.tos_forward.is_some(), TOS_FORWARD),
            (marks.iter().all(Option::is_some), MARKS),
            (self.line.is_some(), LINE),
        ])
    }
}

pub(super) fn way<'a>(it: &SessionRecord, which: usize, of: fn(&Way) -> i64) -> Value<'a> {
    Value::Signed(it.seen.delays.map_or(0, |ways| of(&ways[which])))
}

fn micros<'a>(nanos: i64) -> Value<'a> {
    Value::Unsigned(u64::try_from(nanos).unwrap_or(0) / 1_000)
}

fn jitter<'a>(it: &SessionRecord, which: usize) -> Value<'a> {
    Value::Unsigned(it.seen.jitter[which].map_or(0, |nanos| nanos.round() as u64))
}

fn mark<'a>(mark: Option<u8>) -> Value<'a> {
    Value::Unsigned(mark.map_or(0, u64::from))
}
