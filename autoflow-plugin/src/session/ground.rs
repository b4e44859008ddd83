//! Where probes are answered: each probe thread has a port of its own. A responder may move to other
//! ports while sessions stand on the one they were told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::net::Path;

/// Those on which a responder puts its new sessions, one thread's after the other's.
#[derive(Debug)]
pub(crate) struct Grounds {
    all: Vec<Ground>,
    turn: AtomicUsize,
}

/// A port and the path behind it. The path is closed when nobody stands on it any more.
#[derive(Clone)]
pub(crate) struct Ground(Arc<Held>);

struct Held {
    path: Path,
    port: u16,
    close: Box<dyn Fn(Path) + Send + Sync>,
}

impl Grounds {
    /// `first` is the place of the next session's, counted round: responders with a session each
    /// need not put all of them on one thread.
    pub(crate) fn new(all: Vec<Ground>, first: u16) -> Self {
        let turn = AtomicUsize::new(first.into());
        Self { all, turn }
    }

    /// That of the next session; `None` if there is none at all.
    pub(crate) fn next(&self) -> Option<Ground> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let place = turn.checked_rem(self.all.len())?;
        self.all.get(place).cloned()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Ground> {
        self.all.iter()
    }
}

impl Ground {
    /// `path`, which is bound to `port`; `close` has it closed.
    pub(crate) fn new(path: Path, port: u16, close: impl Fn(Path) + Send + Sync + 'static) -> Self {
        let close = Box::new(close);
        Self(Arc::new(Held { path, port, close }))
    }

    pub(crate) fn path(&self) -> Path {
        self.0.path
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ground").field(&self.0.port).finish()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        (self.close)(self.path);
    }
}
