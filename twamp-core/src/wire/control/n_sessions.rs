use super::{Accept, BLOCK_LEN, Command, Hmac, Sid};
use crate::error::WireError;
use crate::wire::{put, take};

/// Start-N-Sessions, Start-N-Ack, Stop-N-Sessions and Stop-N-Ack: one format for all four
/// (RFC 5938, section 3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NSessions {
    /// Which of the four.
    pub command: Command,
    /// The answer, in the two acknowledgements; [`Accept::OK`] in the commands.
    pub accept: Accept,
    /// The sessions concerned.
    pub sids: Vec<Sid>,
    /// Zeros in open mode.
    pub hmac: Hmac,
}

impl NSessions {
    /// A message about these sessions, in open mode.
    pub fn new(command: Command, accept: Accept, sids: Vec<Sid>) -> Self {
        NSessions {
            command,
            accept,
            sids,
            hmac: [0; 16],
        }
    }

    /// How many sessions the message that begins with `block` says it is about. Judge it before
    /// waiting for the rest.
    pub fn count(block: &[u8; BLOCK_LEN]) -> u32 {
        u32::from_be_bytes(take(block, 12))
    }

    /// Octets on the wire of a message about `sessions` sessions.
    pub fn len(sessions: usize) -> usize {
        (sessions + 2) * BLOCK_LEN
    }

    /// Reads a message of any of the four commands. Nothing is allocated before its length is
    /// found to be right.
    ///
    /// # Errors
    /// [`WireError::TooShort`], also if it says that it is about more sessions than it lists;
    /// [`WireError::WrongCommand`] unless it is `command`.
    pub fn parse(command: Command, bytes: &[u8]) -> Result<Self, WireError> {
        let what = name(command);
        let too_short = |expected| WireError::TooShort {
            what,
            expected,
            found: bytes.len(),
        };
        let Some((block, rest)) = bytes.split_first_chunk() else {
            return Err(too_short(Self::len(0)));
        };
        command.check(what, block[0])?;
        let sessions = Self::count(block) as usize;
        let (sids, rest) = rest
            .as_chunks::<BLOCK_LEN>()
            .0
            .split_at_checked(sessions)
            .ok_or(too_short(Self::len(sessions)))?;
        let Some(hmac) = rest.first() else {
            return Err(too_short(Self::len(sessions)));
        };
        let accept = match command {
            Command::START_N_ACK | Command::STOP_N_ACK => Accept(block[1]),
            _ => Accept::OK,
        };
        Ok(NSessions {
            command,
            accept,
            sids: sids.iter().copied().map(Sid).collect(),
            hmac: *hmac,
        })
    }

    /// The message's octets.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![0; Self::len(self.sids.len())];
        out[0] = self.command.0;
        out[1] = self.accept.0;
        put(&mut out, 12, &(self.sids.len() as u32).to_be_bytes());
        for (place, sid) in out[BLOCK_LEN..].chunks_exact_mut(BLOCK_LEN).zip(&self.sids) {
            place.copy_from_slice(&sid.0);
        }
        let hmac_at = out.len() - BLOCK_LEN;
        put(&mut out, hmac_at, &self.hmac);
        out
    }
}

fn name(command: Command) -> &'static str {
    match command {
        Command::START_N_SESSIONS => "Start-N-Sessions",
        Command::START_N_ACK => "Start-N-Ack",
        Command::STOP_N_SESSIONS => "Stop-N-Sessions",
        Command::STOP_N_ACK => "Stop-N-Ack",
        _ => "message of individual session control",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, variable, vectors};
    use proptest::prelude::*;

    const ALL: [Command; 4] = [
        Command::START_N_SESSIONS,
        Command::START_N_ACK,
        Command::STOP_N_SESSIONS,
        Command::STOP_N_ACK,
    ];

    #[test]
    fn the_vectors_read_and_write_octet_for_octet() {
        let messages = &vectors()["control_individual_session"]["conversation"];
        for message in messages.as_array().unwrap() {
            let plain = variable(&message["plain"]);
            let command = Command(plain[0]);
            let read = NSessions::parse(command, &plain).unwrap();
            assert_eq!(name(command), text(&message["message"]));
            assert_eq!(NSessions::len(read.sids.len()), plain.len());
            assert_eq!(read.to_bytes(), plain);
        }
    }

    #[test]
    fn a_number_of_sessions_that_are_not_there_is_refused() {
        let mut bytes = NSessions::new(ALL[0], Accept::OK, vec![Sid([1; 16])]).to_bytes();
        for number in [2, 3, u32::MAX] {
            bytes[12..16].copy_from_slice(&number.to_be_bytes());
            let refused = NSessions::parse(ALL[0], &bytes);
            assert!(
                matches!(refused, Err(WireError::TooShort { .. })),
                "{number}"
            );
        }
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = NSessions::new(ALL[1], Accept(5), vec![Sid([1; 16]); 3]).to_bytes();
        for len in 0..bytes.len() {
            assert!(
                NSessions::parse(ALL[1], &bytes[..len]).is_err(),
                "{len} octets"
            );
        }
    }

    #[test]
    fn one_command_is_not_read_as_another() {
        for written in ALL {
            let bytes = NSessions::new(written, Accept::OK, vec![]).to_bytes();
            for read in ALL {
                assert_eq!(NSessions::parse(read, &bytes).is_ok(), read == written);
            }
        }
    }

    proptest! {
        #[test]
        fn any_message_survives_the_wire(
            which in 0usize..4, accept: u8, sids: Vec<[u8; 16]>, hmac: [u8; 16],
        ) {
            let accept = if which % 2 == 0 { Accept::OK } else { Accept(accept) };
            let sids = sids.into_iter().map(Sid).collect();
            let message = NSessions { command: ALL[which], accept, sids, hmac };
            prop_assert_eq!(NSessions::parse(ALL[which], &message.to_bytes()), Ok(message));
        }

        #[test]
        fn noise_is_read_without_harm(noise: Vec<u8>, which in 0usize..4) {
            let _ = NSessions::parse(ALL[which], &noise);
        }
    }
}
