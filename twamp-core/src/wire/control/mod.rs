//! TWAMP-Control messages (RFC 5357, section 3, over RFC 4656, section 3), as plain octets.
//!
//! One struct a message, each with `LEN`, `parse` (needs at least `LEN` octets, ignores unused
//! fields) and `to_bytes` (writes zeros in them). In the encrypted modes these are the plaintext.
//! HMAC fields are kept as they came; in open mode they are zeros and mean nothing.

mod accept;
mod greeting;
mod modes;
mod n_sessions;
mod session;
mod set_up;
mod start_stop;
mod type_p;

pub use accept::Accept;
pub use greeting::{MIN_COUNT, ServerGreeting};
pub use modes::Modes;
pub use n_sessions::NSessions;
pub use session::{AcceptSession, RequestTwSession, Sid};
pub use set_up::{ServerStart, SetUpResponse};
pub use start_stop::{StartAck, StartSessions, StopSessions};
pub use type_p::TypeP;

use crate::error::WireError;

/// Octets of the block that every command begins with, and by which commands are told apart.
pub const BLOCK_LEN: usize = 16;

/// The truncated HMAC-SHA1 at the end of a message; zeros in open mode.
pub type Hmac = [u8; 16];

/// The number in a command's first octet (IANA registry "TWAMP-Control Command Numbers").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Command(pub u8);

impl Command {
    /// Start-Sessions.
    pub const START_SESSIONS: Command = Command(2);
    /// Stop-Sessions.
    pub const STOP_SESSIONS: Command = Command(3);
    /// Request-TW-Session.
    pub const REQUEST_TW_SESSION: Command = Command(5);
    /// Start-N-Sessions (RFC 5938).
    pub const START_N_SESSIONS: Command = Command(7);
    /// Start-N-Ack (RFC 5938).
    pub const START_N_ACK: Command = Command(8);
    /// Stop-N-Sessions (RFC 5938).
    pub const STOP_N_SESSIONS: Command = Command(9);
    /// Stop-N-Ack (RFC 5938).
    pub const STOP_N_ACK: Command = Command(10);
    /// Request-TW-Micro-Sessions (RFC 9533).
    pub const REQUEST_TW_MICRO_SESSIONS: Command = Command(11);

    /// Fails unless `found` is this command's number.
    fn check(self, what: &'static str, found: u8) -> Result<(), WireError> {
        if found == self.0 {
            return Ok(());
        }
        Err(WireError::WrongCommand {
            what,
            expected: self.0,
            found,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, variable, vectors};

    #[test]
    fn every_message_cut_at_any_octet_is_refused() {
        let mut read = 0;
        let conversation = &vectors()["control_encrypted"]["conversation"];
        for message in conversation.as_array().unwrap() {
            let whole = variable(&message["plain"]);
            let parse: fn(&[u8]) -> bool = match text(&message["message"]) {
                "Server-Greeting" => |octets| ServerGreeting::parse(octets).is_ok(),
                "Set-Up-Response" => |octets| SetUpResponse::parse(octets).is_ok(),
                "Server-Start" => |octets| ServerStart::parse(octets).is_ok(),
                "Request-TW-Session" => |octets| RequestTwSession::parse(octets).is_ok(),
                "Accept-Session" => |octets| AcceptSession::parse(octets).is_ok(),
                "Start-Sessions" => |octets| StartSessions::parse(octets).is_ok(),
                "Start-Ack" => |octets| StartAck::parse(octets).is_ok(),
                "Stop-Sessions" => |octets| StopSessions::parse(octets).is_ok(),
                other => panic!("{other}"),
            };
            assert!(parse(&whole), "{message}");
            assert!(
                (0..whole.len()).all(|len| !parse(&whole[..len])),
                "{message}"
            );
            read += 1;
        }
        assert_eq!(read, 8);
    }
}
