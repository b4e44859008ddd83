//! What the threads and tasks of an engine tell one another.

use std::net::SocketAddr;
use std::sync::mpsc;

use plugin_abi::config::{Config, Line};
use plugin_abi::manage::{Failure, RunRequest};
use twamp_core::wire::control::Modes;

use super::EngineError;
use super::ends::Site;
use super::opening::Sender;
use crate::net::{NetError, Path, Waker};
use crate::session::answering::DoorKind;
use crate::session::target::Target;
use crate::session::{Key, Order, Report};

/// What hosts ask of `twamp-ctl`.
pub(super) enum Wish {
    /// A line is new or has changed.
    Line(Box<Line>),
    /// A line is gone.
    LineGone(u64),
    /// This is the whole wanted state.
    Apply(Box<Config>),
    /// Start a run.
    Run(Key, Box<RunRequest>),
    /// End it early.
    Cancel(Key),
    /// End everything.
    Stop,
}

/// What its own tasks tell `twamp-ctl`.
pub(super) enum News {
    /// Something happened in the life of a session.
    Step(Key, Step),
    /// A line's path is open, or can't be.
    Bound(Box<Line>, Result<Sender, NetError>),
    /// A responder's address is bound, or can't be.
    Listening(Site, Result<Target, EngineError>),
    /// Another path for the probes of a responder is open, or can't be.
    Moved(Site, Result<(Path, SocketAddr), NetError>),
    /// An address on which strangers are answered is bound, or can't be.
    Door((SocketAddr, DoorKind), Result<(Path, SocketAddr), NetError>),
    /// A run's path is open, or can't be.
    RunBound(Key, Box<RunRequest>, Result<(Path, SocketAddr), NetError>),
}

/// What happens in the life of a session.
pub(super) enum Step {
    /// Probes flow.
    Running {
        /// What was agreed on.
        features: Modes,
        /// What the far end offers and refuses.
        refused: Modes,
    },
    /// The far end gave up or refuses; for a line it is tried again.
    Trouble(Failure),
    /// It is over; with a failure if it never ran.
    Ended(Option<Failure>),
}

/// What the probe thread tells `twamp-ctl`.
pub(super) enum Told {
    /// What it has seen.
    Report(Box<Report>),
    /// It died for the last time.
    Failed(String),
}

/// The way to the probe thread.
#[derive(Clone)]
pub(super) struct Orders {
    queue: mpsc::Sender<Order>,
    waker: Waker,
}

impl Orders {
    pub(super) fn new(queue: mpsc::Sender<Order>, waker: Waker) -> Self {
        Self { queue, waker }
    }

    /// The report was read. The probe thread needn't wake up for it.
    pub(super) fn give_back(&self, report: Box<Report>) {
        let _ = self.queue.send(Order::Reuse(report));
    }

    pub(super) fn send(&self, order: Order) {
        // Fails only when the thread is gone; then nothing is left to order.
        if self.queue.send(order).is_ok() {
            self.waker.wake();
        }
    }
}
