//! Loss of one slice of time, small enough to keep by the hundred.
//!
//! An estimator keeps one [`LossSpan`] for each second or so, enters each probe in the span it was
//! *sent* in, and adds up spans when it is asked, so any rolling window costs a few dozen
//! additions. Total loss is exact. The direction comes from the span of numbers on both ends:
//! between the lowest and the highest answered probe the reflector sent `max r − min r + 1`
//! replies; those that did not arrive were lost backward, the other missing probes forward.

use super::ratio::Ppm;

/// What happened to the probes sent in one slice of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LossSpan {
    /// Probes that left in this slice.
    pub sent: u32,
    /// Those answered in time.
    pub received: u32,
    /// Those that timed out.
    pub lost: u32,
    /// Those set aside for local trouble.
    pub set_aside: u32,
    /// Lowest and highest answered numbers, if the reflector has its own.
    answered: Option<Answered>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Answered {
    /// First and last epoch seen.
    epoch: (u32, u32),
    probes: (u64, u64),
    replies: (u64, u64),
}

/// Lost probes by direction, `lost == forward + backward + unattributed`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LossSplit {
    /// Probes answered in time.
    pub received: u64,
    /// Lost on the way to the reflector.
    pub forward: u64,
    /// Lost on the way back.
    pub backward: u64,
    /// Lost, direction unknown.
    pub unattributed: u64,
}

impl LossSpan {
    /// A probe left.
    pub fn record_sent(&mut self) {
        self.sent += 1;
    }

    /// A probe of this span did not leave after all.
    pub fn record_not_sent(&mut self) {
        self.sent = self.sent.saturating_sub(1);
    }

    /// A probe of this span timed out.
    pub fn record_lost(&mut self) {
        self.lost += 1;
    }

    /// A probe of this span was set aside.
    pub fn record_set_aside(&mut self) {
        self.set_aside += 1;
    }

    /// A probe of this span was answered by a reflector that has no numbers of its own.
    pub fn record_received(&mut self) {
        self.received += 1;
    }

    /// Probe `sequence` of this span was answered with the reflector's number `reflector` of
    /// `epoch`.
    pub fn record_answered(&mut self, sequence: u64, reflector: u64, epoch: u32) {
        self.received += 1;
        self.widen(Answered {
            epoch: (epoch, epoch),
            probes: (sequence, sequence),
            replies: (reflector, reflector),
        });
    }

    /// Adds a neighbouring span.
    pub fn merge(&mut self, other: &LossSpan) {
        self.sent += other.sent;
        self.received += other.received;
        self.lost += other.lost;
        self.set_aside += other.set_aside;
        if let Some(answered) = other.answered {
            self.widen(answered);
        }
    }

    /// Probes whose fate is open.
    pub fn in_flight(&self) -> u32 {
        self.sent
            .saturating_sub(self.received + self.lost + self.set_aside)
    }

    /// Lost probes of those whose fate is known; `None` if there is none.
    pub fn ratio(&self) -> Option<Ppm> {
        Ppm::of(self.lost.into(), self.received.into())
    }

    /// Losses by direction. If the reflector began anew within the span, all are unattributed.
    ///
    /// Exact once nothing of the span is in flight, if no packet is doubled and none overtakes
    /// another across the ends of the span.
    pub fn split(&self) -> LossSplit {
        let (received, lost) = (u64::from(self.received), u64::from(self.lost));
        let Some(Answered {
            probes, replies, ..
        }) = self.answered.filter(Answered::one_epoch)
        else {
            return LossSplit {
                received,
                unattributed: lost,
                ..LossSplit::default()
            };
        };
        let missing = (probes.1 - probes.0 + 1).saturating_sub(received);
        let inside = missing.min(lost);
        let backward = (replies.1 - replies.0 + 1)
            .saturating_sub(received)
            .min(inside);
        let forward = inside - backward;
        LossSplit {
            received,
            forward,
            backward,
            unattributed: lost - inside,
        }
    }

    fn widen(&mut self, with: Answered) {
        self.answered = Some(match self.answered {
            None => with,
            Some(a) => Answered {
                epoch: hull(a.epoch, with.epoch),
                probes: hull(a.probes, with.probes),
                replies: hull(a.replies, with.replies),
            },
        });
    }
}

impl Answered {
    fn one_epoch(&self) -> bool {
        self.epoch.0 == self.epoch.1
    }
}

impl LossSplit {
    /// Sums up spans in order of time. Neighbours of one epoch are merged first, so that a restart
    /// of the reflector takes the direction only from the losses of its own span.
    pub fn of<'a>(spans: impl IntoIterator<Item = &'a LossSpan>) -> LossSplit {
        let mut total = LossSplit::default();
        let mut run = LossSpan::default();
        for span in spans {
            let mut longer = run;
            longer.merge(span);
            if longer.answered.is_none_or(|a| a.one_epoch()) {
                run = longer;
            } else {
                total.add(run.split());
                run = *span;
            }
        }
        total.add(run.split());
        total
    }

    /// All lost probes.
    pub fn lost(&self) -> u64 {
        self.forward + self.backward + self.unattributed
    }

    fn add(&mut self, other: LossSplit) {
        self.received += other.received;
        self.forward += other.forward;
        self.backward += other.backward;
        self.unattributed += other.unattributed;
    }
}

fn hull<T: Ord>(a: (T, T), b: (T, T)) -> (T, T) {
    (a.0.min(b.0), a.1.max(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Probes `from..to`; `reply` says the reflector's number, `None` is lost.
    fn span(from: u64, to: u64, epoch: u32, reply: impl Fn(u64) -> Option<u64>) -> LossSpan {
        let mut span = LossSpan::default();
        for s in from..to {
            span.record_sent();
            match reply(s) {
                Some(r) => span.record_answered(s, r, epoch),
                None => span.record_lost(),
            }
        }
        span
    }

    #[test]
    fn an_empty_span_knows_no_ratio() {
        assert_eq!(LossSpan::default().ratio(), None);
        assert_eq!(LossSpan::default().split(), LossSplit::default());
    }

    #[test]
    fn forward_and_backward_losses_are_told_apart_across_spans() {
        let forward = span(0, 10, 0, |s| (s != 9).then_some(s));
        let backward = span(10, 20, 0, |s| (s != 10).then_some(s - 1));
        let split = LossSplit::of([&forward, &backward]);
        assert_eq!(
            (split.forward, split.backward, split.unattributed),
            (1, 1, 0)
        );
    }

    #[test]
    fn losses_after_the_last_answer_have_no_direction_yet() {
        let first = span(0, 10, 0, |s| (s < 8).then_some(s));
        assert_eq!(first.split().unattributed, 2);
        let second = span(10, 20, 0, |s| Some(s - 2));
        assert_eq!(LossSplit::of([&first, &second]).forward, 2);
    }

    #[test]
    fn a_reflector_without_numbers_gives_no_direction() {
        let mut span = LossSpan::default();
        for lost in [false, true, false] {
            span.record_sent();
            if lost {
                span.record_lost()
            } else {
                span.record_received()
            }
        }
        assert_eq!(
            span.split(),
            LossSplit {
                received: 2,
                unattributed: 1,
                ..LossSplit::default()
            }
        );
        assert_eq!(span.ratio().map(Ppm::get), Some(333_333));
    }

    #[test]
    fn a_restart_takes_the_direction_only_from_its_own_span() {
        let before = span(0, 10, 0, |s| {
            (s != 5).then_some(if s < 5 { s } else { s - 1 })
        });
        let mut around = span(10, 15, 0, |s| (s < 13).then_some(s - 1));
        around.merge(&span(15, 20, 1, |s| Some(s - 15)));
        let after = span(20, 30, 1, |s| (s != 25).then_some(s - 15));
        let split = LossSplit::of([&before, &around, &after]);
        assert_eq!(
            (split.forward, split.backward, split.unattributed),
            (1, 1, 2)
        );
        assert_eq!(split.received, 26);
    }

    #[test]
    fn what_is_neither_answered_nor_lost_is_in_flight() {
        let mut span = span(0, 3, 0, Some);
        span.record_sent();
        span.record_sent();
        span.record_set_aside();
        assert_eq!(span.in_flight(), 1);
        span.record_not_sent();
        assert_eq!(span.in_flight(), 0);
    }

    proptest! {
        #[test]
        fn slices_merged_agree_with_the_truth_and_never_go_negative(
            fates in proptest::collection::vec(0u8..6, 2..300),
            cut in 1usize..50,
        ) {
            let (mut r, mut spans) = (0, Vec::new());
            let (mut forward, mut backward) = (0, 0);
            let last = fates.len() - 1;
            for (i, fate) in fates.iter().enumerate() {
                if i % cut == 0 {
                    spans.push(LossSpan::default());
                }
                let span = spans.last_mut().unwrap();
                span.record_sent();
                match fate {
                    0 if i != 0 && i != last => { span.record_lost(); forward += 1; }
                    1 if i != 0 && i != last => { span.record_lost(); backward += 1; r += 1; }
                    _ => { span.record_answered(i as u64, r, 0); r += 1; }
                }
            }
            let split = LossSplit::of(&spans);
            prop_assert_eq!(split.lost() + split.received, fates.len() as u64);
            prop_assert_eq!((split.forward, split.backward), (forward, backward));
        }

        #[test]
        fn nonsense_numbers_still_add_up(
            rows in proptest::collection::vec((any::<u64>(), any::<u64>(), 0u32..3, 0u8..4), 0..60),
        ) {
            let mut span = LossSpan::default();
            for (s, r, epoch, kind) in rows {
                span.record_sent();
                match kind {
                    0 => span.record_lost(),
                    1 => span.record_received(),
                    2 => span.record_answered(s >> 1, r >> 1, epoch),
                    _ => {}
                }
                prop_assert_eq!(span.split().lost(), u64::from(span.lost));
                prop_assert_eq!(span.sent, span.received + span.lost + span.in_flight());
            }
        }
    }
}
