//! Why no probe of a session has been answered, where the network or this host has said so.

use std::net::SocketAddr;

use plugin_abi::manage::{Failure, FailureKind};

use crate::net::{NoticeKind, SendError};

/// What has kept probes from being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setback {
    /// Nobody listens on the port that probes go to (ICMP).
    PortUnreachable,
    /// The far end can't be reached (ICMP).
    HostUnreachable,
    /// A router on the way takes no packets of this size (ICMP).
    TooBig {
        /// The largest that it takes; 0 if it doesn't tell.
        mtu: u32,
    },
    /// Probes did not leave this host.
    NotSent(SendError),
    /// Probes may not leave until the month ends: what they may take is used.
    UsedUp,
}

impl Setback {
    /// What a notice of the network means for probes; most mean nothing.
    pub(super) fn of(notice: NoticeKind) -> Option<Self> {
        match notice {
            NoticeKind::PortUnreachable => Some(Self::PortUnreachable),
            NoticeKind::HostUnreachable => Some(Self::HostUnreachable),
            NoticeKind::TooBig { mtu, here: false } => Some(Self::TooBig { mtu }),
            // A probe that did not leave is told of by itself.
            NoticeKind::TooBig { here: true, .. }
            | NoticeKind::Overflow { .. }
            | NoticeKind::Other(_) => None,
        }
    }

    /// The same for people, where it has kept every probe to `remote` from being answered. With
    /// `control`, that is the address of the control connection.
    pub(super) fn failure(self, remote: SocketAddr, control: bool) -> Failure {
        let (kind, message) = match self {
            Self::PortUnreachable if control => (
                FailureKind::Refused,
                format!(
                    "{remote} refuses the probes: nobody listens on the test port that it granted; \
                     a firewall there may reject them, or the responder has ended"
                ),
            ),
            Self::PortUnreachable => (
                FailureKind::Refused,
                format!(
                    "{remote} refuses: nobody listens on UDP port {}; start a responder there or \
                     name its port",
                    remote.port()
                ),
            ),
            Self::HostUnreachable => (
                FailureKind::Unreachable,
                format!(
                    "{remote} is unreachable: a router or firewall on the way says so; check \
                     routes and the line itself"
                ),
            ),
            Self::TooBig { mtu } => (
                FailureKind::Unreachable,
                format!(
                    "{remote} is unreachable with probes of this size: a router on the way takes \
                     packets of at most {mtu} octets, and these may not be cut; take less padding, \
                     or let them be fragmented"
                ),
            ),
            Self::NotSent(SendError::NoRoute) => (
                FailureKind::Unreachable,
                format!(
                    "{remote} is unreachable: {}; check routes and the line itself",
                    SendError::NoRoute
                ),
            ),
            Self::UsedUp => (
                FailureKind::Local,
                "the budget of probes is used up until the month ends".to_owned(),
            ),
            Self::NotSent(error) => (
                FailureKind::Local,
                format!("local system: no probe left for {remote}: {error}"),
            ),
        };
        Failure { kind, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_on_the_port_is_told_from_no_way_and_from_this_host() {
        let remote = "192.0.2.1:9000".parse().unwrap();
        for (setback, kind, word) in [
            (
                Setback::PortUnreachable,
                FailureKind::Refused,
                "UDP port 9000",
            ),
            (Setback::HostUnreachable, FailureKind::Unreachable, "router"),
            (
                Setback::TooBig { mtu: 1_280 },
                FailureKind::Unreachable,
                "at most 1280 octets",
            ),
            (
                Setback::NotSent(SendError::NoRoute),
                FailureKind::Unreachable,
                "no route",
            ),
            (
                Setback::NotSent(SendError::TooBig),
                FailureKind::Local,
                "too large",
            ),
        ] {
            let failure = setback.failure(remote, false);
            assert_eq!(failure.kind, kind);
            assert!(failure.message.contains(word), "{}", failure.message);
        }
    }

    #[test]
    fn a_full_buffer_is_no_setback() {
        assert_eq!(Setback::of(NoticeKind::Overflow { packets: 1 }), None);
    }
}
