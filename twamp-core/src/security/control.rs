//! The encrypted control connection: one stream in each direction (RFC 4656, section 3.4).
//!
//! The CBC chain runs on from message to message and never starts again. Each HMAC covers all
//! plain text of its direction since the HMAC before it.

use std::fmt;

use aes::Aes128;
use aes::cipher::KeyIvInit;
use cbc::{Decryptor, Encryptor};
use hmac::Mac;
use subtle::ConstantTimeEq;

use super::{BLOCK, ControlKeys, HmacSha1, decrypt, encrypt, keyed, leftmost};

/// What we say.
pub struct ControlSealer {
    cbc: Encryptor<Aes128>,
    text: Covered,
}

impl ControlSealer {
    /// A stream that begins with this vector: Client-IV or Server-IV.
    pub fn new(keys: &ControlKeys, iv: &[u8; BLOCK]) -> Self {
        ControlSealer {
            cbc: Encryptor::new((&*keys.aes).into(), iv.into()),
            text: Covered::new(keys),
        }
    }

    /// Encrypts a block that has no HMAC of its own: the next one will cover it. Only the end of
    /// Server-Start is such a block.
    pub fn seal_block(&mut self, block: &mut [u8; BLOCK]) {
        self.text.add(block);
        encrypt(&mut self.cbc, block);
    }

    /// Writes the HMAC over the last block of `message`, then encrypts all of it.
    ///
    /// # Panics
    /// If `message` is not made of whole blocks, at least one.
    pub fn seal_message(&mut self, message: &mut [u8]) {
        assert!(
            message.len().is_multiple_of(BLOCK),
            "messages are whole blocks"
        );
        let (text, hmac) = message.split_at_mut(message.len() - BLOCK);
        self.text.add(text);
        hmac.copy_from_slice(&self.text.finish());
        encrypt(&mut self.cbc, message);
    }
}

impl fmt::Debug for ControlSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlSealer").finish_non_exhaustive()
    }
}

/// What the peer says.
pub struct ControlOpener {
    cbc: Decryptor<Aes128>,
    text: Covered,
}

impl ControlOpener {
    /// A stream that begins with this vector: Client-IV or Server-IV.
    pub fn new(keys: &ControlKeys, iv: &[u8; BLOCK]) -> Self {
        ControlOpener {
            cbc: Decryptor::new((&*keys.aes).into(), iv.into()),
            text: Covered::new(keys),
        }
    }

    /// Decrypts the next octets in place.
    ///
    /// # Panics
    /// If they are not whole blocks.
    pub fn decrypt(&mut self, octets: &mut [u8]) {
        assert!(
            octets.len().is_multiple_of(BLOCK),
            "messages are whole blocks"
        );
        decrypt(&mut self.cbc, octets);
    }

    /// Takes note of a decrypted block that has no HMAC of its own, see
    /// [`seal_block`](ControlSealer::seal_block).
    pub fn cover(&mut self, block: &[u8; BLOCK]) {
        self.text.add(block);
    }

    /// True if the last block of the decrypted `message` is the HMAC that it should be. If not,
    /// the connection must close, and nothing of the message may be acted upon.
    #[must_use]
    pub fn verify(&mut self, message: &[u8]) -> bool {
        let Some((text, hmac)) = message.split_last_chunk::<BLOCK>() else {
            return false;
        };
        self.text.add(text);
        self.text.finish().ct_eq(hmac).into()
    }
}

impl fmt::Debug for ControlOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlOpener").finish_non_exhaustive()
    }
}

/// The text since the last HMAC.
struct Covered {
    nothing: HmacSha1,
    text: HmacSha1,
}

impl Covered {
    fn new(keys: &ControlKeys) -> Self {
        let nothing = keyed(&keys.hmac);
        Covered {
            text: nothing.clone(),
            nothing,
        }
    }

    fn add(&mut self, text: &[u8]) {
        self.text.update(text);
    }

    fn finish(&mut self) -> [u8; BLOCK] {
        leftmost(std::mem::replace(&mut self.text, self.nothing.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{octets, text, variable, vectors};

    fn keys() -> ControlKeys {
        let keys = &vectors()["test_keys"];
        ControlKeys::new(
            octets(&keys["control_aes_key"]),
            octets(&keys["control_hmac_key"]),
        )
    }

    fn iv(whose: &str) -> [u8; 16] {
        octets(&vectors()["control_encrypted"][whose])
    }

    #[test]
    fn the_individual_session_control_vectors_are_sealed_and_opened() {
        let mut sealers =
            ["client_iv", "server_iv"].map(|whose| ControlSealer::new(&keys(), &iv(whose)));
        let mut openers =
            ["client_iv", "server_iv"].map(|whose| ControlOpener::new(&keys(), &iv(whose)));
        let messages = vectors()["control_individual_session"]["conversation"].clone();
        for message in messages.as_array().unwrap() {
            let from = usize::from(text(&message["from"]) == "server");
            let (plain, wire) = (variable(&message["plain"]), variable(&message["wire"]));
            let mut sealed = plain.clone();
            sealed[plain.len() - 16..].fill(0);
            sealers[from].seal_message(&mut sealed);
            assert_eq!(sealed, wire);
            openers[from].decrypt(&mut sealed);
            assert_eq!(sealed, plain);
            assert!(openers[from].verify(&plain));
        }
    }

    #[test]
    fn the_block_without_an_hmac_is_covered_by_the_next_one() {
        let mut sealer = ControlSealer::new(&keys(), &[1; 16]);
        let mut block = [5; 16];
        sealer.seal_block(&mut block);
        let mut message = [6; 48];
        sealer.seal_message(&mut message);

        let mut opener = ControlOpener::new(&keys(), &[1; 16]);
        opener.decrypt(&mut block);
        opener.decrypt(&mut message);
        assert_eq!((block, &message[..32]), ([5; 16], &[6; 32][..]));
        assert!(!ControlOpener::new(&keys(), &[1; 16]).verify(&message));
        opener.cover(&block);
        assert!(opener.verify(&message));
    }

    #[test]
    fn every_changed_octet_is_noticed() {
        let mut sealed = [7; 48];
        ControlSealer::new(&keys(), &[1; 16]).seal_message(&mut sealed);
        for at in 0..sealed.len() {
            let mut changed = sealed;
            changed[at] ^= 0x10;
            let mut opener = ControlOpener::new(&keys(), &[1; 16]);
            opener.decrypt(&mut changed);
            assert!(!opener.verify(&changed), "octet {at}");
        }
    }

    #[test]
    fn what_is_shorter_than_an_hmac_is_not_verified() {
        let mut opener = ControlOpener::new(&keys(), &[1; 16]);
        for len in 0..16 {
            assert!(!opener.verify(&[0; 16][..len]));
        }
    }
}
