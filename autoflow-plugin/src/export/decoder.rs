//! A decoder of IPFIX for the tests, as small as can be: it knows nothing of the tables that the
//! messages were made from.

use std::collections::HashMap;

/// What a collector knows of one stream.
#[derive(Default)]
pub(super) struct Decoder {
    templates: HashMap<u16, Vec<Specifier>>,
    /// Records so far.
    pub(super) sequence: u32,
    /// Names of elements, by enterprise and id, as type records tell.
    pub(super) names: HashMap<(u32, u16), String>,
}

#[derive(Clone, Copy, Debug)]
struct Specifier {
    enterprise: u32,
    id: u16,
    length: u16,
}

/// A record: its template, and the octets of each element by enterprise (0: IANA) and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) template: u16,
    pub(super) values: Vec<((u32, u16), Vec<u8>)>,
}

impl Decoded {
    /// The octets of an element.
    pub(super) fn octets(&self, enterprise: u32, id: u16) -> Option<&[u8]> {
        let mut values = self.values.iter();
        let found = values.find(|(key, _)| *key == (enterprise, id));
        found.map(|(_, octets)| &**octets)
    }

    /// A number without sign.
    pub(super) fn unsigned(&self, enterprise: u32, id: u16) -> Option<u64> {
        let octets = self.octets(enterprise, id)?;
        Some(
            octets
                .iter()
                .fold(0, |sum, octet| sum << 8 | u64::from(*octet)),
        )
    }

    /// A number of 64 bits with its sign.
    pub(super) fn signed(&self, enterprise: u32, id: u16) -> Option<i64> {
        let octets = self.octets(enterprise, id)?;
        Some(i64::from_be_bytes(octets.try_into().unwrap()))
    }

    /// A text.
    pub(super) fn text(&self, enterprise: u32, id: u16) -> Option<&str> {
        std::str::from_utf8(self.octets(enterprise, id)?).ok()
    }
}

impl Decoder {
    /// The data records of one message, those of options included.
    ///
    /// # Panics
    /// If anything is not as RFC 7011 says, or a record comes before its template.
    pub(super) fn message(&mut self, octets: &[u8]) -> Vec<Decoded> {
        let mut reader = Reader(octets);
        assert_eq!(reader.u16(), 10, "the version");
        assert_eq!(usize::from(reader.u16()), octets.len(), "the length");
        reader.u32();
        assert_eq!(reader.u32(), self.sequence, "the sequence number");
        reader.u32();
        let mut records = Vec::new();
        assert!(!reader.0.is_empty(), "a message without a set");
        while !reader.0.is_empty() {
            let (set, length) = (reader.u16(), reader.u16());
            let mut set_reader = Reader(reader.take(usize::from(length) - 4));
            match set {
                2 | 3 => self.templates(&mut set_reader, set == 3),
                _ => {
                    let template = self.templates.get(&set).expect("a template comes first");
                    while !set_reader.0.is_empty() {
                        records.push(set_reader.record(set, template));
                    }
                }
            }
        }
        for record in &records {
            if let Some(name) = record.text(0, 341) {
                let [enterprise, id] = [346, 303].map(|id| record.unsigned(0, id).unwrap());
                let key = (enterprise as u32, id as u16);
                self.names.insert(key, name.to_owned());
            }
        }
        self.sequence += records.len() as u32;
        records
    }

    fn templates(&mut self, reader: &mut Reader<'_>, options: bool) {
        while !reader.0.is_empty() {
            let (id, count) = (reader.u16(), reader.u16());
            if options {
                assert!(reader.u16() > 0, "options have a scope");
            }
            let specifiers = (0..count).map(|_| reader.specifier()).collect();
            self.templates.insert(id, specifiers);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn specifier(&mut self) -> Specifier {
        let (id, length) = (self.u16(), self.u16());
        let enterprise = if id & 0x8000 == 0 { 0 } else { self.u32() };
        Specifier {
            enterprise,
            id: id & 0x7fff,
            length,
        }
    }

    fn record(&mut self, template: u16, specifiers: &[Specifier]) -> Decoded {
        let value = |specifier: &Specifier| {
            let length = match specifier.length {
                u16::MAX => match self.take(1)[0] {
                    255 => usize::from(self.u16()),
                    short => usize::from(short),
                },
                fixed => usize::from(fixed),
            };
            let octets = self.take(length).to_vec();
            ((specifier.enterprise, specifier.id), octets)
        };
        let values = specifiers.iter().map(value).collect();
        Decoded { template, values }
    }
}
