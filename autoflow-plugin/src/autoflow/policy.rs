//! What was configured, as decisions need it.

use std::time::Duration;

use plugin_abi::config::{Class, Config, Mode};

use crate::line::{Demand, Metric};

/// The part of the configuration that decisions look at.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(super) classes: Vec<Class>,
    /// What all classes together ask of each line; what several ask for stands here once.
    demands: Vec<Demand>,
    /// Of each class, which of the demands are its own.
    asks: Vec<Vec<usize>>,
    groups: Vec<(u64, Option<Mode>)>,
    mode: Mode,
    /// A class stays at least so long on a line that lives.
    pub(super) dwell: Duration,
    /// A more preferred line must have been good for so long.
    pub(super) failback: Duration,
    /// Without a reply for so long there is no opinion.
    pub(super) stale_after: Duration,
}

impl Policy {
    /// From a configuration that was judged valid.
    pub(crate) fn new(config: &Config) -> Self {
        let millis = |millis: u32| Duration::from_millis(millis.into());
        let mut demands = Vec::new();
        let asks = config
            .classes
            .iter()
            .map(|class| {
                let hours = class
                    .mistake_every_h
                    .unwrap_or(config.decision.mistake_every_h);
                let mistake_every = Duration::from_secs(3_600 * u64::from(hours));
                demanded(class, mistake_every, &mut demands)
            })
            .collect();
        Self {
            classes: config.classes.clone(),
            demands,
            asks,
            groups: config
                .groups
                .iter()
                .map(|group| (group.id, group.mode))
                .collect(),
            mode: config.mode,
            dwell: millis(config.decision.dwell_ms),
            failback: millis(config.decision.failback_ms),
            stale_after: millis(config.decision.stale_after_ms),
        }
    }

    /// What is to be watched on each line.
    pub(crate) fn demands(&self) -> &[Demand] {
        &self.demands
    }

    /// The classes, each with its places among the demands.
    pub(super) fn classes(&self) -> impl Iterator<Item = (&Class, &[usize])> {
        self.classes.iter().zip(self.asks.iter().map(Vec::as_slice))
    }

    /// Every class of every group that decisions are made for, with its place among the classes and
    /// its effective mode.
    pub(super) fn seats(&self) -> impl Iterator<Item = (u64, usize, &Class, Mode)> {
        self.groups.iter().flat_map(move |&(group, mode)| {
            let classes = self.classes.iter().enumerate();
            classes.filter_map(move |(place, class)| {
                let mode = class.mode.or(mode).unwrap_or(self.mode);
                (mode > Mode::Measure).then_some((group, place, class, mode))
            })
        })
    }
}

/// The places among the demands of what a class asks for.
fn demanded(class: &Class, mistake_every: Duration, demands: &mut Vec<Demand>) -> Vec<usize> {
    let own = Metric::ALL.into_iter().filter_map(|metric| {
        let limit = metric.limit(&class.sla)?;
        Some(Demand {
            metric,
            limit,
            mistake_every,
        })
    });
    own.map(|demand| {
        let known = demands.iter().position(|known| *known == demand);
        known.unwrap_or_else(|| {
            demands.push(demand);
            demands.len() - 1
        })
    })
    .collect()
}
