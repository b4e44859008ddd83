//! Loss against a limit: a CUSUM of losses, less the limit with each probe, at a height that
//! follows from the line's own base rate and bursts.
//!
//! Losses that come alone are counted by probes: ten times the rate is ten times the evidence.
//! Bursts live in time: of them, ten times the rate tells nothing new. So there are two statistics,
//! by probes and by time (in resting intervals). A line that is known for bursts has the second one,
//! and in place of the first one of bursts: how many they are is known long before what they lose. One
//! run of losses never breaks a limit: it counts for a part of the height. What long bursts hide by
//! that, a third statistic counts in full, against a height in bursts.

mod base;

use std::time::Duration;

use plugin_abi::config::Profile;
use twamp_core::time::Mono;

use self::base::{BURST, Base};
use super::super::order::Fate;
use super::{ALARMS_EVERY, Evidence, Seen, Surely};

/// Of a run so much counts, of the height: one gap is one event, and death is another question.
const RUN_PART: f32 = 0.6;
/// A closer look is worth its probes from this part of the verdict's height on, and one loss.
const RAISES: f32 = 0.2;
/// What breaks the limit for fewer resting intervals was a burst.
const BRIEF: f32 = 100.0;
/// The base is that of the last so many probes, more or less.
const MEMORY: f32 = 400_000.0;
/// Probes, of those at rest: some are for closer looks, and two statistics may each be wrong.
const BUSY: f64 = 2.0;
/// The up-test tells half of the limit from the limit.
const GOOD_PART: f32 = 0.5;
/// Shown good: a line at its limit looks so in one case of so many nats; less, if a line is to be
/// used again sooner than so many answers come.
const SURE_GOOD: f32 = 3.0;
const LEAST_GOOD: f32 = 0.3;
const LOOKS_GOOD: f32 = 1.0;

/// The test of one limit.
#[derive(Clone, Debug)]
pub(in crate::line) struct LossWatch {
    /// Share of probes.
    limit: f32,
    /// Probes between two alarms, and between two mistaken verdicts.
    run_lengths: [f32; 2],
    /// The statistics, in losses: by probes, by time.
    at: f32,
    in_time: f32,
    /// By time with runs in full, and since it was 0: what it counted, in how many runs.
    in_full: f32,
    full: (f32, f32),
    /// Heights of the alarm and of the verdict.
    heights: [f32; 2],
    /// How often a loss is believed to be followed by another.
    prior_again: f32,
    base: Base,
    /// The newest burst that broke the limit. It is learned when another one has: once is no habit.
    brief: Base,
    /// Since the statistic was 0.
    lately: Base,
    /// When it was last half as high as the alarm.
    mark: Mark,
    /// Counted of the present run of losses, by time.
    run: f32,
    /// Counted of the present burst, by time.
    burst: f32,
    /// Resting intervals since the last loss.
    since_loss: f32,
    /// It is known for bursts, and how many losses one has that goes on as they do.
    bursty: bool,
    burst_size: f32,
    /// What each of them counts, and by how much the statistic of bursts is stretched, so that it has
    /// the same heights.
    mean_burst: f32,
    scale: f32,
    broken: bool,
    raised: bool,
    /// The base that the heights were reckoned with.
    designed: (f32, f32),
    /// The up-test, nats, its height, and since when it rises.
    good: f32,
    sure_good: f32,
    good_since: Mono,
}

/// A moment of an excursion of the statistic, and what was counted of it before.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    probes: f32,
    lost: f32,
}

impl LossWatch {
    pub(super) fn new(
        limit: f64,
        mistake_every: Duration,
        rest: Duration,
        profile: Profile,
        failback: Duration,
    ) -> Self {
        let probes = |every: Duration| (every.as_secs_f64() / rest.as_secs_f64() * BUSY) as f32;
        let mut watch = Self {
            limit: limit.clamp(1e-5, 0.5) as f32,
            run_lengths: [ALARMS_EVERY.min(mistake_every), mistake_every].map(probes),
            at: 0.0,
            in_time: 0.0,
            in_full: 0.0,
            full: (0.0, 0.0),
            heights: [0.0; 2],
            prior_again: match profile {
                Profile::Fibre => 0.05,
                Profile::Lte | Profile::Satellite => 0.5,
            },
            base: Base::default(),
            brief: Base::default(),
            lately: Base::default(),
            mark: Mark::default(),
            run: 0.0,
            burst: 0.0,
            since_loss: f32::MAX,
            bursty: false,
            burst_size: 1.0,
            mean_burst: 1.0,
            scale: 1.0,
            broken: false,
            raised: false,
            designed: (0.0, 0.0),
            good: 0.0,
            sure_good: {
                let answers = failback.div_duration_f32(rest);
                (answers * (1.0 - GOOD_PART) * limit as f32).clamp(LEAST_GOOD, SURE_GOOD)
            },
            good_since: Mono::default(),
        };
        watch.design();
        watch
    }

    pub(super) fn see(&mut self, seen: Seen) {
        // A line that is known for bursts is judged by time alone.
        let by_probes = if self.bursty { seen.pace } else { 1.0 };
        let (counts, in_time, in_full) = match seen.fate {
            Fate::Void => return,
            Fate::Answered => {
                self.run = 0.0;
                self.lately.near(self.since_loss, seen.pace, 0.0);
                self.since_loss += seen.pace;
                (0.0, 0.0, 0.0)
            }
            Fate::Lost => self.lost(seen.pace, by_probes),
        };
        self.lately.probes += 1.0;
        self.lately.time += seen.pace;
        let most = self.heights[1] + 1.0;
        let half = 0.5 * self.heights[0];
        let was_low = self.highest() < half;
        self.at = (self.at + self.scale * (counts - self.limit * by_probes)).clamp(0.0, most);
        self.in_time = (self.in_time + in_time - self.limit * seen.pace).clamp(0.0, most);
        self.in_full = (self.in_full + in_full - self.limit * seen.pace).max(0.0);
        if self.in_full <= 0.0 {
            self.full = (0.0, 0.0);
        }
        if was_low && self.highest() >= half {
            let lost = self.lately.lost - 1.0;
            self.mark = Mark {
                probes: self.lately.probes,
                lost,
            };
        }
        self.show(seen);
        if self.broken && self.good >= self.sure_good {
            (self.at, self.in_time) = (0.0, 0.0);
        }
        if self.is_at_rest() {
            self.rest();
        } else if self.highest() >= self.heights[1] || self.is_broken_by_bursts() {
            self.broken = true;
        }
        let raises = (RAISES * self.heights[1]).max(1.0) - self.limit;
        self.raised = self.at >= if self.raised { 0.5 * raises } else { raises };
    }

    /// What one more loss counts: by probes, by time, and in full.
    fn lost(&mut self, pace: f32, by_probes: f32) -> (f32, f32, f32) {
        let follows = self.run > 0.0;
        self.lately.near(self.since_loss, pace, pace);
        let same_burst = std::mem::take(&mut self.since_loss) <= BURST;
        let room = (RUN_PART * self.heights[1] - self.run).max(0.0);
        // By time, the first of a run stands for the interval before it.
        let in_time = if follows { pace.min(room) } else { pace };
        let counts = match (self.bursty, follows) {
            (true, _) if same_burst => 0.0,
            (true, _) => self.mean_burst,
            (false, true) => pace.min(room),
            (false, false) => by_probes,
        };
        self.lately.bursts += f32::from(u8::from(!same_burst));
        self.run += pace;
        self.lately.lost += 1.0;
        self.lately.in_time += in_time;
        self.full.0 += pace;
        if !follows {
            self.full.1 += 1.0;
        }
        self.burst = if same_burst {
            self.burst + in_time
        } else {
            in_time
        };
        let before = (self.burst - 1.0).max(0.0);
        self.lately.depth += in_time * (before + 1.0);
        self.lately.deep += in_time * before * (before - 1.0).max(0.0);
        (counts, in_time, pace)
    }

    fn highest(&self) -> f32 {
        self.at.max(self.in_time)
    }

    fn is_at_rest(&self) -> bool {
        self.highest() <= 0.0
    }

    /// Runs longer than what counts of them: they come as customers whose needs are as different as
    /// those of nature, and what they need in all is told in runs of the mean length, or in bursts
    /// as they are known if those are more.
    fn is_broken_by_bursts(&self) -> bool {
        let (counted, runs) = self.full;
        let run = (counted + 1.0) / runs.max(1.0);
        let load = self.base.share(self.limit, self.bursty) / self.limit;
        let nats = self.run_lengths[1].ln();
        run > 2.0 && self.in_full * (1.0 - load) >= nats * run.max(self.burst_size)
    }

    /// The line is as it ever was: what happened since it was last is how it behaves.
    fn rest(&mut self) {
        let lately = std::mem::take(&mut self.lately);
        self.mark = Mark::default();
        if std::mem::take(&mut self.broken) {
            self.in_full = 0.0;
            if lately.time - self.since_loss > BRIEF {
                return;
            }
            self.learn_burst(lately);
        } else {
            self.base.add(&lately);
        }
        if self.base.probes > MEMORY {
            self.base.fade();
        }
        let (probes, lost) = self.designed;
        if self.base.lost != lost || self.base.probes > 1.25 * probes + 64.0 {
            self.design();
        }
    }

    /// So soon over it was a burst, if a long one. It tells that there are bursts, and with those that
    /// came before how long they are, unless the line would not keep its limit with them.
    fn learn_burst(&mut self, lately: Base) {
        self.base.near.0 += lately.near.0;
        self.base.near.1 += lately.near.1;
        let former = Base {
            near: (0.0, 0.0),
            ..std::mem::replace(&mut self.brief, lately)
        };
        let lost = self.base.lost + former.lost;
        if lost < self.limit * (self.base.probes + former.probes) {
            self.base.add(&former);
        }
    }

    fn design(&mut self) {
        self.designed = (self.base.probes, self.base.lost);
        self.bursty = self.base.is_bursty(self.limit, self.prior_again);
        let losses = self.base.losses(self.limit, self.prior_again, self.bursty);
        self.burst_size = 1.0 / (1.0 - losses.again as f32);
        if !self.bursty {
            (self.mean_burst, self.scale) = (1.0, 1.0);
            self.heights = self.run_lengths.map(|run| losses.height(run.into()) as f32);
            return;
        }
        // One statistic more may be wrong.
        let runs = self.run_lengths.map(|run| f64::from(2.0 * run));
        self.heights = runs.map(|run| losses.height(run) as f32);
        self.mean_burst = self.base.burst();
        let bursts = losses.in_units_of(self.mean_burst.into());
        self.scale = self.heights[1] / (self.mean_burst * bursts.height(runs[1]) as f32);
    }

    fn show(&mut self, seen: Seen) {
        if self.good <= 0.0 {
            self.good_since = seen.at;
        }
        let good = GOOD_PART * self.limit;
        let says = match seen.fate {
            // The first of a run whole, the others by the time that they add.
            Fate::Lost if self.run <= 1.0 => GOOD_PART.ln(),
            Fate::Lost => seen.pace * GOOD_PART.ln(),
            Fate::Answered | Fate::Void => self.limit - good,
        };
        self.good = (self.good + says).clamp(0.0, self.sure_good);
    }

    pub(super) fn suspicion(&self) -> f32 {
        match self.broken {
            true => 1.0,
            false => self.highest() / self.heights[1],
        }
    }

    pub(super) fn is_raised(&self) -> bool {
        // Of bursts, more probes tell nothing new.
        self.raised && !self.broken && !self.bursty
    }

    pub(super) fn is_halfway(&self) -> bool {
        self.broken || self.highest() >= 0.5 * self.heights[0]
    }

    pub(super) fn alarm(&self) -> bool {
        self.broken || self.highest() >= self.heights[0]
    }

    pub(super) fn verdict(&self) -> Option<Evidence> {
        // What wanes is no ground any more.
        let lasts = self.highest() >= 0.5 * self.heights[1] || self.in_full > self.heights[1];
        (self.broken && lasts).then(|| Evidence {
            measured: f64::from(self.lately.lost / self.lately.probes.max(1.0)) * 1e2,
            of: self.lately.probes as u64,
            lost: Some(self.lately.lost as u64),
            surely: Surely {
                of: (self.lately.probes - self.mark.probes) as u64,
                lost: (self.lately.lost - self.mark.lost) as u64,
            },
        })
    }

    pub(super) fn shown_good(&self) -> Option<Mono> {
        (!self.broken && self.good >= self.sure_good).then_some(self.good_since)
    }

    pub(super) fn looks_good(&self) -> bool {
        !self.broken && self.good >= LOOKS_GOOD.min(self.sure_good) && self.suspicion() < 0.5
    }
}

#[cfg(test)]
mod tests;
