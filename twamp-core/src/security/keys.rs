//! Shared secrets and what they are called.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::time::Wall;

/// Octets of the KeyID field of a Set-Up-Response.
const KEY_ID_LEN: usize = 80;

/// Octets of two IKEv2 SPIs.
const SPIS_LEN: usize = 16;

/// All secrets of one end: several can be valid at once, each under its own id.
///
/// The machines never see it: a [`KeyDerivation`](super::KeyDerivation) looks the secret up when
/// it runs. So replacing the ring, or a secret in it, holds from the next connection on.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    secrets: BTreeMap<KeyId, SharedSecret>,
}

impl KeyRing {
    /// Puts a secret on the ring; returns the one that it replaces.
    pub fn insert(&mut self, id: KeyId, secret: SharedSecret) -> Option<SharedSecret> {
        self.secrets.insert(id, secret)
    }

    /// Takes a secret from the ring.
    pub fn remove(&mut self, id: &KeyId) -> Option<SharedSecret> {
        self.secrets.remove(id)
    }

    /// The secret of this name, if it is valid at `now`.
    pub fn valid(&self, id: &KeyId, now: Wall) -> Option<&SharedSecret> {
        self.secrets.get(id).filter(|secret| secret.is_valid(now))
    }

    /// Names of all secrets that are valid at `now`, in order.
    pub fn valid_ids(&self, now: Wall) -> impl Iterator<Item = &KeyId> {
        let valid = move |(id, secret): (_, &SharedSecret)| secret.is_valid(now).then_some(id);
        self.secrets.iter().filter_map(valid)
    }

    /// All secrets, valid or not, in the order of their names.
    pub fn secrets(&self) -> impl Iterator<Item = &SharedSecret> {
        self.secrets.values()
    }

    /// True if there is no secret, valid or not.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }
}

/// What a client calls a shared secret on the wire: the KeyID field.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct KeyId(Name);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
enum Name {
    Text(String),
    Spis([u8; SPIS_LEN]),
}

impl KeyId {
    /// A name (RFC 4656, section 3.1).
    ///
    /// # Errors
    /// [`KeyError`] unless it has 1 to 80 octets of UTF-8, none of them zero.
    pub fn new(name: &str) -> Result<Self, KeyError> {
        match name.len() {
            0 => Err(KeyError::NoName),
            found if found > KEY_ID_LEN => Err(KeyError::NameTooLong { found }),
            _ if name.contains('\0') => Err(KeyError::ZeroInName),
            _ => Ok(KeyId(Name::Text(name.to_owned()))),
        }
    }

    /// An IKEv2 security association, by the SPIs of its initiator and its responder
    /// (RFC 7717, section 5).
    pub fn security_association(initiator: [u8; 8], responder: [u8; 8]) -> Self {
        let mut spis = [0; SPIS_LEN];
        spis[..8].copy_from_slice(&initiator);
        spis[8..].copy_from_slice(&responder);
        KeyId(Name::Spis(spis))
    }

    /// True if the secret comes from IKEv2.
    pub fn is_security_association(&self) -> bool {
        matches!(self.0, Name::Spis(_))
    }

    /// The KeyID field.
    pub fn to_wire(&self) -> [u8; KEY_ID_LEN] {
        let name = match &self.0 {
            Name::Text(name) => name.as_bytes(),
            Name::Spis(spis) => spis,
        };
        let mut field = [0; KEY_ID_LEN];
        field[..name.len()].copy_from_slice(name);
        field
    }

    /// Reads a KeyID field with a name in it, which a zero ends; `None` if it is no name.
    pub fn from_wire(field: &[u8; KEY_ID_LEN]) -> Option<Self> {
        let name = field.split(|octet| *octet == 0).next()?;
        Self::new(std::str::from_utf8(name).ok()?).ok()
    }

    /// Reads a KeyID field with SPIs in it; `None` unless the rest is zeros.
    pub fn from_wire_spis(field: &[u8; KEY_ID_LEN]) -> Option<Self> {
        let (spis, rest) = field.split_first_chunk()?;
        rest.iter()
            .all(|octet| *octet == 0)
            .then_some(KeyId(Name::Spis(*spis)))
    }
}

/// The name, or the SPIs in hexadecimal.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Text(name) => f.write_str(name),
            Name::Spis(spis) => write!(f, "{:032x}", u128::from_be_bytes(*spis)),
        }
    }
}

/// A passphrase and when it may be used. Wiped when dropped.
#[derive(Clone)]
pub struct SharedSecret {
    octets: Zeroizing<Vec<u8>>,
    not_before: Wall,
    not_after: Wall,
}

impl SharedSecret {
    /// A passphrase that is always valid (RFC 5357, section 3.1).
    ///
    /// # Errors
    /// [`KeyError`] unless it is ASCII without line ends and zeros, and not empty.
    pub fn new(passphrase: &str) -> Result<Self, KeyError> {
        if passphrase.is_empty() {
            return Err(KeyError::NoPassphrase);
        }
        let bad = |octet: u8| !octet.is_ascii() || matches!(octet, b'\r' | b'\n' | 0);
        match passphrase.bytes().position(bad) {
            Some(at) => Err(KeyError::BadPassphrase { at }),
            None => Ok(Self::of(passphrase.as_bytes())),
        }
    }

    /// prf(SK_d, "IPPM") of an IKEv2 security association (RFC 7717, section 5.1).
    pub fn from_ikev2(prf_output: &[u8]) -> Self {
        Self::of(prf_output)
    }

    fn of(octets: &[u8]) -> Self {
        SharedSecret {
            octets: Zeroizing::new(octets.to_vec()),
            not_before: Wall(i64::MIN),
            not_after: Wall(i64::MAX),
        }
    }

    /// The same, valid from `not_before` to `not_after`, both included.
    #[must_use]
    pub fn between(self, not_before: Wall, not_after: Wall) -> Self {
        SharedSecret {
            not_before,
            not_after,
            ..self
        }
    }

    /// True if it may be used at `now`.
    pub fn is_valid(&self, now: Wall) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSecret")
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// A key that can't be used. The configuration is at fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// An empty id.
    #[error("the key id is empty, expected 1 to {KEY_ID_LEN} octets")]
    NoName,
    /// An id that doesn't fit into the KeyID field.
    #[error("the key id has {found} octets, expected at most {KEY_ID_LEN}")]
    NameTooLong {
        /// Its octets.
        found: usize,
    },
    /// A zero would end the id on the wire.
    #[error("the key id contains a zero octet, which would end it on the wire")]
    ZeroInName,
    /// An empty passphrase.
    #[error("the passphrase is empty")]
    NoPassphrase,
    /// A passphrase that can't be typed everywhere.
    #[error("octet {at} of the passphrase is a line end, a zero or not ASCII; use printable ASCII")]
    BadPassphrase {
        /// Where, counted from 0.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_of_exactly_80_octets_works_and_one_more_does_not() {
        let longest = "é".repeat(40);
        let id = KeyId::new(&longest).unwrap();
        assert_eq!(id.to_wire(), longest.as_bytes());
        assert_eq!(KeyId::from_wire(&id.to_wire()), Some(id));
        let found = 81;
        let longer = KeyId::new(&"x".repeat(found));
        assert_eq!(longer, Err(KeyError::NameTooLong { found }));
    }

    #[test]
    fn a_zero_ends_an_id_on_the_wire() {
        let mut field = [0xff; 80];
        field[..5].copy_from_slice(b"site\0");
        assert_eq!(KeyId::from_wire(&field), KeyId::new("site").ok());
        assert_eq!(KeyId::new("si\0te"), Err(KeyError::ZeroInName));
    }

    #[test]
    fn an_id_that_is_empty_or_not_utf_8_is_none() {
        assert_eq!(KeyId::from_wire(&[0; 80]), None);
        assert_eq!(KeyId::from_wire(&[0xff; 80]), None);
        assert_eq!(KeyId::new(""), Err(KeyError::NoName));
    }

    #[test]
    fn spis_are_followed_by_zeros_and_are_not_a_name() {
        let sa = KeyId::security_association(*b"initiato", *b"responde");
        let field = sa.to_wire();
        assert_eq!(KeyId::from_wire_spis(&field), Some(sa.clone()));
        assert_ne!(KeyId::from_wire(&field), Some(sa));
        for at in 16..80 {
            let mut field = field;
            field[at] = 1;
            assert_eq!(KeyId::from_wire_spis(&field), None);
        }
    }

    #[test]
    fn a_passphrase_has_no_line_ends_and_no_other_script() {
        assert!(SharedSecret::new("correct horse, battery\tstaple~").is_ok());
        for bad in ["ab\r", "ab\n", "ab\0", "abé"] {
            let refused = SharedSecret::new(bad).err();
            assert_eq!(refused, Some(KeyError::BadPassphrase { at: 2 }));
        }
        assert_eq!(SharedSecret::new("").err(), Some(KeyError::NoPassphrase));
    }

    #[test]
    fn several_secrets_are_valid_at_once_each_in_its_time() {
        let secret = |from, until| {
            SharedSecret::new("x")
                .unwrap()
                .between(Wall(from), Wall(until))
        };
        let [old, new] = ["old", "new"].map(|name| KeyId::new(name).unwrap());
        let mut ring = KeyRing::default();
        assert!(ring.is_empty());
        ring.insert(old.clone(), secret(0, 10));
        ring.insert(new.clone(), secret(8, 20));
        let valid = |ring: &KeyRing, now| ring.valid_ids(Wall(now)).cloned().collect::<Vec<_>>();
        assert_eq!(valid(&ring, -1), []);
        assert!(valid(&ring, 7).iter().eq([&old]));
        assert_eq!(valid(&ring, 10), [new.clone(), old.clone()]);
        assert!(valid(&ring, 11).iter().eq([&new]));
        assert!(ring.valid(&old, Wall(11)).is_none());
        // Replaced: the same name, another time.
        ring.insert(old.clone(), secret(11, 12));
        assert!(ring.valid(&old, Wall(11)).is_some());
        assert!(ring.remove(&new).is_some());
        assert_eq!(valid(&ring, 11), [old]);
    }

    #[test]
    fn debug_does_not_show_the_passphrase() {
        let mut ring = KeyRing::default();
        ring.insert(
            KeyId::new("shown").unwrap(),
            SharedSecret::new("hidden").unwrap(),
        );
        let shown = format!("{ring:?}");
        assert!(
            shown.contains("shown") && !shown.contains("hidden"),
            "{shown}"
        );
        // Nor its octets.
        assert!(!shown.contains("104"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_key_id_field_is_read_and_what_is_read_survives(field: [u8; 80]) {
            let read = [KeyId::from_wire(&field), KeyId::from_wire_spis(&field)];
            for id in read.into_iter().flatten() {
                let again = if id.is_security_association() {
                    KeyId::from_wire_spis(&id.to_wire())
                } else {
                    KeyId::from_wire(&id.to_wire())
                };
                prop_assert_eq!(again, Some(id));
            }
        }

        #[test]
        fn any_name_survives_the_wire(name in "[^\\x00]{1,20}") {
            let id = KeyId::new(&name)?;
            prop_assert_eq!(KeyId::from_wire(&id.to_wire()), Some(id));
        }
    }
}
