//! What was configured, as decisions need it.

use std::time::Duration;

use plugin_abi::config::{Class, Config, Group, Mode};

use super::overrides::Overrides;

/// The part of the configuration that decisions look at.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(super) classes: Vec<Class>,
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
        Self {
            classes: config.classes.clone(),
            groups: config.groups.clone(),
            overrides: Overrides::new(&config.overrides),
            mode: config.mode,
            dwell: millis(config.decision.dwell_ms),
            failback: millis(config.decision.failback_ms),
            stale_after: millis(config.decision.stale_after_ms),
        }
    }

    /// Every class of every group that decisions are made for, with its effective mode.
    pub(super) fn seats(&self) -> impl Iterator<Item = (&Group, &Class, Mode)> {
        self.groups.iter().flat_map(move |group| {
            self.classes.iter().filter_map(move |class| {
                let mode = class.mode.or(group.mode).unwrap_or(self.mode);
                (mode > Mode::Measure).then_some((group, class, mode))
            })
        })
    }
}
