//! Every policy in every scenario: runs over seeds, and one row for each pair.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Serialize;

use super::SimError;
use super::bound;
use super::measure::Measures;
use super::policy::Maker;
use super::run::Stage;
use super::scenario::Scenario;

const HOUR_S: f64 = 3_600.0;
const WEEK_S: f64 = 7.0 * 24.0 * HOUR_S;

/// A policy in a scenario, over all seeds. Where a column has no meaning it is `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The scenario's slug.
    pub scenario: String,
    /// The policy's slug.
    pub policy: &'static str,
    /// Runs, each with a seed of its own.
    pub seeds: u32,
    /// From when a class's line was no longer right until it was on a right one.
    pub time_to_switch_s: Option<Quantiles>,
    /// Times that no switch came, by switches and these.
    pub never_switched: f64,
    /// Lines left that were right, for none that is preferred.
    pub pointless_switches_per_line_week: Option<f64>,
    /// Switches to a line that was not right while another was.
    pub wrong_switches_per_hour: Option<f64>,
    /// Seconds on a line that broke the SLA while another kept it, of each hour.
    pub violation_s_per_h: Option<f64>,
    /// Mean opinion (1 to 4.5) given away, on average over time.
    pub regret: Option<f64>,
    /// From when a preferred line was right again until it was used.
    pub failback_s: Option<Quantiles>,
    /// There and back again within a minute, of each hour.
    pub flaps_per_hour: Option<f64>,
    /// Of each line.
    pub probes_per_s: f64,
    /// Bits a second of each line, all headers included.
    pub probe_bit_per_s: f64,
    /// Time to switch divided by the least that is possible at as many pointless switches; not of
    /// policies that measure in-line, whose probes aren't all that they see.
    pub bound_ratio: Option<f64>,
}

/// Quantiles over seeds. One that lies among those that never came is infinite: `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

/// All rows, in the order of scenarios, then policies.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// One for each scenario and policy.
    pub rows: Vec<Row>,
}

/// Plays every policy in every scenario with seeds from 1 on. `progress` is told how many of all
/// runs are over.
///
/// # Errors
/// The first run, in the order of rows, that can't be made.
pub fn run(
    scenarios: &[&Scenario],
    makers: &[&dyn Maker],
    seeds: u32,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Table, SimError> {
    let stages: Vec<_> = scenarios
        .iter()
        .map(|scenario| Stage::new(scenario))
        .collect();
    let mut jobs = Vec::new();
    for (scenario, stage) in stages.iter().enumerate() {
        let seeds = seeds.min(stage.scenario.most_seeds.unwrap_or(u32::MAX));
        for maker in 0..makers.len() {
            jobs.extend((1..=seeds).map(|seed| (scenario, maker, u64::from(seed))));
        }
    }
    let played = all(jobs.len(), progress, |job| {
        let (scenario, maker, seed) = jobs[job];
        stages[scenario].play(makers[maker], None, seed)
    });
    let mut table = Table::default();
    let mut played = played.into_iter().zip(&jobs).peekable();
    for (place, stage) in stages.iter().enumerate() {
        for (which, maker) in makers.iter().enumerate() {
            let mut sums = Measures::default();
            let of_row = |(_, job): &(_, &(usize, usize, u64))| (job.0, job.1) == (place, which);
            while let Some((measures, _)) = played.next_if(of_row) {
                sums.add(&measures?);
            }
            table.rows.push(Row::of(stage, *maker, &sums));
        }
    }
    Ok(table)
}

/// Does all jobs on all processors; results come in the order of the jobs.
fn all<T: Send>(
    jobs: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
    job: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let over = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(jobs));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads.min(jobs) {
            scope.spawn(|| {
                loop {
                    let which = next.fetch_add(1, Ordering::Relaxed);
                    if which >= jobs {
                        return;
                    }
                    let result = job(which);
                    let mut done = done
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    done.push((which, result));
                    drop(done);
                    progress(over.fetch_add(1, Ordering::Relaxed) + 1, jobs);
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(which, _)| *which);
    done.into_iter().map(|(_, result)| result).collect()
}

impl Row {
    fn of(stage: &Stage<'_>, maker: &dyn Maker, sums: &Measures) -> Self {
        let per =
            |count: f64, seconds: f64, unit: f64| (seconds > 0.0).then(|| count * unit / seconds);
        let line_seconds = sums.seconds * sums.lines as f64 / f64::from(sums.runs.max(1));
        let never = f64::from(sums.never);
        let told = never + sums.to_switch.len() as f64;
        let probes_per_s = sums.probes as f64 / line_seconds.max(f64::MIN_POSITIVE);
        Self {
            scenario: stage.scenario.name.clone(),
            policy: maker.name(),
            seeds: sums.runs,
            time_to_switch_s: Quantiles::of(&sums.to_switch, sums.never as usize),
            never_switched: if told > 0.0 { never / told } else { 0.0 },
            pointless_switches_per_line_week: per(sums.pointless.into(), sums.line_seconds, WEEK_S),
            wrong_switches_per_hour: per(sums.wrong.into(), sums.class_seconds, HOUR_S),
            violation_s_per_h: per(sums.violation_s, sums.class_seconds, HOUR_S),
            regret: per(sums.regret, sums.class_seconds, 1.0),
            failback_s: Quantiles::of(&sums.to_return, 0),
            flaps_per_hour: per(sums.flaps.into(), sums.class_seconds, HOUR_S),
            probes_per_s,
            probe_bit_per_s: sums.octets as f64 * 8.0 / line_seconds.max(f64::MIN_POSITIVE),
            bound_ratio: match maker.is_in_line() {
                true => None,
                false => bound::ratio(stage, sums, probes_per_s),
            },
        }
    }
}

impl Quantiles {
    /// Of times, and of some that never came.
    fn of(times: &[f64], never: usize) -> Option<Self> {
        let all = times.len() + never;
        if all == 0 {
            return None;
        }
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |q: f64| {
            let place = (q * (all - 1) as f64).round() as usize;
            sorted.get(place).copied().unwrap_or(f64::INFINITY)
        };
        Some(Self {
            p50: at(0.5),
            p95: at(0.95),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::baselines;
    use crate::sim::scenario::embedded;

    #[test]
    fn a_row_is_the_same_whichever_thread_plays_it_and_whatever_else_is_played() {
        let scenarios = ["s05-bursty", "s17-start-up"].map(|name| embedded(name).unwrap());
        let all = baselines::all();
        let makers = ["fortios-sla", "ewma"]
            .map(|name| &**all.iter().find(|maker| maker.name() == name).unwrap());
        let play = |scenarios: &[&Scenario], makers: &[&dyn Maker]| {
            let table = run(scenarios, makers, 4, &|_, _| {}).unwrap();
            serde_json::to_string(&table.rows).unwrap()
        };
        let together = play(&[&scenarios[0], &scenarios[1]], &makers);
        let alone: Vec<_> = scenarios
            .iter()
            .flat_map(|scenario| makers.map(|maker| play(&[scenario], &[maker])))
            .collect();
        let alone = alone.join(",").replace("],[", ",");
        assert_eq!(together, alone);
    }
}
