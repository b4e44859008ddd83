//! What collectors are told, and of which elements each kind of record consists.
//!
//! A figure that isn't known has no element in its record: so a kind of record has a template for
//! each set of figures that may be known together, and the template's id says which.

mod decision;
mod event;
mod quantiles;
mod score;
mod served;
mod session;

use twamp_core::time::Wall;

use super::element::{Element, Value};
pub(crate) use decision::{ChoiceRecord, DecisionRecord};
pub(crate) use event::EventRecord;
pub(crate) use quantiles::QuantilesRecord;
pub(crate) use score::ScoreRecord;
pub(crate) use served::ServedRecord;
pub(crate) use session::SessionRecord;

/// One thing that collectors are told.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    /// What a session has measured.
    Session(Box<SessionRecord>),
    /// What most packets of a session see on each way.
    Quantiles(Box<QuantilesRecord>),
    /// What a responder here has seen of somebody's session.
    Served(Box<ServedRecord>),
    /// How good a line is for a class of traffic.
    Score(Box<ScoreRecord>),
    /// A switch, or one that was refused.
    Decision(Box<DecisionRecord>),
    /// Where a class of a group is.
    Choice(Box<ChoiceRecord>),
    /// Something is wrong, or is no more.
    Event(Box<EventRecord>),
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
            Self::Quantiles(record) => template(&**record),
            Self::Served(record) => template(&**record),
            Self::Score(record) => template(&**record),
            Self::Decision(record) => template(&**record),
            Self::Choice(record) => template(&**record),
            Self::Event(record) => template(&**record),
        }
    }

    /// Appends its values, of each text no more than `room` octets.
    pub(super) fn write(&self, room: usize, out: &mut Vec<u8>) {
        match self {
            Self::Session(record) => write(&**record, room, out),
            Self::Quantiles(record) => write(&**record, room, out),
            Self::Served(record) => write(&**record, room, out),
            Self::Score(record) => write(&**record, room, out),
            Self::Decision(record) => write(&**record, room, out),
            Self::Choice(record) => write(&**record, room, out),
            Self::Event(record) => write(&**record, room, out),
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
        .or_else(|| all::<EventRecord>(template))
        .or_else(|| all::<QuantilesRecord>(template))
        .or_else(|| all::<ServedRecord>(template))
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

fn whole<'a>(value: impl Into<u64>) -> Value<'a> {
    Value::Unsigned(value.into())
}

fn id<'a>(thing: Option<&(u64, String)>) -> Value<'a> {
    Value::Unsigned(thing.map_or(0, |(id, _)| *id))
}

fn name(thing: Option<&(u64, String)>) -> Value<'_> {
    Value::Text(thing.map_or("", |(_, name)| name))
}
