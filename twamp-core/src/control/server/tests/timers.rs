//! What time does to a server.

use super::*;

#[test]
fn a_client_must_set_up_in_time_however_it_drips() {
    let mut server = server_with(config());
    assert_eq!(server.poll_timeout(), Some(START + SECOND * 10));
    let set_up = SetUpResponse::open().to_bytes();
    server
        .handle_bytes(&set_up[..100], START + SECOND * 5)
        .unwrap();
    server
        .handle_bytes(&set_up[100..101], START + SECOND * 9)
        .unwrap();
    server.handle_timeout(START + SECOND * 9);
    assert_eq!(events(&mut server), []);
    server.handle_timeout(START + SECOND * 10);
    let (expected, after) = ("Set-Up-Response", SECOND * 10);
    let reason = ControlError::TimedOut { expected, after };
    assert_eq!(events(&mut server), [ServerEvent::Ended(reason)]);
}

#[test]
fn half_a_message_and_silence_ends_the_connection_even_while_testing() {
    for (mut server, message) in [(ready(), &request().to_bytes()[..]), (testing(), &stop(1))] {
        let begun = START + SECOND * 100;
        server.handle_bytes(&message[..1], begun).unwrap();
        server
            .handle_bytes(&message[1..30], begun + SECOND * 29)
            .unwrap();
        assert_eq!(server.poll_timeout(), Some(begun + SECOND * 30));
        server.handle_timeout(begun + SECOND * 30);
        assert!(matches!(
            events(&mut server)[..],
            [ServerEvent::Ended(ControlError::TimedOut { .. })]
        ));
    }
}

#[test]
fn servwait_is_900_seconds_of_silence_between_commands() {
    let mut server = ready();
    assert_eq!(server.poll_timeout(), Some(START + SECOND * 900));
    let later = START + SECOND * 800;
    server.handle_bytes(&request().to_bytes(), later).unwrap();
    // The driver's own delay is not the client's silence.
    assert_eq!(server.poll_timeout(), None);
    let answered = later + SECOND * 2000;
    server
        .accept_session(SessionIndex(0), 9, sid(0), answered)
        .unwrap();
    assert_eq!(server.poll_timeout(), Some(answered + SECOND * 900));
    events(&mut server);
    server.handle_timeout(answered + SECOND * 900);
    let reason = ControlError::Idle {
        after: SECOND * 900,
    };
    assert_eq!(events(&mut server), [ServerEvent::Ended(reason)]);
    assert_eq!(reason.fault(), Fault::Nobody);
}

#[test]
fn servwait_pauses_while_testing_and_resumes_when_all_sessions_expired() {
    let mut server = testing();
    assert_eq!(server.poll_timeout(), None);
    server.handle_timeout(START + SECOND * 100_000);
    assert_eq!(events(&mut server), []);
    let expired = START + SECOND * 100_000;
    server.sessions_expired(expired);
    assert_eq!(server.poll_timeout(), Some(expired + SECOND * 900));
    // The stop is still welcome.
    server.handle_bytes(&stop(1), expired + SECOND).unwrap();
    assert_eq!(server.poll_timeout(), Some(expired + SECOND * 901));
}

#[test]
fn servwait_is_configurable() {
    let servwait = SECOND * 7;
    let server = ready_with(ServerConfig {
        servwait,
        ..config()
    });
    assert_eq!(server.poll_timeout(), Some(START + servwait));
}

#[test]
fn a_close_between_commands_is_nobodys_fault_and_any_other_is_the_peers() {
    let mut half = ready();
    half.handle_bytes(&[5], START).unwrap();
    let ends = [
        (ready(), Fault::Nobody),
        (half, Fault::PeerMisbehaved),
        (testing(), Fault::PeerMisbehaved),
        (server_with(config()), Fault::PeerMisbehaved),
    ];
    for (mut server, fault) in ends {
        server.handle_closed();
        let Some(ServerEvent::Ended(reason)) = server.poll_event() else {
            panic!("no end after the close");
        };
        assert_eq!(reason.fault(), fault, "{reason}");
    }
}
