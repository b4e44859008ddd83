//! Packets that were overtaken (RFC 4737).
//!
//! A packet is reordered if one with a larger number arrived before it; its *extent* is how many
//! arrivals back the first such packet lies. Only distinct packets count: enter no duplicates.

use std::collections::{BTreeMap, VecDeque};

/// How many leaders are remembered to tell the extent. Beyond, the extent is a lower bound.
const LEADERS: usize = 256;

/// Reordering of one stream, in order of arrival. For the way back: enter the reflector's numbers.
#[derive(Clone, Debug, Default)]
pub struct Reordering {
    arrivals: u64,
    reordered: u64,
    max_extent: u64,
    /// `(number, arrival)` of packets that arrived in order, ascending. The first packet larger
    /// than a reordered one is always one of these.
    leaders: VecDeque<(u64, u64)>,
}

impl Reordering {
    /// Enters the number of the next distinct packet to arrive. Returns its extent if reordered.
    pub fn record(&mut self, number: u64) -> Option<u64> {
        let arrival = self.arrivals;
        self.arrivals += 1;
        if self
            .leaders
            .back()
            .is_none_or(|&(highest, _)| number >= highest)
        {
            if self.leaders.len() == LEADERS {
                self.leaders.pop_front();
            }
            self.leaders.push_back((number, arrival));
            return None;
        }
        let first = self
            .leaders
            .partition_point(|&(leader, _)| leader <= number);
        let extent = self.leaders.get(first).map_or(1, |&(_, at)| arrival - at);
        self.reordered += 1;
        self.max_extent = self.max_extent.max(extent);
        Some(extent)
    }

    /// Distinct packets entered.
    pub fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// How many of them were reordered.
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    /// The largest extent, 0 if none was reordered.
    pub fn max_extent(&self) -> u64 {
        self.max_extent
    }

    /// Begins a new sequence, keeps the counts: the numbers start anew.
    pub fn restart(&mut self) {
        self.leaders.clear();
    }
}

/// How many packets were overtaken, not how far: all of [`Reordering`] that fits in 24 octets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overtaken {
    highest: Option<u64>,
    count: u64,
}

impl Overtaken {
    /// Enters the number of the next distinct packet to arrive.
    pub fn record(&mut self, number: u64) {
        self.count += u64::from(self.highest.is_some_and(|highest| number < highest));
        self.highest = self.highest.max(Some(number));
    }

    /// How many packets arrived after one with a larger number.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Begins a new sequence, keeps the count: the numbers start anew.
    pub fn restart(&mut self) {
        self.highest = None;
    }
}

/// How many replies [`ForwardReordering`] puts in order. Overtaking on the way back by more than
/// this may read as overtaking on the way forward.
const HELD: usize = 64;

/// Reordering on the way forward, told from the replies: sorted by the reflector's number, they
/// show the order in which the probes arrived there.
#[derive(Clone, Debug, Default)]
pub struct ForwardReordering {
    stream: Reordering,
    /// Probe numbers by reflector number, waiting for smaller ones.
    held: BTreeMap<u64, u64>,
    /// The reflector number after the last one passed on.
    next: u64,
}

impl ForwardReordering {
    /// Enters the next reply: its probe's number and its own.
    pub fn record(&mut self, sequence: u64, reflector: u64) {
        self.held.insert(reflector, sequence);
        while let Some(first) = self.held.first_entry() {
            if *first.key() > self.next && self.held.len() <= HELD {
                break;
            }
            self.pass_first();
        }
    }

    /// Results, as if no reply were still on its way.
    pub fn finished(&self) -> Reordering {
        let mut all = self.clone();
        while all.pass_first() {}
        all.stream
    }

    /// Begins a new sequence, keeps the counts: the reflector's numbers start anew.
    pub fn restart(&mut self) {
        while self.pass_first() {}
        self.stream.restart();
        self.next = 0;
    }

    fn pass_first(&mut self) -> bool {
        let Some((reflector, sequence)) = self.held.pop_first() else {
            return false;
        };
        self.next = self.next.max(reflector.saturating_add(1));
        self.stream.record(sequence);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_arrivals_have_known_extents() {
        let mut stream = Reordering::default();
        // The vector 0 1 4 3 4 2 5 without its duplicate 4.
        let extents: Vec<_> = [0, 1, 4, 3, 2, 5].map(|n| stream.record(n)).into();
        assert_eq!(extents, [None, None, None, Some(1), Some(2), None]);
        assert_eq!(
            (stream.reordered(), stream.max_extent(), stream.arrivals()),
            (2, 2, 6)
        );
    }

    #[test]
    fn a_loss_is_not_reordering() {
        let mut stream = Reordering::default();
        assert!([0, 2, 5, 9].into_iter().all(|n| stream.record(n).is_none()));
    }

    #[test]
    fn a_restart_is_not_reordering() {
        let mut stream = Reordering::default();
        stream.record(7);
        stream.restart();
        assert_eq!(stream.record(0), None);
    }

    #[test]
    fn overtaking_on_the_way_back_is_not_overtaking_forward() {
        let (mut forward, mut backward) = (ForwardReordering::default(), Reordering::default());
        for (s, r) in [(0, 0), (2, 2), (1, 1), (3, 3)] {
            forward.record(s, r);
            backward.record(r);
        }
        assert_eq!(
            (forward.finished().reordered(), backward.reordered()),
            (0, 1)
        );
    }

    #[test]
    fn overtaking_on_the_way_forward_is_not_overtaking_back() {
        let (mut forward, mut backward) = (ForwardReordering::default(), Reordering::default());
        for (s, r) in [(0, 0), (2, 1), (1, 2), (3, 3)] {
            forward.record(s, r);
            backward.record(r);
        }
        assert_eq!(
            (forward.finished().reordered(), backward.reordered()),
            (1, 0)
        );
    }

    #[test]
    fn a_lost_reply_does_not_hold_the_others_for_ever() {
        let mut forward = ForwardReordering::default();
        (1..10_000).for_each(|n| forward.record(n, n));
        assert!(forward.held.len() <= HELD);
        assert_eq!(forward.finished().arrivals(), 9_999);
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(keys in proptest::collection::vec(any::<u16>(), 0..150)) {
            let mut order: Vec<u64> = (0..keys.len() as u64).collect();
            order.sort_by_key(|&n| (keys[n as usize], n));
            let mut stream = Reordering::default();
            for (i, &n) in order.iter().enumerate() {
                let first = order[..i].iter().position(|&earlier| earlier > n);
                prop_assert_eq!(stream.record(n), first.map(|j| (i - j) as u64));
            }
        }

        #[test]
        fn as_many_were_overtaken_whether_it_is_known_how_far_or_not(
            keys in proptest::collection::vec(any::<u16>(), 0..150),
            restart in 0usize..150,
        ) {
            let (mut stream, mut overtaken) = (Reordering::default(), Overtaken::default());
            for (i, &number) in keys.iter().enumerate() {
                if i == restart {
                    stream.restart();
                    overtaken.restart();
                }
                stream.record(number.into());
                overtaken.record(number.into());
            }
            prop_assert_eq!(overtaken.count(), stream.reordered());
        }

        #[test]
        fn forward_order_does_not_depend_on_the_way_back(
            forward_keys in proptest::collection::vec(any::<u16>(), 1..60),
            backward_keys in proptest::collection::vec(any::<u16>(), 60),
        ) {
            let mut at_reflector: Vec<u64> = (0..forward_keys.len() as u64).collect();
            at_reflector.sort_by_key(|&n| (forward_keys[n as usize], n));
            let mut truth = Reordering::default();
            at_reflector.iter().for_each(|&n| _ = truth.record(n));
            let mut replies: Vec<_> = at_reflector.into_iter().zip(0u64..).collect();
            replies.sort_by_key(|&(_, r)| (backward_keys[r as usize], r));
            let mut forward = ForwardReordering::default();
            replies.iter().for_each(|&(s, r)| forward.record(s, r));
            let found = forward.finished();
            prop_assert_eq!(found.reordered(), truth.reordered());
            prop_assert_eq!(found.max_extent(), truth.max_extent());
        }
    }
}
