//! The way to a collector: a UDP socket or a TCP connection, and what may be wrong with it.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use plugin_abi::config::{Collector, Transport};
use plugin_abi::manage::CollectorState;
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::{Instant, sleep, timeout};

use super::outbox::Outbox;

/// A look-up or a connection may take so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// A peer that takes nothing for so long is stalled.
const STALLED: Duration = Duration::from_secs(3);
/// And given up after so long.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// An error that comes back by ICMP has come by then.
pub(super) const DOUBT: Duration = Duration::from_secs(1);
/// Octets of a message over TCP, at most: small enough to be on its way soon.
const TCP_MESSAGE: usize = 16_384;
/// Headers of UDP, and of IP by version.
const UDP_HEADER: usize = 8;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

/// The way to a collector.
pub(super) enum Link {
    Udp { socket: UdpSocket, peer: SocketAddr },
    Tcp { stream: TcpStream, peer: SocketAddr },
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) state: CollectorState,
    pub(super) words: String,
}

impl Link {
    /// Finds the collector and connects to it.
    pub(super) async fn open(collector: &Collector) -> Result<Self, Trouble> {
        let mut why = None;
        for peer in find(&collector.at).await? {
            match connect(collector.transport, peer).await {
                Ok(link) => return Ok(link),
                Err(error) => why = Some(trouble(&error, peer)),
            }
        }
        Err(why.unwrap_or_else(|| unresolved(&collector.at, "it has no address")))
    }

    pub(super) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp { .. })
    }

    /// Octets of a message, at most, where an IP packet may have `mtu`.
    pub(super) fn limit(&self, mtu: u16) -> usize {
        match self {
            Self::Tcp { .. } => TCP_MESSAGE,
            Self::Udp { peer, .. } => {
                let ip = if peer.is_ipv4() {
                    IPV4_HEADER
                } else {
                    IPV6_HEADER
                };
                usize::from(mtu) - ip - UDP_HEADER
            }
        }
    }

    /// Sends a message whole. While the peer takes nothing, it says so in `outbox`, and waits.
    pub(super) async fn send(&self, message: &[u8], outbox: &Outbox) -> Result<(), Trouble> {
        match self {
            Self::Udp { socket, peer } => {
                self.refusal()?;
                let sent = socket.send(message).await;
                sent.map(|_| ()).map_err(|error| trouble(&error, *peer))
            }
            Self::Tcp { stream, peer } => {
                let told = write(stream, *peer, message, outbox).await;
                told.map_err(|error| trouble(&error, *peer))
            }
        }
    }

    /// UDP: what was sent before has been refused.
    pub(super) fn refusal(&self) -> Result<(), Trouble> {
        match self {
            Self::Udp { socket, peer } => match socket.take_error() {
                Ok(Some(error)) | Err(error) => Err(trouble(&error, *peer)),
                Ok(None) => Ok(()),
            },
            Self::Tcp { .. } => Ok(()),
        }
    }

    /// Waits until the peer is gone. UDP tells that by refusals alone.
    pub(super) async fn gone(&self) -> Trouble {
        match self {
            Self::Udp { .. } => loop {
                sleep(DOUBT).await;
                if let Err(trouble) = self.refusal() {
                    return trouble;
                }
            },
            Self::Tcp { stream, peer } => loop {
                if let Err(error) = stream.readable().await {
                    return trouble(&error, *peer);
                }
                // Collectors say nothing; should one, it isn't listened to.
                match stream.try_read(&mut [0; 512]) {
                    Ok(0) => return closed(*peer),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return trouble(&error, *peer),
                }
            },
        }
    }
}

/// Writes a message, however slowly the peer takes it.
async fn write(
    stream: &TcpStream,
    peer: SocketAddr,
    message: &[u8],
    outbox: &Outbox,
) -> io::Result<()> {
    let (mut rest, mut progress) = (message, Instant::now());
    while !rest.is_empty() {
        match stream.try_write(rest) {
            Ok(count) => {
                rest = &rest[count..];
                progress = Instant::now();
                outbox.stands(CollectorState::Sending, None);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if progress.elapsed() >= GIVEN_UP {
                    return Err(ErrorKind::TimedOut.into());
                }
                if progress.elapsed() >= STALLED
                    && outbox.stands(CollectorState::Stalled, Some(stalled(peer)))
                {
                    tracing::warn!("collector {}: {}", outbox.collector.name, stalled(peer));
                }
                // Readiness comes at once where it is there.
                let _ = timeout(STALLED, stream.writable()).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn find(at: &str) -> Result<Vec<SocketAddr>, Trouble> {
    // The configuration was judged.
    let Some((host, port)) = Collector::host_and_port(at) else {
        return Err(unresolved(at, "it is no host with a port"));
    };
    match timeout(PATIENCE, lookup_host((host, port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(unresolved(at, &error.to_string())),
        Err(_) => Err(unresolved(at, "no answer")),
    }
}

async fn connect(transport: Transport, peer: SocketAddr) -> io::Result<Link> {
    match transport {
        Transport::Udp => {
            let local: SocketAddr = match peer {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(local).await?;
            socket.connect(peer).await?;
            Ok(Link::Udp { socket, peer })
        }
        Transport::Tcp => {
            let connected = timeout(PATIENCE, TcpStream::connect(peer)).await;
            let stream = connected.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))?;
            stream.set_nodelay(true)?;
            Ok(Link::Tcp { stream, peer })
        }
    }
}

fn trouble(error: &io::Error, peer: SocketAddr) -> Trouble {
    let (state, words) = match error.kind() {
        ErrorKind::ConnectionRefused => (
            CollectorState::Refused,
            format!("nobody listens at {peer}; start the collector, or mend its port"),
        ),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            return closed(peer);
        }
        ErrorKind::TimedOut => (
            CollectorState::Unreachable,
            format!("{peer} takes nothing; look whether it is there, and what is on the way"),
        ),
        _ => (
            CollectorState::Unreachable,
            format!("nothing gets to {peer}: {error}"),
        ),
    };
    Trouble { state, words }
}

fn closed(peer: SocketAddr) -> Trouble {
    Trouble {
        state: CollectorState::Closed,
        words: format!("{peer} has closed the connection; it is tried again"),
    }
}

fn stalled(peer: SocketAddr) -> String {
    format!("{peer} is connected and reads nothing; results wait, and the oldest are dropped")
}

fn unresolved(at: &str, why: &str) -> Trouble {
    Trouble {
        state: CollectorState::Unresolved,
        words: format!("{at} can't be looked up: {why}; mend the name, or write its address"),
    }
}
