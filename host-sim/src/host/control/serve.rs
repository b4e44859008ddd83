//! The host's end: each client has a thread, which reads a request, asks, and writes the answer.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use plugin_abi::code;
use plugin_abi::manage::{Answer, Refusal};

use super::{LONGEST, Place, PlaceError};

/// How many may be connected.
const CLIENTS: usize = 32;

/// Who takes no answer for so long is let go.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers a request, a line without its end, with another such line.
type Asked = dyn Fn(&str) -> String + Send + Sync;

/// The control socket of a running host. When it is dropped, all clients are let go, and nobody
/// asks any more.
#[derive(Debug)]
pub struct Control {
    place: Place,
    listener: Arc<UnixListener>,
    clients: Arc<Clients>,
    accepting: Option<JoinHandle<()>>,
}

/// Who is connected, by number.
#[derive(Debug, Default)]
struct Clients {
    connected: Mutex<BTreeMap<u64, UnixStream>>,
}

impl Control {
    /// Listens at `path`; each request goes to `asked`.
    ///
    /// # Errors
    /// There can be no socket at that place.
    pub fn open(
        path: &Path,
        asked: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Result<Self, PlaceError> {
        let (place, listener) = Place::claim(path)?;
        let listener = Arc::new(listener);
        let clients = Arc::<Clients>::default();
        let accepting = {
            let (listener, clients) = (Arc::clone(&listener), Arc::clone(&clients));
            thread::spawn(move || accept(&listener, &clients, &(Arc::new(asked) as Arc<Asked>)))
        };
        Ok(Self {
            place,
            listener,
            clients,
            accepting: Some(accepting),
        })
    }

    /// The socket's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.path()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // This ends `accept`; then nobody new comes, and those who are there are let go.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        self.clients.let_go();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &UnixListener, clients: &Arc<Clients>, asked: &Arc<Asked>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut number = 0;
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            // Shut down.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
            Err(_) => {
                // Out of descriptors, say: they come back.
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        threads.retain(|thread| !thread.is_finished());
        number += 1;
        let _ = stream.set_write_timeout(Some(PATIENCE));
        if !clients.admit(number, &stream) {
            let _ = answer(
                &stream,
                &refusal(code::BUSY, "too many are connected; try again"),
            );
            continue;
        }
        let (clients, asked) = (Arc::clone(clients), Arc::clone(asked));
        threads.push(thread::spawn(move || {
            // Whatever a client's connection suffers is its own affair.
            let _ = attend(&stream, &*asked);
            clients.gone(number);
        }));
    }
    clients.let_go();
    for thread in threads {
        let _ = thread.join();
    }
}

/// Answers until the client has gone.
fn attend(stream: &UnixStream, asked: &Asked) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = LONGEST as u64 + 1;
        reader.by_ref().take(limit).read_until(b'\n', &mut line)?;
        match line.pop() {
            None => return Ok(()),
            Some(b'\n') => {}
            Some(last) if line.len() < LONGEST => line.push(last),
            Some(_) => {
                let words = format!("a request is a line of up to {LONGEST} octets");
                return answer(stream, &refusal(code::INVALID, &words));
            }
        }
        let answered = match std::str::from_utf8(&line) {
            Ok(request) => asked(request),
            Err(_) => refusal(code::INVALID, "a request is a line of JSON in UTF-8"),
        };
        answer(stream, &answered)?;
    }
}

fn answer(mut stream: &UnixStream, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\n").as_bytes())
}

/// An answer that refuses, in JSON.
#[must_use]
pub fn refusal(code: i32, message: &str) -> String {
    let message = message.to_owned();
    serde_json::to_string(&Answer::Error(Refusal { code, message })).unwrap_or_default()
}

impl Clients {
    fn admit(&self, number: u64, stream: &UnixStream) -> bool {
        let mut connected = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match stream.try_clone() {
            Ok(stream) if connected.len() < CLIENTS => connected.insert(number, stream).is_none(),
            _ => false,
        }
    }

    fn gone(&self, number: u64) {
        let mut connected = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connected.remove(&number);
    }

    fn let_go(&self) {
        let connected = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for stream in connected.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use super::super::Client;
    use super::*;

    fn path(name: &str) -> PathBuf {
        let name = format!("host-sim-{}-{name}.sock", std::process::id());
        std::env::temp_dir().join(name)
    }

    /// A host that says each request again, as JSON text.
    fn echo(name: &str) -> Control {
        Control::open(&path(name), |request| {
            serde_json::json!(request).to_string()
        })
        .unwrap()
    }

    /// The next line from the host.
    fn heard(stream: &UnixStream) -> String {
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut line).unwrap();
        line
    }

    #[test]
    fn several_clients_ask_at_once_and_each_hears_its_own_answer() {
        let control = echo("several");
        let mut clients: Vec<_> = (0..5)
            .map(|_| Client::connect(control.path()).unwrap())
            .collect();
        for round in 0..3 {
            for (number, client) in clients.iter_mut().enumerate() {
                let answer = client.ask(&(round, number)).unwrap();
                assert_eq!(answer, format!("[{round},{number}]"));
            }
        }
    }

    #[test]
    fn what_is_no_request_is_refused_and_harms_nobody_else() {
        let control = echo("garbage");
        let mut stream = UnixStream::connect(control.path()).unwrap();
        stream.write_all(b"\xff\xfe\x00\n").unwrap();
        assert!(heard(&stream).contains("JSON in UTF-8"));
        // The connection goes on; a line without its end is a request once nobody writes any more.
        stream.write_all(b"again").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(heard(&stream), "\"again\"\n");
        assert!(Client::connect(control.path()).unwrap().ask(&1).is_ok());
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let control = echo("endless");
        let mut stream = UnixStream::connect(control.path()).unwrap();
        let piece = vec![b'a'; 1 << 20];
        while stream.write_all(&piece).is_ok() {}
        assert!(heard(&stream).contains("a line of up to"));
    }

    #[test]
    fn who_never_reads_and_who_comes_too_many_keep_nobody_waiting() {
        let control = echo("deaf");
        let deaf: Vec<_> = (1..CLIENTS)
            .map(|_| {
                let mut stream = UnixStream::connect(control.path()).unwrap();
                stream.write_all(b"1\n").unwrap();
                stream
            })
            .collect();
        let mut last = Client::connect(control.path()).unwrap();
        assert!(last.ask(&1).is_ok());
        let refused = UnixStream::connect(control.path()).unwrap();
        assert!(heard(&refused).contains("too many are connected"));
        drop(deaf);
        // Their places are free again as soon as their threads have seen it.
        let free = |_| Client::connect(control.path()).unwrap().ask(&1).is_ok();
        assert!((0..1000).any(|round| {
            thread::sleep(Duration::from_millis(5));
            free(round)
        }));
    }

    #[test]
    fn a_host_that_ends_waits_for_no_client() {
        let control = echo("ends");
        let path = control.path().to_owned();
        let stream = UnixStream::connect(&path).unwrap();
        let mut client = Client::connect(&path).unwrap();
        client.ask(&1).unwrap();
        let start = Instant::now();
        drop(control);
        assert!(start.elapsed() < PATIENCE);
        assert_eq!(heard(&stream), "");
        assert!(client.ask(&1).is_err());
        assert!(!path.exists());
    }
}
