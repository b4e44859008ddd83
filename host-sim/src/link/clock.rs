//! The emulator's clock: nanoseconds since it was started.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// `CLOCK_MONOTONIC`, counted from a start. Bad spells are a function of time, so time has to
/// start with the emulator for a seed to repeat them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start_ns: u64,
}

const NS_PER_S: u64 = 1_000_000_000;

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            start_ns: monotonic_ns(),
        }
    }

    /// Nanoseconds since the start.
    pub(super) fn now(&self) -> u64 {
        monotonic_ns().saturating_sub(self.start_ns)
    }

    /// A time of this clock as the kernel counts it.
    pub(super) fn kernel_time(&self, at: u64) -> Timespec {
        let ns = self.start_ns.saturating_add(at);
        Timespec {
            tv_sec: i64::try_from(ns / NS_PER_S).unwrap_or(i64::MAX),
            // Below 10⁹, so it fits whatever the field's width.
            tv_nsec: (ns % NS_PER_S) as _,
        }
    }
}

fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative on this clock.
    now.tv_sec as u64 * NS_PER_S + now.tv_nsec as u64
}
