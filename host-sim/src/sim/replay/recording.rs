//! A whole recording in memory, as policies are played against it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{Fared, NS_PER_S, Switch};
use crate::sim::policy::{MakeError, Uplink};
use crate::sim::recording::{Answered, Aside, Mistake, Moved, ReadError, Reader, Record, Setting};

/// A recording, by lines and in order of time.
pub struct Recording {
    /// What was measured.
    pub setting: Setting,
    /// The recorded choices.
    pub choices: Vec<Moved>,
    /// When it ends, nanoseconds from its start.
    pub end: u64,
    /// Records that the recorder missed.
    pub dropped: u64,
    /// What is wrong about its last line, if that is not whole.
    pub cut: Option<Mistake>,
    /// It says itself that all was written.
    pub ended: bool,
    /// Records of a later writer, passed over.
    pub unknown: u64,
    /// The line on which another setting begins: what follows is not played.
    pub other_setting: Option<u64>,
    pub(super) uplinks: Vec<Uplink>,
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) tracks: Vec<Track>,
    /// When the host stood still, right after the last probe that suffered from it; for how long.
    pub(super) pauses: Vec<(u64, u64)>,
}

/// What became of the probes of a line.
#[derive(Default)]
pub(super) struct Track {
    /// In the order in which they left.
    pub(super) probes: Vec<Past>,
    /// When another session began, right before its first probe.
    pub(super) sessions: Vec<u64>,
}

/// A probe and its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) sent: u64,
    pub(super) fate: Fate,
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It came back: T2 − T1, T3 − T2, T4 − T3.
    Answered { out: i64, far: i64, back: i64 },
    /// It was lost, and had been at the far end or not.
    Lost { arrived: bool },
    /// It came back with times that can't be used.
    Useless,
    /// Nobody knows: this host was in trouble.
    Unknown,
}

/// A recording can't be played.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file can't be opened.
    #[error("can't read the recording {}: {cause}", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// The file is none that can be read.
    #[error("{}: {cause}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        cause: ReadError,
    },
    /// A policy can't be had.
    #[error(transparent)]
    Policy(#[from] MakeError),
}

/// What is gathered of a line while a recording is read.
#[derive(Default)]
struct Gathered {
    track: Track,
    /// Numbers of both ends of answered probes, by place in the track; of one session and epoch.
    numbered: Vec<(usize, u32, u32)>,
    epoch: u32,
    /// A session has begun, and its first probe is still to come: known at.
    begun: Option<u64>,
    /// The sender's number of each probe.
    sequences: Vec<u32>,
}

impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn open(file: &Path) -> Result<Self, ReplayError> {
        let opened = File::open(file).map_err(|cause| ReplayError::Open {
            file: file.to_owned(),
            cause,
        })?;
        Self::read(BufReader::new(opened)).map_err(|cause| ReplayError::Read {
            file: file.to_owned(),
            cause,
        })
    }

    /// Reads the text of one.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn read(text: impl BufRead) -> Result<Self, ReadError> {
        let mut reader = Reader::new(text);
        let Some(Record::Setting(setting)) = reader.record()? else {
            return Err(reader.wrong(1, "expected what was measured"));
        };
        let places: HashMap<u64, usize> = (setting.lines.iter().map(|line| line.id))
            .zip(0..)
            .collect();
        let mut lines: Vec<Gathered> = places.iter().map(|_| Gathered::default()).collect();
        let mut found = Self {
            uplinks: uplinks(&setting),
            groups: groups(&setting),
            setting: *setting,
            choices: Vec::new(),
            end: 0,
            dropped: 0,
            cut: None,
            ended: false,
            unknown: 0,
            other_setting: None,
            tracks: Vec::new(),
            pauses: Vec::new(),
        };
        // Of the probes that suffered from a pause that is not told of yet, when the last one left.
        let mut suffered = None;
        while let Some(record) = reader.record()? {
            let time = match record {
                Record::Setting(again) if *again == found.setting => continue,
                Record::Setting(_) => {
                    found.other_setting = Some(reader.number());
                    break;
                }
                Record::Probe(probe) => {
                    let Answered {
                        line,
                        sent,
                        out,
                        far,
                        back,
                        ..
                    } = probe;
                    let of = &mut lines[places[&line]];
                    if let Some(reflector) = probe.reflector {
                        let place = of.track.probes.len();
                        of.numbered.push((place, probe.sequence, reflector));
                    }
                    of.take(sent, probe.sequence, Fate::Answered { out, far, back });
                    sent.saturating_add_signed(probe.away())
                }
                Record::Lost {
                    line,
                    sequence,
                    sent,
                    after,
                } => {
                    let fate = Fate::Lost { arrived: false };
                    lines[places[&line]].take(sent, sequence, fate);
                    sent + after
                }
                Record::Aside {
                    line,
                    sequence,
                    sent,
                    why,
                    reflector,
                } => {
                    let fate = match reflector {
                        Some(_) => Fate::Useless,
                        None => Fate::Unknown,
                    };
                    if why == Aside::LocalTrouble {
                        suffered = suffered.max(Some(sent));
                    }
                    lines[places[&line]].take(sent, sequence, fate);
                    sent
                }
                Record::Path { line, path } => {
                    let of = &mut lines[places[&line]];
                    if std::mem::replace(&mut of.epoch, path.epoch) != path.epoch {
                        of.attribute();
                    }
                    0
                }
                Record::Session { at, line } => {
                    let of = &mut lines[places[&line]];
                    of.attribute();
                    of.begun = Some(at);
                    // What was in flight was set aside for that, and not for a pause.
                    suffered = None;
                    at
                }
                Record::Pause { at, span } => {
                    found
                        .pauses
                        .extend(suffered.take().map(|last| (last + 1, span)));
                    at
                }
                Record::Dropped { at, count } => {
                    found.dropped = found.dropped.saturating_add(count);
                    at
                }
                Record::Choice(moved) => {
                    let at = moved.at;
                    found.choices.push(moved);
                    at
                }
                Record::State { at, .. } | Record::End { at } => at,
            };
            found.end = found.end.max(time);
        }
        found.cut = reader.cut().cloned();
        found.ended = reader.ended();
        found.unknown = reader.unknown();
        found.choices.sort_by_key(|moved| moved.at);
        found.tracks = lines.into_iter().map(Gathered::finish).collect();
        Ok(found)
    }

    /// How many probes were recorded.
    #[must_use]
    pub fn probes(&self) -> u64 {
        self.tracks
            .iter()
            .map(|track| track.probes.len() as u64)
            .sum()
    }

    /// How long it is, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.end as f64 / NS_PER_S
    }

    /// The recorded choices, by names.
    pub(super) fn switches(&self) -> Vec<Switch> {
        let (classes, groups) = (&self.setting.classes, &self.setting.groups);
        let line = |id: u64| self.setting.lines.iter().position(|line| line.id == id);
        let switch = |moved: &Moved| {
            let group = groups.iter().position(|group| group.id == moved.group)?;
            let class = classes.iter().position(|class| class.id == moved.class)?;
            let lines = (moved.from.and_then(line), moved.to.and_then(line));
            let why = format!("{}: {}", moved.reason, moved.sentence);
            Some(self.switch(moved.at, (group, class), lines, Some(why)))
        };
        self.choices.iter().filter_map(switch).collect()
    }

    /// A move, by names.
    pub(super) fn switch(
        &self,
        at: u64,
        (group, class): (usize, usize),
        (from, to): (Option<usize>, Option<usize>),
        why: Option<String>,
    ) -> Switch {
        let line = |line: Option<usize>| line.map(|line| self.uplinks[line].name.clone());
        Switch {
            at_s: at as f64 / NS_PER_S,
            group: self.setting.groups[group].name.clone(),
            class: self.setting.classes[class].name.clone(),
            from: line(from),
            to: line(to),
            why,
        }
    }

    /// How recorded probes fared on the lines that the classes were on.
    pub(super) fn fared(&self, switches: &[Switch]) -> Vec<Fared> {
        let mut all = Vec::new();
        for group in &self.setting.groups {
            for class in &self.setting.classes {
                let of_class =
                    |switch: &&Switch| (&switch.group, &switch.class) == (&group.name, &class.name);
                let mut fared = Sums::default();
                let (mut since, mut on) = (0.0, None);
                for switch in switches.iter().filter(of_class) {
                    fared.add(self, on, since, switch.at_s);
                    (since, on) = (switch.at_s, switch.to.as_deref());
                }
                fared.add(self, on, since, self.seconds());
                all.push(fared.of(group.name.clone(), class.name.clone()));
            }
        }
        all
    }
}

/// How probes fared.
#[derive(Default)]
struct Sums {
    unplaced_s: f64,
    answered: u64,
    lost: u64,
    round_trips: i128,
}

impl Sums {
    fn add(&mut self, recording: &Recording, line: Option<&str>, from_s: f64, to_s: f64) {
        let named = |name: &str| recording.uplinks.iter().position(|line| line.name == name);
        let Some(line) = line.and_then(named) else {
            self.unplaced_s += (to_s - from_s).max(0.0);
            return;
        };
        let probes = &recording.tracks[line].probes;
        let at =
            |seconds: f64| probes.partition_point(|probe| (probe.sent as f64) < seconds * NS_PER_S);
        for probe in probes.get(at(from_s)..at(to_s)).unwrap_or_default() {
            match probe.fate {
                Fate::Answered { out, back, .. } => {
                    self.answered += 1;
                    self.round_trips += i128::from(out + back);
                }
                Fate::Lost { .. } => self.lost += 1,
                Fate::Useless | Fate::Unknown => {}
            }
        }
    }

    fn of(self, group: String, class: String) -> Fared {
        let probes = self.answered + self.lost;
        let share = |part: f64, whole: u64| (whole > 0).then(|| part / whole as f64);
        Fared {
            group,
            class,
            unplaced_s: self.unplaced_s,
            probes,
            lost_percent: share(100.0 * self.lost as f64, probes),
            round_trip_ms: share(self.round_trips as f64 / 1e6, self.answered),
        }
    }
}

impl Gathered {
    fn take(&mut self, sent: u64, sequence: u32, fate: Fate) {
        if let Some(known) = self.begun.take() {
            // Before its first probe, but not before what is over.
            let last = self.track.probes.last().map_or(0, |last| last.sent + 1);
            let begins = sent.saturating_sub(1).max(last).min(known.max(last));
            self.track.sessions.push(begins);
        }
        self.track.probes.push(Past { sent, fate });
        self.sequences.push(sequence);
    }

    /// Tells of the probes that were lost between answered ones which had been at the far end: as
    /// many as its numbers say, the last of them.
    fn attribute(&mut self) {
        let mut numbered = std::mem::take(&mut self.numbered);
        numbered.sort_by_key(|(_, sequence, _)| *sequence);
        let Some(&(first, ..)) = numbered.iter().min_by_key(|(place, ..)| *place) else {
            return;
        };
        let mut lost: Vec<usize> = (first..self.track.probes.len())
            .filter(|&place| matches!(self.track.probes[place].fate, Fate::Lost { .. }))
            .collect();
        lost.sort_by_key(|&place| self.sequences[place]);
        let mut lost = &lost[..];
        for pair in numbered.windows(2) {
            let [(_, before, there), (_, after, then)] = pair else {
                continue;
            };
            let number = |place: &usize| self.sequences[*place];
            let skipped = lost.partition_point(|place| number(place) < *before);
            let between = lost.partition_point(|place| number(place) < *after);
            let arrived = then.saturating_sub(*there).saturating_sub(1) as usize;
            let of_pair = &lost[skipped.min(between)..between];
            for place in of_pair.iter().rev().take(arrived) {
                self.track.probes[*place].fate = Fate::Lost { arrived: true };
            }
            lost = &lost[between..];
        }
    }

    fn finish(mut self) -> Track {
        self.attribute();
        self.track.probes.sort_by_key(|probe| probe.sent);
        self.track
    }
}

fn uplinks(setting: &Setting) -> Vec<Uplink> {
    let uplink = |line: &plugin_abi::config::Line| Uplink {
        name: line.name.clone(),
        underlay: line.underlay.clone().unwrap_or_else(|| line.name.clone()),
        far_end: line.far_end(),
        cost: line.cost,
        metered: line.metered,
    };
    setting.lines.iter().map(uplink).collect()
}

fn groups(setting: &Setting) -> Vec<Vec<usize>> {
    let members = |group: &plugin_abi::config::Group| {
        let lines = setting.lines.iter().enumerate();
        let within = lines.filter(|(_, line)| line.groups.contains(&group.id));
        within.map(|(place, _)| place).collect()
    };
    setting.groups.iter().map(members).collect()
}
