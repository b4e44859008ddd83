//! The TCP connection under TWAMP-Control: made with the line's binding, refused with a reason.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use plugin_abi::manage::{Failure, FailureKind};
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A connection attempt without any answer ends after so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two keep-alives on a connection that is silent while testing.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// How packets of a line leave this host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Binding {
    pub(crate) local: Option<IpAddr>,
    pub(crate) device: Option<String>,
    pub(crate) mark: Option<u32>,
}

/// Connects to the far end's control port.
///
/// # Errors
/// A [`Failure`] that says whether nobody is there, nobody listens, or the local system refused.
pub(super) async fn connect(binding: &Binding, remote: SocketAddr) -> Result<TcpStream, Failure> {
    let socket = socket(binding, remote).map_err(|error| Failure {
        kind: FailureKind::Local,
        message: format!(
            "local system: can't open a connection from {} to {remote}: {error}; check the line's \
             local address, device and mark",
            binding
                .local
                .map_or_else(|| "any address".into(), |local| local.to_string())
        ),
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

/// Listens for control connections; port 0 takes any.
///
/// # Errors
/// What the local system says: the address is none of this host's, the port is taken.
pub(crate) fn listen(local: SocketAddr) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    let socket = Socket::new(
        Domain::for_address(local),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if local.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SockAddr::from(local))?;
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

fn socket(binding: &Binding, remote: SocketAddr) -> io::Result<TcpSocket> {
    let socket = Socket::new(
        Domain::for_address(remote),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE),
    )?;
    if let Some(device) = &binding.device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    if let Some(mark) = binding.mark {
        socket.set_mark(mark)?;
    }
    if let Some(local) = binding.local {
        socket.bind(&SockAddr::from(SocketAddr::new(local, 0)))?;
    }
    Ok(TcpSocket::from_std_stream(socket.into()))
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
