//! The other end: a command that asks a running host.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use plugin_abi::manage::Refusal;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A connection to a running host.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    reader: BufReader<UnixStream>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error(
        "no host runs at {}: start one with `host-sim run --config FILE`, or name its socket with \
         --socket",
        .0.display()
    )]
    NotRunning(PathBuf),
    /// The socket belongs to somebody whom there is no reason to trust.
    #[error(
        "the socket {} belongs to user {user}, neither root nor you; name another with --socket",
        path.display()
    )]
    Foreign {
        /// The socket.
        path: PathBuf,
        /// Its owner.
        user: u32,
    },
    /// The system doesn't let us in.
    #[error("can't reach the host at {}: {cause}", path.display())]
    Closed {
        /// The socket.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// The connection has ended before the answer.
    #[error("the host at {} has ended before it answered", .0.display())]
    Ended(PathBuf),
    /// No JSON came.
    #[error("the host at {} answers what nobody can read: {cause}", path.display())]
    Unreadable {
        /// The socket.
        path: PathBuf,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// The request is refused.
    #[error("{}", .0.message)]
    Refused(Refusal),
}

impl Client {
    /// Connects to the host at `path`.
    ///
    /// # Errors
    /// No host runs there, or it is no host to be trusted.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let closed = |cause: io::Error| match cause.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning(path.to_owned())
            }
            _ => ClientError::Closed {
                path: path.to_owned(),
                cause,
            },
        };
        let owner = std::fs::metadata(path).map_err(closed)?.uid();
        if owner != 0 && owner != geteuid().as_raw() {
            let (path, user) = (path.to_owned(), owner);
            return Err(ClientError::Foreign { path, user });
        }
        let stream = UnixStream::connect(path).map_err(closed)?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::new(stream),
        })
    }

    /// Asks, and hands on the answer as it came.
    ///
    /// # Errors
    /// No answer, or one that refuses.
    pub fn ask(&mut self, request: &impl Serialize) -> Result<Value, ClientError> {
        let unreadable = |path: &Path, cause| ClientError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let mut line = serde_json::to_string(request).map_err(|e| unreadable(&self.path, e))?;
        line.push('\n');
        let mut answer = String::new();
        let exchanged = (self.reader.get_mut().write_all(line.as_bytes()))
            .and_then(|()| self.reader.read_line(&mut answer));
        match exchanged {
            Ok(octets) if octets > 0 => {}
            _ => return Err(ClientError::Ended(self.path.clone())),
        }
        let answer: Value =
            serde_json::from_str(&answer).map_err(|cause| unreadable(&self.path, cause))?;
        match answer.get("error").map(Refusal::deserialize) {
            Some(Ok(refusal)) => Err(ClientError::Refused(refusal)),
            _ => Ok(answer),
        }
    }
}
