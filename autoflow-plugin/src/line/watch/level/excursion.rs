//! How far a statistic has climbed while the limit was kept: storms come back, and each is one event.
//!
//! The work before a server climbs higher than x as seldom as exp(−x / m), whatever its customers
//! need, as long as long needs are rare exponentially. So its peaks tell the height that is reached
//! once in so much time.

/// What breaks the limit for so many seconds and is over was a storm.
const BRIEF_S: f32 = 10.0;
/// What is known is of the last day, more or less.
const MEMORY_S: f32 = 86_400.0;
/// Less time than this tells nothing of how often.
const LEAST_S: f32 = 3_600.0;
/// A lower peak is no storm.
const WORTH: f32 = 0.5;
/// Standard errors that are allowed for, of so many peaks.
const DOUBT: f32 = 1.5;
/// Two statistics may each be wrong.
const EITHER: f32 = 2.0;

/// From when one of the two statistics leaves 0 until both are back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Excursion {
    peaks: [f32; 2],
    /// Seconds, and until the last peak.
    lasts: f32,
    rises: f32,
}

/// Those of a line that keeps its limit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Excursions {
    now: Excursion,
    /// The newest storm. It is learned when another one comes: once is no habit.
    newest: Excursion,
    /// Of the peaks of each statistic, sum and sum of squares.
    peaks: [(f32, f32); 2],
    /// Seconds.
    time: f32,
}

impl Excursions {
    /// The statistics stand so after so many more seconds. True if that tells something new.
    pub(super) fn see(&mut self, at: [f32; 2], time: f32, broken: bool) -> bool {
        self.time += time;
        if at != [0.0; 2] {
            let now = &mut self.now;
            now.lasts += time;
            if at[0] > now.peaks[0] || at[1] > now.peaks[1] {
                now.rises = now.lasts;
                now.peaks = [now.peaks[0].max(at[0]), now.peaks[1].max(at[1])];
            }
            return false;
        }
        let over = std::mem::take(&mut self.now);
        if over.lasts <= 0.0 || (broken && over.rises > BRIEF_S) {
            return false;
        }
        let tells = over.peaks.iter().any(|peak| *peak >= WORTH);
        let learned = match tells {
            true => std::mem::replace(&mut self.newest, over),
            false => over,
        };
        self.learn(learned.peaks);
        tells
    }

    fn learn(&mut self, peaks: [f32; 2]) {
        let fades = self.time > MEMORY_S;
        for ((sum, squares), peak) in self.peaks.iter_mut().zip(peaks) {
            (*sum, *squares) = (*sum + peak, *squares + peak * peak);
            if fades {
                (*sum, *squares) = (0.5 * *sum, 0.5 * *squares);
            }
        }
        if fades {
            self.time *= 0.5;
        }
    }

    /// The height that one of the two reaches once in so many seconds. Of peaks beyond x as rare as
    /// exp(−x / m), sum of squares / 2 sum is m, however many small ones there are beside them.
    pub(super) fn height(&self, which: usize, run_s: f32) -> f32 {
        let (sum, squares) = self.peaks[which];
        if sum <= 0.0 {
            return 0.0;
        }
        let mean = squares / (2.0 * sum);
        let peaks = sum / mean;
        let often = EITHER * run_s * peaks / self.time.max(LEAST_S);
        mean * (1.0 + DOUBT / peaks.sqrt()) * often.max(1.0).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::synthetic::Random;
    use super::*;

    /// Hours of storms, one in 20 s, that take the statistic up so far on average, exponentially.
    fn storms(all: &mut Excursions, hours: u32, mean: f64) {
        let mut random = Random::new(1);
        for _ in 0..hours * 180 {
            let peak = random.exponential(mean) as f32;
            all.see([peak, 0.0], 1.0, false);
            all.see([0.0; 2], 19.0, false);
        }
    }

    #[test]
    fn a_height_is_passed_as_seldom_as_it_was_asked_for() {
        let mut all = Excursions::default();
        storms(&mut all, 24, 1.5);
        let day = 86_400.0;
        // 4,320 storms a day, twice: ln 8,640 means.
        let expected = 1.5 * (EITHER * 4_320.0_f32).ln();
        let height = all.height(0, day);
        assert!((height / expected - 1.0).abs() < 0.1, "{height}");
        assert_eq!(all.height(1, day), 0.0);
    }

    #[test]
    fn once_is_no_habit() {
        let mut all = Excursions::default();
        let mut storm = || {
            all.see([1.0, 0.0], 1.0, false);
            all.see([0.0; 2], 100.0, false);
            all.height(0, 86_400.0)
        };
        assert_eq!(storm(), 0.0);
        assert!(storm() > 1.0);
    }

    #[test]
    fn what_has_broken_the_limit_is_learned_when_it_was_brief_and_comes_again() {
        let mut all = Excursions::default();
        let mut breaks = |seconds: f32| {
            all.see([2.0, 0.0], seconds, true);
            all.see([0.0; 2], 100.0, true);
            all.height(0, 86_400.0)
        };
        assert_eq!(breaks(60.0), 0.0);
        assert_eq!(breaks(5.0), 0.0);
        assert_eq!(breaks(60.0), 0.0);
        assert!(breaks(5.0) > 2.0);
    }
}
