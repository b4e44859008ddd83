//! The server's part of the set-up: who the client is, and what both agree on.

use super::{Server, State};
use crate::control::{ControlError, Misuse, ServerEvent};
use crate::security::{
    ControlKeys, ControlOpener, ControlSealer, DerivedKey, KeyDerivation, KeyId, TestKeys,
    TestSecurity,
};
use crate::time::Mono;
use crate::wire::control::{Accept, BLOCK_LEN, Modes, ServerStart, SetUpResponse, Sid};

impl Server {
    /// Slow work that must be done before the connection can go on: run it on another thread and
    /// hand the result to [`key_derived`](Self::key_derived). Until then nothing is read.
    pub fn poll_derivation(&mut self) -> Option<KeyDerivation> {
        self.derivation.take()
    }

    /// Takes the key of the last [`poll_derivation`](Self::poll_derivation). What becomes of it is
    /// told by `Ready` or `Ended`.
    ///
    /// # Errors
    /// [`Misuse`] if no key is waited for (any more).
    pub fn key_derived(&mut self, key: &DerivedKey, now: Mono) -> Result<(), Misuse> {
        let response = match &mut self.state {
            State::Deriving(response) => std::mem::replace(response, SetUpResponse::open()),
            State::Ended(_) => return Err(Misuse::Ended),
            _ => return Err(Misuse::NotDeriving),
        };
        self.waiting_since = now;
        let keys = key.open_token(&self.greeting.challenge, &response.token);
        let sa = response.mode.contains(Modes::IKEV2_KEYS);
        match keys {
            Some(keys) => {
                self.begin_secure(&response, keys);
                // What goes wrong in what was sent ahead is told by `Ended`.
                let _ = self.read(now);
            }
            None if sa && !key.is_known() => {
                self.turn_away(Accept::NO_SUCH_SA, ControlError::NoSuchSa);
            }
            None => self.turn_away(Accept::FAILURE, ControlError::NotAuthentic),
        }
        Ok(())
    }

    /// No key can be derived now: the client is told of a temporary limit, and the connection ends
    /// with [`ControlError::Overloaded`].
    ///
    /// # Errors
    /// [`Misuse`] if no key is waited for (any more).
    pub fn key_refused(&mut self) -> Result<(), Misuse> {
        match self.state {
            State::Deriving(_) => {
                self.turn_away(Accept::TEMPORARY_LIMIT, ControlError::Overloaded);
                Ok(())
            }
            State::Ended(_) => Err(Misuse::Ended),
            _ => Err(Misuse::NotDeriving),
        }
    }

    /// How test packets of this session are protected; not at all before the connection is set up.
    pub fn test_security(&self, sid: &Sid) -> TestSecurity {
        match &self.keys {
            Some(keys) => TestSecurity::select(self.modes, || TestKeys::derive(keys, sid)),
            None => TestSecurity::Open,
        }
    }

    pub(super) fn set_up(&mut self, response: SetUpResponse) -> Result<(), ControlError> {
        let found = response.mode;
        if found.is_empty() {
            return Err(ControlError::SelectsNothing);
        }
        let offered = self.greeting.modes;
        if !found.is_selection_from(offered) {
            self.refuse_set_up(Accept::NOT_SUPPORTED);
            return Err(ControlError::IllegalSelection { offered, found });
        }
        if !found.is_secure() {
            let start = self.server_start([0; BLOCK_LEN]).to_bytes();
            self.outbox.say(&start);
            self.begin(found);
            return Ok(());
        }
        let key_id = match found.contains(Modes::IKEV2_KEYS) {
            true => KeyId::from_wire_spis(&response.key_id),
            false => KeyId::from_wire(&response.key_id),
        };
        let (salt, count) = (self.greeting.salt, self.greeting.count);
        self.derivation = Some(KeyDerivation::new(key_id, salt, count));
        self.state = State::Deriving(response);
        Ok(())
    }

    fn begin_secure(&mut self, response: &SetUpResponse, keys: ControlKeys) {
        let mut start = self.server_start(self.server_iv).to_bytes();
        let mut sealer = ControlSealer::new(&keys, &self.server_iv);
        if let Some(tail) = start.last_chunk_mut() {
            sealer.seal_block(tail);
        }
        self.outbox.say(&start);
        self.outbox.protect(sealer);
        self.inbox
            .protect(ControlOpener::new(&keys, &response.client_iv));
        self.keys = Some(keys);
        self.begin(response.mode);
    }

    fn begin(&mut self, modes: Modes) {
        self.modes = modes;
        self.state = State::Ready;
        self.events.push_back(ServerEvent::Ready { modes });
    }

    fn turn_away(&mut self, accept: Accept, reason: ControlError) {
        self.refuse_set_up(accept);
        self.end(reason);
    }

    fn refuse_set_up(&mut self, accept: Accept) {
        self.outbox.say(&ServerStart::refusal(accept).to_bytes());
    }

    fn server_start(&self, server_iv: [u8; BLOCK_LEN]) -> ServerStart {
        ServerStart {
            accept: Accept::OK,
            server_iv,
            start_time: self.config.server_start,
        }
    }
}
