//! Fates of probes in the order of sending.
//!
//! A reply is known after a round trip, a loss only after the time-out. Whoever adds up both as
//! they come sees a line too good after each rise of the rate, and too bad after each fall.

use twamp_core::probe::Outcome;

/// So many probes may wait for the fate of one before them; then that one counts as lost.
const ROOM: u64 = 128;

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    Lost,
    /// Nobody's fault: it counts for nothing.
    Void,
}

/// The probes that wait: those numbered from `next` on, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InOrder {
    next: Option<u64>,
    answered: u128,
    lost: u128,
    void: u128,
}

impl InOrder {
    /// Numbers begin anew.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// Enters an outcome; `tell` hears of all probes whose turn it is now. A probe that so many
    /// later ones have overtaken is not waited for any more.
    pub(super) fn enter(&mut self, outcome: &Outcome, patience: u64, mut tell: impl FnMut(Fate)) {
        let room = patience.clamp(1, ROOM);
        let (sequence, fate) = match outcome {
            Outcome::Sample(sample) => (sample.sequence, Fate::Answered),
            Outcome::Lost { sequence, .. } => (*sequence, Fate::Lost),
            Outcome::SetAside(aside) => (aside.sequence, Fate::Void),
        };
        // Who comes late to a session doesn't ask for what was before.
        let begin = if sequence < ROOM { 0 } else { sequence };
        let mut next = *self.next.get_or_insert(begin);
        if sequence >= next + 2 * ROOM {
            self.restart();
            next = sequence;
        }
        while sequence >= next + room {
            tell(self.head().unwrap_or(Fate::Lost));
            self.shift();
            next += 1;
        }
        if let Some(place) = sequence.checked_sub(next) {
            let bit = 1 << place;
            match fate {
                Fate::Answered => self.answered |= bit,
                Fate::Lost => self.lost |= bit,
                Fate::Void => self.void |= bit,
            }
        }
        while let Some(fate) = self.head() {
            tell(fate);
            self.shift();
            next += 1;
        }
        self.next = Some(next);
    }

    fn head(&self) -> Option<Fate> {
        match (self.answered & 1, self.lost & 1, self.void & 1) {
            (1, ..) => Some(Fate::Answered),
            (_, 1, _) => Some(Fate::Lost),
            (_, _, 1) => Some(Fate::Void),
            _ => None,
        }
    }

    fn shift(&mut self) {
        self.answered >>= 1;
        self.lost >>= 1;
        self.void >>= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use twamp_core::time::Mono;

    use super::super::synthetic::{lost, sample};
    use super::*;

    fn outcome(sequence: u64, answered: bool) -> Outcome {
        match answered {
            true => sample(sequence, Mono(sequence), Duration::from_millis(1)),
            false => lost(sequence, Mono(sequence), Duration::from_secs(1)),
        }
    }

    fn told(entered: &[(u64, bool)]) -> Vec<Fate> {
        told_within(ROOM, entered)
    }

    fn told_within(patience: u64, entered: &[(u64, bool)]) -> Vec<Fate> {
        let (mut order, mut told) = (InOrder::default(), Vec::new());
        for &(sequence, answered) in entered {
            order.enter(&outcome(sequence, answered), patience, |fate| {
                told.push(fate)
            });
        }
        told
    }

    #[test]
    fn answers_wait_for_the_fate_of_those_before_them() {
        let early = [(0, true), (2, true), (3, true)];
        assert_eq!(told(&early), [Fate::Answered]);
        let all = [early.as_slice(), &[(1, false)]].concat();
        let expected = [Fate::Answered, Fate::Lost, Fate::Answered, Fate::Answered];
        assert_eq!(told(&all), expected);
    }

    #[test]
    fn whom_many_wait_for_is_lost_and_comes_no_more() {
        let mut entered: Vec<_> = (1..=128).map(|n| (n, true)).collect();
        entered.push((0, true));
        let fates = told(&entered);
        assert_eq!((fates.len(), fates[0]), (129, Fate::Lost));
    }

    #[test]
    fn whose_reply_is_long_overdue_is_lost_before_its_time_out() {
        let entered = [(0, true), (2, true), (3, true), (4, true), (1, true)];
        let expected = [
            Fate::Answered,
            Fate::Lost,
            Fate::Answered,
            Fate::Answered,
            Fate::Answered,
        ];
        assert_eq!(told_within(3, &entered), expected);
    }

    #[test]
    fn a_session_that_is_met_late_has_lost_nothing_before() {
        assert_eq!(told(&[(5_000, true), (5_001, true)]), [Fate::Answered; 2]);
    }

    proptest! {
        #[test]
        fn each_is_told_once_whatever_the_order(
            answered in prop::collection::vec(any::<bool>(), 1..100), seed in any::<u64>(),
        ) {
            let mut entered: Vec<_> = (0..).zip(answered.iter().copied()).collect();
            entered.sort_by_key(|(n, _)| (n ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let expected: Vec<_> = answered
                .iter()
                .map(|answered| if *answered { Fate::Answered } else { Fate::Lost })
                .collect();
            prop_assert_eq!(told(&entered), expected);
        }
    }
}
