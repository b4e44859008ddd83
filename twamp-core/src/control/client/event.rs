use super::{ControlError, RequestId};
use crate::time::Ntp64;
use crate::wire::control::{Accept, Modes, Sid};

/// What a [`Client`](super::Client) has to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The connection is set up.
    Ready {
        /// The modes selected.
        modes: Modes,
        /// When the server instance started: another value, another instance.
        server_start: Ntp64,
    },
    /// A session is granted.
    Accepted {
        /// Which request.
        request: RequestId,
        /// Where probes must go, whatever port was wanted.
        port: u16,
        /// The session's identifier.
        sid: Sid,
        /// What the padding to be reflected must begin with (RFC 6038); 0: nothing.
        server_octets: u16,
    },
    /// A session is refused; the connection goes on.
    Refused {
        /// Which request.
        request: RequestId,
        /// Why.
        accept: Accept,
    },
    /// All accepted sessions are started.
    Started,
    /// Nothing was started; `Ended` follows.
    StartRefused {
        /// Why.
        accept: Accept,
    },
    /// One session is started (RFC 5938).
    SessionStarted {
        /// Which request it was granted to.
        request: RequestId,
    },
    /// One session is not started (RFC 5938); the connection goes on.
    SessionNotStarted {
        /// Which request it was granted to.
        request: RequestId,
        /// Why.
        accept: Accept,
    },
    /// One session is stopped (RFC 5938).
    SessionStopped {
        /// Which request it was granted to.
        request: RequestId,
        /// Anything but OK: the server doubts it, and so are the results.
        accept: Accept,
    },
    /// The last event: the connection must close.
    Ended(ControlError),
}
