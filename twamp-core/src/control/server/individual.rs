//! Sessions started and stopped one by one (RFC 5938).

use super::{Server, Session};
use crate::control::{ControlError, ServerEvent};
use crate::wire::control::{Accept, BLOCK_LEN, Command, NSessions, Sid};

impl Server {
    /// Octets of the command that begins with `block`. One about more sessions than can be is
    /// answered here, and nothing of it is waited for.
    pub(super) fn n_sessions_len(
        &mut self,
        command: Command,
        block: &[u8; BLOCK_LEN],
    ) -> Result<usize, ControlError> {
        let (found, limit) = (NSessions::count(block), self.config.max_sessions);
        if found <= limit {
            return Ok(NSessions::len(found as usize));
        }
        self.acknowledge(command, Accept::PERMANENT_LIMIT, vec![]);
        Err(ControlError::TooManySessions { found, limit })
    }

    /// Does to each session what can be done. One acknowledgement lists those with which it
    /// worked, another one the rest: each SID of the command is in exactly one of them.
    pub(super) fn command_n_sessions(&mut self, message: &NSessions) {
        let command = message.command;
        let (mut done, mut rest) = (vec![], vec![]);
        for sid in &message.sids {
            let worked = match command {
                Command::START_N_SESSIONS => self.start_one(sid),
                _ => self.stop_one(sid),
            };
            if worked { &mut done } else { &mut rest }.push(*sid);
        }
        if !done.is_empty() {
            self.acknowledge(command, Accept::OK, done);
        }
        if !rest.is_empty() || message.sids.is_empty() {
            self.acknowledge(command, Accept::FAILURE, rest);
        }
    }

    fn start_one(&mut self, sid: &Sid) -> bool {
        let waiting = |session: &&mut Session| session.sid == *sid && !session.running;
        let Some(session) = self.sessions.iter_mut().find(waiting) else {
            return false;
        };
        session.running = true;
        let session = session.index;
        self.alive = true;
        self.events
            .push_back(ServerEvent::SessionStarted { session });
        true
    }

    fn stop_one(&mut self, sid: &Sid) -> bool {
        let running = |session: &Session| session.sid == *sid && session.running;
        let Some(place) = self.sessions.iter().position(running) else {
            return false;
        };
        let session = self.sessions.remove(place).index;
        self.events
            .push_back(ServerEvent::SessionStopped { session });
        true
    }

    fn acknowledge(&mut self, command: Command, accept: Accept, sids: Vec<Sid>) {
        let ack = match command {
            Command::START_N_SESSIONS => Command::START_N_ACK,
            _ => Command::STOP_N_ACK,
        };
        self.outbox
            .send(&NSessions::new(ack, accept, sids).to_bytes());
    }
}
