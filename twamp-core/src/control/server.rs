use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::inbox::Inbox;
use super::request::{SessionParameters, judge};
use super::{ControlError, Entropy, Misuse, SUPPORTED};
use crate::time::{Mono, Ntp64};
use crate::wire::control::{
    Accept, AcceptSession, BLOCK_LEN, Command, MIN_COUNT, Modes, RequestTwSession, ServerGreeting,
    ServerStart, SetUpResponse, Sid, StartAck, StartSessions, StopSessions,
};

/// What a [`Server`] allows.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Modes to offer; those not supported are left out.
    pub modes: Modes,
    /// Key derivation count to announce; raised to the next legal one.
    pub count: u32,
    /// SERVWAIT: how long a connection may go without a command (RFC 5357, section 3.1).
    pub servwait: Duration,
    /// How long a message may take from its first octet to its last.
    pub read_timeout: Duration,
    /// How long a client may take from the connection to its whole Set-Up-Response.
    pub set_up_timeout: Duration,
    /// Sessions not yet stopped on one connection.
    pub max_sessions: u32,
    /// Octets of padding.
    pub max_padding: u32,
    /// Cap on how long to answer after the stop.
    pub max_timeout: Duration,
    /// When this server instance started: must be the same on all of its connections.
    pub server_start: Ntp64,
    /// Allows sessions whose sender is not the control client. Dangerous: replies can be aimed.
    pub other_senders: bool,
    /// Allows sessions on addresses other than the control connection's.
    pub other_receivers: bool,
}

impl ServerConfig {
    /// The defaults, for an instance that started at `server_start`: open mode, 900 s of SERVWAIT,
    /// 30 s for a message, 10 s for the set-up, 256 sessions, padding to fill a UDP packet,
    /// answers for at most 60 s after the stop, no addresses but the control connection's.
    pub fn new(server_start: Ntp64) -> Self {
        ServerConfig {
            modes: Modes::OPEN,
            count: MIN_COUNT,
            servwait: Duration::from_secs(900),
            read_timeout: Duration::from_secs(30),
            set_up_timeout: Duration::from_secs(10),
            max_sessions: 256,
            max_padding: 65_507 - crate::wire::test::SENDER_LEN as u32,
            max_timeout: Duration::from_secs(60),
            server_start,
            other_senders: false,
            other_receivers: false,
        }
    }
}

/// A session's number, unique on its connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct SessionIndex(pub u32);

/// What a [`Server`] has to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerEvent {
    /// The connection is set up.
    Ready {
        /// The modes the client selected.
        modes: Modes,
    },
    /// A session is asked for: answer with [`Server::accept_session`] or
    /// [`Server::refuse_session`]. Until then nothing more is read.
    SessionRequested {
        /// Which session.
        session: SessionIndex,
        /// What is asked.
        request: SessionParameters,
    },
    /// All accepted sessions start: reflect from now on.
    Started,
    /// All sessions stop, each after its own timeout.
    Stopped {
        /// Anything but OK: the client says that its results are invalid.
        accept: Accept,
    },
    /// The last event: the connection must close. Sessions still running stop after their
    /// timeouts; their results are invalid.
    Ended(ControlError),
}

/// The Server of one connection.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    peer: SocketAddr,
    local: SocketAddr,
    state: State,
    inbox: Inbox,
    outbox: Vec<u8>,
    events: VecDeque<ServerEvent>,
    sessions: u32,
    /// Sessions accepted and not yet stopped.
    accepted: u32,
    /// When the last message was complete, or the first octet of the next one came.
    waiting_since: Mono,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    /// Waits for Set-Up-Response.
    SetUp,
    /// Waits for Request-TW-Session or Start-Sessions.
    Ready,
    /// Waits for the driver's answer.
    Deciding(SessionIndex),
    /// Waits for Stop-Sessions; while a session is `alive`, without SERVWAIT.
    Testing {
        alive: bool,
    },
    Ended(ControlError),
}

impl State {
    fn expected(self) -> &'static str {
        match self {
            Self::SetUp => "Set-Up-Response",
            Self::Ready => "Request-TW-Session or Start-Sessions",
            Self::Testing { .. } => "Stop-Sessions",
            Self::Deciding(_) | Self::Ended(_) => "nothing",
        }
    }
}

impl Server {
    /// A server on a connection from `peer` to `local` that was accepted at `now`. It speaks
    /// first: there is something to transmit at once.
    pub fn new(
        mut config: ServerConfig,
        peer: SocketAddr,
        local: SocketAddr,
        entropy: &mut dyn Entropy,
        now: Mono,
    ) -> Self {
        config.modes = config.modes & SUPPORTED;
        let mut greeting = ServerGreeting {
            modes: config.modes,
            challenge: [0; 16],
            salt: [0; 16],
            count: legal_count(config.count),
        };
        entropy.fill(&mut greeting.challenge);
        entropy.fill(&mut greeting.salt);
        Server {
            config,
            peer: canonical(peer),
            local: canonical(local),
            state: State::SetUp,
            inbox: Inbox::default(),
            outbox: greeting.to_bytes().to_vec(),
            events: VecDeque::new(),
            sessions: 0,
            accepted: 0,
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
        if matches!(self.state, State::Testing { .. }) {
            self.state = State::Testing { alive: false };
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
        let reason = match self.state {
            State::Ready if self.inbox.is_empty() => ControlError::Closed,
            State::Deciding(_) => ControlError::Closed,
            waiting => ControlError::ClosedEarly {
                expected: waiting.expected(),
            },
        };
        self.end(reason);
    }

    /// Octets for the client.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.outbox.is_empty()).then(|| std::mem::take(&mut self.outbox))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None`: no timer is running.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.patience().map(|(after, _)| self.waiting_since + after)
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// False while an answer of the driver's is due, and after the end: read no more octets from
    /// the connection then. Up to [`BACKLOG_LIMIT`](super::BACKLOG_LIMIT) of them are kept.
    pub fn wants_bytes(&self) -> bool {
        !matches!(self.state, State::Deciding(_) | State::Ended(_))
    }

    /// False until a valid Set-Up-Response has come. Of too many connections, drop the oldest
    /// that is not set up.
    pub fn is_set_up(&self) -> bool {
        self.state != State::SetUp
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
        let testing = match self.state {
            State::Deciding(_) | State::Ended(_) => return Ok(false),
            State::SetUp => {
                let Some(message) = self.inbox.take(SetUpResponse::LEN) else {
                    return Ok(false);
                };
                let response = SetUpResponse::parse(message)?;
                self.set_up(response.mode)?;
                return Ok(true);
            }
            State::Ready => false,
            State::Testing { .. } => true,
        };
        let Some(&[command, ..]) = self.inbox.peek(BLOCK_LEN) else {
            return Ok(false);
        };
        let len = match (Command(command), testing) {
            (Command::REQUEST_TW_SESSION, false) => RequestTwSession::LEN,
            (Command::START_SESSIONS, false) => StartSessions::LEN,
            (Command::STOP_SESSIONS, true) => StopSessions::LEN,
            _ => return Err(self.unexpected(command)),
        };
        let Some(message) = self.inbox.take(len) else {
            return Ok(false);
        };
        match Command(command) {
            Command::REQUEST_TW_SESSION => {
                let request = RequestTwSession::parse(message)?;
                self.requested(&request);
            }
            Command::START_SESSIONS => {
                StartSessions::parse(message)?;
                self.start();
            }
            _ => {
                let stop = StopSessions::parse(message)?;
                self.stop(&stop)?;
            }
        }
        Ok(true)
    }

    fn set_up(&mut self, modes: Modes) -> Result<(), ControlError> {
        if modes.is_empty() {
            return Err(ControlError::SelectsNothing);
        }
        if !modes.is_selection_from(self.config.modes) {
            let refusal = ServerStart::refusal(Accept::NOT_SUPPORTED);
            self.outbox.extend(refusal.to_bytes());
            return Err(ControlError::IllegalSelection {
                offered: self.config.modes,
                found: modes,
            });
        }
        let start = ServerStart {
            accept: Accept::OK,
            server_iv: [0; 16],
            start_time: self.config.server_start,
        };
        self.outbox.extend(start.to_bytes());
        self.state = State::Ready;
        self.events.push_back(ServerEvent::Ready { modes });
        Ok(())
    }

    fn requested(&mut self, request: &RequestTwSession) {
        let judged = judge(request, &self.config, self.peer, self.local);
        let request = match judged {
            Ok(_) if self.accepted >= self.config.max_sessions => Err(Accept::TEMPORARY_LIMIT),
            judged => judged,
        };
        match request {
            Ok(request) => {
                let session = SessionIndex(self.sessions);
                self.sessions = self.sessions.wrapping_add(1);
                self.state = State::Deciding(session);
                self.events
                    .push_back(ServerEvent::SessionRequested { session, request });
            }
            Err(accept) => self
                .outbox
                .extend(AcceptSession::refusal(accept).to_bytes()),
        }
    }

    fn answer(
        &mut self,
        session: SessionIndex,
        answer: &AcceptSession,
        now: Mono,
    ) -> Result<(), Misuse> {
        match self.state {
            State::Deciding(waiting) if waiting == session => {}
            State::Ended(_) => return Err(Misuse::Ended),
            _ => return Err(Misuse::NotWaiting),
        }
        self.outbox.extend(answer.to_bytes());
        self.accepted += u32::from(answer.accept.is_ok());
        self.state = State::Ready;
        self.waiting_since = now;
        // What goes wrong in what was sent ahead is told by `Ended`, not here: this answer stands.
        let _ = self.read(now);
        Ok(())
    }

    fn start(&mut self) {
        let accept = if self.accepted > 0 {
            self.state = State::Testing { alive: true };
            self.events.push_back(ServerEvent::Started);
            Accept::OK
        } else {
            Accept::FAILURE
        };
        let hmac = [0; 16];
        self.outbox.extend(StartAck { accept, hmac }.to_bytes());
    }

    fn stop(&mut self, stop: &StopSessions) -> Result<(), ControlError> {
        if stop.sessions != self.accepted {
            return Err(ControlError::WrongSessionCount {
                expected: self.accepted,
                found: stop.sessions,
            });
        }
        let accept = stop.accept;
        self.accepted = 0;
        self.state = State::Ready;
        self.events.push_back(ServerEvent::Stopped { accept });
        Ok(())
    }

    /// The length of an unknown command is unknown: the stream is lost after the answer.
    fn unexpected(&mut self, found: u8) -> ControlError {
        let refusal = AcceptSession::refusal(Accept::NOT_SUPPORTED);
        self.outbox.extend(refusal.to_bytes());
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
            State::Deciding(_) | State::Ended(_) => None,
            State::SetUp => Some(timed_out(self.config.set_up_timeout)),
            _ if !self.inbox.is_empty() => Some(timed_out(self.config.read_timeout)),
            State::Testing { alive: true } => None,
            State::Ready | State::Testing { alive: false } => {
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
        self.inbox.clear();
        self.events.push_back(ServerEvent::Ended(reason));
    }
}

/// The least power of two that is legal and not below `count`.
fn legal_count(count: u32) -> u32 {
    count
        .max(MIN_COUNT)
        .checked_next_power_of_two()
        .unwrap_or(1 << 31)
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
