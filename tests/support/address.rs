//! Addresses that no other test has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};

/// An IPv4 loopback address of the caller's own: every port of it is free.
pub fn own() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    // Not 127.0.0.0/16, where everybody is.
    Ipv4Addr::new(127, high | 0x80, low, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A port of `::1` that is free for TCP and UDP now.
pub fn free_port_v6() -> u16 {
    let address = IpAddr::from(Ipv6Addr::LOCALHOST);
    loop {
        let listener = TcpListener::bind((address, 0)).expect("the loopback has IPv6");
        let port = listener.local_addr().unwrap().port();
        if UdpSocket::bind((address, port)).is_ok() {
            return port;
        }
    }
}
