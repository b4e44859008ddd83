//! Protected test packets (RFC 4656, section 4.1.2; RFC 5357, sections 4.1.2 and 4.2.1).
//!
//! | packet | mode | encrypted | covered by the HMAC | HMAC at |
//! |---|---|---|---|---|
//! | sender's | authenticated | octets 0 to 15 | the same | 32 |
//! | sender's | encrypted | octets 0 to 31 | the same | 32 |
//! | reflector's | authenticated | octets 0 to 15 | the same | 96 |
//! | reflector's | encrypted | octets 0 to 95 | the same | 96 |
//!
//! The HMAC is of the plain text and is not encrypted itself; padding is neither. Each packet
//! stands alone: CBC starts with zeros, so one block of it is ECB.

use std::fmt;
use std::sync::Arc;

use aes::Aes128;
use aes::cipher::{InnerIvInit, KeyInit, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use hmac::Mac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{BLOCK, ControlKeys, HmacSha1, decrypt, encrypt, keyed, leftmost};
use crate::wire::control::{Modes, Sid};

/// The keys of one test session, the same for both directions. Expanded once, here.
pub struct TestKeys {
    aes: Aes128,
    hmac: HmacSha1,
}

impl TestKeys {
    /// AES and HMAC key of a session that was agreed on otherwise (TWAMP Light).
    pub fn new(aes: &[u8; 16], hmac: &[u8; 32]) -> Self {
        TestKeys {
            aes: Aes128::new(aes.into()),
            hmac: keyed(hmac),
        }
    }

    /// The keys of a session under TWAMP-Control: the SID is the key, the control keys are the
    /// text (RFC 4656, section 4.1.2).
    pub fn derive(control: &ControlKeys, sid: &Sid) -> Self {
        let (aes, hmac) = derive(control, sid);
        TestKeys::new(&aes, &hmac)
    }
}

fn derive(control: &ControlKeys, Sid(sid): &Sid) -> (Zeroizing<[u8; 16]>, Zeroizing<[u8; 32]>) {
    let (mut aes, mut hmac) = (control.aes.clone(), control.hmac.clone());
    let cbc = || Encryptor::<Aes128>::new(sid.into(), &[0; BLOCK].into());
    encrypt(&mut cbc(), &mut *aes);
    encrypt(&mut cbc(), &mut *hmac);
    (aes, hmac)
}

impl fmt::Debug for TestKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKeys").finish_non_exhaustive()
    }
}

/// How the test packets of a session are protected.
#[derive(Clone, Debug, Default)]
pub enum TestSecurity {
    /// Not at all: modes open and mixed.
    #[default]
    Open,
    /// Sequence numbers are, all else can be changed on the way.
    Authenticated(Arc<TestKeys>),
    /// All of the fixed part is, and can't be read either.
    Encrypted(Arc<TestKeys>),
}

impl TestSecurity {
    /// As the modes of a control connection want it.
    pub fn select(modes: Modes, keys: impl FnOnce() -> TestKeys) -> Self {
        if modes.contains(Modes::AUTHENTICATED) {
            Self::Authenticated(Arc::new(keys()))
        } else if modes.contains(Modes::ENCRYPTED) {
            Self::Encrypted(Arc::new(keys()))
        } else {
            Self::Open
        }
    }

    /// True in the modes whose packets have room for an HMAC.
    pub fn is_secure(&self) -> bool {
        !matches!(self, Self::Open)
    }

    /// True if nothing of the fixed part may change after `protect`. In
    /// authenticated mode stamps can be written afterwards.
    pub fn covers_stamps(&self) -> bool {
        matches!(self, Self::Encrypted(_))
    }

    /// Encrypts a packet in place, whose fixed part has `fixed` octets (32 or 96), and puts the
    /// HMAC after them. Nothing in open mode.
    ///
    /// # Panics
    /// If `packet` has no room for the HMAC.
    pub(crate) fn protect(&self, packet: &mut [u8], fixed: usize) {
        let Some((keys, covered)) = self.covered(fixed) else {
            return;
        };
        let hmac = leftmost(keys.hmac.clone().chain_update(&packet[..covered]));
        packet[fixed..fixed + BLOCK].copy_from_slice(&hmac);
        let mut cbc = Encryptor::inner_iv_init(&keys.aes, &[0; BLOCK].into());
        encrypt(&mut cbc, &mut packet[..covered]);
    }

    /// The fixed part of a packet, decrypted; `None` if the packet is too short, or not what the
    /// peer sent. Must not be asked in open mode, where there is nothing to tell by: `None`.
    pub(crate) fn open<const FIXED: usize>(&self, packet: &[u8]) -> Option<[u8; FIXED]> {
        let (keys, covered) = self.covered(FIXED)?;
        let (fixed, rest) = packet.split_first_chunk()?;
        let (mut fixed, hmac): ([u8; FIXED], &[u8; BLOCK]) = (*fixed, rest.first_chunk()?);
        let mut cbc = Decryptor::inner_iv_init(&keys.aes, &[0; BLOCK].into());
        decrypt(&mut cbc, &mut fixed[..covered]);
        let expected = leftmost(keys.hmac.clone().chain_update(&fixed[..covered]));
        bool::from(expected.ct_eq(hmac)).then_some(fixed)
    }

    fn covered(&self, fixed: usize) -> Option<(&TestKeys, usize)> {
        match self {
            Self::Open => None,
            Self::Authenticated(keys) => Some((keys, BLOCK)),
            Self::Encrypted(keys) => Some((keys, fixed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{octets, variable, vectors};
    use proptest::prelude::*;

    fn keys() -> Arc<TestKeys> {
        let inputs = &vectors()["twamp_test"]["inputs"];
        let (aes, hmac) = (&inputs["test_aes_key"], &inputs["test_hmac_key"]);
        Arc::new(TestKeys::new(&octets(aes), &octets(hmac)))
    }

    fn modes() -> [TestSecurity; 2] {
        [
            TestSecurity::Authenticated(keys()),
            TestSecurity::Encrypted(keys()),
        ]
    }

    #[test]
    fn the_session_keys_are_those_of_the_vector() {
        let case = &vectors()["test_keys"];
        let control = ControlKeys::new(
            octets(&case["control_aes_key"]),
            octets(&case["control_hmac_key"]),
        );
        let (aes, hmac) = derive(&control, &Sid(octets(&case["sid"])));
        assert_eq!(*aes, octets(&case["test_aes_key"]));
        assert_eq!(*hmac, octets(&case["test_hmac_key"]));
    }

    #[test]
    fn the_reflector_vectors_are_protected_and_opened() {
        let packets = &vectors()["twamp_test"];
        let plain: [u8; 96] = octets(&packets["reflector_secure_plain96"]);
        let names = ["reflector_auth_min112", "reflector_enc_min112"];
        for (mode, name) in modes().iter().zip(names) {
            let mut packet = [&plain[..], &[0xaa; 16]].concat();
            mode.protect(&mut packet, 96);
            assert_eq!(packet, variable(&packets[name]), "{name}");
            assert_eq!(mode.open(&packet), Some(plain));
        }
        let bad = variable(&packets["reflector_enc_bad_hmac"]);
        assert_eq!(modes()[1].open::<96>(&bad), None);
    }

    #[test]
    fn open_mode_changes_nothing_and_verifies_nothing() {
        let mut packet = [7; 48];
        TestSecurity::Open.protect(&mut packet, 32);
        assert_eq!(packet, [7; 48]);
        assert_eq!(TestSecurity::Open.open::<32>(&packet), None);
    }

    #[test]
    fn a_packet_cut_anywhere_before_its_end_is_not_opened() {
        for mode in modes() {
            let mut packet = [7; 112];
            mode.protect(&mut packet, 96);
            for len in 0..packet.len() {
                assert_eq!(mode.open::<96>(&packet[..len]), None, "{len} octets");
            }
        }
    }

    #[test]
    fn every_changed_octet_is_noticed_where_the_mode_covers_it() {
        for mode in modes() {
            let mut packet = [7; 112];
            mode.protect(&mut packet, 96);
            for at in 0..packet.len() {
                let mut changed = packet;
                changed[at] ^= 0x80;
                let covered = mode.covers_stamps() || !(16..96).contains(&at);
                assert_eq!(mode.open::<96>(&changed).is_none(), covered, "octet {at}");
            }
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", modes()[0]);
        assert_eq!(shown, "Authenticated(TestKeys { .. })");
    }

    proptest! {
        #[test]
        fn what_is_protected_opens_and_padding_stays(
            plain: [u8; 32], padding: Vec<u8>, aes: [u8; 16], hmac: [u8; 32],
        ) {
            let keys = Arc::new(TestKeys::new(&aes, &hmac));
            for mode in [TestSecurity::Authenticated(keys.clone()), TestSecurity::Encrypted(keys)] {
                let mut packet = [&plain[..], &[0; 16], &padding].concat();
                mode.protect(&mut packet, 32);
                prop_assert_eq!(&packet[48..], &padding);
                prop_assert_eq!(mode.open(&packet), Some(plain));
            }
        }

        #[test]
        fn noise_is_never_opened(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            for mode in modes() {
                prop_assert_eq!(mode.open::<32>(&noise), None);
            }
        }
    }
}
