//! A sender on a line that loses, doubles, delays and forges, in a process that stands still now
//! and then, by a clock that is stepped.

#![no_main]

use std::collections::HashMap;
use std::time::Duration;

use arbitrary::Arbitrary;
use fuzzing::memory::held_by;
use libfuzzer_sys::fuzz_target;
use twamp_core::metrics::loss::LossCounts;
use twamp_core::probe::{Arrival, Outcome, Sender, SenderConfig, TxStamp};
use twamp_core::time::{ErrorEstimate, Mono, Now, Ntp64, Wall};
use twamp_core::wire::test::{REFLECTOR_LEN, ReflectorPacket, SENDER_LEN, SenderPacket};

/// Enough for each remembered probe, and for a sender that remembers none.
const HELD_PER_PROBE: usize = 512;
const HELD_AT_LEAST: usize = 8 * 1024;

#[derive(Arbitrary, Debug)]
struct Input {
    stateful: bool,
    remembered: u8,
    timeout_ms: u16,
    padding: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Send {
        stamp: Option<(i16, Option<i16>)>,
        refused: bool,
    },
    Reply(Reply),
    Noise(Vec<u8>),
    Wait {
        micros: u32,
    },
    WaitUntilTheTimeout,
    MoveTheClock {
        micros: i32,
    },
    SetAsideOutstanding {
        ago_micros: u16,
    },
}

/// A reply to one of the last probes.
#[derive(Arbitrary, Debug)]
struct Reply {
    back: u8,
    number: Number,
    /// The reflector's clock and its way there.
    t2_micros: i32,
    processing_micros: i16,
    error: u16,
    kernel: Option<i16>,
    damage: Option<(u8, u8)>,
    cut: u8,
}

#[derive(Arbitrary, Debug)]
enum Number {
    Next,
    Again,
    Small(u8),
    Any(u32),
}

struct Watched {
    sender: Sender,
    now: Now,
    probes: Vec<SenderPacket>,
    outcomes: HashMap<u64, Outcome>,
    replies: u64,
    taken: u64,
    next_number: u32,
    sample_count: u64,
    reply_aside_count: u64,
    lost_count: u64,
    aside_count: u64,
}

fuzz_target!(|input: Input| {
    let config = SenderConfig {
        padding: input.padding.into(),
        timeout: Duration::from_millis(input.timeout_ms.into()),
        stateful_reflector: input.stateful,
        remembered: input.remembered.into(),
        ..SenderConfig::default()
    };
    let mut watched = Watched {
        sender: Sender::new(config),
        now: Now {
            mono: Mono(1_000),
            wall: Wall(1_700_000_000_000_000_000),
        },
        probes: Vec::new(),
        outcomes: HashMap::new(),
        replies: 0,
        taken: 0,
        next_number: 0,
        sample_count: 0,
        reply_aside_count: 0,
        lost_count: 0,
        aside_count: 0,
    };
    for step in &input.steps {
        watched.step(step, &config);
        watched.look();
    }
    watched.sender.handle_timeout(Mono(u64::MAX));
    watched.look();
    assert_eq!(watched.sender.in_flight(), 0);
    let bound = HELD_AT_LEAST + HELD_PER_PROBE * config.remembered;
    let held = held_by(watched.sender);
    assert!(held <= bound, "{held} octets are held, {bound} are enough");
});

impl Watched {
    fn step(&mut self, step: &Step, config: &SenderConfig) {
        match step {
            Step::Send { stamp, refused } => self.send(*stamp, *refused, config),
            Step::Reply(reply) => self.reply(reply),
            Step::Noise(octets) => self.receive(octets, None),
            Step::Wait { micros } => self.wait(u64::from(*micros) * 1_000),
            Step::WaitUntilTheTimeout => {
                if let Some(timeout) = self.sender.poll_timeout() {
                    self.wait(timeout.0.saturating_sub(self.now.mono.0));
                    assert!(
                        self.sender
                            .poll_timeout()
                            .is_none_or(|next| next > self.now.mono)
                    );
                }
            }
            Step::MoveTheClock { micros } => self.now.wall.0 += i64::from(*micros) * 1_000,
            Step::SetAsideOutstanding { ago_micros } => {
                let then = self
                    .now
                    .mono
                    .0
                    .saturating_sub(u64::from(*ago_micros) * 1_000);
                self.sender.set_aside_outstanding(Mono(then));
            }
        }
    }

    fn wait(&mut self, nanos: u64) {
        self.now.mono.0 = self.now.mono.0.saturating_add(nanos);
        self.now.wall.0 = self.now.wall.0.saturating_add_unsigned(nanos);
        self.sender.handle_timeout(self.now.mono);
    }

    fn send(&mut self, stamp: Option<(i16, Option<i16>)>, refused: bool, config: &SenderConfig) {
        let mut out = vec![0xaa; 3];
        let token = self.sender.send(self.now, ErrorEstimate(0), &mut out);
        assert_eq!(token.sequence(), self.probes.len() as u64);
        assert_eq!(out.len(), SENDER_LEN + config.padding as usize);
        let probe = SenderPacket::parse(&out).expect("a probe");
        assert_eq!(probe.sequence, self.probes.len() as u32);
        assert_eq!(probe.timestamp, Ntp64::from_wall(self.now.wall));
        assert!(probe.error.is_valid());
        self.probes.push(probe);
        let near = |micros: i16| Wall(self.now.wall.0 + i64::from(micros) * 1_000);
        match stamp {
            _ if refused => self.sender.not_sent(token),
            Some((user, kernel)) => {
                let stamp = TxStamp {
                    user: near(user),
                    kernel: kernel.map(near),
                    ..TxStamp::default()
                };
                self.sender.transmitted(token, stamp);
            }
            None => _ = token.sequence(),
        }
    }

    fn reply(&mut self, reply: &Reply) {
        let back = usize::from(reply.back) + 1;
        let Some(probe) = self.probes.len().checked_sub(back).map(|i| self.probes[i]) else {
            return;
        };
        let t2 = Wall(self.now.wall.0 + i64::from(reply.t2_micros) * 1_000);
        let t3 = Wall(t2.0 + i64::from(reply.processing_micros) * 1_000);
        let mut octets = [0; REFLECTOR_LEN];
        ReflectorPacket {
            sequence: self.number(&reply.number),
            timestamp: Ntp64::from_wall(t3),
            error: ErrorEstimate(reply.error),
            receive: Ntp64::from_wall(t2),
            sender_sequence: probe.sequence,
            sender_timestamp: probe.timestamp,
            sender_error: probe.error,
            sender_ttl: 64,
        }
        .write(&mut octets);
        if let Some((place, octet)) = reply.damage {
            octets[usize::from(place) % REFLECTOR_LEN] ^= octet;
        }
        // Cut short one time of eight.
        let len = REFLECTOR_LEN - usize::from(reply.cut.saturating_sub(224));
        self.receive(&octets[..len], reply.kernel);
    }

    fn number(&mut self, number: &Number) -> u32 {
        match number {
            Number::Next => {
                self.next_number += 1;
                self.next_number - 1
            }
            Number::Again => self.next_number.saturating_sub(1),
            Number::Small(number) => (*number).into(),
            Number::Any(number) => *number,
        }
    }

    fn receive(&mut self, octets: &[u8], kernel: Option<i16>) {
        let arrival = Arrival {
            mono: self.now.mono,
            user: self.now.wall,
            kernel: kernel.map(|micros| Wall(self.now.wall.0 + i64::from(micros) * 1_000)),
            ..Arrival::default()
        };
        self.replies += 1;
        self.taken += u64::from(self.sender.handle_reply(octets, &arrival).is_ok());
    }

    /// The books balance, and each probe has one fate.
    fn look(&mut self) {
        while let Some(outcome) = self.sender.poll_outcome() {
            let sequence = self.enter(&outcome);
            assert!(sequence < self.probes.len() as u64);
            let former = self.outcomes.insert(sequence, outcome);
            assert_eq!(former, None, "{sequence} has two fates");
        }
        let counts = self.sender.counts();
        let LossCounts {
            sent,
            received,
            in_flight,
            set_aside,
            not_sent,
            late,
            ..
        } = counts;
        assert_eq!(sent, received + counts.lost() + in_flight + set_aside);
        assert_eq!(sent + not_sent, self.probes.len() as u64);
        assert_eq!(received, self.sample_count + self.reply_aside_count);
        assert_eq!(counts.lost(), self.lost_count);
        assert_eq!(set_aside, self.aside_count);
        assert!(late <= counts.lost());
        let duplicates = counts.duplicates_forward + counts.duplicates_backward;
        assert_eq!(self.taken, received + late + duplicates);
        assert_eq!(self.sender.discards().total(), self.replies - self.taken);
        assert_eq!(self.sender.in_flight(), in_flight);
        assert_eq!(self.sender.poll_timeout().is_some(), in_flight > 0);
        assert!(self.sender.account().longest_run() <= counts.lost());
    }

    fn enter(&mut self, outcome: &Outcome) -> u64 {
        match outcome {
            Outcome::Sample(sample) => {
                self.sample_count += 1;
                let (forward, backward) = (sample.forward(), sample.backward());
                assert_eq!(forward.saturating_add(backward), sample.round_trip());
                assert!(sample.round_trip() >= 0 && sample.processing() >= 0);
                assert!(sample.received >= sample.sent);
                sample.sequence
            }
            Outcome::Lost { sequence, .. } => {
                self.lost_count += 1;
                *sequence
            }
            Outcome::SetAside(aside) => {
                match aside.reply {
                    Some(_) => self.reply_aside_count += 1,
                    None => self.aside_count += 1,
                }
                aside.sequence
            }
        }
    }
}
