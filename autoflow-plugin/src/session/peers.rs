//! Whose reply it is that comes by a path from an address: one look-up a packet.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddr;

use crate::net::Path;

/// The sessions of one probe thread, by where their replies come from.
///
/// Only far ends that this host was told to probe are in it, so nobody else can choose what its
/// keys are, and the hash need not withstand that.
#[derive(Default)]
pub(super) struct Peers(HashMap<(Path, SocketAddr), u32, BuildHasherDefault<Mixer>>);

impl Peers {
    pub(super) fn insert(&mut self, path: Path, from: SocketAddr, index: u32) {
        self.0.insert((path, from), index);
    }

    /// Forgets it, unless another session has taken its place.
    pub(super) fn remove(&mut self, path: Path, from: SocketAddr, index: u32) {
        if self.get(path, from) == Some(index) {
            self.0.remove(&(path, from));
        }
    }

    pub(super) fn get(&self, path: Path, from: SocketAddr) -> Option<u32> {
        self.0.get(&(path, from)).copied()
    }
}

/// Folds the product of what was and what comes, a word at a time.
#[derive(Default)]
struct Mixer(u64);

/// No word of a key is likely to be this: it would end in 0.
const SALT: u64 = 0x2545_f491_4f6c_dd1d;

impl Mixer {
    fn mix(&mut self, word: u64) {
        let mixed = u128::from(self.0 ^ word ^ SALT) * 0x9e37_79b9_7f4a_7c15_u128;
        self.0 = mixed as u64 ^ (mixed >> 64) as u64;
    }
}

impl Hasher for Mixer {
    fn write(&mut self, octets: &[u8]) {
        for chunk in octets.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_ne_bytes(word) ^ (chunk.len() as u64) << 56);
        }
    }

    fn write_u16(&mut self, word: u16) {
        self.mix(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.mix(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::Hash;

    use super::*;
    use crate::net::{Net, PathSpec};

    #[test]
    fn far_ends_that_differ_little_are_told_apart_by_both_ends_of_their_digest() {
        let mut digests = [HashSet::new(), HashSet::new()];
        for host in 0..=255u8 {
            for port in 20_000..20_016u16 {
                let mut mixer = Mixer::default();
                SocketAddr::from(([10, 0, 0, host], port)).hash(&mut mixer);
                digests[0].insert(mixer.finish() >> 57 << 12 | mixer.finish() & 0xfff);
                digests[1].insert(mixer.finish() & 0xffff);
            }
        }
        // At random, 4,096 would have 3,970 different values of 16 bits.
        assert!(digests[0].len() > 3_900, "{}", digests[0].len());
        assert!(digests[1].len() > 3_700, "{}", digests[1].len());
    }

    #[test]
    fn who_was_replaced_takes_nothing_with_it() {
        let (mut net, _) = Net::<()>::new().unwrap();
        let spec = PathSpec::new("127.0.0.1:0".parse().unwrap());
        let (path, _) = net.open(&spec).unwrap();
        let from = "192.0.2.1:862".parse().unwrap();
        let mut peers = Peers::default();
        peers.insert(path, from, 1);
        peers.insert(path, from, 2);
        peers.remove(path, from, 1);
        assert_eq!(peers.get(path, from), Some(2));
        peers.remove(path, from, 2);
        assert_eq!(peers.get(path, from), None);
    }
}
