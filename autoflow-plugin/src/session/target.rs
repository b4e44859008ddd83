//! The Server's side: takes control connections on one address and has probe threads answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use plugin_abi::config::{Responder, Security, TWAMP_PORT};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use twamp_core::control::{
    ControlError, Entropy, Server, ServerConfig, ServerEvent, SessionIndex, SessionParameters,
    new_sid,
};
use twamp_core::security::TestSecurity;
use twamp_core::time::Ntp64;
use twamp_core::wire::control::{Accept, Modes};

use super::admission::{Admission, Place, Probation, Stay};
use super::connect::adopt;
pub(crate) use super::connect::{bind, listen};
use super::conversation::Conversation;
use super::entropy::SystemEntropy;
use super::ground::{Ground, Grounds};
use super::keys::Keys;
use super::{Key, Order, Terms, features};
use crate::net::{Path, PathSpec, clock};

/// Without descriptors, until the next attempt to accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// An address that answers TWAMP-Control, bound but not yet served.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) local: SocketAddr,
    /// How those paths are opened that probes are answered on; port 0.
    pub(crate) spec: PathSpec,
    /// The first of them, with their ports: one a thread.
    pub(crate) paths: Vec<(Path, u16)>,
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

/// What a responder serves with.
#[derive(Clone)]
pub(crate) struct Means<Orders> {
    /// Others hold from the next connection on.
    pub(crate) manners: watch::Receiver<Manners>,
    /// Others hold from the next session on.
    pub(crate) grounds: watch::Receiver<Grounds>,
    pub(crate) admission: Admission,
    pub(crate) keys: Keys,
    /// The way to the probe threads.
    pub(crate) orders: Orders,
}

/// Serves on `listener`, which is bound to `local`, until dropped.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    local: SocketAddr,
    means: Means<impl Fn(Order) + Clone + 'static>,
) {
    let listener = match adopt(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("local system: can't serve {local}: {error}"),
    };
    let admission = means.admission.clone();
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            (stream, peer) = accept(&listener, &admission) => {
                let caller = peer.ip().to_canonical();
                // Not let in, it is closed.
                let Ok(place) = admission.connection(caller, clock().mono) else { continue };
                let probation = admission.probation();
                let ticket = probation.ticket();
                let serving = Connection {
                    means: means.clone(),
                    peer,
                    caller,
                    local: stream.local_addr().unwrap_or(local),
                    refwait: means.manners.borrow().refwait,
                    sessions: HashMap::new(),
                    terms: Terms::default(),
                    stays: Stays::default(),
                    _place: place,
                };
                let task = connections.spawn_local(serving.run(stream, probation));
                admission.watch(ticket, caller, task, clock().mono);
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The next connection. Out of descriptors, those that say nothing make room, or it waits a little
/// instead of spinning.
async fn accept(listener: &TcpListener, admission: &Admission) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) if out_of_descriptors(&error) && admission.make_room(clock().mono) => {
                // The one that goes is dropped meanwhile.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                tracing::warn!("local system: can't accept a control connection: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

struct Connection<Orders> {
    means: Means<Orders>,
    peer: SocketAddr,
    /// The peer's address as peers are known by.
    caller: IpAddr,
    local: SocketAddr,
    refwait: Duration,
    /// Accepted and not yet stopped.
    sessions: HashMap<SessionIndex, Accepted>,
    /// What the client has selected.
    terms: Terms,
    stays: Stays,
    _place: Place,
}

struct Accepted {
    key: Key,
    request: SessionParameters,
    security: TestSecurity,
    /// Where its probes are answered.
    path: Path,
    /// Until it is started.
    ready: Option<(Place, Ground)>,
}

impl<Orders: Fn(Order)> Connection<Orders> {
    async fn run(mut self, stream: TcpStream, probation: Probation) {
        let now = clock();
        let config = self.means.manners.borrow().server.clone();
        let server = Server::new(config, self.peer, self.local, &mut SystemEntropy, now.mono);
        let keys = self.means.keys.clone();
        let control = Conversation::new(server, stream, keys, Some(self.caller));
        let mut control = control.on_probation(probation);
        loop {
            let event = tokio::select! {
                event = control.next_event() => event,
                () = self.stays.over() => {
                    // REFWAIT has ended the last of them: SERVWAIT counts again.
                    control.machine.sessions_expired(clock().mono);
                    continue;
                }
            };
            match event {
                ServerEvent::Ready { modes } => self.terms = Terms::of(modes),
                ServerEvent::SessionRequested { session, request } => {
                    self.answer(&mut control.machine, session, request);
                }
                ServerEvent::Started => self.start(),
                ServerEvent::Stopped { .. } => self.stop(),
                ServerEvent::SessionStarted { session } => self.start_one(session),
                ServerEvent::SessionStopped { session } => self.stop_one(session),
                ServerEvent::Ended(reason) => {
                    self.tell_end(reason);
                    break;
                }
            }
        }
        self.stop();
        control.finish().await;
    }

    /// Accepts a session or refuses it. Told to a connection that has ended meanwhile, neither
    /// does harm.
    fn answer(&mut self, server: &mut Server, session: SessionIndex, request: SessionParameters) {
        let now = clock();
        // From a responder's own port no probes come: replies to it could go round for ever.
        if request.sender.port() == TWAMP_PORT {
            let _ = server.refuse_session(session, Accept::NOT_SUPPORTED, now.mono);
            return;
        }
        let admitted = self.means.admission.session(self.caller, now.mono).ok();
        // Of a thread one port for all, whichever was asked for (RFC 5357, section 3.5; RFC 8545,
        // section 5).
        let Some((place, ground)) = admitted.zip(self.means.grounds.borrow().next()) else {
            let _ = server.refuse_session(session, Accept::TEMPORARY_LIMIT, now.mono);
            return;
        };
        let mut random = [0; 4];
        SystemEntropy.fill(&mut random);
        let sid = new_sid(self.local.ip(), Ntp64::from_wall(now.wall), random);
        let granted = server.accept_session(session, ground.port(), sid, now.mono);
        if granted.is_ok() {
            let accepted = Accepted {
                key: Key::new(),
                request,
                security: server.test_security(&sid),
                path: ground.path(),
                ready: Some((place, ground)),
            };
            self.sessions.insert(session, accepted);
        }
    }

    fn tell_end(&self, reason: ControlError) {
        let peer = self.peer;
        match reason {
            ControlError::NotAuthentic | ControlError::BadHmac => {
                let say = || format!("control connection of {peer} is refused: {reason}");
                self.means.admission.not_authentic(say, clock().mono);
            }
            ControlError::Overloaded => {
                tracing::warn!("control connection of {peer} is refused: {reason}");
            }
            _ => tracing::debug!("control connection of {peer} ended: {reason}"),
        }
    }

    fn start(&mut self) {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.start_one(session);
        }
    }

    fn start_one(&mut self, session: SessionIndex) {
        let Some(accepted) = self.sessions.get_mut(&session) else {
            return;
        };
        let Some((place, ground)) = accepted.ready.take() else {
            return;
        };
        let request = &accepted.request;
        tracing::info!("{} is answered on {}", request.sender, self.local.ip());
        (self.means.orders)(Order::Reflect {
            key: accepted.key,
            path: accepted.path,
            local: at_port(self.local, ground.port()),
            sender: request.sender,
            refwait: self.refwait,
            dscp: request.dscp,
            security: accepted.security.clone(),
            stay: Stay::agreed(place, ground, self.stays.one_more()),
            terms: self.terms,
        });
    }

    fn stop(&mut self) {
        for session in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.stop_one(session);
        }
    }

    fn stop_one(&mut self, session: SessionIndex) {
        if let Some(accepted) = self.sessions.remove(&session) {
            (self.means.orders)(Order::Retire {
                key: accepted.key,
                path: accepted.path,
                timeout: accepted.request.timeout,
            });
        }
    }
}

/// With the scope that a link-local address needs.
fn at_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

/// Which of a connection's sessions are answered.
#[derive(Default)]
struct Stays(Option<(mpsc::WeakSender<Infallible>, mpsc::Receiver<Infallible>)>);

impl Stays {
    /// What one more session holds as long as it is answered.
    fn one_more(&mut self) -> mpsc::Sender<Infallible> {
        let others = self.0.as_ref().and_then(|(sender, _)| sender.upgrade());
        others.unwrap_or_else(|| {
            let (sender, over) = mpsc::channel(1);
            self.0 = Some((sender.downgrade(), over));
            sender
        })
    }

    /// Waits until none is answered any more; for ever, if none was started.
    async fn over(&mut self) {
        match &mut self.0 {
            Some((_, over)) => {
                // Nothing is ever sent: it ends when the last one does.
                let _ = over.recv().await;
                self.0 = None;
            }
            None => std::future::pending().await,
        }
    }
}
