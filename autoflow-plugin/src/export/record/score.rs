//! How good a line is for a class of traffic.

use plugin_abi::{TwampScore, score_flag};
use twamp_core::time::Wall;

use super::super::element::Value;
use super::super::table as of;
use super::{Field, Told, bits, field, millis, whole, with};
use crate::line::opinions;

/// How good a line is for a class of traffic.
#[derive(Clone, Debug)]
pub(crate) struct ScoreRecord {
    /// When.
    pub(crate) at: Wall,
    /// What the line is called.
    pub(crate) line: String,
    /// What the class is called; `None` where there is none.
    pub(crate) class: Option<String>,
    /// The probe class that the class judges by; empty where that has no name.
    pub(crate) probe_class: String,
    /// One of [`plugin_abi::line_state`].
    pub(crate) state: u32,
    /// The figures.
    pub(crate) row: TwampScore,
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
        with(CLASS, &of::PROBE_CLASS, |it| Value::Text(&it.probe_class)),
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
        with(DIRECTIONS | DELAYS, &of::MOS_FORWARD, |it| mos(it, 0)),
        with(DIRECTIONS | DELAYS, &of::MOS_BACKWARD, |it| mos(it, 1)),
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

/// In hundredths.
fn mos<'a>(it: &ScoreRecord, way: usize) -> Value<'a> {
    let mos = opinions(&it.row).map_or(0.0, |ways| ways[way]);
    Value::Unsigned((mos * 100.0).round() as u64)
}
