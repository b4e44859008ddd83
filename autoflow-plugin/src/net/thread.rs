//! Threads in somebody else's process.

use std::io;
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

/// Keeps the calling thread on one CPU, counted from 0.
///
/// # Errors
/// What the kernel says: the CPU is not there, or this process may not run on it.
pub(crate) fn pin(cpu: u16) -> io::Result<()> {
    const BITS: usize = libc::CPU_SETSIZE as usize;
    if usize::from(cpu) >= BITS {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: integers only: all zeros is the empty set.
    let mut cpus: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the bit is one of the set's, which has `BITS` of them.
    unsafe { libc::CPU_SET(cpu.into(), &mut cpus) };
    // SAFETY: thread 0 is the calling one; the kernel reads as many octets as the set has.
    let done = unsafe { libc::sched_setaffinity(0, size_of_val(&cpus), &raw const cpus) };
    asked(done)
}

/// Puts the calling thread under a real-time policy, by turns with its equals or not. Threads and
/// processes that it starts are under the usual one.
///
/// # Errors
/// What the kernel says: mostly that this process may not.
pub(crate) fn run_in_real_time(by_turns: bool, priority: u8) -> io::Result<()> {
    let policy = match by_turns {
        true => libc::SCHED_RR,
        false => libc::SCHED_FIFO,
    };
    // SAFETY: integers only.
    let mut parameter: libc::sched_param = unsafe { MaybeUninit::zeroed().assume_init() };
    parameter.sched_priority = priority.into();
    let policy = policy | libc::SCHED_RESET_ON_FORK;
    // SAFETY: thread 0 is the calling one; the kernel reads the parameter, which lives on this stack.
    let done = unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) };
    asked(done)
}

fn asked(done: libc::c_int) -> io::Result<()> {
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
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

    #[test]
    fn a_thread_stays_on_the_cpu_that_it_is_pinned_to() {
        let status = || std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let pinned = std::thread::spawn(move || {
            // One that it may run on.
            // SAFETY: no pointers.
            let cpu = u16::try_from(unsafe { libc::sched_getcpu() }).unwrap();
            pin(cpu).unwrap();
            (cpu, status())
        });
        let (cpu, status) = pinned.join().unwrap();
        let of = status.lines().find(|line| line.contains("_allowed_list"));
        assert_eq!(of, Some(&*format!("Cpus_allowed_list:\t{cpu}")));
    }

    #[test]
    fn a_cpu_that_is_not_there_is_refused() {
        for cpu in [1_023, u16::MAX] {
            let refused = pin(cpu).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
        }
    }

    #[test]
    fn a_thread_runs_in_real_time_or_hears_that_it_may_not() {
        let asked = std::thread::spawn(|| {
            // SAFETY: no pointers.
            run_in_real_time(true, 1).map(|()| unsafe { libc::sched_getscheduler(0) })
        });
        match asked.join().unwrap() {
            Ok(policy) => assert_eq!(policy, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
    }
}
