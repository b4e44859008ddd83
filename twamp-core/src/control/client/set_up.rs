//! The client's part of the set-up: what to select, and the proof that it holds the secret.

use super::{Client, ClientEvent, State};
use crate::control::{ControlError, Entropy, Misuse, SUPPORTED};
use crate::security::{
    ControlKeys, ControlOpener, ControlSealer, DerivedKey, KeyDerivation, KeyId, TestKeys,
    TestSecurity,
};
use crate::time::Mono;
use crate::wire::control::{
    Accept, BLOCK_LEN, MIN_COUNT, Modes, ServerGreeting, ServerStart, SetUpResponse, Sid,
};

/// Strongest first.
const SECURITY: [Modes; 4] = [
    Modes::ENCRYPTED,
    Modes::AUTHENTICATED,
    Modes::MIXED,
    Modes::OPEN,
];

/// The name of the secret, and what the client chooses for this connection.
#[derive(Debug)]
pub(super) struct Credentials {
    key_id: KeyId,
    keys: ControlKeys,
    client_iv: [u8; BLOCK_LEN],
}

impl Credentials {
    pub(super) fn new(key_id: KeyId, entropy: &mut dyn Entropy) -> Self {
        let keys = ControlKeys::generate(|octets| entropy.fill(octets));
        let mut client_iv = [0; BLOCK_LEN];
        entropy.fill(&mut client_iv);
        Credentials {
            key_id,
            keys,
            client_iv,
        }
    }
}

impl Client {
    /// Slow work that must be done before the connection can go on: run it on another thread and
    /// hand the result to [`key_derived`](Self::key_derived).
    pub fn poll_derivation(&mut self) -> Option<KeyDerivation> {
        self.derivation.take()
    }

    /// Takes the key of the last [`poll_derivation`](Self::poll_derivation). If the key ring had
    /// no valid secret of the name, the connection ends with [`ControlError::UnknownKey`].
    ///
    /// # Errors
    /// [`Misuse`] if no key is waited for (any more).
    pub fn key_derived(&mut self, key: &DerivedKey, now: Mono) -> Result<(), Misuse> {
        let (State::Deriving(greeting), Some(own)) = (self.state, &self.credentials) else {
            return Err(match self.state {
                State::Ended(_) => Misuse::Ended,
                _ => Misuse::NotDeriving,
            });
        };
        if !key.is_known() {
            self.end(ControlError::UnknownKey);
            return Ok(());
        }
        let response = SetUpResponse {
            mode: self.modes,
            key_id: own.key_id.to_wire(),
            token: key.seal_token(&greeting.challenge, &own.keys),
            client_iv: own.client_iv,
        };
        self.respond(&response, now);
        Ok(())
    }

    /// No key can be derived now: the connection ends with [`ControlError::Overloaded`].
    ///
    /// # Errors
    /// [`Misuse`] if no key is waited for (any more).
    pub fn key_refused(&mut self) -> Result<(), Misuse> {
        match self.state {
            State::Deriving(_) => {
                self.end(ControlError::Overloaded);
                Ok(())
            }
            State::Ended(_) => Err(Misuse::Ended),
            _ => Err(Misuse::NotDeriving),
        }
    }

    /// How test packets of this session are protected; not at all before the connection is set up.
    pub fn test_security(&self, sid: &Sid) -> TestSecurity {
        match &self.credentials {
            Some(own) => TestSecurity::select(self.modes, || TestKeys::derive(&own.keys, sid)),
            None => TestSecurity::Open,
        }
    }

    pub(super) fn greeted(
        &mut self,
        greeting: &ServerGreeting,
        now: Mono,
    ) -> Result<(), ControlError> {
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
        self.modes = self.select(greeting.modes)?;
        match &self.credentials {
            Some(own) if self.modes.is_secure() => {
                let key_id = Some(own.key_id.clone());
                self.derivation = Some(KeyDerivation::new(key_id, greeting.salt, found));
                self.state = State::Deriving(*greeting);
            }
            _ => {
                let mode = self.modes;
                let open = SetUpResponse::open();
                self.respond(&SetUpResponse { mode, ..open }, now);
            }
        }
        Ok(())
    }

    /// One security mode, and all features that both sides can do.
    fn select(&self, offered: Modes) -> Result<Modes, ControlError> {
        let configured = self.config.modes & SUPPORTED;
        let common = offered & configured;
        let sa =
            (self.credentials.as_ref()).is_some_and(|own| own.key_id.is_security_association());
        let has_key = self.credentials.is_some() && (!sa || common.contains(Modes::IKEV2_KEYS));
        let can = |mode: &Modes| common.contains(*mode) && (!mode.is_secure() || has_key);
        let security = SECURITY.into_iter().find(can);
        let security = security.ok_or(ControlError::NoCommonMode {
            configured,
            offered,
        })?;
        let mut features = common.features();
        if !sa || !security.is_secure() {
            features = features.without(Modes::IKEV2_KEYS);
        }
        Ok(security | features)
    }

    fn respond(&mut self, response: &SetUpResponse, now: Mono) {
        self.outbox.say(&response.to_bytes());
        self.wait(State::SetUp, now);
    }

    pub(super) fn set_up(
        &mut self,
        mut message: [u8; ServerStart::LEN],
        now: Mono,
    ) -> Result<(), ControlError> {
        let ServerStart {
            accept, server_iv, ..
        } = ServerStart::parse(&message)?;
        if accept == Accept::NOT_SUPPORTED && !self.modes.features().is_empty() {
            let selected = self.modes;
            return Err(ControlError::FeaturesRefused { selected });
        }
        if !accept.is_ok() {
            return Err(ControlError::Refused {
                what: "the connection",
                accept,
            });
        }
        if let (true, Some(own)) = (self.modes.is_secure(), &self.credentials) {
            let mut opener = ControlOpener::new(&own.keys, &server_iv);
            if let Some(tail) = message.last_chunk_mut() {
                opener.decrypt(tail);
                opener.cover(tail);
            }
            self.inbox.protect(opener);
            let sealer = ControlSealer::new(&own.keys, &own.client_iv);
            self.outbox.protect(sealer);
        }
        self.state = State::Ready;
        self.events.push_back(ClientEvent::Ready {
            modes: self.modes,
            server_start: ServerStart::parse(&message)?.start_time,
        });
        self.run_next_errand(now);
        Ok(())
    }
}
