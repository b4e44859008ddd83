//! When the probe threads last reported, and so how fresh the figures are. One that has nothing to
//! tell keeps none of the others' from being used; one that is overdue does.

use std::time::Duration;

use twamp_core::time::Mono;

/// A thread that has not reported for so long after it would is overdue.
const PATIENCE: Duration = Duration::from_millis(250);

/// By thread; `None`: it has not reported yet.
pub(super) struct Heard(Vec<Option<Heartbeat>>);

#[derive(Clone, Copy)]
struct Heartbeat {
    at: Mono,
    /// When the next one is due; `None`: when something happens.
    next: Option<Mono>,
}

impl Heard {
    pub(super) fn new(threads: u16) -> Self {
        Self(vec![None; threads.into()])
    }

    /// A thread has reported at `at`, and will again by `next`.
    pub(super) fn report(&mut self, thread: u16, at: Mono, next: Option<Mono>) {
        if let Some(heard) = self.0.get_mut(usize::from(thread)) {
            *heard = Some(Heartbeat { at, next });
        }
    }

    /// When the newest report was made, or the next one will be: until then nothing newer can be
    /// known, however seldom lines are probed. If threads are overdue, the oldest report of theirs.
    pub(super) fn fresh(&self, now: Mono) -> Option<Mono> {
        let all = || self.0.iter().flatten();
        let overdue = all().filter(|heard| heard.next.is_some_and(|next| now > next + PATIENCE));
        let oldest = overdue.map(|heard| heard.at).min();
        let next = all().filter_map(|heard| heard.next).min();
        let newest = || all().map(|heard| heard.at).max().max(next);
        oldest.or_else(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Mono {
        Mono(ms * 1_000_000)
    }

    #[test]
    fn figures_are_as_old_as_the_last_report_of_a_thread_that_is_overdue() {
        let mut heard = Heard::new(2);
        assert_eq!(heard.fresh(ms(1)), None);
        heard.report(0, ms(1_000), Some(ms(1_100)));
        assert_eq!(heard.fresh(ms(1_000)), Some(ms(1_100)), "no word of one");
        heard.report(1, ms(1_050), Some(ms(1_150)));
        assert_eq!(heard.fresh(ms(1_060)), Some(ms(1_100)));
        heard.report(1, ms(1_300), Some(ms(1_400)));
        assert_eq!(heard.fresh(ms(1_350)), Some(ms(1_300)), "a little late");
        assert_eq!(heard.fresh(ms(1_351)), Some(ms(1_000)));
        assert_eq!(heard.fresh(ms(9_000)), Some(ms(1_000)), "both are");
    }

    #[test]
    fn a_thread_that_has_nothing_to_do_or_rarely_keeps_nobody_waiting() {
        let mut heard = Heard::new(3);
        heard.report(0, ms(1_000), None);
        heard.report(1, ms(1_010), Some(ms(5_000)));
        heard.report(2, ms(4_000), Some(ms(4_100)));
        assert_eq!(heard.fresh(ms(4_010)), Some(ms(4_100)));
        heard.report(2, ms(4_020), None);
        assert_eq!(
            heard.fresh(ms(4_990)),
            Some(ms(5_000)),
            "nothing newer can be known"
        );
    }
}
