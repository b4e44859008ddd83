//! Real flows: UDP packets of each class of traffic, each on the line that was chosen for it.
//!
//! ```text
//!  thread flows-send                              thread flows-receive
//!  packet due ─► choose(class, hash, current)     each number of each class counts once
//!                   │                                ▲
//!                   ▼                                │
//!            socket of that line ──► the line ──► socket behind it
//! ```
//!
//! The answer of `choose` is obeyed as the contract wants: *no opinion* and *keep* leave a flow
//! where it is, and a flow that is nowhere yet goes to the first line, the host's own default.

mod class;
mod pace;
mod receive;
mod route;
mod send;
mod tally;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use plugin_abi::host::Choice;

use class::Shared;
pub use route::Move;

/// Which flows, over which lines.
#[derive(Clone, Debug)]
pub struct FlowsConfig {
    /// The lines; the first is the host's own default route.
    pub lines: Vec<FlowLine>,
    /// One flow for each class.
    pub classes: Vec<FlowClass>,
}

/// A line as packets see it. Ports are those of the classes, at every address.
#[derive(Clone, Copy, Debug)]
pub struct FlowLine {
    /// The host's id.
    pub line: u64,
    /// Address that packets leave from.
    pub local: IpAddr,
    /// Address that they are sent to.
    pub remote: IpAddr,
    /// Address behind the line where they arrive.
    pub arrival: IpAddr,
}

/// The flow of one class.
#[derive(Clone, Copy, Debug)]
pub struct FlowClass {
    /// The host's id.
    pub class: u64,
    /// UDP port at both ends, the class's own.
    pub port: u16,
    /// Packets each second, at least 1.
    pub packets_per_second: u32,
    /// UDP payload; at least [`MIN_OCTETS`].
    pub octets: usize,
}

/// What became of one class's packets so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowCounts {
    /// The class.
    pub class: u64,
    /// The line of its newest packet; `None` before the first.
    pub line: Option<u64>,
    /// Packets that the kernel took.
    pub sent: u64,
    /// Distinct packets that arrived.
    pub received: u64,
    /// Packets that have arrived or that a later one has overtaken: those whose fate is known.
    pub expected: u64,
    /// Packets that the kernel refused; no part of `sent`.
    pub refused: u64,
}

/// The smallest payload: it carries a mark, the class and the packet's number.
pub const MIN_OCTETS: usize = tally::HEADER;

/// Flows could not be started.
#[derive(Debug, thiserror::Error)]
pub enum FlowsError {
    /// The configuration can't work.
    #[error("configuration: flows: {0}")]
    Configuration(&'static str),
    /// A socket was refused.
    #[error("local system: flows can't bind {address}: {source}; free the address or take others")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// A thread was refused.
    #[error("local system: flows can't start a thread: {0}")]
    Thread(io::Error),
}

/// Flows that run; they end when stopped or dropped.
#[derive(Debug)]
pub struct Flows {
    shared: Arc<Shared>,
    ending: Arc<Ending>,
    sender: Option<JoinHandle<()>>,
    receiver: Option<JoinHandle<()>>,
}

/// How the threads are told to end: first one, then the other.
#[derive(Debug, Default)]
struct Ending {
    sending: AtomicBool,
    receiving: AtomicBool,
}

impl Flows {
    /// Binds every socket, then starts sending. `choose` is asked for each packet: class, flow
    /// hash, and the line that the flow is on.
    ///
    /// # Errors
    /// [`FlowsError`]; nothing was sent.
    pub fn start(
        config: &FlowsConfig,
        choose: impl Fn(u64, u64, Option<u64>) -> Choice + Send + 'static,
    ) -> Result<Self, FlowsError> {
        config.validate()?;
        let shared = Arc::new(Shared::new(config));
        let ending = Arc::new(Ending::default());
        let receiver = receive::Receiver::bind(config, Arc::clone(&shared))?;
        let sender = send::Sender::bind(config, Arc::clone(&shared), choose)?;
        let mut flows = Self {
            shared,
            ending: Arc::clone(&ending),
            sender: None,
            receiver: None,
        };
        let until = Arc::clone(&ending);
        flows.receiver = Some(spawn("flows-receive", move || {
            receiver.run(&until.receiving);
        })?);
        flows.sender = Some(spawn("flows-send", move || sender.run(&ending.sending))?);
        Ok(flows)
    }

    /// What became of the packets so far, in the order of the configuration.
    #[must_use]
    pub fn counts(&self) -> Vec<FlowCounts> {
        self.shared.counts()
    }

    /// Every time a flow was sent on another line than before, oldest first; the newest 4096.
    #[must_use]
    pub fn moves(&self) -> Vec<Move> {
        self.shared.moves()
    }

    /// Stops sending, and receiving when everything has arrived or after `drain`.
    #[must_use]
    pub fn stop(mut self, drain: Duration) -> Vec<FlowCounts> {
        self.end(drain);
        self.shared.counts()
    }

    fn end(&mut self, drain: Duration) {
        const STEP: Duration = Duration::from_millis(10);
        self.ending.sending.store(true, Ordering::Relaxed);
        join(&mut self.sender);
        let mut left = drain;
        while !left.is_zero() && self.shared.is_awaiting() {
            thread::sleep(STEP.min(left));
            left = left.saturating_sub(STEP);
        }
        self.ending.receiving.store(true, Ordering::Relaxed);
        join(&mut self.receiver);
    }
}

impl Drop for Flows {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

impl FlowsConfig {
    fn validate(&self) -> Result<(), FlowsError> {
        let wrong = if self.lines.is_empty() {
            "no line to send on; name at least one"
        } else if self.classes.iter().any(|c| c.packets_per_second == 0) {
            "0 packets each second; leave the class out instead"
        } else if self.classes.iter().any(|c| c.octets < MIN_OCTETS) {
            "a payload below 24 octets has no room for its number; take more"
        } else {
            return Ok(());
        };
        Err(FlowsError::Configuration(wrong))
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, FlowsError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(FlowsError::Thread)
}

fn join(thread: &mut Option<JoinHandle<()>>) {
    if let Some(thread) = thread.take() {
        // A panic of the thread has been reported by its own hook.
        let _ = thread.join();
    }
}

fn bind(address: IpAddr, port: u16) -> Result<UdpSocket, FlowsError> {
    let address = SocketAddr::new(address, port);
    UdpSocket::bind(address)
        .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
        .map_err(|source| FlowsError::Bind { address, source })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::AtomicU64;
    use std::time::Instant;

    use super::*;

    /// Two lines that are nothing but loopback; the process id keeps other test runs out.
    fn config(index: u8) -> FlowsConfig {
        let block = (std::process::id() % 254) as u8 + 1;
        let address = |host| IpAddr::V4(Ipv4Addr::new(127, block, 200 + index, host));
        let line = |line: u64, host| FlowLine {
            line,
            local: address(host),
            remote: address(host + 1),
            arrival: address(host + 1),
        };
        let class = |class, port, octets| FlowClass {
            class,
            port,
            packets_per_second: 1000,
            octets,
        };
        FlowsConfig {
            lines: vec![line(1, 1), line(2, 3)],
            classes: vec![class(7, 29_007, 160), class(8, 29_008, MIN_OCTETS)],
        }
    }

    fn wait_until(what: &str, done: impl Fn() -> bool) {
        let patience = Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(Instant::now() < patience, "in vain: {what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn flows_follow_the_choice_and_every_packet_is_counted_once() {
        let wanted = Arc::new(AtomicU64::new(2));
        let answer = Arc::clone(&wanted);
        let flows = Flows::start(&config(0), move |class, _, _| match class {
            7 => Choice::Line(answer.load(Ordering::Relaxed)),
            _ => Choice::NoOpinion,
        })
        .unwrap();
        wait_until("packets of both classes", || {
            flows.counts().iter().all(|counts| counts.received >= 20)
        });
        assert_eq!(flows.counts()[0].line, Some(2));
        assert_eq!(flows.counts()[1].line, Some(1), "the host's own default");
        wanted.store(1, Ordering::Relaxed);
        wait_until("the move", || flows.counts()[0].line == Some(1));
        let moves: Vec<_> = flows
            .moves()
            .iter()
            .map(|m| (m.class, m.from, m.to))
            .collect();
        assert_eq!(moves, [(7, Some(2), 1)]);
        for counts in flows.stop(Duration::from_secs(5)) {
            assert_eq!((counts.received, counts.refused), (counts.sent, 0));
        }
    }

    #[test]
    fn an_address_in_use_is_named() {
        let config = config(1);
        let arrival = (config.lines[1].arrival, config.classes[0].port).into();
        let _taken = UdpSocket::bind(arrival).unwrap();
        let error = Flows::start(&config, |_, _, _| Choice::Keep).unwrap_err();
        assert!(matches!(error, FlowsError::Bind { address, .. } if address == arrival));
    }

    #[test]
    fn a_configuration_that_cant_work_is_refused() {
        let refused = |change: fn(&mut FlowsConfig)| {
            let mut config = config(2);
            change(&mut config);
            matches!(
                Flows::start(&config, |_, _, _| Choice::Keep),
                Err(FlowsError::Configuration(_))
            )
        };
        assert!(refused(|config| config.lines.clear()));
        assert!(refused(|config| config.classes[1].packets_per_second = 0));
        assert!(refused(|config| config.classes[1].octets = MIN_OCTETS - 1));
    }
}
