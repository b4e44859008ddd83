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
