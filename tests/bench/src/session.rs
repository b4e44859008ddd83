//! Both ends of a measurement session, with the packets between them.

use std::time::Duration;

use twamp_core::probe::{self, Arrival};
use twamp_core::security::{TestKeys, TestSecurity};
use twamp_core::stamp;
use twamp_core::time::{ErrorEstimate, Mono, Now, Wall};

/// How the packets of a session look and are protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// TWAMP-Test, modes open and mixed.
    Open,
    /// TWAMP-Test, mode authenticated.
    Authenticated,
    /// TWAMP-Test, mode encrypted.
    Encrypted,
    /// STAMP without protection.
    Stamp,
    /// STAMP with HMAC-SHA-256.
    StampHmac,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Kind; 5] = [
        Kind::Open,
        Kind::Authenticated,
        Kind::Encrypted,
        Kind::Stamp,
        Kind::StampHmac,
    ];
}

/// Both ends of one session, and the newest probe and reply. Clone it to do a step again.
#[derive(Clone)]
pub struct Session {
    sender: Sender,
    reflector: Reflector,
    /// When the newest probe left.
    now: Now,
    probe: Vec<u8>,
    reply: Vec<u8>,
}

#[derive(Clone)]
enum Sender {
    Twamp(Box<probe::Sender>),
    Stamp(Box<stamp::Sender>),
}

#[derive(Clone)]
enum Reflector {
    Twamp(Box<probe::Reflector>),
    Stamp(Box<stamp::Reflector>),
}

impl Session {
    /// One that has sent nothing. Probes and replies are equally long.
    pub fn new(kind: Kind) -> Self {
        let (sender, reflector) = match kind {
            Kind::Open => twamp(27, TestSecurity::Open),
            Kind::Authenticated => twamp(64, TestSecurity::Authenticated(keys())),
            Kind::Encrypted => twamp(64, TestSecurity::Encrypted(keys())),
            Kind::Stamp => stamp(stamp::Security::Open),
            Kind::StampHmac => stamp(stamp::Security::Authenticated(
                stamp::Key::new(&[7; 32]).expect("32 octets are a key"),
            )),
        };
        let now = Now {
            mono: Mono(1_000_000_000),
            wall: Wall(1_700_000_000_000_000_000),
        };
        Session {
            sender,
            reflector,
            now,
            probe: Vec::with_capacity(256),
            reply: Vec::with_capacity(256),
        }
    }

    /// The sender writes a probe, 100 ms after the one before.
    pub fn write_probe(&mut self) {
        self.now.mono = self.now.mono + Duration::from_millis(100);
        self.now.wall.0 += 100_000_000;
        let (now, error) = (self.now, ErrorEstimate::default());
        match &mut self.sender {
            Sender::Twamp(sender) => drop(sender.send(now, error, &mut self.probe)),
            Sender::Stamp(sender) => drop(sender.send(now, error, &mut self.probe)),
        }
    }

    /// The reflector reads the probe and writes the reply, all but T3.
    pub fn reflect(&mut self) {
        let (arrival, error) = (self.arrival(5), ErrorEstimate::default());
        let answered = match &mut self.reflector {
            Reflector::Twamp(reflector) => reflector
                .reflect(&self.probe, &arrival, error, &mut self.reply)
                .is_ok(),
            Reflector::Stamp(reflector) => {
                let context = stamp::Context {
                    source: ([192, 0, 2, 1], 20_001).into(),
                    destination: ([192, 0, 2, 2], 862).into(),
                    source_mac: None,
                    data: None,
                };
                reflector
                    .reflect(&self.probe, &arrival, &context, error, &mut self.reply)
                    .is_ok()
            }
        };
        assert!(answered, "a probe of the other end is answered");
    }

    /// The reflector writes T3 and whatever must come after it.
    pub fn seal(&mut self) {
        let t3 = Wall(self.now.wall.0 + 5_100_000);
        match &self.reflector {
            Reflector::Twamp(reflector) => reflector.sealer().seal(&mut self.reply, t3),
            Reflector::Stamp(reflector) => reflector.seal(&mut self.reply, t3),
        }
    }

    /// The sender reads the reply and makes a sample of it.
    pub fn take_reply(&mut self) {
        let arrival = self.arrival(10);
        let sampled = match &mut self.sender {
            Sender::Twamp(sender) => {
                sender.handle_reply(&self.reply, &arrival).is_ok()
                    && sender.poll_outcome().is_some()
            }
            Sender::Stamp(sender) => {
                sender.handle_reply(&self.reply, &arrival).is_ok()
                    && sender.poll_outcome().is_some()
            }
        };
        assert!(sampled, "a reply of the other end is a sample");
    }

    fn arrival(&self, after_ms: u64) -> Arrival {
        let wall = Wall(self.now.wall.0 + after_ms.cast_signed() * 1_000_000);
        Arrival {
            mono: self.now.mono + Duration::from_millis(after_ms),
            user: wall,
            kernel: Some(wall),
            hardware: None,
            ttl: Some(64),
            tos: Some(0),
        }
    }
}

fn twamp(padding: u32, security: TestSecurity) -> (Sender, Reflector) {
    let sender = probe::SenderConfig {
        padding,
        ..probe::SenderConfig::default()
    };
    let sender = probe::Sender::new(sender).secured(security.clone());
    let reflector = probe::Reflector::new(probe::ReflectorConfig::default(), Mono(0));
    (
        Sender::Twamp(Box::new(sender)),
        Reflector::Twamp(Box::new(reflector.secured(security))),
    )
}

fn stamp(security: stamp::Security) -> (Sender, Reflector) {
    let sender = stamp::SenderConfig {
        security: security.clone(),
        ssid: 1,
        ..stamp::SenderConfig::default()
    };
    let reflector = stamp::ReflectorConfig {
        security,
        ..stamp::ReflectorConfig::default()
    };
    (
        Sender::Stamp(Box::new(stamp::Sender::new(sender))),
        Reflector::Stamp(Box::new(stamp::Reflector::new(reflector, Mono(0)))),
    )
}

fn keys() -> std::sync::Arc<TestKeys> {
    TestKeys::new(&[1; 16], &[2; 32]).into()
}
