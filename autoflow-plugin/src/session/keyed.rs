//! What belongs to sessions, by their keys.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::Key;

/// A map by session. Thousands of look-ups come with each report.
pub(crate) type Keyed<T> = HashMap<Key, T, BuildHasherDefault<Spread>>;

/// Keys are numbers that this process counts up, and nobody outside can choose one: to spread them
/// takes one multiplication.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u64((*octet).into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        // 2⁶⁴ divided by the golden ratio.
        let spread = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // A table looks at both ends of it.
        self.0 = spread ^ (spread >> 32);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;

    #[test]
    fn keys_in_a_row_fall_apart_at_both_ends() {
        let hash = |key| BuildHasherDefault::<Spread>::default().hash_one(Key(key));
        let places = |place: fn(u64) -> u64| {
            let places: HashSet<u64> = (1..=1_024).map(hash).map(place).collect();
            places.len()
        };
        assert!(places(|hash| hash % 1_024) > 600);
        assert!(places(|hash| hash >> 57) == 128);
    }
}
