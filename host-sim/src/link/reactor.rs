//! The emulator's only thread: reads what has come, sends what is due, sleeps until the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::emulator::{EmulatorError, LineConfig, Shared};
use super::poll::{Poll, Token};
use super::tcp::Relays;
use super::udp::Doors;

/// The thread's own things.
#[derive(Debug)]
pub(super) struct Reactor {
    shared: Arc<Shared>,
    poll: Poll,
    doors: Doors,
    relays: Relays,
}

impl Reactor {
    /// Opens every socket of every line.
    pub(super) fn open(lines: &[LineConfig], shared: Arc<Shared>) -> Result<Self, EmulatorError> {
        let poll = Poll::new(shared.clock, &shared.wake)
            .map_err(|source| EmulatorError::system("setting up epoll and its timer", source))?;
        Ok(Self {
            doors: Doors::open(lines, &poll)?,
            relays: Relays::open(lines, &poll)?,
            shared,
            poll,
        })
    }

    /// Runs until the handle says stop.
    pub(super) fn run(mut self) -> Result<(), EmulatorError> {
        let mut ready = Vec::new();
        let mut next = None;
        loop {
            self.poll
                .wait(next, &mut ready)
                .map_err(|source| EmulatorError::system("waiting for packets", source))?;
            if self.shared.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            next = self.turn(&ready)?;
        }
    }

    /// Serves what is ready; returns when the next packet is due.
    fn turn(&mut self, ready: &[Token]) -> Result<Option<u64>, EmulatorError> {
        let clock = self.shared.clock;
        let mut traffic = self.shared.traffic();
        self.relays
            .follow_holds(&traffic, &self.poll)
            .map_err(|source| EmulatorError::system("holding TCP connections", source))?;
        for &token in ready {
            match token {
                Token::Wake => self.shared.woken(),
                Token::Timer => {}
                Token::Door(index) => self.doors.receive(index, &mut traffic, clock),
                Token::Listener(index) => self.relays.accept(index, &mut traffic, &self.poll),
                Token::Opener(index) | Token::Target(index) => {
                    self.relays.carry(index, &self.poll);
                }
            }
        }
        self.doors.release(&mut traffic, clock);
        Ok(traffic.transit.next_at())
    }
}
