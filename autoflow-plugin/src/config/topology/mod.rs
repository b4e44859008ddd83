//! What a topology means at one of its sites.
//!
//! ```text
//!   document with topology ──judge──▶ Config ──expand──▶ Config without: lines, groups, classes
//!                                       │                 and what answers, of this site
//!                                       └──placed──▶ mistakes of that, where they were written
//! ```

mod judge;
mod placed;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use plugin_abi::config::{
    Config, End, Line, Link, LinkSession, Owner, Probe, Protocol, Remote, Responder, Session,
    Topology, TopologySite, Uplink,
};

pub(super) use judge::judge;
pub(super) use placed::misplaced;

/// What the engine works with: the document's own, and beside it what its topology means at its
/// site. Links of other sites are not in it; lines come in the order of their ids.
pub(crate) fn expand(config: &Config) -> Config {
    let mut effective = config.clone();
    let (topology, site) = (effective.topology.take(), effective.site.take());
    let (Some(topology), Some(site)) = (topology, site) else {
        return effective;
    };
    let sites = Sites::new(&topology, &config.responder);
    if let Some(own) = sites.get(&site) {
        let responder = &mut effective.responder;
        responder.control_port = sites.control_port(own);
        responder.test_ports = own.test_ports.unwrap_or(responder.test_ports);
        responder.modes = own.modes.clone().unwrap_or(responder.modes.clone());
    }
    let mut doors = Doors::default();
    let first = effective.lines.len();
    for (_, link) in links_of(&topology, &site) {
        effective
            .lines
            .extend(sites.line(&topology, link, &site, &mut doors).map(Arc::new));
    }
    for (_, session, link) in sessions_of(&topology, &site) {
        let over = session.over(link);
        let lines = &mut effective.lines[first..];
        let line = lines.iter_mut().find(|line| line.id == link.id);
        if let Some((line, over)) = line.zip(sites.line(&topology, &over, &site, &mut doors)) {
            Arc::make_mut(line).responder |= over.responder;
            effective.sessions.extend(own_session(session, over));
        }
    }
    effective.schedule = effective.schedule.or(topology.schedule);
    doors.open(&mut effective.responder);
    effective.groups.extend(topology.groups);
    effective.classes.extend(topology.classes);
    effective.probe_classes.extend(topology.probe_classes);
    effective
}

/// The links of a site by their ids, each with its place in the document.
fn links_of<'a>(topology: &'a Topology, site: &str) -> Vec<(usize, &'a Link)> {
    let links = topology.links.iter().enumerate();
    let mut own: Vec<_> = links
        .filter(|(_, link)| link.ends.iter().any(|end| end.site == site))
        .collect();
    own.sort_by_key(|(_, link)| link.id);
    own
}

/// The sessions over links of a site, each with its place in the document and its link.
fn sessions_of<'a>(topology: &'a Topology, site: &str) -> Vec<(usize, &'a LinkSession, &'a Link)> {
    let links: HashMap<u64, &Link> = links_of(topology, site)
        .into_iter()
        .map(|(_, link)| (link.id, link))
        .collect();
    let sessions = topology.sessions.iter().enumerate();
    sessions
        .filter_map(|(place, session)| Some((place, session, *links.get(&session.link)?)))
        .collect()
}

/// What a session over a link is where its line would be `over`, if that sends.
fn own_session(session: &LinkSession, over: Line) -> Option<Session> {
    Some(Session {
        name: session.name.clone(),
        local: None,
        local_port: session.local_port,
        remote: over.remote.filter(|_| over.sender)?,
        line: Some(over.name),
        device: None,
        mark: None,
        namespace: None,
        probe: over.probe.map(|probe| *probe),
        tos: None,
        count: session.count,
        schedule: session.schedule.clone(),
        enabled: true,
        export: session.export,
        export_s: session.export_s,
        owner: Owner::Topology,
    })
}

/// The sites of a topology by name.
struct Sites<'a> {
    by_name: HashMap<&'a str, &'a TopologySite>,
    /// What holds where a site says nothing else.
    responder: &'a Responder,
}

/// Addresses that answer, besides those of lines.
#[derive(Default)]
struct Doors {
    listen: BTreeSet<SocketAddr>,
    light: BTreeSet<SocketAddr>,
    stamp: BTreeSet<SocketAddr>,
}

impl<'a> Sites<'a> {
    fn new(topology: &'a Topology, responder: &'a Responder) -> Self {
        let named = topology.sites.iter().map(|site| (site.name.as_str(), site));
        Self {
            by_name: named.collect(),
            responder,
        }
    }

    fn get(&self, name: &str) -> Option<&'a TopologySite> {
        self.by_name.get(name).copied()
    }

    fn control_port(&self, site: &TopologySite) -> u16 {
        site.control_port.unwrap_or(self.responder.control_port)
    }

    /// The line of `link` at `site`, and in `doors` what else answers its far end there. `None` if
    /// the link refers to something that is not there.
    fn line(
        &self,
        topology: &Topology,
        link: &Link,
        site: &str,
        doors: &mut Doors,
    ) -> Option<Line> {
        let own = usize::from(link.ends[0].site != site);
        let (near, far) = (&link.ends[own], &link.ends[1 - own]);
        let (here, there) = (self.get(&near.site)?, self.get(&far.site)?);
        let (uplink, opposite) = (here.uplink(&near.uplink)?, there.uplink(&far.uplink)?);
        let (local, remote) = (address(near, uplink)?, address(far, opposite)?);
        let probe = topology.probe(link);
        let port = |site| link.port.unwrap_or(self.control_port(site));
        let answers = link.is_sent_by(&far.site);
        let by_line = answered_by_line(&probe, port(here), self.control_port(here));
        if answers && !by_line {
            doors.add(probe.protocol, (local.ip, port(here)).into());
        }
        // Lines over one uplink share what that has.
        let over = |end: &End| end.site == site && end.uplink == near.uplink;
        let sharing = topology
            .links
            .iter()
            .filter(|other| other.is_sent_by(site) && other.ends.iter().any(over));
        let sharing = sharing.count().max(1) as f64;
        let budget = uplink.probe_budget_mb.filter(|_| link.is_sent_by(site));
        let budget = budget.map(|mb| mb / sharing);
        Some(Line {
            id: link.id,
            name: link.name(),
            underlay: Some(uplink.name.clone()),
            far_end: Some(far.site.clone()),
            local: Some(local),
            // Its link is one of the far end's.
            remote: Some(Remote {
                address: remote.ip.into(),
                port: Some(port(there)),
            }),
            device: uplink.device.clone(),
            mark: uplink.mark,
            namespace: uplink.namespace.clone(),
            hardware_stamps: false,
            cost: link.cost.unwrap_or(uplink.cost),
            metered: uplink.metered,
            profile: uplink.profile,
            flows_movable: uplink.flows_movable,
            mtu: uplink.mtu,
            capacity_up_mbps: uplink.capacity_up_mbps,
            capacity_down_mbps: uplink.capacity_down_mbps,
            sender: link.is_sent_by(site),
            responder: answers && by_line,
            groups: link.groups.clone(),
            probe: Some(Box::new(probe)),
            mtu_probe: None,
            probe_budget_mb: budget,
            export: true,
            export_s: None,
            owner: Owner::Topology,
        })
    }
}

/// The address of an end: its own, else the uplink's.
fn address(end: &End, uplink: &Uplink) -> Option<plugin_abi::config::Address> {
    end.address.or(uplink.address)
}

/// The responder of a line is the one for TWAMP-Control on the control port.
fn answered_by_line(probe: &Probe, port: u16, control_port: u16) -> bool {
    probe.protocol.has_control() && port == control_port
}

impl Doors {
    fn add(&mut self, protocol: Protocol, at: SocketAddr) {
        let doors = match protocol {
            Protocol::Light => &mut self.light,
            Protocol::Stamp => &mut self.stamp,
            _ => &mut self.listen,
        };
        doors.insert(at);
    }

    /// Beside those that the document opens. A door for STAMP answers TWAMP Light as well.
    fn open(self, responder: &mut Responder) {
        let beside = |known: &mut Vec<SocketAddr>, doors: BTreeSet<SocketAddr>| {
            let new: Vec<_> = doors.into_iter().filter(|at| !known.contains(at)).collect();
            known.extend(new);
        };
        beside(&mut responder.listen, self.listen);
        beside(&mut responder.stamp, self.stamp);
        beside(&mut responder.light, self.light);
        let stamp = &responder.stamp;
        responder.light.retain(|at| !stamp.contains(at));
    }
}
