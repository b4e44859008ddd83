//! A socket as a reflector needs it: everything switched on that an answer by the RFCs takes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{
    IpRecvTos, Ipv4PacketInfo, Ipv4RecvErr, Ipv4RecvTtl, Ipv6RecvErr, Ipv6RecvHopLimit,
    Ipv6RecvPacketInfo, RcvBuf, RcvBufForce, RxqOvfl, SndBuf, SndBufForce,
};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use socket2::{Domain, Socket, Type};

use super::mail::ask_for_stamps;

/// Octets of packets that wait, on either way.
const ROOM: usize = 4 << 20;

/// Bound to `local`, with the kernel's stamps, TTL, TOS, address and count of dropped packets
/// beside each packet. RFC 5357 (section 4.2.1) tells the TTL, RFC 7750 the TOS; the address is
/// for a socket on all of a host's, the count tells this host's trouble from loss. Replies leave
/// with TTL 255 and without don't-fragment.
pub(super) fn reflecting(local: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, None)?;
    // As the engine: with CAP_NET_ADMIN beyond the system's limit, otherwise up to it.
    setsockopt(&socket, RcvBufForce, &ROOM).or_else(|_| setsockopt(&socket, RcvBuf, &ROOM))?;
    setsockopt(&socket, SndBufForce, &ROOM).or_else(|_| setsockopt(&socket, SndBuf, &ROOM))?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    ask_for_stamps(&socket, false)?;
    setsockopt(&socket, RxqOvfl, &1)?;
    match local {
        SocketAddr::V4(_) => {
            socket.set_ttl_v4(255)?;
            set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT)?;
            setsockopt(&socket, Ipv4RecvTtl, &true)?;
            setsockopt(&socket, IpRecvTos, &true)?;
            setsockopt(&socket, Ipv4PacketInfo, &true)?;
            setsockopt(&socket, Ipv4RecvErr, &true)?;
        }
        SocketAddr::V6(_) => {
            socket.set_unicast_hops_v6(255)?;
            set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::DONT)?;
            setsockopt(&socket, Ipv6RecvHopLimit, &true)?;
            socket.set_recv_tclass_v6(true)?;
            setsockopt(&socket, Ipv6RecvPacketInfo, &true)?;
            setsockopt(&socket, Ipv6RecvErr, &true)?;
        }
    }
    socket.bind(&local.into())?;
    Ok(socket)
}
