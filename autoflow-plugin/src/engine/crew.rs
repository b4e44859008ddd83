//! The probe threads `twamp-io/n`: each has sockets and sessions of its own. They are one crew:
//! what must be known of the others is in their networks and desks, not in orders.

use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use plugin_abi::config::{Io, Policy};
use tokio::sync::mpsc::UnboundedSender;

use super::EngineError;
use super::message::{Lane, Orders, Told};
use super::paths::Paths;
use super::probing::{self, Teller};
use crate::log;
use crate::net::{
    Net, NetError, Path, clock, pin, run_in_real_time, take_short_turns, with_signals_blocked,
};
use crate::session::Order;
use crate::session::answering::Door;
use crate::session::credentials::Credentials;
use crate::session::probes::Probes;

/// Probe threads that have not started.
pub(super) struct Crew {
    io: Io,
    /// By thread, as everything here.
    pub(super) paths: Vec<Paths>,
    received: Vec<Receiver<Order>>,
    orders: Orders,
}

impl Crew {
    /// Without paths and sessions.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(super) fn new(io: &Io) -> Result<Self, EngineError> {
        let failed = |source: NetError| EngineError::Path {
            what: "the probe threads".into(),
            source,
        };
        let (net, waker) = Net::new().map_err(failed)?;
        let mut paths = vec![Paths::new(net)];
        let mut wakers = vec![waker];
        for thread in 1..io.threads {
            let (beside, waker) = paths[0].beside(thread, io.threads).map_err(failed)?;
            paths.push(beside);
            wakers.push(waker);
        }
        let (lanes, received) = wakers
            .into_iter()
            .map(|waker| {
                let (queue, received) = channel();
                (Lane::new(queue, waker), received)
            })
            .unzip();
        Ok(Self {
            io: io.clone(),
            paths,
            received,
            orders: Orders::new(lanes),
        })
    }

    /// The way to them.
    pub(super) fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// Starts all of them, or none. `probes` are those of the first.
    ///
    /// # Errors
    /// A thread can't be had, or not on the CPU and under the policy that the configuration wishes.
    pub(super) fn start(
        self,
        probes: Probes,
        credentials: &Credentials,
        doors: &[(Path, Door)],
        log: &log::Queue,
        tell: &UnboundedSender<Told>,
    ) -> Result<Vec<JoinHandle<()>>, EngineError> {
        let Self {
            io,
            paths,
            received,
            orders,
        } = self;
        let others = (1..io.threads).map(|thread| probes.beside(thread, io.threads));
        let others: Vec<_> = others.collect();
        let mut all = vec![probes];
        all.extend(others);
        // Before the threads: what comes as soon as a port is bound is answered, unless it is from
        // one of our own, whichever thread's.
        for probes in &mut all {
            probes.order(Order::Accept(credentials.clone()), clock());
        }
        for &(path, door) in doors {
            all[usize::from(path.thread())].order(Order::ReflectAll { path, door }, clock());
        }
        let all = all.into_iter().zip(paths).zip(received);
        let mut started = Vec::new();
        for (thread, ((probes, paths), received)) in (0..).zip(all) {
            let (log, io) = (log.clone(), io.clone());
            let teller = Teller::new(thread, tell.clone());
            let start = move || {
                let _log = log::enter(&log);
                probing::run(paths, probes, &received, &teller);
            };
            match spawn(thread, io, start) {
                Ok(handle) => started.push(handle),
                Err(error) => {
                    dismiss(&orders, started);
                    return Err(error);
                }
            }
        }
        Ok(started)
    }
}

/// Ends threads that nobody has told of anything yet.
pub(super) fn dismiss(orders: &Orders, threads: Vec<JoinHandle<()>>) {
    orders.to_all(|| Order::Quit);
    for thread in threads {
        // A panic in a thread has been caught and counted there.
        let _ = thread.join();
    }
}

/// Starts a thread, and waits until it runs as it should.
fn spawn(
    thread: u16,
    io: Io,
    start: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, EngineError> {
    let (answer, answered) = channel();
    let spawned = with_signals_blocked(|| {
        thread::Builder::new()
            .name(format!("twamp-io/{thread}"))
            .spawn(move || {
                let settled = settle(&io, thread);
                let good = settled.is_ok();
                let _ = answer.send(settled);
                if good {
                    start();
                }
            })
    });
    let failed = |source| EngineError::System {
        action: "start a thread",
        source,
    };
    let handle = spawned.map_err(failed)?;
    match answered.recv() {
        Ok(Ok(())) => Ok(handle),
        Ok(Err(error)) => {
            let _ = handle.join();
            Err(error)
        }
        Err(_) => Err(failed(std::io::Error::other("it died at once"))),
    }
}

/// Puts the calling thread where the configuration wishes it to be.
fn settle(io: &Io, thread: u16) -> Result<(), EngineError> {
    if let Some(place) = usize::from(thread).checked_rem(io.cpus.len()) {
        let cpu = io.cpus[place];
        pin(cpu).map_err(|source| EngineError::pinned(thread, cpu, source))?;
    }
    let priority = io.priority.unwrap_or(1);
    let done = match io.policy {
        Policy::Normal => {
            take_short_turns();
            Ok(())
        }
        Policy::Fifo => run_in_real_time(false, priority),
        Policy::RoundRobin => run_in_real_time(true, priority),
    };
    done.map_err(|source| EngineError::policy(thread, io.policy.name(), priority, source))
}
