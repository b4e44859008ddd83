//! Socket addresses as the kernel writes them (`sockaddr_in`, `sockaddr_in6`). Plain bytes, so no
//! `unsafe`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

const V4: usize = 16;
const V6: usize = 28;

/// A socket address in the kernel's layout.
#[repr(C, align(8))]
#[derive(Clone)]
pub(super) struct Name {
    bytes: [u8; V6],
    len: usize,
}

impl Name {
    /// No address.
    pub(super) const fn new() -> Name {
        Name {
            bytes: [0; V6],
            len: 0,
        }
    }

    /// Writes `address`. The flow label is left to the kernel.
    pub(super) fn set(&mut self, address: SocketAddr) {
        self.bytes = [0; V6];
        self.bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        let family = match address {
            SocketAddr::V4(v4) => {
                self.bytes[4..8].copy_from_slice(&v4.ip().octets());
                self.len = V4;
                libc::AF_INET
            }
            SocketAddr::V6(v6) => {
                self.bytes[8..24].copy_from_slice(&v6.ip().octets());
                self.bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
                self.len = V6;
                libc::AF_INET6
            }
        };
        self.bytes[..2].copy_from_slice(&(family as libc::sa_family_t).to_ne_bytes());
    }

    /// Reads the address; none if the kernel gave none.
    pub(super) fn get(&self) -> Option<SocketAddr> {
        let bytes = &self.bytes[..self.len];
        let family = libc::sa_family_t::from_ne_bytes(*bytes.first_chunk()?);
        let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
        match i32::from(family) {
            libc::AF_INET => {
                let ip = Ipv4Addr::from(*bytes.get(4..)?.first_chunk::<4>()?);
                Some(SocketAddrV4::new(ip, port).into())
            }
            libc::AF_INET6 => {
                let ip = Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?);
                let scope = u32::from_ne_bytes(*bytes.get(24..)?.first_chunk()?);
                Some(SocketAddrV6::new(ip, port, 0, scope).into())
            }
            _ => None,
        }
    }

    /// The address, to hand to the kernel.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The whole buffer, for the kernel to write into; then comes [`Name::set_len`].
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// How much the kernel wrote.
    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len.min(V6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_kernels_layout() {
        for text in ["192.0.2.7:862", "[2001:db8::9]:1", "[fe80::1%3]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut name = Name::new();
            name.set(address);
            assert_eq!(name.get(), Some(address));
        }
    }

    #[test]
    fn an_absent_or_short_address_is_none() {
        let mut name = Name::new();
        assert_eq!(name.get(), None);
        name.set("192.0.2.7:862".parse().unwrap());
        name.set_len(7);
        assert_eq!(name.get(), None);
    }
}
