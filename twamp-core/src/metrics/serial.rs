//! Sequence numbers: from 32 bits to 64, and which ones were seen.

use std::collections::VecDeque;

/// The 64-bit number that ends in `wire` and lies nearest to `near` (RFC 1982).
///
/// Never wraps below 0: near the start, a number "before 0" is read as one far ahead.
pub fn unwrap(near: u64, wire: u32) -> u64 {
    let distance = wire.wrapping_sub(near as u32) as i32;
    near.checked_add_signed(distance.into())
        .unwrap_or(wire.into())
}

/// Which numbers of a growing sequence were seen, and how many different ones.
///
/// Counts are exact over the whole sequence. Whether a *single* number was seen is remembered for
/// the last `remembered` numbers only (one bit each); an older one is [`Mark::Forgotten`].
#[derive(Clone, Debug)]
pub struct Seen {
    first: u64,
    /// One past the highest number seen.
    next: u64,
    distinct: u64,
    /// One bit a number, blocks of 64 aligned to multiples of 64; the last holds `next - 1`.
    blocks: VecDeque<u64>,
    remembered: u64,
}

/// What [`Seen::mark`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The first time.
    New,
    /// Seen before.
    Again,
    /// Too far back to know, or before the first number. Nothing was counted.
    Forgotten,
}

impl Seen {
    /// Nothing seen yet of a sequence that starts at `first`.
    pub fn starting_at(first: u64, remembered: usize) -> Self {
        Seen {
            first,
            next: first,
            distinct: 0,
            blocks: VecDeque::new(),
            remembered: remembered.max(1) as u64,
        }
    }

    /// Marks `number` as seen.
    pub fn mark(&mut self, number: u64) -> Mark {
        if number < self.first {
            return Mark::Forgotten;
        }
        if number >= self.next {
            self.grow_to(number);
        }
        let bit = 1 << (number % 64);
        match self.block_mut(number) {
            None => Mark::Forgotten,
            Some(block) if *block & bit != 0 => Mark::Again,
            Some(block) => {
                *block |= bit;
                self.distinct += 1;
                Mark::New
            }
        }
    }

    /// Whether `number` is remembered as seen; `None` when forgotten.
    pub fn contains(&self, number: u64) -> Option<bool> {
        if number >= self.next {
            return Some(false);
        }
        let back = self.blocks_back(number);
        let index = self.blocks.len().checked_sub(back)?;
        Some(self.blocks.get(index)? & 1 << (number % 64) != 0)
    }

    /// The number with which the stream begins.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The highest number seen.
    pub fn highest(&self) -> Option<u64> {
        (self.distinct > 0).then(|| self.next - 1)
    }

    /// How many different numbers were seen.
    pub fn distinct(&self) -> u64 {
        self.distinct
    }

    /// How many numbers from the first to the highest were not seen.
    pub fn gaps(&self) -> u64 {
        self.next - self.first - self.distinct
    }

    /// Moves the window so that `number` is its last.
    fn grow_to(&mut self, number: u64) {
        let fresh = match self.blocks.is_empty() {
            true => number / 64 - self.first / 64 + 1,
            false => number / 64 - (self.next - 1) / 64,
        };
        let capacity = self.remembered.div_ceil(64) + 1;
        if fresh >= capacity {
            self.blocks.clear();
        }
        for _ in 0..fresh.min(capacity) {
            if self.blocks.len() as u64 == capacity {
                self.blocks.pop_front();
            }
            self.blocks.push_back(0);
        }
        self.next = number.saturating_add(1);
    }

    fn block_mut(&mut self, number: u64) -> Option<&mut u64> {
        let index = self.blocks.len().checked_sub(self.blocks_back(number))?;
        self.blocks.get_mut(index)
    }

    /// 1 for the last block, 2 for the one before. `number` must be below `next`.
    fn blocks_back(&self, number: u64) -> usize {
        ((self.next - 1) / 64 - number / 64) as usize + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_go_on_counting_across_the_32_bit_wrap() {
        assert_eq!(unwrap(0xffff_ffff, 0), 0x1_0000_0000);
        assert_eq!(unwrap(0x1_0000_0005, 0xffff_fffe), 0xffff_fffe);
        assert_eq!(unwrap(7, 3), 3);
    }

    #[test]
    fn a_number_before_zero_is_read_as_one_far_ahead() {
        assert_eq!(unwrap(5, 0xffff_fffe), 0xffff_fffe);
    }

    #[test]
    fn gaps_are_numbers_between_the_first_and_the_highest() {
        let mut seen = Seen::starting_at(0, 64);
        assert_eq!((seen.highest(), seen.gaps()), (None, 0));
        for n in [1, 4, 1] {
            seen.mark(n);
        }
        assert_eq!(
            (seen.highest(), seen.distinct(), seen.gaps()),
            (Some(4), 2, 3)
        );
    }

    #[test]
    fn a_number_older_than_the_window_is_forgotten_but_stays_counted() {
        let mut seen = Seen::starting_at(0, 64);
        seen.mark(0);
        seen.mark(1_000_000);
        assert_eq!(seen.mark(0), Mark::Forgotten);
        assert_eq!(seen.contains(0), None);
        assert_eq!((seen.distinct(), seen.gaps()), (2, 999_999));
    }

    #[test]
    fn a_number_before_the_first_is_not_counted() {
        let mut seen = Seen::starting_at(10, 64);
        assert_eq!(seen.mark(9), Mark::Forgotten);
        assert_eq!(seen.mark(10), Mark::New);
        assert_eq!(seen.gaps(), 0);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut seen = Seen::starting_at(0, 128);
        (0..100_000).for_each(|n| _ = seen.mark(n));
        assert!(seen.blocks.len() <= 3);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_while_numbers_are_remembered(
            first in 0u64..200,
            steps in proptest::collection::vec(0u64..256, 1..200),
        ) {
            let mut seen = Seen::starting_at(first, 256);
            let mut set = HashSet::new();
            for step in steps {
                let number = first + step;
                prop_assert_eq!(seen.contains(number), Some(set.contains(&number)));
                let expected = if set.insert(number) { Mark::New } else { Mark::Again };
                prop_assert_eq!(seen.mark(number), expected);
                prop_assert_eq!(seen.distinct(), set.len() as u64);
                let top = set.iter().max().copied();
                prop_assert_eq!(seen.highest(), top);
                prop_assert_eq!(seen.gaps(), top.unwrap() - first + 1 - set.len() as u64);
            }
        }

        #[test]
        fn unwrapping_undoes_cutting_while_near(
            near in 1u64 << 31..1 << 60,
            off in -(1i64 << 31)..1 << 31,
        ) {
            let number = near.checked_add_signed(off).unwrap();
            prop_assert_eq!(unwrap(near, number as u32), number);
        }
    }
}
