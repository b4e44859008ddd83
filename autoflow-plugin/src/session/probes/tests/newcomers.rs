//! Packets from addresses that no session knows.

use plugin_abi::manage::Statistics;

use super::*;

/// A sender packet of TWAMP-Test.
fn probe(number: u8) -> [u8; 41] {
    let mut probe = [0; 41];
    probe[3] = number;
    probe[12..14].copy_from_slice(&[0x80, 1]);
    probe
}

fn from(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

impl End {
    fn answers(&mut self, number: u8, from: SocketAddr, now: u64) -> bool {
        self.receive(&probe(number), from, now);
        !self.leave(now).is_empty()
    }

    fn counts(&self) -> Statistics {
        let mut statistics = Statistics::default();
        self.admission.count(&mut statistics);
        statistics
    }

    /// What is told of the one session served.
    fn served(&mut self, now: u64) -> Served {
        let (_, served) = self.probes.report_now(at(now)).served.pop().unwrap();
        served
    }
}

#[test]
fn the_first_good_packet_of_a_session_tells_the_port_that_a_nat_gave_it() {
    let mut far = End::new();
    far.reflect(from(20_000), 0);
    far.receive(&[7; 13], from(50_000), 10);
    assert!(far.leave(10).is_empty(), "too short to tell anything");
    assert!(far.answers(0, from(51_000), 20));
    assert!(far.answers(1, from(51_000), 30));
    assert!(!far.answers(2, from(52_000), 40), "only once");
    assert_eq!(far.served(100).remote, from(51_000));
}

#[test]
fn a_session_that_was_heard_from_its_own_port_learns_no_other_one() {
    let mut far = End::new();
    far.reflect(from(20_000), 0);
    assert!(far.answers(0, from(20_000), 10));
    assert!(!far.answers(1, from(51_000), 20));
}

#[test]
fn another_address_is_no_nat() {
    let mut far = End::new();
    far.reflect(from(20_000), 0);
    assert!(!far.answers(0, "192.0.2.2:20000".parse().unwrap(), 10));
    assert!(far.answers(0, from(20_000), 20));
}

#[test]
fn the_agreed_port_takes_the_session_back_from_a_stray() {
    let mut far = End::new();
    far.reflect(from(20_000), 0);
    assert!(far.answers(0, from(51_000), 10));
    assert!(far.answers(1, from(20_000), 20));
    assert!(!far.answers(2, from(51_000), 30));
    assert_eq!(far.served(100).remote, from(20_000));
}

#[test]
fn in_the_modes_with_keys_a_packet_finds_its_own_session() {
    let keys = |octet| Arc::new(TestKeys::new(&[octet; 16], &[octet; 32]));
    let secured = |octet| TestSecurity::Authenticated(keys(octet));
    let (mut near, mut far) = (End::new(), End::new());
    far.reflect_secured(from(20_000), &secured(1), 0);
    far.reflect_secured(from(20_001), &secured(2), 0);
    near.send_secured(Key::new(), far.address, &secured(1), 1_000);
    let probes = near.turn(1_000);
    far.receive(&probes[0], from(51_000), 1_000);
    assert_eq!(far.leave(1_000).len(), 1, "of the older one");
    far.receive(&probes[0], from(52_000), 1_001);
    assert!(far.leave(1_001).is_empty(), "nobody else has that key");
}

#[test]
fn nothing_is_learned_from_a_session_that_has_ended() {
    let mut far = End::new();
    let key = far.reflect(from(20_000), 0);
    let timeout = Duration::ZERO;
    let path = far.path;
    far.probes
        .order(Order::Retire { key, path, timeout }, at(10));
    far.turn(20);
    assert!(!far.answers(0, from(51_000), 30));
}

#[test]
fn packets_from_the_ports_of_responders_and_services_are_dropped_and_counted() {
    let mut far = End::new();
    far.reflect_all();
    far.reflect(from(20_000), 0);
    for port in [862, 53, 1_023] {
        assert!(!far.answers(0, from(port), 10), "{port}");
        let stranger = SocketAddr::from(([198, 51, 100, 1], port));
        assert!(!far.answers(0, stranger, 10), "{port}");
    }
    assert_eq!(far.counts().loops_prevented, 6);
    assert!(far.answers(0, from(1_024), 20));
}

#[test]
fn replies_of_our_own_responders_are_no_probes() {
    let mut far = End::new();
    far.reflect_all();
    let any = PathSpec::new("127.0.0.1:0".parse().unwrap());
    let (path, other) = far.net.open(&any).unwrap();
    far.open_door(path, other, DoorKind::Light);
    assert!(!far.answers(0, other, 10), "of the one beside it");
    assert!(!far.answers(0, far.address, 20), "its own");
    // Nor is one asked for over TWAMP-Control.
    far.reflect(other, 30);
    assert!(!far.answers(0, other, 40));
    assert_eq!(far.counts().loops_prevented, 3);
    far.probes.order(Order::Close(path), at(50));
    assert!(far.answers(0, other, 60), "now it is somebody else's");
}

#[test]
fn strangers_beyond_the_limit_of_their_address_are_refused_and_others_are_not() {
    let mut far = End::new();
    let mut config = Config::default();
    config.responder.peers = vec!["192.0.2.0/24".parse().unwrap()];
    config.responder.max_sessions_per_peer = 2;
    far.admission.rule(&config);
    far.reflect_all();
    let answered: Vec<_> = (5_000..5_004)
        .map(|port| far.answers(0, from(port), 10))
        .collect();
    assert_eq!(answered, [true, true, false, false]);
    assert!(far.answers(0, "192.0.2.2:5000".parse().unwrap(), 20));
    assert!(!far.answers(0, "198.51.100.1:5000".parse().unwrap(), 20));
    assert!(far.answers(1, from(5_000), 30), "who is in stays in");
    let counts = far.counts();
    assert_eq!((counts.sessions_refused, counts.foreign_packets), (2, 1));
    far.turn(60_000);
    assert!(far.answers(0, from(5_003), 60_000), "silence has made room");
}

#[test]
fn what_had_no_room_at_this_host_is_told_of_the_sessions_on_that_path() {
    let mut far = End::new();
    let overflow = |far: &mut End, packets| {
        let (path, kind) = (far.path, NoticeKind::Overflow { packets });
        let remote = None;
        far.probes.handle_notice(Notice { path, remote, kind });
    };
    overflow(&mut far, 5);
    far.reflect(from(20_000), 0);
    overflow(&mut far, 3);
    overflow(&mut far, 4);
    far.probes.handle_pause(Duration::from_millis(250), at(300));
    let limited = far.served(400).limited;
    assert_eq!((limited.packets, limited.held_up_ms), (7, 250.0));
}

#[test]
fn a_path_that_is_closed_ends_its_sessions_and_forgets_them() {
    let mut far = End::new();
    far.reflect_all();
    let key = far.reflect(from(20_000), 0);
    assert!(far.answers(0, from(20_000), 10));
    assert!(far.answers(0, from(20_001), 10), "a stranger");
    far.probes.order(Order::Close(far.path), at(20));
    let served = far.probes.report_now(at(20)).served;
    let why: Vec<_> = served.iter().map(|(_, served)| served.ended).collect();
    assert_eq!(why, [Some("the responder was removed"); 2]);
    assert!(served.iter().any(|(known, _)| *known == key));
    assert!(!far.answers(1, from(20_000), 30));
    assert!(!far.answers(1, from(20_001), 30));
    assert_eq!(far.turn(2_000_000).len(), 0);
    far.probes.report_now(at(2_000_000));
    assert_eq!(far.probes.poll_timeout(), None, "nothing is left to do");
}
