//! The Control-Client's side of one session: connect, ask, start, and stop when told.

use std::net::SocketAddr;
use std::time::Duration;

use plugin_abi::config::{Probe, Protocol};
use plugin_abi::manage::{Failure, FailureKind};
use twamp_core::control::{
    Client, ClientConfig, ClientEvent, ControlError, Fault, IpVersion, SessionRequest,
};
use twamp_core::security::{KeyId, TestSecurity};
use twamp_core::time::Ntp64;
use twamp_core::wire::control::{Accept, Modes};

pub(crate) use super::connect::Binding;
use super::connect::connect;
use super::conversation::{Break, Conversation};
use super::entropy::SystemEntropy;
use super::keys::Keys;
use super::sender::Dialect;
use super::{Stream, stamp};
use crate::net::{Path, clock};

/// Longer than any probe is waited for: the reflector answers so long after the stop.
const AFTER_STOP: Duration = Duration::from_secs(2);

/// A session to bring up.
#[derive(Clone, Debug)]
pub(crate) struct Initiation {
    pub(crate) binding: Binding,
    pub(crate) remote: SocketAddr,
    pub(crate) probe: Probe,
    pub(crate) count: Option<u32>,
    pub(crate) keys: Keys,
}

/// A session that the far end has granted; its probes are not answered yet.
pub(crate) struct Granted {
    /// The far end's control port.
    remote: SocketAddr,
    stream: Stream,
    control: Option<Conversation<Client>>,
}

/// A session that both ends have started.
pub(crate) struct Agreed {
    /// The far end's control port.
    remote: SocketAddr,
    /// What the probe thread is to send.
    pub(crate) stream: Stream,
    /// TWAMP-Control, to be held while probes flow; none with TWAMP Light and STAMP.
    control: Option<Conversation<Client>>,
}

/// Why a started session is over.
pub(crate) struct Broken {
    pub(crate) failure: Failure,
    /// The far end has given the session up; otherwise it may still answer probes.
    pub(crate) ended: bool,
}

impl Initiation {
    /// Asks for a session over `path`, which is bound to `port`. May be dropped at any time.
    ///
    /// # Errors
    /// Who said no, and why.
    pub(crate) async fn ask(&self, path: Path, port: u16) -> Result<Granted, Failure> {
        if let Some(dialect) = self.configured()? {
            let stream = self.stream(path, self.remote, dialect);
            return Ok(Granted {
                remote: self.remote,
                stream,
                control: None,
            });
        }
        // A run that can't be is refused before anybody is called.
        let key_id = self.key_id()?;
        let stream = connect(&self.binding, self.remote).await?;
        let now = clock().mono;
        let config = ClientConfig {
            modes: modes(self.probe.protocol),
            ..ClientConfig::default()
        };
        let mut client = match key_id {
            Some(id) => Client::with_key(config, id, &mut SystemEntropy, now),
            None => Client::new(config, now),
        };
        client.request_session(self.request(port), now);
        let mut control = Conversation::new(client, stream, self.keys.clone(), None);
        let mut greeted = false;
        loop {
            match control.next_event().await {
                ClientEvent::Accepted { port, sid, .. } => {
                    // With the scope that a link-local address needs.
                    let mut to = self.remote;
                    to.set_port(port);
                    let security = control.machine.test_security(&sid);
                    let stream = self.stream(path, to, self.twamp(security));
                    return Ok(Granted {
                        remote: self.remote,
                        stream,
                        control: Some(control),
                    });
                }
                ClientEvent::Refused { accept, .. } => {
                    return Err(rejected(self.remote, "the session", accept));
                }
                ClientEvent::Ended(error) if greeted => return Err(ended(self.remote, error)),
                ClientEvent::Ended(error) => return Err(self.not_set_up(error)),
                ClientEvent::Ready { .. } => greeted = true,
                ClientEvent::Started
                | ClientEvent::StartRefused { .. }
                | ClientEvent::SessionStarted { .. }
                | ClientEvent::SessionNotStarted { .. }
                | ClientEvent::SessionStopped { .. } => {}
            }
        }
    }

    /// What a session speaks that needs no agreement; `None` with TWAMP-Control.
    fn configured(&self) -> Result<Option<Dialect>, Failure> {
        match self.probe.protocol {
            Protocol::Light => Ok(Some(self.twamp(TestSecurity::Open))),
            Protocol::Stamp => stamp::dialect(&self.probe, &self.keys).map(Some),
            Protocol::Open | Protocol::Auth | Protocol::Encrypted | Protocol::Mixed => Ok(None),
        }
    }

    fn twamp(&self, security: TestSecurity) -> Dialect {
        Dialect::Twamp {
            padding: self.probe.padding(),
            security,
        }
    }

    /// The name of the secret, where the protocol needs one.
    fn key_id(&self) -> Result<Option<KeyId>, Failure> {
        let refused = |why: String| Failure {
            kind: FailureKind::Local,
            message: format!(
                "configuration: protocol {} needs a key: {why}",
                self.probe.protocol.name()
            ),
        };
        match &self.probe.key_id {
            _ if !self.probe.protocol.is_secure() => Ok(None),
            None => Err(refused("name one as key_id".into())),
            Some(id) => match KeyId::new(id) {
                Ok(id) => Ok(Some(id)),
                Err(error) => Err(refused(error.to_string())),
            },
        }
    }

    /// A server says the same to an unknown key id and to a wrong passphrase.
    fn not_set_up(&self, error: ControlError) -> Failure {
        let mut failure = stranger(self.remote, error);
        let denied = matches!(
            error,
            ControlError::Refused {
                accept: Accept::FAILURE,
                ..
            }
        );
        if denied && self.probe.protocol.is_secure() {
            failure
                .message
                .push_str("; compare key id and passphrase at both ends");
        }
        failure
    }

    fn request(&self, port: u16) -> SessionRequest {
        SessionRequest {
            sender_port: port,
            receiver_port: port,
            sender_address: None,
            receiver_address: None,
            ip_version: if self.remote.is_ipv4() {
                IpVersion::V4
            } else {
                IpVersion::V6
            },
            padding: self.probe.padding().into(),
            start_time: Ntp64(0),
            timeout: AFTER_STOP.max(millis(self.probe.timeout_ms)),
            dscp: self.probe.dscp,
        }
    }

    fn stream(&self, path: Path, to: SocketAddr, dialect: Dialect) -> Stream {
        Stream {
            path,
            to,
            interval: Duration::from_secs_f64(self.probe.interval_ms / 1e3),
            count: self.count,
            timeout: millis(self.probe.timeout_ms),
            stateful: self.probe.is_directed(),
            dialect,
        }
    }
}

/// The one mode that a protocol may select: nobody on the way can talk us into a weaker one.
fn modes(protocol: Protocol) -> Modes {
    match protocol {
        Protocol::Open => Modes::OPEN,
        Protocol::Auth => Modes::AUTHENTICATED,
        Protocol::Encrypted => Modes::ENCRYPTED,
        Protocol::Mixed => Modes::MIXED,
        Protocol::Light | Protocol::Stamp => Modes::NONE,
    }
}

impl Granted {
    /// Has the far end answer probes from now on.
    ///
    /// # Errors
    /// Who said no, and why.
    pub(crate) async fn start(self) -> Result<Agreed, Failure> {
        let Self {
            remote,
            stream,
            mut control,
        } = self;
        if let Some(control) = &mut control {
            // The only request is answered, so the start has its place.
            let _ = control.machine.start_sessions(clock().mono);
            loop {
                match control.next_event().await {
                    ClientEvent::Started => break,
                    ClientEvent::StartRefused { accept } => {
                        return Err(rejected(remote, "the start", accept));
                    }
                    ClientEvent::Ended(error) => return Err(ended(remote, error)),
                    ClientEvent::Ready { .. }
                    | ClientEvent::Accepted { .. }
                    | ClientEvent::Refused { .. }
                    | ClientEvent::SessionStarted { .. }
                    | ClientEvent::SessionNotStarted { .. }
                    | ClientEvent::SessionStopped { .. } => {}
                }
            }
        }
        Ok(Agreed {
            remote,
            stream,
            control,
        })
    }
}

impl Agreed {
    /// Waits until the session is over without our doing. Never returns without control
    /// connection.
    pub(crate) async fn broken(&mut self) -> Broken {
        let Some(control) = &mut self.control else {
            return std::future::pending().await;
        };
        loop {
            if let ClientEvent::Ended(error) = control.next_event().await {
                return Broken {
                    failure: ended(self.remote, error),
                    ended: control.broken() != Some(Break::Lost),
                };
            }
        }
    }

    /// Stop-Sessions, then the end of the connection.
    pub(crate) async fn stop(mut self) {
        if let Some(control) = &mut self.control {
            // Refused only where the connection has ended already.
            let _ = control.machine.stop_sessions(Accept::OK, clock().mono);
            control.finish().await;
        }
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

fn rejected(remote: SocketAddr, what: &str, accept: Accept) -> Failure {
    Failure {
        kind: FailureKind::Rejected,
        message: format!("{remote} refuses {what}: {accept}"),
    }
}

/// The connection has ended before both ends knew each other.
fn stranger(remote: SocketAddr, error: ControlError) -> Failure {
    let mut failure = ended(remote, error);
    if failure.kind != FailureKind::Rejected {
        failure.message.push_str("; is that a TWAMP responder?");
    }
    failure
}

fn ended(remote: SocketAddr, error: ControlError) -> Failure {
    let kind = match error.fault() {
        _ if matches!(error, ControlError::UnknownKey | ControlError::Overloaded) => {
            FailureKind::Local
        }
        Fault::PeerRefused | Fault::OurLimit => FailureKind::Rejected,
        Fault::PeerMisbehaved | Fault::Nobody => match error {
            ControlError::TimedOut { .. } => FailureKind::NoAnswer,
            _ => FailureKind::Protocol,
        },
    };
    Failure {
        kind,
        message: format!("TWAMP-Control with {remote}: {error}"),
    }
}
