use super::*;
use crate::control::Fault;
use crate::time::Ntp64;
use crate::wire::control::{RequestTwSession, SetUpResponse};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const START: Mono = Mono(5_000_000_000);
const SERVER_START: Ntp64 = Ntp64(77 << 32);

fn client() -> Client {
    Client::new(ClientConfig::default(), START)
}

fn greeting() -> ServerGreeting {
    ServerGreeting {
        modes: Modes::OPEN,
        challenge: [1; 16],
        salt: [2; 16],
        count: 1024,
    }
}

fn server_start() -> [u8; ServerStart::LEN] {
    ServerStart {
        accept: Accept::OK,
        server_iv: [0; 16],
        start_time: SERVER_START,
    }
    .to_bytes()
}

fn start_ack(accept: Accept) -> [u8; StartAck::LEN] {
    let hmac = [0; 16];
    StartAck { accept, hmac }.to_bytes()
}

fn grant(port: u16) -> [u8; AcceptSession::LEN] {
    AcceptSession::grant(port, Sid([9; 16])).to_bytes()
}

fn request() -> SessionRequest {
    SessionRequest {
        sender_port: 20001,
        receiver_port: 20002,
        sender_address: None,
        receiver_address: None,
        ip_version: IpVersion::V4,
        padding: 27,
        start_time: Ntp64(0),
        timeout: SECOND * 2,
        dscp: 46,
    }
}

/// A client with the set-up behind it.
fn ready() -> Client {
    let mut client = client();
    client.handle_bytes(&greeting().to_bytes(), START).unwrap();
    client.handle_bytes(&server_start(), START).unwrap();
    client.poll_transmit();
    events(&mut client);
    client
}

/// A client that tests `sessions` sessions.
fn testing(sessions: u32) -> Client {
    let mut client = ready();
    for _ in 0..sessions {
        client.request_session(request(), START);
        client.handle_bytes(&grant(9), START).unwrap();
    }
    client.start_sessions(START).unwrap();
    client.handle_bytes(&start_ack(Accept::OK), START).unwrap();
    client.poll_transmit();
    events(&mut client);
    client
}

fn events(client: &mut Client) -> Vec<ClientEvent> {
    std::iter::from_fn(|| client.poll_event()).collect()
}

fn ends_with(client: &mut Client, reason: ControlError) {
    assert_eq!(
        events(client).last(),
        Some(&ClientEvent::Ended(reason)),
        "{reason}"
    );
    assert_eq!(client.poll_timeout(), None);
    assert_eq!(client.handle_bytes(&[0], START), Err(reason));
    assert_eq!(client.poll_event(), None);
}

#[test]
fn the_client_is_silent_until_greeted_and_then_selects_open_mode() {
    let mut client = client();
    assert_eq!(client.poll_transmit(), None);
    client.handle_bytes(&greeting().to_bytes(), START).unwrap();
    let response = SetUpResponse::open().to_bytes();
    assert_eq!(client.poll_transmit(), Some(response.to_vec()));
    client.handle_bytes(&server_start(), START).unwrap();
    let ready = ClientEvent::Ready {
        modes: Modes::OPEN,
        server_start: SERVER_START,
    };
    assert_eq!(events(&mut client), [ready]);
}

#[test]
fn unused_octets_of_the_greeting_are_ignored() {
    let mut client = client();
    let mut bytes = greeting().to_bytes();
    bytes[..12].fill(0xff);
    bytes[52..].fill(0xff);
    assert_eq!(client.handle_bytes(&bytes, START), Ok(()));
    assert!(client.poll_transmit().is_some());
}

#[test]
fn of_many_offered_modes_only_open_is_selected() {
    let mut client = client();
    let modes = Modes(u32::MAX);
    let greeting = ServerGreeting {
        modes,
        ..greeting()
    };
    client.handle_bytes(&greeting.to_bytes(), START).unwrap();
    let response = SetUpResponse::open().to_bytes();
    assert_eq!(client.poll_transmit(), Some(response.to_vec()));
}

#[test]
fn a_greeting_that_cannot_be_followed_ends_the_connection_without_an_answer() {
    let count = |count| ServerGreeting {
        count,
        ..greeting()
    };
    let modes = |modes| ServerGreeting {
        modes,
        ..greeting()
    };
    let illegal = |found| ControlError::IllegalCount { found };
    let no_common = |offered| ControlError::NoCommonMode {
        configured: Modes::OPEN,
        offered,
    };
    let (found, limit) = (65536, 32768);
    let above = ControlError::CountAboveLimit { found, limit };
    let secure = Modes::ENCRYPTED | Modes::AUTHENTICATED;
    let cases = [
        (count(0), illegal(0), Fault::PeerMisbehaved),
        (count(512), illegal(512), Fault::PeerMisbehaved),
        (count(1025), illegal(1025), Fault::PeerMisbehaved),
        (count(u32::MAX), illegal(u32::MAX), Fault::PeerMisbehaved),
        (count(65536), above, Fault::OurLimit),
        (
            modes(Modes::NONE),
            ControlError::OffersNothing,
            Fault::PeerRefused,
        ),
        (modes(secure), no_common(secure), Fault::OurLimit),
        (
            modes(Modes::DSCP_ECN),
            no_common(Modes::DSCP_ECN),
            Fault::OurLimit,
        ),
    ];
    for (greeting, reason, fault) in cases {
        let mut client = client();
        let result = client.handle_bytes(&greeting.to_bytes(), START);
        assert_eq!(result, Err(reason));
        assert_eq!(reason.fault(), fault);
        assert_eq!(client.poll_transmit(), None);
        ends_with(&mut client, reason);
    }
}

#[test]
fn the_largest_count_allowed_is_put_up_with() {
    let mut client = client();
    let count = 32768;
    let greeting = ServerGreeting {
        count,
        ..greeting()
    };
    assert_eq!(client.handle_bytes(&greeting.to_bytes(), START), Ok(()));
}

#[test]
fn a_refused_set_up_ends_the_connection_even_with_a_reserved_value() {
    for accept in [1, 3, 6, 7, 255].map(Accept) {
        let mut client = client();
        client.handle_bytes(&greeting().to_bytes(), START).unwrap();
        let refusal = ServerStart::refusal(accept).to_bytes();
        let reason = client.handle_bytes(&refusal, START).unwrap_err();
        assert_eq!(reason.fault(), Fault::PeerRefused);
        ends_with(&mut client, reason);
    }
}

#[test]
fn a_request_has_zeros_where_twamp_has_no_use_for_a_field() {
    let mut client = ready();
    client.request_session(request(), START);
    let bytes = client.poll_transmit().unwrap();
    assert_eq!(bytes.len(), RequestTwSession::LEN);
    assert_eq!(bytes[..4], [5, 4, 0, 0]);
    assert_eq!(bytes[4..12], [0; 8], "slots and packets");
    assert_eq!(bytes[16..64], [0; 48], "addresses and SID");
    assert_eq!(bytes[88..], [0; 24], "RFC 6038 and HMAC");
    let parsed = RequestTwSession::parse(&bytes).unwrap();
    assert_eq!((parsed.sender_port, parsed.receiver_port), (20001, 20002));
    assert_eq!(parsed.padding_length, 27);
    assert_eq!(parsed.timeout, Ntp64(2 << 32));
    assert_eq!(parsed.type_p.dscp(), Some(46));
}

#[test]
fn requests_made_early_wait_for_the_set_up_and_go_one_by_one() {
    let mut client = client();
    let first = client.request_session(request(), START);
    let second = client.request_session(request(), START);
    assert_ne!(first, second);
    client.handle_bytes(&greeting().to_bytes(), START).unwrap();
    client.poll_transmit();
    client.handle_bytes(&server_start(), START).unwrap();
    let sent = client.poll_transmit().unwrap();
    assert_eq!(sent.len(), RequestTwSession::LEN);
    assert_eq!(client.start_sessions(START), Err(Misuse::NotReady));

    let refusal = AcceptSession::refusal(Accept(200)).to_bytes();
    client.handle_bytes(&refusal, START).unwrap();
    let sent = client.poll_transmit().unwrap();
    assert_eq!(sent.len(), RequestTwSession::LEN);
    client.handle_bytes(&grant(862), START).unwrap();
    assert_eq!(
        events(&mut client)[1..],
        [
            ClientEvent::Refused {
                request: first,
                accept: Accept(200)
            },
            ClientEvent::Accepted {
                request: second,
                port: 862,
                sid: Sid([9; 16]),
                server_octets: 0,
            },
        ]
    );
    assert_eq!(client.start_sessions(START), Ok(()));
}

#[test]
fn a_session_on_port_zero_ends_the_connection() {
    let mut client = ready();
    client.request_session(request(), START);
    let result = client.handle_bytes(&grant(0), START);
    assert_eq!(result, Err(ControlError::NoPort));
    ends_with(&mut client, ControlError::NoPort);
}

#[test]
fn nothing_starts_without_an_accepted_session() {
    let mut client = ready();
    assert_eq!(client.start_sessions(START), Err(Misuse::NothingAccepted));
    assert_eq!(client.poll_transmit(), None);
}

#[test]
fn the_stop_counts_the_accepted_sessions_and_has_no_answer() {
    let mut client = testing(3);
    client.stop_sessions(Accept::OK, START).unwrap();
    let sent = client.poll_transmit().unwrap();
    let stop = StopSessions {
        accept: Accept::OK,
        sessions: 3,
        hmac: [0; 16],
    };
    assert_eq!(sent, stop.to_bytes());
    assert_eq!(client.poll_timeout(), None);
    let again = client.stop_sessions(Accept::OK, START);
    assert_eq!(again, Err(Misuse::NotTesting));
}

#[test]
fn a_request_made_while_testing_goes_out_after_the_stop() {
    let mut client = testing(1);
    client.request_session(request(), START);
    assert_eq!(client.start_sessions(START), Err(Misuse::NotReady));
    assert_eq!(client.poll_transmit(), None);
    client.stop_sessions(Accept::OK, START).unwrap();
    let sent = client.poll_transmit().unwrap();
    assert_eq!(sent.len(), StopSessions::LEN + RequestTwSession::LEN);
    client.handle_bytes(&grant(9), START).unwrap();
    client.start_sessions(START).unwrap();
    client.handle_bytes(&start_ack(Accept::OK), START).unwrap();
    client.poll_transmit();
    client.stop_sessions(Accept::FAILURE, START).unwrap();
    let sent = client.poll_transmit().unwrap();
    let stop = StopSessions::parse(&sent).unwrap();
    assert_eq!((stop.accept, stop.sessions), (Accept::FAILURE, 1));
}

#[test]
fn a_refused_start_is_told_and_ends_the_connection() {
    let mut client = ready();
    client.request_session(request(), START);
    client.handle_bytes(&grant(9), START).unwrap();
    client.start_sessions(START).unwrap();
    events(&mut client);
    let accept = Accept::INTERNAL_ERROR;
    let reason = client.handle_bytes(&start_ack(accept), START).unwrap_err();
    assert_eq!(reason.fault(), Fault::PeerRefused);
    assert_eq!(
        events(&mut client),
        [
            ClientEvent::StartRefused { accept },
            ClientEvent::Ended(reason)
        ]
    );
}

#[test]
fn octets_that_answer_nothing_end_the_connection() {
    for mut client in [ready(), testing(1)] {
        let result = client.handle_bytes(&[0; 7], START);
        let reason = ControlError::Unsolicited { octets: 7 };
        assert_eq!(result, Err(reason));
        ends_with(&mut client, reason);
    }
}

#[test]
fn every_answer_must_come_in_time_and_nothing_else_is_timed() {
    let mut waiting = ready();
    assert_eq!(waiting.poll_timeout(), None);
    let asked = START + SECOND * 50;
    waiting.request_session(request(), asked);
    for (mut client, asked, expected) in [
        (client(), START, "Server-Greeting"),
        (waiting, asked, "Accept-Session"),
    ] {
        let after = SECOND * 10;
        assert_eq!(client.poll_timeout(), Some(asked + after));
        // Half an answer is none.
        client.handle_bytes(&[0; 20], asked + SECOND * 9).unwrap();
        client.handle_timeout(asked + SECOND * 9);
        assert_eq!(events(&mut client), []);
        client.handle_timeout(asked + after);
        ends_with(&mut client, ControlError::TimedOut { expected, after });
    }
    assert_eq!(testing(1).poll_timeout(), None);
}

#[test]
fn a_close_is_ordinary_only_when_nothing_is_going_on() {
    for (mut client, fault) in [
        (client(), Fault::PeerMisbehaved),
        (ready(), Fault::Nobody),
        (testing(1), Fault::PeerMisbehaved),
    ] {
        client.handle_closed();
        let Some(ClientEvent::Ended(reason)) = client.poll_event() else {
            panic!("no end after the close");
        };
        assert_eq!(reason.fault(), fault, "{reason}");
        assert_eq!(client.start_sessions(START), Err(Misuse::Ended));
        let stop = client.stop_sessions(Accept::OK, START);
        assert_eq!(stop, Err(Misuse::Ended));
        client.request_session(request(), START);
        assert_eq!(client.poll_transmit(), None);
    }
}

proptest! {
    #[test]
    fn whatever_comes_the_client_ends_at_most_once_and_keeps_little(
        good in 0usize..4,
        noise in proptest::collection::vec(any::<Vec<u8>>(), 0..20),
    ) {
        let mut client = client();
        client.request_session(request(), START);
        let prefix: [&[u8]; 3] = [&greeting().to_bytes(), &server_start(), &grant(9)];
        for message in &prefix[..good.min(3)] {
            client.handle_bytes(message, START)?;
        }
        let mut ended = false;
        for bytes in noise {
            let failed = client.handle_bytes(&bytes, START).is_err();
            for event in events(&mut client) {
                prop_assert!(!ended, "{event:?} after the end");
                ended = matches!(event, ClientEvent::Ended(_));
            }
            prop_assert!(!failed || ended);
            let _ = client.start_sessions(START);
            let _ = client.stop_sessions(Accept::OK, START);
            prop_assert!(client.inbox.len() < ServerGreeting::LEN);
        }
    }
}
