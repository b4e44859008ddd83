//! Sets of values as spans, first and last included.

/// Values that stand in a row.
pub(super) trait Value: Copy + Ord {
    const FIRST: Self;
    const LAST: Self;

    /// The value behind; `None` behind the last.
    fn next(self) -> Option<Self>;
}

/// A set of values: spans in order that neither touch nor overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranges<V>(Vec<(V, V)>);

impl<V: Value> Ranges<V> {
    /// Every value.
    pub(super) fn all() -> Self {
        Self(vec![(V::FIRST, V::LAST)])
    }

    /// As a list in a rule says it: without spans, every value.
    pub(super) fn listed(spans: impl Iterator<Item = (V, V)>) -> Self {
        let mut spans = spans.peekable();
        match spans.peek() {
            Some(_) => Self::of(spans),
            None => Self::all(),
        }
    }

    /// The values of these spans together.
    pub(super) fn of(spans: impl Iterator<Item = (V, V)>) -> Self {
        let mut spans: Vec<_> = spans.collect();
        spans.sort_unstable();
        let mut joined: Vec<(V, V)> = Vec::with_capacity(spans.len());
        for (first, last) in spans {
            match joined.last_mut() {
                Some((_, end)) if end.next().is_none_or(|next| first <= next) => {
                    *end = last.max(*end);
                }
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }

    pub(super) fn spans(&self) -> &[(V, V)] {
        &self.0
    }

    /// Are all values of `other` in it?
    pub(super) fn covers(&self, other: &Self) -> bool {
        let covered = |(first, last): &(V, V)| {
            let before = self.0.partition_point(|(from, _)| from <= first);
            before > 0 && *last <= self.0[before - 1].1
        };
        other.0.iter().all(covered)
    }
}

impl Value for u8 {
    const FIRST: Self = Self::MIN;
    const LAST: Self = Self::MAX;

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Value for u16 {
    const FIRST: Self = Self::MIN;
    const LAST: Self = Self::MAX;

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// Addresses, those of IPv4 as they are mapped into IPv6.
impl Value for u128 {
    const FIRST: Self = Self::MIN;
    const LAST: Self = Self::MAX;

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges(spans: &[(u8, u8)]) -> Ranges<u8> {
        Ranges::listed(spans.iter().copied())
    }

    fn has(ranges: &Ranges<u8>, value: u8) -> bool {
        let holds = |&(first, last): &(u8, u8)| (first..=last).contains(&value);
        ranges.spans().iter().any(holds)
    }

    #[test]
    fn spans_that_touch_are_one() {
        assert_eq!(
            ranges(&[(5, 7), (1, 2), (3, 4), (9, 9)]).spans(),
            [(1, 7), (9, 9)]
        );
        assert_eq!(ranges(&[(250, 255), (255, 255)]).spans(), [(250, 255)]);
        assert_eq!(ranges(&[]), Ranges::all());
    }

    fn spans() -> impl Strategy<Value = Vec<(u8, u8)>> {
        let span =
            (any::<u8>(), 0_u8..24).prop_map(|(first, more)| (first, first.saturating_add(more)));
        proptest::collection::vec(span, 1..6)
    }

    proptest! {
        #[test]
        fn a_set_has_the_values_of_its_spans(written in spans(), value in any::<u8>()) {
            let expected = written.iter().any(|&(first, last)| (first..=last).contains(&value));
            prop_assert_eq!(has(&ranges(&written), value), expected);
        }

        #[test]
        fn a_set_covers_another_if_it_has_its_values(one in spans(), other in spans()) {
            let (one, other) = (ranges(&one), ranges(&other));
            let mut values = (0..=u8::MAX).filter(|value| has(&other, *value));
            prop_assert_eq!(one.covers(&other), values.all(|value| has(&one, value)));
        }
    }
}
