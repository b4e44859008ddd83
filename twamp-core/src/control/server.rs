use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::request::judge;
use super::{ControlError, Entropy, Misuse, SUPPORTED};
use crate::security::{ControlKeys, KeyDerivation};
use crate::time::Mono;
use crate::wire::control::{
    Accept, AcceptSession, BLOCK_LEN, Command, Modes, NSessions, RequestTwSession, ServerGreeting,
    SetUpResponse, Sid, StartAck, StartSessions, StopSessions,
};

mod config;
mod event;
mod individual;
mod set_up;

pub use config::ServerConfig;
pub use event::{ServerEvent, SessionIndex};

/// The Server of one connection.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    peer: SocketAddr,
    local: SocketAddr,
    /// What was said first.
    greeting: ServerGreeting,
    /// Starts our CBC stream, if there will be one.
    server_iv: [u8; BLOCK_LEN],
    derivation: Option<KeyDerivation>,
    /// In the secure modes.
    keys: Option<ControlKeys>,
    /// What the client selected.
    modes: Modes,
    state: State,
    inbox: Inbox,
    outbox: Outbox,
    events: VecDeque<ServerEvent>,
    requests: u32,
    /// Accepted and not yet stopped.
    sessions: Vec<Session>,
    /// Not all running sessions have expired: no SERVWAIT.
    alive: bool,
    /// When the last message was complete, or the first octet of the next one came.
    waiting_since: Mono,
}

/// A session that was accepted.
#[derive(Clone, Copy, Debug)]
struct Session {
    index: SessionIndex,
    sid: Sid,
    running: bool,
}

#[derive(PartialEq, Debug)]
enum State {
    /// Waits for Set-Up-Response.
    SetUp,
    /// Waits for the driver's key.
    Deriving(SetUpResponse),
    /// Waits for a command. With individual session control sessions may be running.
    Ready,
    /// Waits for the driver's answer about a session, with the octets to be returned.
    Deciding {
        session: SessionIndex,
        octets: ReflectedOctets,
    },
    /// Waits for Stop-Sessions.
    Testing,
    Ended(ControlError),
}

/// The fields of an Accept-Session that RFC 6038 gives a meaning.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct ReflectedOctets {
    reflected: u16,
    server: u16,
}

impl State {
    fn expected(&self) -> &'static str {
        match self {
            Self::SetUp => "Set-Up-Response",
            Self::Ready => "a command of the selected modes",
            Self::Testing => "Stop-Sessions",
            Self::Deriving(_) | Self::Deciding { .. } | Self::Ended(_) => "nothing",
        }
    }
}

impl Server {
    /// A server on a connection from `peer` to `local` that was accepted at `now`. It speaks
    /// first: there is something to transmit at once.
    pub fn new(
        config: ServerConfig,
        peer: SocketAddr,
        local: SocketAddr,
        entropy: &mut dyn Entropy,
        now: Mono,
    ) -> Self {
        let mut greeting = ServerGreeting {
            modes: config.modes & SUPPORTED,
            challenge: [0; 16],
            salt: [0; 16],
            count: config.legal_count(),
        };
        let mut server_iv = [0; BLOCK_LEN];
        entropy.fill(&mut greeting.challenge);
        entropy.fill(&mut greeting.salt);
        entropy.fill(&mut server_iv);
        let mut outbox = Outbox::default();
        outbox.say(&greeting.to_bytes());
        Server {
            config,
            peer: canonical(peer),
            local: canonical(local),
            greeting,
            server_iv,
            derivation: None,
            keys: None,
            modes: Modes::NONE,
            state: State::SetUp,
            inbox: Inbox::default(),
            outbox,
            events: VecDeque::new(),
            requests: 0,
            sessions: Vec::new(),
            alive: false,
            waiting_since: now,
        }
    }

    /// Grants the session, to be probed on `port`, which need not be the wanted one.
    ///
    /// # Errors
    /// [`Misuse`] if this session waits for no answer (any more) or `port` is 0.
    pub fn accept_session(
        &mut self,
        session: SessionIndex,
        port: u16,
        sid: Sid,
        now: Mono,
    ) -> Result<(), Misuse> {
        if port == 0 {
            return Err(Misuse::NoPort);
        }
        self.answer(session, &AcceptSession::grant(port, sid), now)
    }

    /// Refuses the session; the connection goes on. [`Accept::OK`] is no refusal and is sent as
    /// [`Accept::FAILURE`].
    ///
    /// # Errors
    /// [`Misuse`] if this session waits for no answer (any more).
    pub fn refuse_session(
        &mut self,
        session: SessionIndex,
        accept: Accept,
        now: Mono,
    ) -> Result<(), Misuse> {
        let accept = if accept.is_ok() {
            Accept::FAILURE
        } else {
            accept
        };
        self.answer(session, &AcceptSession::refusal(accept), now)
    }

    /// REFWAIT has expired on all sessions: SERVWAIT counts again, from `now`
    /// (RFC 5357, section 4.2).
    pub fn sessions_expired(&mut self, now: Mono) {
        if self.is_testing() && self.alive {
            self.alive = false;
            self.waiting_since = now;
        }
    }

    /// Takes octets from the client.
    ///
    /// # Errors
    /// The reason, if the connection must close; it is also the last event.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Mono) -> Result<(), ControlError> {
        if let State::Ended(reason) = self.state {
            return Err(reason);
        }
        if self.inbox.is_empty() && !bytes.is_empty() && self.state != State::SetUp {
            self.waiting_since = now;
        }
        self.inbox.push(bytes);
        self.read(now)
    }

    /// Acts if the time told by [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Mono) {
        if let Some((after, reason)) = self.patience()
            && self.waiting_since + after <= now
        {
            self.end(reason);
        }
    }

    /// The client closed the connection.
    pub fn handle_closed(&mut self) {
        let reason = match &self.state {
            State::Ready if self.is_testing() => ControlError::ClosedEarly {
                expected: "Stop-N-Sessions",
            },
            State::Ready if self.inbox.is_empty() => ControlError::Closed,
            State::Deciding { .. } => ControlError::Closed,
            waiting => ControlError::ClosedEarly {
                expected: waiting.expected(),
            },
        };
        self.end(reason);
    }

    /// Octets for the client.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outbox.poll()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None`: no timer is running.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.patience().map(|(after, _)| self.waiting_since + after)
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// False while an answer or a key of the driver's is due, and after the end: read no more
    /// octets from the connection then. Up to [`BACKLOG_LIMIT`](super::BACKLOG_LIMIT) of them are
    /// kept.
    pub fn wants_bytes(&self) -> bool {
        !matches!(
            self.state,
            State::Deriving(_) | State::Deciding { .. } | State::Ended(_)
        )
    }

    /// False until a valid Set-Up-Response has come, and its key has proved right. Of too many
    /// connections, drop the oldest that is not set up.
    pub fn is_set_up(&self) -> bool {
        !matches!(self.state, State::SetUp | State::Deriving(_))
    }

    fn read(&mut self, now: Mono) -> Result<(), ControlError> {
        self.read_messages(now)
            .and_then(|()| self.inbox.check_backlog())
            .inspect_err(|reason| self.end(*reason))
    }

    fn read_messages(&mut self, now: Mono) -> Result<(), ControlError> {
        while self.read_message()? {
            self.waiting_since = now;
        }
        Ok(())
    }

    /// Reads one message and acts on it; false if there is none to read.
    fn read_message(&mut self) -> Result<bool, ControlError> {
        match self.state {
            State::Deriving(_) | State::Deciding { .. } | State::Ended(_) => return Ok(false),
            State::SetUp => {
                let Some(message) = self.inbox.take(SetUpResponse::LEN) else {
                    return Ok(false);
                };
                let response = SetUpResponse::parse(message)?;
                self.set_up(response)?;
                return Ok(true);
            }
            State::Ready | State::Testing => {}
        }
        let Some(block) = self.inbox.peek(BLOCK_LEN).and_then(|b| b.first_chunk()) else {
            return Ok(false);
        };
        let (command, block) = (Command(block[0]), *block);
        let len = self.command_len(command, &block)?;
        let Some(message) = self.inbox.take_verified(len)? else {
            return Ok(false);
        };
        match command {
            Command::REQUEST_TW_SESSION => {
                let request = RequestTwSession::parse(message)?;
                self.requested(&request);
            }
            Command::START_SESSIONS => {
                StartSessions::parse(message)?;
                self.start();
            }
            Command::STOP_SESSIONS => {
                let stop = StopSessions::parse(message)?;
                self.stop(&stop)?;
            }
            _ => {
                let message = NSessions::parse(command, message)?;
                self.command_n_sessions(&message);
            }
        }
        Ok(true)
    }

    /// Octets of the command that begins with `block`, if it has a place here.
    fn command_len(
        &mut self,
        command: Command,
        block: &[u8; BLOCK_LEN],
    ) -> Result<usize, ControlError> {
        let individual = self.modes.contains(Modes::INDIVIDUAL_SESSIONS);
        let testing = self.state == State::Testing;
        match command {
            Command::REQUEST_TW_SESSION if !testing => Ok(RequestTwSession::LEN),
            Command::START_SESSIONS if !individual && !testing => Ok(StartSessions::LEN),
            Command::STOP_SESSIONS if testing => Ok(StopSessions::LEN),
            Command::START_N_SESSIONS | Command::STOP_N_SESSIONS if individual => {
                self.n_sessions_len(command, block)
            }
            _ => Err(self.unexpected(command.0)),
        }
    }

    fn requested(&mut self, request: &RequestTwSession) {
        let judged = judge(request, self.modes, &self.config, self.peer, self.local);
        let octets = self.reflected_octets(request);
        let request = match judged {
            Ok(_) if self.sessions.len() >= self.config.max_sessions as usize => {
                Err(Accept::TEMPORARY_LIMIT)
            }
            judged => judged,
        };
        match request {
            Ok(request) => {
                let session = SessionIndex(self.requests);
                self.requests = self.requests.wrapping_add(1);
                self.state = State::Deciding { session, octets };
                self.events
                    .push_back(ServerEvent::SessionRequested { session, request });
            }
            Err(accept) => self.outbox.send(&AcceptSession::refusal(accept).to_bytes()),
        }
    }

    fn reflected_octets(&self, request: &RequestTwSession) -> ReflectedOctets {
        if !self.modes.contains(Modes::REFLECT_OCTETS) {
            return ReflectedOctets::default();
        }
        ReflectedOctets {
            reflected: request.octets_to_reflect,
            // They need two octets of padding.
            server: match request.padding_to_reflect {
                0 | 1 => 0,
                _ => self.config.server_octets,
            },
        }
    }

    fn answer(
        &mut self,
        session: SessionIndex,
        answer: &AcceptSession,
        now: Mono,
    ) -> Result<(), Misuse> {
        let octets = match self.state {
            State::Deciding {
                session: waiting,
                octets,
            } if waiting == session => octets,
            State::Ended(_) => return Err(Misuse::Ended),
            _ => return Err(Misuse::NotWaiting),
        };
        let mut answer = *answer;
        if answer.accept.is_ok() {
            answer.reflected_octets = octets.reflected;
            answer.server_octets = octets.server;
            self.sessions.push(Session {
                index: session,
                sid: answer.sid,
                running: false,
            });
        }
        self.outbox.send(&answer.to_bytes());
        self.state = State::Ready;
        self.waiting_since = now;
        // What goes wrong in what was sent ahead is told by `Ended`, not here: this answer stands.
        let _ = self.read(now);
        Ok(())
    }

    fn start(&mut self) {
        let accept = if self.sessions.is_empty() {
            Accept::FAILURE
        } else {
            self.state = State::Testing;
            self.alive = true;
            self.events.push_back(ServerEvent::Started);
            Accept::OK
        };
        let hmac = [0; 16];
        self.outbox.send(&StartAck { accept, hmac }.to_bytes());
    }

    fn stop(&mut self, stop: &StopSessions) -> Result<(), ControlError> {
        let expected = self.sessions.len() as u32;
        if stop.sessions != expected {
            return Err(ControlError::WrongSessionCount {
                expected,
                found: stop.sessions,
            });
        }
        let accept = stop.accept;
        self.sessions.clear();
        self.state = State::Ready;
        self.events.push_back(ServerEvent::Stopped { accept });
        Ok(())
    }

    /// Sessions are running.
    fn is_testing(&self) -> bool {
        self.state == State::Testing || self.sessions.iter().any(|session| session.running)
    }

    /// The length of an unknown command is unknown: the stream is lost after the answer.
    fn unexpected(&mut self, found: u8) -> ControlError {
        let refusal = AcceptSession::refusal(Accept::NOT_SUPPORTED);
        self.outbox.send(&refusal.to_bytes());
        ControlError::UnexpectedCommand {
            found,
            expected: self.state.expected(),
        }
    }

    /// How long to wait for what is awaited, and how it ends if it doesn't come.
    fn patience(&self) -> Option<(Duration, ControlError)> {
        let timed_out = |after| {
            let expected = self.state.expected();
            (after, ControlError::TimedOut { expected, after })
        };
        match self.state {
            State::Deriving(_) | State::Deciding { .. } | State::Ended(_) => None,
            State::SetUp => Some(timed_out(self.config.set_up_timeout)),
            _ if !self.inbox.is_empty() => Some(timed_out(self.config.read_timeout)),
            State::Ready | State::Testing if self.alive && self.is_testing() => None,
            State::Ready | State::Testing => {
                let after = self.config.servwait;
                Some((after, ControlError::Idle { after }))
            }
        }
    }

    fn end(&mut self, reason: ControlError) {
        if matches!(self.state, State::Ended(_)) {
            return;
        }
        self.state = State::Ended(reason);
        self.derivation = None;
        self.inbox.clear();
        self.events.push_back(ServerEvent::Ended(reason));
    }
}

/// On a dual-stack socket IPv4 comes as mapped IPv6; the protocol knows it as IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip if ip == address.ip() => address,
        ip => (ip, address.port()).into(),
    }
}

#[cfg(test)]
mod tests;
