//! When the probe threads last reported: figures are as fresh as the report of the thread that has
//! been silent for longest.

use twamp_core::time::Mono;

/// By thread; `None`: it has not reported yet.
pub(super) struct Heard(Vec<Option<Mono>>);

impl Heard {
    pub(super) fn new(threads: u16) -> Self {
        Self(vec![None; threads.into()])
    }

    /// A thread has reported.
    pub(super) fn report(&mut self, thread: u16, at: Mono) {
        if let Some(heard) = self.0.get_mut(usize::from(thread)) {
            *heard = Some(at);
        }
    }

    /// A thread that had nothing to report has a session again.
    pub(super) fn resume(&mut self, thread: u16, now: Mono) {
        if let Some(Some(heard)) = self.0.get_mut(usize::from(thread)) {
            *heard = now;
        }
    }

    /// How old figures are that those threads feed that are `busy` (named once or often); if none
    /// is, when any last reported.
    pub(super) fn fresh(&self, busy: impl Iterator<Item = u16>) -> Option<Mono> {
        // There are 64 at most.
        let all = u64::MAX >> 64usize.saturating_sub(self.0.len()).min(63);
        let (mut seen, mut oldest) = (0u64, None);
        for thread in busy {
            let bit = 1 << (thread % 64);
            if seen & bit != 0 {
                continue;
            }
            seen |= bit;
            let heard = self.0.get(usize::from(thread)).copied().flatten();
            oldest = match (oldest, heard) {
                (Some(one), Some(other)) => Some(Mono::min(one, other)),
                (one, other) => one.or(other),
            };
            if seen == all {
                break;
            }
        }
        oldest.or_else(|| self.0.iter().flatten().max().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_fresh_as_the_report_of_the_thread_that_was_silent_for_longest() {
        let mut heard = Heard::new(3);
        let fresh = |heard: &Heard, busy: &[u16]| heard.fresh(busy.iter().copied());
        assert_eq!(fresh(&heard, &[0]), None);
        heard.report(0, Mono(5));
        heard.report(2, Mono(3));
        assert_eq!(fresh(&heard, &[0, 0, 2, 0]), Some(Mono(3)));
        assert_eq!(fresh(&heard, &[0]), Some(Mono(5)), "the other is idle");
        assert_eq!(fresh(&heard, &[]), Some(Mono(5)));
        assert_eq!(fresh(&heard, &[1, 0]), Some(Mono(5)), "not heard of yet");
        heard.resume(2, Mono(9));
        heard.resume(1, Mono(9));
        assert_eq!(fresh(&heard, &[2]), Some(Mono(9)));
        assert_eq!(fresh(&heard, &[0, 1, 2]), Some(Mono(5)));
    }

    #[test]
    fn there_may_be_one_thread_or_sixty_four() {
        for threads in [1, 64] {
            let mut heard = Heard::new(threads);
            heard.report(threads - 1, Mono(7));
            assert_eq!(heard.fresh(0..threads), Some(Mono(7)));
        }
    }
}
