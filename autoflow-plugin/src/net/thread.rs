//! Threads in somebody else's process.

use std::mem::MaybeUninit;

/// Runs `spawn` with all signals blocked in this thread, which the threads it starts inherit: a
/// signal of the host's never lands in a thread of the plugin's.
pub(crate) fn with_signals_blocked<T>(spawn: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: `sigfillset` fills the set it is given; `pthread_sigmask` reads that and writes the
    // former mask, and changes this thread alone.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let spawned = spawn();
    // SAFETY: `before` was written above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    spawned
}
