//! Stamps of the interface itself: which interfaces have some.
//!
//! They are read off the interface's own clock, which is none of this host's. Probes are stamped by
//! the kernel meanwhile, whatever the interface could do; this says what it could.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

use socket2::{Domain, Type};

use super::binding::{Binding, request_for};

/// What an interface says of its stamps (`ethtool_ts_info`).
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Told {
    command: u32,
    kinds: u32,
    clock: i32,
    transmit: u32,
    _transmit_reserved: [u32; 3],
    receive: u32,
    _receive_reserved: [u32; 3],
}

/// `ETHTOOL_GET_TS_INFO`.
const ASK: u32 = 0x41;
/// Hardware stamps both ways, as raw times of its clock.
const ALL_KINDS: u32 = libc::SOF_TIMESTAMPING_TX_HARDWARE
    | libc::SOF_TIMESTAMPING_RX_HARDWARE
    | libc::SOF_TIMESTAMPING_RAW_HARDWARE;
/// It stamps whatever leaves (`HWTSTAMP_TX_ON`) and arrives (`HWTSTAMP_FILTER_ALL`).
const ANY_PACKET: u32 = 1 << 1;

/// What an interface can do by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hardware {
    /// It stamps any packet, by the PTP clock of this number.
    Clock(u32),
    /// It stamps only packets of PTP.
    OfPtpAlone,
    /// It stamps nothing.
    Nothing,
    /// It doesn't say.
    Silent,
}

/// What the interface `device` can do.
pub(crate) fn hardware(binding: &Binding, device: &str) -> Hardware {
    let mut told = Told {
        command: ASK,
        ..Told::default()
    };
    match ask(binding, device, &mut told) {
        Ok(()) => told.into(),
        Err(_) => Hardware::Silent,
    }
}

fn ask(binding: &Binding, device: &str, told: &mut Told) -> io::Result<()> {
    let socket = Binding {
        namespace: binding.namespace.clone(),
        ..Binding::default()
    };
    let socket = socket.socket(Domain::IPV4, Type::DGRAM);
    let socket = socket.map_err(io::Error::other)?;
    let mut request = request_for(device).ok_or(io::ErrorKind::NotFound)?;
    request.ifr_ifru.ifru_data = std::ptr::from_mut(told).cast();
    // SAFETY: an `ifreq` with a name that ends in zero and a pointer to the struct that this command
    // fills; all of it lives during the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl From<Told> for Hardware {
    fn from(told: Told) -> Self {
        let any = told.transmit & told.receive & ANY_PACKET != 0;
        match u32::try_from(told.clock) {
            Ok(clock) if told.kinds & ALL_KINDS == ALL_KINDS && any => Self::Clock(clock),
            Ok(_) if told.kinds & ALL_KINDS != 0 => Self::OfPtpAlone,
            _ => Self::Nothing,
        }
    }
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(clock) => write!(
                f,
                "it could stamp by its own clock (PTP clock {clock}), which is not read yet"
            ),
            Self::OfPtpAlone => f.write_str("it stamps packets of PTP alone"),
            Self::Nothing => f.write_str("it has no clock to stamp by"),
            Self::Silent => f.write_str("it doesn't say how it stamps"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interface_says_is_what_it_can_do() {
        let told = |kinds, clock, transmit, receive| {
            Hardware::from(Told {
                kinds,
                clock,
                transmit,
                receive,
                ..Told::default()
            })
        };
        let software = libc::SOF_TIMESTAMPING_SOFTWARE;
        assert_eq!(
            told(ALL_KINDS | software, 3, 0b11, 0b11),
            Hardware::Clock(3)
        );
        assert_eq!(told(ALL_KINDS, 0, 0b11, 0b1001), Hardware::OfPtpAlone);
        assert_eq!(told(ALL_KINDS, -1, 0b11, 0b11), Hardware::Nothing);
        assert_eq!(told(software, 0, 0, 0), Hardware::Nothing);
    }

    #[test]
    fn the_loopback_stamps_nothing_and_what_is_not_there_is_silent() {
        let here = Binding::default();
        assert_eq!(hardware(&here, "lo"), Hardware::Nothing);
        assert_eq!(hardware(&here, "nowhere0"), Hardware::Silent);
    }
}
