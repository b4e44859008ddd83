//! The Control-Client's side of one session: connect, ask, start, and stop when told.

use std::net::SocketAddr;
use std::time::Duration;

use plugin_abi::config::{Probe, Protocol};
use plugin_abi::manage::{Failure, FailureKind};
use twamp_core::control::{
    Client, ClientConfig, ClientEvent, ControlError, Fault, IpVersion, SessionRequest,
};
use twamp_core::time::Ntp64;
use twamp_core::wire::control::Accept;

use super::Stream;
pub(crate) use super::connect::Binding;
use super::connect::connect;
use super::conversation::{Break, Conversation};
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
    /// TWAMP-Control, to be held while probes flow; none with TWAMP Light.
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
        if self.probe.protocol == Protocol::Light {
            let stream = self.stream(path, self.remote, false);
            return Ok(Granted {
                remote: self.remote,
                stream,
                control: None,
            });
        }
        let stream = connect(&self.binding, self.remote).await?;
        let now = clock().mono;
        let mut client = Client::new(ClientConfig::default(), now);
        client.request_session(self.request(port), now);
        let mut control = Conversation::new(client, stream);
        let mut greeted = false;
        loop {
            match control.next_event().await {
                ClientEvent::Accepted { port, .. } => {
                    // With the scope that a link-local address needs.
                    let mut to = self.remote;
                    to.set_port(port);
                    let stream = self.stream(path, to, true);
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
                ClientEvent::Ended(error) => return Err(stranger(self.remote, error)),
                ClientEvent::Ready { .. } => greeted = true,
                ClientEvent::Started
                | ClientEvent::StartRefused { .. }
                | ClientEvent::SessionStarted { .. }
                | ClientEvent::SessionNotStarted { .. }
                | ClientEvent::SessionStopped { .. } => {}
            }
        }
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
            padding: self.probe.padding.into(),
            start_time: Ntp64(0),
            timeout: AFTER_STOP.max(millis(self.probe.timeout_ms)),
            dscp: self.probe.dscp,
        }
    }

    fn stream(&self, path: Path, to: SocketAddr, stateful: bool) -> Stream {
        Stream {
            path,
            to,
            interval: Duration::from_secs_f64(self.probe.interval_ms / 1e3),
            count: self.count,
            padding: self.probe.padding,
            timeout: millis(self.probe.timeout_ms),
            stateful,
        }
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
    /// Waits until the session is over without our doing. Never returns with TWAMP Light.
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
