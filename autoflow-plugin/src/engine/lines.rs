//! Lines that come, change and go while the engine runs: only what differs is touched.

use std::collections::HashSet;

use plugin_abi::config::{Config, Line};

use super::binding::{bind, listen};
use super::control::Control;
use super::message::News;
use super::opening;
use crate::session::Order;
use crate::session::admission::Admission;
use crate::session::target::Manners;

impl Control {
    /// A line is new or has changed: its session is made anew, what was learned of it is kept.
    pub(super) fn change_line(&mut self, line: Line) {
        self.end_line(line.id);
        self.publisher.line(&line);
        self.config.lines.retain(|known| known.id != line.id);
        self.config.lines.push(line.clone());
        self.match_targets();
        if line.sender && line.remote.is_some() {
            let probe = line
                .probe
                .clone()
                .unwrap_or_else(|| self.config.probe.clone());
            let (orders, news) = (self.orders.clone(), self.news.clone());
            let ports = self.config.responder.test_ports;
            self.tasks.spawn_local(async move {
                let spec = opening::sender(&line, &probe, (opening::local_of(&line), 0).into());
                let bound = bind(&orders, spec, ports).await;
                let _ = news.send(News::Bound(Box::new(line), bound));
            });
        }
        self.publish();
    }

    pub(super) fn lose_line(&mut self, id: u64) {
        self.end_line(id);
        self.publisher.lose(id);
        self.config.lines.retain(|known| known.id != id);
        self.match_targets();
        self.publish();
    }

    fn end_line(&mut self, id: u64) {
        if let Some(key) = self.by_line.remove(&id) {
            self.orders.send(Order::Finish(key));
            self.quit(key);
        }
    }

    /// Only what differs is touched.
    pub(super) fn apply(&mut self, config: Config) {
        let old = std::mem::replace(&mut self.config, config.clone());
        self.publisher.policy(&config);
        let manners = Manners::new(&config.responder, self.started);
        self.manners.send_replace(manners);
        let admission = Admission::new(&config.responder, &self.shared.keys);
        self.orders.send(Order::Admit(admission));
        for line in old
            .lines
            .iter()
            .filter(|line| config.lines.iter().all(|new| new.id != line.id))
        {
            self.lose_line(line.id);
        }
        for line in config.lines {
            let before = old.lines.iter().find(|known| known.id == line.id);
            let inherits = line.probe.is_none() && old.probe != self.config.probe;
            if before != Some(&line) || inherits {
                self.change_line(line);
            }
        }
        self.match_targets();
        self.publish();
    }

    /// Starts responders that are missing, ends those that nobody asks for any more.
    fn match_targets(&mut self) {
        let wanted: HashSet<_> = opening::controls(&self.config).into_iter().collect();
        self.targets.retain(|local, task| {
            let keep = wanted.contains(local);
            if !keep {
                task.abort();
            }
            keep
        });
        for local in wanted {
            if self.targets.contains_key(&local) {
                continue;
            }
            let (orders, news) = (self.orders.clone(), self.news.clone());
            let ports = self.config.responder.test_ports;
            let task = self.tasks.spawn_local(async move {
                let _ = news.send(News::Listening(local, listen(&orders, local, ports).await));
            });
            self.targets.insert(local, task);
        }
    }
}
