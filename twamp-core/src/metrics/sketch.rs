//! What most packets see, in 256 octets: for streams without an end.
//!
//! ```text
//!            below            origin               above
//!   … │ -3 │  -2  │   -1   │    0    │   1   │  2  │ 3 │ …        buckets
//!                     4 µs ─┘         └─ 4 µs
//! ```
//!
//! Delays are counted by their distance from the origin, in buckets that grow with it: an octave
//! has 32 of them at first. When the delays lie too far apart for the buckets there are, each two
//! neighbours become one. The origin is the smallest delay, so the clocks' offset costs nothing.

/// Buckets that are kept, next to each other.
const BUCKETS: usize = 116;
/// What lies nearer to the origin is one bucket, nanoseconds.
const NEAR: u64 = 4_096;
/// An octave has two to the power of this many buckets, at first.
const FINEST: u8 = 5;

const BUCKETS_AN_OCTAVE: usize = 1 << FINEST;

const _: () = assert!(size_of::<Sketch>() == 256);

/// Quantiles of signed delays in nanoseconds, of fixed size, in place.
///
/// **Error.** With `m` the smallest delay and [`error`](Self::error) `ε`, a quantile `x` is found
/// within `ε · (x − m)` or 4.1 µs, whichever is more. `ε` is 0.011 to begin with, at most 0.044
/// while the delays are less than 80 ms apart, and at most 0.087 up to an hour.
///
/// **A smaller delay** than all before lies below the origin; until the origin has moved, the error
/// is measured from there. The origin moves to the smallest delay whenever the count of delays has
/// doubled. What was entered before is entered anew, as the middle of its bucket, which adds the
/// error of that bucket.
///
/// **Forgetting.** Each 65,535 delays all counts are halved, ranks exactly, and the origin goes to
/// the smallest that is left. So the old fade, and after a lasting change the new ones are told as
/// finely.
#[derive(Clone, Debug)]
pub struct Sketch {
    origin: i64,
    smallest: i64,
    /// The number of the first bucket in `counts`.
    first: i16,
    total: u16,
    /// Two to the power of it is the number of buckets an octave.
    fineness: u8,
    counts: [u16; BUCKETS],
}

impl Default for Sketch {
    /// No delays.
    fn default() -> Self {
        Sketch {
            origin: 0,
            smallest: 0,
            first: 0,
            total: 0,
            fineness: FINEST,
            counts: [0; BUCKETS],
        }
    }
}

impl Sketch {
    /// Enters one delay.
    pub fn record(&mut self, delay: i64) {
        if self.total == 0 {
            (self.origin, self.smallest) = (delay, delay);
        }
        if self.total == u16::MAX {
            self.halve();
        }
        self.smallest = self.smallest.min(delay);
        self.enter(delay, 1);
        if self.total.is_power_of_two() && self.smallest < self.origin {
            self.move_origin();
        }
    }

    /// The delay that the fraction `q` (0 to 1) of the packets stayed within, in nanoseconds.
    pub fn at(&self, q: f64) -> Option<i64> {
        let rank = ((q * f64::from(self.total)).ceil() as u32).clamp(1, self.total.max(1).into());
        let mut up_to = 0;
        self.filled().find_map(|(number, count)| {
            up_to += u32::from(count);
            (up_to >= rank).then(|| self.middle(number))
        })
    }

    /// How far a quantile may be off now, as a part of its distance from the smallest delay.
    pub fn error(&self) -> f64 {
        let growth = self.growth();
        (growth - 1.0) / (growth + 1.0)
    }

    fn enter(&mut self, delay: i64, count: u16) {
        let slot = self.slot(delay);
        self.counts[slot] += count;
        self.total += count;
    }

    /// Where `delay` is counted; the buckets move, and become coarser, until it has a place.
    fn slot(&mut self, delay: i64) -> usize {
        loop {
            let number = self.number(delay);
            if self.total == 0 {
                self.first = number;
            }
            let offset = i32::from(number) - i32::from(self.first);
            if (0..BUCKETS as i32).contains(&offset) {
                return offset as usize;
            }
            let lowest = self.filled().map(|(number, _)| number).next();
            let highest = self.filled().map(|(number, _)| number).last();
            let lowest = lowest.unwrap_or(number).min(number);
            let highest = highest.unwrap_or(number).max(number);
            match (highest - lowest) as usize {
                apart if apart < BUCKETS => self.begin_at(lowest),
                _ => self.coarsen(),
            }
        }
    }

    /// The bucket of `delay`.
    fn number(&self, delay: i64) -> i16 {
        let distance = delay.saturating_sub(self.origin);
        let far = distance.unsigned_abs();
        if far < NEAR {
            return 0;
        }
        let number = (finest(far) >> (FINEST - self.fineness)) + 1;
        if distance < 0 { -number } else { number }
    }

    /// The delay that a bucket stands for: as far from one end as from the other, relatively.
    fn middle(&self, number: i16) -> i64 {
        if number == 0 {
            return self.origin;
        }
        let growth = self.growth();
        let near_end = NEAR as f64 * growth.powi(i32::from(number.abs()) - 1);
        let far = (near_end * 2.0 * growth / (1.0 + growth)) as i64;
        match number < 0 {
            true => self.origin.saturating_sub(far),
            false => self.origin.saturating_add(far),
        }
    }

    /// How much wider a bucket is than the one before.
    fn growth(&self) -> f64 {
        (f64::from(1u16 << self.fineness)).recip().exp2()
    }

    /// Buckets that something is in, with their numbers, ascending.
    fn filled(&self) -> impl Iterator<Item = (i16, u16)> {
        let numbered = (self.first..).zip(self.counts);
        numbered.filter(|(_, count)| *count > 0)
    }

    /// Moves the buckets that are kept; none that is filled falls out.
    fn begin_at(&mut self, first: i16) {
        let before = self.clone();
        self.counts = [0; BUCKETS];
        self.first = first;
        for (number, count) in before.filled() {
            self.counts[(number - first) as usize] = count;
        }
    }

    /// Makes one of each two neighbours. The one at the origin stays.
    fn coarsen(&mut self) {
        let half = |number: i16| number.signum() * ((number.abs() + 1) >> 1);
        let before = self.clone();
        self.counts = [0; BUCKETS];
        self.first = half(before.first);
        self.fineness -= 1;
        for (number, count) in before.filled() {
            self.counts[(half(number) - self.first) as usize] += count;
        }
    }

    /// Measures distances from the smallest delay, as finely as it goes.
    fn move_origin(&mut self) {
        let before = std::mem::take(self);
        (self.origin, self.smallest) = (before.smallest, before.smallest);
        for (number, count) in before.filled() {
            self.enter(before.middle(number).max(self.smallest), count);
        }
    }

    /// Half of all that was entered. Sums up to each bucket are halved, so no rank moves.
    fn halve(&mut self) {
        let (mut before, mut after) = (0u32, 0u32);
        for count in &mut self.counts {
            before += u32::from(*count);
            let half = before / 2 - after;
            after += half;
            *count = half as u16;
        }
        self.total = after as u16;
        let lowest = self.filled().map(|(number, _)| number).next();
        if let Some(number) = lowest.filter(|number| *number > 0) {
            self.smallest = self.middle(number);
        }
        self.move_origin();
    }
}

/// Where the buckets of an octave begin, as parts of its own beginning: the powers of two to the
/// 32nds, in 62 binary places. Two more than there are, which no delay reaches.
const STEPS: [u64; BUCKETS_AN_OCTAVE + 2] = {
    let mut steps = [u64::MAX; BUCKETS_AN_OCTAVE + 2];
    let mut step = 0;
    while step < BUCKETS_AN_OCTAVE {
        // Of each digit of the exponent the root, the one of the root, and so on.
        let (mut product, mut root, mut digit) = (1u128 << 62, 2u128 << 62, FINEST);
        while digit > 0 {
            digit -= 1;
            root = (root << 62).isqrt();
            if step >> digit & 1 == 1 {
                product = (product * root) >> 62;
            }
        }
        steps[step] = product as u64;
        step += 1;
    }
    steps
};

/// The bucket at each 32nd of an octave.
const AT: [u8; BUCKETS_AN_OCTAVE] = {
    let mut at = [0; BUCKETS_AN_OCTAVE];
    let (mut part, mut bucket) = (0, 0);
    while part < BUCKETS_AN_OCTAVE {
        let begin = (1u64 << 62) + ((part as u64) << (62 - FINEST));
        while STEPS[bucket + 1] <= begin {
            bucket += 1;
        }
        at[part] = bucket as u8;
        part += 1;
    }
    at
};

/// How many of the finest buckets lie between [`NEAR`] and `far`, which is not below it.
fn finest(far: u64) -> i16 {
    let octave = far.ilog2() - NEAR.ilog2();
    // From 1 to 2, in 62 binary places.
    let part = far << far.leading_zeros() >> 1;
    let bucket = AT[(part >> (62 - FINEST)) as usize % BUCKETS_AN_OCTAVE];
    // A 32nd is at most one and a half buckets wide.
    let next = usize::from(bucket) + 1;
    let more = i16::from(part >= STEPS[next]) + i16::from(part >= STEPS[next + 1]);
    (octave as i16) * BUCKETS_AN_OCTAVE as i16 + i16::from(bucket) + more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::quantile::Quantiles;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;
    const HOUR: i64 = 3_600_000 * MS;
    const PARTS: [f64; 6] = [0.0, 0.1, 0.5, 0.95, 0.99, 1.0];

    fn of(delays: impl IntoIterator<Item = i64>) -> Sketch {
        let mut sketch = Sketch::default();
        delays.into_iter().for_each(|delay| sketch.record(delay));
        sketch
    }

    fn exactly(delays: &[i64], q: f64) -> i64 {
        let mut sorted = delays.to_vec();
        sorted.sort_unstable();
        sorted[((q * sorted.len() as f64).ceil() as usize).max(1) - 1]
    }

    /// Pseudo-random delays as a line has them: a floor, a queue, now and then a long wait.
    fn line(floor: i64, count: u64) -> impl Iterator<Item = i64> {
        let mut state = 1u64;
        (0..count).map(move |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let draw = (state >> 11) as f64 / (1u64 << 53) as f64;
            floor + (-(1.0 - draw).ln() * 3e6) as i64
        })
    }

    #[test]
    fn buckets_are_those_of_the_logarithm() {
        for number in 0..52 * BUCKETS_AN_OCTAVE {
            let begin = NEAR as f64 * (number as f64 / BUCKETS_AN_OCTAVE as f64).exp2();
            // Rounding may put what lies nearest into either.
            let (below, above) = ((begin * 0.999_999) as u64, (begin * 1.000_001) as u64 + 1);
            assert_eq!(finest(above.max(NEAR)), number as i16, "{number}");
            if number > 0 {
                assert_eq!(finest(below), number as i16 - 1, "{number}");
            }
        }
        assert_eq!(finest(u64::MAX), 52 * 32 - 1);
    }

    #[test]
    fn without_delays_there_is_no_quantile() {
        assert_eq!(of([]).at(0.5), None);
    }

    #[test]
    fn equal_delays_are_told_exactly_whatever_the_clocks() {
        for level in [0, 20 * MS, -HOUR, i64::MIN, i64::MAX] {
            let same = of([level; 100]);
            assert_eq!(PARTS.map(|q| same.at(q)), [Some(level); 6]);
        }
    }

    #[test]
    fn a_slow_first_packet_does_not_blur_the_others() {
        let rest = (0..1_000).map(|n| 20 * MS + n * 1_000);
        let found = of([3_000 * MS].into_iter().chain(rest)).at(0.5).unwrap();
        let above = found - 20 * MS;
        assert!((450_000..550_000).contains(&above), "{above}");
    }

    #[test]
    fn clocks_that_drift_apart_either_way_are_followed() {
        for step in [5_000, -5_000] {
            let drifting: Vec<i64> = (0..30_000).map(|n| HOUR + n * step).collect();
            let sketch = of(drifting.iter().copied());
            for q in PARTS {
                let off = sketch.at(q).unwrap().abs_diff(exactly(&drifting, q));
                assert!(off < 150 * 87_000 * 2, "{step}, {q}: {off}");
            }
        }
    }

    #[test]
    fn the_old_fades_and_a_new_level_is_told_as_finely() {
        let sketch = of(line(20 * MS, 65_535).chain(line(900 * MS, 1_800_000)));
        let truth: Vec<i64> = line(900 * MS, 60_000).collect();
        for q in [0.1, 0.5, 0.95, 0.99] {
            let (found, truth) = (sketch.at(q).unwrap(), exactly(&truth, q));
            let off = found.abs_diff(truth) as f64 / (truth - 900 * MS) as f64;
            assert!(off < 0.15, "{q}: {found} for {truth}");
        }
    }

    #[test]
    fn halving_moves_no_rank() {
        // Two levels of equal weight: a median that strayed would be seen.
        let mut sketch = of((0..65_535).map(|n| (n % 5) * 10 * MS));
        let before = PARTS.map(|q| sketch.at(q));
        sketch.record(20 * MS);
        let found = PARTS.map(|q| sketch.at(q).unwrap());
        for (found, before) in found.into_iter().zip(before) {
            let off = found.abs_diff(before.unwrap());
            assert!(off as f64 <= 2.0 * 0.044 * 40e6, "{found} for {before:?}");
        }
        assert_eq!(sketch.total, 32_768);
    }

    #[test]
    fn it_agrees_with_a_histogram_of_three_digits() {
        for offset in [0, HOUR, -HOUR] {
            let delays: Vec<i64> = line(20 * MS + offset, 20_000).collect();
            let (sketch, mut exact) = (of(delays.iter().copied()), Quantiles::around(delays[0], 3));
            delays.iter().for_each(|delay| exact.record(*delay));
            for q in [0.1, 0.5, 0.9, 0.95, 0.99, 0.999] {
                let above = (exact.at(q).unwrap() - exact.min().unwrap()) as f64;
                let off = sketch.at(q).unwrap().abs_diff(exact.at(q).unwrap()) as f64;
                let told = sketch.error() + 2e-3;
                assert!(
                    off <= told * above + 2.0 * NEAR as f64,
                    "{q}: {off} of {above}"
                );
            }
            assert!(sketch.error() < 0.044);
        }
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_the_stated_part_of_its_distance_from_the_smallest(
            above in proptest::collection::vec(0u64..80_000_000, 0..300),
            floor in any::<i32>(),
            q in 0.0f64..=1.0,
        ) {
            let floor = i64::from(floor) * MS;
            let rest = above.iter().map(|above| floor + *above as i64);
            let delays: Vec<i64> = [floor].into_iter().chain(rest).collect();
            let sketch = of(delays.iter().copied());
            let (found, truth) = (sketch.at(q).unwrap(), exactly(&delays, q));
            let allowed = sketch.error() * (truth - floor) as f64 + NEAR as f64;
            prop_assert!(sketch.error() < 0.044);
            prop_assert!(found.abs_diff(truth) as f64 <= allowed, "{found} for {truth}");
        }

        #[test]
        fn each_move_of_the_origin_adds_the_error_once(
            delays in proptest::collection::vec(-10_000_000_000i64..10_000_000_000, 1..300),
            q in 0.0f64..=1.0,
        ) {
            let sketch = of(delays.iter().copied());
            let (mut origin, mut moves) = (delays[0], 0);
            for count in (0..9).map(|power| 1 << power).filter(|count| *count <= delays.len()) {
                let smallest = *delays[..count].iter().min().unwrap();
                moves += i32::from(smallest < origin);
                origin = origin.min(smallest);
            }
            let smallest = *delays.iter().min().unwrap();
            let (found, truth) = (sketch.at(q).unwrap(), exactly(&delays, q));
            let far = (truth - smallest).max(delays[0] - smallest) as f64;
            // An octave has two buckets at least, with 22 octaves on either side.
            let allowed = f64::from(moves + 1) * (0.172 * far + NEAR as f64);
            prop_assert!(found.abs_diff(truth) as f64 <= allowed, "{found} for {truth}");
        }

        #[test]
        fn nothing_upsets_it(
            delays in proptest::collection::vec(any::<i64>(), 1..200),
            q in 0.0f64..=1.0,
        ) {
            let sketch = of(delays.iter().copied());
            let (low, high) = (sketch.at(0.0).unwrap(), sketch.at(1.0).unwrap());
            prop_assert_eq!(usize::from(sketch.total), delays.len());
            prop_assert!((low..=high).contains(&sketch.at(q).unwrap()));
        }
    }
}
