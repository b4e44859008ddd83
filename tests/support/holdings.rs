//! What this process holds of the system.

use std::fs::{read_dir, read_to_string};

/// Threads, descriptors and memory.
#[derive(Clone, Copy, Debug)]
pub struct Holdings {
    /// Threads of all kinds.
    pub threads: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// Resident memory.
    pub kilobytes: usize,
}

impl Holdings {
    /// As they are now.
    #[must_use]
    pub fn now() -> Self {
        let entries = |directory| read_dir(directory).expect("proc is mounted").count();
        let status = read_to_string("/proc/self/status").expect("proc is mounted");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        Self {
            threads: entries("/proc/self/task"),
            descriptors: entries("/proc/self/fd"),
            kilobytes: kilobytes.expect("the kernel tells VmRSS"),
        }
    }
}
