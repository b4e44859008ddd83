//! One measured uplink.

use serde::{Deserialize, Serialize};

use super::{Address, MtuProbe, Owner, Probe, Remote, is_default, yes};

/// One measured uplink to one far end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The host's id.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// The physical uplink; absent: its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlay: Option<String>,
    /// Who is at the other end; absent: the far address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far_end: Option<String>,
    /// Address that packets leave from. A link-local one names its link, or the far end's does, or
    /// the line has a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<Address>,
    /// Address of the far end, with its control port (Light and STAMP: its reflector port) or
    /// without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<Remote>,
    /// Interface that packets leave by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Firewall mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// Network namespace that packets leave in: a name below `/run/netns`, a path, or, of one that
    /// the host handed over, `net:[4026532000]` as the kernel calls it. Absent: the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Take the stamps of the interface itself, which is set to stamp all packets for that. Where it
    /// has none, the kernel's are taken, and the list of lines says why.
    #[serde(default)]
    pub hardware_stamps: bool,
    /// What a packet costs, lower is preferred.
    #[serde(default)]
    pub cost: u32,
    /// Traffic is paid by volume.
    #[serde(default)]
    pub metered: bool,
    /// What kind of line it is: which silence is no death, and how its losses come.
    #[serde(default, skip_serializing_if = "is_default")]
    pub profile: Profile,
    /// Flows may move while they live.
    #[serde(default = "yes")]
    pub flows_movable: bool,
    /// Largest IP packet in octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Towards the far end, in Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_up_mbps: Option<f64>,
    /// From the far end, in Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_down_mbps: Option<f64>,
    /// Send probes.
    #[serde(default = "yes")]
    pub sender: bool,
    /// Answer probes on the local address.
    #[serde(default)]
    pub responder: bool,
    /// Ids of the groups it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<u64>,
    /// How it is probed; absent: as the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Box<Probe>>,
    /// Its probes of full size; absent: as the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu_probe: Option<MtuProbe>,
    /// What its probes may take in a calendar month (UTC), in MB of 1,000,000 octets: on the wire,
    /// IP header on, replies as well. Absent: what they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_budget_mb: Option<f64>,
    /// Collectors are told of it.
    #[serde(default = "yes")]
    pub export: bool,
    /// How often, in seconds; absent: as the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_s: Option<u32>,
    /// Who wrote it, and so who may change it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub owner: Owner,
}

/// What is known of a kind of lines before one of them was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Steady: losses come alone, silence is death.
    #[default]
    Fibre,
    /// A radio that sleeps and is handed over: silent for 1 s at times, losses in runs.
    Lte,
    /// Silent for 1.5 s at times, losses in runs.
    Satellite,
}

impl Profile {
    /// The longest silence that is no death, in milliseconds, however often it was probed.
    #[must_use]
    pub fn longest_gap_ms(self) -> u32 {
        match self {
            Self::Fibre => 0,
            Self::Lte => 1_000,
            Self::Satellite => 1_500,
        }
    }
}

impl Line {
    /// A line that sends probes and says nothing else of itself, as one in a document.
    #[must_use]
    pub fn new(id: u64, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            underlay: None,
            far_end: None,
            local: None,
            remote: None,
            device: None,
            mark: None,
            namespace: None,
            hardware_stamps: false,
            cost: 0,
            metered: false,
            profile: Profile::default(),
            flows_movable: true,
            mtu: None,
            capacity_up_mbps: None,
            capacity_down_mbps: None,
            sender: true,
            responder: false,
            groups: Vec::new(),
            probe: None,
            mtu_probe: None,
            probe_budget_mb: None,
            export: true,
            export_s: None,
            owner: Owner::default(),
        }
    }

    /// Who is at the other end: as named, else the far address, with link and namespace where it has
    /// some; without one, the line's own name.
    #[must_use]
    pub fn far_end(&self) -> String {
        let named = self.far_end.clone();
        named
            .or_else(|| self.far_address())
            .unwrap_or_else(|| self.name.clone())
    }

    fn far_address(&self) -> Option<String> {
        let Address { ip, zone } = self.remote?.address;
        let of_local = self.local.and_then(|local| local.zone);
        let link = zone.or(of_local).map(|zone| zone.to_string());
        let mut text = ip.to_string();
        if let Some(link) = link.or_else(|| self.device.clone())
            && Address::from(ip).is_link_local()
        {
            text += &format!("%{link}");
        }
        if let Some(namespace) = &self.namespace {
            text += &format!(" in {namespace}");
        }
        Some(text)
    }

    /// What its probes may take in a month, in octets.
    #[must_use]
    pub fn probe_budget(&self) -> Option<u64> {
        self.probe_budget_mb.map(|mb| (mb * 1e6) as u64)
    }

    /// The name of the physical uplink.
    #[must_use]
    pub fn underlay(&self) -> &str {
        self.underlay.as_deref().unwrap_or(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_line_is_one_that_a_document_says_nothing_else_of() {
        let read: Line = serde_json::from_str(r#"{"id": 7, "name": "fibre"}"#).unwrap();
        assert_eq!(Line::new(7, "fibre"), read);
    }

    #[test]
    fn the_same_address_elsewhere_is_another_far_end() {
        let far_end = |json: &str| {
            let line: Line = serde_json::from_str(json).unwrap();
            line.far_end()
        };
        let line = |rest: &str| far_end(&format!(r#"{{"id": 1, "name": "a"{rest}}}"#));
        assert_eq!(line(""), "a");
        assert_eq!(
            line(r#", "remote": "192.0.2.1:9", "device": "x""#),
            "192.0.2.1"
        );
        assert_eq!(line(r#", "remote": "fe80::1%x""#), "fe80::1%x");
        assert_eq!(line(r#", "remote": "fe80::1", "device": "y""#), "fe80::1%y");
        let blue = r#", "remote": "192.0.2.1", "namespace": "blue""#;
        assert_eq!(line(blue), "192.0.2.1 in blue");
        assert_eq!(line(r#", "remote": "192.0.2.1", "far_end": "hub""#), "hub");
    }
}
