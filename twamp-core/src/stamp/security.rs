//! How a session is protected. Keys are agreed on out of band.

use crate::security::SharedSecret;
use crate::wire::stamp::{HMAC_LEN, HMAC_TEXT_LEN, Layout};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// How a session is protected. Both ends must agree: the packets don't tell.
#[derive(Clone, Debug, Default)]
pub enum Security {
    /// Not at all. A reflector without a key can't verify an HMAC TLV, so it refuses the TLVs of
    /// a request that has one.
    #[default]
    Open,
    /// The base packet is not protected, but TLVs are by an HMAC TLV.
    OpenWithTlvKey(Key),
    /// Base packets and TLVs are protected. Nothing is encrypted.
    Authenticated(Key),
}

impl Security {
    /// The form of the packets.
    pub fn layout(&self) -> Layout {
        match self {
            Security::Open | Security::OpenWithTlvKey(_) => Layout::Open,
            Security::Authenticated(_) => Layout::Authenticated,
        }
    }

    /// Writes the HMAC of a base packet, if it is to have one.
    pub(super) fn sign_base(&self, packet: &mut [u8]) {
        if let Security::Authenticated(key) = self {
            let (text, rest) = packet.split_at_mut(HMAC_TEXT_LEN);
            rest[..HMAC_LEN].copy_from_slice(&key.sign([text, &[]]));
        }
    }

    /// Whether the HMAC of a base packet is right, if it is to have one.
    pub(super) fn verifies_base(&self, packet: &[u8]) -> bool {
        match self {
            Security::Open | Security::OpenWithTlvKey(_) => true,
            Security::Authenticated(key) => key.signed(packet),
        }
    }

    /// TLVs must have an HMAC TLV.
    pub(super) fn needs_hmac_tlv(&self) -> bool {
        matches!(self, Security::Authenticated(_))
    }

    pub(super) fn tlv_key(&self) -> Option<&Key> {
        match self {
            Security::Open => None,
            Security::OpenWithTlvKey(key) | Security::Authenticated(key) => Some(key),
        }
    }
}

/// A shared key for HMAC-SHA-256, of which the leftmost 16 octets are used. Prepared once, here;
/// cheap to clone.
#[derive(Clone)]
pub struct Key(Arc<Hmac<Sha256>>);

/// The configured key is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the configured STAMP key is empty, expected at least one octet (32 are best)")]
pub struct EmptyKey;

impl Key {
    /// From the octets that both ends share; 32 random ones are best.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(octets: &[u8]) -> Result<Key, EmptyKey> {
        if octets.is_empty() {
            return Err(EmptyKey);
        }
        // HMAC takes keys of any length.
        let hmac = Hmac::new_from_slice(octets).map_err(|_| EmptyKey)?;
        Ok(Key(Arc::new(hmac)))
    }

    /// From a secret as it is: STAMP derives nothing from it.
    ///
    /// # Errors
    /// If it is empty.
    pub fn shared(secret: &SharedSecret) -> Result<Key, EmptyKey> {
        Key::new(secret.octets())
    }

    /// Whether an authenticated base packet begins here that was made with this key. Tells whose
    /// a packet is, before there is a session.
    pub fn signed(&self, packet: &[u8]) -> bool {
        let base = packet.get(..Layout::Authenticated.base_len());
        base.is_some_and(|base| {
            let (text, hmac) = base.split_at(HMAC_TEXT_LEN);
            self.verify([text, &[]], hmac)
        })
    }

    /// HMAC of the parts one after the other.
    pub(super) fn sign(&self, parts: [&[u8]; 2]) -> [u8; HMAC_LEN] {
        let mut hmac = [0; HMAC_LEN];
        let whole = self.over(parts).finalize().into_bytes();
        hmac.copy_from_slice(&whole[..HMAC_LEN]);
        hmac
    }

    /// In constant time.
    pub(super) fn verify(&self, parts: [&[u8]; 2], hmac: &[u8]) -> bool {
        hmac.len() == HMAC_LEN && self.over(parts).verify_truncated_left(hmac).is_ok()
    }

    fn over(&self, parts: [&[u8]; 2]) -> Hmac<Sha256> {
        let mut hmac = (*self.0).clone();
        for part in parts {
            hmac.update(part);
        }
        hmac
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hmac_is_the_left_half_of_hmac_sha_256() {
        // RFC 4231, test case 2.
        let key = Key::new(b"Jefe").unwrap();
        let hmac = key.sign([b"what do ya want ", b"for nothing?"]);
        let known = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
            0x75, 0xc7,
        ];
        assert_eq!(hmac, known);
        assert!(key.verify([b"what do ya want for nothing?", b""], &known));
        assert!(!key.verify([b"what do ya want for nothing!", b""], &known));
    }

    #[test]
    fn a_shorter_hmac_is_never_right() {
        let key = Key::new(b"Jefe").unwrap();
        let hmac = key.sign([b"text", b""]);
        for len in 0..HMAC_LEN {
            assert!(!key.verify([b"text", b""], &hmac[..len]));
        }
    }

    #[test]
    fn a_key_knows_the_packets_that_were_made_with_it() {
        let key = |octets: &[u8]| Key::new(octets).unwrap();
        let mut packet = [7; 120];
        packet[HMAC_TEXT_LEN..112].fill(0);
        Security::Authenticated(key(b"one")).sign_base(&mut packet);
        assert!(key(b"one").signed(&packet) && key(b"one").signed(&packet[..112]));
        assert!(!key(b"two").signed(&packet) && !key(b"one").signed(&packet[..111]));
    }

    #[test]
    fn an_empty_key_is_refused_and_no_key_is_shown() {
        assert_eq!(Key::new(b"").err(), Some(EmptyKey));
        let empty = Key::shared(&SharedSecret::from_ikev2(b""));
        assert_eq!(empty.err(), Some(EmptyKey));
        assert_eq!(format!("{:?}", Key::new(b"secret").unwrap()), "Key(..)");
    }
}
