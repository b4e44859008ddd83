//! What can go wrong with a path, and what to do about it.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use super::denied_or;

/// A path could not be opened, or the wait failed.
#[derive(Debug, Error)]
pub(crate) enum NetError {
    /// The address is not (yet) one of this host's.
    #[error(
        "configuration: {local} is no address of this host; give the line one that \
         `ip address` shows, or retry when its interface is up"
    )]
    AddressNotAvailable {
        /// What was to be bound.
        local: SocketAddr,
    },
    /// Somebody else holds the port.
    #[error(
        "configuration: port {} of {} is in use by another socket; `ss -ulpn` shows whose it \
         is; free it or choose another port (0 takes any)", .local.port(), .local.ip()
    )]
    PortInUse {
        /// What was to be bound.
        local: SocketAddr,
    },
    /// The process lacks a privilege.
    #[error("local system: no permission to {action}; grant {capability}, or {otherwise}")]
    PermissionDenied {
        /// What was tried.
        action: &'static str,
        /// The capability that allows it.
        capability: &'static str,
        /// What works without it.
        otherwise: &'static str,
    },
    /// No interface of that name.
    #[error(
        "configuration: no interface is named `{device}` in the line's network namespace; \
         `ip link` shows those there are"
    )]
    NoSuchDevice {
        /// The name asked for.
        device: String,
    },
    /// The file handle given as a namespace isn't one.
    #[error(
        "configuration: the line's network namespace is not a file handle of one; open \
         /run/netns/NAME or /proc/PID/ns/net"
    )]
    NotANamespace,
    /// This host has no IPv4 or no IPv6.
    #[error("local system: this kernel has {family} switched off; take the other address family")]
    FamilyOff {
        /// Its name.
        family: &'static str,
    },
    /// Out of file descriptors.
    #[error(
        "local system: no file descriptors left for another path; raise RLIMIT_NOFILE or \
         measure fewer lines"
    )]
    TooManyFiles,
    /// No namespace of that name or path.
    #[error(
        "configuration: can't open the network namespace {path}: {source}; `ip netns` shows \
             those that have a name"
    )]
    NoSuchNamespace {
        /// Where it was looked for.
        path: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The host opens the sockets, and not this one.
    #[error("host: it refuses the socket that the plugin asked it for; its own log may say why")]
    HostRefused,
    /// The host handed over a number without a descriptor behind it.
    #[error(
        "host: {number} is no open descriptor; each socket is handed over once, open, and is the \
         plugin's from then on"
    )]
    HostNotOpen {
        /// What it answered.
        number: i32,
    },
    /// The host handed over another kind of thing.
    #[error(
        "host: the socket handed over is not what was asked for: expected {expected}, found \
             {found}"
    )]
    HostKind {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The host bound its socket to another address.
    #[error(
        "host: the socket handed over is bound to another address: expected {expected}, found \
             {found}"
    )]
    HostAddress {
        /// What was asked for; an unspecified address and port 0 are the host's choice.
        expected: SocketAddr,
        /// What it has; port 0: none.
        found: String,
    },
    /// The host handed over one socket for two paths.
    #[error("host: the socket handed over is in use by another path; open one for each")]
    HostTwice,
    /// Anything else.
    #[error("local system: cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl NetError {
    /// Why a socket can't be bound to `local`.
    pub(crate) fn bind(local: SocketAddr, error: io::Error) -> NetError {
        match error.raw_os_error() {
            Some(libc::EADDRNOTAVAIL | libc::ENODEV) => NetError::AddressNotAvailable { local },
            Some(libc::EADDRINUSE) => NetError::PortInUse { local },
            _ => {
                let otherwise = "choose a port of 1024 or above";
                denied_or(error, "bind a low port", "CAP_NET_BIND_SERVICE", otherwise)
            }
        }
    }

    /// An error nobody expects, with what was being done.
    pub(crate) fn system(action: &'static str, source: io::Error) -> NetError {
        match source.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => NetError::TooManyFiles,
            _ => NetError::System { action, source },
        }
    }
}

/// A packet did not leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub(crate) enum SendError {
    /// Larger than the interface takes (with don't-fragment), or than UDP does.
    #[error("the packet is too large to leave in one piece")]
    TooBig,
    /// No route to the far end, or its interface is down.
    #[error("there is no way to the far end: no route, no neighbour, or the interface is down")]
    NoRoute,
    /// The socket's buffer or the interface's queue is full.
    #[error("the local send queue is full")]
    QueueFull,
    /// A firewall on this host, or a missing capability (firewall mark, source address).
    #[error("this host does not allow the packet to leave (firewall, or a missing capability)")]
    Forbidden,
    /// The path was closed before the packet left.
    #[error("the path was closed")]
    Closed,
    /// Anything else: the kernel's error number.
    #[error("the kernel refused the packet (error {0})")]
    Other(i32),
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> SendError {
        match error.raw_os_error().unwrap_or_default() {
            libc::EMSGSIZE => SendError::TooBig,
            libc::ENETUNREACH
            | libc::EHOSTUNREACH
            | libc::ENETDOWN
            | libc::EHOSTDOWN
            | libc::ENODEV
            | libc::ENXIO
            | libc::EADDRNOTAVAIL => SendError::NoRoute,
            libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM => SendError::QueueFull,
            libc::EPERM | libc::EACCES => SendError::Forbidden,
            number => SendError::Other(number),
        }
    }
}
