//! Client and server against each other, beyond open mode.

use std::time::Duration;

use super::*;
use crate::security::{KeyDerivation, KeyId, KeyRing, SharedSecret};
use crate::time::{Mono, Ntp64, Wall};
use crate::wire::control::Sid;

mod features;
mod individual;
mod secured;
mod tampering;
mod vectors;

const NOW: Mono = Mono(5_000_000_000);
const TODAY: Wall = Wall(1_700_000_000_000_000_000);
const SECURE: [Modes; 3] = [Modes::AUTHENTICATED, Modes::ENCRYPTED, Modes::MIXED];

/// Octets that are all different, from any start.
struct Counter(u8);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 = self.0.wrapping_add(1);
            *octet = self.0;
        }
    }
}

/// Both ends of a connection, with what they know.
struct Pair {
    client: Client,
    server: Server,
    /// The client's key ring.
    near: KeyRing,
    /// The server's.
    far: KeyRing,
}

impl Pair {
    /// The client allows `wanted` and the server `offered`; both hold the same secret.
    fn new(wanted: Modes, offered: Modes) -> Self {
        Self::with_config(
            ServerConfig {
                modes: offered,
                ..ServerConfig::new(Ntp64(77 << 32))
            },
            wanted,
            &key_id(),
        )
    }

    fn with_config(config: ServerConfig, wanted: Modes, key_id: &KeyId) -> Self {
        let wanted = ClientConfig {
            modes: wanted,
            ..ClientConfig::default()
        };
        let peer = "192.0.2.1:40000".parse().unwrap();
        let local = "192.0.2.2:862".parse().unwrap();
        Pair {
            client: Client::with_key(wanted, key_id.clone(), &mut Counter(100), NOW),
            server: Server::new(config, peer, local, &mut Counter(7), NOW),
            near: ring(key_id, "correct horse"),
            far: ring(key_id, "correct horse"),
        }
    }

    /// Delivers whatever there is, in pieces of `piece` octets, and derives keys, until all is
    /// quiet.
    fn settle_in_pieces(&mut self, piece: usize) {
        loop {
            let derived = self.derive();
            let (to_client, to_server) = (self.server.poll_transmit(), self.client.poll_transmit());
            if !derived && to_client.is_none() && to_server.is_none() {
                return;
            }
            for octets in to_client.unwrap_or_default().chunks(piece) {
                let _ = self.client.handle_bytes(octets, NOW);
            }
            for octets in to_server.unwrap_or_default().chunks(piece) {
                let _ = self.server.handle_bytes(octets, NOW);
            }
        }
    }

    fn settle(&mut self) {
        self.settle_in_pieces(usize::MAX);
    }

    /// Does the slow work of both, if there is any; with one iteration it isn't slow, and what
    /// many give is the vectors' business.
    fn derive(&mut self) -> bool {
        let quick = |job: &KeyDerivation, ring: &KeyRing| {
            KeyDerivation::new(job.key_id().cloned(), [0; 16], 1).run(ring, TODAY)
        };
        let (near, far) = (self.client.poll_derivation(), self.server.poll_derivation());
        if let Some(job) = &near {
            let key = quick(job, &self.near);
            self.client.key_derived(&key, NOW).unwrap();
        }
        if let Some(job) = &far {
            let key = quick(job, &self.far);
            self.server.key_derived(&key, NOW).unwrap();
        }
        near.is_some() || far.is_some()
    }

    /// Delivers until the server asks its driver about a session, and accepts it.
    fn accept(&mut self, sid: Sid) {
        self.settle();
        let session =
            std::iter::from_fn(|| self.server.poll_event()).find_map(|event| match event {
                ServerEvent::SessionRequested { session, .. } => Some(session),
                _ => None,
            });
        self.server
            .accept_session(session.unwrap(), 20002, sid, NOW)
            .unwrap();
        self.settle();
    }

    fn client_events(&mut self) -> Vec<ClientEvent> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    fn server_events(&mut self) -> Vec<ServerEvent> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }
}

/// An open connection from the greeting to Server-Start.
fn set_up(client: &mut Client, server: &mut Server) {
    client
        .handle_bytes(&server.poll_transmit().unwrap(), NOW)
        .unwrap();
    server
        .handle_bytes(&client.poll_transmit().unwrap(), NOW)
        .unwrap();
    client
        .handle_bytes(&server.poll_transmit().unwrap(), NOW)
        .unwrap();
}

fn key_id() -> KeyId {
    KeyId::new("site").unwrap()
}

fn ring(key_id: &KeyId, passphrase: &str) -> KeyRing {
    let mut ring = KeyRing::default();
    ring.insert(key_id.clone(), SharedSecret::new(passphrase).unwrap());
    ring
}

fn sid(n: u8) -> Sid {
    Sid([n; 16])
}

fn request() -> SessionRequest {
    SessionRequest {
        sender_port: 20001,
        receiver_port: 20002,
        sender_address: None,
        receiver_address: None,
        ip_version: IpVersion::V4,
        padding: 64,
        start_time: Ntp64(0),
        timeout: Duration::from_secs(2),
        dscp: 46,
    }
}
