use super::Modes;
use crate::error::WireError;
use crate::wire::{head, put, take};

/// The least key derivation count a server may announce (RFC 4656, section 3.1).
pub const MIN_COUNT: u32 = 1024;

/// Server-Greeting: the server speaks first (RFC 5357, section 3.1). Never encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerGreeting {
    /// What the server is willing to do; none: it refuses.
    pub modes: Modes,
    /// Random, to be returned inside the token.
    pub challenge: [u8; 16],
    /// Random, for the key derivation.
    pub salt: [u8; 16],
    /// Iterations of the key derivation: a power of two, at least [`MIN_COUNT`].
    pub count: u32,
}

impl ServerGreeting {
    /// Octets on the wire.
    pub const LEN: usize = 64;

    /// Reads a greeting; the count is not judged.
    ///
    /// # Errors
    /// [`WireError::TooShort`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<{ Self::LEN }>("Server-Greeting", bytes)?;
        Ok(ServerGreeting {
            modes: Modes(u32::from_be_bytes(take(bytes, 12))),
            challenge: take(bytes, 16),
            salt: take(bytes, 32),
            count: u32::from_be_bytes(take(bytes, 48)),
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        put(&mut out, 12, &self.modes.0.to_be_bytes());
        put(&mut out, 16, &self.challenge);
        put(&mut out, 32, &self.salt);
        put(&mut out, 48, &self.count.to_be_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fields_stand_where_the_rfc_puts_them_and_the_rest_is_zero() {
        let bytes = ServerGreeting {
            modes: Modes(0x0102_0304),
            challenge: [0xc1; 16],
            salt: [0x5a; 16],
            count: 0x0506_0708,
        }
        .to_bytes();
        assert_eq!(bytes[..12], [0; 12]);
        assert_eq!(bytes[12..16], [1, 2, 3, 4]);
        assert_eq!(bytes[16..32], [0xc1; 16]);
        assert_eq!(bytes[32..48], [0x5a; 16]);
        assert_eq!(bytes[48..52], [5, 6, 7, 8]);
        assert_eq!(bytes[52..], [0; 12]);
    }

    proptest! {
        #[test]
        fn a_greeting_survives_the_wire(
            modes: u32, challenge: [u8; 16], salt: [u8; 16], count: u32, noise: [u8; 12],
        ) {
            let greeting = ServerGreeting { modes: Modes(modes), challenge, salt, count };
            let mut bytes = greeting.to_bytes();
            // What is unused must be ignored.
            bytes[..12].copy_from_slice(&noise);
            bytes[52..].copy_from_slice(&noise);
            prop_assert_eq!(ServerGreeting::parse(&bytes), Ok(greeting));
            prop_assert!(ServerGreeting::parse(&bytes[1..]).is_err());
        }
    }
}
