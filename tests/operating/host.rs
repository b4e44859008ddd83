//! A host that runs and measures itself over the loopback, and commands that ask it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autoflow_tests::address;
use autoflow_tests::host::{Answer, Running, host_sim};
use serde_json::Value;
use tempfile::TempDir;

/// What is waited for comes within this, or never.
const PATIENCE: Duration = Duration::from_secs(20);

/// `host-sim run`, and everything of its own.
pub(crate) struct Host {
    pub(crate) running: Running,
    pub(crate) socket: PathBuf,
    /// Where it answers: TWAMP on port 8620, Light on 8621.
    pub(crate) far: Ipv4Addr,
    pub(crate) config: PathBuf,
    directory: TempDir,
}

impl Host {
    /// Starts one with the line `fibre` and the class `voice`, and waits until the line is alive.
    pub(crate) fn start() -> Self {
        Self::start_with("", "")
    }

    /// The same, with more in its configuration, where `FAR` is its address, and more words.
    pub(crate) fn start_with(document: &str, words: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let far = address::own();
        let config = directory.path().join("host.toml");
        let document = document.replace("FAR", &far.to_string());
        std::fs::write(&config, configuration(far) + &document).unwrap();
        let socket = directory.path().join("socket");
        let running = run(&config, &socket, words);
        let host = Self {
            running,
            socket,
            far,
            config,
            directory,
        };
        host.wait_for("event", "started");
        host.wait_for("to", "alive");
        host
    }

    fn wait_for(&self, key: &str, value: &str) {
        let told = |line: String| serde_json::from_str::<Value>(&line).unwrap();
        while told(self.running.line())[key] != value {}
    }

    /// A file beside its configuration.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a command against it. `FAR` stands for the address where it answers.
    pub(crate) fn command(&self, words: &str) -> Answer {
        let words = words.replace("FAR", &self.far.to_string());
        host_sim(&format!("{words} --socket {}", self.socket.display()))
    }

    /// The text of a command that goes well.
    #[track_caller]
    pub(crate) fn text(&self, words: &str) -> String {
        let answer = self.command(words);
        let good = (answer.code, answer.stderr.as_str()) == (0, "");
        assert!(good, "{words}: {answer:?}");
        answer.stdout
    }

    /// The object of a command that goes well.
    #[track_caller]
    pub(crate) fn object(&self, words: &str) -> Value {
        let answer = self.command(&format!("{words} --json"));
        let good = (answer.code, answer.stderr.as_str()) == (0, "");
        assert!(good, "{words}: {answer:?}");
        answer.object()
    }

    /// Asks until the answer is as it shall be.
    #[track_caller]
    pub(crate) fn until(&self, words: &str, right: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let answer = self.object(words);
            if right(&answer) {
                return answer;
            }
            assert!(start.elapsed() < PATIENCE, "{words}: {answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Pings an address with Light until it is answered (0) or not (1).
    #[track_caller]
    pub(crate) fn until_pings(&self, far: &str, code: i32) {
        let start = Instant::now();
        let far = far.replace("FAR", &self.far.to_string());
        let words = format!("ping --mode light --count 2 --interval 20 --timeout 200 {far}");
        while host_sim(&words).code != code {
            assert!(start.elapsed() < PATIENCE, "{words}");
        }
    }

    /// Ends it, and starts it again with the same files.
    pub(crate) fn start_again(self, words: &str) -> Self {
        self.running.interrupt();
        let Self {
            running,
            socket,
            far,
            config,
            directory,
        } = self;
        let answer = running.end();
        assert_eq!(answer.code, 0, "{answer:?}");
        let running = run(&config, &socket, words);
        let host = Self {
            running,
            socket,
            far,
            config,
            directory,
        };
        host.wait_for("event", "started");
        host
    }
}

fn run(config: &Path, socket: &Path, words: &str) -> Running {
    let (config, socket) = (config.display(), socket.display());
    Running::host_sim(&format!(
        "run --json --config {config} --socket {socket} {words}"
    ))
}

/// What a host is told that measures itself.
pub(crate) fn configuration(far: Ipv4Addr) -> String {
    format!(
        "groups = [{{ id = 1, name = \"hub\" }}]\n\
         [responder]\nlisten = [\"{far}:8620\"]\nlight = [\"{far}:8621\"]\n\
         peers = [\"127.0.0.0/8\"]\ntest_ports = [8700, 8799]\n\
         [[lines]]\nid = 1\nname = \"fibre\"\nremote = \"{far}:8620\"\nlocal = \"{far}\"\n\
         groups = [1]\nprobe = {{ interval_ms = 20 }}\n\
         [[classes]]\nid = 1\nname = \"voice\"\nsla = {{ loss_percent = 1.0 }}\n"
    )
}
