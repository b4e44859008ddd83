//! Sessions of one connection, started and stopped one by one by a client of another make
//! (RFC 5938).

use serde_json::Value;

use crate::ping::Responder;
use crate::raw::{Answer, Client, Prober, Wish};

/// Open mode with individual session control.
const MODES: u32 = 0x11;
const START: u8 = 7;
const STOP: u8 = 9;

/// A session of such a client, and where its probes go.
struct Session {
    prober: Prober,
    sid: [u8; 16],
    far: String,
}

impl Session {
    fn request(client: &mut Client, responder: &Responder) -> Self {
        let prober = Prober::new();
        let Answer {
            accept, port, sid, ..
        } = client.request(prober.port(), Wish::default());
        assert_eq!(accept, 0);
        let (host, _) = responder.control.split_once(':').unwrap();
        let far = format!("{host}:{port}");
        Self { prober, sid, far }
    }

    fn is_answered(&self, number: u32) -> bool {
        self.prober.answered(&self.far, number, &[0; 27]).len() == 41
    }

    fn is_ignored(&self, number: u32) -> bool {
        self.prober.is_ignored(&self.far, number)
    }
}

#[test]
fn each_session_starts_and_stops_by_itself_and_the_others_go_on() {
    let responder = Responder::v4();
    let mut client = Client::connect(&responder.control, MODES);
    let one = Session::request(&mut client, &responder);
    let other = Session::request(&mut client, &responder);
    assert!(one.is_ignored(0) && other.is_ignored(0), "none is started");

    assert_eq!(client.command(START, &[one.sid]), 0);
    assert!(one.is_answered(1) && other.is_ignored(1));

    // Further sessions are asked for while others run.
    let third = Session::request(&mut client, &responder);
    assert_eq!(client.command(START, &[other.sid, third.sid]), 0);
    assert!(one.is_answered(2) && other.is_answered(2) && third.is_answered(2));

    assert_eq!(client.command(STOP, &[one.sid]), 0);
    assert!(one.is_ignored(3), "its time-out is 0");
    assert!(other.is_answered(3) && third.is_answered(3));
    let served: Value = serde_json::from_str(&responder.running.line()).unwrap();
    assert_eq!(served["remote"], format!("127.0.0.1:{}", one.prober.port()));
    assert_eq!(
        (&served["received"], &served["ended"]),
        (&2.into(), &"stopped".into())
    );
    assert_eq!(
        served["features"],
        serde_json::json!(["individual-sessions"])
    );

    assert_eq!(client.command(STOP, &[third.sid, other.sid]), 0);
    assert!(other.is_ignored(4) && third.is_ignored(4));
}

#[test]
fn a_session_that_is_not_there_is_neither_started_nor_stopped() {
    let responder = Responder::v4();
    let mut client = Client::connect(&responder.control, MODES);
    let session = Session::request(&mut client, &responder);
    assert_ne!(client.command(START, &[[7; 16]]), 0);
    assert_ne!(client.command(STOP, &[session.sid]), 0, "not yet started");
    assert_eq!(client.command(START, &[session.sid]), 0);
    assert_ne!(client.command(START, &[session.sid]), 0, "started already");
    assert!(session.is_answered(0));
}

#[test]
fn the_command_for_all_sessions_ends_the_connection_and_its_sessions() {
    let responder = Responder::v4();
    let mut client = Client::connect(&responder.control, MODES);
    let session = Session::request(&mut client, &responder);
    assert_eq!(client.command(START, &[session.sid]), 0);
    assert!(session.is_answered(0));
    let mut start = [0; 32];
    start[0] = 2;
    client.say(&start);
    let Answer { accept, port, .. } = client.answer();
    assert_eq!((accept, port), (3, 0));
    assert!(client.is_closed());
    assert!(session.is_ignored(1));
}
