//! The smallest server that a scraper needs: one GET a connection, answered and closed.
//!
//! Whoever is slow has a few seconds for all of it. When all places are taken, whoever has been
//! there longest makes room: a scraper is gone by then. Own code, as a server of HTTP would be many
//! times as large as all the rest of this, and what it could do more is not wanted here.

mod request;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::text::Form;
use request::{LONGEST, Misfit, Wanted};

/// How many may be connected.
const PLACES: usize = 16;
/// How many threads may be there: those that were let go take a moment to end.
const THREADS: usize = 64;
/// A request must be there within this.
const TO_ASK: Duration = Duration::from_secs(5);
/// And its answer be taken within this.
const TO_READ: Duration = Duration::from_secs(10);
/// Octets that are written at once.
const PIECE: usize = 64 << 10;

/// Makes the page, or says why there is none.
type Page = dyn Fn(Form) -> Result<String, String> + Send + Sync;

/// A server of metrics. When it is dropped, all scrapers are let go.
#[derive(Debug)]
pub struct Server {
    at: SocketAddr,
    listener: Arc<TcpListener>,
    scrapers: Arc<Scrapers>,
    accepting: Option<JoinHandle<()>>,
}

/// There can be no server.
#[derive(Debug, thiserror::Error)]
#[error("can't serve metrics at {at}: {cause}; choose another address or port")]
pub struct ServerError {
    at: SocketAddr,
    cause: io::Error,
}

/// Who is connected, by number.
#[derive(Debug, Default)]
struct Scrapers {
    connected: Mutex<BTreeMap<u64, TcpStream>>,
}

/// What a scraper hears.
struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
}

impl Server {
    /// Listens at an address; each request of `/metrics` is answered by `page`.
    ///
    /// # Errors
    /// Nobody may listen there.
    pub fn open(
        at: SocketAddr,
        page: impl Fn(Form) -> Result<String, String> + Send + Sync + 'static,
    ) -> Result<Self, ServerError> {
        let failed = |cause| ServerError { at, cause };
        let listener = Arc::new(TcpListener::bind(at).map_err(failed)?);
        let at = listener.local_addr().map_err(failed)?;
        let scrapers = Arc::<Scrapers>::default();
        let accepting = {
            let (listener, scrapers) = (Arc::clone(&listener), Arc::clone(&scrapers));
            let page: Arc<Page> = Arc::new(page);
            thread::spawn(move || accept(&listener, &scrapers, &page))
        };
        Ok(Self {
            at,
            listener,
            scrapers,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn at(&self) -> SocketAddr {
        self.at
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // This ends `accept`.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        self.scrapers.let_go();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, scrapers: &Arc<Scrapers>, page: &Arc<Page>) {
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
        // What is dropped here is closed.
        if threads.len() >= THREADS || !scrapers.admit(number, &stream) {
            continue;
        }
        let (scrapers, page) = (Arc::clone(scrapers), Arc::clone(page));
        threads.push(thread::spawn(move || {
            // Whatever a scraper's connection suffers is its own affair.
            let _ = attend(&stream, &*page);
            scrapers.gone(number);
        }));
    }
    scrapers.let_go();
    for thread in threads {
        let _ = thread.join();
    }
}

fn attend(stream: &TcpStream, page: &Page) -> io::Result<()> {
    let (answer, head_only) = match ask(stream, Instant::now() + TO_ASK)? {
        Ok(wanted) => (answer(&wanted, page), wanted.head_only),
        Err(answer) => (answer, false),
    };
    let Answer {
        status,
        content_type,
        body,
    } = answer;
    let mut octets = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         Connection: close\r\nX-Content-Type-Options: nosniff\r\n\r\n",
        body.len()
    );
    if !head_only {
        octets.push_str(&body);
    }
    write(stream, octets.as_bytes(), Instant::now() + TO_READ)?;
    stream.shutdown(Shutdown::Write)?;
    // Closed with octets unread, the connection would be broken off, and the answer with it.
    let until = Instant::now() + Duration::from_secs(1);
    let mut rest = [0; 4 << 10];
    for _ in 0..16 {
        if read(stream, &mut rest, until)? == 0 {
            break;
        }
    }
    Ok(())
}

/// What a scraper wants, or what it hears instead.
fn ask(stream: &TcpStream, until: Instant) -> io::Result<Result<Wanted, Answer>> {
    let mut head = vec![0; LONGEST];
    let mut length = 0;
    loop {
        let count = match read(stream, &mut head[length..], until) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if is_timeout(&error) => {
                return Ok(Err(Answer::sentence(
                    "408 Request Timeout",
                    "no request came",
                )));
            }
            Err(error) => return Err(error),
        };
        length += count;
        if let Some(end) = request::end(&head[..length]) {
            return Ok(request::read(&head[..end]).map_err(|misfit| match misfit {
                Misfit::Malformed => Answer::sentence("400 Bad Request", "this is no request"),
                Misfit::Method => {
                    Answer::sentence("405 Method Not Allowed", "there is only something to GET")
                }
                Misfit::Version => {
                    Answer::sentence("505 HTTP Version Not Supported", "this is HTTP/1.1")
                }
            }));
        }
        if length == LONGEST {
            return Ok(Err(Answer::sentence(
                "431 Request Header Fields Too Large",
                "the head of a request is no longer than 8,192 octets",
            )));
        }
    }
}

fn answer(wanted: &Wanted, page: &Page) -> Answer {
    match wanted.path.as_str() {
        "/metrics" => {
            let form = Form::accepted(&wanted.accept);
            match page(form) {
                Ok(body) => Answer {
                    status: "200 OK",
                    content_type: form.content_type(),
                    body,
                },
                Err(why) => Answer::sentence("503 Service Unavailable", &why),
            }
        }
        "/" => Answer::sentence("200 OK", "metrics are at /metrics"),
        _ => Answer::sentence("404 Not Found", "metrics are at /metrics"),
    }
}

impl Answer {
    fn sentence(status: &'static str, words: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: format!("{words}\n"),
        }
    }
}

/// What is left until then; nothing left is an error.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(io::ErrorKind::TimedOut.into()),
        false => Ok(left),
    }
}

fn read(mut stream: &TcpStream, octets: &mut [u8], until: Instant) -> io::Result<usize> {
    stream.set_read_timeout(Some(left(until)?))?;
    stream.read(octets)
}

fn write(mut stream: &TcpStream, octets: &[u8], until: Instant) -> io::Result<()> {
    for piece in octets.chunks(PIECE) {
        stream.set_write_timeout(Some(left(until)?))?;
        stream.write_all(piece)?;
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(kind, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

impl Scrapers {
    /// False if it can't be.
    fn admit(&self, number: u64, stream: &TcpStream) -> bool {
        let Ok(stream) = stream.try_clone() else {
            return false;
        };
        let mut connected = self.lock();
        if connected.len() >= PLACES
            && let Some((_, oldest)) = connected.pop_first()
        {
            let _ = oldest.shutdown(Shutdown::Both);
        }
        connected.insert(number, stream);
        true
    }

    fn gone(&self, number: u64) {
        self.lock().remove(&number);
    }

    fn let_go(&self) {
        for stream in self.lock().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
