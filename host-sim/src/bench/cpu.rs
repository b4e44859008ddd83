//! Processor time of threads of this process, in nanoseconds, as the scheduler counts it.

use std::fs;
use std::io;
use std::time::Duration;

/// What all threads have used whose names begin with `prefix`.
///
/// # Errors
/// The system hides it.
pub(super) fn of_threads(prefix: &str) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        // A thread may end between the list and the look.
        let (Ok(name), Ok(figures)) = (
            fs::read_to_string(task.join("comm")),
            fs::read_to_string(task.join("schedstat")),
        ) else {
            continue;
        };
        if name.starts_with(prefix) {
            sum += on_processor(&figures)?;
        }
    }
    Ok(sum)
}

/// What the calling thread has used.
///
/// # Errors
/// The system hides it.
pub(super) fn of_this_thread() -> io::Result<Duration> {
    on_processor(&fs::read_to_string("/proc/thread-self/schedstat")?)
}

/// The first of the three figures.
fn on_processor(schedstat: &str) -> io::Result<Duration> {
    let nanos = schedstat.split_whitespace().next();
    nanos
        .and_then(|nanos| nanos.parse().ok())
        .map(Duration::from_nanos)
        .ok_or_else(|| io::Error::other(format!("schedstat says {schedstat:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_and_named_threads_are_found() {
        let before = of_this_thread().unwrap();
        let worker = std::thread::Builder::new().name("bench-cpu".into());
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let worker = worker
            .spawn(move || {
                let sum = (0..20_000_000u64).fold(0, |sum, n| std::hint::black_box(sum ^ n));
                tell.send(sum).unwrap();
                let _ = ends.recv();
            })
            .unwrap();
        told.recv().unwrap();
        // The kernel brings a running thread's figures up to date when it is switched out.
        while of_threads("bench-cpu").unwrap().is_zero() {
            std::thread::yield_now();
        }
        assert_eq!(of_threads("no such thread").unwrap(), Duration::ZERO);
        assert!(of_this_thread().unwrap() >= before);
        drop(end);
        worker.join().unwrap();
    }
}
