//! How much later than its time is read a packet leaves. A packet that tells the time of its
//! sending is finished before it is handed to the kernel; so that it doesn't tell too early a
//! time, the way that is usual is added. The kernel's stamps of a few packets teach it.
//!
//! ```text
//!   time read ── handed over ──┬── 1st leaves ──┬── 2nd leaves ── …
//!      └────── first ──────────┘└───── each ────┘
//! ```
//!
//! Of what was seen lately the least is taken: a packet hardly ever says that it leaves later than
//! it does, so that no delay comes out shorter than it was.

use std::time::Duration;

use twamp_core::time::Mono;

/// Packets that teach one value.
const LESSON: usize = 16;
/// Between two packets that are asked when they left, once something is known.
const REST: Duration = Duration::from_millis(10);
/// Longer ways are a thread that was held up, not usual.
const LONGEST: Duration = Duration::from_micros(200);

/// What is usual on one path.
#[derive(Default)]
pub(super) struct Lead {
    first: Least,
    each: Least,
    asked: Option<Mono>,
}

impl Lead {
    /// Nanoseconds from the time that is read to the leaving of the packet at `position` of a
    /// batch.
    pub(super) fn of(&self, position: usize) -> i64 {
        let usual = i64::from(self.first.usual) + position as i64 * i64::from(self.each.usual);
        // Packets that nobody asks leave sooner: making the stamp takes its time.
        usual - usual / 4
    }

    /// Is the first packet of this batch to be asked when it leaves?
    pub(super) fn asks(&mut self, now: Mono) -> bool {
        let rests = self.first.is_known() && self.asked.is_some_and(|at| now.since(at) < REST);
        if !rests {
            self.asked = Some(now);
        }
        !rests
    }

    /// The first packet of a batch left so many nanoseconds after its time was read.
    pub(super) fn left(&mut self, late_ns: i64) {
        let late = u64::try_from(late_ns).map(Duration::from_nanos);
        late.into_iter().for_each(|late| self.first.record(late));
    }

    /// A batch of `count` took so long altogether.
    pub(super) fn took(&mut self, count: usize, span: Duration) {
        if count > 1 {
            self.each.record(span / count as u32);
        }
    }
}

/// The least of this lesson and of the one before.
#[derive(Default)]
struct Least {
    former: Option<u32>,
    least: Option<u32>,
    seen: usize,
    usual: u32,
}

impl Least {
    fn is_known(&self) -> bool {
        self.former.is_some()
    }

    fn record(&mut self, span: Duration) {
        if span > LONGEST {
            return;
        }
        // Below LONGEST it fits.
        let span = span.as_nanos() as u32;
        let least = self.least.map_or(span, |least| least.min(span));
        self.least = Some(least);
        if let Some(former) = self.former {
            self.usual = former.min(least);
        }
        self.seen += 1;
        if self.seen == LESSON {
            self.usual = self.former.map_or(least, |former| former.min(least));
            (self.former, self.least, self.seen) = (Some(least), None, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: i64 = 1_000;

    #[test]
    fn nothing_is_added_before_a_lesson_is_learned() {
        let mut lead = Lead::default();
        (1..LESSON).for_each(|_| lead.left(5 * US));
        assert_eq!(lead.of(0), 0);
        lead.left(5 * US);
        assert_eq!(lead.of(0), 3_750);
    }

    #[test]
    fn the_least_is_usual_and_pauses_are_not() {
        let mut lead = Lead::default();
        for late in (5..=20).rev() {
            lead.left(late * US);
            lead.left(3_000 * US);
            lead.left(-US);
        }
        assert_eq!(lead.of(0), 3_750);
        lead.left(4 * US);
        assert_eq!(lead.of(0), 3 * US, "at once");
    }

    #[test]
    fn later_packets_of_a_batch_leave_later() {
        let mut lead = Lead::default();
        for _ in 0..LESSON {
            lead.left(4 * US);
            lead.took(1, Duration::from_micros(90));
            lead.took(8, Duration::from_micros(16));
        }
        let three_quarters = [3_000, 4_500, 13_500];
        assert_eq!([0, 1, 7].map(|n| lead.of(n)), three_quarters);
    }

    #[test]
    fn what_is_usual_now_replaces_what_was_after_two_lessons() {
        let mut lead = Lead::default();
        let mut lesson = |late: i64| {
            (0..LESSON).for_each(|_| lead.left(late * US));
            lead.of(0)
        };
        assert_eq!([4, 8, 8].map(&mut lesson), [3, 3, 6].map(|us| us * US));
    }

    #[test]
    fn every_packet_is_asked_until_a_lesson_is_learned_and_then_one_now_and_then() {
        let mut lead = Lead::default();
        let mut asked = |from: u64| {
            let times = (0..100).map(|ms| Mono((from + ms) * 1_000_000));
            times.filter(|now| lead.asks(*now)).count()
        };
        assert_eq!(asked(1_000), 100);
        (0..LESSON).for_each(|_| lead.left(US));
        let later = (0..100).map(|ms| Mono((2_000 + ms) * 1_000_000));
        assert_eq!(later.filter(|now| lead.asks(*now)).count(), 10);
    }
}
