//! Sockets that the host opened: taken over whole, and looked at before they are used.

use std::net::SocketAddr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use socket2::{Socket, Type};

use super::error::NetError;

/// What a socket of the host's is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// TCP, bound.
    Listener,
    /// TCP, not connected.
    Connection,
    /// UDP, bound.
    Sender,
    /// UDP, bound.
    Reflector,
}

/// Makes what the host answered our own: under another number, so that a host that hands over one
/// number twice closes nothing of ours, and finds it closed.
///
/// # Errors
/// The host refuses, or there is no such descriptor.
pub(crate) fn take(answered: RawFd) -> Result<OwnedFd, NetError> {
    if answered < 0 {
        return Err(NetError::HostRefused);
    }
    // SAFETY: no pointers; the answer is a descriptor of our own, or an error.
    let own = unsafe { libc::fcntl(answered, libc::F_DUPFD_CLOEXEC, 3) };
    if own < 0 {
        let error = std::io::Error::last_os_error();
        return Err(match error.raw_os_error() {
            Some(libc::EBADF) => NetError::HostNotOpen { number: answered },
            _ => NetError::system("take a socket of the host's", error),
        });
    }
    // SAFETY: the host has handed it over, by the contract of `open_socket`: it is ours to close,
    // and it was open just now. The other one was made above.
    unsafe {
        drop(OwnedFd::from_raw_fd(answered));
        Ok(OwnedFd::from_raw_fd(own))
    }
}

/// The socket, if it is what was asked for.
///
/// # Errors
/// Says what was expected and what it is.
pub(crate) fn judge(
    handed: OwnedFd,
    purpose: Purpose,
    asked: SocketAddr,
) -> Result<Socket, NetError> {
    let socket = Socket::from(handed);
    let (wanted, expected) = match purpose {
        Purpose::Sender | Purpose::Reflector => (Type::DGRAM, "a UDP socket"),
        Purpose::Listener | Purpose::Connection => (Type::STREAM, "a TCP socket"),
    };
    let found = match socket.r#type() {
        Ok(kind) if kind == wanted => None,
        Ok(Type::STREAM) => Some("a stream socket"),
        Ok(Type::DGRAM) => Some("a datagram socket"),
        Ok(_) => Some("a socket of another kind"),
        Err(_) => Some("no socket"),
    };
    if let Some(found) = found {
        return Err(NetError::HostKind { expected, found });
    }
    if socket.peer_addr().is_ok() {
        let (expected, found) = ("a socket without a far end", "one that is connected");
        return Err(NetError::HostKind { expected, found });
    }
    let local = socket.local_addr().ok().and_then(|name| name.as_socket());
    let unbound = local.is_some_and(|local| local.port() == 0);
    let bound = purpose != Purpose::Connection;
    match local {
        Some(local) if fits(local, asked) && !(bound && unbound) => Ok(socket),
        found => Err(NetError::HostAddress {
            expected: asked,
            found: found.map_or_else(|| "another address family".into(), |at| at.to_string()),
        }),
    }
}

/// What was left to the host may be anything of the same family.
fn fits(found: SocketAddr, asked: SocketAddr) -> bool {
    let ip = asked.ip().is_unspecified() || found.ip() == asked.ip();
    let port = asked.port() == 0 || found.port() == asked.port();
    found.is_ipv4() == asked.is_ipv4() && ip && port
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::IntoRawFd;

    use super::*;

    const LOOPBACK: &str = "127.0.0.1:0";

    fn judged(handed: impl IntoRawFd, purpose: Purpose, asked: &str) -> Result<Socket, NetError> {
        judge(take(handed.into_raw_fd())?, purpose, asked.parse().unwrap())
    }

    #[test]
    fn a_socket_that_was_asked_for_is_taken() {
        let udp = || UdpSocket::bind(LOOPBACK).unwrap();
        assert!(judged(udp(), Purpose::Sender, LOOPBACK).is_ok());
        assert!(judged(udp(), Purpose::Reflector, "0.0.0.0:0").is_ok());
        let port = udp().local_addr().unwrap().to_string();
        let same = UdpSocket::bind(&port).unwrap();
        assert!(judged(same, Purpose::Reflector, &port).is_ok());
        let listener = TcpListener::bind(LOOPBACK).unwrap();
        assert!(judged(listener, Purpose::Listener, LOOPBACK).is_ok());
        let fresh = Socket::new(socket2::Domain::IPV4, Type::STREAM, None).unwrap();
        assert!(judged(fresh, Purpose::Connection, "0.0.0.0:0").is_ok());
    }

    #[test]
    fn each_socket_that_was_not_asked_for_is_refused_with_what_it_is() {
        let udp = || UdpSocket::bind(LOOPBACK).unwrap();
        let listener = TcpListener::bind(LOOPBACK).unwrap();
        let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let unbound = Socket::new(socket2::Domain::IPV4, Type::DGRAM, None).unwrap();
        for (refused, says) in [
            (
                judged(listener.try_clone().unwrap(), Purpose::Sender, LOOPBACK),
                "a stream socket",
            ),
            (
                judged(udp(), Purpose::Listener, LOOPBACK),
                "a datagram socket",
            ),
            (
                judged(File::open("/dev/null").unwrap(), Purpose::Sender, LOOPBACK),
                "found no socket",
            ),
            (
                judged(connected, Purpose::Connection, LOOPBACK),
                "one that is connected",
            ),
            (
                judged(udp(), Purpose::Sender, "127.0.0.2:0"),
                "expected 127.0.0.2:0, found 127.0.0.1:",
            ),
            (judged(udp(), Purpose::Sender, "[::]:0"), "expected [::]:0"),
            (
                judged(udp(), Purpose::Sender, "127.0.0.1:9"),
                "127.0.0.1:9,",
            ),
            (judged(unbound, Purpose::Sender, "0.0.0.0:0"), "0.0.0.0:0"),
        ] {
            let refused = refused.unwrap_err().to_string();
            assert!(
                refused.starts_with("host: ") && refused.contains(says),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_number_that_was_handed_over_before_is_no_longer_open() {
        assert!(matches!(take(-1), Err(NetError::HostRefused)));
        // Far above what other tests open meanwhile.
        let socket = UdpSocket::bind(LOOPBACK).unwrap();
        // SAFETY: no pointers; a number of this test's own.
        let number =
            unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&socket), libc::F_DUPFD, 900) };
        assert!(number >= 900);
        let first = take(number).unwrap();
        let again = take(number).unwrap_err();
        assert!(matches!(again, NetError::HostNotOpen { .. }), "{again}");
        let first = judge(first, Purpose::Sender, LOOPBACK.parse().unwrap());
        assert!(first.is_ok(), "the first one is whole");
    }
}
