//! How many losses in a row are chance, by what a line has lost of late.

use super::order::Fate;

/// Each probe with a fate counts for so much, those before it for the rest.
const WEIGHT: f32 = 1.0 / 32.0;
/// A run so improbable is no chance: one in so many probes.
const IMPROBABLE: f32 = 1e7;

/// The part of the probes that is lost of late. A run of losses counts once it is over: the one that
/// is to be judged says nothing for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Runs {
    share: f32,
    /// Lost since the last answer.
    open: u32,
}

impl Runs {
    /// Enters the next fate, in the order of sending.
    pub(super) fn enter(&mut self, fate: Fate) {
        match fate {
            Fate::Lost => self.open = self.open.saturating_add(1),
            Fate::Answered => {
                let lost = std::mem::take(&mut self.open).min(i32::MAX as u32);
                let others = (1.0 - WEIGHT).powi(lost as i32);
                self.share = (1.0 - (1.0 - self.share) * others) * (1.0 - WEIGHT);
            }
            Fate::Void => {}
        }
    }

    /// So many losses in a row that chance doesn't make them; without losses that is none.
    pub(super) fn improbable(&self) -> f32 {
        -IMPROBABLE.ln() / self.share.min(0.99).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fates: impl IntoIterator<Item = bool>) -> Runs {
        let mut runs = Runs::default();
        for lost in fates {
            runs.enter(if lost { Fate::Lost } else { Fate::Answered });
        }
        runs
    }

    #[test]
    fn without_a_loss_no_run_is_chance() {
        assert_eq!(Runs::default().improbable(), 0.0);
        assert_eq!(of([false; 1_000]).improbable(), 0.0);
    }

    #[test]
    fn the_more_is_lost_the_longer_a_run_may_be() {
        // One in a hundred makes 3.5 in a row once in ten million, one in five 10.
        for (every, run) in [(100, 3.5), (5, 10.0)] {
            let longest = (0..every)
                .map(|phase| of((0..20 * every + phase).map(|n| n % every == 0)).improbable());
            let longest = longest.fold(0.0, f32::max);
            assert!((longest - run).abs() < 0.4 * run, "{every}: {longest}");
        }
    }

    #[test]
    fn a_run_counts_when_it_is_over() {
        let before = of([false; 100]);
        let during = of([false; 100].into_iter().chain([true; 50]));
        assert_eq!(during.improbable(), before.improbable());
        let after = of([false; 100].into_iter().chain([true; 50]).chain([false]));
        assert!(after.improbable() > 50.0, "{after:?}");
    }
}
