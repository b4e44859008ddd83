//! Lines that come, change and go while the engine runs: only what differs is touched.

use std::sync::Arc;

use plugin_abi::config::{Config, Line, MTU_PROBE_CLASS, Owner, Probe, ProbeClass, Remote};

use super::binding::{Wanted, Whose};
use super::control::Control;
use super::ends::Ends;
use super::lock;
use super::message::News;
use super::opening::{self, Sender};
use super::sight::Measures;
use crate::config::full_size;
use crate::net::{NetError, clock};
use crate::session::credentials::Credentials;
use crate::session::target::Manners;
use crate::session::{Key, Order};

impl Control {
    /// A line is new or has changed: its session is made anew, what was learned of it is kept.
    pub(super) fn change_line(&mut self, line: &Arc<Line>) {
        let measured = !self.sessions_of(line.id).is_empty();
        self.end_line(line.id);
        self.publisher.line(line);
        self.export_line(line);
        if measured && !line.sender {
            self.rest_line(line.id);
        }
        self.far_end(line.id, line.remote);
        let former = self.forget_line(line.id);
        self.config.lines.push(line.clone());
        self.forget_namespaces();
        self.match_responders();
        let name = line.name.clone();
        self.open_line(line);
        for name in former.iter().filter(|former| **former != name) {
            self.match_sessions_over(name);
        }
        self.match_sessions_over(&name);
        self.publish_soon();
    }

    /// Has the paths of a line's probes opened, if it sends any: one for each probe class in use.
    pub(super) fn open_line(&mut self, line: &Arc<Line>) {
        for (class, probe) in probes(&self.config, line) {
            self.open_probes(line.clone(), class, probe);
        }
    }

    /// Has the path of the probes of one class opened.
    fn open_probes(&mut self, line: Arc<Line>, class: u64, probe: Probe) {
        let ports = self.config.responder.test_ports;
        let (opener, shared, news) = (self.opener(), self.shared.clone(), self.news.clone());
        self.tasks.spawn_local(async move {
            let open = async || -> Result<Option<Sender>, NetError> {
                let ends = Ends::of(&line, opener.by(), &shared.namespaces)?;
                let Some(ends) = ends else { return Ok(None) };
                let (spec, unstamped) = opening::sender(&line, &ends, &probe);
                let wanted = Wanted {
                    spec,
                    ports,
                    whose: Whose::Line(line.id, ends.remote),
                };
                let (path, local) = opener.path(wanted).await?;
                Ok(Some(Sender {
                    ends,
                    path,
                    local,
                    unstamped,
                }))
            };
            if let Some(bound) = open().await.transpose() {
                let _ = news.send(News::Bound(line, class, Box::new(probe), bound));
            }
        });
    }

    pub(super) fn lose_line(&mut self, id: u64) {
        self.end_line(id);
        self.publisher.lose(id);
        self.far_end(id, None);
        let former = self.forget_line(id);
        self.forget_namespaces();
        self.match_responders();
        if let Some(name) = former {
            self.match_sessions_over(&name);
        }
        self.publish_soon();
    }

    /// Answers what the line was called.
    fn forget_line(&mut self, id: u64) -> Option<String> {
        let place = self.config.lines.iter().position(|known| known.id == id)?;
        Some(self.config.lines.remove(place).name.clone())
    }

    /// By the wanted lines: one of them may be on its way to here.
    fn forget_namespaces(&self) {
        let wanted = lock(&self.shared.config);
        let sessions = lock(&self.shared.registry);
        let sessions = sessions
            .iter()
            .map(|(_, session)| session.namespace.as_ref());
        let lines = wanted.lines.iter().map(|line| line.namespace.as_ref());
        self.shared.namespaces.keep(lines.chain(sessions).flatten());
    }

    /// A line has another far end, which is a peer by that.
    fn far_end(&self, line: u64, after: Option<Remote>) {
        let line = self.config.lines.iter().find(|known| known.id == line);
        let before = line.and_then(|line| line.remote);
        self.shared
            .admission
            .far_end(before.map(Remote::ip), after.map(Remote::ip));
    }

    /// The sessions that measure a line, one for each probe class in use.
    pub(super) fn sessions_of(&self, line: u64) -> Vec<(Measures, Key)> {
        let all = Measures { line, class: 0 }..=Measures {
            line,
            class: u64::MAX,
        };
        let sessions = self.by_line.range(all);
        sessions.map(|(what, key)| (*what, *key)).collect()
    }

    pub(super) fn end_line(&mut self, id: u64) {
        for (what, _) in self.sessions_of(id) {
            self.end_probes(what);
        }
    }

    fn end_probes(&mut self, what: Measures) {
        if let Some(key) = self.by_line.remove(&what) {
            if let Some(session) = self.sessions.get(&key) {
                let path = session.path;
                self.orders.send(Order::Finish { key, path });
            }
            self.quit(key);
        }
    }

    /// The sessions of a line that is there as before, where its probes are to leave otherwise than
    /// by `old`: none but these begin or end.
    fn match_probes(&mut self, line: &Arc<Line>, old: &Config) {
        let (before, after) = (probes(old, line), probes(&self.config, line));
        for (class, _) in before.iter().filter(|known| !after.contains(known)) {
            self.end_probes(Measures {
                line: line.id,
                class: *class,
            });
        }
        for (class, probe) in after.into_iter().filter(|new| !before.contains(new)) {
            self.open_probes(line.clone(), class, probe);
        }
    }

    /// Only what differs is touched.
    pub(super) fn apply(&mut self, mut config: Config) {
        if config.io != self.config.io {
            tracing::warn!(
                "configuration: io can't change while the engine runs; it waits for the next start"
            );
            config.io = self.config.io.clone();
        }
        let old = std::mem::replace(&mut self.config, config.clone());
        self.publisher.policy(&config);
        lock(&self.shared.board).scores_only(config.decision.scores_only);
        let manners = Manners::new(&config.responder, self.started);
        self.manners.send_replace(manners);
        let credentials = Credentials::new(&config.responder, &self.shared.keys);
        self.orders.to_all(|| Order::Accept(credentials.clone()));
        for line in old
            .lines
            .iter()
            .filter(|line| config.lines.iter().all(|new| new.id != line.id))
        {
            self.lose_line(line.id);
        }
        for line in config.lines {
            let before = old.lines.iter().find(|known| known.id == line.id);
            match before {
                Some(before) if is_probed_alike(before, &line) => {
                    if *before != line {
                        self.publisher.line(&line);
                        self.shared.budgets.of(&line, clock().wall);
                    }
                    self.match_probes(&line, &old);
                }
                _ => self.change_line(&line),
            }
        }
        if old.probe != self.config.probe {
            self.match_sessions();
        }
        let there = |name: &str| self.config.lines.iter().any(|line| line.name == name);
        let names = old.lines.iter().map(|line| line.name.clone());
        for name in names.filter(|name| !there(name)).collect::<Vec<_>>() {
            self.match_sessions_over(&name);
        }
        // The whole, with nothing left of what came and went on the way here.
        self.shared.admission.rule(&self.config);
        self.match_responders();
        self.match_export();
        self.publish_soon();
    }
}

/// How a line that sends probes does so, for each probe class in use; those of full size go last.
pub(super) fn probes(config: &Config, line: &Line) -> Vec<(u64, Probe)> {
    if !line.sender || line.remote.is_none() {
        return Vec::new();
    }
    let by = config.probed().by.into_iter();
    let small = by.map(|class| (ProbeClass::id_of(class), config.probe_of(line, class)));
    let full_size = full_size(config, line).map(|(_, probe)| (MTU_PROBE_CLASS, probe));
    small.chain(full_size).collect()
}

/// The session of `one` is that of `other`: they differ in nothing that probes can notice.
pub(super) fn is_probed_alike(one: &Line, other: &Line) -> bool {
    /// What is not the session's business is as of no line.
    fn session(line: &Line) -> Line {
        Line {
            owner: Owner::default(),
            underlay: None,
            far_end: None,
            cost: 0,
            metered: false,
            profile: Default::default(),
            flows_movable: true,
            mtu: None,
            mtu_probe: None,
            capacity_up_mbps: None,
            capacity_down_mbps: None,
            responder: false,
            groups: Vec::new(),
            // How much it is, the meter is told.
            probe_budget_mb: line.probe_budget_mb.map(|_| 0.0),
            export: true,
            export_s: None,
            ..line.clone()
        }
    }
    session(one) == session(other)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_what_probes_notice_makes_another_session() {
        let line = |key: &str, value: Value| {
            let mut line = json!({"id": 1, "name": "a", "remote": "192.0.2.1"});
            line[key] = value;
            serde_json::from_value::<Line>(line).unwrap()
        };
        let plain = line("id", json!(1));
        for (key, value) in [
            ("cost", json!(7)),
            ("metered", json!(true)),
            ("groups", json!([3])),
            ("far_end", json!("hub")),
            ("responder", json!(true)),
            ("capacity_up_mbps", json!(1.5)),
            ("mtu_probe", json!({})),
            ("export", json!(false)),
            ("export_s", json!(1)),
        ] {
            assert!(is_probed_alike(&plain, &line(key, value)), "{key}");
        }
        for (key, value) in [
            ("id", json!(2)),
            ("name", json!("b")),
            ("remote", json!("192.0.2.2")),
            ("local", json!("192.0.2.3")),
            ("device", json!("eth0")),
            ("mark", json!(7)),
            ("namespace", json!("blue")),
            ("sender", json!(false)),
            ("hardware_stamps", json!(true)),
            ("probe", json!({"interval_ms": 7})),
        ] {
            assert!(!is_probed_alike(&plain, &line(key, value)), "{key}");
        }
    }
}
