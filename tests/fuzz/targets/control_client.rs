//! A client between a whimsical driver and a hostile server.

#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use fuzzing::memory::held_by;
use fuzzing::octets::{Ask, Cuts, MostlyOk, ServerSays};
use libfuzzer_sys::fuzz_target;
use twamp_core::control::{Client, ClientConfig, ClientEvent, ControlError, Misuse};
use twamp_core::time::Mono;
use twamp_core::wire::control::{RequestTwSession, SetUpResponse, StartSessions, StopSessions};

/// What a client may hold on to of what a server said: no message is longer than this, and what
/// comes in one piece is kept in one piece.
const HELD_BESIDE_LAST_PIECE: usize = 4 * 1024;

#[derive(Arbitrary, Debug)]
struct Input {
    patience_ms: u32,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Say(ServerSays, Cuts),
    Noise(Vec<u8>, Cuts),
    Wait(u64),
    WaitUntilJustBeforeTheTimeout,
    WaitUntilTheTimeout,
    Close,
    Request(Ask),
    Start,
    Stop(MostlyOk),
}

/// The client and what must be true of it.
struct Watched {
    client: Client,
    now: Mono,
    ready: bool,
    requested: u32,
    sent: u32,
    answered: u32,
    /// Accepted and not yet stopped.
    running: u32,
    started: bool,
    /// What the Stop-Sessions on its way must say.
    stopping: Option<u32>,
    ended: Option<ControlError>,
    largest_piece: usize,
}

fuzz_target!(|input: Input| {
    let config = ClientConfig {
        reply_timeout: Duration::from_millis(input.patience_ms.into()),
        ..ClientConfig::default()
    };
    let mut watched = Watched {
        client: Client::new(config, Mono(5)),
        now: Mono(5),
        ready: false,
        requested: 0,
        sent: 0,
        answered: 0,
        running: 0,
        started: false,
        stopping: None,
        ended: None,
        largest_piece: 0,
    };
    for step in &input.steps {
        watched.step(step);
    }
    let queued = (watched.requested - watched.sent) as usize;
    let bound = HELD_BESIDE_LAST_PIECE + 2 * watched.largest_piece + 512 * queued;
    let held = held_by(watched.client);
    assert!(held <= bound, "{held} octets are held, {bound} are enough");
});

impl Watched {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Say(message, cuts) => self.hear(&message.octets(), cuts),
            Step::Noise(octets, cuts) => self.hear(octets, cuts),
            Step::Wait(nanos) => {
                self.now = self.now + Duration::from_nanos(*nanos);
                self.client.handle_timeout(self.now);
            }
            Step::WaitUntilJustBeforeTheTimeout => {
                if let Some(timeout) = self.client.poll_timeout().filter(|t| *t > self.now) {
                    self.now = Mono(timeout.0 - 1);
                    self.client.handle_timeout(self.now);
                    assert!(self.client.poll_event().is_none());
                }
            }
            Step::WaitUntilTheTimeout => {
                if let Some(timeout) = self.client.poll_timeout() {
                    self.now = self.now.max(timeout);
                    self.client.handle_timeout(self.now);
                    self.look();
                    assert!(matches!(self.ended, Some(ControlError::TimedOut { .. })));
                }
            }
            Step::Close => {
                self.client.handle_closed();
                self.look();
                assert!(self.ended.is_some());
            }
            Step::Request(ask) => {
                let id = self.client.request_session(ask.request(), self.now);
                assert_eq!(id.0, self.requested);
                self.requested += 1;
            }
            Step::Start => match self.client.start_sessions(self.now) {
                Ok(()) => assert!(self.ready && self.running > 0 && !self.started),
                Err(misuse) => assert_eq!(misuse == Misuse::Ended, self.ended.is_some()),
            },
            Step::Stop(accept) => match self.client.stop_sessions(accept.accept(), self.now) {
                Ok(()) => {
                    assert!(self.started);
                    self.started = false;
                    self.stopping = Some(std::mem::take(&mut self.running));
                }
                Err(Misuse::Ended) => assert!(self.ended.is_some()),
                Err(misuse) => {
                    assert_eq!(misuse, Misuse::NotTesting);
                    assert!(!self.started);
                }
            },
        }
        self.look();
    }

    fn hear(&mut self, octets: &[u8], cuts: &Cuts) {
        for piece in cuts.pieces(octets) {
            self.largest_piece = self.largest_piece.max(piece.len());
            let heard = self.client.handle_bytes(piece, self.now);
            self.look();
            assert_eq!(heard.err(), self.ended);
        }
    }

    /// Takes everything that comes out.
    fn look(&mut self) {
        let was_ended = self.ended.is_some();
        while let Some(event) = self.client.poll_event() {
            assert_eq!(self.ended, None, "{event:?} after the end");
            match event {
                ClientEvent::Ready { .. } => assert!(!std::mem::replace(&mut self.ready, true)),
                ClientEvent::Accepted { request, port, .. } => {
                    assert_ne!(port, 0);
                    self.running += 1;
                    self.answer(request.0);
                }
                ClientEvent::Refused { request, accept } => {
                    assert!(!accept.is_ok());
                    self.answer(request.0);
                }
                ClientEvent::Started => {
                    assert!(self.running > 0);
                    assert!(!std::mem::replace(&mut self.started, true));
                }
                ClientEvent::StartRefused { accept } => assert!(!accept.is_ok()),
                ClientEvent::SessionStarted { .. }
                | ClientEvent::SessionNotStarted { .. }
                | ClientEvent::SessionStopped { .. } => panic!("{event:?} in open mode"),
                ClientEvent::Ended(reason) => self.ended = Some(reason),
            }
        }
        let octets = self.client.poll_transmit().unwrap_or_default();
        assert!(octets.is_empty() || !was_ended, "octets after the end");
        self.read(&octets);
        assert_eq!(self.client.poll_transmit(), None);
        if let Some(reason) = self.ended {
            assert_eq!(self.client.poll_timeout(), None);
            assert_eq!(self.client.handle_bytes(&[1], self.now), Err(reason));
        }
    }

    /// Requests are answered one at a time, in order.
    fn answer(&mut self, request: u32) {
        assert_eq!(request, self.answered);
        assert!(self.ready && !self.started);
        self.answered += 1;
    }

    /// Whole messages, each in its place.
    fn read(&mut self, mut octets: &[u8]) {
        while let Some(&first) = octets.first() {
            let len = match first {
                0 => {
                    assert_eq!(SetUpResponse::parse(octets), Ok(SetUpResponse::open()));
                    SetUpResponse::LEN
                }
                2 => {
                    assert_eq!(StartSessions::parse(octets), Ok(StartSessions::default()));
                    StartSessions::LEN
                }
                3 => {
                    let stop = StopSessions::parse(octets).expect("a whole message");
                    assert_eq!(Some(stop.sessions), self.stopping.take());
                    StopSessions::LEN
                }
                _ => {
                    RequestTwSession::parse(octets).expect("a whole message");
                    self.sent += 1;
                    assert!(self.sent <= self.requested && self.sent <= self.answered + 1);
                    RequestTwSession::LEN
                }
            };
            octets = &octets[len..];
        }
        assert_eq!(self.stopping, None, "a stop was not sent");
    }
}
