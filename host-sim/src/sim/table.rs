//! What came of all runs: one row for each scenario and policy.

use std::cmp::Ordering;

use serde::Serialize;

use super::autoflow::Autoflow;
use super::bound;
use super::course::Course;
use super::measure::{Figures, Measures};
use super::policy::Maker;
use super::run::Stage;
use super::sweep::Curve;

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
    /// The most probes that were sent over all lines in ten seconds, by the median ten seconds.
    pub probe_peak: Option<Quantiles>,
    /// Probes from the change to the switch, by the least that are enough at as many pointless
    /// switches; not of policies that measure in-line, whose probes aren't all that they see.
    pub bound_ratio: Option<f64>,
    /// As `pointless_switches_per_line_week`, of a long run on the same lines in which nothing
    /// happens to them.
    pub healthy_switches_per_line_week: Option<f64>,
    /// The same figures by run.
    pub spread: Spread,
}

/// How figures differ from run to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// As in [`Row`].
    pub pointless_switches_per_line_week: Option<Quantiles>,
    /// As in [`Row`].
    pub wrong_switches_per_hour: Option<Quantiles>,
    /// As in [`Row`].
    pub violation_s_per_h: Option<Quantiles>,
    /// As in [`Row`].
    pub regret: Option<Quantiles>,
    /// As in [`Row`].
    pub flaps_per_hour: Option<Quantiles>,
}

/// Quantiles over seeds. One that lies among those that never came is infinite: `null`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

/// What came of it, in the order of scenarios, then policies.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// One for each scenario and policy.
    pub rows: Vec<Row>,
    /// Where each policy's knob was turned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curves: Vec<Curve>,
    /// One run of each scenario, to be drawn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub courses: Vec<Course>,
    /// What each policy cost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cost: Vec<Cost>,
}

/// What a policy cost of a processor in a scenario. The one thing here that differs from run to
/// run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// The scenario's slug.
    pub scenario: String,
    /// The policy's slug.
    pub policy: &'static str,
    /// Microseconds of a processor, of each line and second of virtual time.
    pub us_per_line_s: Option<Quantiles>,
}

impl Row {
    pub(super) fn of(
        stage: &Stage<'_>,
        maker: &dyn Maker,
        sums: &Measures,
        quiet: Option<&Measures>,
    ) -> Self {
        let Figures {
            pointless_switches_per_line_week,
            wrong_switches_per_hour,
            violation_s_per_h,
            regret,
            flaps_per_hour,
        } = sums.figures();
        let measured = quiet.filter(|_| !maker.is_in_line());
        Self {
            scenario: stage.scenario.name.clone(),
            policy: maker.name(),
            seeds: sums.runs,
            time_to_switch_s: Quantiles::to_switch(sums),
            never_switched: sums.never_switched(),
            pointless_switches_per_line_week,
            wrong_switches_per_hour,
            violation_s_per_h,
            regret,
            failback_s: Quantiles::of(&sums.to_return, 0),
            flaps_per_hour,
            probes_per_s: sums.probes_per_s(),
            probe_bit_per_s: sums.probe_bit_per_s(),
            probe_peak: Quantiles::of(&sums.probe_peaks, 0),
            bound_ratio: measured.and_then(|quiet| bound::ratio(stage, sums, quiet)),
            healthy_switches_per_line_week: quiet
                .and_then(|quiet| quiet.figures().pointless_switches_per_line_week),
            spread: Spread::of(&sums.each),
        }
    }
}

impl Row {
    /// The order for people: ours first; then by what users suffer, then by what they needn't have
    /// noticed.
    #[must_use]
    pub fn rank(&self, other: &Self) -> Ordering {
        let most = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
        let by = |row: &Self| {
            (
                row.policy != Autoflow::NAME,
                most(row.violation_s_per_h),
                most(row.pointless_switches_per_line_week),
            )
        };
        by(self).partial_cmp(&by(other)).unwrap_or(Ordering::Equal)
    }
}

impl Spread {
    fn of(runs: &[Figures]) -> Self {
        let quantiles = |of: fn(&Figures) -> Option<f64>| {
            let figures: Vec<_> = runs.iter().filter_map(of).collect();
            Quantiles::of(&figures, 0)
        };
        Self {
            pointless_switches_per_line_week: quantiles(|run| run.pointless_switches_per_line_week),
            wrong_switches_per_hour: quantiles(|run| run.wrong_switches_per_hour),
            violation_s_per_h: quantiles(|run| run.violation_s_per_h),
            regret: quantiles(|run| run.regret),
            flaps_per_hour: quantiles(|run| run.flaps_per_hour),
        }
    }
}

impl Quantiles {
    /// Of the times to switch, those that never came among them.
    pub(super) fn to_switch(sums: &Measures) -> Option<Self> {
        Self::of(&sums.to_switch, sums.never as usize)
    }

    /// Of figures, and of some that never came.
    pub(super) fn of(figures: &[f64], never: usize) -> Option<Self> {
        let all = figures.len() + never;
        if all == 0 {
            return None;
        }
        let mut sorted = figures.to_vec();
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
