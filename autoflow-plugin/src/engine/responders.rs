//! Responders that come, move and go while the engine runs: only what differs is touched.

use std::collections::HashSet;
use std::net::SocketAddr;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::EngineError;
use super::binding::{bind, listen};
use super::control::Control;
use super::message::News;
use super::opening;
use crate::net::{NetError, Path};
use crate::session::Order;
use crate::session::answering::{Door, DoorKind};
use crate::session::ground::Ground;
use crate::session::target::{Means, Target, serve};

/// An address that answers TWAMP-Control.
pub(super) enum Serving {
    /// It is being bound.
    Opening(AbortHandle),
    /// It takes connections.
    Open {
        task: AbortHandle,
        /// Where probes of new sessions are answered.
        ground: watch::Sender<Ground>,
        /// Where those of some are answered, the newest last. Older ones may be closed.
        paths: Vec<Path>,
    },
}

impl Control {
    /// Starts responders that are missing, moves those that answer outside the test ports, ends
    /// those that nobody asks for any more.
    pub(super) fn match_responders(&mut self) {
        self.match_targets();
        self.match_ports();
        self.match_doors();
    }

    fn match_targets(&mut self) {
        let wanted: HashSet<_> = opening::controls(&self.config).into_iter().collect();
        let orders = &self.orders;
        self.targets.retain(|local, serving| {
            let keep = wanted.contains(local);
            if !keep {
                serving.abort();
                for path in serving.paths() {
                    orders.send(Order::Close(*path));
                }
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
            self.targets.insert(local, Serving::Opening(task));
        }
    }

    /// Sessions stay where they are; new ones go to a port of the range.
    fn match_ports(&mut self) {
        let ports = self.config.responder.test_ports;
        for (local, serving) in &self.targets {
            if let Serving::Open { ground, .. } = serving
                && !within(ground.borrow().port(), ports)
            {
                let (orders, news, local) = (self.orders.clone(), self.news.clone(), *local);
                self.tasks.spawn_local(async move {
                    let spec = opening::reflector((local.ip(), 0).into());
                    let _ = news.send(News::Moved(local, bind(&orders, spec, ports, None).await));
                });
            }
        }
    }

    fn match_doors(&mut self) {
        let wanted: HashSet<_> = opening::doors(&self.config.responder).collect();
        let orders = &self.orders;
        self.doors.retain(|door, path| {
            let keep = wanted.contains(door);
            if let (false, Some(path)) = (keep, path) {
                orders.send(Order::Close(*path));
            }
            keep
        });
        for (local, kind) in wanted {
            if self.doors.contains_key(&(local, kind)) {
                continue;
            }
            self.doors.insert((local, kind), None);
            let (orders, news) = (self.orders.clone(), self.news.clone());
            self.tasks.spawn_local(async move {
                let (spec, port) = (opening::door_path(local, kind), local.port());
                let bound = bind(&orders, spec, (port, port), None).await;
                let _ = news.send(News::Door((local, kind), bound));
            });
        }
    }

    /// A control port is bound, or can't be. Meanwhile it may be wanted no more.
    pub(super) fn listening(&mut self, local: SocketAddr, bound: Result<Target, EngineError>) {
        let awaited = matches!(self.targets.get(&local), Some(Serving::Opening(_)));
        match bound {
            Ok(target) if awaited => {
                self.begin_target(target);
                self.match_ports();
            }
            Ok(target) => self.orders.send(Order::Close(target.path)),
            Err(error) if awaited => {
                tracing::error!("responder on {local}: {error}");
                self.targets.remove(&local);
            }
            Err(_) => {}
        }
    }

    pub(super) fn begin_target(&mut self, target: Target) {
        let local = target.local;
        let (ground, grounds) = watch::channel(self.ground(target.path, target.port));
        let orders = self.orders.clone();
        let means = Means {
            manners: self.manners.subscribe(),
            ground: grounds,
            admission: self.shared.admission.clone(),
            keys: self.shared.keys.clone(),
            orders: move |order| orders.send(order),
        };
        let serving = serve(target.listener, local, means);
        let serving = Serving::Open {
            task: self.tasks.spawn_local(serving),
            ground,
            paths: vec![target.path],
        };
        self.targets.insert(local, serving);
    }

    /// A responder has another port for its probes. By now that may be out of range as well, and
    /// the next one is on its way.
    pub(super) fn moved(&mut self, local: SocketAddr, bound: Result<(Path, SocketAddr), NetError>) {
        let (path, probes) = match bound {
            Ok(bound) => bound,
            Err(error) => {
                tracing::error!("responder on {local} stays on its test port: {error}");
                return;
            }
        };
        let next = self.ground(path, probes.port());
        if !within(next.port(), self.config.responder.test_ports) {
            return;
        }
        // Not taken, it is closed with the last who has it.
        if let Some(Serving::Open { ground, paths, .. }) = self.targets.get_mut(&local) {
            paths.push(path);
            ground.send_replace(next);
        }
    }

    /// An address for strangers is bound, or can't be. Meanwhile it may be wanted no more.
    pub(super) fn bound_door(
        &mut self,
        door: (SocketAddr, DoorKind),
        bound: Result<(Path, SocketAddr), NetError>,
    ) {
        let awaited = self.doors.get_mut(&door).filter(|path| path.is_none());
        let (local, kind) = door;
        match (bound, awaited) {
            (Ok((path, local)), Some(awaited)) => {
                *awaited = Some(path);
                let door = Door { local, kind };
                self.orders.send(Order::ReflectAll { path, door });
            }
            (Ok((path, _)), None) => self.orders.send(Order::Close(path)),
            (Err(error), Some(_)) => {
                tracing::error!("{} responder on {local}: {error}", kind.name());
                self.doors.remove(&door);
            }
            (Err(_), None) => {}
        }
    }

    fn ground(&self, path: Path, port: u16) -> Ground {
        let orders = self.orders.clone();
        Ground::new(path, port, move |path| orders.send(Order::Close(path)))
    }
}

impl Serving {
    /// Takes no more connections, and drops those there are.
    pub(super) fn abort(&self) {
        match self {
            Self::Opening(task) | Self::Open { task, .. } => task.abort(),
        }
    }

    fn paths(&self) -> &[Path] {
        match self {
            Self::Opening(_) => &[],
            Self::Open { paths, .. } => paths,
        }
    }
}

fn within(port: u16, (first, last): (u16, u16)) -> bool {
    (first..=last).contains(&port)
}
