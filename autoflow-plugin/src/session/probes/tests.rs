mod budgets;
mod features;
mod newcomers;
mod reporting;
mod retuning;
mod steady;
mod strangers;

use std::net::SocketAddr;
use std::sync::Arc;

use plugin_abi::config::{Config, Peer};
use tokio::sync::mpsc;
use twamp_core::probe::{Arrival, Outcome};
use twamp_core::security::{TestKeys, TestSecurity};
use twamp_core::time::Wall;
use twamp_core::wire::control::Modes;

use super::*;
use crate::net::{Net, NoticeKind, Outgoing, Path, PathSpec, TxStamps};
use crate::session::admission::Stay;
use crate::session::answering::{Door, DoorKind};
use crate::session::ground::Ground;
use crate::session::rhythm::Rhythm;
use crate::session::sender::Dialect;
use crate::session::{Entry, Served, Stream, Terms};

/// Two ends without a network: packets of each wait in its outbox.
struct End {
    probes: Probes,
    admission: Admission,
    outbox: Outbox,
    path: Path,
    address: SocketAddr,
    net: Net<Token>,
}

#[derive(Default)]
struct Outbox(Vec<Outgoing<Token>>);

impl Outlet for Outbox {
    fn buffer(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn queue(&mut self, packet: Outgoing<Token>) {
        self.0.push(packet);
    }
}

const CADENCE: Duration = Duration::from_millis(100);
const EPOCH: i64 = 1_800_000_000_000_000_000;

fn at(ms: u64) -> Now {
    Now {
        mono: Mono(ms * 1_000_000),
        wall: Wall(EPOCH + ms as i64 * 1_000_000),
    }
}

impl End {
    fn new() -> Self {
        let (mut net, _) = Net::new().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let (path, address) = net.open(&PathSpec::new(any)).unwrap();
        let mut config = Config::default();
        config.responder.peers = vec![Peer::Any];
        let admission = Admission::new(&config);
        let error = ErrorEstimate::new(false, 1_000);
        Self {
            probes: Probes::new(CADENCE, error, admission.clone()),
            admission,
            outbox: Outbox::default(),
            path,
            address,
            net,
        }
    }

    fn stream(&self, to: SocketAddr, count: Option<u32>) -> Stream {
        Stream {
            path: self.path,
            to,
            interval: Duration::from_millis(10),
            rhythm: Rhythm::Periodic,
            count,
            timeout: Duration::from_millis(50),
            stateful: true,
            meter: None,
            dialect: twamp(&TestSecurity::Open),
        }
    }

    fn send(&mut self, key: Key, to: SocketAddr, count: Option<u32>, now: u64) {
        let stream = self.stream(to, count);
        self.probes.order(Order::Send { key, stream }, at(now));
    }

    fn send_secured(&mut self, key: Key, to: SocketAddr, security: &TestSecurity, now: u64) {
        let stream = Stream {
            dialect: twamp(security),
            ..self.stream(to, None)
        };
        self.probes.order(Order::Send { key, stream }, at(now));
    }

    fn reflect(&mut self, sender: SocketAddr, now: u64) -> Key {
        self.reflect_secured(sender, &TestSecurity::Open, now)
    }

    fn reflect_secured(&mut self, sender: SocketAddr, security: &TestSecurity, now: u64) -> Key {
        let key = Key::new();
        let order = Order::Reflect {
            key,
            path: self.path,
            local: self.address,
            sender,
            refwait: Duration::from_secs(900),
            dscp: 0,
            security: security.clone(),
            stay: self.stay(sender),
            terms: Terms::default(),
        };
        self.probes.order(order, at(now));
        key
    }

    fn stay(&self, sender: SocketAddr) -> Stay {
        let place = self.admission.session(sender.ip(), Mono(0)).unwrap();
        let ground = Ground::new(self.path, self.address.port(), |_| {});
        Stay::agreed(place, ground, mpsc::channel(1).0)
    }

    /// Answers TWAMP Light.
    fn reflect_all(&mut self) {
        self.open_door(self.path, self.address, DoorKind::Light);
    }

    fn open_door(&mut self, path: Path, local: SocketAddr, kind: DoorKind) {
        let door = Door { local, kind };
        self.probes.order(Order::ReflectAll { path, door }, at(0));
    }

    /// What is due at `now`, as payloads; its tokens come back at once.
    fn turn(&mut self, now: u64) -> Vec<Vec<u8>> {
        self.probes.handle_timeout(at(now), &mut self.outbox);
        self.leave(now)
    }

    fn leave(&mut self, now: u64) -> Vec<Vec<u8>> {
        let leaving = std::mem::take(&mut self.outbox.0).into_iter();
        leaving
            .map(|mut packet| {
                if let Some(sealer) = &packet.seal {
                    sealer.seal(&mut packet.payload, at(now).wall);
                }
                if let Some(token) = packet.token {
                    let (path, user) = (packet.path, at(now));
                    let result = Ok(TxStamps {
                        user,
                        kernel: None,
                        hardware: None,
                    });
                    self.probes.handle_sent(Sent {
                        path,
                        token,
                        result,
                    });
                }
                packet.payload
            })
            .collect()
    }

    fn receive(&mut self, payload: &[u8], from: SocketAddr, now: u64) {
        self.receive_marked(payload, from, None, now);
    }

    fn receive_marked(&mut self, payload: &[u8], from: SocketAddr, tos: Option<u8>, now: u64) {
        let datagram = Datagram {
            path: self.path,
            from,
            to: Some(self.address.ip()),
            interface: 0,
            payload,
            arrival: Arrival {
                mono: at(now).mono,
                user: at(now).wall,
                tos,
                ..Arrival::default()
            },
        };
        self.probes.handle_datagram(&datagram, &mut self.outbox);
    }

    fn report(&mut self, now: u64) -> Report {
        self.probes.poll_report(at(now)).expect("a report is due")
    }
}

fn twamp(security: &TestSecurity) -> Dialect {
    Dialect::Twamp {
        padding: 27,
        security: security.clone(),
        terms: Terms::default(),
    }
}

/// `near` probes `far` once; the answer takes no time.
fn exchange(near: &mut End, far: &mut End, now: u64) -> usize {
    let (here, there) = (near.address, far.address);
    let probes = near.turn(now);
    for probe in &probes {
        far.receive(probe, here, now);
        for reply in far.leave(now) {
            near.receive(&reply, there, now);
        }
    }
    probes.len()
}

fn samples(report: &Report) -> Vec<u64> {
    let entries = report.entries.iter();
    entries
        .filter_map(|(_, entry)| match entry {
            Entry::Probe(Outcome::Sample(sample)) => Some(sample.sequence),
            _ => None,
        })
        .collect()
}

#[test]
fn probes_leave_at_their_interval_until_all_are_sent_and_answered() {
    let (mut near, mut far) = (End::new(), End::new());
    let key = Key::new();
    far.reflect(near.address, 0);
    near.send(key, far.address, Some(3), 1_000);
    let sent: Vec<_> = (1_000..1_040)
        .step_by(5)
        .map(|now| exchange(&mut near, &mut far, now))
        .collect();
    assert_eq!(sent, [1, 0, 1, 0, 1, 0, 0, 0]);
    let report = near.report(1_200);
    assert_eq!(samples(&report), [0, 1, 2]);
    let (_, pulse) = report.pulses[0];
    assert!(pulse.finished);
    assert_eq!((pulse.counts.sent, pulse.counts.received), (3, 3));
    assert_eq!(near.turn(1_200).len(), 0);
    assert_eq!(near.probes.poll_timeout(), None, "nothing is left to do");
}

#[test]
fn a_thread_that_was_held_up_does_not_send_what_it_has_missed() {
    let mut near = End::new();
    near.send(Key::new(), "192.0.2.1:862".parse().unwrap(), None, 1_000);
    assert_eq!(near.turn(1_000).len(), 1);
    assert_eq!(near.turn(1_500).len(), 1, "fifty intervals later");
    assert_eq!(near.turn(1_505).len(), 0);
    assert_eq!(near.turn(1_510).len(), 1);
}

#[test]
fn what_was_in_flight_during_a_pause_is_set_aside_not_lost() {
    let mut near = End::new();
    near.send(Key::new(), "192.0.2.1:862".parse().unwrap(), None, 1_000);
    near.turn(1_000);
    near.turn(1_010);
    near.probes.handle_pause(Duration::from_secs(5), at(6_010));
    near.turn(6_010);
    let report = near.report(6_010);
    let (_, pulse) = report.pulses[0];
    assert_eq!((pulse.counts.set_aside, pulse.counts.lost()), (2, 0));
    assert_eq!(report.paused, Some(Duration::from_secs(5)));
    assert_eq!(
        pulse.unanswered_since,
        Some(at(6_010).mono),
        "silence counts anew"
    );
}

#[test]
fn a_session_agreed_on_anew_begins_its_numbers_anew_and_keeps_its_counts() {
    let (mut near, mut far) = (End::new(), End::new());
    let key = Key::new();
    far.reflect(near.address, 0);
    near.send(key, far.address, None, 1_000);
    exchange(&mut near, &mut far, 1_000);
    exchange(&mut near, &mut far, 1_010);

    near.probes.order(
        Order::Suspend {
            key,
            path: near.path,
        },
        at(1_015),
    );
    assert_eq!(near.turn(1_020).len(), 0, "nobody is there to answer");

    let mut restarted = End::new();
    restarted.reflect(near.address, 1_500);
    near.send(key, restarted.address, None, 1_500);
    exchange(&mut near, &mut restarted, 1_500);
    let report = near.report(1_600);
    assert_eq!(samples(&report), [0, 1, 0]);
    let renewed = report
        .entries
        .iter()
        .any(|(_, entry)| matches!(entry, Entry::NewSession));
    assert!(renewed);
    let (_, pulse) = report.pulses[0];
    assert_eq!(
        (
            pulse.counts.sent,
            pulse.counts.received,
            pulse.counts.lost()
        ),
        (3, 3, 0)
    );
    let served = &restarted.report(1_600).served[0].1.report;
    assert_eq!(
        (served.distinct, served.lost_forward),
        (1, 0),
        "no loss is invented there"
    );
}

#[test]
fn a_protected_session_agreed_on_anew_takes_the_new_keys() {
    let keys = |octet| Arc::new(TestKeys::new(&[octet; 16], &[octet; 32]));
    for mode in [TestSecurity::Authenticated, TestSecurity::Encrypted] {
        let (mut near, mut far) = (End::new(), End::new());
        let (first, second) = (mode(keys(1)), mode(keys(2)));
        let key = Key::new();
        far.reflect_secured(near.address, &first, 0);
        near.send_secured(key, far.address, &first, 1_000);
        exchange(&mut near, &mut far, 1_000);
        far.reflect_secured(near.address, &second, 1_001);
        // The old keys open nothing any more.
        exchange(&mut near, &mut far, 1_010);
        near.send_secured(key, far.address, &second, 1_020);
        exchange(&mut near, &mut far, 1_020);
        let report = near.report(1_120);
        let (_, pulse) = report.pulses[0];
        assert_eq!((pulse.counts.received, pulse.counts.set_aside), (2, 1));
    }
}

#[test]
fn a_token_of_the_former_session_does_not_stamp_a_probe_of_the_new_one() {
    let (mut near, mut far) = (End::new(), End::new());
    let key = Key::new();
    near.send(key, far.address, None, 1_000);
    near.probes.handle_timeout(at(1_000), &mut near.outbox);
    let old = near.outbox.0.pop().and_then(|packet| packet.token).unwrap();
    near.send(key, far.address, None, 2_000);
    far.reflect(near.address, 2_000);
    near.probes.handle_timeout(at(2_000), &mut near.outbox);
    let wrong = TxStamps {
        user: at(0),
        kernel: None,
        hardware: None,
    };
    near.probes.handle_sent(Sent {
        path: near.path,
        token: old,
        result: Ok(wrong),
    });
    for probe in near.leave(2_000) {
        far.receive(&probe, near.address, 2_001);
        for reply in far.leave(2_001) {
            near.receive(&reply, far.address, 2_002);
        }
    }
    let report = near.report(2_100);
    let sample = report.entries.iter().find_map(|(_, entry)| match entry {
        Entry::Probe(Outcome::Sample(sample)) => Some(*sample),
        _ => None,
    });
    assert_eq!(sample.unwrap().t1, at(2_000).wall);
}

#[test]
fn a_packet_from_nobody_we_know_is_dropped_and_counted() {
    let mut far = End::new();
    far.reflect("192.0.2.1:20000".parse().unwrap(), 0);
    far.receive(&[0; 41], "192.0.2.1:20001".parse().unwrap(), 10);
    assert!(far.leave(10).is_empty());
    assert_eq!(far.report(1_000).counters.discarded, 1);
}

#[test]
fn port_unreachable_is_told_of_the_session_it_is_about() {
    let mut near = End::new();
    let (key, to) = (Key::new(), "192.0.2.1:862".parse().unwrap());
    near.send(key, to, None, 1_000);
    near.turn(1_000);
    near.probes.handle_notice(Notice {
        path: near.path,
        remote: Some(to),
        kind: NoticeKind::PortUnreachable,
    });
    let told = near.report(1_200).setbacks;
    assert_eq!(told, [(key, Setback::PortUnreachable)]);
}

#[test]
fn after_stop_sessions_probes_are_answered_for_the_timeout_and_no_longer() {
    let (mut near, mut far) = (End::new(), End::new());
    let served = far.reflect(near.address, 0);
    near.send(Key::new(), far.address, None, 1_000);
    far.probes.order(
        Order::Retire {
            key: served,
            path: far.path,
            timeout: Duration::from_millis(25),
        },
        at(1_000),
    );
    for now in [1_000, 1_010, 1_020, 1_030, 1_040] {
        far.turn(now);
        exchange(&mut near, &mut far, now);
    }
    assert_eq!(samples(&near.report(1_200)), [0, 1, 2]);
}

#[test]
fn a_report_tells_when_the_next_one_is_due() {
    let mut near = End::new();
    let key = Key::new();
    near.send(key, "192.0.2.1:862".parse().unwrap(), Some(1), 1_000);
    near.turn(1_000);
    let next = near.report(1_000).next;
    assert_eq!(next, Some(at(1_000).mono + CADENCE), "by its time-out");
    near.turn(1_100);
    near.turn(1_200);
    assert_eq!(near.report(1_300).next, None, "all is over");
}
