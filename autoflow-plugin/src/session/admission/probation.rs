//! Connections that have not said their part of the set-up.
//!
//! A client says it one round trip after it was greeted; who says nothing for ten seconds is
//! dropped (`set_up_timeout`). Until then a flood of silent connections could hold every place, so
//! there is a limit on those who wait, and a newcomer is let in at the cost of another one: of its
//! own address, if that has a fair share of the room already, else of the oldest of all. So one
//! address, or a few, displace only their own, and an honest client is displaced only if
//! [`ROOM`] others come within its one round trip.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

use tokio::task::AbortHandle;

/// Connections that wait, at most.
const ROOM: usize = 4_096;
/// Of them, of one address: behind one NAT many may come back at the same time.
const OF_ONE: usize = ROOM / 4;

/// Those who wait, in the order in which they came. `T` is what ends one.
#[derive(Debug)]
pub(super) struct Waiting<T = AbortHandle> {
    next: u64,
    all: BTreeMap<u64, (IpAddr, T)>,
    /// Tickets by address; some have left already.
    by_peer: HashMap<IpAddr, VecDeque<u64>>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            next: 0,
            all: BTreeMap::new(),
            by_peer: HashMap::new(),
        }
    }
}

impl<T> Waiting<T> {
    /// A ticket for somebody who will [`enter`](Self::enter).
    pub(super) fn ticket(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// One more waits. Answers who has to go for it.
    pub(super) fn enter(&mut self, ticket: u64, peer: IpAddr, task: T) -> Option<(IpAddr, T)> {
        let own = self.by_peer.get(&peer);
        let crowded = own.filter(|own| own.len() >= OF_ONE);
        let victim = match crowded.and_then(VecDeque::front) {
            Some(oldest) => self.leave(*oldest),
            None if self.all.len() >= ROOM => self.oldest(),
            None => None,
        };
        self.all.insert(ticket, (peer, task));
        self.by_peer.entry(peer).or_default().push_back(ticket);
        victim
    }

    /// The one who waits longest goes.
    pub(super) fn oldest(&mut self) -> Option<(IpAddr, T)> {
        let oldest = self.all.keys().next().copied()?;
        self.leave(oldest)
    }

    /// Waits no more.
    pub(super) fn leave(&mut self, ticket: u64) -> Option<(IpAddr, T)> {
        let (peer, task) = self.all.remove(&ticket)?;
        if let Some(own) = self.by_peer.get_mut(&peer) {
            // Sorted: tickets only grow.
            if let Ok(place) = own.binary_search(&ticket) {
                own.remove(place);
            }
            if own.is_empty() {
                self.by_peer.remove(&peer);
            }
        }
        Some((peer, task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u16) -> IpAddr {
        let [high, low] = number.to_be_bytes();
        [127, 1, high, low].into()
    }

    fn enter(waiting: &mut Waiting<u64>, peer: IpAddr) -> Option<(IpAddr, u64)> {
        let ticket = waiting.ticket();
        waiting.enter(ticket, peer, ticket)
    }

    #[test]
    fn a_crowd_of_one_address_displaces_its_own_oldest_and_nobody_else() {
        let mut waiting = Waiting::default();
        assert_eq!(enter(&mut waiting, host(1)), None);
        for _ in 0..OF_ONE {
            assert_eq!(enter(&mut waiting, host(2)), None);
        }
        let displaced: Vec<_> = (0..3).map(|_| enter(&mut waiting, host(2))).collect();
        let own = |ticket| Some((host(2), ticket));
        assert_eq!(displaced, [own(2), own(3), own(4)]);
        assert_eq!(enter(&mut waiting, host(3)), None);
    }

    #[test]
    fn of_a_crowd_of_many_addresses_the_oldest_goes() {
        let mut waiting = Waiting::default();
        for number in 0..ROOM as u16 {
            assert_eq!(enter(&mut waiting, host(number)), None);
        }
        assert_eq!(enter(&mut waiting, host(9_999)), Some((host(0), 1)));
        waiting.leave(2);
        assert_eq!(enter(&mut waiting, host(9_999)), None, "one has left");
        assert_eq!(waiting.all.len(), ROOM);
        assert_eq!(enter(&mut waiting, host(9_999)), Some((host(2), 3)));
    }

    #[test]
    fn whoever_has_left_leaves_nothing_behind() {
        let mut waiting = Waiting::default();
        for number in 0..10 {
            enter(&mut waiting, host(number % 3));
        }
        for ticket in [5, 1, 2, 10, 7, 3, 4, 6, 9, 8] {
            assert_eq!(waiting.leave(ticket).map(|(_, task)| task), Some(ticket));
            assert_eq!(waiting.leave(ticket), None);
        }
        assert!(waiting.by_peer.is_empty());
        assert_eq!(waiting.oldest(), None);
    }
}
