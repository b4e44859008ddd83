//! The smallest and the largest of some delays, in ten octets.

/// What is farther from 0 than this is kept as this: nine minutes, nanoseconds.
pub(super) const FARTHEST: i64 = (1 << 39) - 1;

/// Meaningful only beside a count that says how many delays there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extremes {
    min: Nanos,
    max: Nanos,
}

/// Signed, of 40 bits, least octet first.
type Nanos = [u8; 5];

impl Extremes {
    /// Of one delay.
    pub(super) fn of(delay: i64) -> Self {
        let packed = pack(delay);
        Self {
            min: packed,
            max: packed,
        }
    }

    /// With one more delay.
    pub(super) fn with(self, delay: i64) -> Self {
        let (min, max) = self.get();
        Self {
            min: pack(min.min(delay)),
            max: pack(max.max(delay)),
        }
    }

    /// The smallest and the largest, nanoseconds.
    pub(super) fn get(self) -> (i64, i64) {
        (unpack(self.min), unpack(self.max))
    }
}

fn pack(delay: i64) -> Nanos {
    let [a, b, c, d, e, ..] = delay.clamp(-FARTHEST, FARTHEST).to_le_bytes();
    [a, b, c, d, e]
}

fn unpack([a, b, c, d, e]: Nanos) -> i64 {
    i64::from_le_bytes([0, 0, 0, a, b, c, d, e]) >> 24
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_too_far_is_kept_as_the_farthest() {
        let both = Extremes::of(i64::MIN).with(i64::MAX);
        assert_eq!(both.get(), (-FARTHEST, FARTHEST));
    }

    proptest! {
        #[test]
        fn up_to_nine_minutes_they_are_exact(
            delays in proptest::collection::vec(-FARTHEST..=FARTHEST, 1..20),
        ) {
            let first = Extremes::of(delays[0]);
            let all = delays[1..].iter().fold(first, |all, delay| all.with(*delay));
            let expected = (*delays.iter().min().unwrap(), *delays.iter().max().unwrap());
            prop_assert_eq!(all.get(), expected);
        }
    }
}
