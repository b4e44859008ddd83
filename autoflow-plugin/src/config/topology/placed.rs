//! Mistakes that show only at the site: found in what the topology means there, told where it is
//! written.

use plugin_abi::config::{Config, Topology};
use plugin_abi::manage::Problem;

use super::super::judge as judge_document;
use super::{expand, links_of, sessions_of};

/// The mistakes of what `config`, which is good as written, means at its site.
pub(in crate::config) fn misplaced(config: &Config) -> Vec<Problem> {
    let (Some(topology), Some(site)) = (&config.topology, &config.site) else {
        return Vec::new();
    };
    let Ok(effective) = expand(config).revealed() else {
        return Vec::new();
    };
    let places = Places {
        config,
        topology,
        site,
        links: links_of(topology, site).iter().map(|(at, _)| *at).collect(),
        sessions: sessions_of(topology, site)
            .into_iter()
            .filter(|(_, session, link)| session.over(link).is_sent_by(site))
            .map(|(at, ..)| at)
            .collect(),
    };
    let mut told: Vec<Problem> = Vec::new();
    for mut problem in judge_document(&effective).err().unwrap_or_default() {
        problem.path = places.written(&problem.path);
        problem.expected = places.within(&problem.expected);
        problem.found = places.within(&problem.found);
        // Links of one template share its mistakes.
        if !told.contains(&problem) {
            told.push(problem);
        }
    }
    told
}

/// Where things of the effective configuration are written.
struct Places<'a> {
    config: &'a Config,
    topology: &'a Topology,
    site: &'a str,
    /// Places of the links, in the order of their lines.
    links: Vec<usize>,
    /// The same of the sessions over them.
    sessions: Vec<usize>,
}

impl Places<'_> {
    /// The place in the document of what has this path in what it means.
    fn written(&self, path: &str) -> String {
        let of = |list: &str, own: usize| {
            let (index, rest) = path
                .strip_prefix(list)?
                .strip_prefix('[')?
                .split_once(']')?;
            Some((index.parse::<usize>().ok()?.checked_sub(own)?, rest))
        };
        if let Some((link, rest)) = of("lines", self.config.lines.len()) {
            if let Some(place) = self.links.get(link) {
                return self.link(*place, rest);
            }
        } else if let Some((session, rest)) = of("sessions", self.config.sessions.len()) {
            if let Some(place) = self.sessions.get(session) {
                return format!("topology.sessions[{place}]{rest}");
            }
        } else if let Some((group, rest)) = of("groups", self.config.groups.len()) {
            return format!("topology.groups[{group}]{rest}");
        } else if let Some((class, rest)) = of("classes", self.config.classes.len()) {
            return format!("topology.classes[{class}]{rest}");
        } else if let Some((class, rest)) = of("probe_classes", self.config.probe_classes.len()) {
            return format!("topology.probe_classes[{class}]{rest}");
        } else if let Some(key) = path.strip_prefix("responder.") {
            return self.responder(key).unwrap_or_else(|| path.to_owned());
        }
        path.to_owned()
    }

    fn link(&self, place: usize, rest: &str) -> String {
        let (link, path) = (
            &self.topology.links[place],
            format!("topology.links[{place}]"),
        );
        if let (Some(key), None) = (rest.strip_prefix(".probe"), &link.probe) {
            let template = link.template.as_ref().or(self.topology.template.as_ref());
            return match template {
                Some(name) => format!("topology.templates.{name}{key}"),
                None => format!("{path}.probe{key}"),
            };
        }
        let own = usize::from(link.ends[0].site != self.site);
        match rest.split('.').nth(1) {
            Some("local") => self.end(&path, link, own, "address"),
            Some("remote") => self.end(&path, link, 1 - own, "address"),
            Some(key @ ("mtu" | "device" | "mark" | "namespace")) => {
                self.end(&path, link, own, key)
            }
            _ => format!("{path}{rest}"),
        }
    }

    /// Where an end of a link, or its uplink, says `key`.
    fn end(&self, path: &str, link: &plugin_abi::config::Link, end: usize, key: &str) -> String {
        let named = &link.ends[end];
        if key == "address" && named.address.is_some() {
            return format!("{path}.ends[{end}].address");
        }
        let site = self.topology.sites.iter();
        let site = site.enumerate().find(|(_, site)| site.name == named.site);
        let uplink = site.and_then(|(at, site)| {
            let mut uplinks = site.uplinks.iter();
            Some((at, uplinks.position(|uplink| uplink.name == named.uplink)?))
        });
        match uplink {
            Some((site, uplink)) => format!("topology.sites[{site}].uplinks[{uplink}].{key}"),
            None => format!("{path}.ends[{end}]"),
        }
    }

    fn responder(&self, key: &str) -> Option<String> {
        let mut sites = self.topology.sites.iter().enumerate();
        let (at, site) = sites.find(|(_, site)| site.name == self.site)?;
        let says = key.starts_with("test_ports") && site.test_ports.is_some()
            || key.starts_with("modes") && site.modes.is_some();
        says.then(|| format!("topology.sites[{at}].{key}"))
    }

    /// The same for a path that another sentence ends with.
    fn within(&self, sentence: &str) -> String {
        match sentence.rsplit_once(' ') {
            Some((words, path)) => format!("{words} {}", self.written(path)),
            None => sentence.to_owned(),
        }
    }
}
