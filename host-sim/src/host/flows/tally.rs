//! The payload of a flow's packet, and how distinct packets are counted.

/// Octets of the header: mark, class, number, big-endian.
pub(super) const HEADER: usize = 24;

/// Marks the packets of these flows.
const MARK: u64 = u64::from_be_bytes(*b"autoflow");

/// Writes the header of a packet; `payload` has at least [`HEADER`] octets.
pub(super) fn write_header(payload: &mut [u8], class: u64, number: u64) {
    for (octets, field) in payload.chunks_exact_mut(8).zip([MARK, class, number]) {
        octets.copy_from_slice(&field.to_be_bytes());
    }
}

/// The number of a packet of `class`; `None`: it is something else.
pub(super) fn read_header(payload: &[u8], class: u64) -> Option<u64> {
    let field = |index: usize| -> Option<u64> {
        let octets = payload.get(index * 8..index * 8 + 8)?;
        Some(u64::from_be_bytes(octets.try_into().ok()?))
    };
    (field(0)? == MARK && field(1)? == class)
        .then(|| field(2))
        .flatten()
}

/// Which of the newest numbers were seen. What is older than the window counts as seen.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// One bit a number, at the number's place modulo [`SPAN`].
    bits: Vec<u64>,
    /// One more than the highest number seen.
    end: u64,
}

/// Numbers that a window reaches back: more than a minute of 1000 packets a second.
const SPAN: u64 = 65_536;

impl Window {
    pub(super) fn new() -> Self {
        Self {
            bits: vec![0; (SPAN / 64) as usize],
            end: 0,
        }
    }

    /// Numbers below or at the highest seen.
    pub(super) fn expected(&self) -> u64 {
        self.end
    }

    /// Whether `number` is seen for the first time.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        if number >= self.end {
            // What enters the window hasn't been seen; at most all of it is new.
            for entering in self.end.max((number + 1).saturating_sub(SPAN))..=number {
                let (word, bit) = place(entering);
                self.bits[word] &= !bit;
            }
            self.end = number + 1;
        } else if self.end - number > SPAN {
            return false;
        }
        let (word, bit) = place(number);
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }
}

fn place(number: u64) -> (usize, u64) {
    let place = number % SPAN;
    ((place / 64) as usize, 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_is_read_back_and_strangers_are_not() {
        let mut payload = [0; HEADER + 5];
        write_header(&mut payload, 3, 77);
        assert_eq!(read_header(&payload, 3), Some(77));
        assert_eq!(read_header(&payload, 4), None, "another class");
        assert_eq!(read_header(&payload[..HEADER - 1], 3), None, "cut off");
        payload[0] ^= 1;
        assert_eq!(read_header(&payload, 3), None, "another sender");
    }

    #[test]
    fn what_is_older_than_the_window_counts_as_seen() {
        let mut window = Window::new();
        assert!(window.insert(0));
        assert!(window.insert(SPAN + 4));
        assert!(!window.insert(4));
        assert!(window.insert(5));
        assert_eq!(window.expected(), SPAN + 5);
    }

    proptest! {
        #[test]
        fn a_window_counts_each_number_once(numbers in prop::collection::vec(0..SPAN, 0..200)) {
            let mut window = Window::new();
            let counted = numbers.iter().filter(|&&number| window.insert(number)).count();
            prop_assert_eq!(counted, numbers.iter().collect::<HashSet<_>>().len());
        }

        #[test]
        fn a_jump_forgets_what_it_leaves_behind(jumps in prop::collection::vec(1..3 * SPAN, 1..20)) {
            let mut window = Window::new();
            let mut number = 0;
            for jump in jumps {
                number += jump;
                prop_assert!(window.insert(number));
                prop_assert!(!window.insert(number));
                prop_assert!(number < SPAN || !window.insert(number - SPAN));
            }
        }
    }
}
