//! Each policy's knob turned: how long a switch takes against how often one is idle.
//!
//! A point tells little: who switches at anything is quick, who never switches is calm. A curve
//! shows what a policy gives up of one for the other.

use serde::Serialize;

use super::measure::Measures;
use super::policy::Maker;
use super::scenario::Scenario;
use super::table::Quantiles;

/// A policy in a scenario at each position of its knob.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// The scenario's slug.
    pub scenario: String,
    /// The policy's slug.
    pub policy: &'static str,
    /// What is turned, with its unit; `null`: it has no knob.
    pub knob: Option<&'static str>,
    /// As it is shipped first, then the positions from quick to calm.
    pub points: Vec<Point>,
}

/// A policy in a scenario with its knob at one position.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The position; `null`: as it is shipped.
    pub at: Option<f64>,
    /// From when a class's line was no longer right until it was on a right one.
    pub time_to_switch_s: Option<Quantiles>,
    /// Times that no switch came, by switches and these.
    pub never_switched: f64,
    /// On the same lines when nothing happens to them: lines left for none that is preferred.
    pub healthy_switches_per_line_week: Option<f64>,
    /// Seconds on a line that broke the SLA while another kept it, of each hour.
    pub violation_s_per_h: Option<f64>,
}

impl Curve {
    /// Without any point yet.
    pub(super) fn of(scenario: &Scenario, maker: &dyn Maker) -> Self {
        Self {
            scenario: scenario.name.clone(),
            policy: maker.name(),
            knob: maker.knob().map(|knob| knob.name),
            points: Vec::new(),
        }
    }
}

impl Point {
    /// What came of a position: when it mattered, and when nothing happened.
    pub(super) fn of(at: Option<f64>, sums: &Measures, quiet: Option<&Measures>) -> Self {
        Self {
            at,
            time_to_switch_s: Quantiles::to_switch(sums),
            never_switched: sums.never_switched(),
            healthy_switches_per_line_week: quiet
                .and_then(|quiet| quiet.figures().pointless_switches_per_line_week),
            violation_s_per_h: sums.figures().violation_s_per_h,
        }
    }
}
