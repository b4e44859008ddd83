//! A TWAMP-Control machine of the core on a TCP connection.

use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;
use twamp_core::control::{Client, ClientEvent, ControlError, Server, ServerEvent};
use twamp_core::security::{DerivedKey, KeyDerivation};
use twamp_core::time::Mono;

use super::admission::Probation;
use super::keys::{Deriving, Keys};
use crate::net::clock;

/// What the two control machines have in common.
pub(super) trait Machine {
    /// What it has to tell.
    type Event;
    /// Takes octets; an error is also the last event.
    fn bytes(&mut self, bytes: &[u8], now: Mono) -> Result<(), ControlError>;
    /// Takes notice of the time.
    fn timeout(&mut self, now: Mono);
    /// The peer closed the connection.
    fn closed(&mut self);
    /// Octets to send.
    fn transmit(&mut self) -> Option<Vec<u8>>;
    /// When it wants to be told the time.
    fn deadline(&self) -> Option<Mono>;
    /// The next event.
    fn event(&mut self) -> Option<Self::Event>;
    /// Whether more octets are wanted now.
    fn wants_bytes(&self) -> bool;
    /// Slow work without which it can't go on.
    fn derivation(&mut self) -> Option<KeyDerivation>;
    /// Its result; `None`: it can't be done.
    fn derived(&mut self, key: Option<&DerivedKey>, now: Mono);
}

/// More octets than this on their way out, and no more are read: who takes no answers gets none.
const UNSENT: usize = 16_384;

/// A machine and its connection.
pub(super) struct Conversation<M> {
    pub(super) machine: M,
    stream: TcpStream,
    /// Octets on their way out.
    outbox: Vec<u8>,
    keys: Keys,
    /// Who made the connection; `None`: this end.
    caller: Option<IpAddr>,
    /// Held until the caller has said its part of the set-up.
    probation: Option<Probation>,
    deriving: Option<Deriving>,
    /// The connection is of no more use; the machine knows.
    broken: Option<Break>,
}

/// How a connection came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Break {
    /// The far end closed it: it is there, and has given the sessions up.
    Closed,
    /// Nothing is heard from it any more: the line may be dead, the sessions alive.
    Lost,
}

impl<M: Machine> Conversation<M> {
    /// `caller` is who made the connection, where this end did not.
    pub(super) fn new(machine: M, stream: TcpStream, keys: Keys, caller: Option<IpAddr>) -> Self {
        // The messages are small and each is waited for.
        let _ = stream.set_nodelay(true);
        Self {
            machine,
            stream,
            outbox: Vec::new(),
            keys,
            caller,
            probation: None,
            deriving: None,
            broken: None,
        }
    }

    /// The same, of a caller who is on probation.
    pub(super) fn on_probation(self, probation: Probation) -> Self {
        Self {
            probation: Some(probation),
            ..self
        }
    }

    /// Drives the machine to its next event. May be dropped at any await without loss.
    pub(super) async fn next_event(&mut self) -> M::Event {
        let mut buffer = [0; 2048];
        loop {
            if let Some(event) = self.machine.event() {
                self.probation = None;
                return event;
            }
            if let Some(work) = self.machine.derivation() {
                self.probation = None;
                match self.keys.derive(work, self.caller) {
                    Ok(deriving) => self.deriving = Some(deriving),
                    Err(_) => self.machine.derived(None, clock().mono),
                }
                continue;
            }
            while let Some(octets) = self.machine.transmit() {
                self.outbox.extend(octets);
            }
            let (may_read, may_write) = (
                self.broken.is_none() && self.machine.wants_bytes() && self.outbox.len() < UNSENT,
                self.broken.is_none() && !self.outbox.is_empty(),
            );
            let deadline = self.machine.deadline();
            tokio::select! {
                _ = self.stream.readable(), if may_read => self.read_some(&mut buffer),
                _ = self.stream.writable(), if may_write => self.write_some(),
                key = derived(&mut self.deriving) => {
                    self.deriving = None;
                    self.machine.derived(key.as_ref(), clock().mono);
                }
                () = until(deadline) => self.machine.timeout(clock().mono),
            }
        }
    }

    /// Sends what the machine still has to say, for a second at most.
    pub(super) async fn finish(&mut self) {
        while let Some(octets) = self.machine.transmit() {
            self.outbox.extend(octets);
        }
        let rest = async {
            while !self.outbox.is_empty() && self.broken.is_none() {
                if self.stream.writable().await.is_err() {
                    break;
                }
                self.write_some();
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
    }

    fn read_some(&mut self, buffer: &mut [u8]) {
        match self.stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) => self.give_up(Break::Closed),
            Err(error) => self.give_up(Break::of(&error)),
            // An error is also the machine's last event.
            Ok(octets) => drop(self.machine.bytes(&buffer[..octets], clock().mono)),
        }
    }

    fn write_some(&mut self) {
        match self.stream.try_write(&self.outbox) {
            Ok(octets) => drop(self.outbox.drain(..octets)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.give_up(Break::of(&error)),
        }
    }

    /// How the connection came to its end, if it has.
    pub(super) fn broken(&self) -> Option<Break> {
        self.broken
    }

    fn give_up(&mut self, how: Break) {
        self.broken = Some(how);
        self.machine.closed();
    }
}

impl Break {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Lost,
        }
    }
}

/// The key that is being derived; `None`: it will never come. Waits for ever where none is.
async fn derived(deriving: &mut Option<Deriving>) -> Option<DerivedKey> {
    match deriving {
        Some(deriving) => deriving.await.ok(),
        None => pending().await,
    }
}

async fn until(deadline: Option<Mono>) {
    match deadline {
        Some(deadline) => sleep(deadline.since(clock().mono)).await,
        None => pending().await,
    }
}

macro_rules! machine {
    ($machine:ty, $event:ty, $wants_bytes:expr) => {
        impl Machine for $machine {
            type Event = $event;
            fn bytes(&mut self, bytes: &[u8], now: Mono) -> Result<(), ControlError> {
                self.handle_bytes(bytes, now)
            }
            fn timeout(&mut self, now: Mono) {
                self.handle_timeout(now);
            }
            fn closed(&mut self) {
                self.handle_closed();
            }
            fn transmit(&mut self) -> Option<Vec<u8>> {
                self.poll_transmit()
            }
            fn deadline(&self) -> Option<Mono> {
                self.poll_timeout()
            }
            fn event(&mut self) -> Option<$event> {
                self.poll_event()
            }
            fn wants_bytes(&self) -> bool {
                $wants_bytes(self)
            }
            fn derivation(&mut self) -> Option<KeyDerivation> {
                self.poll_derivation()
            }
            fn derived(&mut self, key: Option<&DerivedKey>, now: Mono) {
                // Refused only where the connection has ended meanwhile.
                let _ = match key {
                    Some(key) => self.key_derived(key, now),
                    None => self.key_refused(),
                };
            }
        }
    };
}

machine!(Client, ClientEvent, |_| true);
machine!(Server, ServerEvent, Server::wants_bytes);
