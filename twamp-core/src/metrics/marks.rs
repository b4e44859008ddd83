//! Which marks packets arrived with: TOS octets, TTLs.

use crate::time::Wall;

/// Different marks that are counted each by itself, beside the first one.
const KINDS: usize = 3;

/// The marks of one direction of a stream: the first four kinds by themselves, all others together.
/// Mostly all packets have the same, and no more is kept than that.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    first: u8,
    newest: Option<u8>,
    /// How often the first one came.
    count: u32,
    /// Once a second one has come.
    more: Option<Box<More>>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct More {
    kinds: [(u8, u32); KINDS],
    others: u32,
    changes: u32,
    changed: Wall,
}

impl Marks {
    /// Enters the mark of a packet that arrived at `at`.
    pub fn record(&mut self, mark: u8, at: Wall) {
        let newest = self.newest.replace(mark);
        if newest.is_none() {
            self.first = mark;
        } else if newest != Some(mark) {
            self.more.get_or_insert_default().change(at);
        }
        if mark == self.first {
            self.count = self.count.saturating_add(1);
        } else if let Some(more) = &mut self.more {
            more.record(mark);
        }
    }

    /// That of the packet that arrived last; `None` before any.
    pub fn newest(&self) -> Option<u8> {
        self.newest
    }

    /// Each kind and how often it came, in the order in which they came first.
    pub fn kinds(&self) -> impl Iterator<Item = (u8, u32)> {
        let more = self.more.iter().flat_map(|more| more.kinds);
        let all = std::iter::once((self.first, self.count)).chain(more);
        all.filter(|(_, count)| *count > 0)
    }

    /// Packets with other marks than those of [`kinds`](Self::kinds).
    pub fn others(&self) -> u32 {
        self.more.as_ref().map_or(0, |more| more.others)
    }

    /// How often a packet came with another mark than the one before it.
    pub fn changes(&self) -> u32 {
        self.more.as_ref().map_or(0, |more| more.changes)
    }

    /// When that was so last.
    pub fn changed(&self) -> Option<Wall> {
        self.more.as_ref().map(|more| more.changed)
    }
}

impl More {
    fn change(&mut self, at: Wall) {
        self.changes = self.changes.saturating_add(1);
        self.changed = at;
    }

    fn record(&mut self, mark: u8) {
        let mut kinds = self.kinds.iter_mut();
        match kinds.find(|(kind, count)| *count == 0 || *kind == mark) {
            Some(kind) => *kind = (mark, kind.1.saturating_add(1)),
            None => self.others = self.others.saturating_add(1),
        }
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
