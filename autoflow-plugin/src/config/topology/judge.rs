//! What must fit together in a topology, whichever site reads it.

use std::collections::HashMap;
use std::net::IpAddr;

use plugin_abi::config::{
    BOTH, End, Link, LinkSession, Probe, Protocol, Responder, Topology, TopologySite,
};
use plugin_abi::manage::Problem;
use serde::Deserialize;
use serde_json::Value;

use super::super::node::Node;
use super::super::shape::nearest;
use super::super::unique::{own, own_items};
use super::super::{features, schedule, sessions, stamp};
use super::{address, answered_by_line};

/// Judges the topology and the name of the site of a whole configuration.
pub(in crate::config) fn judge(root: &Node, problems: &mut Vec<Problem>) {
    let (site, topology) = (root.key("site"), root.key("topology"));
    if !topology.is_there() {
        if site.is_there() {
            let fix = "add the table topology, or leave site out";
            problems.push(site.problem("no site without a topology", fix));
        }
        return;
    }
    let (sites, links) = (topology.key("sites"), topology.key("links"));
    let named = sites.items().filter_map(|site| site.key("name").text());
    let names: Vec<&str> = named.collect();
    if !site.is_there() {
        let fix = "say in site which of the topology's sites this is";
        problems.push(site.problem("the name of a site", fix));
    }
    known(
        &site,
        "a site of the topology",
        names.iter().copied(),
        problems,
    );

    for (list, key) in [(&sites, "name"), (&links, "name")] {
        own(list, key, Node::text, problems);
    }
    own(&links, "id", Node::whole, problems);
    beside_own_links(root, &links, problems);
    for list in ["probe_classes", "groups", "classes"] {
        for key in ["id", "name"] {
            beside(root, &topology, list, key, problems);
        }
    }
    for site in sites.items() {
        judge_site(&site, problems);
    }
    let named = topology.key("templates");
    let templates = || {
        let named = named.value().and_then(Value::as_object);
        named.into_iter().flat_map(|named| named.keys())
    };
    for name in templates() {
        probe(&named.key(name), problems);
    }
    let default = topology.key("template");
    known(
        &default,
        "a template",
        templates().map(String::as_str),
        problems,
    );

    let typed: HashMap<&str, TopologySite> = sites
        .items()
        .filter_map(|site| Some((site.key("name").text()?, read(&site)?)))
        .collect();
    let responder = read(&root.key("responder")).unwrap_or_default();
    let mut between = Between {
        probes: probes(&topology),
        responder,
        sites: typed,
        seen: HashMap::new(),
    };
    let groups: Vec<u64> = [root.key("groups"), topology.key("groups")]
        .iter()
        .flat_map(Node::items)
        .filter_map(|group| group.key("id").whole())
        .collect();
    for link in links.items() {
        let template = link.key("template");
        known(
            &template,
            "a template",
            templates().map(String::as_str),
            problems,
        );
        if template.is_there() && link.key("probe").is_there() {
            let expected = format!("no template beside {}", link.key("probe").path());
            problems.push(template.problem(expected, "leave out one of the two"));
        }
        probe(&link.key("probe"), problems);
        own_items(&link.key("groups"), "group", Node::whole, problems);
        for group in link.key("groups").items() {
            if group.whole().is_some_and(|id| !groups.contains(&id)) {
                let fix = "add the group, or take the link out of it";
                problems.push(group.problem("the id of a group in groups or topology.groups", fix));
            }
        }
        between.judge(&link, problems);
    }
    schedule::schedule(&topology.key("schedule"), problems);
    own(&topology.key("sessions"), "name", Node::text, problems);
    for session in topology.key("sessions").items() {
        let template = session.key("template");
        known(
            &template,
            "a template",
            templates().map(String::as_str),
            problems,
        );
        between.judge_session(&session, root, &links, problems);
    }
}

fn judge_site(site: &Node, problems: &mut Vec<Problem>) {
    if site.key("name").text() == Some(BOTH) {
        let fix = "call the site otherwise";
        let expected = format!("another name than {BOTH:?}, which means two senders");
        problems.push(site.key("name").problem(expected, fix));
    }
    own(&site.key("uplinks"), "name", Node::text, problems);
    let modes = site.key("modes");
    own_items(&modes, "mode", Node::text, problems);
    if modes
        .value()
        .and_then(Value::as_array)
        .is_some_and(Vec::is_empty)
    {
        problems.push(modes.problem("at least one mode", "remove it to offer those of responder"));
    }
}

fn probe(probe: &Node, problems: &mut Vec<Problem>) {
    features::probe(probe, problems);
    stamp::probe(probe, problems);
}

/// The templates and the default, without links and sites, as far as they can be read.
fn probes(topology: &Node) -> Topology {
    let template = topology.key("template").text().map(str::to_owned);
    let named = topology.key("templates");
    let named = named.value().and_then(Value::as_object);
    let named = named.into_iter().flatten();
    let templates =
        named.filter_map(|(name, probe)| Some((name.clone(), Probe::deserialize(probe).ok()?)));
    Topology {
        template,
        templates: templates.collect(),
        ..Topology::default()
    }
}

/// An item of the topology's list has no `key` that one of the document's list has.
fn beside(root: &Node, topology: &Node, list: &str, key: &str, problems: &mut Vec<Problem>) {
    let (of_document, of_topology) = (root.key(list), topology.key(list));
    let all = of_document.items().chain(of_topology.items());
    twice(all.map(|item| item.key(key)), key, problems, |path| {
        path.starts_with("topology")
    });
}

/// A link of this site has no id and no name of a line of the document. Lines at other sites are
/// none of its business.
fn beside_own_links(root: &Node, links: &Node, problems: &mut Vec<Problem>) {
    let site = root.key("site").text();
    let lines = root.key("lines");
    let here = |link: &Node| {
        let mut ends = link.key("ends").items();
        ends.any(|end| end.key("site").text() == site)
    };
    for key in ["id", "name"] {
        let mut known = HashMap::new();
        for line in lines.items() {
            let node = line.key(key);
            if let Some(value) = node.value() {
                known.entry(value.clone()).or_insert(node.path().to_owned());
            }
        }
        for link in links.items().filter(here) {
            let node = link.key(key);
            let derived = || read::<Link>(&link).map(|link| Value::from(link.name()));
            let value = node.value().cloned();
            let value = value.or_else(|| (key == "name").then(derived).flatten());
            if let Some((value, first)) =
                value.and_then(|value| known.get(&value).map(|first| (value.clone(), first)))
            {
                let found = format!("{value} as in {first}");
                let expected = format!("{} that no line has", article(key));
                problems.push(node.problem_found(expected, found, "change one of the two"));
            }
        }
    }
}

fn twice<'doc>(
    nodes: impl Iterator<Item = Node<'doc>>,
    what: &str,
    problems: &mut Vec<Problem>,
    blamed: impl Fn(&str) -> bool,
) {
    let mut seen: HashMap<&Value, String> = HashMap::new();
    for node in nodes {
        let Some(value) = node.value() else { continue };
        match seen.get(value) {
            Some(first) if blamed(node.path()) => {
                let found = format!("{} as in {first}", node.found());
                let expected = format!("{} that is not taken", article(what));
                problems.push(node.problem_found(expected, found, "change one of the two"));
            }
            Some(_) => {}
            None => drop(seen.insert(value, node.path().to_owned())),
        }
    }
}

fn article(key: &str) -> &'static str {
    if key == "id" { "an id" } else { "a name" }
}

/// A name at `node` is one of those known; otherwise the nearest is named.
fn known<'a>(
    node: &Node,
    what: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    problems: &mut Vec<Problem>,
) {
    let Some(name) = node.text() else { return };
    if names.clone().all(|known| known != name) {
        let fix = match nearest(name, names) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("name {what} that is there, or add it first"),
        };
        problems.push(node.problem(format!("the name of {what}"), fix));
    }
}

/// Who sends over a link is one of its ends, or both are.
fn sender_is_known(link: &Link, node: &Node, problems: &mut Vec<Problem>) {
    let [one, other] = &link.ends;
    let senders = [BOTH, one.site.as_str(), other.site.as_str()];
    if let Some(sender) = &link.sender
        && !senders.contains(&sender.as_str())
    {
        let expected = format!("one of {}", senders.join(", "));
        let fix = "say who sends probes over the link";
        problems.push(node.key("sender").problem(expected, fix));
    }
}

/// What must fit between the two ends of links.
struct Between<'a> {
    /// Templates alone.
    probes: Topology,
    responder: Responder,
    sites: HashMap<&'a str, TopologySite>,
    /// Paths of the links by what tells their sessions apart.
    seen: HashMap<[Where; 2], String>,
}

/// Where an end of a link is: its address, its namespace, and a port that is not the usual one.
type Where = (IpAddr, Option<String>, Option<u16>);

impl Between<'_> {
    fn judge(&mut self, node: &Node, problems: &mut Vec<Problem>) {
        let ends = node.key("ends");
        let places: Vec<_> = ends.items().collect();
        if ends.value().is_some_and(Value::is_array) && places.len() != 2 {
            let found = format!("{} of them", places.len());
            problems.push(ends.problem_found("two ends", found, "write one for each site"));
        }
        for end in &places {
            self.end_is_known(end, problems);
        }
        let Some(link) = read::<Link>(node) else {
            return;
        };
        let [one, other] = &link.ends;
        if one.site == other.site {
            let place = places[1].key("site");
            let expected = format!("another site than {}", places[0].key("site").path());
            problems.push(place.problem(expected, "take the far site, or remove the link"));
            return;
        }
        sender_is_known(&link, node, problems);
        self.addresses(&link, node, &places, problems);
        let unread = link.template.as_ref().or(self.probes.template.as_ref());
        if link.probe.is_none()
            && unread.is_some_and(|name| !self.probes.templates.contains_key(name))
        {
            return;
        }
        for near in [0, 1] {
            if link.is_sent_by(&link.ends[1 - near].site) {
                self.answers(&link, near, node, &places[near], problems);
            }
        }
    }

    /// A session over a link: its link is there, both ends speak as it does, and its runs can be.
    fn judge_session(&self, node: &Node, root: &Node, links: &Node, problems: &mut Vec<Problem>) {
        let own = node.key("probe");
        probe(&own, problems);
        if node.key("template").is_there() && own.is_there() {
            let expected = format!("no template beside {}", own.path());
            let template = node.key("template");
            problems.push(template.problem(expected, "leave out one of the two"));
        }
        sessions::runs(node, problems);
        let global = schedule::global(root);
        schedule::when(&node.key("schedule"), &global, problems);
        let Some(session) = read::<LinkSession>(node) else {
            return;
        };
        let mut all = links.items();
        let Some(place) = all.find(|link| link.key("id").whole() == Some(session.link)) else {
            let fix = "name a link that is there, or add it first";
            problems.push(node.key("link").problem("the id of a link", fix));
            return;
        };
        let Some(link) = read::<Link>(&place) else {
            return;
        };
        let over = session.over(&link);
        sender_is_known(&over, node, problems);
        let ends = place.key("ends");
        for (near, end) in ends.items().enumerate().take(2) {
            if over.is_sent_by(&over.ends[1 - near].site) {
                self.answers(&over, near, node, &end, problems);
            }
        }
    }

    fn end_is_known(&self, end: &Node, problems: &mut Vec<Problem>) {
        let (site, uplink) = (end.key("site"), end.key("uplink"));
        known(&site, "a site", self.sites.keys().copied(), problems);
        if let Some(site) = site.text().and_then(|name| self.sites.get(name)) {
            let uplinks = site.uplinks.iter().map(|uplink| uplink.name.as_str());
            let what = format!("an uplink of site {:?}", site.name);
            known(&uplink, &what, uplinks, problems);
        }
    }

    /// Both ends have an address, of one family, and no other link has the same two.
    fn addresses(
        &mut self,
        link: &Link,
        node: &Node,
        places: &[Node],
        problems: &mut Vec<Problem>,
    ) {
        let mut found = [None, None];
        for (at, end) in link.ends.iter().enumerate() {
            let Some((_, uplink)) = self.uplink(end) else {
                return;
            };
            found[at] = address(end, uplink);
            if found[at].is_none() {
                let fix = "add it here, or to the uplink";
                let address = places[at].key("address");
                problems.push(address.problem("an address of this end", fix));
            }
        }
        let [Some(one), Some(other)] = found else {
            return;
        };
        if one.ip.is_ipv4() != other.ip.is_ipv4() {
            let family = if one.ip.is_ipv4() { "IPv4" } else { "IPv6" };
            let expected = format!("an {family} address, as {}", one.ip);
            let fix = "take two addresses of one family";
            let address = places[1].key("address");
            problems.push(address.problem_found(expected, other.ip.to_string(), fix));
            return;
        }
        let mut pair = [0, 1].map(|at| {
            let end = &link.ends[at];
            let namespace = self
                .uplink(end)
                .and_then(|(_, uplink)| uplink.namespace.clone());
            let ip = [one.ip, other.ip][at];
            // The same address at another site is another host's.
            (
                ip,
                Some(format!("{} {}", end.site, namespace.unwrap_or_default())),
                link.port,
            )
        });
        pair.sort();
        if let Some(first) = self.seen.get(&pair) {
            let expected = "two ends, with their port, that no other link has";
            let found = format!("{} and {}, as in {first}", one.ip, other.ip);
            let fix = "change one of the two, or give one a port of its own";
            problems.push(node.key("ends").problem_found(expected, found, fix));
        } else {
            self.seen.insert(pair, node.path().to_owned());
        }
    }

    fn uplink<'b>(
        &'b self,
        end: &End,
    ) -> Option<(&'b TopologySite, &'b plugin_abi::config::Uplink)> {
        let site = self.sites.get(end.site.as_str())?;
        Some((site, site.uplink(&end.uplink)?))
    }

    /// The end at `near` answers what comes over the link.
    fn answers(
        &self,
        link: &Link,
        near: usize,
        node: &Node,
        place: &Node,
        problems: &mut Vec<Problem>,
    ) {
        let Some((site, uplink)) = self.uplink(&link.ends[near]) else {
            return;
        };
        let probe = self.probes.probe(link);
        let modes = site.modes.as_ref().unwrap_or(&self.responder.modes);
        if let Some(mode) = probe.needs()
            && !modes.contains(&mode)
        {
            let mode = Protocol::from(mode).name();
            let expected = format!("mode {mode} among those that site {:?} offers", site.name);
            let found = modes.iter().map(|mode| Protocol::from(*mode).name());
            let found = found.collect::<Vec<_>>().join(", ");
            let fix = "add it to the site's modes, or take another protocol";
            let protocol = if link.probe.is_some() {
                "probe"
            } else {
                "template"
            };
            problems.push(node.key(protocol).problem_found(expected, found, fix));
        }
        let control_port = site.control_port.unwrap_or(self.responder.control_port);
        let port = link.port.unwrap_or(control_port);
        if answered_by_line(&probe, port, control_port) {
            return;
        }
        let linked = address(&link.ends[near], uplink)
            .is_some_and(plugin_abi::config::Address::is_link_local);
        let why = match (linked, &uplink.namespace) {
            (true, _) => "a link-local address",
            (_, Some(_)) => "an uplink in a network namespace",
            _ => return,
        };
        let expected = format!(
            "TWAMP over the control port of site {:?}, for {why}",
            site.name
        );
        let found = format!("protocol {}, port {port}", probe.protocol.name());
        let fix = "take open, auth, encrypted or mixed, and leave the port out";
        problems.push(place.key("uplink").problem_found(expected, found, fix));
    }
}

/// What stands at `node`, if it can be read.
fn read<'doc, T: Deserialize<'doc>>(node: &Node<'doc>) -> Option<T> {
    T::deserialize(node.value()?).ok()
}
