//! What was measured, as the first line of a recording says it: as much of a configuration as a
//! policy needs, and no address.

use plugin_abi::config::{Class, Config, Decision, Group, Line, Probe};
use serde::{Deserialize, Serialize};

use super::{FORMAT, VERSION};

/// What is measured and what for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// That it is a recording.
    pub format: String,
    /// Of which version.
    pub version: u32,
    /// When time 0 is, `CLOCK_BOOTTIME`, nanoseconds.
    pub boot_ns: u64,
    /// The same moment by the wall clock, nanoseconds since the Unix epoch.
    pub wall_ns: i64,
    /// How lines are probed that don't say it themselves.
    pub probe: Probe,
    /// How choices were made.
    pub decision: Decision,
    /// The lines, without addresses and what else is the host's own business.
    pub lines: Vec<Line>,
    /// The groups.
    pub groups: Vec<Group>,
    /// The classes.
    pub classes: Vec<Class>,
}

impl Setting {
    /// Of a configuration whose topology, if it has one, is written out.
    #[must_use]
    pub fn of(config: &Config, boot_ns: u64, wall_ns: i64) -> Self {
        let mut far_ends: Vec<&str> = Vec::new();
        let names: Vec<_> = config.lines.iter().map(|line| line.far_end()).collect();
        let mut lines = Vec::new();
        for (line, far_end) in config.lines.iter().zip(&names) {
            let known = far_ends.iter().position(|known| known == far_end);
            let place = known.unwrap_or_else(|| {
                far_ends.push(far_end);
                far_ends.len() - 1
            });
            // Without a name it would go by its address.
            let unnamed = || format!("far end {}", place + 1);
            lines.push(Line {
                far_end: Some(line.far_end.clone().unwrap_or_else(unnamed)),
                local: None,
                remote: None,
                device: None,
                mark: None,
                namespace: None,
                probe: line.probe.as_deref().map(without_key).map(Box::new),
                ..Line::clone(line)
            });
        }
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            boot_ns,
            wall_ns,
            probe: without_key(&config.probe),
            decision: config.decision.clone(),
            lines,
            groups: config.groups.clone(),
            classes: config.classes.iter().map(without_flows).collect(),
        }
    }
}

/// Which flows are of a class is no matter of a recording, and full of addresses.
fn without_flows(class: &Class) -> Class {
    Class {
        flows: Vec::new(),
        ..class.clone()
    }
}

fn without_key(probe: &Probe) -> Probe {
    Probe {
        key_id: None,
        ..probe.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_who_shares_a_far_end_and_no_address() {
        let config: Config = serde_json::from_str(
            r#"{"lines": [
                {"id": 1, "name": "A", "local": "192.0.2.7", "remote": "192.0.2.1", "device": "eth7"},
                {"id": 2, "name": "B", "remote": "192.0.2.2"},
                {"id": 3, "name": "C", "remote": "192.0.2.1"},
                {"id": 4, "name": "D", "remote": "192.0.2.3", "far_end": "Bonn"}]}"#,
        )
        .unwrap();
        let setting = Setting::of(&config, 1, 2);
        let far_ends: Vec<_> = setting.lines.iter().map(Line::far_end).collect();
        assert_eq!(far_ends, ["far end 1", "far end 2", "far end 1", "Bonn"]);
        let text = serde_json::to_string(&setting).unwrap();
        assert!(
            !text.contains("192.0.2") && !text.contains("eth7"),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Setting>(&text).unwrap(), setting);
    }
}
