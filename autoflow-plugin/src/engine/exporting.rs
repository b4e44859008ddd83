//! What collectors are told, and when: lines and continuous sessions in intervals, runs when they
//! end, switches when they happen. Each has a phase of its own, so that thousands don't come at
//! once.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use plugin_abi::config::{Config, Line, MTU_PROBE_CLASS, MTU_PROBE_NAME};
use plugin_abi::manage::ServedResult;
use plugin_abi::{NONE, line_state};
use twamp_core::time::{Mono, Now, Wall};

use super::control::Control;
use super::lock;
use super::sight::Measures;
use crate::autoflow::Ruling;
use crate::export::{
    ChoiceRecord, DecisionRecord, QuantilesRecord, Record, ScoreRecord, ServedRecord, SessionRecord,
};
use crate::net::clock;
use crate::session::Key;
use crate::session::registry::Id;

/// The golden section of a whole of 64 bits: phases that are this far apart, one after the other,
/// lie evenly however many there are.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is told of in intervals, and what is due next.
#[derive(Default)]
pub(super) struct Exporting {
    due: BinaryHeap<Reverse<(Mono, Subject)>>,
    /// What is still to be told of, and how often.
    told: HashMap<Subject, Duration>,
    phase: u64,
}

/// Something that is told of in intervals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Subject {
    /// A line: its session, and its scores.
    Line(u64),
    /// A continuous session apart from lines.
    Session(Id),
    /// Where all classes are.
    Choices,
}

impl Exporting {
    fn enrol(&mut self, subject: Subject, every: Duration, now: Mono) {
        match self.told.entry(subject) {
            Entry::Occupied(mut known) => _ = known.insert(every),
            Entry::Vacant(free) => {
                self.phase = self.phase.wrapping_add(GOLDEN);
                let share = self.phase as f64 / u64::MAX as f64;
                self.due
                    .push(Reverse((now + every.mul_f64(share), free.key().clone())));
                free.insert(every);
            }
        }
    }

    /// What is due. The next time of each is a whole number of intervals later.
    fn due(&mut self, now: Mono) -> Option<Subject> {
        loop {
            self.due.peek().filter(|Reverse((at, _))| *at <= now)?;
            let Reverse((at, subject)) = self.due.pop()?;
            // One that isn't told of any more is forgotten now.
            if let Some(every) = self.told.get(&subject).copied() {
                let passed = now.since(at).as_nanos() / every.as_nanos().max(1);
                let next = at + every * u32::try_from(passed + 1).unwrap_or(u32::MAX);
                self.due.push(Reverse((next, subject.clone())));
                return Some(subject);
            }
        }
    }
}

impl Control {
    /// The configuration is new: who is told, and of what.
    pub(super) fn match_export(&mut self) {
        self.shared
            .exporter
            .configure(&self.config.export, &self.shared.log);
        self.exporting = Exporting::default();
        if !self.shared.exporter.is_active() {
            return;
        }
        let every = Duration::from_secs(self.config.export.interval_s.into());
        self.exporting.enrol(Subject::Choices, every, clock().mono);
        for line in std::mem::take(&mut self.config.lines) {
            self.export_line(&line);
            self.config.lines.push(line);
        }
        for id in self.configured() {
            self.export_session(&id);
        }
    }

    /// A line is there, or is another one now: it is told of, or not.
    pub(super) fn export_line(&mut self, line: &Line) {
        if !self.shared.exporter.is_active() {
            return;
        }
        let subject = Subject::Line(line.id);
        if !line.export {
            self.exporting.told.remove(&subject);
            return;
        }
        let every = every(line.export_s, &self.config);
        let now = clock();
        self.exporting.enrol(subject, every, now.mono);
        for (_, key) in self.sessions_of(line.id) {
            lock(&self.shared.board).divide(key, now);
        }
    }

    /// The same of a session apart from lines, if it is a continuous one that goes on.
    pub(super) fn export_session(&mut self, id: &Id) {
        if !self.shared.exporter.is_active() {
            return;
        }
        let Some((key, session)) = self.goes_on(id) else {
            return;
        };
        let subject = Subject::Session(id.clone());
        if !session.export {
            self.exporting.told.remove(&subject);
            return;
        }
        let every = every(session.export_s, &self.config);
        let now = clock();
        self.exporting.enrol(subject, every, now.mono);
        lock(&self.shared.board).divide(key, now);
    }

    /// Tells what is due.
    pub(super) fn export_due(&mut self) {
        let now = clock();
        let mut records = Vec::new();
        while let Some(subject) = self.exporting.due(now.mono) {
            match &subject {
                Subject::Line(id) => self.tell_line(*id, now, &mut records),
                Subject::Session(id) => match self.goes_on(id) {
                    Some((key, _)) => self.tell_session(key, None, now, &mut records),
                    None => _ = self.exporting.told.remove(&subject),
                },
                Subject::Choices => self.tell_choices(now, &mut records),
            }
        }
        self.shared.exporter.offer(records);
    }

    /// A session is over, which may have measured this line: what it has measured since it was
    /// told of last, or as a run.
    pub(super) fn export_ended(&self, key: Key, measures: Option<Measures>) {
        let exported = match (measures, self.own_of(key)) {
            (Some(what), _) => self.exporting.told.contains_key(&Subject::Line(what.line)),
            (None, Some(session)) => session.export,
            // A single run.
            (None, None) => true,
        };
        if exported && self.shared.exporter.is_active() {
            let mut records = Vec::new();
            self.tell_session(key, measures, clock(), &mut records);
            self.shared.exporter.offer(records);
        }
    }

    /// Sessions of others that are served here, which have ended.
    pub(super) fn export_served(&self, ended: &[ServedResult]) {
        if self.shared.exporter.is_active() && self.config.export.served {
            let at = clock().wall;
            let records = ended.iter().map(|seen| {
                let seen = seen.clone();
                Record::Served(Box::new(ServedRecord { at, seen }))
            });
            self.shared.exporter.offer(records.collect());
        }
    }

    /// The part of the sessions served here whose turn it is in this second.
    pub(super) fn export_serving(&self, second: u64) {
        if self.shared.exporter.is_active() && self.config.export.served {
            let every = u64::from(self.config.export.interval_s);
            let served = lock(&self.shared.board).serving(second % every, every);
            self.export_served(&served);
        }
    }

    /// Switches, and such as were refused.
    pub(super) fn export_decisions(&self, rulings: &[Ruling]) {
        if !self.shared.exporter.is_active() {
            return;
        }
        let records = rulings.iter().map(|ruling| {
            Record::Decision(Box::new(DecisionRecord {
                at: ruling.at.wall,
                group: self.group_named(ruling.group),
                class: self.class_named(ruling.class),
                from: self.line_named(ruling.from),
                to: self.line_named(ruling.to),
                reason: ruling.reason,
                switched: ruling.switched,
                sentence: ruling.sentence.clone(),
            }))
        });
        self.shared.exporter.offer(records.collect());
    }

    fn tell_line(&mut self, id: u64, now: Now, records: &mut Vec<Record>) {
        let Some(name) = self.publisher.name(id) else {
            self.exporting.told.remove(&Subject::Line(id));
            return;
        };
        let picture = self.shared.picture.load();
        // Rows are in the order of lines.
        let lines = picture.lines();
        let place = lines.binary_search_by_key(&id, |row| row.line);
        let state = place.map_or(line_state::UNKNOWN, |place| lines[place].state);
        let scores = picture.scores();
        let first = scores.partition_point(|row| row.line < id);
        for row in scores[first..].iter().take_while(|row| row.line == id) {
            let class = (row.class != NONE).then(|| self.class_named(row.class).1);
            let classes = &self.config.classes;
            let judged = classes.iter().find(|class| class.id == row.class);
            let probe_class = judged.and_then(|class| class.probe_class.clone());
            records.push(Record::Score(Box::new(ScoreRecord {
                at: Wall(picture.view().taken_wall_ns),
                line: name.to_owned(),
                class,
                probe_class: probe_class.unwrap_or_default(),
                state,
                row: *row,
            })));
        }
        for (what, key) in self.sessions_of(id) {
            self.tell_session(key, Some(what), now, records);
        }
    }

    fn tell_session(
        &self,
        key: Key,
        measures: Option<Measures>,
        now: Now,
        records: &mut Vec<Record>,
    ) {
        let Some(seen) = lock(&self.shared.board).interval(key, now) else {
            return;
        };
        let line = self.line_named(measures.map(|what| what.line));
        let classes = &self.config.probe_classes;
        let class = measures.and_then(|what| match what.class {
            MTU_PROBE_CLASS => Some(MTU_PROBE_NAME),
            id => {
                let known = classes.iter().find(|known| known.id == id);
                known.map(|known| known.name.as_str())
            }
        });
        let name = match (&line, self.own_of(key)) {
            (Some((_, name)), _) => match class {
                Some(class) => format!("{name} {class}"),
                None => name.clone(),
            },
            (None, own) => own.and_then(|own| own.name.clone()).unwrap_or_default(),
        };
        let record = SessionRecord { name, line, seen };
        if record.seen.delays.is_some() {
            let more = QuantilesRecord(record.clone());
            records.push(Record::Quantiles(Box::new(more)));
        }
        records.push(Record::Session(Box::new(record)));
    }

    fn tell_choices(&self, now: Now, records: &mut Vec<Record>) {
        let decided = self.shared.choices.load();
        let choices = decided.iter().flat_map(|decided| decided.choices.iter());
        records.extend(choices.map(|(group, class, choice)| {
            Record::Choice(Box::new(ChoiceRecord {
                at: now.wall,
                group: self.group_named(group),
                class: self.class_named(class),
                line: self.line_named(choice.line),
                answer: choice.answer,
                reason: choice.reason,
                mode: choice.mode,
            }))
        }));
    }

    fn line_named(&self, id: Option<u64>) -> Option<(u64, String)> {
        let name = |id| self.publisher.name(id).unwrap_or_default().to_owned();
        id.map(|id| (id, name(id)))
    }

    fn group_named(&self, id: u64) -> (u64, String) {
        let groups = &self.config.groups;
        let known = groups.iter().find(|group| group.id == id);
        (
            id,
            known.map_or_else(String::new, |group| group.name.clone()),
        )
    }

    pub(super) fn class_named(&self, id: u64) -> (u64, String) {
        let classes = &self.config.classes;
        let known = classes.iter().find(|class| class.id == id);
        (
            id,
            known.map_or_else(String::new, |class| class.name.clone()),
        )
    }
}

fn every(own: Option<u32>, config: &Config) -> Duration {
    Duration::from_secs(own.unwrap_or(config.export.interval_s).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(10);

    fn at(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    #[test]
    fn many_that_begin_together_are_told_of_evenly_over_an_interval() {
        let mut exporting = Exporting::default();
        (0..10_000).for_each(|id| exporting.enrol(Subject::Line(id), EVERY, at(0)));
        let mut most = 0;
        for tick in 1..=100 {
            let due = std::iter::from_fn(|| exporting.due(at(100 * tick))).count();
            most = most.max(due);
        }
        assert!((100..=110).contains(&most), "{most} in a hundredth");
        let next = std::iter::from_fn(|| exporting.due(at(20_000))).count();
        assert_eq!(next, 10_000, "once more each");
    }

    #[test]
    fn after_a_pause_what_was_missed_is_told_once_and_the_phase_stays() {
        let mut exporting = Exporting::default();
        exporting.enrol(Subject::Choices, EVERY, at(0));
        let Reverse((first, _)) = exporting.due.peek().cloned().unwrap();
        assert_eq!(exporting.due(first + EVERY * 5), Some(Subject::Choices));
        assert_eq!(exporting.due(first + EVERY * 5), None);
        assert_eq!(exporting.due(first + EVERY * 6), Some(Subject::Choices));
    }

    #[test]
    fn what_is_not_told_of_any_more_is_forgotten_and_told_of_once_when_it_comes_again() {
        let mut exporting = Exporting::default();
        exporting.enrol(Subject::Line(1), EVERY, at(0));
        exporting.enrol(Subject::Line(1), EVERY, at(0));
        assert_eq!(exporting.due.len(), 1);
        exporting.told.remove(&Subject::Line(1));
        assert_eq!(exporting.due(at(20_000)), None);
        assert!(exporting.due.is_empty());
    }
}
