//! The names that people gave to ids.

use std::collections::BTreeMap;

use plugin_abi::config::Config;

/// Names of lines, groups and classes, by the host's ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    lines: BTreeMap<u64, String>,
    groups: BTreeMap<u64, String>,
    classes: BTreeMap<u64, String>,
    /// Of the classes that have probes of their own.
    probe_classes: BTreeMap<u64, String>,
}

impl Names {
    /// The names in a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            lines: named(config.lines.iter().map(|line| (line.id, &line.name))),
            groups: named(config.groups.iter().map(|group| (group.id, &group.name))),
            classes: named(config.classes.iter().map(|class| (class.id, &class.name))),
            probe_classes: named(config.classes.iter().filter_map(|class| {
                let probe_class = class.probe_class.as_ref()?;
                Some((class.id, probe_class))
            })),
        }
    }

    /// The line's name, `line 7` where it has none.
    #[must_use]
    pub fn line(&self, id: u64) -> String {
        name(&self.lines, "line", id)
    }

    /// The id of a line of this name.
    #[must_use]
    pub fn line_id(&self, name: &str) -> Option<u64> {
        let mut lines = self.lines.iter();
        lines.find(|(_, known)| *known == name).map(|(id, _)| *id)
    }

    /// The group's name.
    #[must_use]
    pub fn group(&self, id: u64) -> String {
        name(&self.groups, "group", id)
    }

    /// The class's name.
    #[must_use]
    pub fn class(&self, id: u64) -> String {
        name(&self.classes, "class", id)
    }

    /// The name of the probe class that a class judges lines by; `None`: that of all that name none.
    #[must_use]
    pub fn probe_class(&self, class: u64) -> Option<&str> {
        self.probe_classes.get(&class).map(String::as_str)
    }

    /// Every pair of group and class, by id.
    pub fn pairs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.groups
            .keys()
            .flat_map(|&group| self.classes.keys().map(move |&class| (group, class)))
    }
}

fn named<'a>(rows: impl Iterator<Item = (u64, &'a String)>) -> BTreeMap<u64, String> {
    rows.map(|(id, name)| (id, name.clone())).collect()
}

fn name(names: &BTreeMap<u64, String>, kind: &str, id: u64) -> String {
    names
        .get(&id)
        .cloned()
        .unwrap_or_else(|| format!("{kind} {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_without_a_name_is_called_by_its_number() {
        let config = serde_json::from_str(r#"{"groups":[{"id":3,"name":"hub"}]}"#).unwrap();
        let names = Names::of(&config);
        assert_eq!(names.group(3), "hub");
        assert_eq!(names.group(4), "group 4");
        assert_eq!(names.line(0), "line 0");
    }

    #[test]
    fn each_group_is_paired_with_each_class() {
        let config = serde_json::from_str(
            r#"{"groups":[{"id":1,"name":"a"},{"id":2,"name":"b"}],
                "classes":[{"id":8,"name":"c","sla":{}},{"id":9,"name":"d","sla":{}}]}"#,
        )
        .unwrap();
        let pairs: Vec<_> = Names::of(&config).pairs().collect();
        assert_eq!(pairs, [(1, 8), (1, 9), (2, 8), (2, 9)]);
    }
}
