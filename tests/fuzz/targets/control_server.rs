//! A server between a whimsical driver and a hostile client.

#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use fuzzing::memory::held_by;
use fuzzing::octets::{ClientSays, Cuts, MostlyOk, NoEntropy};
use libfuzzer_sys::fuzz_target;
use twamp_core::control::{
    BACKLOG_LIMIT, ControlError, Misuse, Server, ServerConfig, ServerEvent, SessionIndex,
    SessionParameters,
};
use twamp_core::time::{Mono, Ntp64};
use twamp_core::wire::control::{
    AcceptSession, ServerGreeting, ServerStart, SetUpResponse, Sid, StartAck,
};

#[derive(Arbitrary, Debug)]
struct Input {
    servwait_ms: u16,
    read_timeout_ms: u16,
    max_sessions: u8,
    others: bool,
    v6: bool,
    /// The set-up is behind it.
    set_up: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Say(ClientSays, Cuts),
    /// The same again and again, in one piece.
    Flood(ClientSays, u16),
    Noise(Vec<u8>, Cuts),
    Wait(u64),
    WaitUntilJustBeforeTheTimeout,
    WaitUntilTheTimeout,
    Close,
    /// Grants the session asked for last, or one beside it.
    Grant(MostlyOk, u16),
    Refuse(MostlyOk, u8),
    Expire,
}

/// The server and what must be true of it.
struct Watched {
    server: Server,
    config: ServerConfig,
    ends: [SocketAddr; 2],
    now: Mono,
    requested: u32,
    waiting: Option<SessionIndex>,
    /// Accepted and not yet stopped.
    running: u32,
    started: bool,
    ended: Option<ControlError>,
    heard: usize,
    said: usize,
    largest_piece: usize,
}

fuzz_target!(|input: Input| {
    let config = ServerConfig {
        servwait: Duration::from_millis(input.servwait_ms.into()),
        read_timeout: Duration::from_millis(input.read_timeout_ms.into()),
        max_sessions: input.max_sessions.into(),
        other_senders: input.others,
        other_receivers: input.others,
        ..ServerConfig::new(Ntp64(1))
    };
    let ends = match input.v6 {
        false => ["192.0.2.1:40000", "192.0.2.2:862"],
        true => ["[2001:db8::1]:40000", "[2001:db8::2]:862"],
    }
    .map(|end| end.parse().expect("an address"));
    let mut watched = Watched {
        server: Server::new(config.clone(), ends[0], ends[1], &mut NoEntropy, Mono(5)),
        config,
        ends,
        now: Mono(5),
        requested: 0,
        waiting: None,
        running: 0,
        started: false,
        ended: None,
        heard: 0,
        said: 0,
        largest_piece: 0,
    };
    watched.look();
    assert_eq!(watched.said, ServerGreeting::LEN, "the server speaks first");
    if input.set_up {
        watched.hear(&SetUpResponse::open().to_bytes());
        assert!(watched.server.is_set_up() && watched.ended.is_none());
    }
    for step in &input.steps {
        watched.step(step);
    }
    let bound = 2 * (BACKLOG_LIMIT + watched.largest_piece) + 4 * 1024;
    let held = held_by(watched.server);
    assert!(held <= bound, "{held} octets are held, {bound} are enough");
});

impl Watched {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Say(message, cuts) => {
                for piece in cuts.pieces(&message.octets(self.running)) {
                    self.hear(piece);
                }
            }
            Step::Flood(message, times) => {
                let flood = message
                    .octets(self.running)
                    .repeat(usize::from(times % 1024));
                self.hear(&flood);
            }
            Step::Noise(octets, cuts) => {
                for piece in cuts.pieces(octets) {
                    self.hear(piece);
                }
            }
            Step::Wait(nanos) => {
                self.now = self.now + Duration::from_nanos(*nanos);
                self.server.handle_timeout(self.now);
            }
            Step::WaitUntilJustBeforeTheTimeout => {
                if let Some(timeout) = self.server.poll_timeout().filter(|t| *t > self.now) {
                    self.now = Mono(timeout.0 - 1);
                    self.server.handle_timeout(self.now);
                    assert!(self.server.poll_event().is_none());
                }
            }
            Step::WaitUntilTheTimeout => {
                if let Some(timeout) = self.server.poll_timeout() {
                    self.now = self.now.max(timeout);
                    self.server.handle_timeout(self.now);
                    self.look();
                    let ended = self.ended.expect("it timed out");
                    let timed_out =
                        |e| matches!(e, ControlError::TimedOut { .. } | ControlError::Idle { .. });
                    assert!(timed_out(ended), "{ended}");
                }
            }
            Step::Close => {
                self.server.handle_closed();
                self.look();
                assert!(self.ended.is_some());
            }
            Step::Grant(beside, port) => self.grant(*beside, *port),
            Step::Refuse(beside, accept) => {
                let session = self.asked(*beside);
                let accept = twamp_core::wire::control::Accept(*accept);
                let refused = self.server.refuse_session(session, accept, self.now);
                assert_eq!(refused.is_ok(), self.waiting == Some(session));
                if refused.is_ok() {
                    self.waiting = None;
                }
            }
            Step::Expire => self.server.sessions_expired(self.now),
        }
        self.look();
    }

    fn grant(&mut self, beside: MostlyOk, port: u16) {
        let session = self.asked(beside);
        let sid = Sid([7; 16]);
        match self.server.accept_session(session, port, sid, self.now) {
            Ok(()) => {
                assert_eq!(self.waiting.take(), Some(session));
                self.running += 1;
                let said = self.server.poll_transmit().expect("the answer is sent");
                assert!(said.starts_with(&AcceptSession::grant(port, sid).to_bytes()));
                self.said += said.len();
            }
            Err(Misuse::NoPort) => assert_eq!(port, 0),
            Err(Misuse::Ended) => assert!(self.ended.is_some()),
            Err(misuse) => {
                assert_eq!(misuse, Misuse::NotWaiting);
                assert_ne!(self.waiting, Some(session));
            }
        }
    }

    /// The session asked for last, or one beside it.
    fn asked(&self, beside: MostlyOk) -> SessionIndex {
        let last = self.requested.wrapping_sub(1);
        SessionIndex(last.wrapping_add(beside.accept().0.into()))
    }

    fn hear(&mut self, piece: &[u8]) {
        self.heard += piece.len();
        self.largest_piece = self.largest_piece.max(piece.len());
        let heard = self.server.handle_bytes(piece, self.now);
        self.look();
        assert_eq!(heard.err(), self.ended);
    }

    /// Takes everything that comes out.
    fn look(&mut self) {
        let was_ended = self.ended.is_some();
        while let Some(event) = self.server.poll_event() {
            assert_eq!(self.ended, None, "{event:?} after the end");
            match event {
                ServerEvent::Ready { .. } => assert_eq!(self.requested, 0),
                ServerEvent::SessionRequested { session, request } => {
                    assert!(!self.started && self.waiting.is_none());
                    assert_eq!(session.0, self.requested);
                    self.requested += 1;
                    self.waiting = Some(session);
                    self.judge(&request);
                }
                ServerEvent::Started => {
                    assert!(self.running > 0);
                    assert!(!std::mem::replace(&mut self.started, true));
                }
                ServerEvent::Stopped { .. } => {
                    assert!(std::mem::take(&mut self.started));
                    self.running = 0;
                }
                ServerEvent::SessionStarted { .. } | ServerEvent::SessionStopped { .. } => {
                    panic!("{event:?} in open mode")
                }
                ServerEvent::Ended(reason) => self.end(reason),
            }
        }
        let octets = self.server.poll_transmit().unwrap_or_default();
        assert!(octets.is_empty() || !was_ended, "octets after the end");
        assert_eq!(self.server.poll_transmit(), None);
        self.said += octets.len();
        // Beside the greeting and the answers of the driver, an answer is no longer than what it
        // answers; but an unknown command of one block gets a whole Accept-Session, once.
        let granted = AcceptSession::LEN * self.requested as usize;
        let most = ServerGreeting::LEN + ServerStart::LEN + AcceptSession::LEN + granted;
        assert!(self.said <= most + self.heard.max(StartAck::LEN));
        if let Some(reason) = self.ended {
            assert_eq!(self.server.poll_timeout(), None);
            assert_eq!(self.server.handle_bytes(&[1], self.now), Err(reason));
        }
        let deaf = self.waiting.is_some() || self.ended.is_some();
        assert_eq!(self.server.wants_bytes(), !deaf);
    }

    fn end(&mut self, reason: ControlError) {
        if let ControlError::WrongSessionCount { expected, found } = reason {
            assert!(self.started);
            assert_eq!(expected, self.running);
            assert_ne!(found, expected);
        }
        self.ended = Some(reason);
        self.waiting = None;
    }

    /// What the driver is asked has been found legal.
    fn judge(&self, request: &SessionParameters) {
        assert!(self.running < self.config.max_sessions);
        assert!(request.padding <= self.config.max_padding);
        assert!(request.timeout <= self.config.max_timeout);
        assert!(request.dscp < 64);
        assert_ne!(request.sender.port(), 0);
        if !self.config.other_senders {
            assert_eq!(request.sender.ip(), self.ends[0].ip());
            assert_eq!(request.receiver.ip(), self.ends[1].ip());
        }
        assert!(!request.sender.ip().is_multicast());
    }
}
