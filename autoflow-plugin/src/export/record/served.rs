//! What a responder here has seen of somebody's session.

use plugin_abi::manage::ServedResult;
use twamp_core::time::Wall;

use super::super::element::Value;
use super::super::table as of;
use super::{Field, Told, bits, field, millis, unless, whole, with};

/// What a responder here has seen of somebody's session.
#[derive(Clone, Debug)]
pub(crate) struct ServedRecord {
    /// When it stood so.
    pub(crate) at: Wall,
    /// What was seen.
    pub(crate) seen: ServedResult,
}

const IPV6: u16 = 1;
const JITTER: u16 = 1 << 1;
const VARIATION: u16 = 1 << 2;

impl Told for ServedRecord {
    const FIRST: u16 = 368;
    const BITS: u32 = 3;
    const FIELDS: &'static [Field<Self>] = &[
        field(&of::OBSERVED, |it| millis(it.at)),
        unless(IPV6, &of::SOURCE_IPV4, |it| {
            Value::Address(it.seen.remote.ip())
        }),
        unless(IPV6, &of::DESTINATION_IPV4, |it| {
            Value::Address(it.seen.local.ip())
        }),
        with(IPV6, &of::SOURCE_IPV6, |it| {
            Value::Address(it.seen.remote.ip())
        }),
        with(IPV6, &of::DESTINATION_IPV6, |it| {
            Value::Address(it.seen.local.ip())
        }),
        field(&of::SOURCE_PORT, |it| whole(it.seen.remote.port())),
        field(&of::DESTINATION_PORT, |it| whole(it.seen.local.port())),
        field(&of::PROTOCOL, |_| Value::Unsigned(17)),
        field(&of::SESSION_ID, |it| Value::Text(&it.seen.session_id)),
        field(&of::SERVED_RECEIVED, |it| whole(it.seen.received)),
        field(&of::SERVED_REFLECTED, |it| whole(it.seen.reflected)),
        field(&of::PROBES_LOST_FORWARD, |it| whole(it.seen.lost_forward)),
        field(&of::DUPLICATES_FORWARD, |it| whole(it.seen.duplicates)),
        field(&of::SERVED_REORDERED, |it| whole(it.seen.reordered)),
        field(&of::SERVED_LIMITED, |it| {
            whole(it.seen.responder_limited.packets)
        }),
        with(JITTER, &of::OUTBOUND_JITTER, |it| micros(it.seen.jitter_us)),
        with(VARIATION, &of::SERVED_VARIATION_MEAN, |it| {
            micros(it.seen.variation_mean_us)
        }),
        with(VARIATION, &of::SERVED_VARIATION_MAX, |it| {
            micros(it.seen.variation_max_us)
        }),
        field(&of::SERVED_ENDED, |it| Value::Text(&it.seen.ended)),
    ];

    fn known(&self) -> u16 {
        let seen = &self.seen;
        let variation = [seen.variation_mean_us, seen.variation_max_us];
        bits(&[
            (seen.remote.is_ipv6(), IPV6),
            (seen.jitter_us.is_some(), JITTER),
            (variation.iter().all(Option::is_some), VARIATION),
        ])
    }
}

/// As nanoseconds.
fn micros<'a>(micros: Option<f64>) -> Value<'a> {
    Value::Unsigned((micros.unwrap_or(0.0) * 1e3).round() as u64)
}
