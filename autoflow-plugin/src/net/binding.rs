//! How packets leave this host, whichever socket they leave by: interface, mark, namespace.

use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};

use super::denied_or;
use super::error::NetError;
use super::namespace::Namespace;

/// What UDP and TCP of one line have in common.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Binding {
    /// Interface to be tied to.
    pub(crate) device: Option<String>,
    /// Firewall mark (needs `CAP_NET_ADMIN`).
    pub(crate) mark: Option<u32>,
    /// Network namespace to be in (needs `CAP_SYS_ADMIN`).
    pub(crate) namespace: Option<Namespace>,
}

impl Binding {
    /// A socket that is bound so, but to no address yet: `Type::DGRAM` for UDP, `Type::STREAM`
    /// for TCP.
    ///
    /// # Errors
    /// Says what there is not, or which privilege is missing.
    pub(crate) fn socket(&self, domain: Domain, kind: Type) -> Result<Socket, NetError> {
        let socket = self.within(|| create(domain, kind))?;
        if let Some(device) = &self.device {
            tie(&socket, device)?;
        }
        if let Some(mark) = self.mark {
            socket.set_mark(mark).map_err(|error| {
                let otherwise = "give the line no mark";
                denied_or(error, "set a firewall mark", "CAP_NET_ADMIN", otherwise)
            })?;
        }
        Ok(socket)
    }

    /// The number that an interface has there.
    ///
    /// # Errors
    /// There is none of that name, or the namespace can't be entered.
    pub(crate) fn interface(&self, name: &str) -> Result<u32, NetError> {
        let socket = self.within(|| create(Domain::IPV4, Type::DGRAM))?;
        let missing = || NetError::NoSuchDevice {
            device: name.into(),
        };
        let mut request = request_for(name).ok_or_else(missing)?;
        // SAFETY: the request is an `ifreq` with a name that ends in zero, and lives during the
        // call, which writes the number into it.
        let number = unsafe {
            match libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFINDEX, &raw mut request) {
                0 => request.ifr_ifru.ifru_ifindex,
                _ => 0,
            }
        };
        u32::try_from(number)
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(missing)
    }

    fn within<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, NetError> + Send,
    ) -> Result<T, NetError> {
        match &self.namespace {
            None => work(),
            Some(namespace) => namespace.within(work),
        }
    }
}

/// A request about an interface; `None` if none can be named so.
pub(super) fn request_for(name: &str) -> Option<libc::ifreq> {
    // SAFETY: all zeros is a value of this struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let (_, room) = request.ifr_name.split_last_mut()?;
    if name.len() > room.len() {
        return None;
    }
    for (letter, octet) in room.iter_mut().zip(name.bytes()) {
        *letter = octet.cast_signed() as libc::c_char;
    }
    Some(request)
}

fn create(domain: Domain, kind: Type) -> Result<Socket, NetError> {
    let protocol = match kind {
        Type::DGRAM => Protocol::UDP,
        _ => Protocol::TCP,
    };
    Socket::new(domain, kind, Some(protocol)).map_err(|error| match error.raw_os_error() {
        Some(libc::EAFNOSUPPORT) => NetError::FamilyOff {
            family: if domain == Domain::IPV4 {
                "IPv4"
            } else {
                "IPv6"
            },
        },
        _ => NetError::system("open a socket", error),
    })
}

fn tie(socket: &Socket, device: &str) -> Result<(), NetError> {
    let done = socket.bind_device(Some(device.as_bytes()));
    done.map_err(|error| match error.raw_os_error() {
        Some(libc::ENODEV | libc::EINVAL) => NetError::NoSuchDevice {
            device: device.into(),
        },
        _ => {
            let action = "tie a socket to an interface";
            let otherwise = "use Linux 5.7 or newer, or let routes choose the interface";
            denied_or(error, action, "CAP_NET_RAW", otherwise)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_a_number_by_its_name() {
        let here = Binding::default();
        assert_eq!(here.interface("lo").unwrap(), 1);
        for name in ["no-such-device", "much-too-long-for-a-name", ""] {
            let refused = here.interface(name).unwrap_err();
            assert!(
                matches!(refused, NetError::NoSuchDevice { .. }),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_named_for_tcp_as_for_udp() {
        for kind in [Type::DGRAM, Type::STREAM] {
            let nowhere = Binding {
                device: Some("nowhere0".into()),
                ..Binding::default()
            };
            let refused = nowhere.socket(Domain::IPV4, kind).unwrap_err();
            assert!(refused.to_string().contains("`nowhere0`"), "{refused}");
        }
    }
}
