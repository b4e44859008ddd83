//! Work that waits, in turns: each peer that has some gets one piece done before any gets its
//! second. So a crowd of one address, honest or not, delays itself and nobody else.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Pieces that wait, at most. A core does about a thousand a second, and a client waits 15 s.
const ROOM: usize = 4_096;
/// Of them, of one peer: whoever connects can ask for work before proving anything. Behind one NAT
/// a thousand may come back at the same time.
const OF_ONE: usize = ROOM / 4;

/// Who has asked; `None`: this end itself.
pub(super) type Asker = Option<IpAddr>;

/// Work that waits.
#[derive(Debug)]
pub(super) struct Queue<T> {
    work: HashMap<Asker, VecDeque<T>>,
    /// Whose turn is next. Each of `work` stands here once.
    turns: VecDeque<Asker>,
    len: usize,
}

/// There is no room for more work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            work: HashMap::new(),
            turns: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> Queue<T> {
    /// One more piece waits. Without room it takes the place of the last piece of whoever has
    /// most, unless that is the asker; the answer is what has lost its place.
    pub(super) fn push(&mut self, asker: Asker, piece: T) -> Result<Option<T>, Full> {
        let own = self.work.get(&asker).map_or(0, VecDeque::len);
        if asker.is_some() && own >= OF_ONE {
            return Err(Full);
        }
        let displaced = match self.len >= ROOM {
            true => Some(self.displace(own)?),
            false => None,
        };
        match self.work.entry(asker) {
            Entry::Occupied(own) => own.into_mut().push_back(piece),
            Entry::Vacant(place) => {
                place.insert(VecDeque::from([piece]));
                self.turns.push_back(asker);
            }
        }
        self.len += 1;
        Ok(displaced)
    }

    /// The next piece.
    pub(super) fn pop(&mut self) -> Option<T> {
        let asker = self.turns.pop_front()?;
        let own = self.work.get_mut(&asker)?;
        let piece = own.pop_front();
        match own.is_empty() {
            true => drop(self.work.remove(&asker)),
            false => self.turns.push_back(asker),
        }
        self.len -= 1;
        piece
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Nothing waits any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Looks at everybody who waits, but only where there is no room.
    fn displace(&mut self, own: usize) -> Result<T, Full> {
        let most = self.work.values_mut().max_by_key(|work| work.len());
        // Two at least: nobody loses the only piece.
        let most = most.filter(|most| most.len() > own + 1).ok_or(Full)?;
        let piece = most.pop_back().ok_or(Full)?;
        self.len -= 1;
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(number: u16) -> Asker {
        let [high, low] = number.to_be_bytes();
        Some([127, 1, high, low].into())
    }

    #[test]
    fn each_peer_has_its_turn_whatever_waits_of_another() {
        let mut queue = Queue::default();
        for piece in 0..4 {
            queue.push(peer(1), (1, piece)).unwrap();
        }
        queue.push(peer(2), (2, 0)).unwrap();
        queue.push(None, (0, 0)).unwrap();
        queue.push(peer(2), (2, 1)).unwrap();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(
            order,
            [(1, 0), (2, 0), (0, 0), (1, 1), (2, 1), (1, 2), (1, 3)]
        );
    }

    #[test]
    fn two_thousand_peers_at_once_all_have_room() {
        let mut queue = Queue::default();
        assert!((0..2_000).all(|number| queue.push(peer(number), ()) == Ok(None)));
    }

    #[test]
    fn a_crowd_is_limited_and_makes_room_for_whoever_has_less() {
        let mut queue = Queue::default();
        for number in 0..4 {
            for piece in 0..OF_ONE {
                assert_eq!(queue.push(peer(number), piece), Ok(None));
            }
            assert_eq!(queue.push(peer(number), 0), Err(Full));
        }
        assert_eq!(queue.push(peer(9), 0), Ok(Some(OF_ONE - 1)));
        assert_eq!(queue.len, ROOM);
        let first: Vec<_> = (0..5).filter_map(|_| queue.pop()).collect();
        assert_eq!(first, [0; 5], "the newcomer's turn is the fifth");
    }

    #[test]
    fn where_all_have_the_same_nobody_loses_a_place() {
        let mut queue = Queue::default();
        for number in 0..ROOM as u16 {
            queue.push(peer(number), ()).unwrap();
        }
        assert_eq!(queue.push(peer(u16::MAX), ()), Err(Full));
        assert_eq!(queue.push(peer(1), ()), Err(Full));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_left(
            steps in proptest::collection::vec(proptest::option::of(0_u16..5), 0..300),
        ) {
            let mut queue = Queue::default();
            let (mut pushed, mut popped) = (0, 0);
            for step in steps {
                match step {
                    Some(number) => {
                        prop_assert_eq!(queue.push(peer(number), ()), Ok(None));
                        pushed += 1;
                    }
                    None => popped += usize::from(queue.pop().is_some()),
                }
                prop_assert_eq!(queue.len, pushed - popped);
                prop_assert_eq!(queue.turns.len(), queue.work.len());
            }
            while queue.pop().is_some() {
                popped += 1;
            }
            prop_assert_eq!(pushed, popped);
            prop_assert!(queue.work.is_empty() && queue.turns.is_empty());
        }
    }
}
