//! Sockets for what comes while the engine runs: the probe thread opens them.

use std::net::{IpAddr, SocketAddr};

use tokio::sync::oneshot;

use super::EngineError;
use super::message::Orders;
use super::opening::reflector;
use crate::net::{NetError, Path, PathSpec};
use crate::session::Order;
use crate::session::target::{self, Target};

/// Has the probe thread open a path on the first free port of the range. For probes to `far` it
/// may be one that others use.
pub(super) async fn bind(
    orders: &Orders,
    spec: PathSpec,
    ports: (u16, u16),
    far: Option<IpAddr>,
) -> Result<(Path, SocketAddr), NetError> {
    let (answer, bound) = oneshot::channel();
    orders.send(Order::Bind {
        spec: Box::new(spec),
        ports,
        far,
        answer,
    });
    bound.await.unwrap_or_else(|_| {
        Err(NetError::System {
            action: "open a path",
            source: std::io::Error::other("the probe thread is gone"),
        })
    })
}

/// Binds a responder's control port and the path beside it, while the engine runs.
pub(super) async fn listen(
    orders: &Orders,
    local: SocketAddr,
    ports: (u16, u16),
) -> Result<Target, EngineError> {
    let (listener, local) =
        target::listen(local).map_err(|source| EngineError::listen(local, source))?;
    let bound = bind(orders, reflector((local.ip(), 0).into()), ports, None).await;
    let (path, probes) = bound.map_err(|source| EngineError::Path {
        what: format!("responder on {local}"),
        source,
    })?;
    Ok(Target {
        listener,
        local,
        path,
        port: probes.port(),
    })
}
