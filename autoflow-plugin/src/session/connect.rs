//! The TCP connection under TWAMP-Control: made with the line's binding, refused with a reason.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use plugin_abi::manage::{Failure, FailureKind};
use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::host::Host;
use crate::net::{Binding, NetError, Purpose, judge_handed};

/// A connection attempt without any answer ends after so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two keep-alives on a connection that is silent while testing.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Where control connections come from.
#[derive(Clone)]
pub(crate) struct Origin {
    /// The address that packets leave from; `None`: the system's choice.
    pub(crate) local: Option<SocketAddr>,
    pub(crate) binding: Binding,
    /// Opens the socket in our place, if it opens any.
    pub(crate) host: Host,
    /// Whose it is.
    pub(crate) line: Option<u64>,
}

/// Connects to the far end's control port.
///
/// # Errors
/// A [`Failure`] that says whether nobody is there, nobody listens, or who refused a socket.
pub(super) async fn connect(origin: &Origin, remote: SocketAddr) -> Result<TcpStream, Failure> {
    let socket = origin.socket(remote).map_err(|error| Failure {
        kind: FailureKind::Local,
        message: format!("no connection from {} to {remote}: {error}", origin.name()),
    })?;
    match tokio::time::timeout(PATIENCE, socket.connect(remote)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(refused(remote, &error)),
        Err(_) => Err(Failure {
            kind: FailureKind::NoAnswer,
            message: format!(
                "{remote} does not answer: no reply to the connection within {} s; a filter on the \
                 way, or the host is down",
                PATIENCE.as_secs()
            ),
        }),
    }
}

/// Binds a socket for control connections; port 0 takes any.
///
/// # Errors
/// What the local system says: the address is none of this host's, the port is taken.
pub(crate) fn bind(socket: &Socket, local: SocketAddr) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    if local.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SockAddr::from(local))
}

/// Listens for control connections on a socket that is bound.
///
/// # Errors
/// What the local system says.
pub(crate) fn listen(socket: Socket) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    socket.set_nonblocking(true)?;
    socket.listen(1024)?;
    let listener = std::net::TcpListener::from(socket);
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Hands a listener to the runtime of this thread.
///
/// # Errors
/// What the local system says.
pub(super) fn adopt(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    TcpListener::from_std(listener)
}

impl Origin {
    fn socket(&self, remote: SocketAddr) -> Result<TcpSocket, NetError> {
        let any = match remote {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let local = self.local.unwrap_or(any);
        let socket = if self.host.opens_sockets() {
            let purpose = Purpose::Connection;
            let handed = self
                .host
                .open_socket(self.line, purpose, local, Some(remote))?;
            judge_handed(handed, purpose, local)?
        } else {
            self.binding
                .socket(Domain::for_address(remote), Type::STREAM)?
        };
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE);
        let done = socket.set_nonblocking(true);
        done.and_then(|()| socket.set_tcp_keepalive(&keepalive))
            .map_err(|error| NetError::system("prepare a connection", error))?;
        if let Some(local) = self.local.filter(|_| !self.host.opens_sockets()) {
            let bound = socket.bind(&SockAddr::from(local));
            bound.map_err(|error| NetError::bind(local, error))?;
        }
        Ok(TcpSocket::from_std_stream(socket.into()))
    }

    fn name(&self) -> String {
        self.local
            .map_or_else(|| "any address".into(), |local| local.ip().to_string())
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("local", &self.local)
            .field("binding", &self.binding)
            .finish_non_exhaustive()
    }
}

fn refused(remote: SocketAddr, error: &io::Error) -> Failure {
    let (kind, message) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            FailureKind::Refused,
            format!(
                "{remote} refuses: nobody listens on TCP port {}; start a responder there or name \
                 its port",
                remote.port()
            ),
        ),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => (
            FailureKind::Unreachable,
            format!("{remote} is unreachable: {error}; check routes and the line itself"),
        ),
        io::ErrorKind::ConnectionReset => (
            FailureKind::Protocol,
            format!("{remote} takes the connection and resets it; is that a TWAMP responder?"),
        ),
        io::ErrorKind::TimedOut => (
            FailureKind::NoAnswer,
            format!("{remote} does not answer: {error}; a filter on the way, or the host is down"),
        ),
        _ => (
            FailureKind::Local,
            format!("local system: no connection to {remote}: {error}"),
        ),
    };
    Failure { kind, message }
}
