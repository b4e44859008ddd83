//! What most packets of a session see on each way: beside its record, which has no room for more.

use super::super::element::Value;
use super::super::table as of;
use super::session::way;
use super::{Field, SessionRecord, Told, bits, field, id, millis, whole, with};

/// The same session, and what its own record doesn't say. Something came back.
#[derive(Clone, Debug)]
pub(crate) struct QuantilesRecord(pub(crate) SessionRecord);

const LINE: u16 = 1;

impl Told for QuantilesRecord {
    const FIRST: u16 = 366;
    const BITS: u32 = 1;
    const FIELDS: &'static [Field<Self>] = &[
        // With the times of a flow it would be another one to collectors of flows.
        field(&of::OBSERVED, |it| millis(it.0.seen.until)),
        field(&of::FLOW_ID, |it| whole(it.0.seen.run)),
        field(&of::SESSION_ID, |it| Value::Text(&it.0.seen.session)),
        field(&of::SESSION_NAME, |it| Value::Text(&it.0.name)),
        with(LINE, &of::LINE_ID, |it| id(it.0.line.as_ref())),
        field(&of::OUTBOUND_P50, |it| way(&it.0, 1, |way| way.p50)),
        field(&of::OUTBOUND_P95, |it| way(&it.0, 1, |way| way.p95)),
        field(&of::OUTBOUND_P99, |it| way(&it.0, 1, |way| way.p99)),
        field(&of::INBOUND_P50, |it| way(&it.0, 2, |way| way.p50)),
        field(&of::INBOUND_P95, |it| way(&it.0, 2, |way| way.p95)),
        field(&of::INBOUND_P99, |it| way(&it.0, 2, |way| way.p99)),
    ];

    fn known(&self) -> u16 {
        bits(&[(self.0.line.is_some(), LINE)])
    }
}
