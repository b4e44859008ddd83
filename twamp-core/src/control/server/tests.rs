use super::*;
use crate::control::{BACKLOG_LIMIT, Fault, new_sid};
use crate::time::Ntp64;
use crate::wire::control::ServerStart;
use crate::wire::control::TypeP;

mod hostile;
mod timers;

const SECOND: Duration = Duration::from_secs(1);
const START: Mono = Mono(5_000_000_000);

/// Counts up: no two fills are the same.
#[derive(Default)]
struct Counter(u8);

impl Entropy for Counter {
    fn fill(&mut self, out: &mut [u8]) {
        for octet in out {
            self.0 = self.0.wrapping_add(1);
            *octet = self.0;
        }
    }
}

fn config() -> ServerConfig {
    ServerConfig::new(Ntp64(77 << 32))
}

fn server_with(config: ServerConfig) -> Server {
    let peer = "192.0.2.1:40000".parse().unwrap();
    let local = "192.0.2.2:862".parse().unwrap();
    Server::new(config, peer, local, &mut Counter::default(), START)
}

/// A server with the greeting and the set-up behind it.
fn ready_with(config: ServerConfig) -> Server {
    let mut server = server_with(config);
    let set_up = SetUpResponse::open().to_bytes();
    assert_eq!(server.handle_bytes(&set_up, START), Ok(()));
    server.poll_transmit();
    let modes = Modes::OPEN;
    assert_eq!(events(&mut server), [ServerEvent::Ready { modes }]);
    server
}

fn ready() -> Server {
    ready_with(config())
}

/// A server that tests one session.
fn testing() -> Server {
    let mut server = ready();
    accept(&mut server, 0);
    server.handle_bytes(&start(), START).unwrap();
    server.poll_transmit();
    assert_eq!(events(&mut server), [ServerEvent::Started]);
    server
}

fn request() -> RequestTwSession {
    RequestTwSession {
        ip_version: 4,
        conf_sender: 0,
        conf_receiver: 0,
        schedule_slots: 0,
        packets: 0,
        sender_port: 20001,
        receiver_port: 20002,
        sender_address: None,
        receiver_address: None,
        sid: Sid::default(),
        padding_length: 0,
        start_time: Ntp64(0),
        timeout: Ntp64(2 << 32),
        type_p: TypeP::from_dscp(0),
        octets_to_reflect: 0,
        padding_to_reflect: 0,
        hmac: [0; 16],
    }
}

fn start() -> [u8; 32] {
    StartSessions::default().to_bytes()
}

fn stop(sessions: u32) -> [u8; 32] {
    let (accept, hmac) = (Accept::OK, [0; 16]);
    let stop = StopSessions {
        accept,
        sessions,
        hmac,
    };
    stop.to_bytes()
}

fn sid(n: u32) -> Sid {
    new_sid([192, 0, 2, 2].into(), Ntp64(n.into()), [0; 4])
}

/// Requests session `n` and accepts it on the wanted port.
fn accept(server: &mut Server, n: u32) {
    let request = request().to_bytes();
    server.handle_bytes(&request, START).unwrap();
    let session = SessionIndex(n);
    server
        .accept_session(session, 20002, sid(n), START)
        .unwrap();
    assert_eq!(answer(server), AcceptSession::grant(20002, sid(n)));
    assert!(matches!(
        events(server)[..],
        [ServerEvent::SessionRequested { session: found, .. }] if found == session
    ));
}

fn events(server: &mut Server) -> Vec<ServerEvent> {
    std::iter::from_fn(|| server.poll_event()).collect()
}

/// The only thing to transmit, which must be an Accept-Session.
fn answer(server: &mut Server) -> AcceptSession {
    let bytes = server.poll_transmit().unwrap();
    assert_eq!(bytes.len(), AcceptSession::LEN);
    AcceptSession::parse(&bytes).unwrap()
}

/// The only thing to transmit, which must be a Start-Ack.
fn ack(server: &mut Server) -> Accept {
    let bytes = server.poll_transmit().unwrap();
    assert_eq!(bytes.len(), StartAck::LEN);
    StartAck::parse(&bytes).unwrap().accept
}

#[test]
fn the_greeting_goes_out_before_anything_comes_in() {
    let mut server = server_with(config());
    let bytes = server.poll_transmit().unwrap();
    assert_eq!(bytes.len(), ServerGreeting::LEN);
    assert_eq!((&bytes[..12], &bytes[52..]), (&[0; 12][..], &[0; 12][..]));
    let greeting = ServerGreeting::parse(&bytes).unwrap();
    assert_eq!(greeting.modes, Modes::OPEN);
    assert_eq!(server.poll_transmit(), None);
}

#[test]
fn challenge_and_salt_differ_from_each_other_and_on_every_connection() {
    let mut entropy = Counter::default();
    let address: SocketAddr = "192.0.2.1:1".parse().unwrap();
    let mut greet = || {
        let mut server = Server::new(config(), address, address, &mut entropy, START);
        ServerGreeting::parse(&server.poll_transmit().unwrap()).unwrap()
    };
    let (one, two) = (greet(), greet());
    assert_ne!(one.challenge, one.salt);
    assert_ne!(one.challenge, two.challenge);
    assert_ne!(one.salt, two.salt);
}

#[test]
fn modes_that_are_not_supported_are_not_offered() {
    let modes = Modes(u32::MAX);
    let mut server = server_with(ServerConfig { modes, ..config() });
    let greeting = ServerGreeting::parse(&server.poll_transmit().unwrap()).unwrap();
    assert_eq!(greeting.modes, Modes(0x3ff));
}

#[test]
fn the_start_time_is_the_instances_and_the_unused_octets_are_zero() {
    for _ in 0..2 {
        let mut server = server_with(config());
        server.poll_transmit();
        let set_up = SetUpResponse::open().to_bytes();
        server.handle_bytes(&set_up, START + SECOND).unwrap();
        let expected = ServerStart {
            accept: Accept::OK,
            server_iv: [0; 16],
            start_time: Ntp64(77 << 32),
        };
        assert_eq!(server.poll_transmit(), Some(expected.to_bytes().to_vec()));
        assert!(server.is_set_up());
    }
}

#[test]
fn key_token_and_iv_are_ignored_in_open_mode() {
    let mut server = server_with(config());
    let set_up = SetUpResponse {
        mode: Modes::OPEN,
        key_id: [0xff; 80],
        token: [0xff; 64],
        client_iv: [0xff; 16],
    };
    assert_eq!(server.handle_bytes(&set_up.to_bytes(), START), Ok(()));
    assert!(server.is_set_up());
}

#[test]
fn an_illegal_selection_is_answered_with_not_supported_and_ends_the_connection() {
    for found in [2, 3, 8, 0x11, 0x10, 0x8000_0001].map(Modes) {
        let mut server = server_with(config());
        server.poll_transmit();
        let mode = found;
        let set_up = SetUpResponse {
            mode,
            ..SetUpResponse::open()
        };
        let offered = Modes::OPEN;
        let reason = ControlError::IllegalSelection { offered, found };
        let result = server.handle_bytes(&set_up.to_bytes(), START);
        assert_eq!(result, Err(reason));
        let refusal = ServerStart::refusal(Accept::NOT_SUPPORTED).to_bytes();
        assert_eq!(server.poll_transmit(), Some(refusal.to_vec()));
        assert_eq!(events(&mut server), [ServerEvent::Ended(reason)]);
    }
}

#[test]
fn a_client_that_selects_nothing_refuses() {
    let mut server = server_with(config());
    server.poll_transmit();
    let result = server.handle_bytes(&[0; SetUpResponse::LEN], START);
    assert_eq!(result, Err(ControlError::SelectsNothing));
    assert_eq!(ControlError::SelectsNothing.fault(), Fault::PeerRefused);
    assert_eq!(server.poll_transmit(), None);
}

#[test]
fn a_refused_request_has_no_port_and_leaves_the_connection_open() {
    let mut server = ready();
    let (conf_sender, padding_length) = (1, u32::MAX);
    let refused = [
        (
            RequestTwSession {
                conf_sender,
                ..request()
            },
            Accept::NOT_SUPPORTED,
        ),
        (
            RequestTwSession {
                padding_length,
                ..request()
            },
            Accept::PERMANENT_LIMIT,
        ),
    ];
    for (refused, accept) in refused {
        server.handle_bytes(&refused.to_bytes(), START).unwrap();
        assert_eq!(answer(&mut server), AcceptSession::refusal(accept));
        assert_eq!(events(&mut server), []);
    }
    server.handle_bytes(&request().to_bytes(), START).unwrap();
    let busy = Accept::TEMPORARY_LIMIT;
    server.refuse_session(SessionIndex(0), busy, START).unwrap();
    assert_eq!(answer(&mut server), AcceptSession::refusal(busy));
    events(&mut server);
    accept(&mut server, 1);
}

#[test]
fn a_refusal_never_says_ok() {
    let mut server = ready();
    server.handle_bytes(&request().to_bytes(), START).unwrap();
    server
        .refuse_session(SessionIndex(0), Accept::OK, START)
        .unwrap();
    assert_eq!(answer(&mut server), AcceptSession::refusal(Accept::FAILURE));
}

#[test]
fn another_port_than_the_wanted_one_may_be_given() {
    let mut server = ready();
    let receiver_port = 862;
    let wanted = RequestTwSession {
        receiver_port,
        ..request()
    };
    server.handle_bytes(&wanted.to_bytes(), START).unwrap();
    assert!(matches!(
        events(&mut server)[..],
        [ServerEvent::SessionRequested { request, .. }] if request.receiver.port() == 862
    ));
    server
        .accept_session(SessionIndex(0), 19999, sid(0), START)
        .unwrap();
    assert_eq!(answer(&mut server), AcceptSession::grant(19999, sid(0)));
}

#[test]
fn only_the_session_that_waits_can_be_answered_and_only_once() {
    let mut server = ready();
    let none = server.accept_session(SessionIndex(0), 9, sid(0), START);
    assert_eq!(none, Err(Misuse::NotWaiting));
    server.handle_bytes(&request().to_bytes(), START).unwrap();
    let other = server.refuse_session(SessionIndex(1), Accept::FAILURE, START);
    assert_eq!(other, Err(Misuse::NotWaiting));
    let port = server.accept_session(SessionIndex(0), 0, sid(0), START);
    assert_eq!(port, Err(Misuse::NoPort));
    assert_eq!(server.poll_transmit(), None);
    server
        .accept_session(SessionIndex(0), 9, sid(0), START)
        .unwrap();
    let again = server.accept_session(SessionIndex(0), 9, sid(0), START);
    assert_eq!(again, Err(Misuse::NotWaiting));
    server.handle_closed();
    let late = server.accept_session(SessionIndex(0), 9, sid(0), START);
    assert_eq!(late, Err(Misuse::Ended));
}

#[test]
fn requests_sent_ahead_are_answered_in_order_and_the_start_comes_after_them() {
    let mut server = ready();
    let refused = RequestTwSession {
        ip_version: 5,
        ..request()
    };
    let ahead = [request(), refused, request()].map(|r| r.to_bytes());
    let ahead = [ahead.concat(), start().to_vec()].concat();
    server.handle_bytes(&ahead, START).unwrap();
    assert!(!server.wants_bytes());
    assert_eq!(server.poll_transmit(), None);

    server
        .accept_session(SessionIndex(0), 9, sid(0), START)
        .unwrap();
    let bytes = server.poll_transmit().unwrap();
    let refusal = AcceptSession::refusal(Accept::NOT_SUPPORTED);
    let answers = [AcceptSession::grant(9, sid(0)), refusal].map(|a| a.to_bytes());
    assert_eq!(bytes, answers.concat());

    server
        .refuse_session(SessionIndex(1), Accept::FAILURE, START)
        .unwrap();
    let bytes = server.poll_transmit().unwrap();
    assert_eq!(bytes.len(), AcceptSession::LEN + StartAck::LEN);
    assert!(server.wants_bytes());
    assert_eq!(events(&mut server).last(), Some(&ServerEvent::Started));
}

#[test]
fn only_so_much_is_kept_of_what_is_sent_ahead() {
    let mut server = ready();
    server.handle_bytes(&request().to_bytes(), START).unwrap();
    let full = vec![5; BACKLOG_LIMIT];
    assert_eq!(server.handle_bytes(&full, START), Ok(()));
    let limit = BACKLOG_LIMIT;
    let reason = ControlError::Backlog { limit };
    assert_eq!(server.handle_bytes(&[5], START), Err(reason));
    assert_eq!(reason.fault(), Fault::OurLimit);
}

#[test]
fn sessions_above_the_limit_are_refused_for_the_time_being() {
    let max_sessions = 2;
    let mut server = ready_with(ServerConfig {
        max_sessions,
        ..config()
    });
    accept(&mut server, 0);
    accept(&mut server, 1);
    let more = request().to_bytes();
    server.handle_bytes(&more, START).unwrap();
    let refusal = AcceptSession::refusal(Accept::TEMPORARY_LIMIT);
    assert_eq!(answer(&mut server), refusal);
    // Stopped sessions don't count.
    server.handle_bytes(&start(), START).unwrap();
    server.handle_bytes(&stop(2), START).unwrap();
    server.poll_transmit();
    events(&mut server);
    accept(&mut server, 2);
}

#[test]
fn what_stands_in_an_hmac_field_is_ignored_and_zeros_are_sent() {
    let mut server = ready();
    let hmac = [0xff; 16];
    let request = RequestTwSession { hmac, ..request() };
    server.handle_bytes(&request.to_bytes(), START).unwrap();
    server
        .accept_session(SessionIndex(0), 9, sid(0), START)
        .unwrap();
    assert_eq!(answer(&mut server).hmac, [0; 16]);
    let start = StartSessions { hmac }.to_bytes();
    server.handle_bytes(&start, START).unwrap();
    let bytes = server.poll_transmit().unwrap();
    assert_eq!(bytes, [0; StartAck::LEN]);
}

#[test]
fn an_unexpected_command_is_answered_with_not_supported_and_ends_the_connection() {
    let commands = [0, 1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 255].map(|c| (ready(), c));
    let while_testing = [2, 5, 7, 255].map(|c| (testing(), c));
    for (mut server, found) in commands.into_iter().chain(while_testing) {
        let mut block = [0; BLOCK_LEN];
        block[0] = found;
        assert_eq!(server.handle_bytes(&block[..15], START), Ok(()));
        let reason = server.handle_bytes(&block[15..], START).unwrap_err();
        assert!(matches!(
            reason,
            ControlError::UnexpectedCommand { found: f, .. } if f == found
        ));
        let refusal = AcceptSession::refusal(Accept::NOT_SUPPORTED);
        assert_eq!(answer(&mut server), refusal);
        assert_eq!(events(&mut server), [ServerEvent::Ended(reason)]);
        // It stays ended, whatever comes.
        let more = server.handle_bytes(&request().to_bytes(), START);
        assert_eq!(more, Err(reason));
        server.handle_closed();
        assert_eq!((server.poll_transmit(), server.poll_event()), (None, None));
        assert_eq!(server.poll_timeout(), None);
    }
}

#[test]
fn one_start_starts_all_sessions_and_one_stop_stops_them_without_an_answer() {
    let mut server = ready();
    for n in 0..3 {
        accept(&mut server, n);
    }
    server.handle_bytes(&start(), START).unwrap();
    assert_eq!(ack(&mut server), Accept::OK);
    server.handle_bytes(&stop(3), START).unwrap();
    assert_eq!(server.poll_transmit(), None);
    let accept = Accept::OK;
    assert_eq!(
        events(&mut server),
        [ServerEvent::Started, ServerEvent::Stopped { accept }]
    );
}

#[test]
fn a_start_without_sessions_is_refused() {
    let mut server = ready();
    server.handle_bytes(&start(), START).unwrap();
    assert_eq!(ack(&mut server), Accept::FAILURE);
    assert_eq!(events(&mut server), []);
    accept(&mut server, 0);
}

#[test]
fn refused_sessions_are_neither_started_nor_counted() {
    let mut server = ready();
    server.handle_bytes(&request().to_bytes(), START).unwrap();
    let no = Accept::TEMPORARY_LIMIT;
    server.refuse_session(SessionIndex(0), no, START).unwrap();
    server.poll_transmit();
    server.handle_bytes(&start(), START).unwrap();
    assert_eq!(ack(&mut server), Accept::FAILURE);
}

#[test]
fn a_stop_of_another_number_of_sessions_ends_the_connection() {
    for found in [0, 2, u32::MAX] {
        let mut server = testing();
        let expected = 1;
        let reason = ControlError::WrongSessionCount { expected, found };
        assert_eq!(server.handle_bytes(&stop(found), START), Err(reason));
        assert_eq!(events(&mut server), [ServerEvent::Ended(reason)]);
        assert_eq!(server.poll_transmit(), None);
    }
}

#[test]
fn after_the_stop_sessions_can_be_requested_anew() {
    let mut server = testing();
    server.handle_bytes(&stop(1), START).unwrap();
    events(&mut server);
    accept(&mut server, 1);
    server.handle_bytes(&start(), START).unwrap();
    assert_eq!(ack(&mut server), Accept::OK);
    server.handle_bytes(&stop(1), START).unwrap();
    assert!(matches!(
        events(&mut server)[..],
        [_, ServerEvent::Stopped { .. }]
    ));
}

#[test]
fn a_client_on_a_dual_stack_socket_is_known_by_its_ipv4_address() {
    let peer = "[::ffff:192.0.2.1]:40000".parse().unwrap();
    let local = "[::ffff:192.0.2.2]:862".parse().unwrap();
    let mut server = Server::new(config(), peer, local, &mut Counter::default(), START);
    let set_up = SetUpResponse::open().to_bytes();
    server.handle_bytes(&set_up, START).unwrap();
    server.handle_bytes(&request().to_bytes(), START).unwrap();
    let Some(ServerEvent::SessionRequested { request, .. }) = events(&mut server).pop() else {
        panic!("the request was refused");
    };
    assert_eq!(request.sender, "192.0.2.1:20001".parse().unwrap());
    assert_eq!(request.receiver, "192.0.2.2:20002".parse().unwrap());
}
