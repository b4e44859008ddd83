//! When the runs of one session begin.

use std::sync::Arc;

use plugin_abi::config::Schedule;
use twamp_core::time::Wall;

use super::{Cron, CronError, ZoneError, time_zone};

const SECOND: i64 = 1_000_000_000;
/// Without a word on it, runs of a period are spread over a tenth of it, but no further.
const LONGEST_SPREAD_S: u32 = 30;
/// As cron daemons have it: a clock that was set back by less repeats nothing of a day.
const PATIENCE: i64 = 3 * 3_600 * SECOND;

/// When the runs of one session begin.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    rhythm: Rhythm,
    /// Runs begin up to so much later, in nanoseconds.
    spread: i64,
    /// Those of this session so much.
    phase: i64,
    paused: bool,
}

#[derive(Clone, Debug)]
enum Rhythm {
    /// In nanoseconds, from the Unix epoch on.
    Every(i64),
    /// Thousands of sessions may follow one.
    Cron(Arc<Cron>),
}

/// Why a schedule is none; the judge of configurations finds the same.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("one of every_s and cron expected")]
    Rhythm,
    #[error(transparent)]
    Zone(#[from] ZoneError),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Cron(Vec<CronError>),
}

impl Plan {
    /// The plan of the session `id`, whose share of the spread is always the same.
    ///
    /// # Errors
    /// If a configuration with this schedule would have been refused, or its time zone has gone
    /// since.
    pub(crate) fn parse(schedule: &Schedule, id: u64) -> Result<Self, PlanError> {
        let rhythm = match (schedule.every_s, &schedule.cron) {
            (Some(every_s @ 1..), None) => Rhythm::Every(i64::from(every_s) * SECOND),
            (None, Some(cron)) => {
                let zone = time_zone(schedule.time_zone.as_deref().unwrap_or("UTC"))?;
                Rhythm::Cron(Arc::new(Cron::parse(cron, zone).map_err(PlanError::Cron)?))
            }
            _ => return Err(PlanError::Rhythm),
        };
        let spread = spread_ns(schedule);
        Ok(Self {
            rhythm,
            spread,
            phase: phase(spread, id),
            paused: schedule.paused,
        })
    }

    /// The plan of another session with the same schedule, which is not read again for it.
    pub(crate) fn alike(&self, id: u64) -> Self {
        Self {
            phase: phase(self.spread, id),
            ..self.clone()
        }
    }

    /// The first time after `wall`; none if paused, or at the end of all times.
    pub(crate) fn next_after(&self, wall: Wall) -> Option<Wall> {
        if self.paused {
            return None;
        }
        let planned = wall.0.checked_sub(self.phase)?;
        let next = match &self.rhythm {
            Rhythm::Every(period) => planned
                .div_euclid(*period)
                .checked_add(1)?
                .checked_mul(*period)?,
            Rhythm::Cron(cron) => cron
                .next_after(planned.div_euclid(SECOND))?
                .checked_mul(SECOND)?,
        };
        next.checked_add(self.phase).map(Wall)
    }

    /// A clock that was set back by so much or less, in nanoseconds, repeats no run; one that was
    /// set back further begins anew.
    pub(super) fn patience(&self) -> i64 {
        match &self.rhythm {
            Rhythm::Every(period) => *period,
            Rhythm::Cron(_) => PATIENCE,
        }
    }
}

/// Runs are spread over so many nanoseconds.
fn spread_ns(schedule: &Schedule) -> i64 {
    let ns = |seconds: u32| i64::from(seconds) * SECOND;
    match (schedule.spread_s, schedule.every_s) {
        (Some(spread_s), _) => ns(spread_s),
        (None, Some(every_s)) => (ns(every_s) / 10).min(ns(LONGEST_SPREAD_S)),
        (None, None) => 0,
    }
}

/// The share that a session has of a spread, in nanoseconds.
fn phase(spread: i64, id: u64) -> i64 {
    // 64 bits, none of them before the point, of what fits.
    ((i128::from(share(id)) * i128::from(spread)) >> u64::BITS) as i64
}

/// What a session has of the spread, of 2^64: the mixing of SplitMix64 (Steele, Lea, Flood 2014), so
/// that ids in a row are spread, and those with a pattern too.
fn share(id: u64) -> u64 {
    let mut mixed = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(every_s: u32, spread_s: Option<u32>, id: u64) -> Plan {
        let schedule = Schedule {
            every_s: Some(every_s),
            spread_s,
            ..Schedule::default()
        };
        Plan::parse(&schedule, id).unwrap()
    }

    #[test]
    fn a_period_counts_from_the_epoch_so_that_a_restart_moves_no_run() {
        let at = |plan: &Plan, s: i64| plan.next_after(Wall(s * SECOND)).map(|at| at.0);
        let plan = every(300, Some(0), 1);
        assert_eq!(at(&plan, 0), Some(300 * SECOND));
        assert_eq!(at(&plan, 299), Some(300 * SECOND));
        assert_eq!(at(&plan, 300), Some(600 * SECOND));
        assert_eq!(at(&plan, -1), Some(0));
        let (one, again) = (every(300, None, 5), every(300, None, 5));
        assert_eq!(at(&one, 1_000), at(&again, 1_000));
    }

    #[test]
    fn what_is_not_said_is_a_tenth_of_the_period_and_at_most_half_a_minute() {
        let spread = |every_s: u32| {
            spread_ns(&Schedule {
                every_s: Some(every_s),
                ..Schedule::default()
            })
        };
        assert_eq!(spread(1), SECOND / 10);
        assert_eq!(spread(60), 6 * SECOND);
        assert_eq!(spread(3_600), 30 * SECOND);
        let cron = Schedule {
            cron: Some("@hourly".into()),
            ..Schedule::default()
        };
        assert_eq!(spread_ns(&cron), 0);
    }

    #[test]
    fn a_plan_like_another_has_the_share_of_its_own_session() {
        let plans = [1, 2].map(|id| every(3_600, Some(100), id));
        assert_ne!(plans[0].phase, plans[1].phase);
        assert_eq!(plans[0].alike(2).phase, plans[1].phase);
    }

    #[test]
    fn sessions_of_one_schedule_are_spread_evenly() {
        const SESSIONS: usize = 1_000;
        for stride in [1, 2, 1 << 32, 6_765] {
            let mut tenths = [0_usize; 10];
            for id in 0..SESSIONS as u64 {
                let plan = every(3_600, Some(100), id * stride);
                tenths[(plan.phase / (10 * SECOND)) as usize] += 1;
            }
            // A hundred each, and five standard deviations.
            assert!(
                tenths.iter().all(|count| (53..=147).contains(count)),
                "{tenths:?}"
            );
        }
    }

    #[test]
    fn neither_both_nor_a_bad_zone_is_a_plan() {
        let both = Schedule {
            every_s: Some(1),
            cron: Some("@hourly".into()),
            ..Schedule::default()
        };
        let refused = |schedule: &Schedule| Plan::parse(schedule, 1).unwrap_err();
        assert_eq!(refused(&both), PlanError::Rhythm);
        assert_eq!(refused(&Schedule::default()), PlanError::Rhythm);
        let nowhere = Schedule {
            cron: Some("@hourly".into()),
            time_zone: Some("Nowhere".into()),
            ..Schedule::default()
        };
        assert!(matches!(refused(&nowhere), PlanError::Zone(_)));
    }
}
