//! Records to text.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{Answered, Moved, Path, Record, Word};

/// Writes a recording, a line for each record.
pub struct Writer<W> {
    out: W,
    /// What was last said to hold for a line's probes.
    paths: HashMap<u64, Path>,
    octets: u64,
    probes: u64,
}

impl<W: Write> Writer<W> {
    /// Of a file that is empty yet; the first record is to be a setting.
    pub fn new(out: W) -> Self {
        Self {
            out,
            paths: HashMap::new(),
            octets: 0,
            probes: 0,
        }
    }

    /// Writes a record.
    ///
    /// # Errors
    /// What the file says.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Setting(setting) => {
                // Its lines may be others.
                self.paths.clear();
                self.line(setting)
            }
            Record::Probe(Answered {
                line,
                sequence,
                sent,
                wall,
                out,
                far,
                back,
                read,
                reflector,
            }) => {
                self.probes += 1;
                let times = (sent, wall, out, far, back, read);
                let (sent, wall, out, far, back, read) = times;
                self.line(&(
                    Word::Probe,
                    line,
                    sequence,
                    sent,
                    wall,
                    out,
                    far,
                    back,
                    read,
                    reflector,
                ))
            }
            Record::Lost {
                line,
                sequence,
                sent,
                after,
            } => {
                self.probes += 1;
                self.line(&(Word::Lost, line, sequence, sent, after))
            }
            Record::Aside {
                line,
                sequence,
                sent,
                why,
                reflector,
            } => {
                self.probes += 1;
                self.line(&(Word::Aside, line, sequence, sent, why, reflector))
            }
            Record::Path { line, path } => {
                let before = self.paths.insert(*line, *path);
                if before == Some(*path) {
                    return Ok(());
                }
                let Path {
                    epoch,
                    ttl: [ttl, ttl_back],
                    tos: [tos, tos_back],
                    kernel,
                    synchronised,
                } = path;
                let seen = (ttl, ttl_back, tos, tos_back);
                let (ttl, ttl_back, tos, tos_back) = seen;
                self.line(&(
                    Word::Path,
                    line,
                    epoch,
                    ttl,
                    ttl_back,
                    tos,
                    tos_back,
                    kernel,
                    synchronised,
                ))
            }
            Record::Session { at, line } => self.line(&(Word::Session, at, line)),
            Record::Pause { at, span } => self.line(&(Word::Pause, at, span)),
            Record::Dropped { at, count } => self.line(&(Word::Dropped, at, count)),
            Record::State { at, line, state } => self.line(&(Word::State, at, line, state)),
            Record::Choice(Moved {
                at,
                group,
                class,
                from,
                to,
                reason,
                sentence,
            }) => self.line(&(Word::Choice, at, group, class, from, to, reason, sentence)),
            Record::End { at } => self.line(&(Word::End, at)),
        }
    }

    /// Octets and probes written so far.
    pub fn written(&self) -> (u64, u64) {
        (self.octets, self.probes)
    }

    /// Hands what was written to the file.
    ///
    /// # Errors
    /// What the file says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn line(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut counted = Counted {
            out: &mut self.out,
            octets: &mut self.octets,
        };
        serde_json::to_writer(&mut counted, what)?;
        counted.write_all(b"\n")
    }
}

/// Counts what goes through.
struct Counted<'a, W> {
    out: &'a mut W,
    octets: &'a mut u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.out.write(octets)?;
        *self.octets += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
