//! The clock of an interface (PHC), and what its times are in ours.
//!
//! It counts UTC, TAI or from nought, is set by whom it likes and runs at a rate of its own. But what
//! arrives has two stamps: the interface's, and the kernel's some microseconds later. The least
//! difference of the two is what lies between the clocks, and the shortest way from one stamp to
//! the other. That is the offset.
//!
//! ```text
//!  kernel − interface
//!   │ ·          ·        ·       ·
//!   │    ·   ·        ·        ·
//!   │____·___________ ____________·  the least of one span …
//!   │               ╱
//!   │______________╱                 … is where the offset rises to during the next
//!   └────────────────────────────▶
//! ```
//!
//! A smaller difference holds at once, a larger one little by little, so that no delay has a leap
//! in it: a clock that runs slower or faster is followed, and a packet that was late for all its
//! span moves nothing much.
//!
//! The shortest way is in the offset. It is the same for what leaves and what arrives, hence no
//! part of T4 − T1: a round trip is told by the interface's clock alone. The way there appears
//! shorter by it, and the way back longer, as in the kernel's stamps.

use std::time::Duration;

use twamp_core::time::{Mono, Wall};

use super::event::NetCounters;

/// From one offset to the next, if enough packets have come,
const SPAN: Duration = Duration::from_secs(1);
/// which is as many as this. Otherwise it takes longer,
const ENOUGH: u32 = 8;
/// but no longer than this: then nothing is known any more.
const LONGEST: Duration = Duration::from_secs(16);
/// What rises by more was set: no clock is that much slower.
const SET_NS: i64 = 1_000_000;
/// Both stamps of a packet are no further apart, or the interface's is none.
const APART_NS: i64 = 10_000_000;

/// A time as the interface's clock tells it, nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Raw(pub(super) i64);

/// What is known of the clock of one path's interface.
#[derive(Debug)]
pub(super) struct Phc {
    began: Mono,
    packets: u32,
    /// The least difference in this span.
    least: i64,
    /// Where the offset was when the span began, and where it rises to. None: not known.
    rise: Option<(i64, i64)>,
}

impl Phc {
    /// Nothing is known yet.
    pub(super) fn new() -> Phc {
        Phc {
            began: Mono(0),
            packets: 0,
            least: i64::MAX,
            rise: None,
        }
    }

    /// Can its times be told in ours?
    pub(super) fn is_known(&self, now: Mono) -> bool {
        self.rise.is_some() && now.since(self.began) < LONGEST
    }

    /// When a packet arrived, by its two stamps; it teaches the offset. None while nothing is
    /// known, or if it can't be.
    pub(super) fn arrived(
        &mut self,
        raw: Raw,
        kernel: Wall,
        now: Mono,
        counters: &mut NetCounters,
    ) -> Option<Wall> {
        self.learn(kernel.0.saturating_sub(raw.0), now);
        self.told(raw, kernel, now, counters)
    }

    /// What a stamp from about the time `at` is in ours; `kernel` is the other one of its packet.
    pub(super) fn told(
        &self,
        raw: Raw,
        kernel: Wall,
        at: Mono,
        counters: &mut NetCounters,
    ) -> Option<Wall> {
        let told = Wall(raw.0.saturating_add(self.offset(at)?));
        let is_sane = told.since(kernel).saturating_abs() <= APART_NS;
        counters.stamps_refused += u64::from(!is_sane);
        is_sane.then_some(told)
    }

    fn learn(&mut self, difference: i64, now: Mono) {
        let age = now.since(self.began);
        if age >= LONGEST {
            *self = Phc::new();
            self.began = now;
        } else if age >= SPAN && self.packets >= ENOUGH {
            let from = self.offset(now).unwrap_or(self.least);
            let risen = self.least.saturating_sub(from);
            let from = if risen > SET_NS { self.least } else { from };
            self.rise = Some((from, self.least.max(from)));
            (self.began, self.packets, self.least) = (now, 0, i64::MAX);
        }
        self.packets += 1;
        self.least = self.least.min(difference);
        if self.offset(now).is_some_and(|offset| difference < offset) {
            self.rise = Some((difference, difference));
        }
    }

    fn offset(&self, at: Mono) -> Option<i64> {
        let (from, to) = self.rise?;
        let part = at.since(self.began).as_secs_f64() / SPAN.as_secs_f64();
        Some(from + ((to - from) as f64 * part.min(1.0)) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: i64 = 1_000;
    const MS: i64 = 1_000_000;
    const BOOT: i64 = 1_700_000_000_000_000_000;

    /// A host whose interface's clock is so much behind, and by so many millionths slower.
    struct Host {
        phc: Phc,
        counters: NetCounters,
        behind: i64,
        slower_ppm: i64,
        /// Nanoseconds since it began.
        now: i64,
    }

    impl Host {
        fn new(behind: i64, slower_ppm: i64) -> Host {
            Host {
                phc: Phc::new(),
                counters: NetCounters::default(),
                behind,
                slower_ppm,
                now: 0,
            }
        }

        fn raw(&self, at: i64) -> Raw {
            Raw(BOOT + at - at / 1_000_000 * self.slower_ppm - self.behind)
        }

        fn mono(&self) -> Mono {
            Mono(1_000_000_000_000 + self.now as u64)
        }

        /// A packet arrives now, and the kernel sees it so much later. By how much too late the
        /// interface's stamp is told.
        fn arrives(&mut self, later: i64) -> Option<i64> {
            let (raw, mono) = (self.raw(self.now), self.mono());
            let kernel = Wall(BOOT + self.now + later);
            let told = self.phc.arrived(raw, kernel, mono, &mut self.counters)?;
            Some(told.0 - BOOT - self.now)
        }

        /// The same of one that leaves, and that the kernel saw so much before.
        fn leaves(&mut self, sooner: i64) -> Option<i64> {
            let kernel = Wall(BOOT + self.now - sooner);
            let (raw, mono) = (self.raw(self.now), self.mono());
            let told = self.phc.told(raw, kernel, mono, &mut self.counters)?;
            Some(told.0 - BOOT - self.now)
        }

        /// A packet each 20 ms for so long; the kernel sees every fourth one 5 µs later, the others
        /// later still.
        fn runs(&mut self, ms: i64) -> Option<i64> {
            let mut last = None;
            for step in 0..ms / 20 {
                self.now += 20 * MS;
                last = self.arrives((5 + step % 4 * 30) * US);
            }
            last
        }
    }

    #[test]
    fn whatever_the_clock_counts_its_stamps_are_told_in_our_time() {
        let tai = -37_000 * MS;
        for behind in [0, tai, BOOT, i64::MAX / 4] {
            let mut host = Host::new(behind, 0);
            host.runs(3_000);
            assert_eq!(host.arrives(200 * US), Some(5 * US));
            assert_eq!(host.leaves(20 * US), Some(5 * US), "the same for both");
            assert_eq!(host.counters.stamps_refused, 0);
        }
    }

    #[test]
    fn nothing_is_told_before_a_span_has_taught_it_nor_after_a_long_silence() {
        let mut host = Host::new(7, 0);
        assert_eq!(host.runs(900), None);
        assert!(!host.phc.is_known(host.mono()));
        host.runs(200);
        assert!(host.phc.is_known(host.mono()));
        host.now += LONGEST.as_nanos() as i64;
        assert!(!host.phc.is_known(host.mono()));
        assert_eq!(host.arrives(5 * US), None);
    }

    #[test]
    fn a_clock_that_runs_at_its_own_rate_is_followed_without_a_leap() {
        for ppm in [-100, -20, 0, 20, 100] {
            let mut host = Host::new(BOOT, ppm);
            host.runs(4_000);
            host.runs(20);
            let mut before = host.arrives(90 * US).unwrap();
            for _ in 0..500 {
                host.runs(20);
                let told = host.arrives(90 * US).unwrap();
                // Two spans behind at most, and from one packet to the next by its rate, twice.
                let (level, leap) = (told - 5 * US, told - before);
                assert!(level.abs() <= 3 * ppm.abs() * US + US, "{ppm}: {level}");
                assert!(leap.abs() <= 2 * 20 * ppm.abs() + 10, "{ppm}: {leap}");
                before = told;
            }
            assert_eq!(host.counters.stamps_refused, 0);
        }
    }

    #[test]
    fn a_span_in_which_all_packets_were_late_moves_the_offset_slowly() {
        let mut host = Host::new(3, 0);
        host.runs(3_000);
        for _ in 0..60 {
            host.now += 20 * MS;
            host.arrives(105 * US);
        }
        host.now += 20 * MS;
        let told = host.arrives(105 * US).unwrap();
        assert!((5 * US..60 * US).contains(&told), "{told}");
        assert_eq!(host.arrives(5 * US), Some(5 * US), "and back at once");
    }

    #[test]
    fn a_clock_that_is_set_costs_stamps_until_it_is_known_again() {
        for step in [-50 * MS, 50 * MS, 3_600_000 * MS, -3_600_000 * MS] {
            let mut host = Host::new(0, 0);
            host.runs(3_000);
            host.behind += step;
            host.now += 20 * MS;
            // Set forward it is known at once: no stamp is later than the kernel's.
            let expected = (step < 0).then_some(5 * US);
            assert_eq!(host.arrives(5 * US), expected);
            let refused = host.counters.stamps_refused;
            assert_eq!(refused, u64::from(step > 0));
            host.runs(4_000);
            assert_eq!(host.arrives(90 * US), Some(5 * US));
        }
    }

    #[test]
    fn a_stamp_far_from_the_kernels_is_refused_and_counted() {
        let mut host = Host::new(0, 0);
        host.runs(3_000);
        assert_eq!(host.leaves(11 * MS), None);
        assert_eq!(host.leaves(-20 * MS), None);
        assert_eq!(host.counters.stamps_refused, 2);
        for raw in [0, i64::MIN, i64::MAX] {
            let (kernel, mono) = (Wall(BOOT), host.mono());
            let left = host.phc.told(Raw(raw), kernel, mono, &mut host.counters);
            assert_eq!(left, None);
        }
        assert_eq!(host.counters.stamps_refused, 5);
    }
}
