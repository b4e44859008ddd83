//! The whole worked conversation, octet for octet.

use super::*;
use crate::vectors::{octets, text, variable, vectors};
use crate::wire::control::Accept;

/// Gives out what the vector's makers chose.
struct Script(Vec<u8>);

impl Entropy for Script {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.drain(..out.len()).collect::<Vec<_>>());
    }
}

fn script(parts: &[&serde_json::Value]) -> Script {
    Script(parts.iter().flat_map(|part| variable(part)).collect())
}

struct Actors {
    client: Client,
    server: Server,
    ring: KeyRing,
    sid: Sid,
}

fn actors() -> Actors {
    let (case, token) = (&vectors()["control_encrypted"], &vectors()["token"]);
    let (keys, derivation) = (&vectors()["test_keys"], &vectors()["pbkdf2"][0]);
    let id = KeyId::new("tester").unwrap();
    let config = ClientConfig {
        modes: Modes::ENCRYPTED,
        ..ClientConfig::default()
    };
    let chosen = [
        &keys["control_aes_key"],
        &keys["control_hmac_key"],
        &case["client_iv"],
    ];
    let client = Client::with_key(config, id.clone(), &mut script(&chosen), NOW);
    let config = ServerConfig {
        modes: Modes(0xf),
        ..ServerConfig::new(Ntp64::from_wall(Wall(1_699_999_000_000_000_000)))
    };
    let chosen = [&token["challenge"], &derivation["salt"], &case["server_iv"]];
    let (peer, local) = ("192.0.2.1:40000", "192.0.2.2:862");
    let (peer, local) = (peer.parse().unwrap(), local.parse().unwrap());
    Actors {
        client,
        server: Server::new(config, peer, local, &mut script(&chosen), NOW),
        ring: ring(&id, text(&derivation["passphrase"])),
        sid: Sid(octets(&case["sid"])),
    }
}

#[test]
fn the_encrypted_conversation_comes_out_octet_for_octet() {
    let Actors {
        mut client,
        mut server,
        ring,
        sid,
    } = actors();
    client.request_session(
        SessionRequest {
            sender_address: Some("192.0.2.1".parse().unwrap()),
            receiver_address: Some("192.0.2.2".parse().unwrap()),
            ..request()
        },
        NOW,
    );
    let conversation = &vectors()["control_encrypted"]["conversation"];
    for step in conversation.as_array().unwrap() {
        let (name, wire) = (text(&step["message"]), variable(&step["wire"]));
        match text(&step["from"]) {
            "server" => {
                if let Some(job) = server.poll_derivation() {
                    server.key_derived(&job.run(&ring, TODAY), NOW).unwrap();
                }
                assert_eq!(server.poll_transmit(), Some(wire.clone()), "{name}");
                client.handle_bytes(&wire, NOW).unwrap();
            }
            _ => {
                if let Some(job) = client.poll_derivation() {
                    client.key_derived(&job.run(&ring, TODAY), NOW).unwrap();
                }
                assert_eq!(client.poll_transmit(), Some(wire.clone()), "{name}");
                server.handle_bytes(&wire, NOW).unwrap();
            }
        }
        while let Some(event) = server.poll_event() {
            if let ServerEvent::SessionRequested { session, .. } = event {
                server.accept_session(session, 20002, sid, NOW).unwrap();
            }
        }
        while let Some(event) = client.poll_event() {
            match event {
                ClientEvent::Accepted { .. } => client.start_sessions(NOW).unwrap(),
                ClientEvent::Started => client.stop_sessions(Accept::OK, NOW).unwrap(),
                _ => {}
            }
        }
    }
    assert_eq!(
        (client.poll_transmit(), server.poll_transmit()),
        (None, None)
    );
}

#[test]
fn the_reflect_octets_vectors_are_said_and_understood() {
    let case = &vectors()["control_open_reflect_octets"];
    let modes = Modes::OPEN | Modes::REFLECT_OCTETS | Modes::SYMMETRICAL_SIZE;
    let config = ServerConfig {
        modes,
        server_octets: 0x5e55,
        ..ServerConfig::new(Ntp64(1))
    };
    let (peer, local) = ("[2001:db8::1]:40000", "[2001:db8::2]:862");
    let (peer, local) = (peer.parse().unwrap(), local.parse().unwrap());
    let mut server = Server::new(config, peer, local, &mut Counter(0), NOW);
    let config = ClientConfig {
        modes,
        ..ClientConfig::default()
    };
    let mut client = Client::new(config, NOW);
    set_up(&mut client, &mut server);
    let ask = SessionRequest {
        receiver_port: 862,
        sender_address: Some("2001:db8::1".parse().unwrap()),
        receiver_address: Some("2001:db8::2".parse().unwrap()),
        ip_version: IpVersion::V6,
        padding: 100,
        dscp: 10,
        ..request()
    };
    let reflection = Reflection {
        octets: 0xcafe,
        padding: 20,
    };
    let granted = client.request_reflecting_session(ask, reflection, NOW);
    let wire = client.poll_transmit().unwrap();
    assert_eq!(wire, variable(&case["request"]));
    server.handle_bytes(&wire, NOW).unwrap();
    let sid = Sid(octets(&vectors()["test_keys"]["sid"]));
    server
        .accept_session(SessionIndex(0), 862, sid, NOW)
        .unwrap();
    let wire = server.poll_transmit().unwrap();
    assert_eq!(wire, variable(&case["accept"]));
    client.handle_bytes(&wire, NOW).unwrap();

    // One octet less than the headers and the reflected padding need.
    let ask = SessionRequest { padding: 46, ..ask };
    let refused = client.request_reflecting_session(ask, reflection, NOW);
    server
        .handle_bytes(&client.poll_transmit().unwrap(), NOW)
        .unwrap();
    let wire = server.poll_transmit().unwrap();
    assert_eq!(wire, variable(&case["accept_rejected"]));
    client.handle_bytes(&wire, NOW).unwrap();

    let events: Vec<_> = std::iter::from_fn(|| client.poll_event()).collect();
    let accepted = ClientEvent::Accepted {
        request: granted,
        port: 862,
        sid,
        server_octets: 0x5e55,
    };
    let refused = ClientEvent::Refused {
        request: refused,
        accept: Accept::NOT_SUPPORTED,
    };
    assert_eq!(events[1..], [accepted, refused]);
}
