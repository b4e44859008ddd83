//! Sockets that the host opens in this plugin's place.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use plugin_abi::{NONE, TwampAddress, capability_of_host, socket_purpose};

use super::callbacks::Host;
use super::calling::calling;
use crate::net::{NetError, Purpose, take_handed};

impl Host {
    /// Does it open the sockets?
    pub(crate) fn opens_sockets(&self) -> bool {
        self.raw.open_socket.is_some()
            && self.raw.capabilities & capability_of_host::OPEN_SOCKET != 0
    }

    /// Has the host open a socket. What it is has yet to be looked at.
    ///
    /// # Errors
    /// It refuses, or answers what is no descriptor.
    pub(crate) fn open_socket(
        &self,
        line: Option<u64>,
        purpose: Purpose,
        local: SocketAddr,
        remote: Option<SocketAddr>,
    ) -> Result<OwnedFd, NetError> {
        let Some(open_socket) = self.raw.open_socket else {
            return Err(NetError::HostRefused);
        };
        let purpose = match purpose {
            Purpose::Listener => socket_purpose::CONTROL_LISTENER,
            Purpose::Connection => socket_purpose::CONTROL_CONNECTION,
            Purpose::Sender => socket_purpose::SENDER,
            Purpose::Reflector => socket_purpose::REFLECTOR,
        };
        let local = TwampAddress::from(local);
        let remote = remote.map_or_else(TwampAddress::none, TwampAddress::from);
        let answered = {
            let _calling = calling(self.engine);
            let line = line.unwrap_or(NONE);
            // SAFETY: the contract of `TwampHost`; both addresses live during the call.
            unsafe {
                open_socket(
                    self.raw.ctx,
                    line,
                    purpose,
                    &raw const local,
                    &raw const remote,
                )
            }
        };
        take_handed(answered)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;
    use std::net::UdpSocket;
    use std::os::fd::IntoRawFd;
    use std::sync::Mutex;

    use plugin_abi::TwampHost;

    use super::super::callbacks::NOTHING;
    use super::*;

    type Asked = (u64, u32, Option<SocketAddr>, Option<SocketAddr>);

    /// Notes what it is asked, and opens UDP sockets for senders alone.
    unsafe extern "C" fn open(
        ctx: *mut c_void,
        line: u64,
        purpose: u32,
        local: *const TwampAddress,
        remote: *const TwampAddress,
    ) -> i32 {
        // SAFETY: `ctx` is the list of the test, and both addresses are live.
        unsafe {
            let asked: Asked = (line, purpose, (*local).to_socket(), (*remote).to_socket());
            (*ctx.cast::<Mutex<Vec<Asked>>>())
                .lock()
                .unwrap()
                .push(asked);
        }
        match purpose {
            socket_purpose::SENDER => UdpSocket::bind("127.0.0.1:0").unwrap().into_raw_fd(),
            _ => -1,
        }
    }

    #[test]
    fn the_host_is_asked_in_the_words_of_the_boundary() {
        let asked: Mutex<Vec<Asked>> = Mutex::default();
        let raw = TwampHost {
            capabilities: capability_of_host::OPEN_SOCKET,
            ctx: (&raw const asked).cast_mut().cast(),
            open_socket: Some(open),
            ..NOTHING
        };
        // SAFETY: the list lives longer than the host.
        let host = unsafe { Host::new(raw) };
        assert!(host.opens_sockets() && !Host::deaf().opens_sockets());
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (local, remote) = (at("[fe80::2%3]:0"), at("[fe80::1%3]:862"));
        assert!(
            host.open_socket(Some(7), Purpose::Sender, local, Some(remote))
                .is_ok()
        );
        let refused = host.open_socket(None, Purpose::Listener, remote, None);
        assert!(matches!(refused, Err(NetError::HostRefused)));
        assert_eq!(
            *asked.lock().unwrap(),
            [
                (7, socket_purpose::SENDER, Some(local), Some(remote)),
                (NONE, socket_purpose::CONTROL_LISTENER, Some(remote), None),
            ]
        );
    }

    #[test]
    fn a_host_that_has_the_function_but_not_the_bit_is_not_asked() {
        let raw = TwampHost {
            open_socket: Some(open),
            ..NOTHING
        };
        // SAFETY: it is never called.
        assert!(!unsafe { Host::new(raw) }.opens_sockets());
    }
}
