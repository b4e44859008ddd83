//! What is offered and selected beside security, and how a client gets by where that fails.

use super::*;
use crate::wire::control::{Accept, AcceptSession, ServerStart, SetUpResponse};

fn selected(wanted: Modes, offered: Modes) -> Modes {
    let mut pair = Pair::new(wanted, offered);
    pair.settle();
    match pair.server_events()[..] {
        [ServerEvent::Ready { modes }] => modes,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn of_the_features_those_are_selected_that_both_can_do() {
    let (octets, symmetry) = (Modes::REFLECT_OCTETS, Modes::SYMMETRICAL_SIZE);
    let (dscp, ptp) = (Modes::DSCP_ECN, Modes::PTP_TIMESTAMPS);
    let wanted = Modes::OPEN | octets | symmetry | ptp;
    let offered = Modes::OPEN | symmetry | dscp | ptp;
    assert_eq!(selected(wanted, offered), Modes::OPEN | symmetry | ptp);
    assert_eq!(selected(Modes::OPEN, Modes(0x37f)), Modes::OPEN);
    assert_eq!(selected(Modes(0x371), Modes::OPEN), Modes::OPEN);
}

#[test]
fn bits_without_a_meaning_are_neither_offered_nor_selected() {
    let all = Modes(u32::MAX);
    let mut pair = Pair::new(all, all);
    let greeting = pair.server.poll_transmit().unwrap();
    assert_eq!(greeting[12..16], 0x3ffu32.to_be_bytes());
    pair.client.handle_bytes(&greeting, NOW).unwrap();
    pair.derive();
    let response = SetUpResponse::parse(&pair.client.poll_transmit().unwrap()).unwrap();
    // The key has a name, so IKEv2 has no part in it.
    assert_eq!(response.mode, Modes::ENCRYPTED | Modes(0x370));
}

#[test]
fn a_server_that_closes_on_features_is_to_be_asked_again_without_them() {
    let wanted = Modes::OPEN | Modes::DSCP_ECN;
    let greeted = || {
        let mut pair = Pair::new(wanted, wanted);
        let greeting = pair.server.poll_transmit().unwrap();
        pair.client.handle_bytes(&greeting, NOW).unwrap();
        pair
    };
    let reason = ControlError::FeaturesRefused { selected: wanted };
    let mut closed = greeted();
    closed.client.handle_closed();
    assert_eq!(closed.client_events(), [ClientEvent::Ended(reason)]);
    let mut refused = greeted();
    let refusal = ServerStart::refusal(Accept::NOT_SUPPORTED).to_bytes();
    assert_eq!(refused.client.handle_bytes(&refusal, NOW), Err(reason));
    assert_eq!(reason.plain_modes(), Some(Modes::OPEN));
    assert_eq!(reason.fault(), Fault::PeerRefused);

    // Without features a close is a close.
    let mut pair = Pair::new(Modes::OPEN, Modes::OPEN);
    let greeting = pair.server.poll_transmit().unwrap();
    pair.client.handle_bytes(&greeting, NOW).unwrap();
    pair.client.handle_closed();
    assert!(matches!(
        pair.client_events()[..],
        [ClientEvent::Ended(reason @ ControlError::ClosedEarly { .. })]
            if reason.plain_modes().is_none()
    ));
}

#[test]
fn octets_are_returned_only_where_that_is_selected() {
    for (modes, octets, server_octets) in [
        (Modes::OPEN, 0, 0),
        (Modes::OPEN | Modes::REFLECT_OCTETS, 0xcafe, 0x5e55),
        (Modes::ENCRYPTED | Modes::REFLECT_OCTETS, 0xcafe, 0x5e55),
    ] {
        let config = ServerConfig {
            modes,
            server_octets: 0x5e55,
            ..ServerConfig::new(Ntp64(1))
        };
        let mut pair = Pair::with_config(config, modes, &key_id());
        let ask = SessionRequest {
            padding: 100,
            ..request()
        };
        let reflection = Reflection {
            octets: 0xcafe,
            padding: 20,
        };
        pair.client.request_reflecting_session(ask, reflection, NOW);
        pair.settle();
        pair.server
            .accept_session(SessionIndex(0), 9, sid(1), NOW)
            .unwrap();
        if !modes.is_secure() {
            let wire = pair.server.poll_transmit().unwrap();
            let accept = AcceptSession::parse(&wire).unwrap();
            assert_eq!(accept.reflected_octets, octets);
            assert_eq!(accept.server_octets, server_octets);
            pair.client.handle_bytes(&wire, NOW).unwrap();
        }
        pair.settle();
        assert!(matches!(
            pair.client_events()[..],
            [_, ClientEvent::Accepted { server_octets: found, .. }] if found == server_octets
        ));
    }
}

#[test]
fn server_octets_need_two_octets_of_reflected_padding() {
    for (padding, server_octets) in [(0, 0), (1, 0), (2, 0x5e55)] {
        let modes = Modes::OPEN | Modes::REFLECT_OCTETS;
        let config = ServerConfig {
            modes,
            server_octets: 0x5e55,
            ..ServerConfig::new(Ntp64(1))
        };
        let mut pair = Pair::with_config(config, modes, &key_id());
        let reflection = Reflection { octets: 7, padding };
        pair.client
            .request_reflecting_session(request(), reflection, NOW);
        pair.accept(sid(1));
        assert!(matches!(
            pair.client_events()[..],
            [_, ClientEvent::Accepted { server_octets: found, .. }] if found == server_octets
        ));
    }
}

#[test]
fn other_octets_than_those_to_be_returned_end_the_connection() {
    let modes = Modes::OPEN | Modes::REFLECT_OCTETS;
    let mut pair = Pair::new(modes, modes);
    let reflection = Reflection {
        octets: 7,
        padding: 0,
    };
    pair.client
        .request_reflecting_session(request(), reflection, NOW);
    pair.settle();
    let grant = AcceptSession {
        reflected_octets: 8,
        ..AcceptSession::grant(9, sid(1))
    };
    let reason = ControlError::WrongOctets {
        expected: 7,
        found: 8,
    };
    assert_eq!(
        pair.client.handle_bytes(&grant.to_bytes(), NOW),
        Err(reason)
    );
    // A refusal has none.
    let mut pair = Pair::new(modes, modes);
    pair.client
        .request_reflecting_session(request(), reflection, NOW);
    pair.settle();
    let refusal = AcceptSession::refusal(Accept::FAILURE).to_bytes();
    assert_eq!(pair.client.handle_bytes(&refusal, NOW), Ok(()));
}

fn association() -> KeyId {
    KeyId::security_association([1; 8], [2; 8])
}

fn with_association(wanted: Modes, offered: Modes) -> Pair {
    let config = ServerConfig {
        modes: offered,
        ..ServerConfig::new(Ntp64(1))
    };
    let mut pair = Pair::with_config(config, wanted, &association());
    for ring in [&mut pair.near, &mut pair.far] {
        ring.insert(association(), SharedSecret::from_ikev2(&[0xfe; 20]));
    }
    pair
}

#[test]
fn the_key_of_a_security_association_works_where_both_allow_it() {
    let both = Modes::ENCRYPTED | Modes::IKEV2_KEYS;
    let mut pair = with_association(both, both);
    pair.settle();
    assert_eq!(pair.server_events(), [ServerEvent::Ready { modes: both }]);
    for (wanted, offered) in [(both, Modes::ENCRYPTED), (Modes::ENCRYPTED, both)] {
        let mut pair = with_association(wanted, offered);
        pair.settle();
        let reason = ControlError::NoCommonMode {
            configured: wanted,
            offered,
        };
        assert_eq!(pair.client_events(), [ClientEvent::Ended(reason)]);
    }
    // In open mode there is no use for it.
    let open = Modes::OPEN | Modes::IKEV2_KEYS;
    let mut pair = with_association(open, open);
    pair.settle();
    let modes = Modes::OPEN;
    assert_eq!(pair.server_events(), [ServerEvent::Ready { modes }]);
}

#[test]
fn an_unknown_security_association_is_told_so() {
    let both = Modes::ENCRYPTED | Modes::IKEV2_KEYS;
    let mut pair = with_association(both, both);
    pair.far = KeyRing::default();
    pair.settle();
    let ended = [ServerEvent::Ended(ControlError::NoSuchSa)];
    assert_eq!(pair.server_events(), ended);
    assert!(matches!(
        pair.client_events()[..],
        [ClientEvent::Ended(ControlError::Refused {
            accept: Accept::NO_SUCH_SA,
            ..
        })]
    ));
    // A wrong key of a known one is a failure like any other.
    let mut pair = with_association(both, both);
    pair.far
        .insert(association(), SharedSecret::from_ikev2(&[0xfd; 20]));
    pair.settle();
    let ended = [ServerEvent::Ended(ControlError::NotAuthentic)];
    assert_eq!(pair.server_events(), ended);
}

#[test]
fn a_key_id_that_is_no_pair_of_spis_is_no_security_association() {
    let both = Modes::ENCRYPTED | Modes::IKEV2_KEYS;
    let mut pair = with_association(both, both);
    pair.server.poll_transmit();
    let response = SetUpResponse {
        mode: both,
        key_id: KeyId::new("a name of more than sixteen octets")
            .unwrap()
            .to_wire(),
        ..SetUpResponse::open()
    };
    pair.server.handle_bytes(&response.to_bytes(), NOW).unwrap();
    pair.derive();
    let refusal = ServerStart::refusal(Accept::NO_SUCH_SA).to_bytes();
    assert_eq!(pair.server.poll_transmit(), Some(refusal.to_vec()));
}
