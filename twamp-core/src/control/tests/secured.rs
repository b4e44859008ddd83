//! The secure modes: who gets in, who doesn't, and what they are told.

use super::*;
use crate::security::{ControlKeys, ControlSealer};
use crate::wire::control::{
    Accept, RequestTwSession, ServerGreeting, ServerStart, SetUpResponse, StopSessions,
};

/// What the server tells a client that names `id` with `passphrase`, in octets, and the reason.
fn turned_away(id: &str, passphrase: &str, far: KeyRing) -> (Vec<u8>, ControlError) {
    let id = KeyId::new(id).unwrap();
    let config = ServerConfig {
        modes: Modes::ENCRYPTED,
        ..ServerConfig::new(Ntp64(77))
    };
    let mut pair = Pair::with_config(config, Modes::ENCRYPTED, &id);
    (pair.near, pair.far) = (ring(&id, passphrase), far);
    let greeting = pair.server.poll_transmit().unwrap();
    pair.client.handle_bytes(&greeting, NOW).unwrap();
    assert!(pair.derive());
    let response = pair.client.poll_transmit().unwrap();
    pair.server.handle_bytes(&response, NOW).unwrap();
    assert!(!pair.server.is_set_up());
    assert!(pair.derive());
    let said = pair.server.poll_transmit().unwrap();
    match pair.server_events()[..] {
        [ServerEvent::Ended(reason)] => (said, reason),
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_is_agreed_on_and_both_ends_derive_the_same_test_keys() {
    for mode in SECURE {
        let mut pair = Pair::new(mode, Modes(0xf));
        pair.client.request_session(request(), NOW);
        pair.accept(sid(9));
        pair.client.start_sessions(NOW).unwrap();
        pair.settle();
        assert!(matches!(
            pair.client_events()[..],
            [
                ClientEvent::Ready { modes, server_start: Ntp64(start) },
                ClientEvent::Accepted { port: 20002, .. },
                ClientEvent::Started,
            ] if modes == mode && start == 77 << 32
        ));
        let (near, far) = (
            pair.client.test_security(&sid(9)),
            pair.server.test_security(&sid(9)),
        );
        assert_eq!(near.is_secure(), mode != Modes::MIXED);
        assert_eq!(near.covers_stamps(), mode == Modes::ENCRYPTED);
        let mut packet = [5; 48];
        near.protect(&mut packet, 32);
        assert_eq!(far.open::<32>(&packet), near.open::<32>(&packet));
        let other = pair.server.test_security(&sid(8));
        assert!(!near.is_secure() || other.open::<32>(&packet).is_none());
    }
}

#[test]
fn the_strongest_mode_of_both_is_selected() {
    let all = Modes::SECURITY;
    for (wanted, offered, selected) in [
        (all, all, Modes::ENCRYPTED),
        (all, Modes(0xb), Modes::AUTHENTICATED),
        (all, Modes::MIXED | Modes::OPEN, Modes::MIXED),
        (all, Modes::OPEN, Modes::OPEN),
        (Modes::MIXED, all, Modes::MIXED),
    ] {
        let mut pair = Pair::new(wanted, offered);
        pair.settle();
        let events = pair.server_events();
        assert_eq!(events, [ServerEvent::Ready { modes: selected }]);
    }
}

#[test]
fn a_client_without_a_key_selects_open_mode_or_nothing() {
    let config = ClientConfig {
        modes: Modes::SECURITY,
        ..ClientConfig::default()
    };
    for (offered, good) in [(Modes(0xf), true), (Modes(0xe), false)] {
        let mut client = Client::new(config.clone(), NOW);
        let greeting = ServerGreeting {
            modes: offered,
            challenge: [1; 16],
            salt: [2; 16],
            count: 1024,
        };
        let result = client.handle_bytes(&greeting.to_bytes(), NOW);
        assert_eq!(result.is_ok(), good);
        assert_eq!(client.poll_transmit().is_some(), good);
        assert!(client.poll_derivation().is_none());
    }
}

#[test]
fn the_start_time_is_encrypted_in_the_secure_modes_and_the_rest_is_not() {
    for mode in SECURE {
        let mut pair = Pair::new(mode, mode);
        let greeting = pair.server.poll_transmit().unwrap();
        pair.client.handle_bytes(&greeting, NOW).unwrap();
        pair.derive();
        let response = pair.client.poll_transmit().unwrap();
        pair.server.handle_bytes(&response, NOW).unwrap();
        pair.derive();
        let start = pair.server.poll_transmit().unwrap();
        assert_eq!(start.len(), ServerStart::LEN);
        assert_eq!(start[..16], [0; 16]);
        assert_ne!(start[32..40], (77u64 << 32).to_be_bytes());
        assert_ne!(start[40..], [0; 8]);
    }
}

#[test]
fn a_wrong_passphrase_and_an_unknown_id_are_told_the_same_in_plain_zeros() {
    let far = || ring(&KeyId::new("known").unwrap(), "right");
    let expired = {
        let mut ring = KeyRing::default();
        let secret = SharedSecret::new("right").unwrap();
        let secret = secret.between(Wall(0), Wall(1));
        ring.insert(KeyId::new("known").unwrap(), secret);
        ring
    };
    let cases = [
        turned_away("known", "wrong", far()),
        turned_away("unknown", "right", far()),
        turned_away("known", "right", expired),
        turned_away("known", "right", KeyRing::default()),
    ];
    let refusal = ServerStart::refusal(Accept::FAILURE).to_bytes();
    for (said, reason) in cases {
        assert_eq!(said, refusal);
        assert_eq!(reason, ControlError::NotAuthentic);
    }
}

#[test]
fn an_id_that_is_not_utf_8_is_told_the_same_too() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    pair.server.poll_transmit();
    let response = SetUpResponse {
        mode: Modes::ENCRYPTED,
        key_id: [0xff; 80],
        ..SetUpResponse::open()
    };
    pair.server.handle_bytes(&response.to_bytes(), NOW).unwrap();
    assert!(pair.derive());
    let refusal = ServerStart::refusal(Accept::FAILURE).to_bytes();
    assert_eq!(pair.server.poll_transmit(), Some(refusal.to_vec()));
}

#[test]
fn a_secret_that_is_replaced_counts_from_the_next_connection_on() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    pair.settle();
    assert!(matches!(
        pair.server_events()[..],
        [ServerEvent::Ready { .. }]
    ));
    let (near, mut far) = (pair.near, pair.far);
    far.insert(key_id(), SharedSecret::new("another").unwrap());
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    (pair.near, pair.far) = (near, far);
    pair.settle();
    assert!(matches!(pair.server_events()[..], [ServerEvent::Ended(_)]));
}

#[test]
fn a_client_whose_ring_lacks_the_secret_says_so_and_sends_nothing() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    pair.near = KeyRing::default();
    pair.settle();
    assert_eq!(
        pair.client_events(),
        [ClientEvent::Ended(ControlError::UnknownKey)]
    );
    assert_eq!(ControlError::UnknownKey.fault(), Fault::OurLimit);
    assert_eq!(pair.server_events(), []);
}

#[test]
fn a_count_above_the_limit_costs_the_client_nothing() {
    let limit = ClientConfig::default().max_count;
    for found in [65536, 1 << 31] {
        let config = ServerConfig {
            modes: Modes::ENCRYPTED,
            count: found,
            ..ServerConfig::new(Ntp64(1))
        };
        let mut pair = Pair::with_config(config, Modes::ENCRYPTED, &key_id());
        let greeting = pair.server.poll_transmit().unwrap();
        let result = pair.client.handle_bytes(&greeting, NOW);
        assert_eq!(result, Err(ControlError::CountAboveLimit { found, limit }));
        assert!(pair.client.poll_derivation().is_none());
        assert_eq!(pair.client.poll_transmit(), None);
    }
}

#[test]
fn two_security_modes_are_refused_before_any_key_is_derived() {
    for found in [3, 5, 6, 7, 9, 0xa, 0xc, 0xf].map(Modes) {
        let mut pair = Pair::new(Modes(0xf), Modes(0xf));
        pair.server.poll_transmit();
        let response = SetUpResponse {
            mode: found,
            ..SetUpResponse::open()
        };
        let offered = Modes(0xf);
        let reason = ControlError::IllegalSelection { offered, found };
        assert_eq!(
            pair.server.handle_bytes(&response.to_bytes(), NOW),
            Err(reason)
        );
        assert!(pair.server.poll_derivation().is_none());
    }
}

#[test]
fn while_a_key_is_derived_no_timer_runs_and_nothing_is_read() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    let greeting = pair.server.poll_transmit().unwrap();
    pair.client.handle_bytes(&greeting, NOW).unwrap();
    assert_eq!(pair.client.poll_timeout(), None);
    pair.derive();
    assert!(pair.client.poll_timeout().is_some());
    let response = pair.client.poll_transmit().unwrap();
    pair.server.handle_bytes(&response, NOW).unwrap();
    assert!(!pair.server.wants_bytes() && !pair.server.is_set_up());
    assert_eq!(pair.server.poll_timeout(), None);
    // More than is kept, of what may be sent ahead.
    let flood = vec![0; BACKLOG_LIMIT + 1];
    let limit = BACKLOG_LIMIT;
    let result = pair.server.handle_bytes(&flood, NOW);
    assert_eq!(result, Err(ControlError::Backlog { limit }));
    assert!(pair.server.poll_derivation().is_none());
}

#[test]
fn a_key_that_is_not_waited_for_is_the_drivers_mistake() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    let key = KeyDerivation::new(None, [0; 16], 1).run(&pair.near, TODAY);
    assert_eq!(pair.client.key_derived(&key, NOW), Err(Misuse::NotDeriving));
    assert_eq!(pair.server.key_derived(&key, NOW), Err(Misuse::NotDeriving));
    pair.client.handle_closed();
    pair.server.handle_closed();
    assert_eq!(pair.client.key_derived(&key, NOW), Err(Misuse::Ended));
    assert_eq!(pair.server.key_derived(&key, NOW), Err(Misuse::Ended));
}

#[test]
fn an_end_that_can_derive_no_key_now_says_so_and_closes() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes(0xf));
    assert_eq!(pair.server.key_refused(), Err(Misuse::NotDeriving));
    let greeting = pair.server.poll_transmit().unwrap();
    pair.client.handle_bytes(&greeting, NOW).unwrap();
    pair.derive();
    let response = pair.client.poll_transmit().unwrap();
    pair.server.handle_bytes(&response, NOW).unwrap();
    pair.server.key_refused().unwrap();
    let overloaded = [ServerEvent::Ended(ControlError::Overloaded)];
    assert_eq!(pair.server_events(), overloaded);
    let said = pair.server.poll_transmit().unwrap();
    let told = pair.client.handle_bytes(&said, NOW).unwrap_err();
    let accept = Accept::TEMPORARY_LIMIT;
    let what = "the connection";
    assert_eq!(told, ControlError::Refused { what, accept });

    let mut pair = Pair::new(Modes::ENCRYPTED, Modes(0xf));
    let greeting = pair.server.poll_transmit().unwrap();
    pair.client.handle_bytes(&greeting, NOW).unwrap();
    pair.client.key_refused().unwrap();
    let overloaded = [ClientEvent::Ended(ControlError::Overloaded)];
    assert_eq!(pair.client_events(), overloaded);
    assert_eq!(pair.client.poll_transmit(), None);
}

#[test]
fn a_request_sent_ahead_of_server_start_is_decrypted_and_answered() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    let greeting = pair.server.poll_transmit().unwrap();
    pair.client.handle_bytes(&greeting, NOW).unwrap();
    pair.derive();
    let response = pair.client.poll_transmit().unwrap();
    pair.server.handle_bytes(&response, NOW).unwrap();
    // What the client would say after Server-Start, from the same octets of chance.
    let mut chance = Counter(100);
    let keys = ControlKeys::generate(|octets| chance.fill(octets));
    let mut iv = [0; 16];
    chance.fill(&mut iv);
    let mut message = RequestTwSession::parse(&plain_request())
        .unwrap()
        .to_bytes();
    ControlSealer::new(&keys, &iv).seal_message(&mut message);
    pair.server.handle_bytes(&message[..33], NOW).unwrap();
    pair.server.handle_bytes(&message[33..], NOW).unwrap();
    assert_eq!(pair.server_events(), []);
    pair.derive();
    assert!(matches!(
        pair.server_events()[..],
        [
            ServerEvent::Ready { .. },
            ServerEvent::SessionRequested { .. }
        ]
    ));
}

fn plain_request() -> Vec<u8> {
    let mut client = Client::new(ClientConfig::default(), NOW);
    let mut server = Pair::new(Modes::OPEN, Modes::OPEN).server;
    set_up(&mut client, &mut server);
    client.request_session(request(), NOW);
    client.poll_transmit().unwrap()
}

#[test]
fn everything_in_one_octet_segments_is_the_same() {
    for mode in SECURE {
        let [mut whole, mut dripping] = [(); 2].map(|()| Pair::new(mode, mode));
        for pair in [&mut whole, &mut dripping] {
            pair.client.request_session(request(), NOW);
            pair.client.request_session(request(), NOW);
        }
        whole.settle();
        dripping.settle_in_pieces(1);
        for n in 0..2 {
            for pair in [&mut whole, &mut dripping] {
                let session = SessionIndex(n);
                pair.server
                    .accept_session(session, 9, sid(n as u8), NOW)
                    .unwrap();
            }
            whole.settle();
            dripping.settle_in_pieces(1);
        }
        assert_eq!(whole.client_events(), dripping.client_events());
        assert_eq!(whole.server_events(), dripping.server_events());
    }
}

#[test]
fn the_chain_runs_on_over_many_rounds_of_start_and_stop() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    for n in 0..20 {
        pair.client.request_session(request(), NOW);
        pair.accept(sid(n));
        pair.client.start_sessions(NOW).unwrap();
        pair.settle();
        pair.client.stop_sessions(Accept::OK, NOW).unwrap();
        pair.settle();
        let stopped = ServerEvent::Stopped { accept: Accept::OK };
        assert_eq!(pair.server_events().last(), Some(&stopped), "round {n}");
    }
}

#[test]
fn messages_in_one_segment_are_told_apart() {
    let mut pair = Pair::new(Modes::AUTHENTICATED, Modes::AUTHENTICATED);
    pair.client.request_session(request(), NOW);
    pair.accept(sid(1));
    pair.client.start_sessions(NOW).unwrap();
    pair.settle();
    pair.server_events();
    pair.client.stop_sessions(Accept::OK, NOW).unwrap();
    pair.client.request_session(request(), NOW);
    let both = pair.client.poll_transmit().unwrap();
    assert_eq!(both.len(), StopSessions::LEN + RequestTwSession::LEN);
    pair.server.handle_bytes(&both, NOW).unwrap();
    assert!(matches!(
        pair.server_events()[..],
        [
            ServerEvent::Stopped { .. },
            ServerEvent::SessionRequested { .. }
        ]
    ));
}

#[test]
fn the_same_message_never_looks_the_same_twice() {
    let mut pair = Pair::new(Modes::ENCRYPTED, Modes::ENCRYPTED);
    pair.settle();
    let mut seen = std::collections::HashSet::new();
    for n in 0..5 {
        pair.client.request_session(request(), NOW);
        let wire = pair.client.poll_transmit().unwrap();
        assert!(seen.insert(wire.clone()));
        pair.server.handle_bytes(&wire, NOW).unwrap();
        pair.accept(sid(n));
        assert_eq!(wire.len(), RequestTwSession::LEN);
    }
}
