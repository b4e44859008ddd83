//! TWAMP-Control from the first octet to Start-Ack, both ends, without a network.

use std::time::Duration;

use twamp_core::control::{
    Client, ClientConfig, ClientEvent, Entropy, IpVersion, Server, ServerConfig, ServerEvent,
    SessionRequest, new_sid,
};
use twamp_core::security::{KeyId, KeyRing, SharedSecret};
use twamp_core::time::{Mono, Ntp64, Wall};
use twamp_core::wire::control::Modes;

/// The security modes, by name.
pub const SECURITY_MODES: [(&str, Modes); 4] = [
    ("open", Modes::OPEN),
    ("authenticated", Modes::AUTHENTICATED),
    ("encrypted", Modes::ENCRYPTED),
    ("mixed", Modes::MIXED),
];

const NOW: Mono = Mono(1_000_000_000);
const TODAY: Wall = Wall(1_700_000_000_000_000_000);
const PORT: u16 = 20_002;

/// Connects, agrees on one session and starts it. In the secure modes each end derives its key
/// with the least count there is, 1024.
pub fn handshake(mode: Modes) {
    let id = KeyId::new("bench").expect("a legal name");
    let mut ring = KeyRing::default();
    let secret = SharedSecret::new("correct horse battery staple").expect("a legal passphrase");
    ring.insert(id.clone(), secret);
    let wanted = ClientConfig {
        modes: mode,
        ..ClientConfig::default()
    };
    let offered = ServerConfig {
        modes: mode,
        ..ServerConfig::new(Ntp64(1))
    };
    let near = ([192, 0, 2, 1], 40_000).into();
    let far = ([192, 0, 2, 2], 862).into();
    let mut client = Client::with_key(wanted, id, &mut Counter(1), NOW);
    let mut server = Server::new(offered, near, far, &mut Counter(2), NOW);
    client.request_session(request(), NOW);
    loop {
        if let Some(octets) = server.poll_transmit() {
            client.handle_bytes(&octets, NOW).expect("a good server");
        }
        if let Some(work) = client.poll_derivation() {
            let key = work.run(&ring, TODAY);
            client.key_derived(&key, NOW).expect("a key was asked for");
        }
        if let Some(octets) = client.poll_transmit() {
            server.handle_bytes(&octets, NOW).expect("a good client");
        }
        if let Some(work) = server.poll_derivation() {
            let key = work.run(&ring, TODAY);
            server.key_derived(&key, NOW).expect("a key was asked for");
        }
        while let Some(event) = server.poll_event() {
            if let ServerEvent::SessionRequested { session, .. } = event {
                let sid = new_sid(far.ip(), Ntp64(1), [7; 4]);
                let accepted = server.accept_session(session, PORT, sid, NOW);
                accepted.expect("an answer was asked for");
            }
        }
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Accepted { .. } => client.start_sessions(NOW).expect("one is there"),
                ClientEvent::Started => return,
                ClientEvent::Ended(reason) => panic!("{reason}"),
                _ => {}
            }
        }
    }
}

fn request() -> SessionRequest {
    SessionRequest {
        sender_port: 20_001,
        receiver_port: PORT,
        sender_address: None,
        receiver_address: None,
        ip_version: IpVersion::V4,
        padding: 64,
        start_time: Ntp64(0),
        timeout: Duration::from_secs(2),
        dscp: 46,
    }
}

/// Octets that need not be random here.
struct Counter(u8);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 = self.0.wrapping_add(1);
            *octet = self.0;
        }
    }
}
