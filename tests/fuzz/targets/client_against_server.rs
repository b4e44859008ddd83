//! A client and a server on one connection that is slow, cuts octets anywhere, and may break: they
//! agree, or both know that the connection has ended.

#![no_main]

use std::collections::VecDeque;
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use fuzzing::octets::{Ask, MostlyOk, NoEntropy};
use libfuzzer_sys::fuzz_target;
use twamp_core::control::{
    Client, ClientConfig, ClientEvent, ControlError, Fault, Server, ServerConfig, ServerEvent,
    SessionIndex,
};
use twamp_core::security::{DerivedKey, KeyDerivation, KeyId, KeyRing, SharedSecret};
use twamp_core::time::{Mono, Ntp64, Wall};
use twamp_core::wire::control::{Accept, Modes, Sid};

const NOW: Mono = Mono(0);
const ENOUGH_ROUNDS: usize = 10_000;

#[derive(Arbitrary, Debug)]
struct Input {
    security: Security,
    steps: Vec<Step>,
    /// In the end the connection breaks, with what is still on its way.
    breaks: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Security {
    Open,
    Authenticated,
    Encrypted,
    Mixed,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// So many octets arrive at the server.
    ToServer(u8),
    ToClient(u8),
    Request(Ask),
    Start,
    Stop(MostlyOk),
    /// The server's driver decides.
    Decide(MostlyOk, u16),
}

/// Both ends, and what is on its way between them.
struct Connection {
    client: Client,
    server: Server,
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    waiting: Option<SessionIndex>,
    client_saw: Seen,
    server_saw: Seen,
    requested: u32,
}

/// What one end has been told, or has done.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    ready: bool,
    accepted: u32,
    started: u32,
    stopped: Vec<Accept>,
    ended: Option<ControlError>,
    refused: u32,
}

fuzz_target!(|input: Input| {
    let (near, far) = ("192.0.2.1:40000", "192.0.2.2:862");
    let (near, far) = (
        near.parse().expect("an address"),
        far.parse().expect("an address"),
    );
    let modes = match input.security {
        Security::Open => Modes::OPEN,
        Security::Authenticated => Modes::AUTHENTICATED,
        Security::Encrypted => Modes::ENCRYPTED,
        Security::Mixed => Modes::MIXED,
    };
    let allowed = ClientConfig {
        modes,
        ..ClientConfig::default()
    };
    let offered = ServerConfig {
        modes,
        ..ServerConfig::new(Ntp64(1))
    };
    let mut connection = Connection {
        client: Client::with_key(allowed, key_id(), &mut NoEntropy, NOW),
        server: Server::new(offered, near, far, &mut NoEntropy, NOW),
        to_server: VecDeque::new(),
        to_client: VecDeque::new(),
        waiting: None,
        client_saw: Seen::default(),
        server_saw: Seen::default(),
        requested: 0,
    };
    for step in &input.steps {
        connection.step(step);
        assert_eq!(connection.client_saw.ended, None);
        assert_eq!(connection.server_saw.ended, None);
    }
    if input.breaks {
        connection.break_off();
    } else {
        connection.finish();
    }
});

fn key_id() -> KeyId {
    KeyId::new("a key").expect("a name")
}

/// The work is always the same, so it is done once.
fn key(work: &KeyDerivation) -> &'static DerivedKey {
    static KEY: OnceLock<DerivedKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let mut ring = KeyRing::default();
        let secret = SharedSecret::new("a passphrase").expect("a passphrase");
        ring.insert(key_id(), secret);
        work.run(&ring, Wall(0))
    })
}

impl Connection {
    fn step(&mut self, step: &Step) {
        match step {
            Step::ToServer(octets) => self.deliver_to_server((*octets).into()),
            Step::ToClient(octets) => self.deliver_to_client((*octets).into()),
            Step::Request(ask) => {
                self.client.request_session(ask.request(), NOW);
                self.requested += 1;
            }
            Step::Start => _ = self.client.start_sessions(NOW),
            Step::Stop(accept) => self.stop(accept.accept()),
            Step::Decide(accept, port) => self.decide(accept.accept(), *port),
        }
        self.look();
    }

    fn deliver_to_server(&mut self, octets: usize) {
        // A driver reads no more while it has to decide.
        if self.server.wants_bytes() {
            let octets = octets.min(self.to_server.len());
            let piece: Vec<u8> = self.to_server.drain(..octets).collect();
            _ = self.server.handle_bytes(&piece, NOW);
        }
    }

    fn deliver_to_client(&mut self, octets: usize) {
        let octets = octets.min(self.to_client.len());
        let piece: Vec<u8> = self.to_client.drain(..octets).collect();
        _ = self.client.handle_bytes(&piece, NOW);
    }

    fn stop(&mut self, accept: Accept) {
        if self.client.stop_sessions(accept, NOW).is_ok() {
            self.client_saw.stopped.push(accept);
        }
    }

    fn decide(&mut self, accept: Accept, port: u16) {
        let Some(session) = self.waiting.take() else {
            return;
        };
        let decided = if accept.is_ok() {
            self.server_saw.accepted += 1;
            self.server
                .accept_session(session, port.max(1), Sid([1; 16]), NOW)
        } else {
            self.server.refuse_session(session, accept, NOW)
        };
        assert_eq!(decided, Ok(()));
    }

    fn look(&mut self) {
        if let Some(work) = self.client.poll_derivation() {
            assert_eq!(self.client.key_derived(key(&work), NOW), Ok(()));
        }
        if let Some(work) = self.server.poll_derivation() {
            assert_eq!(self.server.key_derived(key(&work), NOW), Ok(()));
        }
        self.to_server
            .extend(self.client.poll_transmit().unwrap_or_default());
        self.to_client
            .extend(self.server.poll_transmit().unwrap_or_default());
        while let Some(event) = self.client.poll_event() {
            let saw = &mut self.client_saw;
            assert_eq!(saw.ended, None);
            match event {
                ClientEvent::Ready { .. } => saw.ready = true,
                ClientEvent::Accepted { .. } => saw.accepted += 1,
                ClientEvent::Refused { .. } => saw.refused += 1,
                ClientEvent::Started => saw.started += 1,
                ClientEvent::StartRefused { .. } => panic!("accepted sessions can be started"),
                ClientEvent::SessionStarted { .. }
                | ClientEvent::SessionNotStarted { .. }
                | ClientEvent::SessionStopped { .. } => panic!("{event:?} without its mode"),
                ClientEvent::Ended(reason) => saw.ended = Some(reason),
            }
        }
        while let Some(event) = self.server.poll_event() {
            let saw = &mut self.server_saw;
            assert_eq!(saw.ended, None);
            match event {
                ServerEvent::Ready { .. } => saw.ready = true,
                ServerEvent::SessionRequested { session, .. } => self.waiting = Some(session),
                ServerEvent::Started => saw.started += 1,
                ServerEvent::Stopped { accept } => saw.stopped.push(accept),
                ServerEvent::SessionStarted { .. } | ServerEvent::SessionStopped { .. } => {
                    panic!("{event:?} without its mode")
                }
                ServerEvent::Ended(reason) => saw.ended = Some(reason),
            }
        }
    }

    /// Everything arrives, is decided, stopped and closed: both have seen the same.
    fn finish(&mut self) {
        for round in 0.. {
            assert!(round < ENOUGH_ROUNDS, "they talk for ever");
            self.deliver_to_server(usize::MAX);
            self.look();
            self.deliver_to_client(usize::MAX);
            self.decide(Accept::OK, 9);
            self.look();
            let silent = self.to_client.is_empty() && self.to_server.is_empty();
            if silent && self.waiting.is_none() {
                let stopped = self.client_saw.stopped.len();
                self.stop(Accept::OK);
                self.look();
                if stopped == self.client_saw.stopped.len() {
                    break;
                }
            }
        }
        assert!(self.client_saw.ready && self.server_saw.ready);
        assert_eq!(
            self.client_saw.accepted + self.client_saw.refused,
            self.requested
        );
        // The server also refuses by itself.
        let refused = self.client_saw.refused;
        self.server_saw.refused = refused;
        self.client.handle_closed();
        self.server.handle_closed();
        self.look();
        assert_eq!(self.client_saw, self.server_saw);
        assert_eq!(self.client_saw.ended, Some(ControlError::Closed));
    }

    /// The connection breaks: each end hears the first part of what was on its way, then the end.
    fn break_off(&mut self) {
        let half = |octets: usize| octets / 2;
        self.deliver_to_server(half(self.to_server.len()));
        self.deliver_to_client(half(self.to_client.len()));
        self.look();
        self.client.handle_closed();
        self.server.handle_closed();
        self.look();
        for (name, saw) in [("client", &self.client_saw), ("server", &self.server_saw)] {
            let reason = saw.ended.expect("it has ended");
            let closed = |e| matches!(e, ControlError::Closed | ControlError::ClosedEarly { .. });
            assert!(closed(reason), "{name}: {reason}");
            assert_ne!(reason.fault(), Fault::OurLimit);
        }
        assert!(self.server_saw.accepted >= self.client_saw.accepted);
        assert!(self.server_saw.started >= self.client_saw.started);
        assert!(self.server_saw.stopped.len() <= self.client_saw.stopped.len());
    }
}
