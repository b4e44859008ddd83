//! Packets that were overtaken (RFC 4737).
//!
//! A packet is reordered if one with a larger number arrived before it; its *extent* is how many
//! arrivals back the first such packet lies. Only distinct packets count: enter no duplicates.

use std::collections::{BTreeMap, VecDeque};

/// How many runs are remembered to tell the extent. Beyond, the extent is a lower bound.
const RUNS: usize = 256;

/// Reordering of one stream, in order of arrival. For the way back: enter the reflector's numbers.
#[derive(Clone, Debug, Default)]
pub struct Reordering {
    arrivals: u64,
    reordered: u64,
    max_extent: u64,
    /// The packets that arrived in order, ascending. The first packet larger than a reordered one is
    /// always one of these. A stream without loss is one run, however long: most arrivals touch
    /// nothing but this.
    newest: Option<Run>,
    older: VecDeque<Run>,
}

/// Packets that arrived one right after the other, with numbers one right after the other.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Of the first of them.
    number: u64,
    arrival: u64,
    /// How many more.
    more: u64,
}

impl Reordering {
    /// Enters the number of the next distinct packet to arrive. Returns its extent if reordered.
    pub fn record(&mut self, number: u64) -> Option<u64> {
        let arrival = self.arrivals;
        self.arrivals += 1;
        let Some(newest) = &mut self.newest else {
            self.newest = Some(Run::starting_with(number, arrival));
            return None;
        };
        if number >= newest.last() {
            if !newest.goes_on_with(number, arrival) {
                let ended = std::mem::replace(newest, Run::starting_with(number, arrival));
                self.keep(ended);
            }
            return None;
        }
        let first = self.older.partition_point(|run| run.last() <= number);
        let run = self.older.get(first).unwrap_or(newest);
        let extent = arrival - run.first_above(number);
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
        self.newest = None;
        self.older.clear();
    }

    fn keep(&mut self, run: Run) {
        if self.older.len() + 1 == RUNS {
            self.older.pop_front();
        }
        self.older.push_back(run);
    }
}

impl Run {
    fn starting_with(number: u64, arrival: u64) -> Run {
        Run {
            number,
            arrival,
            more: 0,
        }
    }

    /// The highest number.
    fn last(&self) -> u64 {
        self.number + self.more
    }

    /// Takes the next packet in, if it belongs here.
    fn goes_on_with(&mut self, number: u64, arrival: u64) -> bool {
        let next = self.more + 1;
        let fits = Some(number) == self.number.checked_add(next) && arrival == self.arrival + next;
        self.more += u64::from(fits);
        fits
    }

    /// When the first of its packets above `number` arrived. The last one must be.
    fn first_above(&self, number: u64) -> u64 {
        self.arrival + (number + 1).saturating_sub(self.number)
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
        if self.held.is_empty() && reflector <= self.next {
            // In order, as nearly all are.
            return self.pass(reflector, sequence);
        }
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
        self.pass(reflector, sequence);
        true
    }

    fn pass(&mut self, reflector: u64, sequence: u64) {
        self.next = self.next.max(reflector.saturating_add(1));
        self.stream.record(sequence);
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
    fn a_stream_in_order_is_one_run_and_the_extent_is_told_within_it() {
        let mut stream = Reordering::default();
        let gapless = (0..1_000).chain(1_001..2_000);
        assert!(gapless.into_iter().all(|n| stream.record(n).is_none()));
        assert_eq!(stream.older.len(), 1);
        // Overtaken by the 999 after the gap.
        assert_eq!(stream.record(1_000), Some(999));
    }

    #[test]
    fn memory_stays_bounded() {
        let mut stream = Reordering::default();
        (0..10_000).for_each(|n| _ = stream.record(2 * n));
        assert!(stream.older.len() < RUNS);
        // The run that it belongs behind is forgotten: at least as far as those that are known.
        assert_eq!(stream.record(1), Some(RUNS as u64));
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
