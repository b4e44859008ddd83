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
use super::conversation::Conversation;
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

/// A session that both ends have agreed on.
pub(crate) struct Agreed {
    /// What the probe thread is to send.
    pub(crate) stream: Stream,
    /// TWAMP-Control, to be held while probes flow; none with TWAMP Light.
    control: Option<Conversation<Client>>,
}

impl Initiation {
    /// Brings the session up to the point where probes may flow, by `path`, which is bound to
    /// `port`.
    ///
    /// # Errors
    /// Who said no, and why.
    pub(crate) async fn agree(&self, path: Path, port: u16) -> Result<Agreed, Failure> {
        if self.probe.protocol == Protocol::Light {
            return Ok(Agreed {
                stream: self.stream(path, self.remote, false),
                control: None,
            });
        }
        let stream = connect(&self.binding, self.remote).await?;
        let now = clock().mono;
        let mut client = Client::new(ClientConfig::default(), now);
        client.request_session(self.request(port), now);
        let mut control = Conversation::new(client, stream);
        let mut to = self.remote;
        loop {
            match control.next_event().await {
                ClientEvent::Ready { .. } => {}
                ClientEvent::Accepted { port, .. } => {
                    to.set_port(port);
                    // The only request is answered, so the start has its place.
                    let _ = control.machine.start_sessions(clock().mono);
                }
                ClientEvent::Started => {
                    return Ok(Agreed {
                        stream: self.stream(path, to, true),
                        control: Some(control),
                    });
                }
                ClientEvent::Refused { accept, .. } => {
                    return Err(rejected(self.remote, "the session", accept));
                }
                ClientEvent::StartRefused { accept } => {
                    return Err(rejected(self.remote, "the start", accept));
                }
                ClientEvent::Ended(error) => return Err(ended(self.remote, error)),
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

impl Agreed {
    /// Waits until the far end gives the session up. Never returns with TWAMP Light.
    pub(crate) async fn broken(&mut self) -> Failure {
        let Some(control) = &mut self.control else {
            return std::future::pending().await;
        };
        loop {
            if let ClientEvent::Ended(error) = control.next_event().await {
                return ended(self.stream.to, error);
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
