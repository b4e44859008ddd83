//! Opening a path: a UDP socket with everything switched on that measuring needs.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::c_int;
use socket2::{Domain, Socket, Type};

use super::binding::Binding;
use super::error::NetError;
use super::handed::{self, Purpose};

/// Receive buffer that holds a burst of some thousand packets.
pub(crate) const DEFAULT_RECEIVE_BUFFER: usize = 4 << 20;

/// Packets to a neighbour that doesn't answer are held by the kernel for seconds and count as the
/// socket's: there must be room for the other far ends' beside them.
const SEND_BUFFER: c_int = 4 << 20;

/// `SO_NETNS_COOKIE`.
const NETNS_COOKIE: c_int = 71;

/// How a path is to be opened.
#[derive(Clone, Debug)]
pub(crate) struct PathSpec {
    /// Own address; port 0 takes any. Its family is the path's.
    pub(crate) local: SocketAddr,
    /// Interface, mark and network namespace.
    pub(crate) binding: Binding,
    /// Time to live or hop limit, 1–255.
    pub(crate) ttl: u8,
    /// Type of service or traffic class: DSCP and ECN.
    pub(crate) tos: u8,
    /// Packets leave whole with the don't-fragment mark, even above a path MTU the kernel has
    /// heard of: their fate is what is measured. Otherwise none is marked.
    pub(crate) dont_fragment: bool,
    /// Octets of packets not yet fetched, with the kernel's own; it may grant less.
    pub(crate) receive_buffer: usize,
    /// Ask the kernel for transmit stamps of packets with tokens. Not for reflectors, except where
    /// senders may ask when replies leave.
    pub(crate) transmit_stamps: bool,
    /// Take the stamps of the interface too: it was found to stamp whatever leaves and arrives.
    pub(crate) hardware_stamps: bool,
    /// What arrives has time until the next probes leave, if the kernel stamps it. For probes: who
    /// answers is in a hurry.
    pub(crate) unhurried: bool,
    pub(crate) sharing: Sharing,
}

/// Whose a port is. The kernel gives all packets of one sender to one of the sockets that share it.
/// For reflectors only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Sharing {
    /// This socket's alone.
    #[default]
    Alone,
    /// It was nobody's before, and now others may join.
    First,
    /// Another socket's that lets this one join.
    Next,
}

impl PathSpec {
    /// A sender's path from `local`, with TTL 255 as RFC 5357 (section 4.1.2) wants it.
    pub(crate) fn new(local: SocketAddr) -> PathSpec {
        PathSpec {
            local,
            binding: Binding::default(),
            ttl: 255,
            tos: 0,
            dont_fragment: false,
            receive_buffer: DEFAULT_RECEIVE_BUFFER,
            transmit_stamps: true,
            hardware_stamps: false,
            unhurried: false,
            sharing: Sharing::Alone,
        }
    }
}

impl PathSpec {
    /// Of another socket beside one that was opened so: on its port if that is shared.
    pub(crate) fn beside(&self) -> PathSpec {
        let sharing = match self.sharing {
            Sharing::Alone => Sharing::Alone,
            Sharing::First | Sharing::Next => Sharing::Next,
        };
        PathSpec {
            sharing,
            ..self.clone()
        }
    }

    /// Do packets of both leave alike, whatever the port?
    pub(crate) fn is_like(&self, other: &PathSpec) -> bool {
        let mut local = other.local;
        local.set_port(self.local.port());
        local == self.local
            && self.binding == other.binding
            && self.ttl == other.ttl
            && self.tos == other.tos
            && self.dont_fragment == other.dont_fragment
            && self.receive_buffer == other.receive_buffer
            && self.transmit_stamps == other.transmit_stamps
            && self.hardware_stamps == other.hardware_stamps
            && self.unhurried == other.unhurried
            && self.sharing == other.sharing
    }
}

/// Opens and binds a socket; answers the address it got.
pub(super) fn open(spec: &PathSpec) -> Result<(Socket, SocketAddr), NetError> {
    let domain = Domain::for_address(spec.local);
    let socket = spec.binding.socket(domain, Type::DGRAM)?;
    if spec.sharing == Sharing::Next {
        share(&socket)?;
    }
    if spec.local.is_ipv6() {
        let done = socket.set_only_v6(true);
        done.map_err(|error| NetError::system("keep IPv4 off an IPv6 socket", error))?;
    }
    switch_on(&socket, spec)?;
    bind(&socket, spec.local)?;
    // Not before: a port that another program shares would be taken from it unseen.
    if spec.sharing == Sharing::First {
        share(&socket)?;
    }
    let local = local_address(&socket)?;
    Ok((socket, local))
}

fn share(socket: &Socket) -> Result<(), NetError> {
    let done = socket.set_reuse_port(true);
    done.map_err(|error| NetError::system("share the port", error))
}

/// Takes a socket that the host opened and bound; nobody else may send through it.
pub(super) fn adopt(socket: OwnedFd, spec: &PathSpec) -> Result<(Socket, SocketAddr), NetError> {
    let socket = handed::judge(socket, Purpose::Sender, spec.local)?;
    let local = local_address(&socket)?;
    let spec = PathSpec {
        local,
        ..spec.clone()
    };
    // Numbers of transmit stamps start at 0 when they are switched on, not when they stay on.
    set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, 0)
        .map_err(|error| NetError::system("reset kernel time stamps", error))?;
    switch_on(&socket, &spec)?;
    Ok((socket, local))
}

fn bind(socket: &Socket, local: SocketAddr) -> Result<(), NetError> {
    let bound = socket.bind(&local.into());
    bound.map_err(|error| NetError::bind(local, error))
}

/// Everything that measuring needs, in one table.
fn switch_on(socket: &Socket, spec: &PathSpec) -> Result<(), NetError> {
    const BASE: c_int = libc::SOL_SOCKET;
    const V4: c_int = libc::IPPROTO_IP;
    const V6: c_int = libc::IPPROTO_IPV6;
    let (ttl, tos, whole) = (spec.ttl.into(), spec.tos.into(), spec.dont_fragment);
    let fragments = [libc::IP_PMTUDISC_DONT, libc::IP_PMTUDISC_PROBE][usize::from(whole)];
    let kernel = libc::SOF_TIMESTAMPING_RX_SOFTWARE
        | libc::SOF_TIMESTAMPING_SOFTWARE
        | libc::SOF_TIMESTAMPING_OPT_ID
        | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    // Of a packet that left, both stamps are to come.
    let interface = libc::SOF_TIMESTAMPING_RX_HARDWARE
        | libc::SOF_TIMESTAMPING_RAW_HARDWARE
        | libc::SOF_TIMESTAMPING_OPT_TX_SWHW;
    let stamps = kernel | if spec.hardware_stamps { interface } else { 0 };
    let both = [
        (
            BASE,
            libc::SO_TIMESTAMPING,
            stamps.cast_signed(),
            "switch on kernel time stamps",
        ),
        (BASE, libc::SO_RXQ_OVFL, 1, "count dropped packets"),
    ];
    let v4 = [
        (V4, libc::IP_TTL, ttl, "set the time to live"),
        (V4, libc::IP_TOS, tos, "set the type of service"),
        (V4, libc::IP_MTU_DISCOVER, fragments, "set don't-fragment"),
        (V4, libc::IP_RECVTTL, 1, "read the time to live"),
        (V4, libc::IP_RECVTOS, 1, "read the type of service"),
        (V4, libc::IP_PKTINFO, 1, "read the local address"),
        (V4, libc::IP_RECVERR, 1, "read ICMP errors"),
    ];
    let v6 = [
        (V6, libc::IPV6_UNICAST_HOPS, ttl, "set the hop limit"),
        (V6, libc::IPV6_TCLASS, tos, "set the traffic class"),
        (
            V6,
            libc::IPV6_MTU_DISCOVER,
            fragments,
            "set path MTU probing",
        ),
        (V6, libc::IPV6_DONTFRAG, whole.into(), "set don't-fragment"),
        (V6, libc::IPV6_RECVHOPLIMIT, 1, "read the hop limit"),
        (V6, libc::IPV6_RECVTCLASS, 1, "read the traffic class"),
        (V6, libc::IPV6_RECVPKTINFO, 1, "read the local address"),
        (V6, libc::IPV6_RECVERR, 1, "read ICMP errors"),
    ];
    let family = if spec.local.is_ipv4() {
        &v4[..]
    } else {
        &v6[..]
    };
    for &(level, name, value, action) in both.iter().chain(family) {
        set(socket, level, name, value).map_err(|error| NetError::system(action, error))?;
    }
    let room = c_int::try_from(spec.receive_buffer).unwrap_or(c_int::MAX);
    // With CAP_NET_ADMIN beyond the system's limit, otherwise up to it.
    set(socket, BASE, libc::SO_RCVBUFFORCE, room)
        .or_else(|_| set(socket, BASE, libc::SO_RCVBUF, room))
        .map_err(|error| NetError::system("set the receive buffer", error))?;
    set(socket, BASE, libc::SO_SNDBUFFORCE, SEND_BUFFER)
        .or_else(|_| set(socket, BASE, libc::SO_SNDBUF, SEND_BUFFER))
        .map_err(|error| NetError::system("set the send buffer", error))
}

fn set(socket: &Socket, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    let size = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the option's value is an `int`, which lives on this stack during the call.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The kernel's own number of the socket's network namespace; Linux 5.14 and up.
pub(super) fn network(socket: &Socket) -> Option<u64> {
    let (mut cookie, mut size) = (0u64, size_of::<u64>() as libc::socklen_t);
    // SAFETY: the option's value is a `u64`, which lives on this stack during the call, as does
    // its size.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut size,
        )
    };
    (done == 0).then_some(cookie)
}

fn local_address(socket: &Socket) -> Result<SocketAddr, NetError> {
    let name = socket.local_addr();
    let name = name.map_err(|error| NetError::system("read a socket's address", error))?;
    name.as_socket().ok_or_else(|| {
        let error = io::Error::other("it is of another family");
        NetError::system("read a socket's address", error)
    })
}
