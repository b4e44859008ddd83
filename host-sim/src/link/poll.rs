//! What the emulator's thread waits for.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::clock::Clock;

/// Whose readiness an event tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// The handle has something to say.
    Wake,
    /// A packet is due.
    Timer,
    /// A UDP socket, by its index.
    Door(usize),
    /// A TCP listener, by its index.
    Listener(usize),
    /// The end of a TCP relay that opened the connection, by the relay's index.
    Opener(usize),
    /// The end of a TCP relay that the connection goes to, by the relay's index.
    Target(usize),
}

/// An epoll set with a timer of nanoseconds.
#[derive(Debug)]
pub(super) struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
    clock: Clock,
    /// What the timer is set to.
    alarm: Option<u64>,
}

/// Events taken in one go.
const EVENTS: usize = 256;

/// So close to a packet's time, looking again is more exact than sleeping.
const TOO_SHORT_TO_SLEEP_NS: u64 = 30_000;

const ZERO: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

impl Poll {
    /// A set that tells the time by `clock` and can be woken by `wake`.
    pub(super) fn new(clock: Clock, wake: &OwnedFd) -> io::Result<Self> {
        // A time-out of epoll would be rounded to milliseconds; a timer in the set isn't, nor does
        // the thread's timer slack apply to it.
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let poll = Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            timer: timerfd_create(TimerfdClockId::Monotonic, flags)?,
            clock,
            alarm: None,
        };
        poll.add(&poll.timer, Token::Timer, EventFlags::IN)?;
        poll.add(wake, Token::Wake, EventFlags::IN)?;
        Ok(poll)
    }

    /// Watches something new.
    pub(super) fn add(&self, fd: impl AsFd, token: Token, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, token.into(), interest)?)
    }

    /// Watches for something else.
    pub(super) fn modify(
        &self,
        fd: impl AsFd,
        token: Token,
        interest: EventFlags,
    ) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, token.into(), interest)?)
    }

    /// Watches no longer, not even for errors.
    pub(super) fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits until something is ready or the time is `until`. `ready` becomes what is ready.
    pub(super) fn wait(&mut self, until: Option<u64>, ready: &mut Vec<Token>) -> io::Result<()> {
        let soon = self.clock.now() + TOO_SHORT_TO_SLEEP_NS;
        let timeout = if until.is_some_and(|at| at <= soon) {
            Some(&ZERO)
        } else {
            self.set_alarm(until)?;
            None
        };
        ready.clear();
        let mut events = [const { MaybeUninit::<Event>::uninit() }; EVENTS];
        match epoll::wait(&self.epoll, &mut events, timeout) {
            Ok((events, _)) => ready.extend(events.iter().map(|event| Token::from(event.data))),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Setting the timer, also to never, takes back that it went off. An alarm that has gone off is
    /// never wanted again: its time has passed, and `wait` doesn't sleep for that.
    fn set_alarm(&mut self, at: Option<u64>) -> io::Result<()> {
        if at != self.alarm {
            let setting = Itimerspec {
                it_interval: ZERO,
                it_value: at.map_or(ZERO, |at| self.clock.kernel_time(at)),
            };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &setting)?;
            self.alarm = at;
        }
        Ok(())
    }
}

/// An index above a kind of three bits.
impl From<Token> for EventData {
    fn from(token: Token) -> Self {
        let (kind, index) = match token {
            Token::Wake => (0, 0),
            Token::Timer => (1, 0),
            Token::Door(index) => (2, index),
            Token::Listener(index) => (3, index),
            Token::Opener(index) => (4, index),
            Token::Target(index) => (5, index),
        };
        EventData::new_u64((index as u64) << 3 | kind)
    }
}

impl From<EventData> for Token {
    fn from(data: EventData) -> Self {
        let index = (data.u64() >> 3) as usize;
        match data.u64() & 7 {
            1 => Token::Timer,
            2 => Token::Door(index),
            3 => Token::Listener(index),
            4 => Token::Opener(index),
            5 => Token::Target(index),
            // Waking up for nothing does no harm.
            _ => Token::Wake,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{EventfdFlags, eventfd};

    use super::*;

    #[test]
    fn an_alarm_goes_off_once() {
        let wake = eventfd(0, EventfdFlags::NONBLOCK).unwrap();
        let clock = Clock::start();
        let mut poll = Poll::new(clock, &wake).unwrap();
        let mut ready = Vec::new();
        let at = clock.now() + 1_000_000;
        while clock.now() < at {
            poll.wait(Some(at), &mut ready).unwrap();
        }
        rustix::io::write(&wake, &1_u64.to_ne_bytes()).unwrap();
        poll.wait(None, &mut ready).unwrap();
        assert_eq!(ready, [Token::Wake]);
    }

    #[test]
    fn a_token_survives_the_kernel() {
        for token in [
            Token::Wake,
            Token::Timer,
            Token::Door(0),
            Token::Listener(1),
            Token::Opener(2),
            Token::Target(70_000),
        ] {
            assert_eq!(Token::from(EventData::from(token)), token);
        }
    }
}
