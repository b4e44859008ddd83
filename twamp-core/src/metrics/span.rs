//! Loss of one slice of time, small enough to keep by the hundred.
//!
//! An estimator keeps the [`Fates`] of each second or so, enters each probe in the slice it was
//! *sent* in, and adds up slices when it is asked, so any rolling window costs a few dozen
//! additions. Total loss is exact. The direction comes from the span of numbers on both ends:
//! between the lowest and the highest answered probe the reflector sent `max r − min r + 1`
//! replies; those that did not arrive were lost backward, the other missing probes forward.

use super::ratio::Ppm;

/// What became of the probes sent in one slice of time, in 28 octets.
///
/// Numbers are kept as 32 bits, as on the wire: those in one sum lie less than half their range
/// apart. So do the reflector's lives, as 16 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fates {
    /// Probes answered in time.
    pub received: u32,
    /// Those that timed out.
    pub lost: u32,
    numbers: Numbers,
}

/// Lowest and highest answered numbers of both ends, if there are any: where the reflector has its
/// own. They may be kept apart from the rest, as many reflectors have none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers(Option<Answered>);

const _: () = assert!(size_of::<Fates>() == 28);

/// What happened to the probes sent in one slice of time, with those whose fate is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LossSpan {
    /// Probes that left in this slice.
    pub sent: u32,
    /// Those set aside for local trouble.
    pub set_aside: u32,
    /// The others.
    pub fates: Fates,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Answered {
    /// First and last, each.
    probes: (u32, u32),
    replies: (u32, u32),
    epoch: u16,
    /// The reflector's numbers began anew among them.
    several_epochs: bool,
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

impl Fates {
    /// Of so many probes, and the numbers that go with them.
    pub fn new(received: u32, lost: u32, numbers: Numbers) -> Self {
        Fates {
            received,
            lost,
            numbers,
        }
    }

    /// A probe timed out.
    pub fn record_lost(&mut self) {
        self.lost += 1;
    }

    /// A probe was answered by a reflector that has no numbers of its own.
    pub fn record_received(&mut self) {
        self.received += 1;
    }

    /// Probe `sequence` was answered with the reflector's number `reflector` of `epoch`.
    pub fn record_answered(&mut self, sequence: u64, reflector: u64, epoch: u32) {
        self.received += 1;
        self.numbers.answered(sequence, reflector, epoch);
    }

    /// Adds a neighbouring slice.
    pub fn merge(&mut self, other: &Fates) {
        self.received += other.received;
        self.lost += other.lost;
        self.numbers.merge(other.numbers);
    }

    /// Lost probes of those whose fate is known; `None` if there is none.
    pub fn ratio(&self) -> Option<Ppm> {
        Ppm::of(self.lost.into(), self.received.into())
    }

    /// Losses by direction. If the reflector began anew within the slice, all are unattributed.
    ///
    /// Exact once nothing of the slice is in flight, if no packet is doubled and none overtakes
    /// another across the ends of the slice.
    pub fn split(&self) -> LossSplit {
        let (received, lost) = (u64::from(self.received), u64::from(self.lost));
        let Some(Answered {
            probes, replies, ..
        }) = self.numbers.0.filter(|answered| !answered.several_epochs)
        else {
            return LossSplit {
                received,
                unattributed: lost,
                ..LossSplit::default()
            };
        };
        let missing = numbers_in(probes).saturating_sub(received);
        let inside = missing.min(lost);
        let backward = numbers_in(replies).saturating_sub(received).min(inside);
        let forward = inside - backward;
        LossSplit {
            received,
            forward,
            backward,
            unattributed: lost - inside,
        }
    }
}

impl Numbers {
    /// Probe `sequence` was answered with the reflector's number `reflector` of `epoch`.
    pub fn answered(&mut self, sequence: u64, reflector: u64, epoch: u32) {
        self.widen(Answered {
            probes: (sequence as u32, sequence as u32),
            replies: (reflector as u32, reflector as u32),
            epoch: epoch as u16,
            several_epochs: false,
        });
    }

    fn merge(&mut self, other: Numbers) {
        if let Some(answered) = other.0 {
            self.widen(answered);
        }
    }

    fn several_epochs(&self) -> bool {
        self.0.is_some_and(|answered| answered.several_epochs)
    }

    fn widen(&mut self, with: Answered) {
        self.0 = Some(match self.0 {
            None => with,
            Some(a) => Answered {
                probes: hull(a.probes, with.probes),
                replies: hull(a.replies, with.replies),
                epoch: a.epoch,
                several_epochs: a.several_epochs | with.several_epochs | (a.epoch != with.epoch),
            },
        });
    }
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

    /// A probe of this span was set aside.
    pub fn record_set_aside(&mut self) {
        self.set_aside += 1;
    }

    /// Adds a neighbouring span.
    pub fn merge(&mut self, other: &LossSpan) {
        self.sent += other.sent;
        self.set_aside += other.set_aside;
        self.fates.merge(&other.fates);
    }

    /// Probes whose fate is open.
    pub fn in_flight(&self) -> u32 {
        let known = self.fates.received + self.fates.lost + self.set_aside;
        self.sent.saturating_sub(known)
    }
}

impl LossSplit {
    /// Sums up slices in order of time. Neighbours of one epoch are merged first, so that a restart
    /// of the reflector takes the direction only from the losses of its own slice.
    pub fn of(slices: impl IntoIterator<Item = Fates>) -> LossSplit {
        let mut total = LossSplit::default();
        let mut run = Fates::default();
        for slice in slices {
            let mut longer = run;
            longer.merge(&slice);
            if longer.numbers.several_epochs() {
                total.add(run.split());
                run = slice;
            } else {
                run = longer;
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

fn numbers_in((first, last): (u32, u32)) -> u64 {
    u64::from(last.wrapping_sub(first)) + 1
}

/// Both stretches and what lies between them.
fn hull(a: (u32, u32), b: (u32, u32)) -> (u32, u32) {
    let is_before = |one: u32, other: u32| (one.wrapping_sub(other) as i32) < 0;
    let first = if is_before(b.0, a.0) { b.0 } else { a.0 };
    let last = if is_before(a.1, b.1) { b.1 } else { a.1 };
    (first, last)
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
                Some(r) => span.fates.record_answered(s, r, epoch),
                None => span.fates.record_lost(),
            }
        }
        span
    }

    #[test]
    fn an_empty_span_knows_no_ratio() {
        assert_eq!(Fates::default().ratio(), None);
        assert_eq!(Fates::default().split(), LossSplit::default());
    }

    #[test]
    fn forward_and_backward_losses_are_told_apart_across_spans() {
        let forward = span(0, 10, 0, |s| (s != 9).then_some(s));
        let backward = span(10, 20, 0, |s| (s != 10).then_some(s - 1));
        let split = LossSplit::of([forward.fates, backward.fates]);
        assert_eq!(
            (split.forward, split.backward, split.unattributed),
            (1, 1, 0)
        );
    }

    #[test]
    fn losses_after_the_last_answer_have_no_direction_yet() {
        let first = span(0, 10, 0, |s| (s < 8).then_some(s));
        assert_eq!(first.fates.split().unattributed, 2);
        let second = span(10, 20, 0, |s| Some(s - 2));
        assert_eq!(LossSplit::of([first.fates, second.fates]).forward, 2);
    }

    #[test]
    fn a_reflector_without_numbers_gives_no_direction() {
        let mut span = LossSpan::default();
        for lost in [false, true, false] {
            span.record_sent();
            if lost {
                span.fates.record_lost()
            } else {
                span.fates.record_received()
            }
        }
        assert_eq!(
            span.fates.split(),
            LossSplit {
                received: 2,
                unattributed: 1,
                ..LossSplit::default()
            }
        );
        assert_eq!(span.fates.ratio().map(Ppm::get), Some(333_333));
    }

    #[test]
    fn a_restart_takes_the_direction_only_from_its_own_span() {
        let before = span(0, 10, 0, |s| {
            (s != 5).then_some(if s < 5 { s } else { s - 1 })
        });
        let mut around = span(10, 15, 0, |s| (s < 13).then_some(s - 1));
        around.merge(&span(15, 20, 1, |s| Some(s - 15)));
        let after = span(20, 30, 1, |s| (s != 25).then_some(s - 15));
        let split = LossSplit::of([before, around, after].map(|span| span.fates));
        assert_eq!(
            (split.forward, split.backward, split.unattributed),
            (1, 1, 2)
        );
        assert_eq!(split.received, 26);
    }

    #[test]
    fn numbers_may_pass_the_end_of_their_range() {
        let end = u64::from(u32::MAX);
        let first = span(end - 9, end + 1, 65_535, |s| (s != end).then_some(s));
        let second = span(end + 1, end + 11, 65_535, |s| {
            (s != end + 5).then_some(if s < end + 5 { s } else { s - 1 })
        });
        let split = LossSplit::of([first.fates, second.fates]);
        assert_eq!((split.received, split.forward, split.backward), (18, 1, 1));
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
                    0 if i != 0 && i != last => { span.fates.record_lost(); forward += 1; }
                    1 if i != 0 && i != last => { span.fates.record_lost(); backward += 1; r += 1; }
                    _ => { span.fates.record_answered(i as u64, r, 0); r += 1; }
                }
            }
            let split = LossSplit::of(spans.iter().map(|span| span.fates));
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
                    0 => span.fates.record_lost(),
                    1 => span.fates.record_received(),
                    2 => span.fates.record_answered(s >> 1, r >> 1, epoch),
                    _ => {}
                }
                prop_assert_eq!(span.fates.split().lost(), u64::from(span.fates.lost));
                prop_assert_eq!(span.sent, span.fates.received + span.fates.lost + span.in_flight());
            }
        }
    }
}
