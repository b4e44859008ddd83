//! Waiting for what has to happen.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until there is something to see.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "in vain: {what}");
        sleep(LOOK);
    }
}

/// Looks until something holds.
pub(crate) fn until_true(what: &str, mut holds: impl FnMut() -> bool) {
    until(what, || holds().then_some(()));
}

/// Measures until the machine has not disturbed the measurement: what it drops or holds up by
/// itself is neither the line's doing nor the plugin's.
pub(crate) fn undisturbed<T>(measure: impl Fn() -> (T, bool)) -> T {
    for _ in 0..3 {
        let (measured, disturbed) = measure();
        if !disturbed {
            return measured;
        }
    }
    panic!("three times the machine has held this process up or dropped packets");
}
