//! Encrypted connections with somebody in the middle.

use proptest::prelude::*;

use super::*;
use crate::wire::control::Accept;

/// The octets of each turn of a whole conversation, from client and server in turns.
fn turns() -> Vec<(bool, Vec<u8>)> {
    let mut turns = vec![];
    converse(|from_client, octets| {
        turns.push((from_client, octets.to_vec()));
        octets.to_vec()
    });
    turns
}

/// One session requested, accepted, started and stopped; `meddle` changes what is said on its
/// way. How both ended.
fn converse(
    mut meddle: impl FnMut(bool, &[u8]) -> Vec<u8>,
) -> (Pair, Vec<ClientEvent>, Vec<ServerEvent>) {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    pair.client.request_session(request(), NOW);
    let (mut near, mut far) = (vec![], vec![]);
    loop {
        pair.derive();
        for event in pair.server_events() {
            if let ServerEvent::SessionRequested { session, .. } = event {
                pair.server.accept_session(session, 9, sid(9), NOW).unwrap();
            }
            far.push(event);
        }
        for event in pair.client_events() {
            match event {
                ClientEvent::Accepted { .. } => drop(pair.client.start_sessions(NOW)),
                ClientEvent::Started => drop(pair.client.stop_sessions(Accept::OK, NOW)),
                _ => {}
            }
            near.push(event);
        }
        if let Some(octets) = pair.server.poll_transmit() {
            let _ = pair.client.handle_bytes(&meddle(false, &octets), NOW);
        } else if let Some(octets) = pair.client.poll_transmit() {
            let _ = pair.server.handle_bytes(&meddle(true, &octets), NOW);
        } else {
            return (pair, near, far);
        }
    }
}

fn flipped(turn: usize, octet: usize) -> (Pair, Vec<ClientEvent>, Vec<ServerEvent>) {
    let mut at = 0;
    converse(|_, octets| {
        let mut octets = octets.to_vec();
        if at == turn {
            octets[octet] ^= 0x40;
        }
        at += 1;
        octets
    })
}

#[test]
fn a_changed_octet_in_any_encrypted_message_ends_the_connection_and_nothing_is_acted_upon() {
    let turns = turns();
    let (_, near, far) = converse(|_, octets| octets.to_vec());
    for (turn, (from_client, octets)) in turns.iter().enumerate().skip(3) {
        for octet in 0..octets.len() {
            let (_, changed_near, changed_far) = flipped(turn, octet);
            let (heard, all, ended) = match from_client {
                true => (
                    changed_far.len(),
                    far.len(),
                    matches!(changed_far.last(), Some(ServerEvent::Ended(_))),
                ),
                false => (
                    changed_near.len(),
                    near.len(),
                    matches!(changed_near.last(), Some(ClientEvent::Ended(_))),
                ),
            };
            assert!(ended && heard <= all, "octet {octet} of turn {turn}");
            // What was heard before is the same; the changed message added nothing but the end.
            match from_client {
                true => assert_eq!(changed_far[..heard - 1], far[..heard - 1]),
                false => assert_eq!(changed_near[..heard - 1], near[..heard - 1]),
            }
        }
    }
}

#[test]
fn a_bad_hmac_gets_no_answer() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    pair.settle();
    pair.client.request_session(request(), NOW);
    let mut wire = pair.client.poll_transmit().unwrap();
    // Behind the first block, by which commands are told apart.
    wire[40] ^= 1;
    assert_eq!(
        pair.server.handle_bytes(&wire, NOW),
        Err(ControlError::BadHmac)
    );
    assert_eq!(pair.server.poll_transmit(), None);
    assert_eq!(
        pair.server_events()[1..],
        [ServerEvent::Ended(ControlError::BadHmac)]
    );
    assert_eq!(ControlError::BadHmac.fault(), Fault::PeerMisbehaved);
}

#[test]
fn a_changed_server_start_is_noticed_with_the_first_answer() {
    let turns = turns();
    let start = 2;
    assert_eq!(turns[start].1.len(), 48);
    // Octets 32 to 47 are covered by the HMAC of Accept-Session; 16 to 31 are the IV of them.
    for octet in 16..48 {
        let (_, near, _) = flipped(start, octet);
        let ended = Some(&ClientEvent::Ended(ControlError::BadHmac));
        assert_eq!(near.last(), ended, "octet {octet}");
        assert!(
            !near
                .iter()
                .any(|event| matches!(event, ClientEvent::Accepted { .. }))
        );
    }
}

#[test]
fn a_changed_token_or_key_id_or_iv_lets_nobody_in() {
    let response = 1;
    for octet in 0..164 {
        let (_, _, far) = flipped(response, octet);
        let in_unused_id = (4 + 5..84).contains(&octet);
        let accepted = far
            .iter()
            .any(|event| matches!(event, ServerEvent::SessionRequested { .. }));
        assert!(!accepted || in_unused_id, "octet {octet}: {far:?}");
    }
}

#[test]
fn messages_cut_at_every_octet_are_waited_for_and_swapped_ones_refused() {
    let mut pair = Pair::new(Modes::AUTHENTICATED, Modes::AUTHENTICATED);
    pair.settle();
    pair.server_events();
    pair.client.request_session(request(), NOW);
    let wire = pair.client.poll_transmit().unwrap();
    for octet in &wire[..wire.len() - 1] {
        pair.server.handle_bytes(&[*octet], NOW).unwrap();
        assert_eq!(pair.server_events(), []);
    }
    pair.server
        .handle_bytes(&wire[wire.len() - 1..], NOW)
        .unwrap();
    assert!(matches!(
        pair.server_events()[..],
        [ServerEvent::SessionRequested { .. }]
    ));
    // Replayed: the chain and the HMAC have gone on.
    pair.server
        .accept_session(SessionIndex(0), 9, sid(9), NOW)
        .unwrap();
    assert!(pair.server.handle_bytes(&wire, NOW).is_err());
    assert!(matches!(pair.server_events()[..], [ServerEvent::Ended(_)]));
}

proptest! {
    #[test]
    fn noise_after_the_set_up_never_gets_a_session(
        noise in proptest::collection::vec(any::<u8>(), 16..300), near: bool,
    ) {
        let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
        if near {
            pair.client.request_session(request(), NOW);
        }
        pair.settle();
        if near {
            let _ = pair.client.handle_bytes(&noise, NOW);
            let events = pair.client_events();
            let accepted = |e: &ClientEvent| matches!(e, ClientEvent::Accepted { .. });
            prop_assert!(!events.iter().any(accepted));
        } else {
            let _ = pair.server.handle_bytes(&noise, NOW);
            let events = pair.server_events();
            let asked = |e: &ServerEvent| matches!(e, ServerEvent::SessionRequested { .. });
            prop_assert!(!events.iter().any(asked));
        }
    }
}
