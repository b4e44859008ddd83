//! A descriptor that becomes readable when it rings: for hosts that wait with `poll`.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

/// An `eventfd`: reading eight octets silences it.
#[derive(Debug)]
pub(crate) struct Bell(File);

impl Bell {
    /// # Errors
    /// No descriptor is left.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the result is checked.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, valid, and nobody else's.
        Ok(Self(unsafe { File::from_raw_fd(fd) }))
    }

    /// Makes it readable.
    pub(crate) fn ring(&self) {
        // The one possible error is a full counter: then it is readable anyway.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }

    /// To wait on; the bell owns it.
    pub(crate) fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_bell_rung_twice_is_silenced_by_one_read() {
        let bell = Bell::new().unwrap();
        let mut octets = [0; 8];
        assert!((&bell.0).read(&mut octets).is_err(), "silent at first");
        bell.ring();
        bell.ring();
        (&bell.0).read_exact(&mut octets).unwrap();
        assert!((&bell.0).read(&mut octets).is_err(), "silent again");
    }
}
