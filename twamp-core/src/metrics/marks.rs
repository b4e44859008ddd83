//! Which marks packets arrived with: TOS octets, TTLs.

use crate::time::Wall;

/// Different marks that are counted each by itself.
const KINDS: usize = 4;

/// The marks of one direction of a stream, of fixed size: the first four kinds by themselves, all
/// others together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    kinds: [(u8, u32); KINDS],
    others: u32,
    changes: u32,
    newest: Option<u8>,
    changed: Wall,
}

impl Marks {
    /// Enters the mark of a packet that arrived at `at`.
    pub fn record(&mut self, mark: u8, at: Wall) {
        if self.newest.is_some_and(|newest| newest != mark) {
            self.changes = self.changes.saturating_add(1);
            self.changed = at;
        }
        self.newest = Some(mark);
        let mut kinds = self.kinds.iter_mut();
        match kinds.find(|(kind, count)| *count == 0 || *kind == mark) {
            Some(kind) => *kind = (mark, kind.1.saturating_add(1)),
            None => self.others = self.others.saturating_add(1),
        }
    }

    /// That of the packet that arrived last; `None` before any.
    pub fn newest(&self) -> Option<u8> {
        self.newest
    }

    /// Each kind and how often it came, in the order in which they came first.
    pub fn kinds(&self) -> impl Iterator<Item = (u8, u32)> {
        self.kinds.into_iter().filter(|(_, count)| *count > 0)
    }

    /// Packets with other marks than those of [`kinds`](Self::kinds).
    pub fn others(&self) -> u32 {
        self.others
    }

    /// How often a packet came with another mark than the one before it.
    pub fn changes(&self) -> u32 {
        self.changes
    }

    /// When that was so last.
    pub fn changed(&self) -> Option<Wall> {
        (self.changes > 0).then_some(self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_kinds_are_counted_each_and_the_others_together() {
        let mut marks = Marks::default();
        assert_eq!((marks.newest(), marks.changed()), (None, None));
        for (at, mark) in (0..).zip([7, 7, 0, 7, 1, 2, 3, 4, 3]) {
            marks.record(mark, Wall(at));
        }
        let kinds: Vec<_> = marks.kinds().collect();
        assert_eq!(kinds, [(7, 3), (0, 1), (1, 1), (2, 1)]);
        assert_eq!((marks.others(), marks.newest()), (3, Some(3)));
        assert_eq!((marks.changes(), marks.changed()), (7, Some(Wall(8))));
    }
}
