//! Sites and the links between them, in one table that is the same at every site.
//!
//! ```text
//!   topology ── sites ── uplinks         [[topology.links]]
//!      │                   ▲             id = 1
//!      ├── links ── ends ──┘             ends = [{ site = "hub", uplink = "fibre" },
//!      └── templates ◀── by name                 { site = "north", uplink = "dsl" }]
//! ```
//!
//! A site takes from it what begins or ends there: a line for each link, and what answers the far
//! end's probes. Secrets are not in it: templates name keys that each site has of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Address, Class, Group, Probe, ProbeClass, Profile, Protocol, Schedule, Security, When,
};

/// What all sites share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Topology {
    /// Name of the template for links that name none; absent: the defaults of a probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// How links are probed, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, Probe>,
    /// Where an engine is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<TopologySite>,
    /// What is measured between them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// What is measured over them besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<LinkSession>,
    /// The global schedule of sites whose document has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Sets of links that reach the same destination, beside those of the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Classes of traffic, beside those of the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// Probes for classes of traffic that name them, beside those of the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probe_classes: Vec<ProbeClass>,
}

/// One engine of a topology.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologySite {
    /// What `site` calls it in the document that is its own.
    pub name: String,
    /// What links can begin or end at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uplinks: Vec<Uplink>,
    /// As `responder.control_port`; absent: as the document says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_port: Option<u16>,
    /// As `responder.test_ports`; absent: as the document says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_ports: Option<(u16, u16)>,
    /// As `responder.modes`; absent: as the document says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modes: Option<Vec<Security>>,
}

/// A physical uplink of a site: the lines over it have what it says here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uplink {
    /// The underlay of its lines, and what links call it.
    pub name: String,
    /// Address of its end of all links that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Interface that packets leave by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Firewall mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// Network namespace that packets leave in, as of a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What a packet costs, lower is preferred.
    #[serde(default)]
    pub cost: u32,
    /// Traffic is paid by volume.
    #[serde(default)]
    pub metered: bool,
    /// What kind of line it is.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub profile: Profile,
    /// Flows may move while they live.
    #[serde(default = "super::yes")]
    pub flows_movable: bool,
    /// Largest IP packet in octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// From the site, in Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_up_mbps: Option<f64>,
    /// To the site, in Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity_down_mbps: Option<f64>,
    /// As of a line, for all lines over it whose probes leave here: they share it evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_budget_mb: Option<f64>,
}

/// What is measured between two sites: a line at each of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Id of the line at both ends.
    pub id: u64,
    /// Name of the line at both ends; absent: as [`Link::name`] makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Between which uplinks of which sites.
    pub ends: [End; 2],
    /// Name of the template of its probes; absent: the topology's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Probes of its own instead of a template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Who sends probes: `both`, or one of the two sites. The other one answers. Absent: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Port that probes, or control connections, go to; absent: the control port of the site that
    /// answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Instead of what the uplink costs, at both ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u32>,
    /// Ids of the groups it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<u64>,
}

/// A session over a link beside that of its line, with probes of its own: now and then, or always.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkSession {
    /// Id of the link.
    pub link: u64,
    /// Name of the session at each site that sends; absent: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who sends, as of a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Port that probes leave from; absent: any. Two sessions over one link need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u16>,
    /// Name of the template of its probes; absent: that of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Probes of its own instead of a template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Probes of a run; absent: it always runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// When runs begin; absent: by hand only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<When>,
    /// Collectors are told what it measures.
    #[serde(default = "super::yes")]
    pub export: bool,
    /// How often while it is continuous, in seconds; absent: as the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_s: Option<u32>,
}

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Name of the site.
    pub site: String,
    /// Name of one of its uplinks.
    pub uplink: String,
    /// Address of the tunnel's end, where it is not the uplink's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

impl Topology {
    /// How a link is probed.
    #[must_use]
    pub fn probe(&self, link: &Link) -> Probe {
        let named = link.template.as_ref().or(self.template.as_ref());
        let template = || named.and_then(|name| self.templates.get(name)).cloned();
        link.probe.clone().or_else(template).unwrap_or_default()
    }
}

impl LinkSession {
    /// The link as if it had this session's probes and senders.
    #[must_use]
    pub fn over(&self, link: &Link) -> Link {
        let mut over = link.clone();
        if self.probe.is_some() || self.template.is_some() {
            (over.probe, over.template) = (self.probe.clone(), self.template.clone());
        }
        over.sender.clone_from(&self.sender);
        over
    }
}

impl Link {
    /// What its line is called: as given, else by its ends, `hub-fibre–north-dsl`.
    #[must_use]
    pub fn name(&self) -> String {
        let end = |end: &End| format!("{}-{}", end.site, end.uplink);
        let derived = || format!("{}–{}", end(&self.ends[0]), end(&self.ends[1]));
        self.name.clone().unwrap_or_else(derived)
    }

    /// Does this site send probes over it?
    #[must_use]
    pub fn is_sent_by(&self, site: &str) -> bool {
        let sender = self.sender.as_deref();
        sender.is_none_or(|sender| sender == BOTH || sender == site)
    }
}

/// Both ends of a link send: no site is called so.
pub const BOTH: &str = "both";

impl TopologySite {
    /// The uplink of this name.
    #[must_use]
    pub fn uplink(&self, name: &str) -> Option<&Uplink> {
        self.uplinks.iter().find(|uplink| uplink.name == name)
    }
}

impl Probe {
    /// The security mode that a responder must offer to answer it; Light needs none.
    #[must_use]
    pub fn needs(&self) -> Option<Security> {
        match self.protocol {
            Protocol::Open => Some(Security::Open),
            Protocol::Auth => Some(Security::Auth),
            Protocol::Encrypted => Some(Security::Encrypted),
            Protocol::Mixed => Some(Security::Mixed),
            Protocol::Light => None,
            Protocol::Stamp if self.key_id.is_some() => Some(Security::Auth),
            Protocol::Stamp => Some(Security::Open),
        }
    }
}

impl From<Security> for Protocol {
    fn from(mode: Security) -> Self {
        match mode {
            Security::Open => Self::Open,
            Security::Auth => Self::Auth,
            Security::Encrypted => Self::Encrypted,
            Security::Mixed => Self::Mixed,
        }
    }
}
