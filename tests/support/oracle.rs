//! Programs of other makers. One that is missing is a failure in CI and a printed reason elsewhere.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::spawn;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

/// An oracle can't be asked.
///
/// # Panics
/// In CI.
pub fn missing(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    println!("skipped: {reason}");
}

/// Can packets be captured here? If not, a reason is printed.
///
/// # Panics
/// In CI, if tshark is not installed.
pub fn can_capture() -> bool {
    if !geteuid().is_root() {
        println!("skipped: only root may capture");
        return false;
    }
    let there = Command::new("tshark").arg("--version").output().is_ok();
    if !there {
        missing("tshark is not installed; tests/oracles installs it");
    }
    there
}

/// tshark at work; dropped, it has written everything.
#[derive(Debug)]
pub struct Capture(Child);

impl Capture {
    /// Captures what passes an interface and `filter`, into a file. `tshark` runs it, wherever that
    /// is; it has no arguments yet.
    pub fn start(tshark: &mut Command, interface: &str, filter: &str, file: &Path) -> Self {
        let mut child = tshark
            .args(["-i", interface, "-f", filter, "-w"])
            .arg(file)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let started = lines.any(|line| line.contains("Capture started"));
        assert!(started, "tshark captures nothing");
        // It must always be able to write on.
        spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // The kernel hands packets over in blocks, the last one after a while.
        std::thread::sleep(Duration::from_secs(1));
        let id = i32::try_from(self.0.id()).unwrap();
        let _ = kill(Pid::from_raw(id), Signal::SIGINT);
        let _ = self.0.wait();
    }
}
