use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use super::inbox::Inbox;
use super::{ControlError, Misuse, SUPPORTED};
use crate::time::{Mono, Ntp64};
use crate::wire::control::{
    Accept, AcceptSession, MIN_COUNT, Modes, RequestTwSession, ServerGreeting, ServerStart,
    SetUpResponse, Sid, StartAck, StartSessions, StopSessions, TypeP,
};

/// What a [`Client`] may do.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Security modes it may select.
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

/// A request's number, unique on its connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct RequestId(pub u32);

/// The version of a session's addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A session to ask for (RFC 5357, section 3.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionRequest {
    /// UDP port that probes come from.
    pub sender_port: u16,
    /// UDP port wanted of the reflector; it may give another one.
    pub receiver_port: u16,
    /// Where probes come from; `None`: the control connection's near end.
    pub sender_address: Option<IpAddr>,
    /// Where probes go to; `None`: the control connection's far end.
    pub receiver_address: Option<IpAddr>,
    /// Version of both addresses, also of those not given.
    pub ip_version: IpVersion,
    /// Octets of padding on every probe.
    pub padding: u32,
    /// When probing begins; zero: at once after the start.
    pub start_time: Ntp64,
    /// How long the reflector should answer after the stop.
    pub timeout: Duration,
    /// Marking of probes and replies.
    pub dscp: u8,
}

/// What a [`Client`] has to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The connection is set up.
    Ready {
        /// The modes selected.
        modes: Modes,
        /// When the server instance started: another value, another instance.
        server_start: Ntp64,
    },
    /// A session is granted.
    Accepted {
        /// Which request.
        request: RequestId,
        /// Where probes must go, whatever port was wanted.
        port: u16,
        /// The session's identifier.
        sid: Sid,
    },
    /// A session is refused; the connection goes on.
    Refused {
        /// Which request.
        request: RequestId,
        /// Why.
        accept: Accept,
    },
    /// All accepted sessions are started.
    Started,
    /// Nothing was started; `Ended` follows.
    StartRefused {
        /// Why.
        accept: Accept,
    },
    /// The last event: the connection must close.
    Ended(ControlError),
}

/// The Control-Client of one connection.
///
/// Requests are sent one at a time, in order: the next one when the last one is answered, and
/// those made while testing after the stop.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    state: State,
    inbox: Inbox,
    outbox: Vec<u8>,
    events: VecDeque<ClientEvent>,
    queue: VecDeque<(RequestId, SessionRequest)>,
    requests: u32,
    /// Sessions accepted and not yet stopped.
    accepted: u32,
    /// When the awaited answer is overdue.
    deadline: Option<Mono>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Waits for Server-Greeting.
    Greeting,
    /// Waits for Server-Start.
    SetUp {
        modes: Modes,
    },
    /// Free to send a command.
    Ready,
    /// Waits for Accept-Session.
    Requesting(RequestId),
    /// Waits for Start-Ack.
    Starting,
    /// Between Start-Ack and Stop-Sessions.
    Testing,
    Ended(ControlError),
}

impl State {
    fn expected(self) -> &'static str {
        match self {
            Self::Greeting => "Server-Greeting",
            Self::SetUp { .. } => "Server-Start",
            Self::Requesting(_) => "Accept-Session",
            Self::Starting => "Start-Ack",
            Self::Ready | Self::Testing | Self::Ended(_) => "nothing",
        }
    }
}

impl Client {
    /// A client on a connection that was made at `now`.
    pub fn new(config: ClientConfig, now: Mono) -> Self {
        let deadline = Some(now + config.reply_timeout);
        Client {
            config,
            state: State::Greeting,
            inbox: Inbox::default(),
            outbox: Vec::new(),
            events: VecDeque::new(),
            queue: VecDeque::new(),
            requests: 0,
            accepted: 0,
            deadline,
        }
    }

    /// Asks for a session, as soon as the connection allows. Legal at any time.
    pub fn request_session(&mut self, request: SessionRequest, now: Mono) -> RequestId {
        let id = RequestId(self.requests);
        self.requests = self.requests.wrapping_add(1);
        self.queue.push_back((id, request));
        self.send_next_request(now);
        id
    }

    /// Starts all accepted sessions.
    ///
    /// # Errors
    /// [`Misuse`] unless every request is answered and a session accepted.
    pub fn start_sessions(&mut self, now: Mono) -> Result<(), Misuse> {
        match self.state {
            State::Ready if self.accepted == 0 => Err(Misuse::NothingAccepted),
            State::Ready => {
                let start = StartSessions::default().to_bytes();
                self.ask(&start, State::Starting, now);
                Ok(())
            }
            State::Ended(_) => Err(Misuse::Ended),
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
                    sessions: self.accepted,
                    hmac: [0; 16],
                };
                self.outbox.extend(stop.to_bytes());
                self.accepted = 0;
                self.state = State::Ready;
                self.send_next_request(now);
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
            State::Ready => ControlError::Closed,
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
        (!self.outbox.is_empty()).then(|| std::mem::take(&mut self.outbox))
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
        loop {
            let len = match self.state {
                State::Greeting => ServerGreeting::LEN,
                State::SetUp { .. } => ServerStart::LEN,
                State::Requesting(_) => AcceptSession::LEN,
                State::Starting => StartAck::LEN,
                State::Ready | State::Testing => {
                    return match self.inbox.len() {
                        0 => Ok(()),
                        octets => Err(ControlError::Unsolicited { octets }),
                    };
                }
                State::Ended(_) => return Ok(()),
            };
            let Some(message) = self.inbox.take(len) else {
                return Ok(());
            };
            self.deadline = None;
            match self.state {
                State::Greeting => {
                    let greeting = ServerGreeting::parse(message)?;
                    self.greeted(&greeting, now)?;
                }
                State::SetUp { modes } => {
                    let start = ServerStart::parse(message)?;
                    self.set_up(modes, &start, now)?;
                }
                State::Requesting(request) => {
                    let answer = AcceptSession::parse(message)?;
                    self.answered(request, &answer, now)?;
                }
                State::Starting => {
                    let ack = StartAck::parse(message)?;
                    self.started(ack.accept)?;
                }
                State::Ready | State::Testing | State::Ended(_) => {}
            }
        }
    }

    fn greeted(&mut self, greeting: &ServerGreeting, now: Mono) -> Result<(), ControlError> {
        if greeting.modes.is_empty() {
            return Err(ControlError::OffersNothing);
        }
        let found = greeting.count;
        if found < MIN_COUNT || !found.is_power_of_two() {
            return Err(ControlError::IllegalCount { found });
        }
        let limit = self.config.max_count;
        if found > limit {
            return Err(ControlError::CountAboveLimit { found, limit });
        }
        if !(greeting.modes & self.config.modes & SUPPORTED).contains(Modes::OPEN) {
            return Err(ControlError::NoCommonMode {
                configured: self.config.modes & SUPPORTED,
                offered: greeting.modes,
            });
        }
        let response = SetUpResponse::open();
        let modes = response.mode;
        self.ask(&response.to_bytes(), State::SetUp { modes }, now);
        Ok(())
    }

    fn set_up(&mut self, modes: Modes, start: &ServerStart, now: Mono) -> Result<(), ControlError> {
        if !start.accept.is_ok() {
            return Err(ControlError::Refused {
                what: "the connection",
                accept: start.accept,
            });
        }
        self.state = State::Ready;
        self.events.push_back(ClientEvent::Ready {
            modes,
            server_start: start.start_time,
        });
        self.send_next_request(now);
        Ok(())
    }

    fn answered(
        &mut self,
        request: RequestId,
        answer: &AcceptSession,
        now: Mono,
    ) -> Result<(), ControlError> {
        let AcceptSession {
            accept, port, sid, ..
        } = *answer;
        self.events.push_back(if !accept.is_ok() {
            ClientEvent::Refused { request, accept }
        } else if port == 0 {
            return Err(ControlError::NoPort);
        } else {
            self.accepted += 1;
            ClientEvent::Accepted { request, port, sid }
        });
        self.state = State::Ready;
        self.send_next_request(now);
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

    fn send_next_request(&mut self, now: Mono) {
        if !matches!(self.state, State::Ready) {
            return;
        }
        if let Some((id, request)) = self.queue.pop_front() {
            let request = request.to_wire().to_bytes();
            self.ask(&request, State::Requesting(id), now);
        }
    }

    /// Sends what has an answer.
    fn ask(&mut self, message: &[u8], waiting: State, now: Mono) {
        self.outbox.extend_from_slice(message);
        self.state = waiting;
        self.deadline = Some(now + self.config.reply_timeout);
    }

    fn end(&mut self, reason: ControlError) {
        if matches!(self.state, State::Ended(_)) {
            return;
        }
        self.state = State::Ended(reason);
        self.deadline = None;
        self.inbox.clear();
        self.queue.clear();
        self.events.push_back(ClientEvent::Ended(reason));
    }
}

impl SessionRequest {
    fn to_wire(self) -> RequestTwSession {
        RequestTwSession {
            ip_version: match self.ip_version {
                IpVersion::V4 => 4,
                IpVersion::V6 => 6,
            },
            conf_sender: 0,
            conf_receiver: 0,
            schedule_slots: 0,
            packets: 0,
            sender_port: self.sender_port,
            receiver_port: self.receiver_port,
            sender_address: self.sender_address,
            receiver_address: self.receiver_address,
            sid: Sid::default(),
            padding_length: self.padding,
            start_time: self.start_time,
            timeout: Ntp64::from_duration(self.timeout),
            type_p: TypeP::from_dscp(self.dscp),
            octets_to_reflect: 0,
            padding_to_reflect: 0,
            hmac: [0; 16],
        }
    }
}

#[cfg(test)]
mod tests;
