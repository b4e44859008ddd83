//! Both ends together, on a line without sockets.

use super::*;
use crate::probe::{Arrival, Outcome, StampFormat, TxStamp};
use crate::time::{ErrorEstimate, Mono, Now, Wall};
use crate::wire::tlv::{Flags, Kind, Tlv, Tlvs};

mod conformance;
mod copying;
mod hostile;
mod light;
mod properties;
mod vectors;
mod way_back;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const EPOCH: i64 = 1_700_000_000_000_000_000;
const PTP: StampFormat = StampFormat {
    ptp: true,
    tai_offset_s: 37,
};
const GOOD: ErrorEstimate = ErrorEstimate(0x8f84);

/// Both clocks `ns` after the start of the test.
fn at(ns: u64) -> Now {
    Now {
        mono: Mono(ns),
        wall: Wall(EPOCH + ns as i64),
    }
}

/// With DSCP 10 and ECN 1.
fn arrival(ns: u64) -> Arrival {
    let Now { mono, wall } = at(ns);
    Arrival {
        mono,
        user: wall,
        ttl: Some(60),
        tos: Some(0x29),
        ..Arrival::default()
    }
}

fn context() -> Context {
    Context {
        source: "192.0.2.1:40000".parse().unwrap(),
        destination: "192.0.2.2:862".parse().unwrap(),
        source_mac: None,
        data: None,
    }
}

fn key() -> Key {
    Key::new(b"stamp-shared-key").unwrap()
}

fn authenticated() -> Security {
    Security::Authenticated(key())
}

/// Asks everything that every probe can ask.
fn everything() -> Request {
    Request {
        class_of_service: Some(46),
        location: true,
        timestamp_information: true,
        direct_measurement: true,
        follow_up: true,
        destination_node: Some("192.0.2.2".parse().unwrap()),
        padding: 16,
        ..Request::default()
    }
}

/// A sender, a reflector, and a line between them.
struct Bench {
    sender: Sender,
    reflector: Reflector,
    context: Context,
    /// Of the reflector's clock, nanoseconds.
    offset: i64,
}

impl Bench {
    fn new(sender: SenderConfig, reflector: ReflectorConfig) -> Self {
        Bench {
            sender: Sender::new(sender),
            reflector: Reflector::new(reflector, Mono(0)),
            context: context(),
            offset: 0,
        }
    }

    /// Open, with these questions.
    fn asking(request: Request) -> Self {
        let sender = SenderConfig {
            request,
            ssid: 0xbeef,
            ..SenderConfig::default()
        };
        Bench::new(sender, ReflectorConfig::default())
    }

    fn probe(&mut self, ns: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let token = self.sender.send(at(ns), GOOD, &mut out);
        let stamp = TxStamp {
            user: at(ns).wall,
            kernel: None,
            ..TxStamp::default()
        };
        self.sender.transmitted(token, stamp);
        out
    }

    /// The probe comes in at the reflector, which answers 1 µs later; the true time of that is
    /// another microsecond later.
    fn reflect(&mut self, probe: &[u8], ns: u64) -> Vec<u8> {
        let mut seen = arrival(ns);
        seen.user.0 += self.offset;
        let mut out = Vec::new();
        let reply = self
            .reflector
            .reflect(probe, &seen, &self.context, GOOD, &mut out)
            .unwrap();
        self.reflector.seal(&mut out, Wall(seen.user.0 + 1_000));
        let left = TxStamp {
            user: Wall(seen.user.0 + 1_000),
            kernel: Some(Wall(seen.user.0 + 2_000)),
            ..TxStamp::default()
        };
        if reply.follow_up {
            self.reflector.transmitted(reply.token, left);
        }
        out
    }

    /// A whole round trip: 5 ms there, 7 ms back.
    fn exchange(&mut self, ns: u64) -> (Outcome, Returned) {
        let probe = self.probe(ns);
        let reply = self.reflect(&probe, ns + 5 * MS);
        self.answer(&reply, ns + 12 * MS)
    }

    fn answer(&mut self, reply: &[u8], ns: u64) -> (Outcome, Returned) {
        self.sender.handle_reply(reply, &arrival(ns)).unwrap();
        self.sender.poll_outcome().unwrap()
    }
}

/// Types and flags of the TLVs of a packet with a base of so many octets.
fn flags(packet: &[u8], base_len: usize) -> Vec<(u8, u8)> {
    Tlvs::new(&packet[base_len..])
        .map_while(Result::ok)
        .map(|Tlv { kind, flags, .. }| (kind.0, flags.0))
        .collect()
}

/// An open probe with one TLV.
fn open_with(kind: Kind, value: &[u8]) -> Vec<u8> {
    let mut probe = Bench::asking(Request::default()).probe(0);
    crate::wire::tlv::push(&mut probe, Flags::UNRECOGNISED, kind, value);
    probe
}
