//! What an interface stamps is a setting of it, and everybody's who uses it: the PTP daemon may
//! have it stamp its own packets. So it is read first, never narrowed, and not touched where it is
//! wide enough. What was set stays when the plugin goes: others may rely on it by then.

use std::io;

use thiserror::Error;

/// The kernel's `hwtstamp_config`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Setting {
    flags: libc::c_int,
    /// Which packets are stamped that leave (`HWTSTAMP_TX_…`),
    transmit: libc::c_uint,
    /// and which that arrive (`HWTSTAMP_FILTER_…`).
    receive: libc::c_uint,
}

/// What a driver is asked to do with a [`Setting`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// Fill in the one that holds.
    Tell,
    /// Take this one, and fill in what comes of it.
    Take,
}

/// An interface that could stamp whatever leaves and arrives does not.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    /// The process lacks a privilege.
    #[error("no permission to have it stamp; grant CAP_NET_ADMIN, or set it by `hwstamp_ctl`")]
    Forbidden,
    /// Bonds and old drivers.
    #[error("its driver lets nobody read and set what it stamps")]
    Unsettable,
    /// Somebody else has it.
    #[error("it is busy: somebody else uses its stamps, or it isn't up")]
    Busy,
    /// It says that it can, and can't.
    #[error("its driver refuses to stamp whatever arrives")]
    Refused,
    /// It stamps less than it was asked to; it was set back.
    #[error("it grants stamps of some packets alone")]
    Narrow,
    /// Anything else.
    #[error("it can't be had to stamp: {0}")]
    System(io::Error),
}

impl Setting {
    /// Has the interface stamp whatever leaves and arrives, if it doesn't yet.
    pub(super) fn widen(
        mut driver: impl FnMut(Deed, &mut Setting) -> io::Result<()>,
    ) -> Result<(), Refusal> {
        let mut former = Setting::default();
        driver(Deed::Tell, &mut former)?;
        if former.is_wide() {
            return Ok(());
        }
        let mut granted = former.widened();
        driver(Deed::Take, &mut granted)?;
        if granted.is_wide() {
            return Ok(());
        }
        // It may stamp less than before, which others rely on.
        driver(Deed::Take, &mut former)?;
        Err(Refusal::Narrow)
    }

    fn is_wide(&self) -> bool {
        self.transmit != libc::HWTSTAMP_TX_OFF && self.receive == libc::HWTSTAMP_FILTER_ALL
    }

    fn widened(self) -> Setting {
        Setting {
            flags: self.flags,
            transmit: self.transmit.max(libc::HWTSTAMP_TX_ON),
            receive: libc::HWTSTAMP_FILTER_ALL,
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        match error.raw_os_error().unwrap_or_default() {
            libc::EPERM | libc::EACCES => Refusal::Forbidden,
            libc::EOPNOTSUPP | libc::ENOTTY | libc::EINVAL => Refusal::Unsettable,
            libc::EBUSY | libc::EAGAIN | libc::ENETDOWN => Refusal::Busy,
            libc::ERANGE => Refusal::Refused,
            _ => Refusal::System(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: Setting = Setting {
        flags: 0,
        transmit: libc::HWTSTAMP_TX_OFF,
        receive: libc::HWTSTAMP_FILTER_NONE,
    };
    const ALL: Setting = Setting {
        flags: 0,
        transmit: libc::HWTSTAMP_TX_ON,
        receive: libc::HWTSTAMP_FILTER_ALL,
    };
    /// As the PTP daemon sets it.
    const PTP: Setting = Setting {
        flags: 0,
        transmit: libc::HWTSTAMP_TX_ONESTEP_SYNC,
        receive: libc::HWTSTAMP_FILTER_PTP_V2_EVENT,
    };

    /// A driver that makes something of what it is to take, and what became of it.
    fn asked(
        holds: Setting,
        grant: impl Fn(Setting) -> Result<Setting, i32>,
    ) -> (Result<(), String>, Setting, Vec<Deed>) {
        let (mut holds, mut deeds) = (holds, Vec::new());
        let outcome = Setting::widen(|deed, setting| {
            deeds.push(deed);
            if deed == Deed::Take {
                holds = grant(*setting).map_err(io::Error::from_raw_os_error)?;
            }
            *setting = holds;
            Ok(())
        });
        (outcome.map_err(|refusal| refusal.to_string()), holds, deeds)
    }

    #[test]
    fn an_interface_that_stamps_nothing_is_had_to_stamp_all() {
        let (outcome, holds, _) = asked(OFF, Ok);
        assert_eq!((outcome, holds), (Ok(()), ALL));
    }

    #[test]
    fn what_stamps_all_already_is_not_touched() {
        let (outcome, _, deeds) = asked(ALL, |_| Err(libc::EPERM));
        assert_eq!((outcome, deeds), (Ok(()), vec![Deed::Tell]));
    }

    #[test]
    fn what_others_have_set_is_widened_and_never_narrowed() {
        let (outcome, holds, _) = asked(PTP, Ok);
        assert!(outcome.is_ok());
        assert_eq!(holds.transmit, PTP.transmit, "one-step stays");
        assert_eq!(holds.receive, libc::HWTSTAMP_FILTER_ALL);
    }

    #[test]
    fn a_driver_that_grants_less_is_set_back_to_what_it_was() {
        let grant = |wanted: Setting| {
            let receive = match wanted.receive {
                libc::HWTSTAMP_FILTER_ALL => libc::HWTSTAMP_FILTER_PTP_V2_L4_EVENT,
                narrower => narrower,
            };
            Ok(Setting { receive, ..wanted })
        };
        let (outcome, holds, _) = asked(PTP, grant);
        assert!(outcome.unwrap_err().contains("some packets alone"));
        assert_eq!(holds, PTP);
    }

    #[test]
    fn a_refusal_says_why_and_changes_nothing() {
        for (number, why) in [
            (libc::EPERM, "CAP_NET_ADMIN"),
            (libc::EOPNOTSUPP, "lets nobody"),
            (libc::EBUSY, "busy"),
            (libc::ERANGE, "refuses"),
            (libc::EIO, "error 5"),
        ] {
            let (outcome, holds, _) = asked(PTP, |_| Err(number));
            assert!(outcome.unwrap_err().contains(why), "{why}");
            assert_eq!(holds, PTP);
        }
    }

    #[test]
    fn what_does_not_tell_its_setting_is_left_alone() {
        let mut deeds = Vec::new();
        let outcome = Setting::widen(|deed, _| {
            deeds.push(deed);
            Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP))
        });
        assert!(matches!(outcome, Err(Refusal::Unsettable)));
        assert_eq!(deeds, [Deed::Tell]);
    }
}
