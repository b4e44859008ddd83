//! What collectors are told, and of which elements each kind of record consists.
//!
//! A figure that isn't known has no element in its record: so a kind of record has a template for
//! each set of figures that may be known together, and the template's id says which.

use plugin_abi::config::Mode;
use plugin_abi::manage::RunState;
use plugin_abi::{TwampScore, reason, score_flag};
use twamp_core::time::Wall;

use super::element::{Element, Value};
use super::table as of;
use crate::session::result::{Interval, Way};

/// One thing that collectors are told.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    /// What a session has measured.
    Session(Box<SessionRecord>),
    /// How good a line is for a class of traffic.
    Score(Box<ScoreRecord>),
    /// A switch, or one that was refused.
    Decision(Box<DecisionRecord>),
    /// Where a class of a group is.
    Choice(Box<ChoiceRecord>),
}

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

/// How good a line is for a class of traffic.
#[derive(Clone, Debug)]
pub(crate) struct ScoreRecord {
    /// When.
    pub(crate) at: Wall,
    /// What the line is called.
    pub(crate) line: String,
    /// What the class is called; `None` where there is none.
    pub(crate) class: Option<String>,
    /// One of [`plugin_abi::line_state`].
    pub(crate) state: u32,
    /// The figures.
    pub(crate) row: TwampScore,
}

/// A switch, or one that was refused.
#[derive(Clone, Debug)]
pub(crate) struct DecisionRecord {
    pub(crate) at: Wall,
    pub(crate) group: (u64, String),
    pub(crate) class: (u64, String),
    pub(crate) from: Option<(u64, String)>,
    pub(crate) to: Option<(u64, String)>,
    /// One of [`plugin_abi::reason`].
    pub(crate) reason: u32,
    pub(crate) switched: bool,
    pub(crate) sentence: String,
}

/// Where a class of a group is.
#[derive(Clone, Debug)]
pub(crate) struct ChoiceRecord {
    pub(crate) at: Wall,
    pub(crate) group: (u64, String),
    pub(crate) class: (u64, String),
    pub(crate) line: Option<(u64, String)>,
    /// One of [`plugin_abi::answer`].
    pub(crate) answer: u32,
    /// One of [`plugin_abi::reason`].
    pub(crate) reason: u32,
    pub(crate) mode: Mode,
}

/// An element of a record, and where its value comes from.
pub(super) struct Field<T: 'static> {
    element: &'static Element,
    /// Bits of what must be known.
    needs: u16,
    /// Bits of what must not be.
    without: u16,
    value: for<'a> fn(&'a T) -> Value<'a>,
}

/// A kind of record.
pub(super) trait Told: Sized + 'static {
    /// The template of a record of which nothing is known but what always is.
    const FIRST: u16;
    /// Bits of what may be known.
    const BITS: u32;
    /// In the order of the record.
    const FIELDS: &'static [Field<Self>];

    /// Bits of what is known.
    fn known(&self) -> u16;
}

/// Wireshark reads no template with more fields than that.
#[cfg(test)]
pub(super) const MOST_FIELDS: usize = 60;

/// Templates of options.
pub(super) const TYPES: u16 = 256;
pub(super) const STATISTICS: u16 = 257;

const fn field<T>(element: &'static Element, value: for<'a> fn(&'a T) -> Value<'a>) -> Field<T> {
    with(0, element, value)
}

const fn with<T>(
    needs: u16,
    element: &'static Element,
    value: for<'a> fn(&'a T) -> Value<'a>,
) -> Field<T> {
    Field {
        element,
        needs,
        without: 0,
        value,
    }
}

const fn unless<T>(
    without: u16,
    element: &'static Element,
    value: for<'a> fn(&'a T) -> Value<'a>,
) -> Field<T> {
    Field {
        element,
        needs: 0,
        without,
        value,
    }
}

impl<T> Field<T> {
    fn is_in(&self, known: u16) -> bool {
        self.needs & !known == 0 && self.without & known == 0
    }
}

impl Record {
    /// The id of its template.
    pub(super) fn template(&self) -> u16 {
        match self {
            Self::Session(record) => template(&**record),
            Self::Score(record) => template(&**record),
            Self::Decision(record) => template(&**record),
            Self::Choice(record) => template(&**record),
        }
    }

    /// Appends its values, of each text no more than `room` octets.
    pub(super) fn write(&self, room: usize, out: &mut Vec<u8>) {
        match self {
            Self::Session(record) => write(&**record, room, out),
            Self::Score(record) => write(&**record, room, out),
            Self::Decision(record) => write(&**record, room, out),
            Self::Choice(record) => write(&**record, room, out),
        }
    }
}

/// The elements of the records with this template; none of one that records can't have.
pub(super) fn elements(template: u16) -> Vec<&'static Element> {
    fn all<T: Told>(template: u16) -> Option<Vec<&'static Element>> {
        let known = template.checked_sub(T::FIRST)?;
        let of_kind = u32::from(known) < 1 << T::BITS;
        let fields = || T::FIELDS.iter().filter(|field| field.is_in(known));
        of_kind.then(|| fields().map(|field| field.element).collect())
    }
    all::<SessionRecord>(template)
        .or_else(|| all::<ScoreRecord>(template))
        .or_else(|| all::<DecisionRecord>(template))
        .or_else(|| all::<ChoiceRecord>(template))
        .unwrap_or_default()
}

fn template<T: Told>(record: &T) -> u16 {
    T::FIRST + record.known()
}

fn write<T: Told>(record: &T, room: usize, out: &mut Vec<u8>) {
    let known = record.known();
    for field in T::FIELDS.iter().filter(|field| field.is_in(known)) {
        (field.value)(record).write(field.element.kind, room, out);
    }
}

fn bits(known: &[(bool, u16)]) -> u16 {
    let known = known.iter().filter(|(known, _)| *known);
    known.map(|(_, bit)| bit).sum()
}

fn millis(at: Wall) -> Value<'static> {
    Value::Unsigned(u64::try_from(at.nanos()).unwrap_or(0) / 1_000_000)
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

const LOSS: u16 = 1;
const DIRECTIONS: u16 = 1 << 1;
const DELAYS: u16 = 1 << 2;
const SCORED: u16 = 1 << 3;
const CLASS: u16 = 1 << 4;

impl Told for ScoreRecord {
    const FIRST: u16 = 320;
    const BITS: u32 = 5;
    const FIELDS: &'static [Field<Self>] = &[
        field(&of::OBSERVED, |it| millis(it.at)),
        field(&of::LINE_ID, |it| whole(it.row.line)),
        field(&of::LINE_NAME, |it| Value::Text(&it.line)),
        field(&of::LINE_STATE, |it| whole(it.state)),
        with(CLASS, &of::CLASS_ID, |it| whole(it.row.class)),
        with(CLASS, &of::CLASS_NAME, |it| {
            Value::Text(it.class.as_deref().unwrap_or_default())
        }),
        with(SCORED, &of::SCORE, |it| whole(it.row.score)),
        field(&of::SCORE_FLAGS, |it| whole(it.row.flags)),
        field(&of::WINDOW_PROBES, |it| whole(it.row.probes)),
        field(&of::WINDOW_SAMPLES, |it| whole(it.row.samples)),
        with(LOSS, &of::LOSS, |it| whole(it.row.loss_ppm)),
        with(LOSS, &of::LOSS_LOW, |it| whole(it.row.loss_low_ppm)),
        with(LOSS, &of::LOSS_HIGH, |it| whole(it.row.loss_high_ppm)),
        with(DIRECTIONS, &of::LOSS_FORWARD, |it| {
            whole(it.row.loss_forward_ppm)
        }),
        with(DIRECTIONS, &of::LOSS_BACKWARD, |it| {
            whole(it.row.loss_backward_ppm)
        }),
        with(DELAYS, &of::SAMPLE_AGE, |it| whole(it.row.age_ns)),
        with(DELAYS, &of::ROUND_TRIP_MIN, |it| {
            Value::Signed(it.row.round_trip.min_ns)
        }),
        with(DELAYS, &of::ROUND_TRIP_MEAN, |it| {
            Value::Signed(it.row.round_trip.mean_ns)
        }),
        with(DELAYS, &of::ROUND_TRIP_MAX, |it| {
            Value::Signed(it.row.round_trip.max_ns)
        }),
        with(DELAYS, &of::ROUND_TRIP_JITTER, |it| {
            whole(it.row.round_trip.jitter_ns)
        }),
        with(DELAYS, &of::OUTBOUND_MEAN, |it| {
            Value::Signed(it.row.outbound.mean_ns)
        }),
        with(DELAYS, &of::OUTBOUND_JITTER, |it| {
            whole(it.row.outbound.jitter_ns)
        }),
        with(DELAYS, &of::INBOUND_MEAN, |it| {
            Value::Signed(it.row.inbound.mean_ns)
        }),
        with(DELAYS, &of::INBOUND_JITTER, |it| {
            whole(it.row.inbound.jitter_ns)
        }),
    ];

    fn known(&self) -> u16 {
        let has = |flag| self.row.flags & flag != 0;
        bits(&[
            (has(score_flag::LOSS_KNOWN), LOSS),
            (has(score_flag::DIRECTIONS_KNOWN), DIRECTIONS),
            (has(score_flag::DELAY_KNOWN), DELAYS),
            (has(score_flag::SCORE_KNOWN), SCORED),
            (self.class.is_some(), CLASS),
        ])
    }
}

const FROM: u16 = 1;
const TO: u16 = 1 << 1;

impl Told for DecisionRecord {
    const FIRST: u16 = 352;
    const BITS: u32 = 2;
    const FIELDS: &'static [Field<Self>] = &[
        field(&of::OBSERVED, |it| millis(it.at)),
        field(&of::GROUP_ID, |it| whole(it.group.0)),
        field(&of::GROUP_NAME, |it| Value::Text(&it.group.1)),
        field(&of::CLASS_ID, |it| whole(it.class.0)),
        field(&of::CLASS_NAME, |it| Value::Text(&it.class.1)),
        with(FROM, &of::FROM_LINE_ID, |it| id(it.from.as_ref())),
        with(FROM, &of::FROM_LINE_NAME, |it| name(it.from.as_ref())),
        with(TO, &of::LINE_ID, |it| id(it.to.as_ref())),
        with(TO, &of::LINE_NAME, |it| name(it.to.as_ref())),
        field(&of::SWITCHED, |it| Value::Flag(it.switched)),
        field(&of::REASON, |it| whole(it.reason)),
        field(&of::REASON_NAME, |it| Value::Text(reason::name(it.reason))),
        field(&of::SENTENCE, |it| Value::Text(&it.sentence)),
    ];

    fn known(&self) -> u16 {
        bits(&[(self.from.is_some(), FROM), (self.to.is_some(), TO)])
    }
}

impl Told for ChoiceRecord {
    const FIRST: u16 = 360;
    const BITS: u32 = 1;
    const FIELDS: &'static [Field<Self>] = &[
        field(&of::OBSERVED, |it| millis(it.at)),
        field(&of::GROUP_ID, |it| whole(it.group.0)),
        field(&of::GROUP_NAME, |it| Value::Text(&it.group.1)),
        field(&of::CLASS_ID, |it| whole(it.class.0)),
        field(&of::CLASS_NAME, |it| Value::Text(&it.class.1)),
        with(1, &of::LINE_ID, |it| id(it.line.as_ref())),
        with(1, &of::LINE_NAME, |it| name(it.line.as_ref())),
        field(&of::ANSWER, |it| whole(it.answer)),
        field(&of::REASON, |it| whole(it.reason)),
        field(&of::REASON_NAME, |it| Value::Text(reason::name(it.reason))),
        field(&of::MODE, |it| {
            whole(match it.mode {
                Mode::Measure => 0_u8,
                Mode::Advise => 1,
                Mode::Act => 2,
            })
        }),
    ];

    fn known(&self) -> u16 {
        bits(&[(self.line.is_some(), 1)])
    }
}

fn whole<'a>(value: impl Into<u64>) -> Value<'a> {
    Value::Unsigned(value.into())
}

fn id<'a>(thing: Option<&(u64, String)>) -> Value<'a> {
    Value::Unsigned(thing.map_or(0, |(id, _)| *id))
}

fn name(thing: Option<&(u64, String)>) -> Value<'_> {
    Value::Text(thing.map_or("", |(_, name)| name))
}

fn way<'a>(it: &SessionRecord, which: usize, of: fn(&Way) -> i64) -> Value<'a> {
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
