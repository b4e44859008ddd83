//! One line of a bench's result, and how it comes about from the rounds.

use serde::Serialize;

/// One figure, beside its reference.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Ours, median of the rounds.
    pub ours: f64,
    /// The reference, median of the rounds.
    pub reference: f64,
    /// Ours ÷ reference, median of the rounds' ratios.
    pub ratio: f64,
    /// Of `ours` and `reference`.
    pub unit: &'static str,
    /// How many rounds.
    pub rounds: usize,
    /// The least ratio of a round.
    pub min: f64,
    /// The largest ratio of a round.
    pub max: f64,
}

/// Figures of one row, a pair a round.
#[derive(Clone, Default, Debug)]
pub(super) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    pub(super) fn push(&mut self, ours: f64, reference: f64) {
        self.0.push((ours, reference));
    }

    /// Ours of each round.
    pub(super) fn ours(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|(ours, _)| *ours)
    }

    /// Ours of each round against that of the same round in another row.
    pub(super) fn against(&self, other: &Pairs) -> Pairs {
        Pairs(self.ours().zip(other.ours()).collect())
    }

    pub(super) fn row(&self, name: impl Into<String>, unit: &'static str) -> Row {
        let ratios: Vec<f64> = self
            .0
            .iter()
            .map(|(ours, reference)| match ours == reference {
                // Nothing on either side is the same as well.
                true => 1.0,
                false => ours / reference,
            })
            .collect();
        Row {
            name: name.into(),
            ours: median(self.ours()),
            reference: median(self.0.iter().map(|(_, reference)| *reference)),
            ratio: median(ratios.iter().copied()),
            unit,
            rounds: ratios.len(),
            min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            max: ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// The middle one, or the mean of the two in the middle; NaN of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// Linear between the two nearest ranks; NaN of none.
pub(super) fn quantile(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let rank = share * last as f64;
    let (low, part) = (rank.floor() as usize, rank.fract());
    let high = (low + 1).min(last);
    sorted[low] + (sorted[high] - sorted[low]) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_median_of_the_ratios_and_not_the_ratio_of_the_medians() {
        let mut pairs = Pairs::default();
        for (ours, reference) in [(10.0, 1.0), (3.0, 2.0), (8.0, 8.0)] {
            pairs.push(ours, reference);
        }
        let row = pairs.row("a", "ns");
        assert_eq!((row.ours, row.reference, row.ratio), (8.0, 2.0, 1.5));
        assert_eq!((row.rounds, row.min, row.max), (3, 1.0, 10.0));
    }

    #[test]
    fn nothing_on_both_sides_is_the_same() {
        let mut pairs = Pairs::default();
        pairs.push(0.0, 0.0);
        assert_eq!(pairs.row("a", "ns").ratio, 1.0);
    }

    #[test]
    fn quantiles_lie_between_the_ranks() {
        let values = || [4.0, 1.0, 3.0, 2.0].into_iter();
        assert_eq!(median(values()), 2.5);
        assert_eq!(quantile(values(), 0.0), 1.0);
        assert_eq!(quantile(values(), 1.0), 4.0);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn rows_are_compared_round_by_round() {
        let (mut many, mut one) = (Pairs::default(), Pairs::default());
        many.push(12.0, 1.0);
        one.push(10.0, 1.0);
        assert_eq!(many.against(&one).row("n", "ns").ratio, 1.2);
    }
}
