use super::{Accept, Modes};
use crate::error::WireError;
use crate::time::Ntp64;
use crate::wire::{head, put, take};

/// Set-Up-Response: the client chooses (RFC 4656, section 3.1). Never encrypted.
///
/// In open mode all but the mode is zeros, and ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetUpResponse {
    /// The selection; none: the client will not continue.
    pub mode: Modes,
    /// UTF-8, padded with zeros.
    pub key_id: [u8; 80],
    /// Challenge and session keys, encrypted.
    pub token: [u8; 64],
    /// Starts the client's CBC stream.
    pub client_iv: [u8; 16],
}

impl SetUpResponse {
    /// Octets on the wire.
    pub const LEN: usize = 164;

    /// The choice of open mode.
    pub fn open() -> Self {
        SetUpResponse {
            mode: Modes::OPEN,
            key_id: [0; 80],
            token: [0; 64],
            client_iv: [0; 16],
        }
    }

    /// Reads a response; the selection is not judged.
    ///
    /// # Errors
    /// [`WireError::TooShort`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<{ Self::LEN }>("Set-Up-Response", bytes)?;
        Ok(SetUpResponse {
            mode: Modes(u32::from_be_bytes(take(bytes, 0))),
            key_id: take(bytes, 4),
            token: take(bytes, 84),
            client_iv: take(bytes, 148),
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        put(&mut out, 0, &self.mode.0.to_be_bytes());
        put(&mut out, 4, &self.key_id);
        put(&mut out, 84, &self.token);
        put(&mut out, 148, &self.client_iv);
        out
    }
}

/// Server-Start: the server's answer to the choice (RFC 4656, section 3.1).
///
/// In the encrypted modes octets 32 to 47 (start time and zeros) are encrypted on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerStart {
    /// Anything but OK: no connection.
    pub accept: Accept,
    /// Starts the server's CBC stream; zeros in open mode.
    pub server_iv: [u8; 16],
    /// When this server instance started: the same for all clients.
    pub start_time: Ntp64,
}

impl ServerStart {
    /// Octets on the wire.
    pub const LEN: usize = 48;

    /// A refusal: everything else is zeros.
    pub fn refusal(accept: Accept) -> Self {
        ServerStart {
            accept,
            server_iv: [0; 16],
            start_time: Ntp64(0),
        }
    }

    /// Reads a Server-Start.
    ///
    /// # Errors
    /// [`WireError::TooShort`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<{ Self::LEN }>("Server-Start", bytes)?;
        Ok(ServerStart {
            accept: Accept(bytes[15]),
            server_iv: take(bytes, 16),
            start_time: Ntp64(u64::from_be_bytes(take(bytes, 32))),
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[15] = self.accept.0;
        put(&mut out, 16, &self.server_iv);
        put(&mut out, 32, &self.start_time.0.to_be_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_open_response_is_mode_one_and_zeros() {
        let mut expected = [0; SetUpResponse::LEN];
        expected[3] = 1;
        assert_eq!(SetUpResponse::open().to_bytes(), expected);
    }

    #[test]
    fn the_response_fields_stand_where_the_rfc_puts_them() {
        let bytes = SetUpResponse {
            mode: Modes(0x0102_0304),
            key_id: [0x11; 80],
            token: [0x22; 64],
            client_iv: [0x33; 16],
        }
        .to_bytes();
        assert_eq!(bytes[..4], [1, 2, 3, 4]);
        assert_eq!(bytes[4..84], [0x11; 80]);
        assert_eq!(bytes[84..148], [0x22; 64]);
        assert_eq!(bytes[148..], [0x33; 16]);
    }

    #[test]
    fn a_refusal_is_the_accept_value_and_zeros() {
        let mut expected = [0; ServerStart::LEN];
        expected[15] = 3;
        let refusal = ServerStart::refusal(Accept::NOT_SUPPORTED);
        assert_eq!(refusal.to_bytes(), expected);
    }

    proptest! {
        #[test]
        fn a_set_up_response_survives_the_wire(
            mode: u32, key_id: [u8; 80], token: [u8; 64], client_iv: [u8; 16],
        ) {
            let response = SetUpResponse { mode: Modes(mode), key_id, token, client_iv };
            let bytes = response.to_bytes();
            prop_assert_eq!(SetUpResponse::parse(&bytes), Ok(response));
            prop_assert!(SetUpResponse::parse(&bytes[1..]).is_err());
        }

        #[test]
        fn a_server_start_survives_the_wire(
            accept: u8, server_iv: [u8; 16], time: u64, noise: [u8; 15],
        ) {
            let start = ServerStart {
                accept: Accept(accept),
                server_iv,
                start_time: Ntp64(time),
            };
            let mut bytes = start.to_bytes();
            bytes[..15].copy_from_slice(&noise);
            bytes[40..].copy_from_slice(&noise[..8]);
            prop_assert_eq!(ServerStart::parse(&bytes), Ok(start));
            prop_assert!(ServerStart::parse(&bytes[1..]).is_err());
        }
    }
}
