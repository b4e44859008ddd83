//! What became known of probes and waits to be asked for.

use std::collections::VecDeque;

use super::Outcome;

/// First in, first out. Mostly one waits at a time, in place; room for more is taken when needed,
/// and given back.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcomes {
    /// Came before the others.
    first: Option<Outcome>,
    others: VecDeque<Outcome>,
}

impl Outcomes {
    pub(super) fn push(&mut self, outcome: Outcome) {
        match self.first.is_none() && self.others.is_empty() {
            true => self.first = Some(outcome),
            false => self.others.push_back(outcome),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Outcome> {
        let popped = self.first.take().or_else(|| self.others.pop_front());
        if self.others.is_empty() && self.others.capacity() > 0 {
            self.others = VecDeque::new();
        }
        popped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::time::Mono;

    fn lost(sequence: u64) -> Outcome {
        Outcome::Lost {
            sequence,
            sent: Mono(0),
            after: Duration::ZERO,
        }
    }

    #[test]
    fn they_come_out_as_they_went_in_and_leave_no_room_behind() {
        let mut outcomes = Outcomes::default();
        let mut out = Vec::new();
        for burst in [1, 3, 0, 2] {
            (0..burst).for_each(|n| outcomes.push(lost(10 * burst + n)));
            out.extend(outcomes.pop());
            outcomes.push(lost(burst));
            out.extend(std::iter::from_fn(|| outcomes.pop()));
        }
        let numbers = [10, 1, 30, 31, 32, 3, 0, 20, 21, 2];
        assert_eq!(out, numbers.map(lost));
        assert_eq!(outcomes.others.capacity(), 0);
    }
}
