//! What was configured, as decisions need it.

use std::time::Duration;

use plugin_abi::config::{Class, Config, Group, Mode, Override, Sla};

use super::overrides::{Holding, Overrides};

use crate::line::{Demand, Metric};

/// What a class needs of a line.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) sla: Sla,
    /// The place of its probe class among those in use.
    pub(super) seen: usize,
    /// Its figures among the demands to that.
    pub(super) places: Vec<usize>,
    /// How often a line may be mistaken.
    pub(super) mistake_every: Duration,
}

/// The part of the configuration that decisions look at.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(super) classes: Vec<Class>,
    /// By probe class in use, what all classes that judge by it ask of each line; what several ask
    /// for stands there once.
    demands: Vec<Vec<Demand>>,
    /// Of each class, the place of its probe class among those.
    seen: Vec<usize>,
    /// How often a line may be mistaken for a bad one, of each class.
    mistakes: Vec<Duration>,
    groups: Vec<Group>,
    /// What goes before the decisions for a time.
    pub(super) overrides: Overrides,
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
        let decision = &config.decision;
        let mistake_every = |class: &Class| {
            let hours = class.mistake_every_h.unwrap_or(decision.mistake_every_h);
            Duration::from_secs(3_600 * u64::from(hours))
        };
        let probed = config.probed();
        let mut all = vec![Vec::new(); probed.by.len()];
        for (class, place) in config.classes.iter().zip(&probed.places) {
            let demands = &mut all[*place];
            // What somebody orders for a time is watched before.
            let named = |order: &&Override| order.class.as_ref() == Some(&class.name);
            let ordered = config.overrides.iter().filter(named);
            let others = ordered.filter_map(|order| order.sla);
            for sla in std::iter::once(class.sla).chain(others) {
                for demand in demanded(&sla, mistake_every(class)) {
                    if !demands.contains(&demand) {
                        demands.push(demand);
                    }
                }
            }
        }
        let mistakes = config.classes.iter().map(mistake_every).collect();
        Self {
            classes: config.classes.clone(),
            demands: all,
            seen: probed.places,
            mistakes,
            groups: config.groups.clone(),
            overrides: Overrides::new(&config.overrides),
            mode: config.mode,
            dwell: millis(config.decision.dwell_ms),
            failback: millis(config.decision.failback_ms),
            stale_after: millis(config.decision.stale_after_ms),
        }
    }

    /// How many probe classes are in use; at least one.
    pub(super) fn probe_classes(&self) -> usize {
        self.demands.len()
    }

    /// What the probe class at this place is to watch on each line.
    pub(crate) fn demands(&self, place: usize) -> &[Demand] {
        self.demands.get(place).map_or(&[], Vec::as_slice)
    }

    /// What each class needs now, and where that stands among the demands.
    pub(super) fn asked(&self, holding: &Holding<'_>) -> Vec<Asked> {
        let classes = self.classes.iter().zip(&self.mistakes).zip(&self.seen);
        classes
            .map(|((class, mistake_every), seen)| {
                let sla = holding.sla(class);
                let demands = self.demands(*seen);
                let place = |demand| demands.iter().position(|known| *known == demand);
                let places = demanded(&sla, *mistake_every).filter_map(place).collect();
                Asked {
                    sla,
                    seen: *seen,
                    places,
                    mistake_every: *mistake_every,
                }
            })
            .collect()
    }

    /// Every class of every group that decisions are made for, with its place among the classes and
    /// its effective mode.
    pub(super) fn seats(&self) -> impl Iterator<Item = (&Group, usize, &Class, Mode)> {
        self.groups.iter().flat_map(move |group| {
            let classes = self.classes.iter().enumerate();
            classes.filter_map(move |(place, class)| {
                let mode = class.mode.or(group.mode).unwrap_or(self.mode);
                (mode > Mode::Measure).then_some((group, place, class, mode))
            })
        })
    }
}

/// What an SLA asks of a line.
fn demanded(sla: &Sla, mistake_every: Duration) -> impl Iterator<Item = Demand> {
    let sla = *sla;
    Metric::ALL.into_iter().filter_map(move |metric| {
        let limit = metric.limit(&sla)?;
        Some(Demand {
            metric,
            limit,
            mistake_every,
        })
    })
}
