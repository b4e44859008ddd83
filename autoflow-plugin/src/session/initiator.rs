//! The Control-Client's side of one session: connect, ask, start, and stop when told.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use plugin_abi::config::{Pattern, Probe, Protocol};
use plugin_abi::manage::{Failure, FailureKind};
use twamp_core::control::{
    Client, ClientConfig, ClientEvent, ControlError, Entropy, Fault, IpVersion, Reflection,
    SessionRequest,
};
use twamp_core::security::{KeyId, TestSecurity};
use twamp_core::time::Ntp64;
use twamp_core::wire::control::{Accept, Modes};

pub(crate) use super::connect::Origin;
use super::connect::connect;
use super::conversation::{Break, Conversation};
use super::entropy::SystemEntropy;
use super::features;
use super::keys::Keys;
use super::meter::Meter;
use super::rhythm::Rhythm;
use super::sender::Dialect;
use super::{Stream, Terms, stamp};
use crate::net::{Path, clock};

/// Longer than any probe is waited for: the reflector answers so long after the stop.
const AFTER_STOP: Duration = Duration::from_secs(2);

/// A session to bring up.
#[derive(Clone, Debug)]
pub(crate) struct Initiation {
    pub(crate) origin: Origin,
    pub(crate) remote: SocketAddr,
    pub(crate) probe: Probe,
    pub(crate) count: Option<u32>,
    pub(crate) keys: Keys,
    /// Features that the far end has refused: they are not selected again.
    pub(crate) refused: Cell<Modes>,
    /// What its probes may take in a month.
    pub(crate) meter: Option<Meter>,
}

/// A session that the far end has granted; its probes are not answered yet.
pub(crate) struct Granted {
    /// The far end's control port.
    remote: SocketAddr,
    stream: Stream,
    /// Large, and Light and STAMP go without.
    control: Option<Box<Conversation<Client>>>,
    /// Features that the far end offers and refuses: the session goes without.
    refused: Modes,
}

/// A session that both ends have started.
pub(crate) struct Agreed {
    /// The far end's control port.
    remote: SocketAddr,
    /// What the probe thread is to send.
    pub(crate) stream: Stream,
    /// TWAMP-Control, to be held while probes flow; none with TWAMP Light and STAMP.
    control: Option<Box<Conversation<Client>>>,
    /// Features that the far end offers and refuses: the session goes without.
    pub(crate) refused: Modes,
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
    /// Some servers hang up on features, even on those that they offer. Such a one is asked once
    /// more without them, in the same security mode.
    ///
    /// # Errors
    /// Who said no, and why.
    pub(crate) async fn ask(&self, path: Path, port: u16) -> Result<Granted, Failure> {
        if let Some(stream) = self.configured(path)? {
            return Ok(self.granted(stream, None));
        }
        // A run that can't be is refused before anybody is called.
        let key_id = self.key_id()?;
        let refused = self.refused.get();
        let asked = self.ask_without(refused, key_id.clone(), path, port).await;
        let Err(Missed::Features(more)) = asked else {
            return asked.map_err(|missed| missed.failure(self.remote));
        };
        let remote = self.remote;
        tracing::info!("{remote} refuses the features {more}, which it offers: asked without them");
        let asked = self.ask_without(refused | more, key_id, path, port).await;
        asked.map_err(|missed| missed.failure(remote))
    }

    /// Asks on a connection of its own, for anything but the features in `refused`.
    async fn ask_without(
        &self,
        refused: Modes,
        key_id: Option<KeyId>,
        path: Path,
        port: u16,
    ) -> Result<Granted, Missed> {
        let stream = connect(&self.origin, self.remote).await?;
        let now = clock().mono;
        let features = features::wanted(&self.probe).without(refused);
        let config = ClientConfig {
            modes: features::security(self.probe.protocol) | features,
            ..ClientConfig::default()
        };
        let client = match key_id {
            Some(id) => Client::with_key(config, id, &mut SystemEntropy, now),
            None => Client::new(config, now),
        };
        let control = Conversation::new(client, stream, self.keys.clone(), None);
        let mut control = Box::new(control);
        let mut selected = None;
        loop {
            match (control.next_event().await, selected) {
                (ClientEvent::Ready { modes, .. }, _) => {
                    // Only now: a connection may also end by chance.
                    self.refused.set(refused);
                    let (request, reflection) = self.request(port, modes);
                    let (machine, now) = (&mut control.machine, clock().mono);
                    machine.request_reflecting_session(request, reflection, now);
                    selected = Some(modes);
                }
                (
                    ClientEvent::Accepted {
                        port,
                        sid,
                        server_octets,
                        ..
                    },
                    Some(modes),
                ) => {
                    // With the scope that a link-local address needs.
                    let mut to = self.remote;
                    to.set_port(port);
                    let security = control.machine.test_security(&sid);
                    let terms = Terms {
                        server_octets,
                        ..Terms::of(modes)
                    };
                    let padding = features::padding(&self.probe, modes);
                    let dialect = Dialect::Twamp {
                        padding,
                        security,
                        terms,
                    };
                    let stream = self.stream((path, to), dialect);
                    return Ok(self.granted(stream, Some(control)));
                }
                (ClientEvent::Refused { accept, .. }, _) => {
                    return Err(rejected(self.remote, "the session", accept).into());
                }
                (ClientEvent::Ended(ControlError::FeaturesRefused { selected }), _) => {
                    return Err(Missed::Features(selected.features()));
                }
                (ClientEvent::Ended(error), None) => return Err(self.not_set_up(error).into()),
                (ClientEvent::Ended(error), _) => return Err(ended(self.remote, error).into()),
                _ => {}
            }
        }
    }

    /// A session that needs no agreement; `None` with TWAMP-Control.
    ///
    /// # Errors
    /// A key is missing.
    pub(crate) fn configured(&self, path: Path) -> Result<Option<Stream>, Failure> {
        let dialect = match self.probe.protocol {
            Protocol::Light => self.twamp(TestSecurity::Open),
            Protocol::Stamp => stamp::dialect(&self.probe, &self.keys)?,
            Protocol::Open | Protocol::Auth | Protocol::Encrypted | Protocol::Mixed => {
                return Ok(None);
            }
        };
        Ok(Some(self.stream((path, self.remote), dialect)))
    }

    fn twamp(&self, security: TestSecurity) -> Dialect {
        Dialect::Twamp {
            padding: self.probe.padding(),
            security,
            terms: Terms::default(),
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

    /// A session in these modes, and what of its padding is to be reflected.
    fn request(&self, port: u16, modes: Modes) -> (SessionRequest, Reflection) {
        let request = SessionRequest {
            sender_port: port,
            receiver_port: port,
            sender_address: None,
            receiver_address: None,
            ip_version: if self.remote.is_ipv4() {
                IpVersion::V4
            } else {
                IpVersion::V6
            },
            padding: features::padding(&self.probe, modes).into(),
            start_time: Ntp64(0),
            timeout: AFTER_STOP.max(millis(self.probe.timeout_ms)),
            dscp: self.probe.dscp,
        };
        (request, features::reflection(&self.probe))
    }

    fn stream(&self, (path, to): (Path, SocketAddr), dialect: Dialect) -> Stream {
        Stream {
            path,
            to,
            interval: self.probe.interval(),
            rhythm: rhythm(&self.probe),
            count: self.count,
            timeout: millis(self.probe.timeout_ms),
            stateful: self.probe.is_directed(),
            dialect,
            meter: self.meter.clone(),
        }
    }

    fn granted(&self, stream: Stream, control: Option<Box<Conversation<Client>>>) -> Granted {
        Granted {
            remote: self.remote,
            stream,
            control,
            refused: self.refused.get(),
        }
    }
}

/// Each session draws times of its own, that nobody can foretell.
pub(crate) fn rhythm(probe: &Probe) -> Rhythm {
    match probe.stream {
        Pattern::Periodic => Rhythm::Periodic,
        Pattern::Poisson => {
            let mut seed = [0; 8];
            SystemEntropy.fill(&mut seed);
            Rhythm::Poisson {
                seed: u64::from_ne_bytes(seed),
            }
        }
    }
}

/// Why an attempt came to nothing.
enum Missed {
    /// The far end refuses these features, which it offers.
    Features(Modes),
    Failed(Failure),
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Missed {
    fn failure(self, remote: SocketAddr) -> Failure {
        match self {
            Self::Features(selected) => ended(remote, ControlError::FeaturesRefused { selected }),
            Self::Failed(failure) => failure,
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
            refused,
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
            refused,
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
