//! What was decided, and where classes are by that.

use plugin_abi::config::Mode;
use plugin_abi::reason;
use twamp_core::time::Wall;

use super::super::element::Value;
use super::super::table as of;
use super::{Field, Told, bits, field, id, millis, name, whole, with};

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
