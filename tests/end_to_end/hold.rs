//! One thread of another process held still, while all its other threads go on.

use std::marker::PhantomData;

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// A thread that is held still until the value is dropped.
pub(crate) struct Held {
    thread: Pid,
    /// Only the thread that holds may let go.
    here: PhantomData<*const ()>,
}

impl Held {
    /// Holds a thread of a child process.
    pub(crate) fn hold(thread: Pid) -> Self {
        ptrace::seize(thread, ptrace::Options::empty()).expect("a parent may trace its child");
        ptrace::interrupt(thread).expect("a traced thread can be stopped");
        waitpid(thread, Some(WaitPidFlag::__WALL)).expect("a traced thread tells that it stands");
        Self {
            thread,
            here: PhantomData,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Fails only if the process has ended, and then nothing is held any more.
        let _ = ptrace::detach(self.thread, None);
    }
}
