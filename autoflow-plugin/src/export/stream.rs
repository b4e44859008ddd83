//! One stream of messages to one collector (RFC 7011): which templates it knows, which number
//! comes next, and how much fits into a message. No I/O.
//!
//! ```text
//!   record ──push──▶ ┌────────┬─────┬────────┬────────┬─────┬───
//!                    │ header │ set │ record │ record │ set │ …  ──take──▶ message
//!                    └────────┴─────┴────────┴────────┴─────┴───
//! ```
//!
//! What describes elements of our own (RFC 5610) goes before the templates that have them, in
//! messages of their own, and templates before their first records: there are collectors that
//! understand no other order.

use std::collections::BTreeSet;

use super::element::{Element, Value};
use super::record::{self, Record, STATISTICS, TYPES};
use super::table as of;

const VERSION: u16 = 10;
const HEADER: usize = 16;
const SET_HEADER: usize = 4;
const TEMPLATE_SET: u16 = 2;
const OPTIONS_SET: u16 = 3;
/// What is left of texts that have no room, in octets, one try after the other.
const CUTS: [usize; 4] = [255, 64, 24, 0];

/// What a stream is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) domain: u32,
    /// Of our own elements.
    pub(super) enterprise: u32,
}

/// A stream of messages.
pub(super) struct Stream {
    origin: Origin,
    /// Octets of a message, at most.
    limit: usize,
    /// Records in all messages before.
    sequence: u32,
    /// Templates of which the collector has heard.
    announced: BTreeSet<u16>,
    /// Those that have been needed so far, whatever the collector has heard.
    needed: BTreeSet<u16>,
    message: Vec<u8>,
    /// The set that is being written: its id, and where it begins.
    set: Option<(u16, usize)>,
    /// In the message: results, and those that are options.
    results: u32,
    options: u32,
    /// A record on its way.
    scratch: Vec<u8>,
}

/// A message that is complete.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) octets: Vec<u8>,
    /// Results in it.
    pub(super) results: u32,
}

/// What has become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is in the message.
    Taken,
    /// It has no room: the message is to be taken first.
    Full,
    /// The collector doesn't know its template: that is to be announced first.
    Unannounced(u16),
}

/// What the exporter says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) produced: u64,
    pub(super) sent: u64,
    pub(super) dropped: u64,
    pub(super) queued: u64,
    pub(super) messages: u64,
    pub(super) octets: u64,
    pub(super) connections: u64,
}

impl Stream {
    /// A stream of which nobody has heard anything, with messages of up to `limit` octets.
    pub(super) fn new(origin: Origin, limit: usize) -> Self {
        Self {
            origin,
            limit,
            sequence: 0,
            announced: BTreeSet::new(),
            needed: BTreeSet::new(),
            message: Vec::with_capacity(limit),
            set: None,
            results: 0,
            options: 0,
            scratch: Vec::new(),
        }
    }

    /// Whoever listens may be another now: templates are to be announced again. Numbers go on.
    pub(super) fn resume(&mut self, limit: usize) {
        self.limit = limit;
        self.announced.clear();
        self.clear();
    }

    /// The next messages begin with number 0, as those of a new connection do.
    pub(super) fn restart(&mut self, limit: usize) {
        self.resume(limit);
        self.sequence = 0;
    }

    /// All that a collector needs to know before records: types of our own elements, then the
    /// templates that have been needed so far.
    pub(super) fn announce(&mut self, now_s: u32) -> Vec<Message> {
        let mut messages: Vec<Message> = self.take(now_s).into_iter().collect();
        self.options_template(TYPES, TYPE_SCOPE, TYPE_FIELDS);
        messages.extend(self.take(now_s));
        for element in of::OWN {
            let octets = type_record(element, self.origin.enterprise);
            self.option(TYPES, &octets, now_s, &mut messages);
        }
        messages.extend(self.take(now_s));
        self.options_template(STATISTICS, STATISTICS_SCOPE, STATISTICS_FIELDS);
        self.announced = self.needed.clone();
        for template in self.announced.clone() {
            self.template(template, now_s, &mut messages);
        }
        messages.extend(self.take(now_s));
        messages
    }

    /// A template that is needed for the first time.
    pub(super) fn introduce(&mut self, template: u16, now_s: u32) -> Vec<Message> {
        let mut messages: Vec<Message> = self.take(now_s).into_iter().collect();
        self.needed.insert(template);
        self.announced.insert(template);
        self.template(template, now_s, &mut messages);
        messages.extend(self.take(now_s));
        messages
    }

    /// What the exporter says of itself, in a message of its own.
    pub(super) fn account(&mut self, account: &Account, now_s: u32) -> Vec<Message> {
        let mut messages: Vec<Message> = self.take(now_s).into_iter().collect();
        let mut octets = Vec::new();
        octets.extend(self.origin.domain.to_be_bytes());
        for figure in [
            account.messages,
            account.sent,
            account.octets,
            account.dropped,
            account.produced,
            account.queued,
            account.connections,
        ] {
            octets.extend(figure.to_be_bytes());
        }
        self.option(STATISTICS, &octets, now_s, &mut messages);
        messages.extend(self.take(now_s));
        messages
    }

    /// Puts a result into the message, if it can be.
    pub(super) fn push(&mut self, record: &Record) -> Pushed {
        let template = record.template();
        if !self.announced.contains(&template) {
            return Pushed::Unannounced(template);
        }
        let most = self.limit - HEADER - SET_HEADER;
        let mut scratch = std::mem::take(&mut self.scratch);
        for room in CUTS {
            scratch.clear();
            record.write(room, &mut scratch);
            if scratch.len() <= most {
                break;
            }
        }
        let pushed = match self.append(template, &scratch) {
            true => {
                self.results += 1;
                Pushed::Taken
            }
            false => Pushed::Full,
        };
        self.scratch = scratch;
        pushed
    }

    /// The message, if anything is in it.
    pub(super) fn take(&mut self, now_s: u32) -> Option<Message> {
        self.end_set();
        if self.message.is_empty() {
            return None;
        }
        let mut octets = std::mem::replace(&mut self.message, Vec::with_capacity(self.limit));
        // The limit is below that.
        let length = octets.len() as u16;
        octets[..2].copy_from_slice(&VERSION.to_be_bytes());
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        octets[4..8].copy_from_slice(&now_s.to_be_bytes());
        octets[8..12].copy_from_slice(&self.sequence.to_be_bytes());
        octets[12..16].copy_from_slice(&self.origin.domain.to_be_bytes());
        let results = std::mem::take(&mut self.results);
        let options = std::mem::take(&mut self.options);
        self.sequence = self.sequence.wrapping_add(results + options);
        Some(Message { octets, results })
    }

    fn clear(&mut self) {
        self.message.clear();
        (self.set, self.results, self.options) = (None, 0, 0);
    }

    fn template(&mut self, template: u16, now_s: u32, messages: &mut Vec<Message>) {
        let elements = record::elements(template);
        let mut octets = Vec::new();
        octets.extend(template.to_be_bytes());
        octets.extend((elements.len() as u16).to_be_bytes());
        for element in elements {
            self.specifier(element, &mut octets);
        }
        if !self.append(TEMPLATE_SET, &octets) {
            messages.extend(self.take(now_s));
            self.append(TEMPLATE_SET, &octets);
        }
    }

    fn options_template(&mut self, id: u16, scope: &[&Element], fields: &[&Element]) {
        let mut octets = Vec::new();
        octets.extend(id.to_be_bytes());
        octets.extend(((scope.len() + fields.len()) as u16).to_be_bytes());
        octets.extend((scope.len() as u16).to_be_bytes());
        for element in scope.iter().chain(fields) {
            self.specifier(element, &mut octets);
        }
        self.append(OPTIONS_SET, &octets);
    }

    fn option(&mut self, set: u16, octets: &[u8], now_s: u32, messages: &mut Vec<Message>) {
        if !self.append(set, octets) {
            messages.extend(self.take(now_s));
            self.append(set, octets);
        }
        self.options += 1;
    }

    /// Which element, and how long (RFC 7011, section 3.2).
    fn specifier(&self, element: &Element, out: &mut Vec<u8>) {
        const ENTERPRISE: u16 = 0x8000;
        let id = element.id | if element.own { ENTERPRISE } else { 0 };
        out.extend(id.to_be_bytes());
        out.extend(element.kind.length().to_be_bytes());
        if element.own {
            out.extend(self.origin.enterprise.to_be_bytes());
        }
    }

    /// False if it has no room.
    fn append(&mut self, set: u16, octets: &[u8]) -> bool {
        let goes_on = self.set.is_some_and(|(id, _)| id == set);
        let header = if goes_on { 0 } else { SET_HEADER };
        let before = self.message.len().max(HEADER);
        if before + header + octets.len() > self.limit {
            return false;
        }
        if self.message.is_empty() {
            self.message.resize(HEADER, 0);
        }
        if !goes_on {
            self.end_set();
            self.set = Some((set, self.message.len()));
            self.message.extend(set.to_be_bytes());
            self.message.extend([0, 0]);
        }
        self.message.extend(octets);
        true
    }

    /// Only now it is known how long the set is.
    fn end_set(&mut self) {
        if let Some((_, begin)) = self.set.take() {
            let length = (self.message.len() - begin) as u16;
            self.message[begin + 2..begin + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
}

const TYPE_SCOPE: &[&Element] = &[&of::TYPE_ENTERPRISE, &of::TYPE_ID];
const TYPE_FIELDS: &[&Element] = &[
    &of::TYPE_KIND,
    &of::TYPE_SEMANTICS,
    &of::TYPE_UNITS,
    &of::TYPE_RANGE_BEGIN,
    &of::TYPE_RANGE_END,
    &of::TYPE_NAME,
    &of::TYPE_DESCRIPTION,
];

const STATISTICS_SCOPE: &[&Element] = &[&of::DOMAIN];
const STATISTICS_FIELDS: &[&Element] = &[
    &of::EXPORTED_MESSAGES,
    &of::EXPORTED_RECORDS,
    &of::EXPORTED_OCTETS,
    &of::NOT_SENT_RECORDS,
    &of::RECORDS_PRODUCED,
    &of::RECORDS_QUEUED,
    &of::CONNECTIONS,
];

/// What an element is (RFC 5610, section 3.9). The range is not limited.
fn type_record(element: &Element, enterprise: u32) -> Vec<u8> {
    let mut octets = Vec::new();
    octets.extend(enterprise.to_be_bytes());
    octets.extend(element.id.to_be_bytes());
    octets.push(element.kind as u8);
    octets.push(element.semantics as u8);
    octets.extend((element.unit as u16).to_be_bytes());
    octets.extend([0; 16]);
    for text in [element.name, element.description] {
        Value::Text(text).write(super::element::Kind::Text, usize::MAX, &mut octets);
    }
    octets
}

#[cfg(test)]
pub(super) mod tests;
