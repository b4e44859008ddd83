//! Text to records, or the place where it is wrong.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Answered, FORMAT, Moved, Path, Record, Setting, VERSION, Word};

/// No line is longer, in octets: that with the setting of ten thousand lines isn't.
const LONGEST: u64 = 1 << 24;
/// No time is farther from another, in nanoseconds: 417 days. Sums of them have room.
const FARTHEST: u128 = 1 << 55;

/// Reads a recording, record by record.
pub struct Reader<R> {
    from: R,
    /// The line that was read last, from 1, and where it begins, from 0.
    number: u64,
    begins: u64,
    octets: u64,
    text: Vec<u8>,
    /// Ids of lines, groups and classes of the last setting.
    lines: HashSet<u64>,
    groups: HashSet<u64>,
    classes: HashSet<u64>,
    /// Its last line is not whole.
    cut: Option<Mistake>,
    /// It says itself that it ends.
    ended: bool,
    unknown: u64,
}

/// A recording can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("can't read it: {0}")]
    System(#[from] io::Error),
    /// A line of it is wrong.
    #[error("{0}")]
    Mistake(Mistake),
}

/// What is wrong with a recording, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: u64,
    /// The column in octets, from 1.
    pub column: u64,
    /// The octet in the file, from 0.
    pub octet: u64,
    /// What is wrong, and what to do.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            octet,
            what,
        } = self;
        write!(f, "line {line}, column {column} (octet {octet}): {what}")
    }
}

impl<R: BufRead> Reader<R> {
    /// Of a whole file.
    pub fn new(from: R) -> Self {
        Self {
            from,
            number: 0,
            begins: 0,
            octets: 0,
            text: Vec::new(),
            lines: HashSet::new(),
            groups: HashSet::new(),
            classes: HashSet::new(),
            cut: None,
            ended: false,
            unknown: 0,
        }
    }

    /// The next record; `None`: there is no more. Records that this reader doesn't know are passed
    /// over.
    ///
    /// # Errors
    /// The first thing that is wrong. That the last line is not whole is none: see [`cut`](Self::cut).
    pub fn record(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            if !self.line()? {
                return match self.number {
                    0 => Err(self.wrong(0, "it is empty, a recording has a first line")),
                    _ => Ok(None),
                };
            }
            let whole = self.text.ends_with(b"\n");
            let record = match self.parse() {
                Ok(record) => record,
                // What a writer was stopped at costs only itself.
                Err(ReadError::Mistake(mistake)) if !whole && self.number > 1 => {
                    self.cut = Some(mistake);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            match record {
                Some(record) => {
                    self.known(&record)?;
                    self.ended = matches!(record, Record::End { .. });
                    return Ok(Some(record));
                }
                None => self.unknown += 1,
            }
        }
    }

    /// What is wrong about a last line that is not whole.
    pub fn cut(&self) -> Option<&Mistake> {
        self.cut.as_ref()
    }

    /// Was the last record the one that says that all was written?
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The line that was read last, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// How many records were passed over, as a later writer wrote them.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Something about the record that was read last.
    pub fn wrong(&self, column: u64, what: impl Into<String>) -> ReadError {
        ReadError::Mistake(Mistake {
            line: self.number.max(1),
            column: column.max(1),
            octet: self.begins + column.saturating_sub(1),
            what: what.into(),
        })
    }

    /// Reads a line; `false`: there is none.
    fn line(&mut self) -> Result<bool, ReadError> {
        self.text.clear();
        let mut part = (&mut self.from).take(LONGEST);
        let read = part.read_until(b'\n', &mut self.text)? as u64;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        self.begins = self.octets;
        self.octets += read;
        if read == LONGEST && !self.text.ends_with(b"\n") {
            let what = format!("the line is longer than {LONGEST} octets; this is no recording");
            return Err(self.wrong(1, what));
        }
        Ok(true)
    }

    fn parse(&self) -> Result<Option<Record>, ReadError> {
        if self.number == 1 {
            self.version()?;
        }
        let Parsed(record) = self.json()?;
        match (&record, self.number) {
            (Some(Record::Setting(setting)), _) if setting.version != VERSION => {
                Err(self.wrong(1, another_version(setting.version)))
            }
            (Some(Record::Setting(_)), _) | (_, 2..) => Ok(record),
            _ => Err(self.wrong(
                1,
                "expected what was measured, an object, as the first line",
            )),
        }
    }

    /// Another version may say anything else: it is looked for first.
    fn version(&self) -> Result<(), ReadError> {
        #[derive(Deserialize)]
        struct First {
            format: String,
            version: u32,
        }
        match self.json::<First>() {
            Ok(First { format, version }) if format == FORMAT => match version {
                VERSION => Ok(()),
                _ => Err(self.wrong(1, another_version(version))),
            },
            Ok(First { format, .. }) => {
                let what =
                    format!("this is no recording: its format is {format:?}, not {FORMAT:?}");
                Err(self.wrong(1, what))
            }
            Err(ReadError::Mistake(Mistake { column, what, .. })) => {
                Err(self.wrong(column, format!("this is no recording: {what}")))
            }
            Err(error) => Err(error),
        }
    }

    fn json<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        serde_json::from_slice(text).map_err(|error| {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let what = error.to_string();
            let what = what.strip_suffix(&place).unwrap_or(&what);
            self.wrong(error.column() as u64, what)
        })
    }

    /// All that a record names is in the setting, and its times can be added up.
    fn known(&mut self, record: &Record) -> Result<(), ReadError> {
        let (mut line, mut times) = (None, Vec::<i128>::new());
        match record {
            Record::Setting(setting) => {
                let lines = setting.lines.iter().map(|line| line.id);
                self.lines = self.all_different("lines", lines)?;
                let groups = setting.groups.iter().map(|group| group.id);
                self.groups = self.all_different("groups", groups)?;
                let classes = setting.classes.iter().map(|class| class.id);
                self.classes = self.all_different("classes", classes)?;
            }
            Record::Probe(probe) => {
                line = Some(probe.line);
                let Answered {
                    wall,
                    out,
                    far,
                    back,
                    read,
                    ..
                } = *probe;
                let away = i128::from(out) + i128::from(back);
                let spans = [wall, out, far, back, read].map(i128::from);
                times = vec![probe.sent.into()];
                times.extend(spans);
                if far < 0 || away < 0 {
                    return Err(self.wrong(1, "the probe was away for less than no time"));
                }
            }
            Record::Lost {
                line: of,
                sent,
                after,
                ..
            } => {
                line = Some(*of);
                times = vec![i128::from(*sent), i128::from(*after)];
            }
            Record::Aside { line: of, sent, .. } => {
                line = Some(*of);
                times = vec![i128::from(*sent)];
            }
            Record::Path { line: of, .. } => line = Some(*of),
            Record::Session { at, line: of } | Record::State { at, line: of, .. } => {
                line = Some(*of);
                times = vec![i128::from(*at)];
            }
            Record::Pause { at, span } => times = vec![i128::from(*at), i128::from(*span)],
            Record::Dropped { at, .. } | Record::End { at } => times = vec![i128::from(*at)],
            Record::Choice(moved) => {
                times = vec![i128::from(moved.at)];
                for of in [moved.from, moved.to].into_iter().flatten() {
                    self.is_known("line", of, &self.lines)?;
                }
                self.is_known("group", moved.group, &self.groups)?;
                self.is_known("class", moved.class, &self.classes)?;
            }
        }
        if let Some(line) = line {
            self.is_known("line", line, &self.lines)?;
        }
        match times
            .into_iter()
            .find(|time| time.unsigned_abs() > FARTHEST)
        {
            Some(time) => {
                let what = format!("expected times up to {FARTHEST} ns, found {time}");
                Err(self.wrong(1, what))
            }
            None => Ok(()),
        }
    }

    fn all_different(
        &self,
        what: &str,
        ids: impl Iterator<Item = u64>,
    ) -> Result<HashSet<u64>, ReadError> {
        let mut known = HashSet::new();
        for id in ids {
            if !known.insert(id) {
                return Err(self.wrong(1, format!("two {what} of the setting have id {id}")));
            }
        }
        Ok(known)
    }

    fn is_known(&self, what: &str, id: u64, known: &HashSet<u64>) -> Result<(), ReadError> {
        match known.contains(&id) {
            true => Ok(()),
            false => Err(self.wrong(1, format!("there is no {what} {id} in the setting before"))),
        }
    }
}

fn another_version(found: u32) -> String {
    format!(
        "the recording is of version {found}, this program reads version {VERSION}; \
             take the program that wrote it, or record anew"
    )
}

/// A line of JSON; `None`: of a kind that is not known.
struct Parsed(Option<Record>);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Line;
        impl<'de> Visitor<'de> for Line {
            type Value = Parsed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record, an array that begins with a word, or a setting, an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Parsed, A::Error> {
                let setting = Setting::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Parsed(Some(Record::Setting(Box::new(setting)))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Parsed, A::Error> {
                let mut fields = Fields { seq, read: 0 };
                let record = fields.record()?;
                // What a later writer adds comes behind.
                while fields.seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Parsed(record))
            }
        }
        deserializer.deserialize_any(Line)
    }
}

/// The elements of an array, one after the other.
struct Fields<A> {
    seq: A,
    read: usize,
}

impl<'de, A: SeqAccess<'de>> Fields<A> {
    fn next<T: Deserialize<'de>>(&mut self, name: &'static str) -> Result<T, A::Error> {
        self.read += 1;
        let element = self.seq.next_element()?;
        element.ok_or_else(|| {
            let what = format!("the record ends before its element {}, {name}", self.read);
            A::Error::custom(what)
        })
    }

    fn record(&mut self) -> Result<Option<Record>, A::Error> {
        Ok(Some(match self.next("its word")? {
            Word::Probe => Record::Probe(Answered {
                line: self.next("line")?,
                sequence: self.next("sequence")?,
                sent: self.next("sent")?,
                wall: self.next("wall")?,
                out: self.next("out")?,
                far: self.next("far")?,
                back: self.next("back")?,
                read: self.next("read")?,
                reflector: self.next("reflector")?,
            }),
            Word::Lost => Record::Lost {
                line: self.next("line")?,
                sequence: self.next("sequence")?,
                sent: self.next("sent")?,
                after: self.next("after")?,
            },
            Word::Aside => Record::Aside {
                line: self.next("line")?,
                sequence: self.next("sequence")?,
                sent: self.next("sent")?,
                why: self.next("why")?,
                reflector: self.next("reflector")?,
            },
            Word::Path => Record::Path {
                line: self.next("line")?,
                path: Path {
                    epoch: self.next("epoch")?,
                    ttl: [self.next("ttl")?, self.next("ttl_back")?],
                    tos: [self.next("tos")?, self.next("tos_back")?],
                    kernel: self.next("kernel")?,
                    synchronised: self.next("synchronised")?,
                },
            },
            Word::Session => Record::Session {
                at: self.next("at")?,
                line: self.next("line")?,
            },
            Word::Pause => Record::Pause {
                at: self.next("at")?,
                span: self.next("span")?,
            },
            Word::Dropped => Record::Dropped {
                at: self.next("at")?,
                count: self.next("count")?,
            },
            Word::State => Record::State {
                at: self.next("at")?,
                line: self.next("line")?,
                state: self.next("state")?,
            },
            Word::Choice => Record::Choice(Moved {
                at: self.next("at")?,
                group: self.next("group")?,
                class: self.next("class")?,
                from: self.next("from")?,
                to: self.next("to")?,
                reason: self.next("reason")?,
                sentence: self.next("sentence")?,
            }),
            Word::End => Record::End {
                at: self.next("at")?,
            },
            Word::Unknown => return Ok(None),
        }))
    }
}
