use std::time::Duration;

use thiserror::Error;

use crate::error::WireError;
use crate::wire::control::{Accept, MIN_COUNT, Modes, Sid};

/// Why a control connection ended. After it the connection must close; what is still to transmit
/// should be sent first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Not the message it should be.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The greeting's key derivation count is illegal.
    #[error("peer announced a count of {found}, expected a power of two from {MIN_COUNT}")]
    IllegalCount {
        /// What the greeting said.
        found: u32,
    },
    /// The Set-Up-Response is no legal selection from the greeting.
    #[error("peer selected the modes {found}, expected one security mode out of {offered}")]
    IllegalSelection {
        /// Modes of our greeting.
        offered: Modes,
        /// Modes of the peer's response.
        found: Modes,
    },
    /// A message was changed on the way, or the peer holds other keys. Nothing of it was acted on.
    #[error("peer sent a message whose HMAC doesn't fit the keys of this connection")]
    BadHmac,
    /// The client names a secret that it or we don't hold, or not with the same passphrase.
    #[error(
        "peer doesn't prove that it holds the secret that it names; compare key id and passphrase"
    )]
    NotAuthentic,
    /// The client names an IKEv2 security association that we don't know (RFC 7717).
    #[error("peer names an IKEv2 security association that is not configured here")]
    NoSuchSa,
    /// The server answers with other octets than those that it was to return (RFC 6038).
    #[error("peer returned the octets {found:#06x}, expected {expected:#06x}")]
    WrongOctets {
        /// What the request said.
        expected: u16,
        /// What came back.
        found: u16,
    },
    /// An answer about a session that was not asked about (RFC 5938).
    #[error("peer answers about session {sid}, which was not asked about")]
    UnaskedSession {
        /// The session's identifier.
        sid: Sid,
    },
    /// A command that is unknown or has no place here.
    #[error("peer sent command {found}, expected {expected}")]
    UnexpectedCommand {
        /// Number of the command.
        found: u8,
        /// What would have been legal.
        expected: &'static str,
    },
    /// Octets that answer nothing.
    #[error("peer sent {octets} octets that answer nothing")]
    Unsolicited {
        /// How many.
        octets: usize,
    },
    /// A session granted on port 0, where no probe can go.
    #[error("peer accepted a session on port 0, expected a port from 1")]
    NoPort,
    /// Stop-Sessions with another number than is running: the results are invalid.
    #[error("peer stopped {found} sessions where {expected} are running; the results are invalid")]
    WrongSessionCount {
        /// Sessions accepted and not yet stopped.
        expected: u32,
        /// What Stop-Sessions said.
        found: u32,
    },
    /// Nothing came in time, or not all of it.
    #[error("peer was silent for {after:?}, expected {expected}")]
    TimedOut {
        /// What should have come.
        expected: &'static str,
        /// How long that was waited for.
        after: Duration,
    },
    /// The connection was closed in the middle of something.
    #[error("peer closed the connection, expected {expected}")]
    ClosedEarly {
        /// What should have come.
        expected: &'static str,
    },
    /// The server offers no mode at all.
    #[error("peer refuses: it offers no mode")]
    OffersNothing,
    /// The client selected no mode at all.
    #[error("peer refuses: it selected no mode")]
    SelectsNothing,
    /// The server closed the connection, or said no, when features were selected that it had
    /// offered. Some know of no features at all: connect again, with
    /// [`plain_modes`](Self::plain_modes) alone.
    #[error(
        "peer refuses the features of {selected}, which it had offered; connect again without them"
    )]
    FeaturesRefused {
        /// What was selected.
        selected: Modes,
    },
    /// The answer to `what` was no.
    #[error("peer refuses {what}: {accept}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// The answer.
        accept: Accept,
    },
    /// The two sides have no security mode in common.
    #[error(
        "no common mode: configured are {}, peer offers {}; \
         allow one of them (all but open need a key)",
        deciding(*configured), deciding(*offered)
    )]
    NoCommonMode {
        /// Modes of our configuration.
        configured: Modes,
        /// Modes of the greeting.
        offered: Modes,
    },
    /// Our key ring has no valid secret of the name that we were to use.
    #[error("the key ring has no valid secret of the configured key id; add it or renew it")]
    UnknownKey,
    /// A command about more sessions than we allow on one connection (RFC 5938).
    #[error("peer commands {found} sessions at once, allowed are {limit}; raise max_sessions")]
    TooManySessions {
        /// How many the command says.
        found: u32,
        /// What the configuration allows.
        limit: u32,
    },
    /// The driver can derive no key now: too many wait for one.
    #[error("too many connections wait for their keys; try again later")]
    Overloaded,
    /// The greeting asks for more key derivation than we are willing to do.
    #[error("peer announced a count of {found}, allowed are {limit}; raise max_count to go on")]
    CountAboveLimit {
        /// What the greeting said.
        found: u32,
        /// What the configuration allows.
        limit: u32,
    },
    /// More commands sent ahead than are held.
    #[error("peer sent more than {limit} octets of commands ahead of the answers")]
    Backlog {
        /// How many are held.
        limit: usize,
    },
    /// No command within SERVWAIT (RFC 5357, section 3.1).
    #[error("no command for {after:?} (SERVWAIT)")]
    Idle {
        /// The configured SERVWAIT.
        after: Duration,
    },
    /// The connection was closed where it may be.
    #[error("peer closed the connection")]
    Closed,
}

/// Who is at fault for a [`ControlError`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Fault {
    /// The peer broke the protocol, or stopped answering.
    PeerMisbehaved,
    /// The peer said no.
    PeerRefused,
    /// A limit of our own configuration was met.
    OurLimit,
    /// Nobody: an ordinary end.
    Nobody,
}

impl ControlError {
    /// Who is at fault.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Wire(_)
            | Self::IllegalCount { .. }
            | Self::IllegalSelection { .. }
            | Self::BadHmac
            | Self::NotAuthentic
            | Self::NoSuchSa
            | Self::WrongOctets { .. }
            | Self::UnaskedSession { .. }
            | Self::UnexpectedCommand { .. }
            | Self::Unsolicited { .. }
            | Self::NoPort
            | Self::WrongSessionCount { .. }
            | Self::TimedOut { .. }
            | Self::ClosedEarly { .. } => Fault::PeerMisbehaved,
            Self::OffersNothing
            | Self::SelectsNothing
            | Self::FeaturesRefused { .. }
            | Self::Refused { .. } => Fault::PeerRefused,
            Self::NoCommonMode { .. }
            | Self::UnknownKey
            | Self::Overloaded
            | Self::TooManySessions { .. }
            | Self::CountAboveLimit { .. }
            | Self::Backlog { .. } => Fault::OurLimit,
            Self::Idle { .. } | Self::Closed => Fault::Nobody,
        }
    }

    /// What to allow a client on a new connection, if this one ended because the server can't do
    /// features: the same security mode, and nothing else.
    pub fn plain_modes(&self) -> Option<Modes> {
        match self {
            Self::FeaturesRefused { selected } => Some(selected.security()),
            _ => None,
        }
    }
}

/// The modes that decide whether two sides can do with each other: no lack of another one ends a
/// connection.
fn deciding(modes: Modes) -> Modes {
    modes & (Modes::SECURITY | Modes::IKEV2_KEYS)
}

/// A call that has no place now. The caller is at fault; nothing was changed or sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Misuse {
    /// Start before the connection is set up and every request answered, or while testing.
    #[error("sessions can't start now: wait for the answer to every request")]
    NotReady,
    /// Start without any session accepted.
    #[error("sessions can't start: none is accepted")]
    NothingAccepted,
    /// Stop without a start.
    #[error("sessions can't stop: they are not started")]
    NotTesting,
    /// An answer about a session that waits for none; if a port was bound for it, release it.
    #[error("this session waits for no answer: it has one, or the connection has ended")]
    NotWaiting,
    /// A session can't be accepted on port 0.
    #[error("a session can't be accepted on port 0")]
    NoPort,
    /// A derived key that is not waited for.
    #[error("no key is waited for")]
    NotDeriving,
    /// All sessions together where each one is on its own, or the other way round.
    #[error("in the selected modes sessions are not started and stopped this way")]
    WrongControl {
        /// The connection has individual session control (RFC 5938).
        individual: bool,
    },
    /// A session that is not accepted, or is running already, or not running.
    #[error("request {0} has no session that this can be done with now")]
    NoSuchSession(u32),
    /// The connection has ended.
    #[error("the connection has ended")]
    Ended,
}
