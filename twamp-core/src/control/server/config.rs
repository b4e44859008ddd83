use std::time::Duration;

use crate::time::Ntp64;
use crate::wire::control::{MIN_COUNT, Modes};

/// What a [`Server`](super::Server) allows.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Modes to offer; bits without meaning are left out. Offer secure modes only with secrets on
    /// the key ring, and [`Modes::IKEV2_KEYS`] only with those of security associations.
    pub modes: Modes,
    /// Key derivation count to announce; raised to the next legal one.
    pub count: u32,
    /// SERVWAIT: how long a connection may go without a command (RFC 5357, section 3.1).
    pub servwait: Duration,
    /// How long a message may take from its first octet to its last.
    pub read_timeout: Duration,
    /// How long a client may take from the connection to its whole Set-Up-Response.
    pub set_up_timeout: Duration,
    /// Sessions not yet stopped on one connection.
    pub max_sessions: u32,
    /// Octets of padding.
    pub max_padding: u32,
    /// Cap on how long to answer after the stop.
    pub max_timeout: Duration,
    /// When this server instance started: must be the same on all of its connections.
    pub server_start: Ntp64,
    /// Allows sessions whose sender is not the control client. Dangerous: replies can be aimed.
    pub other_senders: bool,
    /// Allows sessions on addresses other than the control connection's.
    pub other_receivers: bool,
    /// Server octets: what reflected padding must begin with (RFC 6038, section 4.2); 0: nothing.
    pub server_octets: u16,
}

impl ServerConfig {
    /// The defaults, for an instance that started at `server_start`: open mode, 900 s of SERVWAIT,
    /// 30 s for a message, 10 s for the set-up, 256 sessions, padding to fill a UDP packet,
    /// answers for at most 60 s after the stop, no addresses but the control connection's, no
    /// Server octets.
    pub fn new(server_start: Ntp64) -> Self {
        ServerConfig {
            modes: Modes::OPEN,
            count: MIN_COUNT,
            servwait: Duration::from_secs(900),
            read_timeout: Duration::from_secs(30),
            set_up_timeout: Duration::from_secs(10),
            max_sessions: 256,
            max_padding: 65_507 - crate::wire::test::SENDER_LEN as u32,
            max_timeout: Duration::from_secs(60),
            server_start,
            other_senders: false,
            other_receivers: false,
            server_octets: 0,
        }
    }

    /// The least power of two that is legal and not below the configured count.
    pub(super) fn legal_count(&self) -> u32 {
        self.count
            .max(MIN_COUNT)
            .checked_next_power_of_two()
            .unwrap_or(1 << 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_count_is_always_a_legal_one() {
        let wanted = [0, 1, 1024, 1025, 2048, 1 << 31, u32::MAX];
        let announced = [1024, 1024, 1024, 2048, 2048, 1 << 31, 1 << 31];
        let legal = |count| ServerConfig {
            count,
            ..ServerConfig::new(Ntp64(0))
        };
        assert_eq!(wanted.map(|count| legal(count).legal_count()), announced);
    }
}
