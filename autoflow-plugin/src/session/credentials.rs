//! By what a STAMP responder knows whom it may answer: there is nothing to go by but packets.

use std::sync::Arc;

use plugin_abi::config::{Responder, Security as Mode};
use twamp_core::security::SharedSecret;
use twamp_core::stamp;
use twamp_core::time::Wall;
use twamp_core::wire::stamp::{Layout, SenderPacket};

use super::keys::Keys;

/// Keys that a packet of a stranger is compared with, at most: anybody can send packets.
const COMPARED: usize = 16;

/// What the STAMP responders of one engine accept. The default is nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    /// Those without protection.
    open: bool,
    /// Those who hold one of these keys.
    keys: Arc<[(SharedSecret, stamp::Key)]>,
    /// What they see of the way back is learned.
    pub(super) figures: bool,
}

/// Which session of its sender a packet belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Ssid {
    /// It has one at most: agreed on, or of TWAMP Light.
    None,
    Open(u16),
    Authenticated(u16),
}

impl Ssid {
    /// The number, if it has one: 0 stands for none.
    pub(super) fn number(self) -> Option<u16> {
        match self {
            Self::None => None,
            Self::Open(ssid) | Self::Authenticated(ssid) => Some(ssid).filter(|ssid| *ssid != 0),
        }
    }
}

impl Credentials {
    /// As the configuration wants it.
    pub(crate) fn new(responder: &Responder, keys: &Keys) -> Self {
        let offered = |mode| responder.modes.contains(&mode);
        Self {
            open: offered(Mode::Open),
            keys: match offered(Mode::Auth) {
                true => keys.of_stamp(),
                false => Arc::default(),
            },
            figures: responder.figures,
        }
    }

    /// The session that a packet belongs to if it is protected.
    pub(super) fn authenticated(packet: &[u8]) -> Ssid {
        Ssid::Authenticated(SenderPacket::ssid_of_stranger(
            Layout::Authenticated,
            packet,
        ))
    }

    /// The session that a packet belongs to if it isn't protected. `None`: it is not let in.
    pub(super) fn open(&self, packet: &[u8]) -> Option<Ssid> {
        let ssid = SenderPacket::ssid_of_stranger(Layout::Open, packet);
        (self.open && !is_protected(packet)).then_some(Ssid::Open(ssid))
    }

    /// The key that a packet was made with, if it is one that is valid at `now`.
    pub(super) fn key_of(&self, packet: &[u8], now: Wall) -> Option<&stamp::Key> {
        let valid = self.keys.iter().filter(|(secret, _)| secret.is_valid(now));
        let mut keys = valid.take(COMPARED).map(|(_, key)| key);
        keys.find(|key| key.signed(packet))
    }
}

/// Authenticated packets have zeros where open ones have T1 and its error, which are never 0.
fn is_protected(packet: &[u8]) -> bool {
    packet.len() >= Layout::Authenticated.base_len()
        && packet[4..16].iter().all(|&octet| octet == 0)
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::{Key, Secret};
    use twamp_core::stamp::{Request, Security, Sender, SenderConfig};
    use twamp_core::time::{ErrorEstimate, Mono, Now};

    use super::*;
    use crate::log;

    const NOW: Wall = Wall(1_800_000_000_000_000_000);

    fn credentials(modes: &[Mode], passphrases: &[&str]) -> Credentials {
        let responder = Responder {
            modes: modes.to_vec(),
            ..Responder::default()
        };
        let named = passphrases.iter().enumerate();
        let keys: Vec<_> = named
            .map(|(n, text)| Key {
                not_after: (*text == "expired").then_some(1),
                ..Key::new(&format!("{n:02}"), Secret::new(text))
            })
            .collect();
        Credentials::new(&responder, &Keys::new(&keys, &log::Queue::new()))
    }

    fn packet(security: Security) -> Vec<u8> {
        let mut sender = Sender::new(SenderConfig {
            security,
            ssid: 7,
            request: Request {
                padding: 100,
                ..Request::default()
            },
            ..SenderConfig::default()
        });
        let now = Now {
            mono: Mono(1),
            wall: NOW,
        };
        let mut out = Vec::new();
        let _ = sender.send(now, ErrorEstimate::new(true, 1_000), &mut out);
        out
    }

    fn signed(passphrase: &str) -> Vec<u8> {
        let key = stamp::Key::new(passphrase.as_bytes()).unwrap();
        packet(Security::Authenticated(key))
    }

    #[test]
    fn a_key_lets_in_who_holds_it_as_long_as_it_is_valid_and_auth_is_offered() {
        let both = [Mode::Open, Mode::Auth];
        let credentials_of = |modes| credentials(modes, &["one", "two", "expired"]);
        let lets_in = |credentials: &Credentials, packet: &[u8]| {
            credentials.key_of(packet, NOW).is_some() || credentials.open(packet).is_some()
        };
        for modes in [&both[..], &both[1..]] {
            for passphrase in ["one", "two"] {
                assert!(lets_in(&credentials_of(modes), &signed(passphrase)));
            }
            for passphrase in ["three", "expired"] {
                assert!(!lets_in(&credentials_of(modes), &signed(passphrase)));
            }
        }
        assert!(!lets_in(&credentials_of(&both[..1]), &signed("one")));
        assert_eq!(
            Credentials::authenticated(&signed("one")),
            Ssid::Authenticated(7)
        );
    }

    #[test]
    fn open_packets_are_let_in_where_open_is_offered_whatever_their_length() {
        let open = packet(Security::Open);
        assert!(open.len() >= 112);
        for (modes, expected) in [(Mode::Open, Some(Ssid::Open(7))), (Mode::Auth, None)] {
            assert_eq!(credentials(&[modes], &["one"]).open(&open), expected);
        }
        assert_eq!(
            credentials(&[Mode::Open], &[]).open(&open[..14]),
            Some(Ssid::Open(0))
        );
    }

    #[test]
    fn a_stranger_is_compared_with_so_many_keys_and_no_more() {
        let texts: Vec<_> = (0..=COMPARED).map(|n| format!("key {n}")).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let credentials = credentials(&[Mode::Auth], &texts);
        let known = |n: usize| credentials.key_of(&signed(texts[n]), NOW).is_some();
        assert!(known(0) && known(COMPARED - 1) && !known(COMPARED));
    }
}
