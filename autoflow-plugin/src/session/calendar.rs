//! When each session wants to be looked at: a timing wheel.
//!
//! ```text
//!   level 0   64 slots of 1 ms     ◀─┐ when its time has come, the entries
//!   level 1   64 slots of 67 ms    ◀─┤ of a slot move down a level
//!   level 2   64 slots of 4.3 s    ◀─┘
//!   …         up to two years
//! ```
//!
//! A session has one entry. Entries are chained through one array, so that nothing is allocated
//! once all sessions have been there, and each step takes the same time with 10 and with 10,000.

use twamp_core::time::Mono;

/// Nanoseconds of a slot of the lowest level, as a power of two.
const TICK: u32 = 20;
/// Slots of a level, as a power of two.
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 6;
/// No entry.
const NONE: u32 = u32::MAX;

/// The entries of all sessions, by their index.
pub(super) struct Calendar {
    entries: Vec<Entry>,
    /// The first entry of each slot.
    heads: [[u32; SLOTS]; LEVELS],
    /// A bit for each slot that has entries.
    occupied: [u64; LEVELS],
    /// No entry is in a slot before this one; in ticks.
    tick: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    due: Mono,
    before: u32,
    after: u32,
    place: Option<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    level: u8,
    slot: u8,
}

impl Calendar {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            heads: [[NONE; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            tick: 0,
        }
    }

    /// Look at session `index` at `due`, and not when it was entered for before.
    pub(super) fn set(&mut self, index: u32, due: Mono) {
        self.remove(index);
        let least = index as usize + 1;
        if self.entries.len() < least {
            let empty = Entry {
                due,
                before: NONE,
                after: NONE,
                place: None,
            };
            self.entries.resize(least, empty);
        }
        self.entries[index as usize].due = due;
        self.link(index);
    }

    /// Don't look at it.
    pub(super) fn remove(&mut self, index: u32) {
        if let Some(entry) = self.entries.get_mut(index as usize)
            && let Some(place) = entry.place.take()
        {
            let Entry { before, after, .. } = *entry;
            self.unlink(place, before, after);
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Mono> {
        let place = self.first()?;
        self.chain(place).map(|(_, due)| due).min()
    }

    /// A session whose time has come.
    pub(super) fn pop(&mut self, now: Mono) -> Option<u32> {
        loop {
            let place = self.first()?;
            if place.level == 0 {
                let due = self.chain(place).find(|(_, due)| *due <= now);
                let (index, _) = due?;
                self.remove(index);
                return Some(index);
            }
            let start = self.start(place);
            if start > tick_of(now) {
                return None;
            }
            self.tick = start;
            let mut index = self.heads[usize::from(place.level)][usize::from(place.slot)];
            while index != NONE {
                let after = self.entries[index as usize].after;
                self.remove(index);
                self.link(index);
                index = after;
            }
        }
    }

    /// The first slot with entries. Those of a level all come before those of the next.
    fn first(&self) -> Option<Place> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        Some(Place {
            level: level as u8,
            slot: self.occupied[level].trailing_zeros() as u8,
        })
    }

    /// The entries of a slot.
    fn chain(&self, place: Place) -> impl Iterator<Item = (u32, Mono)> {
        let mut index = self.heads[usize::from(place.level)][usize::from(place.slot)];
        std::iter::from_fn(move || {
            let found = self.entries.get(index as usize)?;
            let this = (index, found.due);
            index = found.after;
            Some(this)
        })
    }

    /// The first tick of a slot.
    fn start(&self, place: Place) -> u64 {
        let shift = BITS * u32::from(place.level);
        let round = self.tick >> (shift + BITS) << BITS;
        (round | u64::from(place.slot)) << shift
    }

    /// By the highest digit in which its time is another than now.
    fn place(&self, due: Mono) -> Place {
        let last = self.tick | ((1 << (BITS * LEVELS as u32)) - 1);
        let tick = tick_of(due).clamp(self.tick, last);
        let differing = (tick ^ self.tick) | 1;
        let level = differing.ilog2() / BITS;
        Place {
            level: level as u8,
            slot: (tick >> (BITS * level)) as u8 % SLOTS as u8,
        }
    }

    fn link(&mut self, index: u32) {
        let place = self.place(self.entries[index as usize].due);
        let (level, slot) = (usize::from(place.level), usize::from(place.slot));
        let after = std::mem::replace(&mut self.heads[level][slot], index);
        self.occupied[level] |= 1 << slot;
        if let Some(after) = self.entries.get_mut(after as usize) {
            after.before = index;
        }
        let entry = &mut self.entries[index as usize];
        (entry.before, entry.after, entry.place) = (NONE, after, Some(place));
    }

    fn unlink(&mut self, place: Place, before: u32, after: u32) {
        if let Some(after) = self.entries.get_mut(after as usize) {
            after.before = before;
        }
        if let Some(before) = self.entries.get_mut(before as usize) {
            before.after = after;
            return;
        }
        let (level, slot) = (usize::from(place.level), usize::from(place.slot));
        self.heads[level][slot] = after;
        if after == NONE {
            self.occupied[level] &= !(1 << slot);
        }
    }
}

fn tick_of(time: Mono) -> u64 {
    time.nanos() >> TICK
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_has_one_time_the_last_one() {
        let mut calendar = Calendar::new();
        calendar.set(3, Mono(5_000_000));
        calendar.set(3, Mono(9_000_000_000));
        assert_eq!(calendar.next(), Some(Mono(9_000_000_000)));
        assert_eq!(calendar.pop(Mono(8_999_999_999)), None);
        assert_eq!(calendar.pop(Mono(9_000_000_000)), Some(3));
        assert_eq!(
            (calendar.next(), calendar.pop(Mono(u64::MAX))),
            (None, None)
        );
    }

    #[test]
    fn what_is_due_in_a_thousand_years_is_not_due_today() {
        let mut calendar = Calendar::new();
        calendar.set(0, Mono(u64::MAX));
        assert_eq!(calendar.pop(Mono(1 << 50)), None);
        assert_eq!(calendar.next(), Some(Mono(u64::MAX)));
        assert_eq!(calendar.pop(Mono(u64::MAX)), Some(0));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u32, u64),
        Remove(u32),
        Advance(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let span = || (0u32..44, 1u64..1_000).prop_map(|(bits, of)| (of << bits) / 1_000);
        prop_oneof![
            4 => (0u32..20, span()).prop_map(|(index, ahead)| Step::Set(index, ahead)),
            1 => (0u32..20).prop_map(Step::Remove),
            3 => span().prop_map(Step::Advance),
        ]
    }

    proptest! {
        #[test]
        fn what_is_due_comes_and_nothing_else(
            began in 0u64..1 << 50,
            steps in prop::collection::vec(step(), 1..200),
        ) {
            let (mut calendar, mut model) = (Calendar::new(), BTreeMap::new());
            let mut now = began;
            for step in steps {
                match step {
                    Step::Set(index, ahead) => {
                        calendar.set(index, Mono(now + ahead));
                        model.insert(index, now + ahead);
                    }
                    Step::Remove(index) => {
                        calendar.remove(index);
                        model.remove(&index);
                    }
                    Step::Advance(by) => {
                        now += by;
                        let mut came = Vec::new();
                        while let Some(index) = calendar.pop(Mono(now)) {
                            came.push(index);
                        }
                        came.sort_unstable();
                        let due: Vec<u32> = model
                            .extract_if(.., |_, due| *due <= now)
                            .map(|(index, _)| index)
                            .collect();
                        prop_assert_eq!(came, due);
                    }
                }
                prop_assert_eq!(calendar.next(), model.values().min().copied().map(Mono));
            }
        }
    }
}
