//! One part of the header, cut into spans of values in which the same rules match.

use super::ranges::{Ranges, Value};

/// Spans, and the rules that match in each.
#[derive(Debug)]
pub(super) struct Axis<V> {
    /// Where each span begins; the first begins at the first value.
    starts: Vec<V>,
    /// Of each span a bit a rule, in words.
    rules: Vec<u64>,
    /// Words of a span.
    words: usize,
}

impl<V: Value> Axis<V> {
    /// The axis of rules that match these values each.
    pub(super) fn of<'a>(rules: impl ExactSizeIterator<Item = &'a Ranges<V>> + Clone) -> Self
    where
        V: 'a,
    {
        let mut starts = vec![V::FIRST];
        for (first, last) in rules.clone().flat_map(Ranges::spans) {
            starts.push(*first);
            starts.extend(last.next());
        }
        starts.sort_unstable();
        starts.dedup();
        let words = rules.len().div_ceil(64);
        let mut axis = Self {
            rules: vec![0; words * starts.len()],
            starts,
            words,
        };
        for (rule, ranges) in rules.enumerate() {
            for (first, last) in ranges.spans() {
                axis.mark(rule, *first, *last);
            }
        }
        axis
    }

    /// The rules that match `value`, a bit each.
    pub(super) fn at(&self, value: V) -> &[u64] {
        let span = self.span_of(value);
        &self.rules[span * self.words..][..self.words]
    }

    fn mark(&mut self, rule: usize, first: V, last: V) {
        for span in self.span_of(first)..=self.span_of(last) {
            self.rules[span * self.words + rule / 64] |= 1 << (rule % 64);
        }
    }

    fn span_of(&self, value: V) -> usize {
        // The first span begins at the first value: there is always one at or before `value`.
        self.starts.partition_point(|start| *start <= value) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(axis: &Axis<u8>, value: u8) -> Vec<usize> {
        let bit = |rule: &usize| axis.at(value)[rule / 64] >> (rule % 64) & 1 == 1;
        (0..axis.words * 64).filter(bit).collect()
    }

    #[test]
    fn each_value_knows_its_rules() {
        let rules = [
            Ranges::of([(10, 20)].into_iter()),
            Ranges::all(),
            Ranges::of([(0, 0), (15, 255)].into_iter()),
        ];
        let axis = Axis::of(rules.iter());
        for (value, expected) in [
            (0, &[1, 2][..]),
            (1, &[1]),
            (10, &[0, 1]),
            (15, &[0, 1, 2]),
            (20, &[0, 1, 2]),
            (21, &[1, 2]),
            (255, &[1, 2]),
        ] {
            assert_eq!(matching(&axis, value), expected, "{value}");
        }
    }

    #[test]
    fn a_rule_beyond_the_first_word_is_found() {
        let rule = |value: u8| Ranges::of([(value, value)].into_iter());
        let rules: Vec<_> = (0..200).map(rule).collect();
        let axis = Axis::of(rules.iter());
        for value in 0..200 {
            assert_eq!(matching(&axis, value), [usize::from(value)]);
        }
        assert!(matching(&axis, 200).is_empty());
    }

    #[test]
    fn without_rules_nothing_matches() {
        let axis = Axis::of([].iter());
        assert!(matching(&axis, 7).is_empty());
    }
}
