//! The receiving thread: counts distinct packets of each class behind the lines.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::class::Shared;
use super::tally::{Window, read_header};
use super::{FlowsConfig, FlowsError, bind};

pub(super) struct Receiver {
    shared: Arc<Shared>,
    arrivals: Vec<Arrival>,
    /// One a class: a packet is the same on whichever line it comes.
    windows: Vec<Window>,
}

struct Arrival {
    /// Place of the class.
    place: usize,
    class: u64,
    socket: UdpSocket,
}

/// The longest wait: so late the end may be noticed.
const MAX_WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// A larger packet is none of these flows'.
const MAX_OCTETS: usize = 65_536;

impl Receiver {
    pub(super) fn bind(config: &FlowsConfig, shared: Arc<Shared>) -> Result<Self, FlowsError> {
        let mut arrivals = Vec::new();
        for line in &config.lines {
            for (place, class) in config.classes.iter().enumerate() {
                arrivals.push(Arrival {
                    place,
                    class: class.class,
                    socket: bind(line.arrival, class.port)?,
                });
            }
        }
        Ok(Self {
            shared,
            arrivals,
            windows: vec![Window::new(); config.classes.len()],
        })
    }

    /// Receives until told to end.
    pub(super) fn run(mut self, end: &AtomicBool) {
        let mut payload = vec![0; MAX_OCTETS];
        while !end.load(Ordering::Relaxed) {
            for index in self.readable() {
                self.read(index, &mut payload);
            }
        }
    }

    /// Waits for a packet; the places of the sockets that have one.
    fn readable(&self) -> Vec<usize> {
        let watch = |arrival| PollFd::new(arrival, PollFlags::IN);
        let mut watched: Vec<_> = self.arrivals.iter().map(|a| watch(&a.socket)).collect();
        // Interrupted: no socket is marked, and the next round waits again.
        let _ = poll(&mut watched, Some(&MAX_WAIT));
        let ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        (0..watched.len())
            .filter(|&index| ready(&watched[index]))
            .collect()
    }

    fn read(&mut self, index: usize, payload: &mut [u8]) {
        let Arrival {
            place,
            class,
            socket,
        } = &self.arrivals[index];
        let counters = &self.shared.classes[*place];
        loop {
            let octets = match socket.recv(payload) {
                Ok(octets) => octets,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return,
            };
            let sent = counters.sent.load(Ordering::Acquire);
            // A number that wasn't sent yet is a stranger's.
            let number = read_header(&payload[..octets], *class).filter(|&number| number < sent);
            let window = &mut self.windows[*place];
            if number.is_some_and(|number| window.insert(number)) {
                counters
                    .expected
                    .store(window.expected(), Ordering::Release);
                counters.received.fetch_add(1, Ordering::Release);
            }
        }
    }
}
