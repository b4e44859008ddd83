//! Which line a flow takes where several lines share a class: a look-up by the hash of the flow.
//!
//! ```text
//!   hash ─► mixed ─► one of 1,024 slots ─► line
//! ```
//!
//! For each slot each line draws a number of its own, and the line with the largest weighted one
//! has the slot (weighted rendezvous hashing; Schindelhauer and Schomaker, 2005). So flows stay
//! where they are: a line that goes gives away its own flows, one whose weight rises takes from
//! the others, and nothing moves between those.

use std::sync::Arc;

/// A share is met to about a hundredth.
const SLOTS: usize = 1_024;
/// As many lines as an octet can name.
const MOST_LINES: usize = 256;

/// Lines with their shares of the flows. A clone is one reference count.
#[derive(Clone, Debug)]
pub(crate) struct Shares(Arc<Table>);

#[derive(Debug)]
struct Table {
    /// Each with its weight, above 0.
    lines: Box<[(u64, f32)]>,
    /// Places among the lines.
    slots: Box<[u8; SLOTS]>,
}

impl Shares {
    /// Of these lines; a weight of 0 is no share. `None` if no line has one.
    pub(super) fn of(weights: impl IntoIterator<Item = (u64, f32)>) -> Option<Self> {
        let weights = weights.into_iter().filter(|(_, weight)| *weight > 0.0);
        let lines: Box<[(u64, f32)]> = weights.take(MOST_LINES).collect();
        if lines.is_empty() {
            return None;
        }
        let mut slots = Box::new([0; SLOTS]);
        for (slot, place) in slots.iter_mut().enumerate() {
            let drawn = lines
                .iter()
                .map(|(line, weight)| draw(slot, *line, *weight));
            let drawn = drawn.zip(0..=u8::MAX);
            *place = drawn
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map_or(0, |(_, place)| place);
        }
        Some(Self(Arc::new(Table { lines, slots })))
    }

    /// The line of a flow.
    pub(crate) fn line(&self, flow_hash: u64) -> u64 {
        // The upper bits of a hash that was mixed: hosts' own may differ in a few bits alone.
        let slot = (mixed(flow_hash) >> 32) as usize % SLOTS;
        self.0.lines[usize::from(self.0.slots[slot])].0
    }

    /// Each line with its part of the whole, the largest first.
    pub(super) fn parts(&self) -> Vec<(u64, f32)> {
        let whole: f32 = self.0.lines.iter().map(|(_, weight)| weight).sum();
        let parts = self
            .0
            .lines
            .iter()
            .map(|(line, weight)| (*line, weight / whole));
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        parts
    }
}

impl PartialEq for Shares {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.lines == other.0.lines
    }
}

/// The larger the weight, the more often the largest of all.
fn draw(slot: usize, line: u64, weight: f32) -> f64 {
    let hash = mixed(mixed(line) ^ slot as u64);
    let uniform = ((hash >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    uniform.ln() / f64::from(weight)
}

/// Each bit hangs on each (the finalizer of SplitMix64; Steele, Lea and Flood, 2014).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const FLOWS: u64 = 20_000;

    fn lines(weights: &[(u64, f32)]) -> Vec<u64> {
        let shares = Shares::of(weights.iter().copied()).unwrap();
        (0..FLOWS).map(|flow| shares.line(flow)).collect()
    }

    #[test]
    fn flows_are_spread_by_weight() {
        let mut flows: HashMap<u64, f64> = HashMap::new();
        for line in lines(&[(1, 6.0), (2, 3.0), (9, 1.0), (4, 0.0)]) {
            *flows.entry(line).or_default() += 1.0 / FLOWS as f64;
        }
        assert_eq!(flows.len(), 3);
        for (line, part) in [(1, 0.6), (2, 0.3), (9, 0.1)] {
            assert!((flows[&line] - part).abs() < 0.04, "{flows:?}");
        }
    }

    #[test]
    fn nobody_without_weight_has_flows() {
        assert_eq!(Shares::of([(1, 0.0)]), None);
        assert_eq!(Shares::of([]), None);
    }

    proptest! {
        #[test]
        fn only_flows_of_a_line_that_goes_move(
            weights in prop::collection::vec(0.1_f32..10.0, 2..8),
            gone in any::<prop::sample::Index>(),
        ) {
            let all: Vec<(u64, f32)> = (1..).zip(weights).collect();
            let gone = all[gone.index(all.len())].0;
            let rest: Vec<_> = all.iter().copied().filter(|(line, _)| *line != gone).collect();
            for (before, after) in lines(&all).into_iter().zip(lines(&rest)) {
                prop_assert!(before == after || before == gone);
            }
        }

        #[test]
        fn a_larger_share_takes_from_others_and_moves_nothing_between_them(
            weights in prop::collection::vec(0.1_f32..10.0, 2..8),
            times in 1.0_f32..10.0,
        ) {
            let before: Vec<(u64, f32)> = (1..).zip(weights).collect();
            let mut after = before.clone();
            after[0].1 *= times;
            for (before, after) in lines(&before).into_iter().zip(lines(&after)) {
                prop_assert!(before == after || after == 1);
            }
        }
    }
}
