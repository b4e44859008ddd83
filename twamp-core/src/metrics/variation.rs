//! How much the delay moves. All three measures see differences of delays only, so no offset
//! between the clocks gets in.
//!
//! | measure | compares a delay with | source |
//! |---|---|---|
//! | [`Jitter`] | the one that arrived before, smoothed | RFC 3550, section 6.4.1 |
//! | [`Ipdv`] | the one that was sent before | RFC 3393, RFC 5481 |
//! | [`Pdv`] | the smallest | RFC 5481 |

use super::quantile::Quantiles;

/// The smoothed jitter of RTP: `J += (|D| − J) / 16`, in order of arrival.
///
/// Feed it distinct packets only, no duplicates. One instance for each of forward, backward and
/// round trip: a line keeps six, so they are small.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Jitter {
    /// Means nothing before the first packet.
    last: i64,
    /// Never negative, once there is any.
    jitter: f64,
}

/// In place of the jitter: before the first packet, and before the second.
const NO_PACKET: f64 = -2.0;
const ONE_PACKET: f64 = -1.0;

const _: () = assert!(size_of::<Jitter>() == 16);

impl Default for Jitter {
    /// Of no packet.
    fn default() -> Self {
        Jitter {
            last: 0,
            jitter: NO_PACKET,
        }
    }
}

impl Jitter {
    /// Enters the delay of the next packet to arrive, nanoseconds.
    pub fn record(&mut self, delay: i64) {
        let last = std::mem::replace(&mut self.last, delay);
        if self.jitter == NO_PACKET {
            self.jitter = ONE_PACKET;
            return;
        }
        let jitter = self.jitter.max(0.0);
        let moved = delay.abs_diff(last) as f64;
        self.jitter = jitter + (moved - jitter) / 16.0;
    }

    /// Begins anew: after a clock step or a gap in the session.
    pub fn restart(&mut self) {
        *self = Jitter::default();
    }

    /// Nanoseconds; `None` before two packets.
    pub fn get(&self) -> Option<f64> {
        (self.jitter >= 0.0).then_some(self.jitter)
    }
}

/// How many delays [`Ipdv`] keeps until their neighbour arrives.
const NEIGHBOURS: usize = 64;

/// Inter-packet delay variation: the delay of a packet minus that of the one sent right before it.
/// Undefined if either was lost. Packets may come in any order within 64 numbers.
#[derive(Clone, Debug)]
pub struct Ipdv {
    /// `(number, delay)` at `number % NEIGHBOURS`.
    recent: [Option<(u64, i64)>; NEIGHBOURS],
    count: u64,
    sum_abs: u128,
    min: i64,
    max: i64,
}

impl Default for Ipdv {
    fn default() -> Self {
        Ipdv {
            recent: [None; NEIGHBOURS],
            count: 0,
            sum_abs: 0,
            min: i64::MAX,
            max: i64::MIN,
        }
    }
}

impl Ipdv {
    /// Enters the delay of packet `number`, nanoseconds. Returns the differences that became known:
    /// to the packet sent before, and of the packet sent after.
    pub fn record(&mut self, number: u64, delay: i64) -> [Option<i64>; 2] {
        let before = number.checked_sub(1).and_then(|n| self.delay_of(n));
        let after = number.checked_add(1).and_then(|n| self.delay_of(n));
        self.recent[slot(number)] = Some((number, delay));
        let known = [
            before.map(|before| delay.saturating_sub(before)),
            after.map(|after| after.saturating_sub(delay)),
        ];
        for difference in known.into_iter().flatten() {
            self.count += 1;
            self.sum_abs += u128::from(difference.unsigned_abs());
            self.min = self.min.min(difference);
            self.max = self.max.max(difference);
        }
        known
    }

    /// Forgets the neighbours, keeps the results: after a clock step or a gap in the session.
    pub fn restart(&mut self) {
        self.recent = [None; NEIGHBOURS];
    }

    /// Differences seen.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The most negative and the most positive difference, nanoseconds.
    pub fn extremes(&self) -> Option<(i64, i64)> {
        (self.count > 0).then_some((self.min, self.max))
    }

    /// Mean of the absolute differences, nanoseconds.
    pub fn mean_abs(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_abs as f64 / self.count as f64)
    }

    fn delay_of(&self, number: u64) -> Option<i64> {
        self.recent[slot(number)]
            .filter(|&(n, _)| n == number)
            .map(|(_, delay)| delay)
    }
}

fn slot(number: u64) -> usize {
    (number % NEIGHBOURS as u64) as usize
}

/// Packet delay variation: how far delays lie above the smallest. Never negative.
#[derive(Clone, Debug)]
pub struct Pdv {
    delays: Option<Quantiles>,
    digits: u8,
}

impl Pdv {
    /// Keeps differences to `digits` significant decimal digits (see [`Quantiles`]).
    pub fn with_digits(digits: u8) -> Self {
        Pdv {
            delays: None,
            digits,
        }
    }

    /// Enters one delay, nanoseconds.
    pub fn record(&mut self, delay: i64) {
        self.delays
            .get_or_insert_with(|| Quantiles::around(delay, self.digits))
            .record(delay);
    }

    /// Nanoseconds above the smallest delay that the fraction `q` of the packets stayed within.
    pub fn at(&self, q: f64) -> Option<u64> {
        let delays = self.delays.as_ref()?;
        Some(delays.at(q)?.abs_diff(delays.min()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRANSIT: [i64; 5] = [10_000_000, 10_500_000, 10_200_000, 15_000_000, 10_100_000];
    const HOUR: i64 = 3_600_000_000_000;

    #[test]
    fn known_transits_have_a_known_jitter_whatever_the_offset() {
        let known = [
            31_250.0,
            48_046.875,
            345_043.945_312_5,
            629_728.698_730_468_8,
        ];
        for offset in [0, HOUR, -HOUR] {
            let mut jitter = Jitter::default();
            jitter.record(TRANSIT[0] + offset);
            assert_eq!(jitter.get(), None);
            for (transit, expected) in TRANSIT[1..].iter().zip(known) {
                jitter.record(transit + offset);
                assert_eq!(jitter.get(), Some(expected));
            }
        }
    }

    #[test]
    fn jitter_does_not_see_across_a_restart() {
        let mut jitter = Jitter::default();
        jitter.record(0);
        jitter.restart();
        jitter.record(HOUR);
        assert_eq!(jitter.get(), None);
        jitter.record(HOUR);
        assert_eq!(jitter.get(), Some(0.0));
    }

    #[test]
    fn known_transits_have_known_ipdv_whatever_the_offset() {
        for offset in [0, HOUR, -HOUR] {
            let mut ipdv = Ipdv::default();
            let found: Vec<_> = (0..)
                .zip(TRANSIT)
                .map(|(n, t)| ipdv.record(n, t + offset)[0])
                .collect();
            let known = [
                None,
                Some(500_000),
                Some(-300_000),
                Some(4_800_000),
                Some(-4_900_000),
            ];
            assert_eq!(found, known);
            assert_eq!(ipdv.mean_abs(), Some(2_625_000.0));
            assert_eq!(ipdv.extremes(), Some((-4_900_000, 4_800_000)));
        }
    }

    #[test]
    fn ipdv_is_undefined_next_to_a_lost_packet() {
        let mut ipdv = Ipdv::default();
        assert_eq!(ipdv.record(0, 5), [None, None]);
        assert_eq!(ipdv.record(2, 9), [None, None]);
        assert_eq!((ipdv.count(), ipdv.mean_abs()), (0, None));
    }

    #[test]
    fn known_transits_have_known_pdv_whatever_the_offset() {
        let known = [0, 100_000, 200_000, 500_000, 5_000_000u64];
        for offset in [0, HOUR, -HOUR] {
            let mut pdv = Pdv::with_digits(3);
            TRANSIT.iter().for_each(|t| pdv.record(t + offset));
            for (rank, expected) in (1..).zip(known) {
                let found = pdv.at(f64::from(rank) / 5.0).unwrap();
                assert!(
                    found.abs_diff(expected) <= expected / 1000,
                    "{found} for {expected}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn ipdv_is_the_same_in_any_order_of_arrival(
            delays in proptest::collection::vec(-1_000_000i64..1_000_000, 1..60),
            keys in proptest::collection::vec(any::<u32>(), 60),
        ) {
            let mut numbered: Vec<_> = (0u64..).zip(delays).collect();
            let summed = |order: &[(u64, i64)]| {
                let mut ipdv = Ipdv::default();
                order.iter().for_each(|&(n, d)| _ = ipdv.record(n, d));
                (ipdv.count, ipdv.sum_abs, ipdv.min, ipdv.max)
            };
            let in_order = summed(&numbered);
            numbered.sort_by_key(|&(n, _)| keys[n as usize]);
            prop_assert_eq!(summed(&numbered), in_order);
        }
    }
}
