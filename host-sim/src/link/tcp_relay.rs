//! One TCP connection through a line: two sockets and the bytes between them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustix::event::epoll::EventFlags;

use super::poll::{Poll, Token};

/// Bytes that wait in a direction; a sender that is faster than its receiver waits too.
const PIPE_BYTES: usize = 64 << 10;

/// Reads and writes in one go, so that a fast connection doesn't keep packets waiting.
const ROUNDS: usize = 4;

/// A connection through a line.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) line: usize,
    opener: End,
    target: End,
    connected: bool,
    onward: Pipe,
    back: Pipe,
}

/// What moving bytes led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There may be more.
    Open,
    /// Both directions have ended in order.
    Ended,
}

/// A socket and what it is watched for.
#[derive(Debug)]
struct End {
    stream: TcpStream,
    token: Token,
    interest: EventFlags,
}

/// The bytes on their way in one direction.
#[derive(Debug, Default)]
struct Pipe {
    waiting: Vec<u8>,
    /// The sender has ended.
    ended: bool,
    /// The receiver knows.
    shut: bool,
}

impl Relay {
    /// A connection from `opener` to `target`, which is still being connected. Watch it by
    /// carrying.
    pub(super) fn new(index: usize, line: usize, opener: TcpStream, target: TcpStream) -> Self {
        // Without these two a relay is slow or stuck; `carry` will meet the error.
        let _ = opener.set_nonblocking(true);
        let _ = opener.set_nodelay(true).and(target.set_nodelay(true));
        Self {
            line,
            opener: End::new(opener, Token::Opener(index)),
            target: End::new(target, Token::Target(index)),
            connected: false,
            onward: Pipe::default(),
            back: Pipe::default(),
        }
    }

    /// Moves what can be moved, then watches for what can't yet.
    ///
    /// # Errors
    /// One of the ends has failed.
    pub(super) fn carry(&mut self, poll: &Poll) -> io::Result<Progress> {
        if !self.connected && !self.target.is_connected()? {
            self.target.watch(poll, EventFlags::OUT)?;
            return Ok(Progress::Open);
        }
        self.connected = true;
        self.onward
            .carry(&mut self.opener.stream, &mut self.target.stream)?;
        self.back
            .carry(&mut self.target.stream, &mut self.opener.stream)?;
        if self.onward.shut && self.back.shut {
            return Ok(Progress::Ended);
        }
        self.opener
            .watch(poll, interest(&self.onward, &self.back))?;
        self.target
            .watch(poll, interest(&self.back, &self.onward))?;
        Ok(Progress::Open)
    }

    /// Watches neither end any longer, not even for errors.
    pub(super) fn unwatch(&mut self, poll: &Poll) -> io::Result<()> {
        self.opener.watch(poll, EventFlags::empty())?;
        self.target.watch(poll, EventFlags::empty())
    }

    /// Both sockets.
    pub(super) fn ends(&self) -> [&TcpStream; 2] {
        [&self.opener.stream, &self.target.stream]
    }
}

/// What the end is watched for that `from_it` reads and `to_it` writes.
fn interest(from_it: &Pipe, to_it: &Pipe) -> EventFlags {
    let mut interest = EventFlags::empty();
    interest.set(EventFlags::IN, from_it.has_room());
    interest.set(EventFlags::OUT, !to_it.waiting.is_empty());
    interest
}

impl End {
    fn new(stream: TcpStream, token: Token) -> Self {
        Self {
            stream,
            token,
            interest: EventFlags::empty(),
        }
    }

    fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Watching for nothing is not watching: a socket in the set tells of errors always.
    fn watch(&mut self, poll: &Poll, interest: EventFlags) -> io::Result<()> {
        let before = std::mem::replace(&mut self.interest, interest);
        if before == interest {
            Ok(())
        } else if interest.is_empty() {
            poll.remove(&self.stream)
        } else if before.is_empty() {
            poll.add(&self.stream, self.token, interest)
        } else {
            poll.modify(&self.stream, self.token, interest)
        }
    }
}

impl Pipe {
    fn has_room(&self) -> bool {
        !self.ended && self.waiting.len() < PIPE_BYTES
    }

    /// Moves bytes until one of the ends would block, within bounds.
    fn carry(&mut self, from: &mut TcpStream, to: &mut TcpStream) -> io::Result<()> {
        for _ in 0..ROUNDS {
            let read = self.has_room() && self.read(from)?;
            let written = !self.waiting.is_empty() && self.write(to)?;
            if !read && !written {
                break;
            }
        }
        if self.ended && self.waiting.is_empty() && !self.shut {
            self.shut = true;
            match to.shutdown(Shutdown::Write) {
                // It has closed already; nobody is left to be told.
                Err(error) if error.kind() == ErrorKind::NotConnected => {}
                told => told?,
            }
        }
        Ok(())
    }

    /// Whether there was something to read, be it the end.
    fn read(&mut self, from: &mut TcpStream) -> io::Result<bool> {
        let mut piece = [0; 16 << 10];
        let Some(length) = unless_blocked(from.read(&mut piece))? else {
            return Ok(false);
        };
        self.ended = length == 0;
        self.waiting.extend_from_slice(&piece[..length]);
        Ok(true)
    }

    /// Whether anything could be written.
    fn write(&mut self, to: &mut TcpStream) -> io::Result<bool> {
        let Some(length) = unless_blocked(to.write(&self.waiting))? else {
            return Ok(false);
        };
        self.waiting.drain(..length);
        Ok(length > 0)
    }
}

fn unless_blocked(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(length) => Ok(Some(length)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
