//! Stamps of the interface itself: which interfaces have some, and having them made.
//!
//! They are read off the interface's own clock, which is none of this host's; `phc.rs` makes times
//! of ours of them. A VLAN's are those of the interface below it; a bond's may be of any of several
//! clocks, so it has none that are taken.

mod setting;

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

use socket2::{Domain, Type};
use thiserror::Error;

use super::binding::{Binding, request_for};
pub(crate) use setting::Refusal;
use setting::{Deed, Setting};

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

/// Why the stamps of an interface are not taken.
#[derive(Debug, Error)]
pub(crate) enum NoStamps {
    /// It has none.
    #[error("{0}")]
    Hardware(Hardware),
    /// It has some, but not for us.
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

/// Has the interface `device` stamp whatever leaves and arrives.
///
/// # Errors
/// It can't, or won't.
pub(crate) fn have_stamped(binding: &Binding, device: &str) -> Result<(), NoStamps> {
    match hardware(binding, device) {
        Hardware::Clock(_) => Ok(Setting::widen(|deed, setting| {
            let request = match deed {
                Deed::Tell => libc::SIOCGHWTSTAMP,
                Deed::Take => libc::SIOCSHWTSTAMP,
            };
            // SAFETY: a `Setting` is what both requests read and fill in.
            unsafe { ask(binding, device, request, setting) }
        })?),
        other => Err(NoStamps::Hardware(other)),
    }
}

/// What the interface `device` can do.
fn hardware(binding: &Binding, device: &str) -> Hardware {
    let mut told = Told {
        command: ASK,
        ..Told::default()
    };
    // SAFETY: a `Told` is what this command of the request reads and fills in.
    match unsafe { ask(binding, device, libc::SIOCETHTOOL, &mut told) } {
        Ok(()) => told.into(),
        Err(_) => Hardware::Silent,
    }
}

/// Makes a request about an interface, in the namespace that the binding names.
///
/// # Safety
/// `data` must be the struct that the request reads and fills in.
unsafe fn ask<T>(
    binding: &Binding,
    device: &str,
    request: libc::c_ulong,
    data: &mut T,
) -> io::Result<()> {
    let socket = Binding {
        namespace: binding.namespace.clone(),
        ..Binding::default()
    };
    let socket = socket.socket(Domain::IPV4, Type::DGRAM);
    let socket = socket.map_err(io::Error::other)?;
    let mut about = request_for(device).ok_or(io::ErrorKind::NotFound)?;
    about.ifr_ifru.ifru_data = std::ptr::from_mut(data).cast();
    // SAFETY: an `ifreq` with a name that ends in zero and a pointer to the struct that belongs to
    // the request, as the caller promises; all of it lives during the call.
    match unsafe { libc::ioctl(socket.as_raw_fd(), request as _, &raw mut about) } {
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
            Self::Clock(clock) => write!(f, "it stamps by its own clock (PTP clock {clock})"),
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
        for (device, why) in [
            ("lo", "it has no clock to stamp by"),
            ("nowhere0", "it doesn't say how it stamps"),
        ] {
            let refused = have_stamped(&here, device).unwrap_err();
            assert_eq!(refused.to_string(), why);
        }
    }
}
