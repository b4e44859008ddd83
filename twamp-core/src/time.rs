//! Clocks and stamps.
//!
//! Nothing in this crate reads a clock: every time comes in as an argument, as [`Mono`] (for
//! timers), [`Wall`] (for stamps), or both in one [`Now`]. On the wire stand [`Ntp64`] and
//! [`ErrorEstimate`].

use std::ops::Add;
use std::time::Duration;

/// Seconds from the NTP epoch (1900-01-01) to the Unix epoch.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
const FRACTION_MASK: u64 = 0xffff_ffff;

/// Wall-clock time: nanoseconds since the Unix epoch, as `CLOCK_REALTIME` (UTC) tells it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Wall(pub i64);

impl Wall {
    /// Signed nanoseconds from `earlier` to `self`, saturating.
    pub fn since(self, earlier: Wall) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Nanoseconds since the Unix epoch.
    pub fn nanos(self) -> i64 {
        self.0
    }
}

/// Time of a monotonic clock of arbitrary origin, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Mono(pub u64);

impl Mono {
    /// Time passed from `earlier` to `self`; zero if `earlier` is the later one.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Nanoseconds since the clock's origin.
    pub fn nanos(self) -> u64 {
        self.0
    }
}

/// Saturates at the end of the clock's range.
impl Add<Duration> for Mono {
    type Output = Mono;

    fn add(self, rest: Duration) -> Mono {
        let nanos = u64::try_from(rest.as_nanos()).unwrap_or(u64::MAX);
        Mono(self.0.saturating_add(nanos))
    }
}

/// Both clocks, read at the same moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct Now {
    /// For timers.
    pub mono: Mono,
    /// For stamps.
    pub wall: Wall,
}

/// The 64-bit NTP format: 32 bits of seconds since 1900 (modulo the era of 2^32 s), 32 bits of
/// fraction (RFC 5905, section 6). As an interval (the Timeout field): seconds and fraction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Ntp64(pub u64);

impl Ntp64 {
    /// Encodes a wall-clock time; the fraction is rounded down, the era is lost.
    pub fn from_wall(wall: Wall) -> Ntp64 {
        // Cutting to 64 bits is what drops the era.
        Ntp64(unbounded(wall) as u64)
    }

    /// Decodes, in the era that brings the result nearest to `near`.
    ///
    /// The fraction is rounded to the nearest nanosecond, so that `from_wall` is undone exactly
    /// while `near` is within 68 years. Saturates at the ends of [`Wall`].
    pub fn to_wall(self, near: Wall) -> Wall {
        let near = unbounded(near);
        let distance = self.0.wrapping_sub(near as u64) as i64;
        let full = near + i128::from(distance);
        let seconds = (full >> 32) - i128::from(NTP_TO_UNIX_S);
        let nanos = seconds * i128::from(NANOS_PER_SECOND)
            + i128::from(fraction_to_nanos(full as u64 & FRACTION_MASK));
        Wall(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }

    /// Encodes an interval, rounded down; saturates at just below 2^32 s.
    pub fn from_duration(interval: Duration) -> Ntp64 {
        match u32::try_from(interval.as_secs()) {
            Ok(seconds) => {
                let fraction = nanos_to_fraction(interval.subsec_nanos().into());
                Ntp64(u64::from(seconds) << 32 | fraction)
            }
            Err(_) => Ntp64(u64::MAX),
        }
    }

    /// Decodes an interval, to the nearest nanosecond.
    pub fn to_duration(self) -> Duration {
        Duration::from_secs(self.0 >> 32)
            + Duration::from_nanos(fraction_to_nanos(self.0 & FRACTION_MASK))
    }
}

/// NTP time with as many bits of seconds as it takes: no era.
fn unbounded(wall: Wall) -> i128 {
    let seconds = wall.0.div_euclid(NANOS_PER_SECOND) + NTP_TO_UNIX_S;
    let nanos = wall.0.rem_euclid(NANOS_PER_SECOND) as u64;
    i128::from(seconds) << 32 | i128::from(nanos_to_fraction(nanos))
}

/// Below 10^9 in, below 2^32 out.
fn nanos_to_fraction(nanos: u64) -> u64 {
    (nanos << 32) / NANOS_PER_SECOND as u64
}

/// Below 2^32 in; 10^9 may come out, which carries into the seconds.
fn fraction_to_nanos(fraction: u64) -> u64 {
    (fraction * NANOS_PER_SECOND as u64 + (1 << 31)) >> 32
}

/// How far a stamp may be from true time (RFC 4656, section 4.1.2):
/// `S | Z | Scale (6 bits) | Multiplier (8 bits)`, error = Multiplier · 2^Scale · 2^-32 s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub struct ErrorEstimate(pub u16);

impl ErrorEstimate {
    const SYNCHRONISED: u16 = 0x8000;
    const PTP: u16 = 0x4000;

    /// The tightest estimate that is not below `error_ns`: smallest Scale, Multiplier never 0.
    pub fn new(synchronised: bool, error_ns: u64) -> ErrorEstimate {
        let error = u128::from(error_ns) << 32;
        let mut scale = 0u16;
        let mut multiplier = error.div_ceil(NANOS_PER_SECOND as u128);
        while multiplier > 0xff {
            scale += 1;
            multiplier = error.div_ceil((NANOS_PER_SECOND as u128) << scale);
        }
        let flag = if synchronised { Self::SYNCHRONISED } else { 0 };
        ErrorEstimate(flag | scale << 8 | multiplier.max(1) as u16)
    }

    /// The same of stamps that may be off by so much more, in nanoseconds.
    #[must_use]
    pub fn widened(self, by_ns: u64) -> ErrorEstimate {
        let error = Self::new(self.synchronised(), self.error_ns().saturating_add(by_ns));
        ErrorEstimate(error.0 | self.0 & Self::PTP)
    }

    /// False when the Multiplier is 0: the packet is corrupt and must be discarded.
    pub fn is_valid(self) -> bool {
        self.0 & 0xff != 0
    }

    /// The S bit: the clock is synchronised to an outside source.
    pub fn synchronised(self) -> bool {
        self.0 & Self::SYNCHRONISED != 0
    }

    /// The Z bit: the stamp is in PTPv2 format, not NTP (RFC 8186).
    pub fn ptp(self) -> bool {
        self.0 & Self::PTP != 0
    }

    /// The error in nanoseconds, rounded up, saturating. Means nothing unless `is_valid`.
    pub fn error_ns(self) -> u64 {
        let scale = self.0 >> 8 & 0x3f;
        let error = u128::from(self.0 & 0xff) << scale;
        let nanos = (error * NANOS_PER_SECOND as u128).div_ceil(1 << 32);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2036-02-07 06:28:16 UTC, when the NTP seconds start again at 0.
    const ROLLOVER: Wall = Wall(2_085_978_496 * NANOS_PER_SECOND);

    #[test]
    fn known_times_have_known_encodings() {
        let golden = [
            (1_700_000_000, 250_000_000, 0xe8fe_6f80_4000_0000),
            (1_700_000_000, 261_500_000, 0xe8fe_6f80_42f1_a9fb),
            (1_700_000_000, 261_540_000, 0xe8fe_6f80_42f4_4912),
            (1_700_000_000, 272_000_000, 0xe8fe_6f80_45a1_cac0),
            (0, 0, 0x83aa_7e80_0000_0000),
            (2_085_978_495, 999_999_999, 0xffff_ffff_ffff_fffb),
            (2_085_978_496, 0, 0),
        ];
        for (seconds, nanos, ntp) in golden {
            let wall = Wall(seconds * NANOS_PER_SECOND + nanos);
            assert_eq!(Ntp64::from_wall(wall), Ntp64(ntp));
            assert_eq!(Ntp64(ntp).to_wall(wall), wall);
        }
    }

    #[test]
    fn a_delay_across_the_2036_rollover_is_small_and_positive() {
        let before = Wall(ROLLOVER.0 - 5_000_000);
        let after = Wall(ROLLOVER.0 + 7_000_000);
        for near in [before, after] {
            let sent = Ntp64::from_wall(before).to_wall(near);
            let received = Ntp64::from_wall(after).to_wall(near);
            assert_eq!(received.since(sent), 12_000_000);
        }
    }

    #[test]
    fn the_same_stamp_is_in_another_era_when_seen_136_years_later() {
        let stamp = Ntp64::from_wall(Wall(0));
        let era = Wall((1 << 32) * NANOS_PER_SECOND);
        assert_eq!(stamp.to_wall(era), era);
    }

    #[test]
    fn the_last_fraction_carries_into_the_next_second() {
        assert_eq!(Ntp64(u64::MAX).to_wall(ROLLOVER), ROLLOVER);
        assert_eq!(Ntp64(0xffff_ffff).to_duration(), Duration::from_secs(1));
    }

    #[test]
    fn intervals_saturate_instead_of_wrapping() {
        assert_eq!(
            Ntp64::from_duration(Duration::from_millis(2500)),
            Ntp64(0x2_8000_0000)
        );
        assert_eq!(
            Ntp64(0x2_8000_0000).to_duration(),
            Duration::from_millis(2500)
        );
        assert_eq!(
            Ntp64::from_duration(Duration::from_secs(1 << 32)),
            Ntp64(u64::MAX)
        );
        assert_eq!(Ntp64(u64::MAX).to_duration(), Duration::from_secs(1 << 32));
    }

    #[test]
    fn monotonic_time_never_runs_backwards_or_over() {
        assert_eq!(Mono(5).since(Mono(9)), Duration::ZERO);
        assert_eq!(Mono(9).since(Mono(5)), Duration::from_nanos(4));
        assert_eq!(Mono(u64::MAX - 1) + Duration::from_secs(1), Mono(u64::MAX));
        assert_eq!(Mono(1) + Duration::MAX, Mono(u64::MAX));
    }

    #[test]
    fn wall_differences_saturate() {
        assert_eq!(Wall(3).since(Wall(10)), -7);
        assert_eq!(Wall(i64::MAX).since(Wall(i64::MIN)), i64::MAX);
    }

    #[test]
    fn known_error_estimates_have_known_encodings() {
        assert_eq!(ErrorEstimate::new(true, 1_000_000), ErrorEstimate(0x8f84));
        assert_eq!(ErrorEstimate::new(true, 1_000), ErrorEstimate(0x8587));
        assert_eq!(ErrorEstimate::new(true, 0), ErrorEstimate(0x8001));
        assert_eq!(ErrorEstimate::new(false, 0), ErrorEstimate(0x0001));
    }

    #[test]
    fn error_estimate_fields_are_read_apart() {
        let ptp = ErrorEstimate(0xce42);
        assert!(ptp.synchronised() && ptp.ptp() && ptp.is_valid());
        assert_eq!(ptp.error_ns(), 251_771);
        assert!(!ErrorEstimate(0x8a00).is_valid());
        assert!(!ErrorEstimate(0x3fff).synchronised() && !ErrorEstimate(0x3fff).ptp());
        assert_eq!(ErrorEstimate(0x3fff).error_ns(), u64::MAX);
    }

    proptest! {
        #[test]
        fn wall_time_survives_the_wire(wall: i64, off in -(1i64 << 60)..1 << 60) {
            let near = Wall(wall.saturating_add(off));
            prop_assert_eq!(Ntp64::from_wall(Wall(wall)).to_wall(near), Wall(wall));
        }

        #[test]
        fn any_stamp_decodes_to_within_half_an_era(stamp: u64, near: i64) {
            let wall = Ntp64(stamp).to_wall(Wall(near));
            prop_assert!(wall.0.abs_diff(near) <= (1 << 31) * NANOS_PER_SECOND as u64 + 1);
        }

        #[test]
        fn an_interval_survives_the_wire(seconds: u32, nanos in 0u32..1_000_000_000) {
            let interval = Duration::new(seconds.into(), nanos);
            prop_assert_eq!(Ntp64::from_duration(interval).to_duration(), interval);
        }

        #[test]
        fn a_widened_estimate_has_room_for_both_errors_and_its_bits(word: u16, by_ns in 0u64..1 << 40) {
            let narrow = ErrorEstimate(word);
            let wide = narrow.widened(by_ns);
            prop_assert!(wide.error_ns() >= narrow.error_ns().saturating_add(by_ns));
            prop_assert!(wide.is_valid());
            prop_assert_eq!(wide.synchronised(), narrow.synchronised());
            prop_assert_eq!(wide.ptp(), narrow.ptp());
        }

        #[test]
        fn an_error_estimate_is_never_below_and_at_most_one_step_above(error_ns: u64, s: bool) {
            let estimate = ErrorEstimate::new(s, error_ns);
            prop_assert!(estimate.is_valid());
            prop_assert_eq!(estimate.synchronised(), s);
            prop_assert!(estimate.error_ns() >= error_ns);
            prop_assert!(estimate.error_ns() - error_ns <= error_ns / 127 + 1);
        }
    }
}
