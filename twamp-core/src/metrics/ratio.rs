//! A ratio that can't leave 0 to 1.

use std::fmt;

/// Parts per million of a whole, 0 to 1 000 000 by construction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Ppm(u32);

impl Ppm {
    /// The whole.
    pub const ONE: Ppm = Ppm(1_000_000);
    /// Nothing of it.
    pub const ZERO: Ppm = Ppm(0);

    /// `part` of `part + rest`, to the nearest; `None` if both are 0: unknown, never 0.
    ///
    /// The ends are exact: 0 only if `part` is 0, one million only if `rest` is 0.
    pub fn of(part: u64, rest: u64) -> Option<Ppm> {
        let whole = u128::from(part) + u128::from(rest);
        match (part, rest) {
            (0, 0) => None,
            (0, _) => Some(Ppm::ZERO),
            (_, 0) => Some(Ppm::ONE),
            _ => {
                let nearest = (u128::from(part) * 1_000_000 + whole / 2) / whole;
                Some(Ppm(nearest.clamp(1, 999_999) as u32))
            }
        }
    }

    /// Parts per million.
    pub fn get(self) -> u32 {
        self.0
    }

    /// 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// 0 to 100.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 1e4
    }
}

impl fmt::Display for Ppm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_of_nothing_is_unknown() {
        assert_eq!(Ppm::of(0, 0), None);
    }

    #[test]
    fn rounds_to_the_nearest_but_keeps_the_ends_exact() {
        assert_eq!(Ppm::of(1, 2).map(Ppm::get), Some(333_333));
        assert_eq!(Ppm::of(2, 1).map(Ppm::get), Some(666_667));
        assert_eq!(Ppm::of(1, 10_000_000).map(Ppm::get), Some(1));
        assert_eq!(Ppm::of(10_000_000, 1).map(Ppm::get), Some(999_999));
        assert_eq!(Ppm::of(u64::MAX, 0), Some(Ppm::ONE));
    }

    #[test]
    fn reads_as_a_percentage() {
        assert_eq!(
            Ppm::of(3, 997).map(|p| p.to_string()),
            Some("0.3 %".to_owned())
        );
    }

    proptest! {
        #[test]
        fn never_leaves_zero_to_one(part: u64, rest: u64) {
            if let Some(ppm) = Ppm::of(part, rest) {
                prop_assert!(ppm <= Ppm::ONE && ppm.fraction() <= 1.0 && ppm.percent() <= 100.0);
            }
        }
    }
}
