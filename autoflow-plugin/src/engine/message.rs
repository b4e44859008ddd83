//! What the threads and tasks of an engine tell one another.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use plugin_abi::TwampLineLoad;
use plugin_abi::config::{Answering, Config, Line, Override, Probe, Session};
use plugin_abi::manage::Failure;
use twamp_core::wire::control::Modes;

use super::EngineError;
use super::ends::Site;
use super::measurement::Measurement;
use super::opening::Sender;
use crate::net::{NetError, Path, Waker};
use crate::session::answering::DoorKind;
use crate::session::registry::Id;
use crate::session::target::Target;
use crate::session::{Key, Order, Report};

/// What hosts ask of `twamp-ctl`.
pub(super) enum Wish {
    /// A line is new or has changed.
    Line(Arc<Line>),
    /// A line is gone.
    LineGone(u64),
    /// This is the whole wanted state.
    Apply(Box<Config>),
    /// A line has other roles.
    Roles(Arc<Line>),
    /// These answer by the will of persons.
    Respond(Vec<Answering>),
    /// The host has read the counters of a line.
    Load(TwampLineLoad),
    /// These go before the decisions.
    Override(Vec<Override>),
    /// Start a run.
    Run(Key, Box<Measurement>),
    /// A configured session is new or has changed.
    Session(Id, Arc<Session>),
    /// A configured session is gone.
    SessionGone(Id),
    /// Start a run of it.
    RunSession(Id, Key),
    /// End it early.
    Cancel(Key),
    /// Schedules have changed.
    Reschedule,
    /// End everything.
    Stop,
}

/// What its own tasks tell `twamp-ctl`.
pub(super) enum News {
    /// Something happened in the life of a session.
    Step(Key, Step),
    /// The path of a line's probes is open, or can't be: of those of this class, which are to leave
    /// so.
    Bound(Arc<Line>, u64, Box<Probe>, Result<Sender, NetError>),
    /// A responder's address is bound, or can't be.
    Listening(Site, Result<Target, EngineError>),
    /// Other paths for the probes of a responder are open, or can't be.
    Moved(Site, Result<Vec<(Path, SocketAddr)>, NetError>),
    /// An address on which strangers are answered is bound, or can't be.
    Door(
        (SocketAddr, DoorKind),
        Result<Vec<(Path, SocketAddr)>, NetError>,
    ),
    /// The path of a run, or of a configured session, is open, or can't be.
    Opened(Key, Box<Measurement>, Result<Sender, NetError>),
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

/// What a probe thread tells `twamp-ctl`.
pub(super) enum Told {
    /// What it has seen.
    Report { thread: u16, report: Box<Report> },
    /// It died for the last time.
    Failed(String),
}

/// The ways to the probe threads. A clone is the same.
#[derive(Clone)]
pub(super) struct Orders(Arc<Ways>);

struct Ways {
    /// By thread.
    lanes: Vec<Lane>,
    turn: AtomicUsize,
}

/// The way to one of them.
pub(super) struct Lane {
    queue: mpsc::Sender<Order>,
    waker: Waker,
}

impl Lane {
    pub(super) fn new(queue: mpsc::Sender<Order>, waker: Waker) -> Self {
        Self { queue, waker }
    }
}

impl Orders {
    pub(super) fn new(lanes: Vec<Lane>) -> Self {
        let turn = AtomicUsize::new(0);
        Self(Arc::new(Ways { lanes, turn }))
    }

    /// How many threads there are.
    pub(super) fn threads(&self) -> u16 {
        self.0.lanes.len() as u16
    }

    /// The thread whose turn it is to get a session.
    pub(super) fn next(&self) -> u16 {
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        turn.checked_rem(self.0.lanes.len()).unwrap_or(0) as u16
    }

    /// To the thread that has the path that the order is about.
    pub(super) fn send(&self, order: Order) {
        self.to(order.path().map_or(0, Path::thread), order);
    }

    /// To this one.
    pub(super) fn to(&self, thread: u16, order: Order) {
        if let Some(lane) = self.0.lanes.get(usize::from(thread))
            // Fails only when the thread is gone; then nothing is left to order.
            && lane.queue.send(order).is_ok()
        {
            lane.waker.wake();
        }
    }

    /// To each the same.
    pub(super) fn to_all(&self, order: impl Fn() -> Order) {
        for thread in 0..self.threads() {
            self.to(thread, order());
        }
    }

    /// The report was read. The thread that sent it needn't wake up for that.
    pub(super) fn give_back(&self, thread: u16, report: Box<Report>) {
        if let Some(lane) = self.0.lanes.get(usize::from(thread)) {
            let _ = lane.queue.send(Order::Reuse(report));
        }
    }
}
