//! Sleeping until something happens: a packet, a stamp, a time, or a call from another thread.
//!
//! One `epoll` with an `eventfd` for calls and a `timerfd` for the time. The timer is absolute and
//! counts `CLOCK_BOOTTIME`, as the engine does, so it is right across a suspend; it is as sharp as
//! `epoll_pwait2`, knows no timer slack, and is there on every kernel. Without a time to wait for,
//! nothing wakes the thread.
//!
//! Beside it there is a second `epoll` for files that may wait a little. The first one watches it,
//! but for times of patience: then what happens there wakes nobody, and is found at the next
//! occasion.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use libc::c_int;
use twamp_core::time::Mono;

/// Events of one call, at most; more come with the next.
const EVENTS: usize = 128;
const TIMER: u64 = u64::MAX;
const CALL: u64 = u64::MAX - 1;
const PATIENT: u64 = u64::MAX - 2;

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

/// How soon a watched file is to be looked after.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Urgency {
    /// At once.
    Prompt,
    /// A patient wait may end before.
    Patient,
}

/// How to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wait {
    /// Until something happens.
    Alert,
    /// Until something happens that is urgent.
    Patient,
    /// Not at all: only look.
    Look,
}

pub(super) struct Poller {
    epoll: OwnedFd,
    /// Of the patient ones.
    patient: OwnedFd,
    /// How many those are.
    patients: usize,
    /// What happens there ends a wait.
    alert: bool,
    timer: OwnedFd,
    bell: Arc<File>,
    /// What the timer is set to.
    armed: Option<Mono>,
}

impl Poller {
    pub(super) fn new() -> io::Result<(Poller, Waker)> {
        // SAFETY: no pointers; the result is checked.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: as above.
        let patient = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: no pointers; the result is checked.
        let timer = owned(unsafe { libc::timerfd_create(libc::CLOCK_BOOTTIME, flags) })?;
        // SAFETY: no pointers; the result is checked.
        let bell = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let bell = Arc::new(File::from(bell));
        let poller = Poller {
            epoll,
            patient,
            patients: 0,
            alert: true,
            timer,
            bell: Arc::clone(&bell),
            armed: None,
        };
        let (add, read) = (libc::EPOLL_CTL_ADD, libc::EPOLLIN as u32);
        let own = [
            (poller.timer.as_fd(), TIMER),
            (poller.bell.as_fd(), CALL),
            (poller.patient.as_fd(), PATIENT),
        ];
        for (file, key) in own {
            control(&poller.epoll, add, file, read, key)?;
        }
        Ok((poller, Waker { bell }))
    }

    /// Watches a file; `key` names it in [`Ready`] (the three highest keys are taken).
    pub(super) fn watch(
        &mut self,
        file: BorrowedFd<'_>,
        key: u64,
        urgency: Urgency,
    ) -> io::Result<()> {
        let epoll = self.epoll_of(urgency);
        // Errors are always watched.
        control(epoll, libc::EPOLL_CTL_ADD, file, libc::EPOLLIN as u32, key)?;
        self.patients += usize::from(urgency == Urgency::Patient);
        Ok(())
    }

    /// Stops watching. Closing the file isn't enough if the host kept a duplicate.
    pub(super) fn forget(&mut self, file: BorrowedFd<'_>, urgency: Urgency) {
        let epoll = self.epoll_of(urgency);
        let gone = control(epoll, libc::EPOLL_CTL_DEL, file, 0, 0).is_ok();
        self.patients -= usize::from(gone && urgency == Urgency::Patient);
    }

    /// Sleeps until something is ready, a call comes, or `until` is reached (`None`: no end).
    /// Adds to `ready`.
    pub(super) fn wait(
        &mut self,
        until: Option<Mono>,
        how: Wait,
        ready: &mut impl Extend<Ready>,
    ) -> io::Result<Ended> {
        if how != Wait::Look {
            self.arm(until)?;
        }
        if how != Wait::Look && self.patients > 0 {
            self.listen(how == Wait::Alert)?;
        }
        let timeout = if how == Wait::Look { 0 } else { -1 };
        let mut ended = Ended::default();
        let bell = &self.bell;
        collect(&self.epoll, timeout, |event| match event.u64 {
            TIMER => ended.by_timer = true,
            CALL => {
                ended.by_call = true;
                let _ = (&**bell).read(&mut [0; 8]);
            }
            PATIENT => {}
            _ => ready.extend([Ready::from(event)]),
        })?;
        if self.patients > 0 {
            collect(&self.patient, 0, |event| ready.extend([Ready::from(event)]))?;
        }
        Ok(ended)
    }

    fn epoll_of(&self, urgency: Urgency) -> &OwnedFd {
        match urgency {
            Urgency::Prompt => &self.epoll,
            Urgency::Patient => &self.patient,
        }
    }

    /// Whether what happens at the patient files ends a wait.
    fn listen(&mut self, alert: bool) -> io::Result<()> {
        if self.alert != alert {
            let events = if alert { libc::EPOLLIN as u32 } else { 0 };
            let (what, file) = (libc::EPOLL_CTL_MOD, self.patient.as_fd());
            control(&self.epoll, what, file, events, PATIENT)?;
            self.alert = alert;
        }
        Ok(())
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

impl From<libc::epoll_event> for Ready {
    fn from(event: libc::epoll_event) -> Self {
        Self {
            key: event.u64,
            readable: event.events & libc::EPOLLIN as u32 != 0,
            failing: event.events & libc::EPOLLERR as u32 != 0,
        }
    }
}

fn control(
    epoll: &OwnedFd,
    what: c_int,
    file: BorrowedFd<'_>,
    events: u32,
    key: u64,
) -> io::Result<()> {
    let mut event = libc::epoll_event { events, u64: key };
    let (epoll, file) = (epoll.as_raw_fd(), file.as_raw_fd());
    // SAFETY: both descriptors are open while borrowed; `event` is valid for the call.
    checked(unsafe { libc::epoll_ctl(epoll, what, file, &raw mut event) }).map(drop)
}

/// Waits for so long, in milliseconds (-1: without end), and takes what has happened.
fn collect(
    epoll: &OwnedFd,
    timeout: c_int,
    mut take: impl FnMut(libc::epoll_event),
) -> io::Result<()> {
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let (epoll, room) = (epoll.as_raw_fd(), EVENTS as c_int);
    // SAFETY: `events` has room for the `EVENTS` entries promised.
    let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), room, timeout) };
    match checked(count) {
        Ok(count) => events[..count as usize]
            .iter()
            .for_each(|event| take(*event)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
    }
    Ok(())
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
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;
    use crate::net::clock;

    #[test]
    fn a_call_from_another_thread_ends_a_wait_without_end() {
        let (mut poller, waker) = Poller::new().unwrap();
        let caller = std::thread::spawn(move || waker.wake());
        let ended = poller.wait(None, Wait::Alert, &mut Vec::new()).unwrap();
        assert!(ended.by_call && !ended.by_timer);
        caller.join().unwrap();
    }

    #[test]
    fn a_call_made_before_the_wait_is_not_lost_and_counts_once() {
        let (mut poller, waker) = Poller::new().unwrap();
        waker.wake();
        waker.clone().wake();
        assert!(
            poller
                .wait(None, Wait::Alert, &mut Vec::new())
                .unwrap()
                .by_call
        );
        assert!(
            !poller
                .wait(None, Wait::Look, &mut Vec::new())
                .unwrap()
                .by_call
        );
    }

    #[test]
    fn the_timer_ends_a_wait_not_before_its_time_and_then_is_quiet() {
        let (mut poller, waker) = Poller::new().unwrap();
        for _ in 0..3 {
            let until = clock().mono + Duration::from_millis(2);
            assert!(
                poller
                    .wait(Some(until), Wait::Alert, &mut Vec::new())
                    .unwrap()
                    .by_timer
            );
            assert!(clock().mono >= until);
        }
        waker.wake();
        let ended = poller.wait(None, Wait::Alert, &mut Vec::new()).unwrap();
        assert!(ended.by_call && !ended.by_timer);
    }

    #[test]
    fn a_time_in_the_past_ends_the_wait_at_once() {
        let (mut poller, _waker) = Poller::new().unwrap();
        assert!(
            poller
                .wait(Some(Mono(0)), Wait::Alert, &mut Vec::new())
                .unwrap()
                .by_timer
        );
    }

    #[test]
    fn a_patient_wait_is_ended_by_no_patient_file_and_finds_it_nevertheless() {
        let (mut poller, waker) = Poller::new().unwrap();
        let [near, far] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        poller.watch(far.as_fd(), 7, Urgency::Patient).unwrap();
        near.send_to(&[1], far.local_addr().unwrap()).unwrap();
        let mut found = |how| {
            let until = clock().mono + Duration::from_millis(5);
            let mut ready = Vec::new();
            let ended = poller.wait(Some(until), how, &mut ready).unwrap();
            (ended.by_timer, ready.first().map(|ready| ready.key))
        };
        assert_eq!(found(Wait::Patient), (true, Some(7)));
        assert_eq!(found(Wait::Alert), (false, Some(7)));
        assert_eq!(found(Wait::Look), (false, Some(7)));
        waker.wake();
        assert_eq!(found(Wait::Patient), (false, Some(7)), "a call ends it");
    }
}
