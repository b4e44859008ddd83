//! The cryptography of TWAMP: who may talk, and what nobody may change on the way
//! (RFC 4656, sections 3.1, 3.4 and 4.1.2; RFC 5357, sections 3 and 4; RFC 7717).
//!
//! ```text
//! KeyRing ──KeyDerivation──▶ DerivedKey ──token──▶ ControlKeys ─┬─▶ ControlSealer, ControlOpener
//! (passphrases)   (slow)                                        └─SID─▶ TestKeys ─▶ TestSecurity
//! ```
//!
//! The algorithms are the protocol's and can't be chosen: PBKDF2 with HMAC-SHA1, AES-128 in ECB
//! and CBC, HMAC-SHA1 cut to its leftmost 16 octets. Secrets are wiped when dropped, never shown
//! by `Debug`, and compared in constant time.

mod control;
mod derivation;
mod keys;
mod test;

pub use control::{ControlOpener, ControlSealer};
pub use derivation::{ControlKeys, DerivedKey, KeyDerivation};
pub use keys::{KeyError, KeyId, KeyRing, SharedSecret};
pub use test::{TestKeys, TestSecurity};

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Octets of an AES block.
const BLOCK: usize = 16;

/// An HMAC in the making.
type HmacSha1 = Hmac<Sha1>;

/// An HMAC over nothing yet.
fn keyed(key: &[u8; 32]) -> HmacSha1 {
    // What HMAC does with a key shorter than the hash's block: zeros behind it.
    let mut block = zeroize::Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    HmacSha1::new((&*block).into())
}

/// The HMAC, cut to its leftmost 16 octets.
fn leftmost(mac: HmacSha1) -> [u8; 16] {
    let mut cut = [0; 16];
    cut.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    cut
}

/// Encrypts whole blocks in place; what is left over at the end stays as it is.
fn encrypt(
    cbc: &mut impl BlockModeEncrypt<BlockSize = aes::cipher::consts::U16>,
    octets: &mut [u8],
) {
    for block in octets.as_chunks_mut::<BLOCK>().0 {
        cbc.encrypt_block(block.into());
    }
}

/// Decrypts whole blocks in place; what is left over at the end stays as it is.
fn decrypt(
    cbc: &mut impl BlockModeDecrypt<BlockSize = aes::cipher::consts::U16>,
    octets: &mut [u8],
) {
    for block in octets.as_chunks_mut::<BLOCK>().0 {
        cbc.decrypt_block(block.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_results_and_keys_may_go_to_other_threads() {
        fn check<T: Send + Sync>() {}
        check::<KeyRing>();
        check::<KeyDerivation>();
        check::<DerivedKey>();
        check::<TestSecurity>();
    }

    #[test]
    fn hmac_sha1_is_that_of_rfc_2202_cut_to_its_left() {
        // Test case 3 of RFC 2202 has a key of 20 octets, and zeros behind a key change nothing.
        let mut key = [0; 32];
        key[..20].fill(0xaa);
        let mac = keyed(&key).chain_update([0xdd; 50]);
        let expected = 0x125d_7342_b9ac_11cd_91a3_9af4_8aa1_7b4f_u128;
        assert_eq!(leftmost(mac), expected.to_be_bytes());
    }
}
