//! The handle of a running emulator.
//!
//! ```text
//!   handle (any thread)                      thread `link-emulator`
//!   set, pause, counts ──► Mutex<Traffic> ◄── epoll ◄── UDP and TCP sockets, timer
//!          └───────────────── eventfd ─────────┘
//! ```

use std::io;
use std::net::SocketAddrV4;
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, eventfd};

use super::addresses::LineAddresses;
use super::clock::Clock;
use super::impairment::{Impairment, ImpairmentError};
use super::kernel_drops;
use super::line::{Direction, Directions, Line};
use super::reactor::Reactor;
use super::report::LineCounts;
use super::script::Event;
use super::traffic::{CarriedLine, Traffic};
use super::transit::Transit;

/// What an emulator is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct EmulatorConfig {
    /// Repeats the decisions.
    pub seed: u64,
    /// The lines, names and addresses unlike one another.
    pub lines: Vec<LineConfig>,
}

/// A line of an emulator.
#[derive(Debug, Clone, PartialEq)]
pub struct LineConfig {
    /// Its name; its draws follow from it.
    pub name: String,
    /// Its four addresses.
    pub addresses: LineAddresses,
    /// The UDP ports packets come from and go to, at either end. Each costs two sockets.
    pub udp_ports: Vec<RangeInclusive<u16>>,
    /// The TCP ports either end may connect to.
    pub tcp_ports: Vec<u16>,
    /// What it does from near to far at the start.
    pub forward: Impairment,
    /// What it does from far to near at the start.
    pub backward: Impairment,
}

/// Why an emulator can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// A line's impairment is out of range.
    #[error("configuration: line `{line}`: {source}")]
    Impairment {
        /// The line.
        line: String,
        /// What is wrong.
        source: ImpairmentError,
    },
    /// Two lines have the same name.
    #[error("configuration: two lines are called `{0}`; names have to differ")]
    DuplicateLine(String),
    /// There is no such line.
    #[error("configuration: there is no line `{0}`")]
    UnknownLine(String),
    /// A socket can't be had.
    #[error(
        "local system: line `{line}` can't have a socket on {address}: {source}; free the port, \
         or raise the limit of open files (`ulimit -n`) if that is it"
    )]
    Bind {
        /// The line.
        line: String,
        /// The address wanted.
        address: SocketAddrV4,
        /// What the kernel says.
        source: io::Error,
    },
    /// The kernel refuses something else.
    #[error("local system: {doing} failed: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the kernel says.
        source: io::Error,
    },
    /// The emulator's thread has panicked: a mistake in the emulator.
    #[error("the emulator's thread has panicked; this is a mistake in the emulator")]
    Panicked,
}

/// A running emulator. Dropping it stops it.
#[derive(Debug)]
pub struct Emulator {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), EmulatorError>>>,
}

/// What the handle and the thread both have.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) stop: AtomicBool,
    pub(super) wake: OwnedFd,
    traffic: Mutex<Traffic>,
}

impl Emulator {
    /// Opens all sockets and starts the thread. When this returns, packets pass.
    ///
    /// # Errors
    /// A wrong configuration, or a socket that can't be had.
    pub fn start(config: EmulatorConfig) -> Result<Self, EmulatorError> {
        let EmulatorConfig { seed, lines } = config;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|source| EmulatorError::system("making an eventfd", source.into()))?;
        let shared = Arc::new(Shared {
            clock: Clock::start(),
            stop: AtomicBool::new(false),
            wake,
            traffic: Mutex::new(Traffic {
                lines: carried_lines(seed, &lines)?,
                transit: Transit::default(),
            }),
        });
        let reactor = Reactor::open(&lines, Arc::clone(&shared))?;
        let thread = std::thread::Builder::new()
            .name("link-emulator".to_owned())
            .spawn(move || reactor.run())
            .map_err(|source| EmulatorError::system("starting a thread", source))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Whether the thread still runs; if not, [`Emulator::stop`] tells why.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }

    /// Nanoseconds since the start: the clock of scripts.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.shared.clock.now()
    }

    /// Replaces a line's impairment for packets read from now on.
    ///
    /// # Errors
    /// No such line, or a number out of range; nothing is changed.
    pub fn set(
        &self,
        line: &str,
        directions: impl Into<Directions>,
        impairment: &Impairment,
    ) -> Result<(), EmulatorError> {
        let mut traffic = self.shared.traffic();
        let index = traffic.find(line)?;
        // Under the lock: the line's clock must not run backwards.
        let now = self.now();
        traffic.lines[index]
            .line
            .set(now, directions.into(), impairment)
            .map_err(|source| EmulatorError::impairment(line, source))?;
        drop(traffic);
        self.shared.wake();
        Ok(())
    }

    /// Does what an event of a script says, now.
    ///
    /// # Errors
    /// Those of [`Emulator::set`].
    pub fn apply(&self, event: &Event) -> Result<(), EmulatorError> {
        self.set(&event.line, event.direction, &event.set)
    }

    /// The impairment in force in a direction of a line.
    ///
    /// # Errors
    /// No such line.
    pub fn impairment(
        &self,
        line: &str,
        direction: Direction,
    ) -> Result<Impairment, EmulatorError> {
        let traffic = self.shared.traffic();
        let index = traffic.find(line)?;
        Ok(*traffic.lines[index].line.one_way(direction).impairment())
    }

    /// Pauses a line: packets go in and are decided about, but none comes out, and TCP waits.
    /// Nothing is lost by it.
    ///
    /// # Errors
    /// No such line.
    pub fn pause(&self, line: &str) -> Result<(), EmulatorError> {
        self.set_paused(line, true)
    }

    /// Ends a line's pause: what became due meanwhile comes out at once, in order.
    ///
    /// # Errors
    /// No such line.
    pub fn resume(&self, line: &str) -> Result<(), EmulatorError> {
        self.set_paused(line, false)
    }

    fn set_paused(&self, line: &str, paused: bool) -> Result<(), EmulatorError> {
        let mut traffic = self.shared.traffic();
        let index = traffic.find(line)?;
        traffic.lines[index].paused = paused;
        if !paused {
            let now = self.now();
            traffic.transit.resume(index, now);
        }
        drop(traffic);
        self.shared.wake();
        Ok(())
    }

    /// What was done so far, in the order of the configuration.
    #[must_use]
    pub fn counts(&self) -> Vec<LineCounts> {
        // Read before locking: the kernel may take its time.
        let kernel_drops = kernel_drops::by_address();
        let drops_at = |address| {
            let drops = kernel_drops.as_ref()?;
            Some(drops.get(&address).copied().unwrap_or(0))
        };
        let report = |carried: &CarriedLine| {
            let mut counts = carried.report();
            let entrance = |direction| carried.addresses.entrance(direction);
            counts.forward.kernel_drops = drops_at(entrance(Direction::Forward));
            counts.backward.kernel_drops = drops_at(entrance(Direction::Backward));
            counts
        };
        self.shared.traffic().lines.iter().map(report).collect()
    }

    /// Packets on their way through the lines, those on paused lines included. Packets in the
    /// kernel's socket buffers are not yet or no longer counted.
    #[must_use]
    pub fn in_transit(&self) -> usize {
        self.shared.traffic().transit.len()
    }

    /// Whether nothing is on its way: wait for this before comparing counts of both ends.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_transit() == 0
    }

    /// Stops the thread and closes every socket; packets on their way are gone. Returns the last
    /// counts.
    ///
    /// # Errors
    /// Why the thread ended before it was told to.
    pub fn stop(mut self) -> Result<Vec<LineCounts>, EmulatorError> {
        // The kernel forgets a socket's drops when it is closed.
        let before_closing = self.counts();
        self.join()?;
        let mut counts = self.counts();
        for (line, before) in counts.iter_mut().zip(before_closing) {
            line.forward.kernel_drops = before.forward.kernel_drops;
            line.backward.kernel_drops = before.backward.kernel_drops;
        }
        Ok(counts)
    }

    fn join(&mut self) -> Result<(), EmulatorError> {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake();
        match self.thread.take() {
            Some(thread) => thread.join().map_err(|_| EmulatorError::Panicked)?,
            None => Ok(()),
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Who wants to know why it ended calls `stop`.
        let _ = self.join();
    }
}

impl Shared {
    pub(super) fn traffic(&self) -> MutexGuard<'_, Traffic> {
        // Counts stay meaningful after a panic; `stop` tells of it.
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the thread look around.
    fn wake(&self) {
        // It fails only when the counter is full, and then the thread is being woken.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// The thread has looked around.
    pub(super) fn woken(&self) {
        // It fails only when the counter is zero, which is what is wanted.
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }
}

impl Traffic {
    fn find(&self, name: &str) -> Result<usize, EmulatorError> {
        self.lines
            .iter()
            .position(|carried| carried.name == name)
            .ok_or_else(|| EmulatorError::UnknownLine(name.to_owned()))
    }
}

impl EmulatorError {
    pub(super) fn bind(config: &LineConfig, address: SocketAddrV4, source: io::Error) -> Self {
        Self::Bind {
            line: config.name.clone(),
            address,
            source,
        }
    }

    pub(super) fn system(doing: &'static str, source: io::Error) -> Self {
        Self::System { doing, source }
    }

    fn impairment(line: &str, source: ImpairmentError) -> Self {
        Self::Impairment {
            line: line.to_owned(),
            source,
        }
    }
}

fn carried_lines(seed: u64, configs: &[LineConfig]) -> Result<Vec<CarriedLine>, EmulatorError> {
    let mut lines: Vec<CarriedLine> = Vec::with_capacity(configs.len());
    for line in configs {
        if lines.iter().any(|other| other.name == line.name) {
            return Err(EmulatorError::DuplicateLine(line.name.clone()));
        }
        let decides = Line::new(seed, &line.name, &line.forward, &line.backward)
            .map_err(|source| EmulatorError::impairment(&line.name, source))?;
        lines.push(CarriedLine::new(line.name.clone(), line.addresses, decides));
    }
    Ok(lines)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// A line for one test: no other test, and hardly another process, uses its addresses.
    pub(in super::super) fn line(test: u8, both: Impairment) -> LineConfig {
        LineConfig {
            name: format!("line {test}"),
            addresses: LineAddresses::loopback(64 + (std::process::id() % 128) as u8, test),
            udp_ports: vec![17_000..=17_003],
            tcp_ports: vec![17_100],
            forward: both,
            backward: both,
        }
    }

    pub(in super::super) fn start(line: &LineConfig) -> Emulator {
        Emulator::start(EmulatorConfig {
            seed: 1,
            lines: vec![line.clone()],
        })
        .unwrap()
    }

    /// Waits for something that has to happen; the time only ends a test that hangs.
    pub(in super::super) fn wait_until(mut happened: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !happened() {
            assert!(Instant::now() < end, "it never happened");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn names_have_to_differ_and_to_be_known() {
        let one = line(1, Impairment::default());
        let twice = Emulator::start(EmulatorConfig {
            seed: 1,
            lines: vec![one.clone(), one.clone()],
        });
        assert!(matches!(twice, Err(EmulatorError::DuplicateLine(_))));
        let emulator = start(&one);
        assert!(matches!(
            emulator.set("no such", Directions::Both, &Impairment::default()),
            Err(EmulatorError::UnknownLine(_))
        ));
        assert!(matches!(
            emulator.pause("no such"),
            Err(EmulatorError::UnknownLine(_))
        ));
    }

    #[test]
    fn a_wrong_impairment_is_refused_at_the_start_and_later() {
        let wrong = Impairment::delay(-1.0);
        let refused = Emulator::start(EmulatorConfig {
            seed: 1,
            lines: vec![line(2, wrong)],
        });
        assert!(matches!(refused, Err(EmulatorError::Impairment { .. })));
        let right = line(2, Impairment::delay(3.0));
        let emulator = start(&right);
        assert!(
            emulator
                .set(&right.name, Direction::Forward, &wrong)
                .is_err()
        );
        let kept = emulator
            .impairment(&right.name, Direction::Forward)
            .unwrap();
        assert_eq!(kept, right.forward);
    }

    #[test]
    fn a_taken_port_is_named_and_a_stopped_emulator_frees_its_own() {
        let one = line(3, Impairment::default());
        let first = start(&one);
        let second = Emulator::start(EmulatorConfig {
            seed: 1,
            lines: vec![one.clone()],
        });
        let message = second.unwrap_err().to_string();
        let address = format!("{}:17000", one.addresses.near_side);
        assert!(message.contains(&address), "{message}");
        assert!(first.is_running());
        assert_eq!(first.stop().unwrap().len(), 1);
        drop(start(&one));
        drop(start(&one));
    }

    #[test]
    fn an_event_of_a_script_is_applied() {
        let one = line(4, Impairment::default());
        let emulator = start(&one);
        let event = Event {
            at_s: 0.0,
            every_s: None,
            until_s: None,
            line: one.name.clone(),
            direction: Directions::Backward,
            set: Impairment::blackout(),
            says: "the way back breaks".to_owned(),
        };
        emulator.apply(&event).unwrap();
        let impairment = |direction| emulator.impairment(&one.name, direction).unwrap();
        assert!(impairment(Direction::Backward).blackout);
        assert!(!impairment(Direction::Forward).blackout);
    }
}
