//! The Server's side: takes control connections on one address and has the probe thread answer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use plugin_abi::config::{Responder, Security};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use twamp_core::control::{
    ControlError, Entropy, Server, ServerConfig, ServerEvent, SessionIndex, SessionParameters,
    new_sid,
};
use twamp_core::security::TestSecurity;
use twamp_core::time::Ntp64;
use twamp_core::wire::control::Modes;

use super::connect::adopt;
pub(crate) use super::connect::listen;
use super::conversation::Conversation;
use super::entropy::SystemEntropy;
use super::keys::Keys;
use super::{Key, Order, Terms, features};
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

impl Manners {
    /// As the configuration wants it, of an instance that started at `started`.
    pub(crate) fn new(responder: &Responder, started: Ntp64) -> Self {
        let modes = responder.modes.iter().map(|mode| match mode {
            Security::Open => Modes::OPEN,
            Security::Auth => Modes::AUTHENTICATED,
            Security::Encrypted => Modes::ENCRYPTED,
            Security::Mixed => Modes::MIXED,
        });
        let features = features::offered(responder);
        Self {
            server: ServerConfig {
                modes: modes.fold(features, |all, mode| all | mode),
                servwait: Duration::from_secs(responder.servwait_s.into()),
                max_sessions: responder.max_sessions,
                ..ServerConfig::new(started)
            },
            refwait: Duration::from_secs(responder.refwait_s.into()),
        }
    }
}

/// Serves until dropped. `orders` goes to the probe thread. Other manners hold from the next
/// connection on.
pub(crate) async fn serve(
    target: Target,
    manners: watch::Receiver<Manners>,
    keys: Keys,
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
                let Manners { server, refwait } = manners.borrow().clone();
                let serving = Connection {
                    path,
                    port,
                    peer,
                    local: stream.local_addr().unwrap_or(local),
                    refwait,
                    keys: keys.clone(),
                    orders: orders.clone(),
                    sessions: HashMap::new(),
                    terms: Terms::default(),
                };
                connections.spawn_local(serving.run(stream, server));
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
    keys: Keys,
    orders: Orders,
    /// Accepted and not yet stopped.
    sessions: HashMap<SessionIndex, Accepted>,
    /// What the client has selected.
    terms: Terms,
}

struct Accepted {
    key: Key,
    request: SessionParameters,
    security: TestSecurity,
}

impl<Orders: Fn(Order)> Connection<Orders> {
    async fn run(mut self, stream: TcpStream, config: ServerConfig) {
        let now = clock();
        let server = Server::new(config, self.peer, self.local, &mut SystemEntropy, now.mono);
        let caller = Some(self.peer.ip().to_canonical());
        let mut control = Conversation::new(server, stream, self.keys.clone(), caller);
        loop {
            match control.next_event().await {
                ServerEvent::Ready { modes } => self.terms = Terms::of(modes),
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
                        let accepted = Accepted {
                            key: Key::new(),
                            request,
                            security: control.machine.test_security(&sid),
                        };
                        self.sessions.insert(session, accepted);
                    }
                }
                ServerEvent::Started => self.start(),
                ServerEvent::Stopped { .. } => self.stop(),
                ServerEvent::SessionStarted { session } => {
                    if let Some(one) = self.sessions.get(&session) {
                        self.reflect(one);
                    }
                }
                ServerEvent::SessionStopped { session } => {
                    if let Some(one) = self.sessions.remove(&session) {
                        self.retire(&one);
                    }
                }
                ServerEvent::Ended(reason) => {
                    self.tell_end(reason);
                    break;
                }
            }
        }
        self.stop();
        control.finish().await;
    }

    fn tell_end(&self, reason: ControlError) {
        let peer = self.peer;
        match reason {
            ControlError::NotAuthentic | ControlError::BadHmac | ControlError::Overloaded => {
                tracing::warn!("control connection of {peer} is refused: {reason}");
            }
            _ => tracing::debug!("control connection of {peer} ended: {reason}"),
        }
    }

    fn start(&self) {
        self.sessions.values().for_each(|one| self.reflect(one));
    }

    fn stop(&mut self) {
        for (_, one) in std::mem::take(&mut self.sessions) {
            self.retire(&one);
        }
    }

    fn reflect(&self, accepted: &Accepted) {
        let request = &accepted.request;
        tracing::info!("{} is answered on {}", request.sender, self.local.ip());
        (self.orders)(Order::Reflect {
            key: accepted.key,
            path: self.path,
            local: SocketAddr::new(self.local.ip(), self.port),
            sender: request.sender,
            refwait: self.refwait,
            dscp: request.dscp,
            security: accepted.security.clone(),
            terms: self.terms,
        });
    }

    fn retire(&self, accepted: &Accepted) {
        (self.orders)(Order::Retire {
            key: accepted.key,
            timeout: accepted.request.timeout,
        });
    }
}
