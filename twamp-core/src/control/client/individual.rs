//! Sessions started and stopped one by one (RFC 5938).

use super::{Client, ClientEvent, Errand, RequestId, Session, State};
use crate::control::{ControlError, Misuse};
use crate::time::Mono;
use crate::wire::control::{Accept, BLOCK_LEN, Command, Modes, NSessions, Sid};

impl Client {
    /// Starts these sessions, as soon as the connection allows. What became of each is told by
    /// `SessionStarted` or `SessionNotStarted`. Others may be running, or be requested later.
    ///
    /// # Errors
    /// [`Misuse`] unless individual session control is selected, and each of the sessions is
    /// accepted and not yet started.
    pub fn start_each(&mut self, requests: &[RequestId], now: Mono) -> Result<(), Misuse> {
        let sessions = self.mark(requests, true)?;
        self.run(Errand::Start(sessions), now);
        Ok(())
    }

    /// Stops these sessions, as soon as the connection allows; the others go on. What became of
    /// each is told by `SessionStopped`.
    ///
    /// # Errors
    /// [`Misuse`] unless individual session control is selected, and each of the sessions is
    /// started.
    pub fn stop_each(&mut self, requests: &[RequestId], now: Mono) -> Result<(), Misuse> {
        let sessions = self.mark(requests, false)?;
        self.run(Errand::Stop(sessions), now);
        Ok(())
    }

    pub(super) fn is_individual(&self) -> bool {
        self.modes.contains(Modes::INDIVIDUAL_SESSIONS)
    }

    /// The sessions, marked as running or not; all of them or, on error, none.
    fn mark(&mut self, requests: &[RequestId], running: bool) -> Result<Vec<Session>, Misuse> {
        if let State::Ended(_) = self.state {
            return Err(Misuse::Ended);
        }
        if !self.is_individual() {
            return Err(Misuse::WrongControl { individual: false });
        }
        let mut sessions: Vec<Session> = Vec::with_capacity(requests.len());
        for request in requests {
            let fits = |s: &&Session| s.request == *request && s.running != running;
            let twice = sessions.iter().any(|s| s.request == *request);
            match self.sessions.iter().find(fits) {
                Some(session) if !twice => sessions.push(*session),
                _ => return Err(Misuse::NoSuchSession(request.0)),
            }
        }
        for session in &mut self.sessions {
            if requests.contains(&session.request) {
                session.running = running;
            }
        }
        Ok(sessions)
    }

    fn run(&mut self, errand: Errand, now: Mono) {
        self.queue.push_back(errand);
        self.run_next_errand(now);
    }

    /// Sends a command about sessions; about none there is nothing to send.
    pub(super) fn command(&mut self, waiting: State, sessions: Vec<Session>, now: Mono) {
        if sessions.is_empty() {
            return self.run_next_errand(now);
        }
        let command = match waiting {
            State::StartingN => Command::START_N_SESSIONS,
            _ => Command::STOP_N_SESSIONS,
        };
        let sids = sessions.iter().map(|session| session.sid).collect();
        self.unacknowledged = sessions;
        let message = NSessions::new(command, Accept::OK, sids).to_bytes();
        self.ask(&message, waiting, now);
    }

    /// Reads one of the acknowledgements that answer a command: together they list its sessions.
    pub(super) fn read_acknowledgement(&mut self, now: Mono) -> Result<bool, ControlError> {
        let Some(block) = self.inbox.peek(BLOCK_LEN).and_then(|b| b.first_chunk()) else {
            return Ok(false);
        };
        let (found, limit) = (NSessions::count(block), self.unacknowledged.len() as u32);
        if found > limit {
            return Err(ControlError::WrongSessionCount {
                expected: limit,
                found,
            });
        }
        let len = NSessions::len(found as usize);
        let Some(message) = self.inbox.take_verified(len)? else {
            return Ok(false);
        };
        let starting = matches!(self.state, State::StartingN);
        let command = match starting {
            true => Command::START_N_ACK,
            false => Command::STOP_N_ACK,
        };
        let ack = NSessions::parse(command, message)?;
        if ack.sids.is_empty() {
            self.refuse_all(starting, ack.accept)?;
        }
        for sid in &ack.sids {
            self.acknowledged(starting, ack.accept, sid)?;
        }
        if self.unacknowledged.is_empty() {
            self.deadline = None;
            self.state = State::Ready;
            self.run_next_errand(now);
        }
        Ok(true)
    }

    /// An acknowledgement of no session refuses the whole command.
    fn refuse_all(&mut self, starting: bool, accept: Accept) -> Result<(), ControlError> {
        if accept.is_ok() {
            return Err(ControlError::WrongSessionCount {
                expected: self.unacknowledged.len() as u32,
                found: 0,
            });
        }
        for session in std::mem::take(&mut self.unacknowledged) {
            self.settle(starting, accept, session);
        }
        Ok(())
    }

    fn acknowledged(
        &mut self,
        starting: bool,
        accept: Accept,
        sid: &Sid,
    ) -> Result<(), ControlError> {
        let place = self.unacknowledged.iter().position(|s| s.sid == *sid);
        let place = place.ok_or(ControlError::UnaskedSession { sid: *sid })?;
        let session = self.unacknowledged.remove(place);
        self.settle(starting, accept, session);
        Ok(())
    }

    fn settle(&mut self, starting: bool, accept: Accept, Session { request, .. }: Session) {
        self.events.push_back(if !starting {
            self.sessions.retain(|session| session.request != request);
            ClientEvent::SessionStopped { request, accept }
        } else if accept.is_ok() {
            ClientEvent::SessionStarted { request }
        } else {
            for session in &mut self.sessions {
                session.running &= session.request != request;
            }
            ClientEvent::SessionNotStarted { request, accept }
        });
    }
}
