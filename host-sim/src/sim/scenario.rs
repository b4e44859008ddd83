//! A scenario: lines, traffic, what happens, and what is right when. One TOML file each.

mod embedded;
mod hold;
mod judge;
mod read;

pub use embedded::{embedded, names};

use serde::{Deserialize, Serialize};

use plugin_abi::config::{Class, Sla, dscp};

use super::policy::Uplink;
use crate::link::{Directions, Impairment, Jitter};

/// A scenario as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its slug: `s01-hard-fail`.
    pub name: String,
    /// What happens, in a sentence.
    pub says: String,
    /// How long a run takes, in seconds.
    pub seconds: f64,
    /// At most so many seeds: for those that take long.
    #[serde(default)]
    pub most_seeds: Option<u32>,
    /// So many groups that each have all of the lines; a far end or underlay that isn't shared is
    /// each group's own.
    #[serde(default = "one")]
    pub groups: usize,
    /// The lines of a group.
    pub lines: Vec<LineOf>,
    /// The classes of traffic of each group.
    pub classes: Vec<ClassOf>,
    /// What happens to lines.
    #[serde(default)]
    pub events: Vec<Event>,
    /// What lines did at another time, row by row; events once the scenario is read.
    #[serde(default)]
    pub traces: Vec<Trace>,
    /// What happens to the ends.
    #[serde(default)]
    pub ends: Vec<EndEvent>,
    /// What is right when, as the author sees it; held against the impairments.
    #[serde(default)]
    pub truth: Vec<Truth>,
}

/// A line of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineOf {
    /// Its name.
    pub name: String,
    /// The physical uplink; absent: its name.
    #[serde(default)]
    pub underlay: Option<String>,
    /// Who is at the other end; absent: the hub.
    #[serde(default)]
    pub far_end: Option<String>,
    /// Lower is preferred.
    #[serde(default)]
    pub cost: u32,
    /// Paid by volume.
    #[serde(default)]
    pub metered: bool,
    /// What it does to packets from the start on.
    #[serde(default)]
    pub base: Impairment,
    /// The way back, where it differs.
    #[serde(default)]
    pub back: Option<Impairment>,
    /// How far the far clock is ahead, in milliseconds.
    #[serde(default)]
    pub clock_ahead_ms: f64,
    /// How much faster it runs, in parts per million.
    #[serde(default)]
    pub clock_fast_ppm: f64,
}

/// A class of traffic and its load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassOf {
    /// Its name.
    pub name: String,
    /// What it needs of a line.
    pub sla: Sla,
    /// Underlays in order of preference; the rest follows by cost.
    #[serde(default)]
    pub prefer: Vec<String>,
    /// DSCP of its packets.
    #[serde(default)]
    pub dscp: u8,
    /// It is judged by probes that are marked as its packets are: for policies that have such.
    #[serde(default)]
    pub own_probes: bool,
    /// What its traffic asks of its line, each way, in Mbit/s.
    #[serde(default)]
    pub load_mbps: f64,
    /// Packets a second, each way: for who measures by them.
    #[serde(default = "hundred")]
    pub packets_per_s: f64,
}

/// A change to a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in seconds.
    pub at_s: f64,
    /// Again after each such interval, in seconds.
    #[serde(default)]
    pub every_s: Option<f64>,
    /// No repetition at or after this time, in seconds; absent: to the end.
    #[serde(default)]
    pub until_s: Option<f64>,
    /// The line's name; absent: all lines.
    #[serde(default)]
    pub line: Option<String>,
    /// Only of this group, counted from 0; absent: of all.
    #[serde(default)]
    pub group: Option<usize>,
    /// The directions concerned.
    #[serde(default)]
    pub direction: Directions,
    /// Nothing comes through for so many seconds before it takes hold: a handover. Too short a
    /// time to be judged by.
    #[serde(default)]
    pub gap_s: f64,
    /// The whole impairment from then on; absent: as at the start.
    #[serde(default)]
    pub set: Option<Impairment>,
    /// For people: what happens.
    #[serde(default)]
    pub says: String,
}

/// What a line did, from the start of the run on: rows that each hold for as long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// The line's name.
    pub line: String,
    /// How long a row holds, in seconds.
    pub every_s: f64,
    /// Delay each way, the mean of what varies on top, both in milliseconds; loss each way, percent.
    pub rows: Vec<[f64; 3]>,
}

/// Something happens to an end: one of three things.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndEvent {
    /// When, in seconds.
    pub at_s: f64,
    /// The near host stands still for so many seconds.
    #[serde(default)]
    pub pause_s: Option<f64>,
    /// The reflectors of this far end begin their numbers anew.
    #[serde(default)]
    pub restart: Option<String>,
    /// The clocks of all far ends step by so many milliseconds.
    #[serde(default)]
    pub clock_step_ms: Option<f64>,
    /// For people: what happens.
    #[serde(default)]
    pub says: String,
}

/// What is right from a time on to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// From this second on.
    pub from_s: f64,
    /// To this one.
    pub to_s: f64,
    /// For this class; absent: for all.
    #[serde(default)]
    pub class: Option<String>,
    /// The lines that it may be on.
    pub right: Vec<String>,
    /// Why.
    pub because: String,
}

/// What varies of a trace's delay is spread so, which is what queues of other people's traffic look
/// like.
const SIGMA: f64 = 0.8;

impl Trace {
    /// What its rows do to packets, each way.
    fn impairments(&self) -> impl Iterator<Item = Impairment> {
        self.rows
            .iter()
            .map(|&[delay_ms, mean_ms, loss_percent]| Impairment {
                delay_ms,
                jitter: Jitter::Lognormal {
                    mean_ms,
                    sigma: SIGMA,
                },
                loss_percent,
                ..Impairment::default()
            })
    }
}

impl Scenario {
    /// Traces become events, a row each.
    fn play_traces(&mut self) {
        for trace in std::mem::take(&mut self.traces) {
            let events = trace.impairments().enumerate().map(|(row, set)| Event {
                at_s: row as f64 * trace.every_s,
                every_s: None,
                until_s: None,
                line: Some(trace.line.clone()),
                group: None,
                direction: Directions::Both,
                gap_s: 0.0,
                set: Some(set),
                says: String::new(),
            });
            self.events.extend(events);
        }
    }

    /// All lines, those of the first group first, and the lines of each group.
    #[must_use]
    pub fn uplinks(&self) -> (Vec<Uplink>, Vec<Vec<usize>>) {
        let mut uplinks = Vec::new();
        let mut groups = Vec::new();
        for group in 0..self.groups {
            let own = |name: &str| match self.groups {
                1 => name.to_owned(),
                _ => format!("{name}.{group}"),
            };
            let first = uplinks.len();
            uplinks.extend(self.lines.iter().map(|line| Uplink {
                name: own(&line.name),
                underlay: line.underlay.clone().unwrap_or_else(|| line.name.clone()),
                far_end: line.far_end.clone().unwrap_or_else(|| own("hub")),
                cost: line.cost,
                metered: line.metered,
            }));
            groups.push((first..uplinks.len()).collect());
        }
        (uplinks, groups)
    }

    /// The classes as a policy is told of them; their ids are their places, from 1.
    #[must_use]
    pub fn classes(&self) -> Vec<Class> {
        let class = |(id, of): (u64, &ClassOf)| Class {
            prefer: of.prefer.clone(),
            probe_class: of.own_probes.then(|| dscp::label(of.dscp)),
            ..Class::new(id, &of.name, of.sla)
        };
        (1..).zip(&self.classes).map(class).collect()
    }
}

fn one() -> usize {
    1
}

fn hundred() -> f64 {
    100.0
}
