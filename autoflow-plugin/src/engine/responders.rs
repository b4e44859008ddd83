//! Responders that come, move and go while the engine runs: only what differs is touched.

use std::collections::HashSet;
use std::net::SocketAddr;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::EngineError;
use super::binding::{Wanted, Whose};
use super::control::Control;
use super::ends::{By, Site};
use super::message::News;
use super::opening;
use crate::net::{NetError, Path, PathSpec};
use crate::session::Order;
use crate::session::answering::{Door, DoorKind};
use crate::session::ground::{Ground, Grounds};
use crate::session::target::{Means, Target, serve};

/// An address that answers TWAMP-Control.
pub(super) enum Serving {
    /// It is being bound.
    Opening(AbortHandle),
    /// It takes connections.
    Open {
        task: AbortHandle,
        /// How another path beside it is opened.
        spec: Box<PathSpec>,
        /// Where probes of new sessions are answered.
        grounds: watch::Sender<Grounds>,
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
        let by = self.opener().by();
        let wanted: HashSet<_> = Site::all(&self.config, by).into_iter().collect();
        let orders = &self.orders;
        self.targets.retain(|site, serving| {
            let keep = wanted.contains(site);
            if !keep {
                serving.abort();
                for path in serving.paths() {
                    orders.send(Order::Close(*path));
                }
            }
            keep
        });
        for site in wanted {
            if self.targets.contains_key(&site) {
                continue;
            }
            let (opener, shared, news) = (self.opener(), self.shared.clone(), self.news.clone());
            let (at, ports) = (site.clone(), self.config.responder.test_ports);
            let task = self.tasks.spawn_local(async move {
                let target = opener.target(&at, &shared.namespaces, ports).await;
                let _ = news.send(News::Listening(at, target));
            });
            self.targets.insert(site, Serving::Opening(task));
        }
    }

    /// Sessions stay where they are; new ones go to a port of the range. A host takes the ports that
    /// it likes.
    fn match_ports(&mut self) {
        let opener = self.opener();
        if opener.by() == By::Host {
            return;
        }
        let ports = self.config.responder.test_ports;
        for (site, serving) in &self.targets {
            if let Serving::Open { grounds, spec, .. } = serving
                && !are_within(&grounds.borrow(), ports)
            {
                let (opener, news, site) = (opener.clone(), self.news.clone(), site.clone());
                let wanted = Wanted {
                    spec: (**spec).clone(),
                    ports,
                    whose: Whose::Replies(None),
                };
                self.tasks.spawn_local(async move {
                    let _ = news.send(News::Moved(site, opener.paths(wanted).await));
                });
            }
        }
    }

    fn match_doors(&mut self) {
        let wanted: HashSet<_> = opening::doors(&self.config.responder).collect();
        let orders = &self.orders;
        self.doors.retain(|door, paths| {
            let keep = wanted.contains(door);
            for path in paths.iter().filter(|_| !keep) {
                orders.send(Order::Close(*path));
            }
            keep
        });
        for (local, kind) in wanted {
            if self.doors.contains_key(&(local, kind)) {
                continue;
            }
            self.doors.insert((local, kind), Vec::new());
            let (opener, news) = (self.opener(), self.news.clone());
            let wanted = Wanted {
                spec: opening::door_path(local, self.orders.threads().into()),
                ports: (local.port(), local.port()),
                whose: Whose::Replies(None),
            };
            self.tasks.spawn_local(async move {
                let bound = opener.paths(wanted).await;
                let _ = news.send(News::Door((local, kind), bound));
            });
        }
    }

    /// A control port is bound, or can't be. Meanwhile it may be wanted no more.
    pub(super) fn listening(&mut self, site: Site, bound: Result<Target, EngineError>) {
        let awaited = matches!(self.targets.get(&site), Some(Serving::Opening(_)));
        match bound {
            Ok(target) if awaited => {
                self.begin_target(site, target);
                self.match_ports();
            }
            Ok(target) => {
                for (path, _) in target.paths {
                    self.orders.send(Order::Close(path));
                }
            }
            Err(error) if awaited => {
                tracing::error!("{error}");
                self.targets.remove(&site);
            }
            Err(_) => {}
        }
    }

    pub(super) fn begin_target(&mut self, site: Site, target: Target) {
        let local = target.local;
        let paths = target.paths.iter().map(|(path, _)| *path).collect();
        let (grounds, hears_grounds) = watch::channel(self.grounds(target.paths));
        let orders = self.orders.clone();
        let means = Means {
            manners: self.manners.subscribe(),
            grounds: hears_grounds,
            admission: self.shared.admission.clone(),
            keys: self.shared.keys.clone(),
            orders: move |order| orders.send(order),
        };
        let serving = serve(target.listener, local, means);
        let serving = Serving::Open {
            task: self.tasks.spawn_local(serving),
            spec: Box::new(target.spec),
            grounds,
            paths,
        };
        self.targets.insert(site, serving);
    }

    /// A responder has other ports for its probes. By now those may be out of range as well, and
    /// the next ones are on their way.
    pub(super) fn moved(&mut self, site: &Site, bound: Result<Vec<(Path, SocketAddr)>, NetError>) {
        let bound = match bound {
            Ok(bound) => bound,
            Err(error) => {
                tracing::error!("responder on {site} stays on its test ports: {error}");
                return;
            }
        };
        let open: Vec<_> = bound.iter().map(|(path, _)| *path).collect();
        let next = self.grounds(opening::with_ports(bound));
        if !are_within(&next, self.config.responder.test_ports) {
            return;
        }
        // Not taken, each is closed with the last who has it.
        if let Some(Serving::Open { grounds, paths, .. }) = self.targets.get_mut(site) {
            paths.extend(open);
            grounds.send_replace(next);
        }
    }

    /// An address for strangers is bound, or can't be. Meanwhile it may be wanted no more.
    pub(super) fn bound_door(
        &mut self,
        door: (SocketAddr, DoorKind),
        bound: Result<Vec<(Path, SocketAddr)>, NetError>,
    ) {
        let awaited = self.doors.get_mut(&door).filter(|paths| paths.is_empty());
        let (local, kind) = door;
        match (bound, awaited) {
            (Ok(bound), Some(awaited)) => {
                for (path, local) in bound {
                    awaited.push(path);
                    let door = Door { local, kind };
                    self.orders.send(Order::ReflectAll { path, door });
                }
            }
            (Ok(bound), None) => {
                for (path, _) in bound {
                    self.orders.send(Order::Close(path));
                }
            }
            (Err(error), Some(_)) => {
                tracing::error!("{} responder on {local}: {error}", kind.name());
                self.doors.remove(&door);
            }
            (Err(_), None) => {}
        }
    }

    fn grounds(&self, paths: Vec<(Path, u16)>) -> Grounds {
        let ground = |(path, port)| {
            let orders = self.orders.clone();
            Ground::new(path, port, move |path| orders.send(Order::Close(path)))
        };
        Grounds::new(paths.into_iter().map(ground).collect(), self.orders.next())
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

fn are_within(grounds: &Grounds, (first, last): (u16, u16)) -> bool {
    let mut grounds = grounds.iter();
    grounds.all(|ground| (first..=last).contains(&ground.port()))
}
