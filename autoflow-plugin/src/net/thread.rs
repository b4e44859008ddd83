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

/// Asks the scheduler to give the calling thread short turns: with a turn of its own that is over
/// soon, it need not wait for the long one of another thread when it wakes up. It gets no more of
/// the processor by this.
///
/// Of the scheduler's usual policy alone, and with effect from Linux 6.12 on; what the host has set
/// up otherwise stays as it is.
pub(crate) fn take_short_turns() {
    const SHORTEST: u64 = 100_000;
    let size = size_of::<libc::sched_attr>() as libc::c_uint;
    let mut attributes = MaybeUninit::<libc::sched_attr>::zeroed();
    // SAFETY: thread 0 is the calling one; the kernel writes at most `size` octets, which are there.
    let read =
        unsafe { libc::syscall(libc::SYS_sched_getattr, 0, attributes.as_mut_ptr(), size, 0) };
    // SAFETY: integers only: whatever was written, or the zeros before, are valid.
    let mut attributes = unsafe { attributes.assume_init() };
    if read != 0 || attributes.sched_policy != libc::SCHED_OTHER as u32 {
        return;
    }
    attributes.sched_runtime = SHORTEST;
    // SAFETY: thread 0 is the calling one; the kernel reads as many octets as `size` says there.
    // Refused, all is as before.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_ask_for_short_turns_again_and_again() {
        let asked = std::thread::spawn(|| {
            take_short_turns();
            take_short_turns();
            // SAFETY: no pointers.
            unsafe { libc::sched_getscheduler(0) }
        });
        assert_eq!(asked.join().unwrap(), libc::SCHED_OTHER);
    }
}
