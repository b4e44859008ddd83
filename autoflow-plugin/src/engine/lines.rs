//! Lines that come, change and go while the engine runs: only what differs is touched.

use plugin_abi::config::{Config, Line, Remote};

use super::binding::bind;
use super::control::Control;
use super::message::News;
use super::opening;
use crate::session::Order;
use crate::session::credentials::Credentials;
use crate::session::target::Manners;

impl Control {
    /// A line is new or has changed: its session is made anew, what was learned of it is kept.
    pub(super) fn change_line(&mut self, line: Line) {
        self.end_line(line.id);
        self.publisher.line(&line);
        self.far_end(line.id, line.remote);
        self.config.lines.retain(|known| known.id != line.id);
        self.config.lines.push(line.clone());
        self.match_responders();
        if line.sender && line.remote.is_some() {
            let probe = line
                .probe
                .clone()
                .unwrap_or_else(|| self.config.probe.clone());
            let (orders, news) = (self.orders.clone(), self.news.clone());
            let ports = self.config.responder.test_ports;
            self.tasks.spawn_local(async move {
                let spec = opening::sender(&line, &probe, (opening::local_of(&line), 0).into());
                let far = line.remote.map(|remote| remote.socket().ip());
                let bound = bind(&orders, spec, ports, far).await;
                let _ = news.send(News::Bound(Box::new(line), bound));
            });
        }
        self.publish_soon();
    }

    pub(super) fn lose_line(&mut self, id: u64) {
        self.end_line(id);
        self.publisher.lose(id);
        self.far_end(id, None);
        self.config.lines.retain(|known| known.id != id);
        self.match_responders();
        self.publish_soon();
    }

    /// A line has another far end, which is a peer by that.
    fn far_end(&self, line: u64, after: Option<Remote>) {
        let line = self.config.lines.iter().find(|known| known.id == line);
        let ip = |remote: Remote| remote.socket().ip();
        let before = line.and_then(|line| line.remote);
        self.shared.admission.far_end(before.map(ip), after.map(ip));
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
        let credentials = Credentials::new(&config.responder, &self.shared.keys);
        self.orders.send(Order::Accept(credentials));
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
        // The whole, with nothing left of what came and went on the way here.
        self.shared.admission.rule(&self.config);
        self.match_responders();
        self.publish_soon();
    }
}
