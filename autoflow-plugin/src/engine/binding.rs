//! Sockets for what comes while the engine runs: probe threads open them, or the host does.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use tokio::sync::oneshot;

use super::EngineError;
use super::ends::{By, Site};
use super::message::Orders;
use super::namespaces::Namespaces;
use super::opening::{self, refused};
use crate::host::Host;
use crate::net::{NetError, Path, PathSpec, Purpose};
use crate::session::Order;
use crate::session::target::Target;

/// Has sockets opened. Used by `twamp-ctl` alone: there the host may be asked.
#[derive(Clone)]
pub(super) struct Opener {
    host: Host,
    orders: Orders,
}

/// A path that is wanted.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) spec: PathSpec,
    /// It is to be bound to the first free one of these. A host takes a port that it likes, unless
    /// there is but one.
    pub(super) ports: (u16, u16),
    pub(super) whose: Whose,
}

/// Who wants it.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// The probes of a line, which may share it with those to other hosts.
    Line(u64, SocketAddr),
    /// Those of a configured session, which may share it as well; of a line's way, if it takes that.
    Own(Option<u64>, SocketAddr),
    /// Those of a run.
    Run(Option<u64>, SocketAddr),
    /// The replies to others' probes; of a line's responder where the host opens it.
    Replies(Option<u64>),
}

impl Opener {
    pub(super) fn new(host: Host, orders: Orders) -> Self {
        Self { host, orders }
    }

    /// Who opens the sockets.
    pub(super) fn by(&self) -> By {
        By::of(&self.host)
    }

    /// Has the probe thread open a path whose turn it is. A single port may be another thread's
    /// already, for probes to other hosts.
    pub(super) async fn path(&self, wanted: Wanted) -> Result<(Path, SocketAddr), NetError> {
        let first = self.orders.next();
        let bound = self.path_on(first, wanted.clone()).await;
        if wanted.ports.0 != wanted.ports.1 || wanted.whose.shares().is_none() {
            return bound;
        }
        let mut bound = bound;
        for thread in (0..self.orders.threads()).filter(|thread| *thread != first) {
            if !matches!(bound, Err(NetError::PortInUse { .. })) {
                break;
            }
            bound = self.path_on(thread, wanted.clone()).await;
        }
        bound
    }

    /// Has each probe thread open a path as far as there are ports, at least one. Of a host's
    /// sockets there is one alone.
    pub(super) async fn paths(&self, wanted: Wanted) -> Result<Vec<(Path, SocketAddr)>, NetError> {
        if self.by() == By::Host {
            return Ok(vec![self.path(wanted).await?]);
        }
        let mut bound = Vec::new();
        let mut wanted = wanted;
        for thread in 0..self.orders.threads() {
            match self.path_on(thread, wanted.clone()).await {
                Ok(path) => bound.push(path),
                Err(NetError::PortInUse { .. }) if !bound.is_empty() => {}
                Err(error) => {
                    for (path, _) in bound {
                        self.orders.send(Order::Close(path));
                    }
                    return Err(error);
                }
            }
            wanted.spec = wanted.spec.beside();
        }
        Ok(bound)
    }

    async fn path_on(&self, thread: u16, wanted: Wanted) -> Result<(Path, SocketAddr), NetError> {
        let Wanted {
            mut spec,
            ports,
            whose,
        } = wanted;
        let handed = match self.by() {
            By::Plugin => None,
            By::Host => {
                spec.local
                    .set_port(if ports.0 == ports.1 { ports.0 } else { 0 });
                Some(self.ask(whose, spec.local)?)
            }
        };
        let (answer, bound) = oneshot::channel();
        let order = Order::Bind {
            spec: Box::new(spec),
            handed,
            ports,
            far: whose.shares(),
            answer,
        };
        self.orders.to(thread, order);
        bound.await.unwrap_or_else(|_| {
            Err(NetError::System {
                action: "open a path",
                source: std::io::Error::other("the probe thread is gone"),
            })
        })
    }

    /// Binds a responder's control port and the paths beside it.
    pub(super) async fn target(
        &self,
        site: &Site,
        known: &Namespaces,
        ports: (u16, u16),
    ) -> Result<Target, EngineError> {
        let failed = |source| refused(format!("responder on {site}"), source);
        let (local, binding) = site.find(self.by(), known).map_err(failed)?;
        let handed = match self.by() {
            By::Plugin => None,
            By::Host => {
                let asked = self
                    .host
                    .open_socket(site.line, Purpose::Listener, local, None);
                Some(asked.map_err(failed)?)
            }
        };
        let (listener, local) = opening::listener(site, local, &binding, handed)?;
        let spec = opening::reflector(local, binding);
        let wanted = Wanted {
            spec: spec.clone(),
            ports,
            whose: Whose::Replies(site.line),
        };
        let paths = self.paths(wanted).await.map_err(failed)?;
        Ok(Target {
            listener,
            local,
            spec,
            paths: opening::with_ports(paths),
        })
    }

    fn ask(&self, whose: Whose, local: SocketAddr) -> Result<OwnedFd, NetError> {
        let (line, purpose, remote) = match whose {
            Whose::Line(line, remote) => (Some(line), Purpose::Sender, Some(remote)),
            Whose::Own(line, remote) | Whose::Run(line, remote) => {
                (line, Purpose::Sender, Some(remote))
            }
            Whose::Replies(line) => (line, Purpose::Reflector, None),
        };
        self.host.open_socket(line, purpose, local, remote)
    }
}

impl Whose {
    fn shares(self) -> Option<IpAddr> {
        match self {
            Self::Line(_, remote) | Self::Own(_, remote) => Some(remote.ip()),
            Self::Run(..) | Self::Replies(_) => None,
        }
    }
}
