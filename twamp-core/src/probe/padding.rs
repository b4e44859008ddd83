//! Padding that a line can't compress.

/// Pseudo-random octets from a xorshift64* generator (Vigna, 2016). Not for secrets: it knows
/// nothing of any key.
#[derive(Clone, Debug)]
pub(super) struct Padding(u64);

impl Padding {
    pub(super) fn new(seed: u64) -> Self {
        // The generator would stay at 0 for ever.
        Padding(if seed == 0 {
            0x9e37_79b9_7f4a_7c15
        } else {
            seed
        })
    }

    pub(super) fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let octets = self.next().to_be_bytes();
            chunk.copy_from_slice(&octets[..chunk.len()]);
        }
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_octets_and_each_call_new_ones() {
        let (mut a, mut b) = (Padding::new(7), Padding::new(7));
        let (mut first, mut second) = ([0; 13], [0; 13]);
        a.fill(&mut first);
        b.fill(&mut second);
        assert_eq!(first, second);
        b.fill(&mut second);
        assert_ne!(first, second);
    }

    #[test]
    fn seed_zero_is_random_too() {
        let mut octets = [0; 64];
        Padding::new(0).fill(&mut octets);
        assert!(octets.iter().filter(|&&o| o == 0).count() < 8);
    }
}
