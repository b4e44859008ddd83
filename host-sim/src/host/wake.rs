//! Waiting for the plugin's event descriptor.

use std::time::Duration;

use plugin_abi::host::{CallError, Engine};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};

/// Waits until a choice or a line's state has changed, a signal came, or `at_most` is over.
/// True: something has changed.
///
/// # Errors
/// The engine has no event descriptor.
pub fn wait_for_change(engine: &Engine, at_most: Duration) -> Result<bool, CallError> {
    let fd = engine.event_fd()?;
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    // More than i64 seconds are as good as for ever.
    let timeout = Timespec::try_from(at_most).ok();
    match poll(&mut fds, timeout.as_ref()) {
        Ok(0) | Err(Errno::INTR) => Ok(false),
        Ok(_) => {
            // An event counter: reading it makes it quiet again. What it says doesn't matter.
            let mut counter = [0; 8];
            let _ = read(fd, &mut counter);
            Ok(true)
        }
        Err(_) => {
            // Out of memory, say: look again later instead of spinning.
            std::thread::sleep(at_most);
            Ok(false)
        }
    }
}
