//! From a passphrase to the keys of one control connection.

use std::fmt;

use aes::Aes128;
use aes::cipher::KeyIvInit;
use cbc::{Decryptor, Encryptor};
use sha1::Sha1;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::{KeyId, KeyRing, decrypt, encrypt};
use crate::time::Wall;

/// Stands in for a secret that there isn't, so that the peer can't tell.
const DUMMY: &[u8] = b"no such key";

/// A piece of slow work: PBKDF2 with `count` iterations (RFC 4656, section 3.1).
///
/// A machine hands it out; run it on another thread, and hand the result back. 32768 iterations
/// take some 10 ms, and an unknown client can cause them: bound how many run at a time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyDerivation {
    key_id: Option<KeyId>,
    salt: [u8; 16],
    count: u32,
}

impl KeyDerivation {
    /// A derivation of the secret called `key_id`; `None`: of one that can't exist.
    pub fn new(key_id: Option<KeyId>, salt: [u8; 16], count: u32) -> Self {
        KeyDerivation {
            key_id,
            salt,
            count,
        }
    }

    /// Name of the secret.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key_id.as_ref()
    }

    /// Iterations: what it costs.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Does the work, with the secret that `ring` holds at `now`. A secret that is unknown or not
    /// valid costs the same.
    pub fn run(&self, ring: &KeyRing, now: Wall) -> DerivedKey {
        let secret = self.key_id.as_ref().and_then(|id| ring.valid(id, now));
        let passphrase = secret.map_or(DUMMY, |secret| secret.octets());
        let mut key = Zeroizing::new([0; 16]);
        pbkdf2::pbkdf2_hmac::<Sha1>(passphrase, &self.salt, self.count, &mut *key);
        DerivedKey {
            key,
            known: secret.is_some(),
        }
    }
}

/// The key that a token is encrypted with.
pub struct DerivedKey {
    key: Zeroizing<[u8; 16]>,
    known: bool,
}

impl DerivedKey {
    /// False if there was no valid secret of that name. Then no token opens.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The Token field: challenge and keys, encrypted.
    pub fn seal_token(&self, challenge: &[u8; 16], keys: &ControlKeys) -> [u8; 64] {
        let mut token = Zeroizing::new([0; 64]);
        token[..16].copy_from_slice(challenge);
        token[16..32].copy_from_slice(&*keys.aes);
        token[32..].copy_from_slice(&*keys.hmac);
        let mut cbc = Encryptor::<Aes128>::new((&*self.key).into(), &[0; 16].into());
        encrypt(&mut cbc, &mut *token);
        *token
    }

    /// The keys in a Token field; `None` if it was made with another passphrase or for another
    /// challenge. Takes the same time in each case.
    pub fn open_token(&self, challenge: &[u8; 16], token: &[u8; 64]) -> Option<ControlKeys> {
        let mut token = Zeroizing::new(*token);
        let mut cbc = Decryptor::<Aes128>::new((&*self.key).into(), &[0; 16].into());
        decrypt(&mut cbc, &mut *token);
        let genuine = token[..16].ct_eq(challenge) & Choice::from(u8::from(self.known));
        let mut keys = ControlKeys::new([0; 16], [0; 32]);
        keys.aes.copy_from_slice(&token[16..32]);
        keys.hmac.copy_from_slice(&token[32..]);
        bool::from(genuine).then_some(keys)
    }
}

/// Compares in constant time.
impl PartialEq for DerivedKey {
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.key.ct_eq(&*other.key)) & (self.known == other.known)
    }
}

impl Eq for DerivedKey {}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedKey")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

/// The session keys of one control connection, chosen by its client.
#[derive(Clone)]
pub struct ControlKeys {
    pub(super) aes: Zeroizing<[u8; 16]>,
    pub(super) hmac: Zeroizing<[u8; 32]>,
}

impl ControlKeys {
    /// AES-Session-key and HMAC-Session-key. They must be random, and new for each connection.
    pub fn new(aes: [u8; 16], hmac: [u8; 32]) -> Self {
        ControlKeys {
            aes: Zeroizing::new(aes),
            hmac: Zeroizing::new(hmac),
        }
    }

    /// The same, from a source of random octets.
    pub fn generate(mut random: impl FnMut(&mut [u8])) -> Self {
        let mut keys = ControlKeys::new([0; 16], [0; 32]);
        random(&mut *keys.aes);
        random(&mut *keys.hmac);
        keys
    }
}

/// Compares in constant time.
impl PartialEq for ControlKeys {
    fn eq(&self, other: &Self) -> bool {
        (self.aes.ct_eq(&*other.aes) & self.hmac.ct_eq(&*other.hmac)).into()
    }
}

impl Eq for ControlKeys {}

impl fmt::Debug for ControlKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::SharedSecret;
    use crate::vectors::{number, octets, text, vectors};

    const NOW: Wall = Wall(0);

    fn ring(passphrase: &str) -> KeyRing {
        let mut ring = KeyRing::default();
        let secret = SharedSecret::new(passphrase).unwrap();
        ring.insert(KeyId::new("tester").unwrap(), secret);
        ring
    }

    fn derive(passphrase: &str, salt: [u8; 16], count: u32) -> DerivedKey {
        KeyDerivation::new(KeyId::new("tester").ok(), salt, count).run(&ring(passphrase), NOW)
    }

    fn keys() -> ControlKeys {
        let token = &vectors()["token"];
        ControlKeys::new(
            octets(&token["aes_session_key"]),
            octets(&token["hmac_session_key"]),
        )
    }

    #[test]
    fn the_key_derivation_vectors_come_out() {
        let cases = vectors()["pbkdf2"].as_array().unwrap().clone();
        assert_eq!(cases.len(), 3);
        for case in &cases {
            let count = number(&case["count"]) as u32;
            let derived = derive(text(&case["passphrase"]), octets(&case["salt"]), count);
            assert_eq!(*derived.key, octets(&case["key"]), "count {count}");
        }
    }

    #[test]
    fn the_token_vector_is_sealed_and_opened() {
        let case = &vectors()["token"];
        let key = DerivedKey {
            key: Zeroizing::new(octets(&case["kek"])),
            known: true,
        };
        let (challenge, token) = (octets(&case["challenge"]), octets(&case["token"]));
        assert_eq!(key.seal_token(&challenge, &keys()), token);
        assert_eq!(key.open_token(&challenge, &token), Some(keys()));
    }

    #[test]
    fn a_token_opens_for_its_challenge_and_its_passphrase_only() {
        let (salt, challenge) = ([3; 16], [7; 16]);
        let good = derive("good", salt, 1024);
        let token = good.seal_token(&challenge, &keys());
        assert_eq!(good.open_token(&[8; 16], &token), None);
        assert_eq!(
            derive("bad", salt, 1024).open_token(&challenge, &token),
            None
        );
        assert_eq!(
            derive("good", [4; 16], 1024).open_token(&challenge, &token),
            None
        );
        // CBC: the first block, and with it the challenge, depends on itself alone.
        for at in 0..16 {
            let mut token = token;
            token[at] ^= 1;
            assert_eq!(good.open_token(&challenge, &token), None, "octet {at}");
        }
    }

    #[test]
    fn an_unknown_or_expired_secret_is_derived_too_but_opens_nothing() {
        let (salt, challenge) = ([3; 16], [7; 16]);
        let mut ring = ring("good");
        let id = KeyId::new("tester").unwrap();
        let expired = SharedSecret::new("good")
            .unwrap()
            .between(Wall(-9), Wall(-1));
        ring.insert(id.clone(), expired);
        for key_id in [Some(id), KeyId::new("nobody").ok(), None] {
            let key = KeyDerivation::new(key_id, salt, 1024).run(&ring, NOW);
            assert!(!key.is_known());
            assert_ne!(*key.key, [0; 16]);
            // Not even what somebody made who knows the dummy.
            let token = key.seal_token(&challenge, &keys());
            assert_eq!(key.open_token(&challenge, &token), None);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let derived = DerivedKey {
            key: Zeroizing::new([171; 16]),
            known: true,
        };
        let keys = ControlKeys::new([171; 16], [171; 32]);
        assert_eq!(format!("{derived:?}"), "DerivedKey { known: true, .. }");
        assert_eq!(format!("{keys:?}"), "ControlKeys { .. }");
    }
}
