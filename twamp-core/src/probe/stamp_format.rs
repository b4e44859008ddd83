use crate::metrics::serial::unwrap;
use crate::time::{ErrorEstimate, Ntp64, Wall};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The Z bit of an error estimate: the stamp is PTPv2.
const PTP_BIT: u16 = 0x4000;

/// How stamps are written: NTP, or truncated PTPv2 (RFC 8186): 32 bits of seconds since 1970 by
/// the PTP clock, 32 bits of nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StampFormat {
    /// PTPv2 instead of NTP.
    pub ptp: bool,
    /// How far PTP clocks are ahead of UTC, in seconds: TAI − UTC, or 0 for one that keeps UTC.
    /// A peer's stamps are taken for UTC if that brings them nearer to our own.
    pub tai_offset_s: i32,
}

/// NTP; PTP clocks that keep TAI, as it is since 2017.
impl Default for StampFormat {
    fn default() -> Self {
        StampFormat {
            ptp: false,
            tai_offset_s: 37,
        }
    }
}

impl StampFormat {
    /// What is sent for this time.
    pub fn encode(self, wall: Wall) -> Ntp64 {
        if !self.ptp {
            return Ntp64::from_wall(wall);
        }
        let nanos = wall.0.rem_euclid(NANOS_PER_SECOND);
        let seconds = wall.0.div_euclid(NANOS_PER_SECOND) + i64::from(self.tai_offset_s);
        // Cutting to 32 bits is what drops the era.
        Ntp64(u64::from(seconds as u32) << 32 | nanos as u64)
    }

    /// Sets the Z bit as the format wants it.
    pub(super) fn mark(self, error: ErrorEstimate) -> ErrorEstimate {
        ErrorEstimate(error.0 & !PTP_BIT | if self.ptp { PTP_BIT } else { 0 })
    }

    /// Times of a peer's clock, near to `near`. The Z bit in `error` tells their format, not
    /// `self`. `None` if one of them can't be a PTP stamp. All are moved to UTC, or none: what
    /// lies between them stays.
    pub(crate) fn decode<const N: usize>(
        self,
        stamps: [Ntp64; N],
        error: ErrorEstimate,
        near: Wall,
    ) -> Option<[Wall; N]> {
        if !error.ptp() {
            return Some(stamps.map(|stamp| stamp.to_wall(near)));
        }
        let mut walls = [Wall::default(); N];
        for (wall, stamp) in walls.iter_mut().zip(stamps) {
            *wall = from_ptp(stamp, near)?;
        }
        let ahead = i64::from(self.tai_offset_s) * NANOS_PER_SECOND;
        let to_utc = |wall: Wall| Wall(wall.0.saturating_sub(ahead));
        let is_tai = |first: &Wall| to_utc(*first).0.abs_diff(near.0) < first.0.abs_diff(near.0);
        match walls.first().is_some_and(is_tai) {
            true => Some(walls.map(to_utc)),
            false => Some(walls),
        }
    }
}

/// By the PTP clock, whatever that keeps; the era is the one nearest to `near`.
fn from_ptp(stamp: Ntp64, near: Wall) -> Option<Wall> {
    let nanos = (stamp.0 & 0xffff_ffff) as i64;
    if nanos >= NANOS_PER_SECOND {
        return None;
    }
    let near_s = near.0.div_euclid(NANOS_PER_SECOND).max(0) as u64;
    let seconds = i64::try_from(unwrap(near_s, (stamp.0 >> 32) as u32)).unwrap_or(i64::MAX);
    let whole = seconds.saturating_mul(NANOS_PER_SECOND);
    Some(Wall(whole.saturating_add(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{number, octets, variable, vectors};
    use proptest::prelude::*;

    const NTP: ErrorEstimate = ErrorEstimate(0x8a64);
    const PTP: ErrorEstimate = ErrorEstimate(0xca64);

    fn ptp(tai_offset_s: i32) -> StampFormat {
        StampFormat {
            ptp: true,
            tai_offset_s,
        }
    }

    #[test]
    fn the_timestamp_vectors_come_out_in_both_formats() {
        for case in vectors()["timestamps"].as_array().unwrap() {
            let seconds = number(&case["unix_sec"]) as i64;
            let wall = Wall(seconds * NANOS_PER_SECOND + number(&case["nsec"]) as i64);
            let [as_ntp, as_ptp] =
                ["ntp", "ptp_tai37"].map(|f| u64::from_be_bytes(octets(&case[f])));
            assert_eq!(StampFormat::default().encode(wall).0, as_ntp);
            assert_eq!(ptp(37).encode(wall).0, as_ptp);
            let ours = StampFormat::default();
            assert_eq!(ours.decode([Ntp64(as_ntp)], NTP, wall), Some([wall]));
            assert_eq!(ours.decode([Ntp64(as_ptp)], PTP, wall), Some([wall]));
        }
    }

    #[test]
    fn the_error_estimate_vectors_read_as_they_should() {
        for case in vectors()["error_estimates"].as_array().unwrap() {
            let error = ErrorEstimate(u16::from_be_bytes(octets(&case["hex"])));
            assert_eq!(variable(&case["hex"]), error.0.to_be_bytes());
            assert_eq!(
                error.is_valid(),
                case.get("invalid_multiplier_zero").is_none()
            );
            if let Some(multiplier) = case.get("multiplier") {
                assert_eq!(u64::from(error.0 & 0xff), number(multiplier));
                assert_eq!(u64::from(error.0 >> 8 & 0x3f), number(&case["scale"]));
                assert_eq!(u64::from(error.ptp()), number(&case["Z"]));
                assert_eq!(u64::from(error.synchronised()), number(&case["S"]));
            }
            if let Some(seconds) = case.get("encode_of_seconds") {
                let nanos = (seconds.as_f64().unwrap() * 1e9).round() as u64;
                assert_eq!(ErrorEstimate::new(true, nanos), error);
            }
        }
    }

    #[test]
    fn the_z_bit_follows_the_format_and_nothing_else_changes() {
        for bits in [0x8a64, 0xca64] {
            let error = ErrorEstimate(bits);
            assert_eq!(StampFormat::default().mark(error), NTP);
            assert_eq!(ptp(0).mark(error), PTP);
        }
    }

    #[test]
    fn a_stamp_with_a_billion_nanoseconds_is_none() {
        let ours = StampFormat::default();
        let bad = Ntp64(1_000_000_000);
        assert_eq!(ours.decode([bad], PTP, Wall(0)), None);
        assert_eq!(ours.decode([Ntp64(0), bad], PTP, Wall(0)), None);
    }

    proptest! {
        #[test]
        fn time_survives_ptp_whether_it_keeps_tai_or_utc(
            wall in 100_000_000_000i64..1 << 62, off in -1_000_000_000i64..1_000_000_000, tai: bool,
        ) {
            let stamp = ptp(if tai { 37 } else { 0 }).encode(Wall(wall));
            let near = Wall(wall + off);
            prop_assert_eq!(StampFormat::default().decode([stamp], PTP, near), Some([Wall(wall)]));
        }

        #[test]
        fn nothing_overflows(
            stamps: [u64; 2], error: u16, near: i64, tai_offset_s: i32, wall: i64,
        ) {
            ptp(tai_offset_s).decode(stamps.map(Ntp64), ErrorEstimate(error), Wall(near));
            ptp(tai_offset_s).encode(Wall(wall));
        }
    }
}
