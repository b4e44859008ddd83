//! What is true of one session is true of each in a crowd: loss, duplicates and delays are those
//! of its own stream, although thousands share sockets, batches and the clock.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use host_sim::link::{
    Directions, Emulator, EmulatorConfig, Impairment, LineAddresses, LineConfig, LineCounts,
    Reorder, StreamCounts,
};
use plugin_abi::config::{Config, Io, Line, Mode, Probe, Protocol, Responder};
use plugin_abi::host::Engine;
use plugin_abi::manage::SessionResult;

use crate::ends::{Heard, PLUGIN, dropped_by_the_machine, sessions, started, statistics};
use crate::patience::{undisturbed, until_true};

/// Where the far ends answer STAMP.
const STAMP_PORT: u16 = 19_000;
/// The first port that probes leave from.
const FIRST_PORT: u16 = 19_001;
/// Probes of a session on the bad line and then on the healed one, in the mean.
const PROBES: u64 = 6;
const EPILOGUE: u64 = 3;
/// One way, at least.
const DELAY_MS: f64 = 30.0;

/// Sessions of one engine.
struct Crowd {
    /// Emulated lines.
    lines: u8,
    /// Sessions over each of them.
    sessions: u16,
    /// From one probe of a session to its next.
    interval_ms: f64,
    /// Probe threads of each engine.
    threads: u16,
    seed: u64,
    /// Third octet of its addresses, with the two behind it.
    place: u8,
}

#[test]
fn one_session_tells_exactly_what_its_line_did() {
    measured_exactly(&Crowd {
        lines: 1,
        sessions: 1,
        interval_ms: 20.0,
        threads: 1,
        seed: 31,
        place: 200,
    });
}

#[test]
fn each_of_a_hundred_sessions_tells_exactly_what_its_line_did() {
    measured_exactly(&Crowd {
        lines: 10,
        sessions: 10,
        interval_ms: 100.0,
        threads: 1,
        seed: 32,
        place: 203,
    });
}

#[test]
fn each_of_a_hundred_sessions_on_three_threads_tells_exactly_what_its_line_did() {
    measured_exactly(&Crowd {
        lines: 10,
        sessions: 10,
        interval_ms: 100.0,
        threads: 3,
        seed: 34,
        place: 209,
    });
}

#[test]
fn each_of_five_thousand_sessions_tells_exactly_what_its_line_did() {
    measured_exactly(&Crowd {
        lines: 50,
        sessions: 100,
        interval_ms: 2_000.0,
        threads: 1,
        seed: 33,
        place: 206,
    });
}

fn measured_exactly(crowd: &Crowd) {
    let (results, lines) = undisturbed(|| crowd.measure());
    assert_eq!(results.len(), usize::from(crowd.sessions) * lines.len());
    let mut lost = 0;
    for result in &results {
        let (forward, backward) = crowd.streams(result, &lines);
        own_line_told(result, &forward, &backward);
        lost += forward.counts.dropped.total() + backward.counts.dropped.total();
    }
    // Else nothing was put to the test.
    assert!(results.len() < 100 || lost > 0);
}

/// A session's result against what was done to its stream, there and back.
fn own_line_told(near: &SessionResult, forward: &StreamCounts, backward: &StreamCounts) {
    let (there, back) = (forward.counts, backward.counts);
    assert_eq!(near.sent, there.offered, "{near:?}");
    assert_eq!(near.received, back.delivered, "{near:?}");
    assert_eq!(near.duplicates, back.duplicated, "{near:?}");
    assert_eq!(near.lost.forward, Some(there.dropped.total()), "{near:?}");
    assert_eq!(near.lost.backward, Some(back.dropped.total()), "{near:?}");
    assert_eq!((near.lost.unattributed, near.in_flight), (0, 0), "{near:?}");
    assert!(near.reordered <= there.reordered + back.reordered);
    let delays = [near.round_trip_us, near.outbound_us, near.inbound_us];
    let [round_trip, outbound, inbound] = delays.map(Option::unwrap);
    assert!((inbound.mean + outbound.mean - round_trip.mean).abs() < 1e-6);
    // Never less than the line imposed; clocks may be slewed by 500 ppm.
    for delay in [outbound, inbound] {
        assert!(delay.min >= DELAY_MS * 1e3 * 0.999, "{near:?}");
    }
    // Of a stream without loss on the way back, the probes measured are those delayed on the way
    // there: their mean can't be less.
    let imposed_us = forward.imposed.mean_delay_ns().unwrap() as f64 / 1e3;
    if back.dropped.total() == 0 {
        assert!(outbound.mean >= imposed_us * 0.999, "{near:?}");
    }
}

impl Crowd {
    /// Results of all sessions beside what the lines did; true if the machine disturbed it.
    fn measure(&self) -> ((Vec<SessionResult>, Vec<LineCounts>), bool) {
        let emulator = self.emulator();
        let far = started(&PLUGIN, &self.far(), Heard::default());
        let near = started(&PLUGIN, &self.near(), Heard::default());
        let all = u64::from(self.lines) * u64::from(self.sessions);
        let sent = || statistics(&near).probes_sent;
        until_true("probes were sent", || sent() >= all * PROBES);
        let healed = Impairment::delay(DELAY_MS);
        for line in 0..self.lines {
            let name = name(line);
            emulator.set(&name, Directions::Both, &healed).unwrap();
        }
        let before = sent();
        until_true("the lines are well", || sent() >= before + all * EPILOGUE);
        near.stop().unwrap();
        until_true("all has arrived", || {
            let reflected = statistics(&far).reflected;
            let lines = emulator.counts();
            let came: u64 = lines.iter().map(|line| line.backward.counts.offered).sum();
            emulator.is_idle() && came == reflected
        });
        let results = results(&near);
        let of_all: u64 = results.iter().map(|near| near.sent).sum();
        assert_eq!(sent(), of_all, "counters of all threads together");
        let pauses = statistics(&near).pauses + statistics(&far).pauses;
        let lines = emulator.stop().unwrap();
        let disturbed = pauses > 0
            || results.iter().any(|near| near.set_aside + near.late > 0)
            || lines.iter().any(dropped_by_the_machine);
        ((results, lines), disturbed)
    }

    /// What the emulator did to the stream of a session and to its replies.
    fn streams(&self, near: &SessionResult, lines: &[LineCounts]) -> (StreamCounts, StreamCounts) {
        let of_line = |line: &u8| IpAddr::V4(self.addresses(*line).near_side) == near.remote.ip();
        let line = (0..self.lines).find(of_line).unwrap();
        let line = lines.iter().find(|counts| counts.line == name(line));
        let line = line.unwrap();
        let port = near.local.port();
        let forward = line.forward.streams.iter();
        let mut forward = forward.filter(|stream| stream.sender_port == port);
        let backward = line.backward.streams.iter();
        let mut backward = backward.filter(|stream| stream.destination_port == port);
        (*forward.next().unwrap(), *backward.next().unwrap())
    }

    fn near(&self) -> Config {
        let lines = (0..self.lines).flat_map(|line| (0..self.sessions).map(move |n| (line, n)));
        let lines = (1..).zip(lines).map(|(id, (line, _))| {
            let addresses = self.addresses(line);
            let mut line = bare_line(id);
            line.local = Some(addresses.near_end.into());
            let remote = SocketAddr::new(addresses.near_side.into(), STAMP_PORT);
            line.remote = Some(remote.into());
            line.responder = false;
            line
        });
        Config {
            mode: Mode::Measure,
            io: self.io(),
            probe: Probe {
                protocol: Protocol::Stamp,
                interval_ms: Some(self.interval_ms),
                // One that was held back isn't late.
                timeout_ms: 4_000,
                ..Probe::default()
            },
            responder: Responder {
                test_ports: (FIRST_PORT, self.last_port()),
                ..Responder::default()
            },
            lines: lines.map(Arc::new).collect(),
            ..Config::default()
        }
    }

    fn far(&self) -> Config {
        let doors = (0..self.lines).map(|line| self.addresses(line).far_end);
        let peers = ["any".parse().unwrap()];
        Config {
            mode: Mode::Measure,
            io: self.io(),
            responder: Responder {
                stamp: doors.map(|door| (door, STAMP_PORT).into()).collect(),
                peers: peers.into(),
                ..Responder::default()
            },
            ..Config::default()
        }
    }

    fn emulator(&self) -> Emulator {
        let forward = Impairment {
            loss_percent: 6.0,
            reorder: Some(Reorder {
                percent: 10.0,
                delay_ms: 1.2 * self.interval_ms,
            }),
            ..Impairment::delay(DELAY_MS)
        };
        // Replies that come twice make no direction wrong; probes that do might.
        let backward = Impairment {
            loss_percent: 4.0,
            duplicate_percent: 10.0,
            ..Impairment::delay(DELAY_MS)
        };
        let line = |line| LineConfig {
            name: name(line),
            addresses: self.addresses(line),
            udp_ports: vec![STAMP_PORT..=self.last_port()],
            tcp_ports: vec![],
            forward,
            backward,
        };
        let lines = (0..self.lines).map(line).collect();
        Emulator::start(EmulatorConfig {
            seed: self.seed,
            lines,
        })
        .unwrap()
    }

    /// Threads share no sockets.
    fn last_port(&self) -> u16 {
        FIRST_PORT + self.sessions * self.threads - 1
    }

    fn io(&self) -> Io {
        Io {
            threads: self.threads,
            ..Io::default()
        }
    }

    /// One near end for all lines: sessions that go to different far ends share sockets.
    fn addresses(&self, line: u8) -> LineAddresses {
        let block = (std::process::id() % 254) as u8 + 1;
        let address = |octet, host| Ipv4Addr::new(127, block, self.place + octet, host);
        LineAddresses {
            near_end: address(0, 1),
            near_side: address(0, 2 + line),
            far_side: address(1, 2 + line),
            far_end: address(2, 2 + line),
        }
    }
}

fn results(engine: &Engine) -> Vec<SessionResult> {
    let rows = sessions(engine).into_iter();
    rows.filter_map(|row| row.result).collect()
}

fn bare_line(id: u64) -> Line {
    let bare = serde_json::json!({ "id": id, "name": format!("session {id}") });
    serde_json::from_value(bare).expect("all else has a default")
}

fn name(line: u8) -> String {
    format!("line {line}")
}
