use super::{Accept, Command, Hmac};
use crate::error::WireError;
use crate::wire::{head, put, take};

/// Start-Sessions: all accepted sessions start (RFC 4656, section 3.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StartSessions {
    /// Zeros in open mode.
    pub hmac: Hmac,
}

impl StartSessions {
    /// Octets on the wire.
    pub const LEN: usize = 32;

    /// Reads the command.
    ///
    /// # Errors
    /// [`WireError::TooShort`], [`WireError::WrongCommand`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<{ Self::LEN }>("Start-Sessions", bytes)?;
        Command::START_SESSIONS.check("Start-Sessions", bytes[0])?;
        Ok(StartSessions {
            hmac: take(bytes, 16),
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = Command::START_SESSIONS.0;
        put(&mut out, 16, &self.hmac);
        out
    }
}

/// Start-Ack: the server's answer to Start-Sessions. It has no command number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartAck {
    /// Anything but OK: nothing was started.
    pub accept: Accept,
    /// Zeros in open mode.
    pub hmac: Hmac,
}

impl StartAck {
    /// Octets on the wire.
    pub const LEN: usize = 32;

    /// Reads the answer.
    ///
    /// # Errors
    /// [`WireError::TooShort`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<{ Self::LEN }>("Start-Ack", bytes)?;
        Ok(StartAck {
            accept: Accept(bytes[0]),
            hmac: take(bytes, 16),
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = self.accept.0;
        put(&mut out, 16, &self.hmac);
        out
    }
}

/// Stop-Sessions: all sessions end; only the client sends it, and nothing answers it
/// (RFC 5357, section 3.8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StopSessions {
    /// Anything but OK: the results should be considered invalid.
    pub accept: Accept,
    /// Must be the number of accepted sessions not yet stopped.
    pub sessions: u32,
    /// Zeros in open mode.
    pub hmac: Hmac,
}

impl StopSessions {
    /// Octets on the wire.
    pub const LEN: usize = 32;

    /// Reads the command.
    ///
    /// # Errors
    /// [`WireError::TooShort`], [`WireError::WrongCommand`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let bytes = head::<{ Self::LEN }>("Stop-Sessions", bytes)?;
        Command::STOP_SESSIONS.check("Stop-Sessions", bytes[0])?;
        Ok(StopSessions {
            accept: Accept(bytes[1]),
            sessions: u32::from_be_bytes(take(bytes, 4)),
            hmac: take(bytes, 16),
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = Command::STOP_SESSIONS.0;
        out[1] = self.accept.0;
        put(&mut out, 4, &self.sessions.to_be_bytes());
        put(&mut out, 16, &self.hmac);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_fields_stand_where_the_rfc_puts_them_and_the_rest_is_zero() {
        let hmac = [0xee; 16];
        let start = StartSessions { hmac }.to_bytes();
        assert_eq!(
            (start[0], &start[1..16], &start[16..]),
            (2, &[0; 15][..], &hmac[..])
        );

        let accept = Accept(4);
        let ack = StartAck { accept, hmac }.to_bytes();
        assert_eq!(
            (ack[0], &ack[1..16], &ack[16..]),
            (4, &[0; 15][..], &hmac[..])
        );

        let sessions = 0x0a0b_0c0d;
        let stop = StopSessions {
            accept,
            sessions,
            hmac,
        }
        .to_bytes();
        assert_eq!(stop[..8], [3, 4, 0, 0, 0x0a, 0x0b, 0x0c, 0x0d]);
        assert_eq!((&stop[8..16], &stop[16..]), (&[0; 8][..], &hmac[..]));
    }

    #[test]
    fn one_command_is_not_read_as_another() {
        let start = StartSessions::default().to_bytes();
        assert_eq!(
            StopSessions::parse(&start),
            Err(WireError::WrongCommand {
                what: "Stop-Sessions",
                expected: 3,
                found: 2
            })
        );
    }

    proptest! {
        #[test]
        fn start_ack_and_stop_survive_the_wire(accept: u8, sessions: u32, hmac: [u8; 16]) {
            let accept = Accept(accept);
            let start = StartSessions { hmac };
            prop_assert_eq!(StartSessions::parse(&start.to_bytes()), Ok(start));
            prop_assert!(StartSessions::parse(&start.to_bytes()[..31]).is_err());
            let ack = StartAck { accept, hmac };
            prop_assert_eq!(StartAck::parse(&ack.to_bytes()), Ok(ack));
            prop_assert!(StartAck::parse(&ack.to_bytes()[..31]).is_err());
            let stop = StopSessions { accept, sessions, hmac };
            prop_assert_eq!(StopSessions::parse(&stop.to_bytes()), Ok(stop));
            prop_assert!(StopSessions::parse(&stop.to_bytes()[..31]).is_err());
        }
    }
}
