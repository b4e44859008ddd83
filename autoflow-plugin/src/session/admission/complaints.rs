//! What was refused: all of it is counted, and once a second some of it is told.

use std::time::Duration;

use twamp_core::time::Mono;

/// From one message of a kind to the next, at least.
const SPACING: Duration = Duration::from_secs(1);

/// What somebody is refused for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Complaint {
    /// A connection of nobody we know.
    ForeignConnection,
    /// A packet of nobody we know.
    ForeignPacket,
    /// One connection too many.
    Connection,
    /// A connection not set up, for the sake of another one.
    Evicted,
    /// One session too many.
    Session,
    /// A packet whose reply might come back to us.
    Loop,
    /// A connection whose words no key verifies.
    NotAuthentic,
}

/// All complaints so far.
#[derive(Debug, Default)]
pub(super) struct Complaints([Record; 7]);

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    count: u64,
    /// Of them, told or covered by a message.
    told: u64,
    last: Option<Mono>,
}

impl Complaints {
    /// Counts a complaint; `say` words it, if one of its kind may be told.
    pub(super) fn note(&mut self, complaint: Complaint, now: Mono, say: impl FnOnce() -> String) {
        if let Some(silent) = self.0[complaint as usize].note(now) {
            let sentence = say();
            match silent {
                0 => tracing::warn!("{sentence}"),
                silent => tracing::warn!("{sentence}; {silent} more like this since the last one"),
            }
        }
    }

    /// How many there were.
    pub(super) fn count(&self, complaint: Complaint) -> u64 {
        self.0[complaint as usize].count
    }
}

impl Record {
    /// If it may be told: how many were not since the last that was.
    fn note(&mut self, now: Mono) -> Option<u64> {
        self.count += 1;
        if self.last.is_some_and(|last| now.since(last) < SPACING) {
            return None;
        }
        let silent = self.count - self.told - 1;
        self.told = self.count;
        self.last = Some(now);
        Some(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_a_second_is_told_and_all_are_counted() {
        let mut record = Record::default();
        let mut at = |ms: u64| record.note(Mono(ms * 1_000_000));
        assert_eq!(at(5_000), Some(0));
        assert_eq!([at(5_001), at(5_500), at(5_999)], [None; 3]);
        assert_eq!(at(6_000), Some(3));
        assert_eq!(at(6_001), None);
        assert_eq!(at(60_000), Some(1));
        assert_eq!(record.count, 7);
    }

    #[test]
    fn kinds_are_counted_apart() {
        let mut complaints = Complaints::default();
        for _ in 0..3 {
            complaints.note(Complaint::Loop, Mono(0), || "x".into());
        }
        assert_eq!(complaints.count(Complaint::Loop), 3);
        assert_eq!(complaints.count(Complaint::Session), 0);
    }
}
