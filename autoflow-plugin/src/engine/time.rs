//! Whose clock an engine goes by.

use std::sync::atomic::{AtomicU64, Ordering};

use plugin_abi::config::Clock;
use twamp_core::time::{Mono, Now, Wall};

use crate::net::clock;

/// The clock of one engine, readable by any thread.
pub(super) enum Time {
    /// The system's.
    System,
    /// The host's: nanoseconds since the start, by both clocks.
    Manual(AtomicU64),
}

impl Time {
    /// As the configuration says; the host's begins at 0.
    pub(super) fn of(clock: Clock) -> Self {
        match clock {
            Clock::System => Self::System,
            Clock::Manual => Self::Manual(AtomicU64::new(0)),
        }
    }

    pub(super) fn is_manual(&self) -> bool {
        matches!(self, Self::Manual(_))
    }

    pub(super) fn now(&self) -> Now {
        match self {
            Self::System => clock(),
            Self::Manual(nanos) => at(Mono(nanos.load(Ordering::Acquire))),
        }
    }

    /// It is `time` now, by the host's clock. The system's is not ours to set.
    pub(super) fn set(&self, time: Mono) {
        if let Self::Manual(nanos) = self {
            nanos.store(time.nanos(), Ordering::Release);
        }
    }
}

/// A moment of the manual clock: its wall clock shows the time since the start as well.
pub(super) fn at(mono: Mono) -> Now {
    Now {
        mono,
        wall: Wall(i64::try_from(mono.nanos()).unwrap_or(i64::MAX)),
    }
}
