//! Sleeping until something happens: a packet, a stamp, a time, or a call from another thread.
//!
//! One `epoll` with an `eventfd` for calls and a `timerfd` for the time. The timer is absolute and
//! counts `CLOCK_BOOTTIME`, as the engine does, so it is right across a suspend; it is as sharp as
//! `epoll_pwait2`, knows no timer slack, and is there on every kernel. Without a time to wait for,
//! nothing wakes the thread.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use libc::c_int;
use twamp_core::time::Mono;

/// Events of one call, at most; more come with the next.
const EVENTS: usize = 64;
const TIMER: u64 = u64::MAX;
const CALL: u64 = u64::MAX - 1;

/// Wakes the probe thread from any other.
#[derive(Clone, Debug)]
pub(crate) struct Waker {
    bell: Arc<File>,
}

impl Waker {
    /// Makes the present or the next `wait` return. Calls that come in between are one.
    pub(crate) fn wake(&self) {
        // The one possible error is a full counter: then a call is pending anyway.
        let _ = (&*self.bell).write(&1u64.to_ne_bytes());
    }
}

/// Something happened at a watched file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    /// As given to [`Poller::watch`].
    pub(super) key: u64,
    /// Packets can be read.
    pub(super) readable: bool,
    /// The error queue has something: stamps, ICMP messages.
    pub(super) failing: bool,
}

/// What ended a wait, beside what became ready.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Ended {
    pub(super) by_timer: bool,
    pub(super) by_call: bool,
}

pub(super) struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    bell: Arc<File>,
    /// What the timer is set to.
    armed: Option<Mono>,
}

impl Poller {
    pub(super) fn new() -> io::Result<(Poller, Waker)> {
        // SAFETY: no pointers; the result is checked.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: no pointers; the result is checked.
        let timer = owned(unsafe { libc::timerfd_create(libc::CLOCK_BOOTTIME, flags) })?;
        // SAFETY: no pointers; the result is checked.
        let bell = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let bell = Arc::new(File::from(bell));
        let poller = Poller {
            epoll,
            timer,
            bell: Arc::clone(&bell),
            armed: None,
        };
        poller.watch(poller.timer.as_fd(), TIMER)?;
        poller.watch(poller.bell.as_fd(), CALL)?;
        Ok((poller, Waker { bell }))
    }

    /// Watches a file; `key` names it in [`Ready`] (the two highest keys are taken).
    pub(super) fn watch(&self, file: BorrowedFd<'_>, key: u64) -> io::Result<()> {
        // Errors are always watched.
        self.control(libc::EPOLL_CTL_ADD, file, libc::EPOLLIN as u32, key)
    }

    /// Stops watching. Closing the file isn't enough if the host kept a duplicate.
    pub(super) fn forget(&self, file: BorrowedFd<'_>) {
        let _ = self.control(libc::EPOLL_CTL_DEL, file, 0, 0);
    }

    fn control(&self, what: c_int, file: BorrowedFd<'_>, events: u32, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: key };
        let (epoll, file) = (self.epoll.as_raw_fd(), file.as_raw_fd());
        // SAFETY: both descriptors are open while borrowed; `event` is valid for the call.
        checked(unsafe { libc::epoll_ctl(epoll, what, file, &raw mut event) }).map(drop)
    }

    /// Sleeps until something is ready, a call comes, or `until` is reached (`None`: no end).
    /// With `dont_sleep` it only looks. Adds to `ready`.
    pub(super) fn wait(
        &mut self,
        until: Option<Mono>,
        dont_sleep: bool,
        ready: &mut impl Extend<Ready>,
    ) -> io::Result<Ended> {
        if !dont_sleep {
            self.arm(until)?;
        }
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        let timeout = if dont_sleep { 0 } else { -1 };
        let (epoll, room) = (self.epoll.as_raw_fd(), EVENTS as c_int);
        // SAFETY: `events` has room for the `EVENTS` entries promised.
        let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), room, timeout) };
        let count = match checked(count) {
            Ok(count) => count as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        let mut ended = Ended::default();
        for &event in &events[..count] {
            match event.u64 {
                TIMER => ended.by_timer = true,
                CALL => {
                    ended.by_call = true;
                    let _ = (&*self.bell).read(&mut [0; 8]);
                }
                key => ready.extend([Ready {
                    key,
                    readable: event.events & libc::EPOLLIN as u32 != 0,
                    failing: event.events & libc::EPOLLERR as u32 != 0,
                }]),
            }
        }
        Ok(ended)
    }

    /// Sets the timer, which also silences it if it has run out.
    fn arm(&mut self, until: Option<Mono>) -> io::Result<()> {
        if self.armed == until {
            return Ok(());
        }
        let zero = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // A value of 0 would switch it off.
        let nanos = until.map_or(0, |until| until.nanos().max(1));
        let value = libc::itimerspec {
            it_interval: zero,
            it_value: libc::timespec {
                tv_sec: (nanos / 1_000_000_000) as _,
                tv_nsec: (nanos % 1_000_000_000) as _,
            },
        };
        let timer = self.timer.as_raw_fd();
        // SAFETY: `value` is valid for the call; the old value isn't asked for.
        let set = unsafe {
            libc::timerfd_settime(
                timer,
                libc::TFD_TIMER_ABSTIME,
                &raw const value,
                std::ptr::null_mut(),
            )
        };
        checked(set)?;
        self.armed = until;
        Ok(())
    }
}

fn owned(fd: c_int) -> io::Result<OwnedFd> {
    let fd = checked(fd)?;
    // SAFETY: the kernel has just made it and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::clock;

    #[test]
    fn a_call_from_another_thread_ends_a_wait_without_end() {
        let (mut poller, waker) = Poller::new().unwrap();
        let caller = std::thread::spawn(move || waker.wake());
        let ended = poller.wait(None, false, &mut Vec::new()).unwrap();
        assert!(ended.by_call && !ended.by_timer);
        caller.join().unwrap();
    }

    #[test]
    fn a_call_made_before_the_wait_is_not_lost_and_counts_once() {
        let (mut poller, waker) = Poller::new().unwrap();
        waker.wake();
        waker.clone().wake();
        assert!(poller.wait(None, false, &mut Vec::new()).unwrap().by_call);
        assert!(!poller.wait(None, true, &mut Vec::new()).unwrap().by_call);
    }

    #[test]
    fn the_timer_ends_a_wait_not_before_its_time_and_then_is_quiet() {
        let (mut poller, waker) = Poller::new().unwrap();
        for _ in 0..3 {
            let until = clock().mono + Duration::from_millis(2);
            assert!(
                poller
                    .wait(Some(until), false, &mut Vec::new())
                    .unwrap()
                    .by_timer
            );
            assert!(clock().mono >= until);
        }
        waker.wake();
        let ended = poller.wait(None, false, &mut Vec::new()).unwrap();
        assert!(ended.by_call && !ended.by_timer);
    }

    #[test]
    fn a_time_in_the_past_ends_the_wait_at_once() {
        let (mut poller, _waker) = Poller::new().unwrap();
        assert!(
            poller
                .wait(Some(Mono(0)), false, &mut Vec::new())
                .unwrap()
                .by_timer
        );
    }
}
