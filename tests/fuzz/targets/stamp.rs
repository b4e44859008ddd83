//! The two ends of a STAMP session, and somebody between them who damages, cuts and invents.

#![no_main]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use twamp_core::probe::{Arrival, Outcome, TxStamp};
use twamp_core::stamp::{
    Context, CopyLimits, FiguresConfig, Key, Reflector, ReflectorConfig, Request, Security, Sender,
    SenderConfig,
};
use twamp_core::time::{ErrorEstimate, Mono, Now, Wall};
use twamp_core::wire::stamp::Layout;

const GOOD: ErrorEstimate = ErrorEstimate(0x8f84);

#[derive(Arbitrary, Debug)]
struct Input {
    protection: Protection,
    ssid: u16,
    stateful: bool,
    copies: bool,
    asks: [bool; 6],
    dscp: u8,
    padding: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Protection {
    Open,
    Tlvs,
    Whole,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// A probe, there and back.
    Probe {
        there: Way,
        back: Way,
    },
    RequestOf(Vec<u8>),
    ReplyOf(Vec<u8>),
    Wait {
        micros: u32,
    },
}

/// What happens to a packet on its way.
#[derive(Arbitrary, Debug)]
struct Way {
    lost: bool,
    damage: Option<(u16, u8)>,
    cut: u8,
    tail: Vec<u8>,
}

struct Ends {
    layout: Layout,
    sender: Sender,
    reflector: Reflector,
    now: Now,
    requests: u64,
    replies: u64,
    answered: u64,
    known: HashSet<u64>,
}

fuzz_target!(|input: Input| {
    let key = || Key::new(b"a key").expect("it is not empty");
    let security = match input.protection {
        Protection::Open => Security::Open,
        Protection::Tlvs => Security::OpenWithTlvKey(key()),
        Protection::Whole => Security::Authenticated(key()),
    };
    let figures = input.asks[5].then(FiguresConfig::default);
    let mut ends = Ends {
        layout: security.layout(),
        reflector: Reflector::new(
            ReflectorConfig {
                security: security.clone(),
                stateful: input.stateful,
                copies: input.copies.then(CopyLimits::default),
                figures: figures.map(|figures| figures.kind),
                ..ReflectorConfig::default()
            },
            Mono(1),
        ),
        sender: Sender::new(SenderConfig {
            security,
            ssid: input.ssid,
            request: Request {
                class_of_service: input.asks[0].then_some(input.dscp % 64),
                location: input.asks[1],
                timestamp_information: input.asks[2],
                direct_measurement: input.asks[3],
                follow_up: input.asks[4],
                figures,
                padding: input.padding.into(),
                ..Request::default()
            },
            stateful_reflector: input.stateful,
            remembered: 64,
            ..SenderConfig::default()
        }),
        now: Now {
            mono: Mono(1),
            wall: Wall(1_700_000_000_000_000_000),
        },
        requests: 0,
        replies: 0,
        answered: 0,
        known: HashSet::new(),
    };
    for step in &input.steps {
        ends.step(step);
        ends.look();
    }
});

impl Ends {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Probe { there, back } => {
                let mut probe = Vec::new();
                let token = self.sender.send(self.now, GOOD, &mut probe);
                let left = TxStamp {
                    user: self.now.wall,
                    ..TxStamp::default()
                };
                self.sender.transmitted(token, left);
                let Some(probe) = there.carry(&probe) else {
                    return;
                };
                for reply in self.reflect(&probe) {
                    if let Some(reply) = back.carry(&reply) {
                        self.take(&reply);
                    }
                }
            }
            Step::RequestOf(octets) => drop(self.reflect(octets)),
            Step::ReplyOf(octets) => self.take(octets),
            Step::Wait { micros } => {
                self.now.mono = self.now.mono + Duration::from_micros((*micros).into());
                self.now.wall.0 += i64::from(*micros) * 1_000;
                self.sender.handle_timeout(self.now.mono);
            }
        }
    }

    /// All replies to a request; none of them makes the reflector an amplifier.
    fn reflect(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        let context = Context {
            source: SocketAddr::from(([192, 0, 2, 1], 40_000)),
            destination: SocketAddr::from(([192, 0, 2, 2], 862)),
            source_mac: None,
            data: None,
        };
        let arrival = self.arrival();
        let mut out = vec![0xaa; 300];
        self.requests += 1;
        let Ok(reply) = self
            .reflector
            .reflect(request, &arrival, &context, GOOD, &mut out)
        else {
            assert!(out.is_empty());
            return Vec::new();
        };
        let shortest = match self.layout {
            Layout::Open => self.layout.base_len(),
            Layout::Authenticated => 0,
        };
        assert!(out.len() <= request.len().max(shortest));
        let further = reply.copies.map_or(0, |copies| copies.further);
        assert!(further < CopyLimits::default().count);
        self.reflector.seal(&mut out, self.now.wall);
        self.answered += 1;
        let mut replies = vec![out.clone()];
        for _ in 0..further {
            self.reflector.copy(&mut out).expect("it is a reply");
            self.reflector.seal(&mut out, self.now.wall);
            self.answered += 1;
            replies.push(out.clone());
        }
        let left = TxStamp {
            user: self.now.wall,
            ..TxStamp::default()
        };
        self.reflector.transmitted(reply.token, left);
        replies
    }

    fn take(&mut self, reply: &[u8]) {
        self.replies += 1;
        let arrival = self.arrival();
        let taken = self.sender.handle_reply(reply, &arrival);
        if self.layout == Layout::Authenticated && reply.len() < self.layout.base_len() {
            assert!(taken.is_err());
        }
    }

    fn arrival(&self) -> Arrival {
        Arrival {
            mono: self.now.mono,
            user: self.now.wall,
            kernel: None,
            ttl: Some(60),
            tos: Some(46 << 2),
            ..Arrival::default()
        }
    }

    fn look(&mut self) {
        while let Some((outcome, _)) = self.sender.poll_outcome() {
            let sequence = match outcome {
                Outcome::Sample(sample) => sample.sequence,
                Outcome::Lost { sequence, .. } => sequence,
                Outcome::SetAside(aside) => aside.sequence,
            };
            assert!(self.known.insert(sequence), "{sequence} has two fates");
        }
        let counts = self.sender.counts();
        let fates = counts.received + counts.lost() + counts.in_flight + counts.set_aside;
        assert_eq!(counts.sent, fates);
        let duplicates = counts.duplicates_forward + counts.duplicates_backward;
        let taken = counts.received + counts.late + duplicates;
        assert_eq!(taken + self.sender.discards().total(), self.replies);
        let report = self.reflector.report();
        assert_eq!(report.session.reflected, self.answered);
        assert!(report.session.received <= self.requests);
        assert!(report.failed_tlvs <= self.requests && report.malformed_tlvs <= self.requests);
    }
}

impl Way {
    fn carry(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut packet = packet.to_vec();
        if let (Some((place, octet)), 1..) = (self.damage, packet.len()) {
            let place = usize::from(place) % packet.len();
            packet[place] ^= octet;
        }
        // Cut short one time of four.
        let cut = usize::from(self.cut.saturating_sub(192));
        packet.truncate(packet.len().saturating_sub(cut));
        packet.extend(&self.tail);
        (!self.lost).then_some(packet)
    }
}
