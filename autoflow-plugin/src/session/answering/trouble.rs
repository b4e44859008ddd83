//! What this host itself has kept from being answered: no fault of a line.

use std::time::Duration;

use plugin_abi::manage::ResponderLimited;

use super::by_path::ByPath;
use crate::net::Path;

#[derive(Default)]
pub(super) struct Trouble {
    /// Packets that had no room, by the path that they came on.
    overflows: ByPath<u64>,
    /// How long this thread was held up.
    held_up: Duration,
}

impl Trouble {
    /// Packets had no room.
    pub(super) fn overflow(&mut self, path: Path, packets: u32) {
        let before = self.overflows.get(path).copied().unwrap_or(0);
        self.overflows.insert(path, before + u64::from(packets));
    }

    /// This thread stood still.
    pub(super) fn held_up(&mut self, span: Duration) {
        self.held_up += span;
    }

    /// A path is closed.
    pub(super) fn forget(&mut self, path: Path) {
        self.overflows.remove(path);
    }

    /// Up to now, for sessions on this path.
    pub(super) fn on(&self, path: Path) -> ResponderLimited {
        ResponderLimited {
            packets: self.overflows.get(path).copied().unwrap_or(0),
            held_up_ms: self.held_up.as_secs_f64() * 1e3,
        }
    }
}
