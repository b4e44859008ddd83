//! Chance without state: every random number is a hash of what it is drawn for.
//!
//! There is no generator to advance, so no draw can depend on how many draws others made: the
//! n-th packet of a stream meets the same chance whatever else is on the line.

/// What a number is drawn for. Each purpose has its own number for the same packet, so switching
/// one impairment on doesn't change the draws of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Purpose {
    /// Random loss.
    Loss = 0,
    /// Loss inside a bad spell of the burst chain.
    BurstLoss = 1,
    /// Duplication.
    Duplicate = 2,
    /// Holding back.
    Reorder = 3,
    /// First number of the jitter distribution.
    Jitter = 4,
    /// Second number of the jitter distribution.
    JitterToo = 5,
    /// Room in a crowded queue.
    Crowd = 6,
}

/// Numbers reserved for each packet: at least one for each [`Purpose`].
const PURPOSES: u64 = 8;

/// The increment of splitmix64: 2^64 divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A family of draws named by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draws {
    key: u64,
}

impl Draws {
    /// The family of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            key: mix(seed.wrapping_add(GOLDEN)),
        }
    }

    /// The family of one part (a direction, a stream, a slot of time) of this family.
    pub(super) fn part(self, part: u64) -> Self {
        Self {
            key: mix(self.key ^ mix(part.wrapping_add(GOLDEN))),
        }
    }

    /// The family of a named part of this family.
    pub(super) fn named(self, name: &str) -> Self {
        // FNV-1a; `part` then mixes it.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        self.part(hash)
    }

    /// The number of the `n`-th packet for one purpose, uniform in `[0, 1)`.
    pub(super) fn packet(self, n: u64, purpose: Purpose) -> f64 {
        self.number(n.wrapping_mul(PURPOSES).wrapping_add(purpose as u64))
    }

    /// The `i`-th number of this family, uniform in `[0, 1)`.
    pub(super) fn number(self, i: u64) -> f64 {
        let bits = mix(self
            .key
            .wrapping_add(GOLDEN.wrapping_mul(i.wrapping_add(1))));
        // The upper 53 bits: every such value is exact in an f64.
        (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }
}

/// A number of `[0, 1)` that follows from `key` alone.
#[must_use]
pub fn uniform(key: &[u64]) -> f64 {
    let draws = key
        .iter()
        .fold(Draws::new(0), |draws, part| draws.part(*part));
    draws.number(0)
}

/// The output function of splitmix64 (Steele, Lea, Flood 2014; constants by Stafford).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // First outputs of splitmix64 from state 0 (Vigna's reference code).
        assert_eq!(mix(GOLDEN), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(GOLDEN.wrapping_mul(2)), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn numbers_fill_the_unit_interval_evenly() {
        let draws = Draws::new(1).named("a").part(3);
        let mut bins = [0_u32; 20];
        for n in 0..200_000 {
            bins[(draws.packet(n, Purpose::Jitter) * 20.0) as usize] += 1;
        }
        // Chi-square with 19 degrees of freedom: above 55 has probability 2e-5.
        let chi: f64 = bins
            .iter()
            .map(|&count| (f64::from(count) - 10_000.0).powi(2) / 10_000.0)
            .sum();
        assert!(chi < 55.0, "chi-square {chi}");
    }

    #[test]
    fn purposes_and_parts_are_independent() {
        let draws = Draws::new(7);
        let (mut purposes, mut parts, mut next) = (0.0, 0.0, 0.0);
        let n = 100_000_u64;
        for i in 0..n {
            let x = draws.part(1).packet(i, Purpose::Loss) - 0.5;
            purposes += x * (draws.part(1).packet(i, Purpose::Duplicate) - 0.5);
            parts += x * (draws.part(2).packet(i, Purpose::Loss) - 0.5);
            next += x * (draws.part(1).packet(i + 1, Purpose::Loss) - 0.5);
        }
        // Each product has variance 1/144, so a correlation's standard error is 1/√n.
        for sum in [purposes, parts, next] {
            let correlation = 12.0 * sum / n as f64;
            assert!(correlation.abs() < 4.5 / (n as f64).sqrt(), "{correlation}");
        }
    }
}
