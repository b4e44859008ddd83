//! The built host as a child process: what it says, its threads, its end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use autoflow_tests::artifacts;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::patience::until;

/// A running `host-sim`; killed when dropped.
pub(crate) struct Host {
    child: Child,
    output: Arc<Mutex<Vec<Told>>>,
    log: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

/// One JSON line of its standard output.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// When it was read.
    pub(crate) at: Instant,
    /// The object.
    pub(crate) object: Value,
}

/// What a host left behind.
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// All it told.
    pub(crate) output: Vec<Told>,
    /// The lines of its standard error.
    pub(crate) log: Vec<String>,
}

impl Host {
    /// Starts `host-sim` with these arguments and `--json`.
    pub(crate) fn spawn(arguments: &[&str]) -> Self {
        let mut child = Command::new(&artifacts().host)
            .arg("--json")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the host starts");
        let (output, log) = <(Arc<Mutex<Vec<Told>>>, Arc<Mutex<Vec<String>>>)>::default();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (all, messages) = (Arc::clone(&output), Arc::clone(&log));
        let readers = vec![
            each_line(out, move |line| {
                let object = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("no JSON on standard output: {line}: {error}"));
                let at = Instant::now();
                all.lock().unwrap().push(Told { at, object });
            }),
            each_line(err, move |line| messages.lock().unwrap().push(line)),
        ];
        Self {
            child,
            output,
            log,
            readers,
        }
    }

    /// What it has told so far.
    pub(crate) fn output(&self) -> Vec<Told> {
        self.output.lock().unwrap().clone()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Its threads of a name.
    pub(crate) fn threads(&self, name: &str) -> Vec<Pid> {
        let tasks = fs::read_dir(self.tasks()).expect("the host runs");
        tasks
            .filter_map(|task| {
                let task = task.ok()?;
                let comm = fs::read_to_string(task.path().join("comm")).ok()?;
                let id = task.file_name().to_str()?.parse().ok()?;
                (comm.trim_end() == name).then_some(Pid::from_raw(id))
            })
            .collect()
    }

    /// How often a thread has gone to sleep by itself so far.
    pub(crate) fn sleeps(&self, thread: Pid) -> u64 {
        let path = format!("{}/{thread}/status", self.tasks());
        let status = fs::read_to_string(path).expect("the thread lives");
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.and_then(|n| n.trim().parse().ok()).expect("a count")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the host runs");
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> Ended {
        let status = until("the host ends", || self.child.try_wait().unwrap());
        for reader in self.readers.drain(..) {
            reader.join().expect("its output can be read");
        }
        Ended {
            status,
            output: self.output(),
            log: self.log(),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    fn tasks(&self) -> String {
        format!("/proc/{}/task", self.child.id())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has ended, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text of a path, for an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("paths here are UTF-8")
}

fn each_line(
    stream: impl Read + Send + 'static,
    take: impl Fn(String) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            take(line.expect("UTF-8"));
        }
    })
}
