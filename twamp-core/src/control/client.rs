use std::collections::VecDeque;
use std::time::Duration;

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::{ControlError, Entropy, Misuse};
use crate::security::{KeyDerivation, KeyId};
use crate::time::Mono;
use crate::wire::control::{
    Accept, AcceptSession, Modes, ServerGreeting, ServerStart, Sid, StartAck, StartSessions,
    StopSessions,
};

mod event;
mod individual;
mod request;
mod set_up;

pub use event::ClientEvent;
pub use request::{IpVersion, Reflection, RequestId, SessionRequest};

use set_up::Credentials;

/// What a [`Client`] may do.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Modes it may select, out of what is offered: the strongest of the security modes (encrypted,
    /// authenticated, mixed, open), and all of the features. Secure modes need a key.
    pub modes: Modes,
    /// The largest key derivation count it puts up with.
    pub max_count: u32,
    /// How long it waits for each answer.
    pub reply_timeout: Duration,
}

/// Open mode, counts up to 32768 (RFC 5357, section 6), ten seconds.
impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            modes: Modes::OPEN,
            max_count: 32768,
            reply_timeout: Duration::from_secs(10),
        }
    }
}

/// The Control-Client of one connection.
///
/// Requests are sent one at a time, in order: the next one when the last one is answered, and
/// those made while testing after the stop.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    /// For the secure modes.
    credentials: Option<Credentials>,
    derivation: Option<KeyDerivation>,
    /// What was selected.
    modes: Modes,
    state: State,
    inbox: Inbox,
    outbox: Outbox,
    events: VecDeque<ClientEvent>,
    queue: VecDeque<Errand>,
    requests: u32,
    /// Accepted and not yet stopped.
    sessions: Vec<Session>,
    /// Whose acknowledgements are awaited (RFC 5938).
    unacknowledged: Vec<Session>,
    /// When the awaited answer is overdue.
    deadline: Option<Mono>,
}

/// What is done one at a time, in order.
#[derive(Clone, Debug)]
enum Errand {
    Request(RequestId, SessionRequest, Reflection),
    Start(Vec<Session>),
    Stop(Vec<Session>),
}

/// A session that was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Session {
    request: RequestId,
    sid: Sid,
    /// Or about to, with individual session control.
    running: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Waits for Server-Greeting.
    Greeting,
    /// Waits for the driver's key.
    Deriving(ServerGreeting),
    /// Waits for Server-Start.
    SetUp,
    /// Free to send a command.
    Ready,
    /// Waits for Accept-Session.
    Requesting(RequestId, Reflection),
    /// Waits for Start-Ack.
    Starting,
    /// Between Start-Ack and Stop-Sessions.
    Testing,
    /// Waits for Start-N-Ack.
    StartingN,
    /// Waits for Stop-N-Ack.
    StoppingN,
    Ended(ControlError),
}

impl State {
    fn expected(self) -> &'static str {
        match self {
            Self::Greeting => "Server-Greeting",
            Self::SetUp => "Server-Start",
            Self::Requesting(..) => "Accept-Session",
            Self::Starting => "Start-Ack",
            Self::StartingN => "Start-N-Ack",
            Self::StoppingN => "Stop-N-Ack",
            Self::Deriving(_) | Self::Ready | Self::Testing | Self::Ended(_) => "nothing",
        }
    }
}

impl Client {
    /// A client without a key, on a connection that was made at `now`: of the security modes it
    /// can do the open one.
    pub fn new(config: ClientConfig, now: Mono) -> Self {
        let deadline = Some(now + config.reply_timeout);
        Client {
            config,
            credentials: None,
            derivation: None,
            modes: Modes::NONE,
            state: State::Greeting,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            queue: VecDeque::new(),
            requests: 0,
            sessions: Vec::new(),
            unacknowledged: Vec::new(),
            deadline,
        }
    }

    /// A client that can name a secret, and so do the secure modes too. With the secret of an
    /// IKEv2 security association it does them only where [`Modes::IKEV2_KEYS`] is allowed and
    /// offered (RFC 7717).
    pub fn with_key(
        config: ClientConfig,
        key_id: KeyId,
        entropy: &mut dyn Entropy,
        now: Mono,
    ) -> Self {
        Client {
            credentials: Some(Credentials::new(key_id, entropy)),
            ..Self::new(config, now)
        }
    }

    /// Asks for a session, as soon as the connection allows. Legal at any time.
    pub fn request_session(&mut self, request: SessionRequest, now: Mono) -> RequestId {
        self.request_reflecting_session(request, Reflection::default(), now)
    }

    /// The same for a session that reflects octets (RFC 6038). Where that is not selected,
    /// `reflection` is not sent.
    pub fn request_reflecting_session(
        &mut self,
        request: SessionRequest,
        reflection: Reflection,
        now: Mono,
    ) -> RequestId {
        let id = RequestId(self.requests);
        self.requests = self.requests.wrapping_add(1);
        self.queue
            .push_back(Errand::Request(id, request, reflection));
        self.run_next_errand(now);
        id
    }

    /// Starts all accepted sessions.
    ///
    /// # Errors
    /// [`Misuse`] unless every request is answered and a session accepted, or with individual
    /// session control.
    pub fn start_sessions(&mut self, now: Mono) -> Result<(), Misuse> {
        match self.state {
            State::Ended(_) => Err(Misuse::Ended),
            _ if self.is_individual() => Err(Misuse::WrongControl { individual: true }),
            State::Ready if self.sessions.is_empty() => Err(Misuse::NothingAccepted),
            State::Ready => {
                let start = StartSessions::default().to_bytes();
                self.ask(&start, State::Starting, now);
                Ok(())
            }
            _ => Err(Misuse::NotReady),
        }
    }

    /// Stops all sessions; anything but [`Accept::OK`] says that the results are invalid.
    /// Nothing answers it. New sessions may be requested on the same connection.
    ///
    /// # Errors
    /// [`Misuse`] unless the sessions are started.
    pub fn stop_sessions(&mut self, accept: Accept, now: Mono) -> Result<(), Misuse> {
        match self.state {
            State::Testing => {
                let stop = StopSessions {
                    accept,
                    sessions: self.sessions.len() as u32,
                    hmac: [0; 16],
                };
                self.outbox.send(&stop.to_bytes());
                self.sessions.clear();
                self.state = State::Ready;
                self.run_next_errand(now);
                Ok(())
            }
            State::Ended(_) => Err(Misuse::Ended),
            _ => Err(Misuse::NotTesting),
        }
    }

    /// Takes octets from the server.
    ///
    /// # Errors
    /// The reason, if the connection must close; it is also the last event.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Mono) -> Result<(), ControlError> {
        if let State::Ended(reason) = self.state {
            return Err(reason);
        }
        self.inbox.push(bytes);
        self.read(now).inspect_err(|reason| self.end(*reason))
    }

    /// Acts if the time told by [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Mono) {
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.end(ControlError::TimedOut {
                expected: self.state.expected(),
                after: self.config.reply_timeout,
            });
        }
    }

    /// The server closed the connection.
    pub fn handle_closed(&mut self) {
        let reason = match self.state {
            State::SetUp if !self.modes.features().is_empty() => ControlError::FeaturesRefused {
                selected: self.modes,
            },
            State::Ready if self.sessions.iter().any(|session| session.running) => {
                ControlError::ClosedEarly {
                    expected: "it to stay open until Stop-N-Sessions",
                }
            }
            State::Ready | State::Deriving(_) => ControlError::Closed,
            State::Testing => ControlError::ClosedEarly {
                expected: "it to stay open until Stop-Sessions",
            },
            waiting => ControlError::ClosedEarly {
                expected: waiting.expected(),
            },
        };
        self.end(reason);
    }

    /// Octets for the server.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outbox.poll()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None`: nothing is awaited.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.deadline
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    fn read(&mut self, now: Mono) -> Result<(), ControlError> {
        while self.read_message(now)? {}
        Ok(())
    }

    /// Reads one message and acts on it; false if there is none to read.
    fn read_message(&mut self, now: Mono) -> Result<bool, ControlError> {
        let message = match self.state {
            State::Greeting => self.inbox.take(ServerGreeting::LEN),
            State::SetUp => self.inbox.take(ServerStart::LEN),
            State::Requesting(..) => self.inbox.take_verified(AcceptSession::LEN)?,
            State::Starting => self.inbox.take_verified(StartAck::LEN)?,
            State::StartingN | State::StoppingN => return self.read_acknowledgement(now),
            State::Deriving(_) | State::Ready | State::Testing => match self.inbox.len() {
                0 => None,
                octets => return Err(ControlError::Unsolicited { octets }),
            },
            State::Ended(_) => None,
        };
        let Some(message) = message else {
            return Ok(false);
        };
        self.deadline = None;
        match self.state {
            State::Greeting => {
                let greeting = ServerGreeting::parse(message)?;
                self.greeted(&greeting, now)?;
            }
            State::SetUp => {
                let mut start = [0; ServerStart::LEN];
                start.copy_from_slice(message);
                self.set_up(start, now)?;
            }
            State::Requesting(request, reflection) => {
                let answer = AcceptSession::parse(message)?;
                self.answered(request, reflection, &answer, now)?;
            }
            _ => {
                let ack = StartAck::parse(message)?;
                self.started(ack.accept)?;
            }
        }
        Ok(true)
    }

    fn answered(
        &mut self,
        request: RequestId,
        reflection: Reflection,
        answer: &AcceptSession,
        now: Mono,
    ) -> Result<(), ControlError> {
        let AcceptSession {
            accept,
            port,
            sid,
            server_octets,
            reflected_octets: found,
            ..
        } = *answer;
        let reflects = self.modes.contains(Modes::REFLECT_OCTETS);
        let expected = reflection.octets;
        self.events.push_back(if !accept.is_ok() {
            ClientEvent::Refused { request, accept }
        } else if port == 0 {
            return Err(ControlError::NoPort);
        } else if reflects && found != expected {
            return Err(ControlError::WrongOctets { expected, found });
        } else {
            self.sessions.push(Session {
                request,
                sid,
                running: false,
            });
            ClientEvent::Accepted {
                request,
                port,
                sid,
                server_octets: if reflects { server_octets } else { 0 },
            }
        });
        self.state = State::Ready;
        self.run_next_errand(now);
        Ok(())
    }

    fn started(&mut self, accept: Accept) -> Result<(), ControlError> {
        if accept.is_ok() {
            self.state = State::Testing;
            self.events.push_back(ClientEvent::Started);
            return Ok(());
        }
        self.events.push_back(ClientEvent::StartRefused { accept });
        Err(ControlError::Refused {
            what: "Start-Sessions",
            accept,
        })
    }

    fn run_next_errand(&mut self, now: Mono) {
        if !matches!(self.state, State::Ready) {
            return;
        }
        match self.queue.pop_front() {
            Some(Errand::Request(id, request, reflection)) => {
                let reflection = match self.modes.contains(Modes::REFLECT_OCTETS) {
                    true => reflection,
                    false => Reflection::default(),
                };
                let request = request.to_wire(reflection).to_bytes();
                self.ask(&request, State::Requesting(id, reflection), now);
            }
            Some(Errand::Start(sessions)) => self.command(State::StartingN, sessions, now),
            Some(Errand::Stop(sessions)) => self.command(State::StoppingN, sessions, now),
            None => {}
        }
    }

    /// Sends what has an answer.
    fn ask(&mut self, message: &[u8], waiting: State, now: Mono) {
        self.outbox.send(message);
        self.wait(waiting, now);
    }

    fn wait(&mut self, waiting: State, now: Mono) {
        self.state = waiting;
        self.deadline = Some(now + self.config.reply_timeout);
    }

    fn end(&mut self, reason: ControlError) {
        if matches!(self.state, State::Ended(_)) {
            return;
        }
        self.state = State::Ended(reason);
        self.deadline = None;
        self.derivation = None;
        self.inbox.clear();
        self.queue.clear();
        self.events.push_back(ClientEvent::Ended(reason));
    }
}

#[cfg(test)]
mod tests;
