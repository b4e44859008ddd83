//! Client and server against each other: the same events, however the octets are cut.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::{
    Client, ClientConfig, ClientEvent, Entropy, IpVersion, Server, ServerConfig, ServerEvent,
    SessionRequest, new_sid,
};
use crate::time::{Mono, Ntp64};
use crate::wire::control::Accept;

const NOW: Mono = Mono(0);

struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}

#[derive(Debug, PartialEq)]
struct Log {
    client: Vec<ClientEvent>,
    server: Vec<ServerEvent>,
}

/// Runs a whole conversation, delivering octets in chunks of the given sizes (then whole): two
/// rounds of start and stop, with three sessions (one too greedy, one on another port) and one.
fn converse(chunks: &[usize]) -> Log {
    let mut client = Client::new(ClientConfig::default(), NOW);
    let mut server = Server::new(
        ServerConfig::new(Ntp64(1)),
        "192.0.2.1:40000".parse().unwrap(),
        "192.0.2.2:862".parse().unwrap(),
        &mut NoEntropy,
        NOW,
    );
    let mut chunks = chunks.iter().copied().chain(std::iter::repeat(usize::MAX));
    let mut log = Log {
        client: vec![],
        server: vec![],
    };
    for padding in [0, u32::MAX, 100] {
        client.request_session(request(padding), NOW);
    }
    let (mut answers, mut rounds) = (0, 0);
    let (mut to_client, mut to_server) = (VecDeque::new(), VecDeque::new());
    loop {
        to_client.extend(server.poll_transmit().unwrap_or_default());
        to_server.extend(client.poll_transmit().unwrap_or_default());
        if to_client.is_empty() && to_server.is_empty() {
            return log;
        }
        let chunk = next_chunk(&mut to_client, &mut chunks);
        client.handle_bytes(&chunk, NOW).unwrap();
        let chunk = next_chunk(&mut to_server, &mut chunks);
        server.handle_bytes(&chunk, NOW).unwrap();

        while let Some(event) = server.poll_event() {
            log.server.push(event);
            if let ServerEvent::SessionRequested { session, request } = event {
                let port = request.receiver.port() + request.padding as u16;
                let sid = new_sid(request.receiver.ip(), Ntp64(2), [0; 4]);
                server.accept_session(session, port, sid, NOW).unwrap();
            }
        }
        while let Some(event) = client.poll_event() {
            log.client.push(event);
            match event {
                ClientEvent::Accepted { .. } | ClientEvent::Refused { .. } => {
                    answers += 1;
                    if answers == 3 || answers == 4 {
                        client.start_sessions(NOW).unwrap();
                    }
                }
                ClientEvent::Started => {
                    rounds += 1;
                    client.stop_sessions(Accept::OK, NOW).unwrap();
                    if rounds == 1 {
                        client.request_session(request(1), NOW);
                    }
                }
                _ => {}
            }
        }
    }
}

fn next_chunk(from: &mut VecDeque<u8>, sizes: &mut impl Iterator<Item = usize>) -> Vec<u8> {
    if from.is_empty() {
        return vec![];
    }
    let size = sizes.next().map_or(from.len(), |size| size.min(from.len()));
    from.drain(..size).collect()
}

fn request(padding: u32) -> SessionRequest {
    SessionRequest {
        sender_port: 20001,
        receiver_port: 20002,
        sender_address: None,
        receiver_address: None,
        ip_version: IpVersion::V4,
        padding,
        start_time: Ntp64(0),
        timeout: Duration::from_secs(2),
        dscp: 46,
    }
}

#[test]
fn a_conversation_takes_its_course() {
    let log = converse(&[]);
    let ports: Vec<_> = log
        .client
        .iter()
        .map(|event| match event {
            ClientEvent::Accepted { port, .. } => i64::from(*port),
            ClientEvent::Refused { accept, .. } => -i64::from(accept.0),
            ClientEvent::Ready { .. } => 1,
            ClientEvent::Started => 2,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ports, [1, 20002, -4, 20102, 2, 20003, 2]);

    use ServerEvent::{Ready, SessionRequested, Started, Stopped};
    assert!(matches!(
        log.server[..],
        [
            Ready { .. },
            SessionRequested { .. },
            SessionRequested { .. },
            Started,
            Stopped { accept: Accept::OK },
            SessionRequested { .. },
            Started,
            Stopped { accept: Accept::OK },
        ]
    ));
}

#[test]
fn a_conversation_octet_by_octet_is_the_same() {
    assert_eq!(converse(&[1; 10_000]), converse(&[]));
}

proptest! {
    #[test]
    fn a_conversation_in_chunks_of_any_size_is_the_same(
        chunks in proptest::collection::vec(1usize..200, 0..300),
    ) {
        prop_assert_eq!(converse(&chunks), converse(&[]));
    }
}
