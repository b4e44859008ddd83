//! Classes of probes: who is measured by probes of its own.

use serde::{Deserialize, Serialize};

use super::{Config, Line, METERED_MS, Probe, RESTING_MS, dscp};

/// Id of the probe class of all classes of traffic that name none: probed as engine and line say.
pub const SHARED_PROBE_CLASS: u64 = 0;

/// Probes that leave marked as some traffic is, and meet what it meets. Each line is probed so
/// beside the probes that all share, as long as a class of traffic names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeClass {
    /// The host's id; not [`SHARED_PROBE_CLASS`].
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// DSCP of its probes, 0–63; in documents its name will do.
    #[serde(with = "dscp")]
    pub dscp: u8,
    /// Octets after the sender packet; absent: as the line's probe says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padding: Option<u16>,
    /// Between two probes, in milliseconds; absent: as the line's probe says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<f64>,
}

/// The probe classes that classes of traffic judge by.
#[derive(Clone, Debug, PartialEq)]
pub struct Probed<'a> {
    /// Each once, at least one; `None`: the one of all that name none.
    pub by: Vec<Option<&'a ProbeClass>>,
    /// Of each class of traffic, in their order, the place of its own in `by`.
    pub places: Vec<usize>,
}

impl ProbeClass {
    /// The id of one, or of that which is shared.
    #[must_use]
    pub fn id_of(class: Option<&Self>) -> u64 {
        class.map_or(SHARED_PROBE_CLASS, |class| class.id)
    }
}

impl Config {
    /// The probe classes in use, in the order of the document; that which is shared goes first.
    /// Where there is no class of traffic it is the only one.
    #[must_use]
    pub fn probed(&self) -> Probed<'_> {
        let known = |name: &str| self.probe_classes.iter().find(|known| known.name == name);
        let named = self.classes.iter();
        let named: Vec<_> = named
            .map(|class| class.probe_class.as_deref().and_then(known))
            .collect();
        let all = std::iter::once(None).chain(self.probe_classes.iter().map(Some));
        let mut by: Vec<_> = all.filter(|class| named.contains(class)).collect();
        if by.is_empty() {
            by.push(None);
        }
        let place = |class| by.iter().position(|known| known == class).unwrap_or(0);
        let places = named.iter().map(place).collect();
        Probed { by, places }
    }

    /// How a line is probed for a probe class; how often is always said.
    #[must_use]
    pub fn probe_of(&self, line: &Line, class: Option<&ProbeClass>) -> Probe {
        let mut probe = line.probe.as_deref().unwrap_or(&self.probe).clone();
        if let Some(class) = class {
            probe.dscp = class.dscp;
            probe.padding = class.padding.or(probe.padding);
        }
        let of_its_kind = if line.metered { METERED_MS } else { RESTING_MS };
        let stated = self.stated_interval(line, class);
        probe.interval_ms = Some(stated.unwrap_or(of_its_kind));
        probe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn all_share_one_probe_class_until_somebody_names_another() {
        let plain = config(r#"{"classes": [{"id": 1, "name": "a", "sla": {}}]}"#);
        assert_eq!(plain.probed().by, [None]);
        assert_eq!(Config::default().probed().by, [None]);
        let unused = config(r#"{"probe_classes": [{"id": 1, "name": "x", "dscp": 46}]}"#);
        assert_eq!(unused.probed().by, [None]);
    }

    #[test]
    fn each_class_of_traffic_is_at_the_place_of_the_one_that_it_names() {
        let config = config(
            r#"{"probe_classes": [{"id": 7, "name": "x", "dscp": "EF"},
                                  {"id": 8, "name": "unused", "dscp": 10},
                                  {"id": 9, "name": "y", "dscp": 18}],
                "classes": [{"id": 1, "name": "a", "sla": {}, "probe_class": "y"},
                            {"id": 2, "name": "b", "sla": {}},
                            {"id": 3, "name": "c", "sla": {}, "probe_class": "x"},
                            {"id": 4, "name": "d", "sla": {}, "probe_class": "y"}]}"#,
        );
        let Probed { by, places } = config.probed();
        let ids: Vec<_> = by.into_iter().map(ProbeClass::id_of).collect();
        assert_eq!((ids, places), (vec![0, 7, 9], vec![2, 0, 1, 2]));
    }

    #[test]
    fn where_every_class_names_one_nothing_is_shared() {
        let config = config(
            r#"{"probe_classes": [{"id": 7, "name": "x", "dscp": 46}],
                "classes": [{"id": 1, "name": "a", "sla": {}, "probe_class": "x"}]}"#,
        );
        assert_eq!(config.probed().places, [0]);
        assert_eq!(ProbeClass::id_of(config.probed().by[0]), 7);
    }

    #[test]
    fn a_probe_class_says_the_mark_and_what_it_likes_of_the_rest_the_line_does() {
        let config = config(
            r#"{"probe": {"interval_ms": 50, "padding": 9},
                "probe_classes": [{"id": 7, "name": "x", "dscp": 46},
                                  {"id": 8, "name": "y", "dscp": 8, "padding": 1000,
                                   "interval_ms": 200}]}"#,
        );
        let mut line = Line::new(1, "a");
        let told = |line: &Line, class: Option<&ProbeClass>| {
            let probe = config.probe_of(line, class);
            (probe.dscp, probe.padding, probe.interval_ms)
        };
        let [x, y] = [0, 1].map(|place| Some(&config.probe_classes[place]));
        assert_eq!(told(&line, None), (0, Some(9), Some(50.0)));
        assert_eq!(told(&line, x), (46, Some(9), Some(50.0)));
        assert_eq!(told(&line, y), (8, Some(1_000), Some(200.0)));
        line.probe = Some(Box::default());
        assert_eq!(told(&line, x), (46, None, Some(100.0)));
    }
}
