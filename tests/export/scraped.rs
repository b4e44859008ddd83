//! `host-sim run --metrics` as a scraper finds it, on a line that loses packets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use autoflow_tests::address;
use autoflow_tests::host::{Answer, Running, host_sim};
use serde_json::Value;
use tempfile::TempDir;

/// One probe in so many is lost.
pub(crate) const LOST: usize = 4;
/// Where a far end answers STAMP.
const STAMP: u16 = 8_622;

/// A host that measures itself by a line which loses one probe in [`LOST`], and has a collector at
/// which nobody listens.
pub(crate) struct Scraped {
    pub(crate) at: SocketAddr,
    socket: std::path::PathBuf,
    running: Running,
    _relay: Relay,
    _directory: TempDir,
}

impl Scraped {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let far = address::own();
        let relay = Relay::to((far, STAMP).into());
        let config = directory.path().join("host.toml");
        let socket = directory.path().join("socket");
        std::fs::write(&config, configuration(far, relay.at)).unwrap();
        let own = address::own();
        let running = Running::host_sim(&format!(
            "run --json --config {} --socket {} --metrics {own}:0",
            config.display(),
            socket.display()
        ));
        let told = |line: String| serde_json::from_str::<Value>(&line).unwrap();
        let started = running
            .lines()
            .map(told)
            .find(|told| told["event"] == "started");
        let at = started.unwrap()["metrics"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        Self {
            at,
            socket,
            running,
            _relay: relay,
            _directory: directory,
        }
    }

    /// The page, in the form that this `Accept` asks for.
    pub(crate) fn page(&self, accept: &str) -> String {
        get(self.at, "/metrics", accept)
    }

    /// A command against it.
    pub(crate) fn command(&self, words: &str) -> Answer {
        host_sim(&format!("{words} --socket {}", self.socket.display()))
    }

    pub(crate) fn end(self) {
        self.running.interrupt();
        assert_eq!(self.running.end().code, 0);
    }
}

fn configuration(far: Ipv4Addr, lossy: SocketAddr) -> String {
    format!(
        "mode = \"advise\"\n\
         groups = [{{ id = 1, name = \"hub\" }}]\n\
         [responder]\nstamp = [\"{far}:{STAMP}\"]\npeers = [\"127.0.0.0/8\"]\n\
         [[lines]]\nid = 1\nname = \"fibre\"\nremote = \"{lossy}\"\ngroups = [1]\n\
         probe = {{ protocol = \"stamp\", interval_ms = 10, timeout_ms = 500 }}\n\
         [[lines]]\nid = 2\nname = \"cable\"\nremote = \"{far}:{STAMP}\"\ngroups = [1]\n\
         probe = {{ protocol = \"stamp\", interval_ms = 10 }}\n\
         [[lines]]\nid = 3\nname = \"dark\"\nremote = \"{far}:9\"\ngroups = [1]\n\
         probe = {{ protocol = \"stamp\", interval_ms = 10 }}\n\
         [[classes]]\nid = 1\nname = \"voice\"\nsla = {{ loss_percent = 1.0 }}\n\
         [export]\ninterval_s = 1\n\
         [[export.collectors]]\nname = \"nobody\"\nat = \"{far}:9\"\ntransport = \"tcp\"\n"
    )
}

/// Carries packets to a far end and back, and loses one probe in [`LOST`].
struct Relay {
    at: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    fn to(far: SocketAddr) -> Self {
        let near_side = UdpSocket::bind((address::own(), STAMP)).unwrap();
        let far_side = UdpSocket::bind((address::own(), 0)).unwrap();
        far_side.connect(far).unwrap();
        for side in [&near_side, &far_side] {
            side.set_read_timeout(Some(Duration::from_millis(50)))
                .unwrap();
        }
        let at = near_side.local_addr().unwrap();
        let over = Arc::<AtomicBool>::default();
        let sender = Arc::new(std::sync::Mutex::new(None));
        let [near_side, far_side] = [near_side, far_side].map(Arc::new);
        let there = {
            let (over, sender) = (Arc::clone(&over), Arc::clone(&sender));
            let (near_side, far_side) = (Arc::clone(&near_side), Arc::clone(&far_side));
            std::thread::spawn(move || {
                let mut octets = [0; 2_048];
                let mut count = 0;
                while !over.load(Ordering::Acquire) {
                    let Ok((length, from)) = near_side.recv_from(&mut octets) else {
                        continue;
                    };
                    *sender.lock().unwrap() = Some(from);
                    count += 1;
                    if count % LOST != 0 {
                        let _ = far_side.send(&octets[..length]);
                    }
                }
            })
        };
        let is_over = Arc::clone(&over);
        let back = std::thread::spawn(move || {
            let mut octets = [0; 2_048];
            while !is_over.load(Ordering::Acquire) {
                let Ok(length) = far_side.recv(&mut octets) else {
                    continue;
                };
                if let Some(sender) = *sender.lock().unwrap() {
                    let _ = near_side.send_to(&octets[..length], sender);
                }
            }
        });
        Self {
            at,
            over,
            threads: vec![there, back],
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The body that a server answers with; nothing if it doesn't answer well.
pub(crate) fn get(at: SocketAddr, target: &str, accept: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(at) else {
        return String::new();
    };
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let request = format!("GET {target} HTTP/1.0\r\nAccept: {accept}\r\n\r\n");
    let mut answer = String::new();
    let told = stream.write_all(request.as_bytes());
    if told
        .and_then(|()| stream.read_to_string(&mut answer))
        .is_err()
    {
        return String::new();
    }
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => body.to_owned(),
        _ => String::new(),
    }
}
