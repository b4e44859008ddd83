use super::ControlError;
use crate::control::SessionParameters;
use crate::wire::control::{Accept, Modes};

/// A session's number, unique on its connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct SessionIndex(pub u32);

/// What a [`Server`](super::Server) has to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerEvent {
    /// The connection is set up.
    Ready {
        /// The modes the client selected.
        modes: Modes,
    },
    /// A session is asked for: answer with [`Server::accept_session`](super::Server) or
    /// [`Server::refuse_session`](super::Server). Until then nothing more is read.
    SessionRequested {
        /// Which session.
        session: SessionIndex,
        /// What is asked.
        request: SessionParameters,
    },
    /// All accepted sessions start: reflect from now on.
    Started,
    /// All sessions stop, each after its own timeout.
    Stopped {
        /// Anything but OK: the client says that its results are invalid.
        accept: Accept,
    },
    /// One session starts (RFC 5938): reflect from now on.
    SessionStarted {
        /// Which session.
        session: SessionIndex,
    },
    /// One session stops (RFC 5938), after its timeout; the others go on.
    SessionStopped {
        /// Which session.
        session: SessionIndex,
    },
    /// The last event: the connection must close. Sessions still running stop after their
    /// timeouts; their results are invalid.
    Ended(ControlError),
}
