//! A mean against a limit: a CUSUM of its distance from the limit, in limits, over time.
//!
//! Delays of probes that follow each other are alike, so it is time that counts and not probes:
//! one at half as much again as the limit says as much as the time it stands for. Farther out it
//! says no more: one jitter burst is no verdict. What seldom and far is above it, a second statistic
//! counts in full, slowly. A line whose storms come back is known for them: how far they have taken
//! the statistics says what is no storm any more.

mod excursion;

use std::time::Duration;

use twamp_core::metrics::sequential::Level;
use twamp_core::time::Mono;

use self::excursion::Excursions;
use super::{ALARMS_EVERY, Evidence, Surely};

/// What is so far above the limit, or below, says all that it can.
const FAR: f64 = 0.5;
/// So many seconds far above it are the least that breaks it: a blip is shorter.
const LEAST_S: f32 = 1.2;
/// And of what is counted in full.
const LEAST_IN_FULL_S: f32 = 20.0;
/// A mean nearer to the limit than this is taken for so near.
const NEAREST: f32 = 0.1;
/// The spread of the mean of one second, before it was seen.
const PRIOR_SPREAD: f32 = 0.2;
/// What is learned is of the last hour, more or less.
const MEMORY_S: f32 = 3_600.0;
/// Shown good: so many seconds far below the limit.
const SURE_GOOD_S: f32 = 5.0;
const LOOKS_GOOD_S: f32 = 1.0;

/// The test of one limit.
#[derive(Clone, Debug)]
pub(in crate::line) struct LevelWatch {
    /// Nanoseconds.
    limit: f64,
    /// Seconds between two alarms, and between two mistaken verdicts.
    run_lengths: [f32; 2],
    /// One sample stands for so many seconds at most.
    longest_s: f32,
    last: Option<Mono>,
    /// The statistics, in seconds far above the limit.
    at: f32,
    in_full: f32,
    heights: [f32; 2],
    full_height: f32,
    excursions: Excursions,
    /// Sum and number of samples since they were 0.
    sum: f64,
    of: f32,
    /// The second that is not over: time, and the sum of distances over it.
    block: (f32, f32),
    /// Mean and variance of the means of seconds, and how many there were.
    mean: f32,
    variance: f32,
    seconds: f32,
    /// Seconds until the heights are reckoned anew.
    due: f32,
    broken: bool,
    good: f32,
    good_since: Mono,
}

impl LevelWatch {
    pub(super) fn new(limit: f64, mistake_every: Duration, rest: Duration) -> Self {
        let mut watch = Self {
            limit: limit.max(1.0),
            run_lengths: [ALARMS_EVERY.min(mistake_every), mistake_every]
                .map(|every| every.as_secs_f32()),
            longest_s: 2.0 * rest.as_secs_f32(),
            last: None,
            at: 0.0,
            in_full: 0.0,
            heights: [0.0; 2],
            full_height: LEAST_IN_FULL_S,
            excursions: Excursions::default(),
            sum: 0.0,
            of: 0.0,
            block: (0.0, 0.0),
            mean: -1.0,
            variance: PRIOR_SPREAD * PRIOR_SPREAD,
            seconds: 4.0,
            due: 0.0,
            broken: false,
            good: 0.0,
            good_since: Mono::default(),
        };
        watch.design();
        watch
    }

    /// Probes leave so many times as seldom as at rest: each stands for a resting interval all the
    /// same, as the heights are made for.
    pub(super) fn see(&mut self, at: Mono, value: i64, slowed: f32) {
        let last = self.last.replace(at);
        let half = 0.5 * self.longest_s;
        let time = last.map_or(half, |last| {
            (at.since(last).as_secs_f32() / slowed).min(self.longest_s)
        });
        let far = ((value as f64 / self.limit - 1.0) / FAR) as f32;
        let clipped = far.clamp(-1.0, 1.0);
        if self.at <= 0.0 && self.in_full <= 0.0 {
            (self.sum, self.of) = (0.0, 0.0);
        }
        self.sum += value as f64;
        self.of += 1.0;
        self.at = (self.at + clipped * time).clamp(0.0, 2.0 * self.heights[1]);
        self.in_full = (self.in_full + far * time).clamp(0.0, 2.0 * self.full_height);
        self.show(at, clipped * time);
        let both = [self.at, self.in_full];
        if self.excursions.see(both, time, self.broken) {
            self.design();
        }
        if self.at >= self.heights[1] || self.in_full >= self.full_height {
            self.broken = true;
        } else if self.at <= 0.0 && self.in_full <= 0.0 {
            self.broken = false;
        }
        self.learn(clipped, time);
    }

    /// From whole seconds that neither alarm nor are above the limit for long.
    fn learn(&mut self, far: f32, time: f32) {
        let (so_far, sum) = &mut self.block;
        *so_far += time;
        *sum += far * time;
        if *so_far < 1.0 {
            return;
        }
        let mean = *sum / *so_far;
        self.block = (0.0, 0.0);
        if self.broken || self.at > 0.5 * self.heights[0] {
            return;
        }
        self.seconds = (self.seconds + 1.0).min(MEMORY_S);
        let gain = 1.0 / self.seconds;
        let off = mean - self.mean;
        self.mean += gain * off;
        self.variance += gain * (off * off - self.variance);
        self.due -= 1.0;
        if self.due <= 0.0 {
            self.due = 0.1 * self.seconds;
            self.design();
        }
    }

    fn design(&mut self) {
        // Of one sample: how seconds differ says how much samples that follow each other move
        // together.
        let step = 0.5 * self.longest_s;
        let level = Level {
            mean: (self.mean.min(-NEAREST) * step).into(),
            spread: (self.variance.sqrt().max(1e-3) * step.sqrt()).into(),
        };
        self.heights = self.run_lengths.map(|run| {
            let height = level.height((run / step).into()) as f32;
            height.max(LEAST_S).max(self.excursions.height(0, run))
        });
        let in_full = self.excursions.height(1, self.run_lengths[1]);
        self.full_height = in_full.max(LEAST_IN_FULL_S);
    }

    fn show(&mut self, at: Mono, far: f32) {
        if self.good <= 0.0 {
            self.good_since = at;
        }
        self.good = (self.good - far).clamp(0.0, SURE_GOOD_S);
    }

    pub(super) fn suspicion(&self) -> f32 {
        match self.broken {
            true => 1.0,
            false => self.suspicion_now(),
        }
    }

    fn suspicion_now(&self) -> f32 {
        (self.at / self.heights[1]).max(self.in_full / self.full_height)
    }

    pub(super) fn is_halfway(&self) -> bool {
        self.broken || self.at >= 0.5 * self.heights[0]
    }

    pub(super) fn is_raised(&self) -> bool {
        !self.broken && self.is_halfway()
    }

    pub(super) fn alarm(&self) -> bool {
        self.broken || self.at >= self.heights[0]
    }

    pub(super) fn verdict(&self) -> Option<Evidence> {
        // What wanes is no ground any more.
        (self.broken && self.suspicion_now() >= 0.5).then(|| Evidence {
            measured: self.sum / f64::from(self.of.max(1.0)) / 1e6,
            of: self.of as u64,
            lost: None,
            surely: Surely {
                of: self.of as u64,
                lost: 0,
            },
        })
    }

    pub(super) fn shown_good(&self) -> Option<Mono> {
        (!self.broken && self.good >= SURE_GOOD_S).then_some(self.good_since)
    }

    pub(super) fn looks_good(&self) -> bool {
        !self.broken && self.good >= LOOKS_GOOD_S && self.suspicion() < 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::synthetic::Random;
    use super::*;

    const MS: f64 = 1e6;
    const TENTH: Duration = Duration::from_millis(100);

    struct Line {
        watch: LevelWatch,
        random: Random,
        now: Mono,
    }

    impl Line {
        /// Probed ten times a second, against 150 ms.
        fn new(seed: u64, mistake_every_h: u64) -> Self {
            let every = Duration::from_secs(3_600 * mistake_every_h);
            Self {
                watch: LevelWatch::new(150.0 * MS, every, TENTH),
                random: Random::new(seed),
                now: Mono::default(),
            }
        }

        /// So many samples, normal; answers whether the limit is said to be broken.
        fn run(&mut self, samples: u32, mean_ms: f64, spread_ms: f64) -> bool {
            for _ in 0..samples {
                self.now = self.now + TENTH;
                let value = mean_ms + spread_ms * self.random.normal();
                self.watch.see(self.now, (value * MS) as i64, 1.0);
            }
            self.watch.verdict().is_some()
        }
    }

    #[test]
    fn far_above_is_known_in_two_seconds_and_a_blip_is_none() {
        let mut line = Line::new(1, 168);
        assert!(!line.run(600, 20.0, 2.0));
        assert!(!line.run(10, 400.0, 2.0));
        assert!(!line.run(100, 20.0, 2.0));
        assert!(line.run(15, 300.0, 2.0));
    }

    #[test]
    fn a_line_near_its_limit_is_called_bad_as_seldom_as_promised() {
        let mut line = Line::new(2, 1);
        line.run(36_000, 135.0, 60.0);
        let mut verdicts = 0;
        let mut was = line.watch.broken;
        for _ in 0..360_000 {
            line.run(1, 135.0, 60.0);
            verdicts += u32::from(line.watch.broken && !was);
            was = line.watch.broken;
        }
        assert!(verdicts <= 18, "{verdicts} in 10 hours");
        assert!(line.run(600, 180.0, 60.0));
    }

    #[test]
    fn what_is_seldom_and_far_above_is_known_too_if_it_lasts() {
        let mut line = Line::new(3, 168);
        assert!(!line.run(600, 20.0, 2.0));
        // One in ten takes 4 s: 418 ms on average.
        let broken = (0..60).any(|_| line.run(9, 20.0, 2.0) | line.run(1, 4_000.0, 2.0));
        assert!(broken);
    }

    #[test]
    fn a_line_is_shown_good_after_some_seconds_within_the_limit() {
        let mut line = Line::new(4, 168);
        assert!(line.run(50, 300.0, 2.0));
        assert_eq!(line.watch.shown_good(), None);
        line.run(300, 20.0, 2.0);
        assert!(line.watch.shown_good() > Some(Mono(5_000_000_000)));
    }
}
