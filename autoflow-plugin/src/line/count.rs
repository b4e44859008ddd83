//! How many probes of one kind a slice has, in three octets.

/// Up to 16,777,215, and no more from there on. A slice has four million at most: it lasts a
/// twentieth of a day, and a line sends no more than a thousand probes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count([u8; 3]);

impl Count {
    const MOST: u32 = (1 << 24) - 1;

    pub(super) fn get(self) -> u32 {
        let [a, b, c] = self.0;
        u32::from_le_bytes([a, b, c, 0])
    }

    pub(super) fn add_one(&mut self) {
        let [a, b, c, _] = (self.get() + 1).min(Self::MOST).to_le_bytes();
        self.0 = [a, b, c];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_to_its_end_and_stays_there() {
        let mut count = Count::default();
        for expected in 1..=Count::MOST {
            count.add_one();
            assert_eq!(count.get(), expected);
        }
        count.add_one();
        assert_eq!(count.get(), Count::MOST);
    }
}
