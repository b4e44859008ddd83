//! Wire formats: plain structs with `parse` and `write`, one per message. No state, no policy.

pub mod control;
pub mod stamp;
pub mod test;
pub mod tlv;

use crate::error::WireError;

/// The first `N` octets of `bytes`, if there are so many.
fn head<'a, const N: usize>(what: &'static str, bytes: &'a [u8]) -> Result<&'a [u8; N], WireError> {
    bytes.first_chunk().ok_or(WireError::TooShort {
        what,
        expected: N,
        found: bytes.len(),
    })
}

/// `N` octets at `at`. Panics if `at + N` is beyond `L`, which is a constant of the format.
fn take<const N: usize, const L: usize>(bytes: &[u8; L], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

/// Puts `field` at `at`. Panics if it doesn't fit, which is a constant of the format.
fn put(out: &mut [u8], at: usize, field: &[u8]) {
    out[at..at + field.len()].copy_from_slice(field);
}
