//! `host-sim` as a process: run to its end, or in the background.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use crate::artifacts;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// What is waited for comes within this, or never.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a run left behind.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub code: i32,
    /// All of it.
    pub stdout: String,
    /// All of it, but for one warning.
    pub stderr: String,
    /// The plugin has said on standard error that it was held up: `stderr` is without it.
    pub held_up: bool,
}

/// A process in the background; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What has come on standard error so far.
    complaints: Arc<Mutex<String>>,
    /// Ends with standard error.
    listening: Option<JoinHandle<()>>,
}

/// Runs `host-sim` with these words to its end.
pub fn host_sim(words: &str) -> Answer {
    answer(host_command().args(words.split_whitespace()))
}

/// `host-sim`, without arguments yet.
pub fn host_command() -> Command {
    Command::new(&artifacts().host)
}

/// Runs any command to its end.
pub fn answer(command: &mut Command) -> Answer {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |octets| String::from_utf8(octets).expect("a program writes UTF-8");
    Answer::new(output.status, text(output.stdout), &text(output.stderr))
}

impl Answer {
    /// How busy this machine is says nothing about the program: that warning is set apart.
    fn new(status: ExitStatus, stdout: String, stderr: &str) -> Self {
        let lines = stderr.split_inclusive('\n');
        let (pauses, stderr): (Vec<_>, Vec<_>) =
            lines.partition(|line| line.contains(": this process was held up for "));
        Self {
            // A signal is no exit code.
            code: status.code().unwrap_or(-1),
            stdout,
            stderr: stderr.concat(),
            held_up: !pauses.is_empty(),
        }
    }

    /// The one object on standard output.
    pub fn object(&self) -> Value {
        let mut objects = self.objects();
        assert_eq!(objects.len(), 1, "one object: {self:?}");
        objects.remove(0)
    }

    /// The objects on standard output, one a line.
    pub fn objects(&self) -> Vec<Value> {
        let objects = self.stdout.lines().map(serde_json::from_str);
        let objects: Result<Vec<Value>, _> = objects.collect();
        let objects = objects.unwrap_or_else(|error| panic!("only JSON: {error}: {self:?}"));
        assert!(objects.iter().all(Value::is_object), "{self:?}");
        objects
    }

    /// The kind of its failure and the sentence for people, which must be the same in both forms.
    pub fn failure(&self) -> (String, String) {
        let failure = &self.object()["failure"];
        let text = |key: &str| failure[key].as_str().unwrap_or_default().to_owned();
        let (kind, message) = (text("kind"), text("message"));
        assert_eq!(self.stderr, format!("host-sim: {message}\n"));
        (kind, message)
    }
}

impl Running {
    /// Starts `host-sim` with these words.
    pub fn host_sim(words: &str) -> Self {
        Self::start(host_command().args(words.split_whitespace()))
    }

    /// Starts any command.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (sender, lines) = channel();
        spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let complaints = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&complaints);
        let listening = spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *heard.lock().unwrap() += &(line + "\n");
            }
        });
        Self {
            child,
            lines,
            complaints,
            listening: Some(listening),
        }
    }

    /// The next line on standard output.
    pub fn line(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.unwrap_or_else(|_| panic!("no line came, but: {}", self.complaints.lock().unwrap()))
    }

    /// The next lines, each waited for.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        std::iter::repeat_with(|| self.line())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        let id = i32::try_from(self.child.id()).expect("a process id is an i32");
        kill(Pid::from_raw(id), Signal::SIGINT).expect("the process is there");
    }

    /// Waits for its end. Lines that were read are not in the answer.
    pub fn end(mut self) -> Answer {
        let status = self.child.wait().expect("it was started");
        let lines: Vec<_> = self.lines.iter().map(|line| line + "\n").collect();
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        Answer::new(status, lines.concat(), &self.complaints.lock().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
