//! So many in all, and so many of one peer.

use std::collections::HashMap;
use std::net::IpAddr;

use thiserror::Error;

/// Places of one kind.
#[derive(Debug, Default)]
pub(super) struct Places {
    most: u32,
    most_of_one: u32,
    taken: u32,
    by_peer: HashMap<IpAddr, u32>,
}

/// No place is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub(super) enum Full {
    #[error("it has {0} already, the most for one peer")]
    OfOne(u32),
    #[error("all {0} places are taken")]
    All(u32),
}

impl Places {
    /// Other limits, for whoever comes.
    pub(super) fn limit(&mut self, most: u32, most_of_one: u32) {
        self.most = most;
        self.most_of_one = most_of_one;
    }

    /// Takes a place.
    pub(super) fn take(&mut self, peer: IpAddr) -> Result<(), Full> {
        if self.taken >= self.most {
            return Err(Full::All(self.most));
        }
        let peer = peer.to_canonical();
        if self.by_peer.get(&peer).copied().unwrap_or(0) >= self.most_of_one {
            return Err(Full::OfOne(self.most_of_one));
        }
        *self.by_peer.entry(peer).or_default() += 1;
        self.taken += 1;
        Ok(())
    }

    /// Gives one back that was taken.
    pub(super) fn give_back(&mut self, peer: IpAddr) {
        if let Some(of_peer) = self.by_peer.get_mut(&peer) {
            *of_peer -= 1;
            if *of_peer == 0 {
                self.by_peer.remove(&peer);
            }
            self.taken -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_are_more_taken_than_allowed_and_none_is_forgotten(
            steps in proptest::collection::vec((any::<bool>(), 0_u8..5), 0..200),
            (most, most_of_one) in (0_u32..12, 0_u32..6),
        ) {
            let mut places = Places::default();
            places.limit(most, most_of_one);
            let mut taken = [0_u32; 5];
            for (comes, host) in steps {
                let (peer, of_peer) = (IpAddr::from([192, 0, 2, host]), &mut taken[host as usize]);
                if comes {
                    let full = places.take(peer).is_err();
                    *of_peer += u32::from(!full);
                    prop_assert!(*of_peer <= most_of_one);
                    prop_assert!(!full || *of_peer == most_of_one || places.taken == most);
                } else if *of_peer > 0 {
                    *of_peer -= 1;
                    places.give_back(peer);
                }
                let all: u32 = taken.iter().sum();
                prop_assert_eq!(places.taken, all);
                prop_assert!(all <= most);
            }
            let peers = taken.iter().filter(|of_peer| **of_peer > 0).count();
            prop_assert_eq!(places.by_peer.len(), peers);
        }
    }
}
