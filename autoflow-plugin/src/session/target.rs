//! The Server's side: takes control connections on one address and has the probe thread answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use twamp_core::control::{
    Entropy, Server, ServerConfig, ServerEvent, SessionIndex, SessionParameters, new_sid,
};
use twamp_core::time::Ntp64;

use super::connect::adopt;
pub(crate) use super::connect::listen;
use super::conversation::Conversation;
use super::{Key, Order};
use crate::net::{Path, clock};

/// Connections served at once on one address; more are closed at once.
const CONNECTIONS: usize = 4096;

/// An address that answers TWAMP-Control, bound but not yet served.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) local: SocketAddr,
    /// Where probes are answered.
    pub(crate) path: Path,
    /// Its port.
    pub(crate) port: u16,
}

/// What all connections of one engine share.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    pub(crate) server: ServerConfig,
    pub(crate) refwait: Duration,
}

/// Serves until dropped. `orders` goes to the probe thread.
pub(crate) async fn serve(
    target: Target,
    manners: Manners,
    orders: impl Fn(Order) + Clone + 'static,
) {
    let local = target.local;
    let listener = match adopt(target.listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("local system: can't serve {local}: {error}"),
    };
    let (path, port) = (target.path, target.port);
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept(&listener) => {
                let (stream, peer) = accepted;
                if connections.len() >= CONNECTIONS {
                    tracing::warn!("{local}: {CONNECTIONS} control connections, {peer} is refused");
                    continue;
                }
                let serving = Connection {
                    path,
                    port,
                    peer,
                    local: stream.local_addr().unwrap_or(local),
                    refwait: manners.refwait,
                    orders: orders.clone(),
                    sessions: HashMap::new(),
                };
                connections.spawn_local(serving.run(stream, manners.server.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The next connection. Out of descriptors and the like: waits a little instead of spinning.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!("local system: can't accept a control connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

struct Connection<Orders> {
    path: Path,
    port: u16,
    peer: SocketAddr,
    local: SocketAddr,
    refwait: Duration,
    orders: Orders,
    /// Accepted and not yet stopped.
    sessions: HashMap<SessionIndex, (Key, SessionParameters)>,
}

impl<Orders: Fn(Order)> Connection<Orders> {
    async fn run(mut self, stream: TcpStream, config: ServerConfig) {
        let now = clock();
        let server = Server::new(config, self.peer, self.local, &mut SystemEntropy, now.mono);
        let mut control = Conversation::new(server, stream);
        loop {
            match control.next_event().await {
                // Sessions one by one are not offered.
                ServerEvent::Ready { .. }
                | ServerEvent::SessionStarted { .. }
                | ServerEvent::SessionStopped { .. } => {}
                ServerEvent::SessionRequested { session, request } => {
                    let mut random = [0; 4];
                    SystemEntropy.fill(&mut random);
                    let now = clock();
                    let sid = new_sid(self.local.ip(), Ntp64::from_wall(now.wall), random);
                    // Refused only where the connection has ended meanwhile.
                    if control
                        .machine
                        .accept_session(session, self.port, sid, now.mono)
                        .is_ok()
                    {
                        self.sessions.insert(session, (Key::new(), request));
                    }
                }
                ServerEvent::Started => self.start(),
                ServerEvent::Stopped { .. } => self.stop(),
                ServerEvent::Ended(reason) => {
                    tracing::debug!("control connection of {} ended: {reason}", self.peer);
                    break;
                }
            }
        }
        self.stop();
        control.finish().await;
    }

    fn start(&self) {
        for (key, request) in self.sessions.values() {
            tracing::info!("{} is answered on {}", request.sender, self.local.ip());
            (self.orders)(Order::Reflect {
                key: *key,
                path: self.path,
                local: SocketAddr::new(self.local.ip(), self.port),
                sender: request.sender,
                refwait: self.refwait,
                dscp: request.dscp,
            });
        }
    }

    fn stop(&mut self) {
        for (_, (key, request)) in self.sessions.drain() {
            (self.orders)(Order::Retire {
                key,
                timeout: request.timeout,
            });
        }
    }
}

/// The operating system's generator.
struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        // Fails on no Linux of the last ten years once it is up; zeros would be caught by nobody,
        // so the thread's own guard takes it.
        assert!(
            getrandom::fill(out).is_ok(),
            "the system gives no random numbers"
        );
    }
}
