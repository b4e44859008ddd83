//! Where probes are answered. A responder may move to another port while sessions stand on the
//! one they were told.

use std::fmt;
use std::sync::Arc;

use crate::net::Path;

/// A port and the path behind it. The path is closed when nobody stands on it any more.
#[derive(Clone)]
pub(crate) struct Ground(Arc<Held>);

struct Held {
    path: Path,
    port: u16,
    close: Box<dyn Fn(Path) + Send + Sync>,
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
