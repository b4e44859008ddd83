//! The newest slices of time, in place.

use std::ops::Range;
use std::time::Duration;

use twamp_core::time::Mono;

/// A span is cut into so many slices: the newest one is at most 5 % of it.
pub(super) const SLICES: u64 = 20;

/// The slices of a rolling span of time. Its memory is taken once.
#[derive(Clone, Debug)]
pub(super) struct Ring<S> {
    span: Duration,
    /// Of one slice, nanoseconds.
    width: u64,
    /// The number of the newest slice that something was entered in. Those before it, as many as
    /// there are slots, are known as well; slice `n` stands at `n % len`.
    newest: u64,
    /// How often something was entered in a slice that was not the newest.
    rewritten: u32,
    slots: Box<[S]>,
}

/// What the slices of a span add up to. Those that were over at the last look are not added up
/// again while nothing is entered in them.
#[derive(Clone, Debug)]
pub(super) struct Running<T> {
    /// The number of the first, and how many.
    over: (u64, u32),
    rewritten: u32,
    sum: T,
}

/// Adds up slices.
pub(super) trait Adds<S>: Copy + Default {
    /// One more.
    fn add(&mut self, slice: &S);
}

impl<T: Default> Default for Running<T> {
    /// Of no slice.
    fn default() -> Self {
        Self {
            over: (0, 0),
            rewritten: 0,
            sum: T::default(),
        }
    }
}

impl<T> Running<T> {
    /// What the slices before the one at `end` add up to, as [`Ring::before`] has them.
    pub(super) fn before<S: Clone + Default>(&mut self, ring: &Ring<S>, end: Mono, count: u64) -> T
    where
        T: Adds<S>,
    {
        self.of(ring, ring.known(ring.number(end), count))
    }

    /// And with the one at `end`, which isn't over yet.
    pub(super) fn until<S: Clone + Default>(&mut self, ring: &Ring<S>, end: Mono, count: u64) -> T
    where
        T: Adds<S>,
    {
        self.of(ring, ring.known(ring.number(end) + 1, count))
    }

    /// The newest slice is added each time, as it grows.
    fn of<S: Clone + Default>(&mut self, ring: &Ring<S>, span: Range<u64>) -> T
    where
        T: Adds<S>,
    {
        let over = span.start..span.end.min(ring.newest).max(span.start);
        // A ring has no more slots than that.
        let numbers = (over.start, (over.end - over.start) as u32);
        if (self.over, self.rewritten) != (numbers, ring.rewritten) {
            self.sum = T::default();
            ring.slices(over.clone())
                .for_each(|slice| self.sum.add(slice));
            (self.over, self.rewritten) = (numbers, ring.rewritten);
        }
        let mut sum = self.sum;
        ring.slices(over.end..span.end)
            .for_each(|slice| sum.add(slice));
        sum
    }
}

impl<S: Clone + Default> Ring<S> {
    /// Slices for the last `span`, as it was up to `delay` ago.
    pub(super) fn new(span: Duration, delay: Duration) -> Self {
        let width = (span.as_nanos() as u64 / SLICES).max(1);
        let delayed = (delay.as_nanos() as u64).div_ceil(width);
        let slots = vec![S::default(); (SLICES + delayed + 2) as usize];
        Self {
            span,
            width,
            newest: 0,
            rewritten: 0,
            slots: slots.into(),
        }
    }

    /// The same, with slices for a span that may be longer at times.
    pub(super) fn reaching(mut self, longest: Duration) -> Self {
        let more = self.slices_of(longest).saturating_sub(SLICES);
        let slots = vec![S::default(); (self.len() + more) as usize];
        self.slots = slots.into();
        self
    }

    pub(super) fn span(&self) -> Duration {
        self.span
    }

    /// So many slices make up a span.
    pub(super) fn slices_of(&self, span: Duration) -> u64 {
        (span.as_nanos() as u64).div_ceil(self.width)
    }

    /// The slice of probes sent at `sent` is newer than all that something was entered in.
    pub(super) fn begins(&self, sent: Mono) -> bool {
        self.number(sent) > self.newest
    }

    /// The slice of probes sent at `sent`; `None` if it is too long ago.
    pub(super) fn slice_mut(&mut self, sent: Mono) -> Option<&mut S> {
        let number = self.number(sent);
        if number < self.newest {
            self.rewritten = self.rewritten.wrapping_add(1);
        }
        let begun = (self.newest + 1).max((number + 1).saturating_sub(self.len()));
        for new in begun..=number {
            let slot = self.slot(new);
            self.slots[slot] = S::default();
        }
        self.newest = self.newest.max(number);
        let slot = self.slot(number);
        self.is_kept(number).then(|| &mut self.slots[slot])
    }

    /// The last `count` slices that are over at `end`, oldest first.
    pub(super) fn before(&self, end: Mono, count: u64) -> impl Iterator<Item = &S> + Clone {
        self.numbers(self.number(end), count)
    }

    /// And with the one at `end`, which isn't over yet.
    pub(super) fn until(&self, end: Mono, count: u64) -> impl Iterator<Item = &S> + Clone {
        self.numbers(self.number(end) + 1, count)
    }

    /// What is left at `at` of the slice that isn't over yet.
    pub(super) fn left(&self, at: Mono) -> Duration {
        Duration::from_nanos(self.width - at.nanos() % self.width)
    }

    /// All slices, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &S> {
        self.slots.iter()
    }

    /// All slices, in no order.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.rewritten = self.rewritten.wrapping_add(1);
        self.slots.iter_mut()
    }

    fn numbers(&self, end: u64, count: u64) -> impl Iterator<Item = &S> + Clone {
        self.slices(self.known(end, count))
    }

    /// Up to `count` numbers before `end`, as far as their slices are known.
    fn known(&self, end: u64, count: u64) -> Range<u64> {
        let next = self.newest + 1;
        let first = end
            .saturating_sub(count)
            .max(next.saturating_sub(self.len()));
        first..end.min(next).max(first)
    }

    /// The slices with these numbers, all known: from one place on, and from the start again.
    fn slices(&self, numbers: Range<u64>) -> impl Iterator<Item = &S> + Clone {
        let known = (numbers.end - numbers.start) as usize;
        let (again, from) = self.slots.split_at(self.slot(numbers.start));
        let in_row = known.min(from.len());
        from[..in_row].iter().chain(&again[..known - in_row])
    }

    fn is_kept(&self, number: u64) -> bool {
        number <= self.newest && self.newest - number < self.len()
    }

    fn slot(&self, number: u64) -> usize {
        (number % self.len()) as usize
    }

    fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    fn number(&self, at: Mono) -> u64 {
        at.nanos() / self.width
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::line::slice::Slice;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Mono {
        Mono(millis * 1_000_000)
    }

    fn lost<'a>(slices: impl Iterator<Item = &'a Slice>) -> u32 {
        slices.map(|slice| slice.lost.get()).sum()
    }

    #[test]
    fn probes_are_found_in_the_slice_they_were_sent_in_whatever_the_order() {
        let mut ring = Ring::<Slice>::new(SECOND, Duration::ZERO);
        for millis in [5_900, 5_100, 5_500] {
            ring.slice_mut(at(millis)).unwrap().lost.add_one();
        }
        assert_eq!(lost(ring.until(at(5_999), SLICES)), 3);
        assert_eq!(lost(ring.before(at(5_900), SLICES)), 2);
        assert_eq!(lost(ring.until(at(5_999), 5)), 1);
        assert_eq!(lost(ring.until(at(6_520), SLICES)), 1);
    }

    #[test]
    fn a_probe_from_before_the_span_is_left_out_and_spoils_nothing() {
        let mut ring = Ring::<Slice>::new(SECOND, Duration::ZERO);
        ring.slice_mut(at(9_000)).unwrap().lost.add_one();
        assert!(ring.slice_mut(at(9_000 - 22 * 50)).is_none());
        assert_eq!(lost(ring.until(at(9_000), SLICES)), 1);
    }

    #[test]
    fn after_a_silence_nothing_is_left_of_what_was_before() {
        let mut ring = Ring::<Slice>::new(SECOND, Duration::ZERO);
        (0..40).for_each(|n| ring.slice_mut(at(9_000 + n * 25)).unwrap().lost.add_one());
        ring.slice_mut(at(60_000)).unwrap().lost.add_one();
        assert_eq!(lost(ring.all()), 1);
        ring.slice_mut(at(60_000 - 19 * 50)).unwrap().lost.add_one();
        assert_eq!(lost(ring.until(at(60_000), SLICES)), 2);
    }

    proptest! {
        #[test]
        fn a_span_has_the_slices_with_its_numbers_and_no_others(
            steps in prop::collection::vec(0u64..60, 1..40), back in 0u64..40, count in 0u64..30,
        ) {
            let mut ring = Ring::<Slice>::new(SECOND, Duration::ZERO);
            let mut entered = std::collections::BTreeSet::new();
            let mut number = 0;
            for step in steps {
                number += step;
                ring.slice_mut(at(number * 50)).unwrap().lost.add_one();
                entered.insert(number);
            }
            let end = (number + 2).saturating_sub(back);
            let first = end.saturating_sub(count).max((number + 1).saturating_sub(22));
            let known = entered.range(first..end.max(first)).count();
            let before = ring.before(at(end * 50), count);
            prop_assert_eq!(before.filter(|slice| slice.lost.get() > 0).count(), known);
        }
    }

    #[derive(Clone, Copy, Debug, Default, PartialEq)]
    struct Lost(u32);

    impl Adds<Slice> for Lost {
        fn add(&mut self, slice: &Slice) {
            self.0 += slice.lost.get();
        }
    }

    proptest! {
        #[test]
        fn a_running_sum_is_that_of_the_slices_whatever_was_entered_and_when_it_is_asked_for(
            steps in prop::collection::vec((0u64..30, 0u64..60, 0u64..3), 1..60),
        ) {
            let mut ring = Ring::<Slice>::new(SECOND, SECOND);
            let (mut older, mut all) = (Running::<Lost>::default(), Running::<Lost>::default());
            let mut now = 5_000;
            for (step, back, ahead) in steps {
                now += 10 * step;
                if let Some(slice) = ring.slice_mut(at(now - 25 * back)) {
                    slice.lost.add_one();
                }
                let end = at(now + 500 * ahead);
                let both = (older.before(&ring, end, SLICES), all.until(&ring, end, SLICES));
                let fresh = (lost(ring.before(end, SLICES)), lost(ring.until(end, SLICES)));
                prop_assert_eq!((both.0.0, both.1.0), fresh);
            }
        }
    }

    #[test]
    fn a_span_is_still_whole_after_the_delay_it_was_made_for() {
        let mut ring = Ring::<Slice>::new(SECOND, 2 * SECOND);
        (0..300).for_each(|n| ring.slice_mut(at(10_000 + n * 10)).unwrap().lost.add_one());
        assert_eq!(lost(ring.before(at(11_000), SLICES)), 100);
    }
}
