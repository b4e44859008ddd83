//! A reflector and whatever is sent to its port.

#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use fuzzing::memory::held_by;
use libfuzzer_sys::fuzz_target;
use twamp_core::error::WireError;
use twamp_core::probe::{Arrival, Discard, Reflector, ReflectorConfig};
use twamp_core::time::{ErrorEstimate, Mono, Ntp64, Wall};
use twamp_core::wire::test::{REFLECTOR_LEN, ReflectorPacket, SENDER_LEN, SenderPacket};

const HELD_AT_LEAST: usize = 4 * 1024;

#[derive(Arbitrary, Debug)]
struct Input {
    refwait_ms: u32,
    stateful: bool,
    from_zero: bool,
    remembered: u8,
    waiting: bool,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Noise(Vec<u8>, How),
    Probe {
        sequence: Sequence,
        sent_micros: i32,
        error: u16,
        padding: Vec<u8>,
        how: How,
    },
    Start,
    Stop {
        timeout_ms: u16,
    },
    Wait {
        nanos: u64,
    },
}

#[derive(Arbitrary, Debug)]
enum Sequence {
    Next,
    Again,
    Near(i8),
    Any(u32),
}

/// How a packet comes in, and how long it stays.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct How {
    ttl: Option<u8>,
    kernel_micros: Option<i16>,
    processing_micros: i16,
    error: u16,
}

struct Watched {
    reflector: Reflector,
    stateful: bool,
    started: bool,
    mono: Mono,
    wall: Wall,
    sequence: u32,
    packets: u64,
    reflected: u64,
}

fuzz_target!(|input: Input| {
    let config = ReflectorConfig {
        refwait: Duration::from_millis(input.refwait_ms.into()),
        stateful: input.stateful,
        from_zero: input.from_zero,
        remembered: input.remembered.into(),
        ..ReflectorConfig::default()
    };
    let mono = Mono(1_000);
    let mut watched = Watched {
        reflector: match input.waiting {
            true => Reflector::waiting(config),
            false => Reflector::new(config, mono),
        },
        stateful: input.stateful,
        started: !input.waiting,
        mono,
        wall: Wall(1_700_000_000_000_000_000),
        sequence: 0,
        packets: 0,
        reflected: 0,
    };
    for step in &input.steps {
        watched.step(step);
        watched.look();
    }
    let bound = HELD_AT_LEAST + config.remembered;
    let held = held_by(watched.reflector);
    assert!(held <= bound, "{held} octets are held, {bound} are enough");
});

impl Watched {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Noise(octets, how) => self.receive(octets, *how),
            Step::Probe {
                sequence,
                sent_micros,
                error,
                padding,
                how,
            } => {
                let mut octets = vec![0; SENDER_LEN];
                let sent = self.wall.0.saturating_add(i64::from(*sent_micros) * 1_000);
                SenderPacket {
                    sequence: self.number(sequence),
                    timestamp: Ntp64::from_wall(Wall(sent)),
                    error: ErrorEstimate(*error),
                }
                .write(&mut octets);
                octets.extend(padding);
                self.receive(&octets, *how);
            }
            Step::Start => {
                self.reflector.start(self.mono);
                self.started = true;
            }
            Step::Stop { timeout_ms } => {
                let timeout = Duration::from_millis((*timeout_ms).into());
                self.reflector.stop(self.mono, timeout);
                let end = self
                    .reflector
                    .poll_timeout()
                    .expect("a stopped session ends");
                assert!(end <= self.mono + timeout || self.reflector.expired(self.mono));
                self.started = true;
            }
            Step::Wait { nanos } => {
                self.mono = self.mono + Duration::from_nanos(*nanos);
                self.wall.0 = self.wall.0.saturating_add_unsigned(*nanos);
            }
        }
    }

    fn number(&mut self, sequence: &Sequence) -> u32 {
        match sequence {
            Sequence::Next => self.sequence = self.sequence.wrapping_add(1),
            Sequence::Again => {}
            Sequence::Near(by) => return self.sequence.wrapping_add_signed((*by).into()),
            Sequence::Any(number) => self.sequence = *number,
        }
        self.sequence
    }

    fn receive(&mut self, packet: &[u8], how: How) {
        let near = |micros: i16| Wall(self.wall.0.saturating_add(i64::from(micros) * 1_000));
        let arrival = Arrival {
            mono: self.mono,
            user: self.wall,
            kernel: how.kernel_micros.map(near),
            ttl: how.ttl,
            ..Arrival::default()
        };
        let expired = self.reflector.expired(self.mono);
        let error = ErrorEstimate(how.error);
        // What an earlier packet left behind must not get out.
        let mut out = vec![0xaa; 300];
        self.packets += 1;
        match self.reflector.reflect(packet, &arrival, error, &mut out) {
            Err(discard) => {
                assert!(out.is_empty());
                self.judge(&discard, packet, expired);
            }
            Ok(()) => {
                assert!(self.started && !expired);
                self.compare(packet, &arrival, &out);
                self.seal(out, near(how.processing_micros));
                self.reflected += 1;
            }
        }
    }

    fn judge(&self, discard: &Discard, packet: &[u8], expired: bool) {
        match discard {
            Discard::TooShort(WireError::TooShort { .. }) => assert!(packet.len() < SENDER_LEN),
            Discard::BadErrorEstimate => assert_eq!(packet[13], 0),
            Discard::NotStarted => assert!(!self.started),
            Discard::Ended => assert!(expired),
            other => panic!("{other}"),
        }
    }

    /// The reply says what came in, and nothing else.
    fn compare(&self, packet: &[u8], arrival: &Arrival, out: &[u8]) {
        assert!(packet.len() >= SENDER_LEN && packet[13] != 0);
        assert_eq!(out.len(), packet.len().max(REFLECTOR_LEN));
        let reply = ReflectorPacket::parse(out).expect("a reply");
        let number = match self.stateful {
            true => self.reflected as u32,
            false => reply.sender_sequence,
        };
        assert_eq!(reply.sequence, number);
        assert_eq!(reply.receive, Ntp64::from_wall(arrival.wall()));
        assert!(reply.error.is_valid());
        assert_eq!(reply.sender_ttl, arrival.ttl.unwrap_or(255));
        assert_eq!(out[24..38], packet[..SENDER_LEN]);
        assert_eq!((&out[14..16], &out[38..40]), (&[0; 2][..], &[0; 2][..]));
        let padding = &out[REFLECTOR_LEN..];
        assert_eq!(padding, &packet[SENDER_LEN..SENDER_LEN + padding.len()]);
    }

    /// T3 is not before T2, and the rest stays.
    fn seal(&self, mut out: Vec<u8>, t3: Wall) {
        let before = out.clone();
        Reflector::seal(&mut out, t3);
        let reply = ReflectorPacket::parse(&out).expect("a reply");
        assert!(reply.timestamp.0.wrapping_sub(reply.receive.0) as i64 >= 0);
        assert_eq!((&out[..4], &out[12..]), (&before[..4], &before[12..]));
    }

    fn look(&self) {
        let report = self.reflector.report();
        assert_eq!(report.reflected, self.reflected);
        assert_eq!(report.received, self.reflected);
        assert_eq!(report.received + report.discards.total(), self.packets);
        assert!(report.distinct + report.duplicates <= report.received);
        assert!(report.reordered <= report.distinct);
        assert_eq!(report.variation.is_some(), report.distinct > 0);
        assert!(
            report
                .jitter_ns
                .is_none_or(|jitter| jitter.is_finite() && jitter >= 0.0)
        );
        assert!(report.variation.is_none_or(|v| v.mean_ns <= v.max_ns));
    }
}
