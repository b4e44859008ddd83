//! What the host hands in: text, addresses, sinks and its callbacks.

use std::ffi::c_void;

use crate::TwampChange;

/// Borrowed UTF-8 text; null and 0 is the empty text.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampText {
    /// First octet; may be null when `len` is 0.
    pub data: *const u8,
    /// Octets.
    pub len: usize,
}

/// Where a call writes its answer: called any number of times before the call returns, with
/// consecutive pieces. A null `write` throws the answer away.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampSink {
    /// Handed back to `write`.
    pub ctx: *mut c_void,
    /// Takes one piece of the answer.
    pub write: Option<unsafe extern "C" fn(ctx: *mut c_void, data: *const u8, len: usize)>,
}

/// An IP address with port and scope.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampAddress {
    /// 4, 6, or 0 for no address.
    pub family: u32,
    /// Interface index of a link-local IPv6 address, else 0.
    pub scope: u32,
    /// Port in host order; 0 where none is meant.
    pub port: u16,
    /// Zero.
    pub reserved: u16,
    /// Network order; IPv4 uses the first four octets.
    pub octets: [u8; 16],
}

/// The host's side of the contract. `create` copies it; `ctx` and the functions must stay valid
/// until `destroy` has returned. A null function is a capability that the host has not.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampHost {
    /// `sizeof(TwampHost)` as the host knows it.
    pub struct_size: u32,
    /// The major version that the host was built against.
    pub abi_major: u16,
    /// The minor version that the host was built against.
    pub abi_minor: u16,
    /// Bits of [`capability_of_host`].
    pub capabilities: u64,
    /// Handed back to each callback.
    pub ctx: *mut c_void,
    /// Would a message of this level (1 error … 5 trace) be kept? Non-zero: yes.
    pub log_enabled: Option<unsafe extern "C" fn(ctx: *mut c_void, level: u32) -> i32>,
    /// One log message.
    pub log: Option<
        unsafe extern "C" fn(ctx: *mut c_void, level: u32, target: TwampText, message: TwampText),
    >,
    /// A run has ended, or a session that this engine served: its result as JSON.
    pub run_ended: Option<unsafe extern "C" fn(ctx: *mut c_void, run: u64, result: TwampText)>,
    /// A class of a group has changed its line.
    pub choice_changed: Option<unsafe extern "C" fn(ctx: *mut c_void, change: *const TwampChange)>,
    /// Opens a socket in the plugin's place and answers its descriptor; negative: refused.
    ///
    /// `purpose` is one of [`socket_purpose`], which says what kind of socket is meant. `line` is
    /// whose it is, `NONE` for a run and for what answers without belonging to a line: its device,
    /// mark and network namespace are the host's business then. `local` is the address to bind; an unspecified address (`0.0.0.0`, `::`) leaves it to the host, port 0
    /// leaves the port to it. `remote` is the far end, or no address. Both live during the call.
    ///
    /// The descriptor is the plugin's from then on, whatever comes of it: the plugin closes it,
    /// the host must neither use nor close it, and hands over another one each time.
    pub open_socket: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            line: u64,
            purpose: u32,
            local: *const TwampAddress,
            remote: *const TwampAddress,
        ) -> i32,
    >,
}

/// What a host may offer; unknown bits are ignored.
pub mod capability_of_host {
    /// `log` and `log_enabled` are there.
    pub const LOG: u64 = 1;
    /// `run_ended` is there.
    pub const RUN_ENDED: u64 = 1 << 1;
    /// `choice_changed` is there.
    pub const CHOICE_CHANGED: u64 = 1 << 2;
    /// `open_socket` is there: the plugin opens no socket of its own, so it needs no privilege.
    /// `start` then binds nothing: sockets are asked for once the engine runs.
    pub const OPEN_SOCKET: u64 = 1 << 3;
}

/// What a socket of the host's is for. The host binds it; an unknown purpose is to be refused.
pub mod socket_purpose {
    /// TCP, bound to `local`: takes connections of TWAMP-Control. The plugin listens on it.
    pub const CONTROL_LISTENER: u32 = 1;
    /// TCP, bound or not, not connected: the plugin connects it to `remote` for TWAMP-Control.
    pub const CONTROL_CONNECTION: u32 = 2;
    /// UDP, bound, not connected: sends the probes of a session to `remote`, whose port may be
    /// another one.
    pub const SENDER: u32 = 3;
    /// UDP, bound, not connected: answers probes.
    pub const REFLECTOR: u32 = 4;
}

impl TwampText {
    /// The empty text.
    pub const EMPTY: Self = Self {
        data: std::ptr::null(),
        len: 0,
    };

    /// Borrows `text`; the value must not outlive it.
    #[must_use]
    pub fn borrow(text: &str) -> Self {
        Self {
            data: text.as_ptr(),
            len: text.len(),
        }
    }

    /// The text behind it; `None` where it is no UTF-8, or null with a length.
    ///
    /// # Safety
    /// `data` must point to `len` readable octets that live for `'a`, or be null.
    #[must_use]
    pub unsafe fn as_str<'a>(self) -> Option<&'a str> {
        if self.data.is_null() {
            return (self.len == 0).then_some("");
        }
        // SAFETY: the caller promises `len` readable octets for 'a.
        std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.data, self.len) }).ok()
    }
}

impl TwampSink {
    /// A sink that throws everything away.
    pub const NONE: Self = Self {
        ctx: std::ptr::null_mut(),
        write: None,
    };

    /// Hands one piece of text to the sink.
    ///
    /// # Safety
    /// `ctx` must be what the sink's `write` expects; a sink is valid only during the call that
    /// brought it.
    pub unsafe fn put(&self, text: &str) {
        if let Some(write) = self.write {
            // SAFETY: the caller promises a live sink; the text outlives the call.
            unsafe { write(self.ctx, text.as_ptr(), text.len()) }
        }
    }
}

impl TwampAddress {
    /// No address.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

impl From<std::net::SocketAddr> for TwampAddress {
    fn from(address: std::net::SocketAddr) -> Self {
        let mut octets = [0; 16];
        let (family, scope) = match address {
            std::net::SocketAddr::V4(v4) => {
                octets[..4].copy_from_slice(&v4.ip().octets());
                (4, 0)
            }
            std::net::SocketAddr::V6(v6) => {
                octets = v6.ip().octets();
                (6, v6.scope_id())
            }
        };
        Self {
            family,
            scope,
            port: address.port(),
            reserved: 0,
            octets,
        }
    }
}

impl TwampAddress {
    /// The address as std knows it; `None` for no address or an unknown family.
    #[must_use]
    pub fn to_socket(self) -> Option<std::net::SocketAddr> {
        let [a, b, c, d, ..] = self.octets;
        match self.family {
            4 => Some((std::net::Ipv4Addr::new(a, b, c, d), self.port).into()),
            6 => Some(
                std::net::SocketAddrV6::new(self.octets.into(), self.port, 0, self.scope).into(),
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_crosses_the_boundary_unchanged() {
        for text in ["192.0.2.7:862", "[2001:db8::1]:0", "[fe80::1%3]:20000"] {
            let address: std::net::SocketAddr = text.parse().unwrap();
            assert_eq!(TwampAddress::from(address).to_socket(), Some(address));
        }
        assert_eq!(TwampAddress::none().to_socket(), None);
    }

    #[test]
    fn text_that_is_no_utf8_is_refused_not_repaired() {
        let bad = TwampText {
            data: [0xff, 0xfe].as_ptr(),
            len: 2,
        };
        let null = TwampText {
            data: std::ptr::null(),
            len: 2,
        };
        // SAFETY: both point to what they say, or are null.
        unsafe {
            assert_eq!(bad.as_str(), None);
            assert_eq!(null.as_str(), None);
            assert_eq!(TwampText::EMPTY.as_str(), Some(""));
        }
    }
}
