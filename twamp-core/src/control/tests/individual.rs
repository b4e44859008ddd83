//! Individual session control (RFC 5938).

use super::*;
use crate::wire::control::{Accept, AcceptSession, BLOCK_LEN, Command, NSessions, StartSessions};

const MODES: Modes = Modes(0x11);

fn with_sessions(modes: Modes, sessions: u8) -> (Pair, Vec<RequestId>) {
    let mut pair = Pair::new(modes, modes);
    let mut requests = vec![];
    for n in 0..sessions {
        requests.push(pair.client.request_session(request(), NOW));
        pair.accept(sid(n));
    }
    pair.client_events();
    pair.server_events();
    (pair, requests)
}

/// The messages that the server says to this command.
fn answers(pair: &mut Pair, command: Command, sids: Vec<Sid>) -> Vec<NSessions> {
    let message = NSessions::new(command, Accept::OK, sids).to_bytes();
    pair.server.handle_bytes(&message, NOW).unwrap();
    let octets = pair.server.poll_transmit().unwrap();
    let mut rest = &octets[..];
    let mut answers = vec![];
    while let Some(block) = rest.first_chunk::<BLOCK_LEN>() {
        let len = NSessions::len(NSessions::count(block) as usize);
        answers.push(NSessions::parse(Command(block[0]), &rest[..len]).unwrap());
        rest = &rest[len..];
    }
    answers
}

#[test]
fn sessions_start_and_stop_one_by_one_and_the_others_go_on() {
    for modes in [MODES, Modes::ENCRYPTED | Modes::INDIVIDUAL_SESSIONS] {
        let (mut pair, requests) = with_sessions(modes, 3);
        let [first, second, third] = requests[..] else {
            panic!("{requests:?}");
        };
        pair.client.start_each(&[first, third], NOW).unwrap();
        pair.settle();
        let started = |request| ClientEvent::SessionStarted { request };
        assert_eq!(pair.client_events(), [started(first), started(third)]);
        let far = |n| ServerEvent::SessionStarted {
            session: SessionIndex(n),
        };
        assert_eq!(pair.server_events(), [far(0), far(2)]);

        pair.client.stop_each(&[first], NOW).unwrap();
        pair.client.start_each(&[second], NOW).unwrap();
        pair.settle();
        let accept = Accept::OK;
        let stopped = |request| ClientEvent::SessionStopped { request, accept };
        assert_eq!(pair.client_events(), [stopped(first), started(second)]);
        let stopped = |n| ServerEvent::SessionStopped {
            session: SessionIndex(n),
        };
        assert_eq!(pair.server_events(), [stopped(0), far(1)]);

        // And more of them while others run.
        pair.client.request_session(request(), NOW);
        pair.accept(sid(9));
        assert!(matches!(
            pair.client_events()[..],
            [ClientEvent::Accepted { .. }]
        ));
    }
}

#[test]
fn acknowledgements_list_exactly_the_sessions_of_the_command() {
    let (mut pair, _) = with_sessions(MODES, 2);
    let asked = vec![sid(1), sid(7), sid(0), sid(1)];
    let acks = answers(&mut pair, Command::START_N_SESSIONS, asked);
    let ack = |accept, sids| NSessions::new(Command::START_N_ACK, accept, sids);
    let expected = [
        ack(Accept::OK, vec![sid(1), sid(0)]),
        // Unknown, and started already.
        ack(Accept::FAILURE, vec![sid(7), sid(1)]),
    ];
    assert_eq!(acks, expected);
    let acks = answers(&mut pair, Command::STOP_N_SESSIONS, vec![sid(0)]);
    let ack = |accept, sids| NSessions::new(Command::STOP_N_ACK, accept, sids);
    assert_eq!(acks, [ack(Accept::OK, vec![sid(0)])]);
    let acks = answers(&mut pair, Command::STOP_N_SESSIONS, vec![sid(0)]);
    assert_eq!(acks, [ack(Accept::FAILURE, vec![sid(0)])]);
}

#[test]
fn a_command_about_no_session_is_refused_and_the_connection_goes_on() {
    let (mut pair, _) = with_sessions(MODES, 1);
    for (command, ack) in [
        (Command::START_N_SESSIONS, Command::START_N_ACK),
        (Command::STOP_N_SESSIONS, Command::STOP_N_ACK),
    ] {
        let acks = answers(&mut pair, command, vec![]);
        assert_eq!(acks, [NSessions::new(ack, Accept::FAILURE, vec![])]);
    }
    assert_eq!(pair.server_events(), []);
}

#[test]
fn a_command_about_too_many_sessions_is_refused_at_its_first_block() {
    for found in [257, u32::MAX] {
        let (mut pair, _) = with_sessions(MODES, 1);
        let mut block = [0; BLOCK_LEN];
        block[0] = Command::START_N_SESSIONS.0;
        block[12..].copy_from_slice(&found.to_be_bytes());
        let reason = ControlError::TooManySessions { found, limit: 256 };
        assert_eq!(pair.server.handle_bytes(&block, NOW), Err(reason));
        let ack = NSessions::new(Command::START_N_ACK, Accept::PERMANENT_LIMIT, vec![]);
        assert_eq!(pair.server.poll_transmit(), Some(ack.to_bytes()));
        assert_eq!(pair.server_events(), [ServerEvent::Ended(reason)]);
    }
}

#[test]
fn the_commands_for_all_sessions_are_refused() {
    let (mut pair, _) = with_sessions(MODES, 1);
    let individual = true;
    let misuse = Err(Misuse::WrongControl { individual });
    assert_eq!(pair.client.start_sessions(NOW), misuse);
    let start = StartSessions::default().to_bytes();
    let result = pair.server.handle_bytes(&start, NOW);
    assert!(matches!(
        result,
        Err(ControlError::UnexpectedCommand { found: 2, .. })
    ));
    let refusal = AcceptSession::refusal(Accept::NOT_SUPPORTED).to_bytes();
    assert_eq!(pair.server.poll_transmit(), Some(refusal.to_vec()));
}

#[test]
fn without_the_mode_sessions_are_not_started_one_by_one() {
    let mut pair = Pair::new(Modes::OPEN, Modes::OPEN);
    pair.client.request_session(request(), NOW);
    pair.accept(sid(1));
    let misuse = Err(Misuse::WrongControl { individual: false });
    assert_eq!(pair.client.start_each(&[RequestId(0)], NOW), misuse);
    let start = NSessions::new(Command::START_N_SESSIONS, Accept::OK, vec![sid(1)]);
    let result = pair.server.handle_bytes(&start.to_bytes(), NOW);
    assert!(matches!(
        result,
        Err(ControlError::UnexpectedCommand { found: 7, .. })
    ));
}

#[test]
fn only_sessions_in_the_right_state_can_be_started_or_stopped() {
    let (mut pair, requests) = with_sessions(MODES, 1);
    let (own, other) = (requests[0], RequestId(99));
    let no = |request: RequestId| Err(Misuse::NoSuchSession(request.0));
    assert_eq!(pair.client.stop_each(&[own], NOW), no(own));
    assert_eq!(pair.client.start_each(&[own, other], NOW), no(other));
    assert_eq!(pair.client.start_each(&[own, own], NOW), no(own));
    assert_eq!(pair.client.poll_transmit(), None);
    pair.client.start_each(&[own], NOW).unwrap();
    assert_eq!(pair.client.start_each(&[own], NOW), no(own));
}

#[test]
fn a_session_that_the_server_does_not_start_can_be_started_again() {
    let (mut pair, requests) = with_sessions(MODES, 2);
    pair.client.start_each(&requests, NOW).unwrap();
    pair.client.poll_transmit();
    // In two acknowledgements, the other way round.
    let ack = |accept, n| NSessions::new(Command::START_N_ACK, accept, vec![sid(n)]).to_bytes();
    let busy = Accept::TEMPORARY_LIMIT;
    let acks = [ack(busy, 1), ack(Accept::OK, 0)].concat();
    for octet in acks {
        pair.client.handle_bytes(&[octet], NOW).unwrap();
    }
    let (started, refused) = (requests[0], requests[1]);
    assert_eq!(
        pair.client_events(),
        [
            ClientEvent::SessionNotStarted {
                request: refused,
                accept: busy
            },
            ClientEvent::SessionStarted { request: started },
        ]
    );
    assert_eq!(pair.client.start_each(&[refused], NOW), Ok(()));
}

#[test]
fn a_refusal_of_the_whole_command_refuses_each_session() {
    let (mut pair, requests) = with_sessions(MODES, 2);
    pair.client.start_each(&requests, NOW).unwrap();
    let accept = Accept::PERMANENT_LIMIT;
    let ack = NSessions::new(Command::START_N_ACK, accept, vec![]).to_bytes();
    pair.client.handle_bytes(&ack, NOW).unwrap();
    let refused = |request| ClientEvent::SessionNotStarted { request, accept };
    assert_eq!(
        pair.client_events(),
        [refused(requests[0]), refused(requests[1])]
    );
}

#[test]
fn acknowledgements_of_something_else_end_the_connection() {
    let ack = |command, accept, sids| NSessions::new(command, accept, sids).to_bytes();
    let (start, stop) = (Command::START_N_ACK, Command::STOP_N_ACK);
    let count = |found| ControlError::WrongSessionCount { expected: 1, found };
    let cases = [
        (ack(start, Accept::OK, vec![sid(0), sid(0)]), Some(count(2))),
        (ack(start, Accept::OK, vec![]), Some(count(0))),
        (
            ack(start, Accept::OK, vec![sid(8)]),
            Some(ControlError::UnaskedSession { sid: sid(8) }),
        ),
        (ack(stop, Accept::OK, vec![sid(0)]), None),
    ];
    for (message, reason) in cases {
        let (mut pair, requests) = with_sessions(MODES, 1);
        pair.client.start_each(&requests, NOW).unwrap();
        let found = pair.client.handle_bytes(&message, NOW).unwrap_err();
        assert_eq!(found.fault(), Fault::PeerMisbehaved);
        assert!(reason.is_none_or(|reason| reason == found), "{found}");
        assert_eq!(pair.client_events(), [ClientEvent::Ended(found)]);
    }
}

#[test]
fn a_missing_acknowledgement_times_out() {
    let (mut pair, requests) = with_sessions(MODES, 2);
    pair.client.start_each(&requests, NOW).unwrap();
    let half = NSessions::new(Command::START_N_ACK, Accept::OK, vec![sid(0)]).to_bytes();
    pair.client.handle_bytes(&half, NOW).unwrap();
    pair.client_events();
    let after = ClientConfig::default().reply_timeout;
    assert_eq!(pair.client.poll_timeout(), Some(NOW + after));
    pair.client.handle_timeout(NOW + after);
    let expected = "Start-N-Ack";
    let reason = ControlError::TimedOut { expected, after };
    assert_eq!(pair.client_events(), [ClientEvent::Ended(reason)]);
}

#[test]
fn servwait_is_suspended_while_any_session_runs_until_all_have_expired() {
    let (mut pair, requests) = with_sessions(MODES, 2);
    assert!(pair.server.poll_timeout().is_some());
    pair.client.start_each(&requests, NOW).unwrap();
    pair.settle();
    assert_eq!(pair.server.poll_timeout(), None);
    pair.client.stop_each(&requests[..1], NOW).unwrap();
    pair.settle();
    assert_eq!(pair.server.poll_timeout(), None);
    let later = NOW + Duration::from_secs(5);
    pair.server.sessions_expired(later);
    assert_eq!(
        pair.server.poll_timeout(),
        Some(later + Duration::from_secs(900))
    );
    pair.client.stop_each(&requests[1..], NOW).unwrap();
    pair.settle();
    assert!(pair.server.poll_timeout().is_some());
}

#[test]
fn a_close_while_a_session_runs_is_early_at_both_ends() {
    let (mut pair, requests) = with_sessions(MODES, 1);
    pair.client.start_each(&requests, NOW).unwrap();
    pair.settle();
    pair.client_events();
    pair.server_events();
    pair.client.handle_closed();
    pair.server.handle_closed();
    let early = |reason: ControlError| matches!(reason, ControlError::ClosedEarly { .. });
    assert!(matches!(pair.client_events()[..], [ClientEvent::Ended(reason)] if early(reason)));
    assert!(matches!(pair.server_events()[..], [ServerEvent::Ended(reason)] if early(reason)));
}
