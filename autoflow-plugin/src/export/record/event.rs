//! Something is wrong, or is no more.

use plugin_abi::manage::{EventRow, EventSeverity};
use twamp_core::time::Wall;

use super::super::element::Value;
use super::super::table as of;
use super::{Field, Told, bits, field, millis, whole, with};

/// Something is wrong, or is no more.
#[derive(Clone, Debug)]
pub(crate) struct EventRecord {
    /// When it was raised, or cleared.
    pub(crate) at: Wall,
    /// What it is.
    pub(crate) row: EventRow,
    /// Its figures, as text.
    pub(crate) numbers: String,
}

impl EventRecord {
    /// It was raised, or cleared, at this time.
    pub(crate) fn new(at: Wall, row: EventRow) -> Self {
        let numbers = row.numbers.iter();
        let numbers: Vec<_> = numbers.map(|(name, of)| format!("{name}={of}")).collect();
        let numbers = numbers.join(" ");
        Self { at, row, numbers }
    }
}

const CLASS: u16 = 1;

impl Told for EventRecord {
    const FIRST: u16 = 364;
    const BITS: u32 = 1;
    const FIELDS: &'static [Field<Self>] = &[
        field(&of::OBSERVED, |it| millis(it.at)),
        field(&of::EVENT_CODE, |it| Value::Text(&it.row.code)),
        field(&of::EVENT_SEVERITY, |it| {
            whole(match it.row.severity {
                EventSeverity::Critical => 1_u8,
                EventSeverity::Major => 2,
                EventSeverity::Minor => 3,
                EventSeverity::Warning => 4,
            })
        }),
        field(&of::EVENT_RAISED, |it| {
            Value::Flag(it.row.cleared_at.is_none())
        }),
        field(&of::EVENT_KIND, |it| Value::Text(&it.row.object.kind)),
        field(&of::EVENT_NAME, |it| Value::Text(&it.row.object.name)),
        with(CLASS, &of::CLASS_NAME, |it| {
            Value::Text(it.row.object.class.as_deref().unwrap_or_default())
        }),
        field(&of::EVENT_TIMES, |it| whole(it.row.times)),
        field(&of::EVENT_NUMBERS, |it| Value::Text(&it.numbers)),
        field(&of::SENTENCE, |it| Value::Text(&it.row.sentence)),
    ];

    fn known(&self) -> u16 {
        bits(&[(self.row.object.class.is_some(), CLASS)])
    }
}
