//! The two clocks of the host, read together.

use std::time::Duration;

use twamp_core::time::{ErrorEstimate, Mono, Now, Wall};

/// Two readings of `CLOCK_BOOTTIME` further apart than this had something in between: a
/// preemption, an interrupt, a halt of the virtual machine.
const STRADDLE: Duration = Duration::from_micros(20);
const TRIES: usize = 4;

/// `CLOCK_BOOTTIME` and `CLOCK_REALTIME`, read back to back.
///
/// The wall clock is read between two readings of the other one; of a few tries the tightest is
/// taken, so that a pause of this thread doesn't pull the pair apart.
pub(crate) fn clock() -> Now {
    let (mut best, mut gap) = pair();
    for _ in 1..TRIES {
        if gap <= STRADDLE {
            break;
        }
        let (again, narrower) = pair();
        if narrower < gap {
            (best, gap) = (again, narrower);
        }
    }
    best
}

/// `CLOCK_BOOTTIME` alone, for a length of time.
pub(super) fn mono() -> Mono {
    Mono(nanos(libc::CLOCK_BOOTTIME).cast_unsigned())
}

/// TAI − UTC since 2017, in seconds.
const TAI_OFFSET_S: i32 = 37;

/// How good the wall clock is, as the kernel knows it from whoever disciplines it (`adjtimex`).
pub(crate) fn clock_error() -> ErrorEstimate {
    let (state, timex) = discipline();
    // The kernel lets it grow while nobody disciplines the clock.
    let micros = u64::try_from(timex.maxerror).unwrap_or(u64::MAX);
    estimate(state, timex.status, micros)
}

/// From what `adjtimex` answered, the clock's status and its largest error.
fn estimate(state: libc::c_int, status: libc::c_int, micros: u64) -> ErrorEstimate {
    let synchronised = state >= 0 && status & libc::STA_UNSYNC == 0;
    ErrorEstimate::new(synchronised, micros.saturating_mul(1_000))
}

/// TAI − UTC in seconds, which stamps in the format of PTP need. The kernel knows it only where
/// whoever disciplines the clock has told it; elsewhere it is that of 2017, which still holds.
pub(crate) fn tai_offset_s() -> i32 {
    let (state, timex) = discipline();
    tai(state, timex.tai)
}

fn tai(state: i32, told: i32) -> i32 {
    if state >= 0 && told > 0 {
        told
    } else {
        TAI_OFFSET_S
    }
}

/// What the kernel knows of the wall clock; with a negative state nothing.
fn discipline() -> (i32, libc::timex) {
    // SAFETY: all zeros are a valid `timex`; with `modes` 0 the call only reads.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `timex` is valid to write to.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    (state, timex)
}

/// One reading of the pair, and the time it took.
fn pair() -> (Now, Duration) {
    let before = mono();
    let wall = Wall(nanos(libc::CLOCK_REALTIME));
    let after = mono();
    let gap = after.since(before);
    let middle = before + gap / 2;
    (Now { mono: middle, wall }, gap)
}

fn nanos(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec to write to; both clocks exist on every Linux, so the
    // call cannot fail (and would leave zeros if it did).
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    #[allow(
        clippy::useless_conversion,
        reason = "32-bit targets have narrower fields"
    )]
    let (seconds, nanos) = (i64::from(time.tv_sec), i64::from(time.tv_nsec));
    seconds * 1_000_000_000 + nanos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_run_backwards() {
        let mut last = clock();
        for _ in 0..1000 {
            let now = clock();
            assert!(now.mono >= last.mono);
            last = now;
        }
    }

    #[test]
    fn tai_is_ahead_of_utc_by_what_the_kernel_was_told_or_as_since_2017() {
        assert_eq!([tai(0, 38), tai(5, 38)], [38, 38]);
        assert_eq!([tai(0, 0), tai(-1, 38), tai(0, -1)], [37, 37, 37]);
        assert!((37..60).contains(&tai_offset_s()));
    }

    #[test]
    fn the_wall_clock_is_past_the_year_2020() {
        assert!(clock().wall > Wall(1_577_836_800_000_000_000));
    }

    #[test]
    fn the_clock_is_synchronised_if_the_kernel_says_so_and_its_error_is_the_largest_possible() {
        let good = estimate(libc::TIME_OK, libc::STA_PLL, 16_000);
        assert!(good.synchronised() && good.error_ns() >= 16_000_000);
        let lone = estimate(libc::TIME_ERROR, libc::STA_UNSYNC, 16_000_000);
        assert!(!lone.synchronised() && lone.error_ns() >= 16_000_000_000);
        let refused = estimate(-1, 0, 0);
        assert!(!refused.synchronised() && refused.is_valid());
    }
}
