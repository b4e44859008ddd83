//! Sessions of strangers: TWAMP Light, and STAMP, whose near end is ours as well.

use plugin_abi::config::{Key as Configured, Responder, Secret, Security as Mode};
use twamp_core::probe::StampFormat;
use twamp_core::stamp::{FiguresConfig, Key as StampKey, Request, Security};

use super::*;
use crate::log;
use crate::session::credentials::Credentials;
use crate::session::keys::Keys;

fn authenticated(passphrase: &str) -> Security {
    Security::Authenticated(StampKey::new(passphrase.as_bytes()).unwrap())
}

fn dialect(security: &Security, ssid: u16) -> Dialect {
    asking(security, ssid, Request::default())
}

fn asking(security: &Security, ssid: u16, request: Request) -> Dialect {
    Dialect::Stamp {
        security: security.clone(),
        ssid,
        request,
        stamps: StampFormat::default(),
    }
}

impl End {
    fn speak(&mut self, to: SocketAddr, dialect: Dialect, now: u64) -> Key {
        let key = Key::new();
        let stream = Stream {
            dialect,
            ..self.stream(to, None)
        };
        self.probes.order(Order::Send { key, stream }, at(now));
        key
    }

    /// Answers STAMP.
    fn admitting(modes: &[Mode], passphrases: &[&str]) -> Self {
        let mut end = Self::new();
        end.open_door(end.path, end.address, DoorKind::Stamp);
        end.admit(modes, passphrases);
        end
    }

    fn admit(&mut self, modes: &[Mode], passphrases: &[&str]) {
        let responder = Responder {
            modes: modes.to_vec(),
            figures: true,
            ..Responder::default()
        };
        let key = |text: &&str| Configured::new(text, Secret::new(text));
        let keys: Vec<_> = passphrases.iter().map(key).collect();
        let credentials = Credentials::new(&responder, &Keys::new(&keys, &log::Queue::new()));
        self.probes.order(Order::Accept(credentials), at(0));
    }
}

/// What is known of each session that was served: SSID, distinct probes, why it ended.
fn served(report: &Report) -> Vec<(Option<u16>, u64, Option<&'static str>)> {
    let mut served: Vec<_> = report
        .served
        .iter()
        .map(|(_, seen)| (seen.ssid, seen.report.distinct, seen.ended))
        .collect();
    served.sort_unstable();
    served
}

#[test]
fn each_stranger_on_a_light_path_is_a_session_of_its_own_that_silence_ends() {
    let mut far = End::new();
    far.reflect_all();
    let probe = [0, 0, 0, 0, 0xee, 0, 0, 0, 0, 0, 0, 0, 0, 1].map(|octet: u8| octet);
    for port in [5_000, 5_001, 5_000] {
        far.receive(&probe, SocketAddr::new(far.address.ip(), port), 1_000);
    }
    assert_eq!(far.leave(1_000).len(), 3);
    let mut served: Vec<_> = far
        .report(1_000)
        .served
        .iter()
        .map(|(_, served)| (served.remote.port(), served.report.distinct))
        .collect();
    served.sort_unstable();
    assert_eq!(
        served,
        [(5_000, 1), (5_001, 1)],
        "the third is a copy of the first"
    );
    far.turn(1_000 + 30_001);
    let ended = far
        .report(40_000)
        .served
        .iter()
        .filter(|(_, served)| served.ended.is_some())
        .count();
    assert_eq!(ended, 2);
}

#[test]
fn two_ssids_of_one_address_and_port_are_two_sessions() {
    let mut near = End::new();
    let mut far = End::admitting(&[Mode::Open], &[]);
    for (ssid, probes) in [(7, 3), (8, 2), (0, 1)] {
        // One after the other: a far end still has the first when the second begins.
        let from = 1_000 + u64::from(ssid);
        near.speak(far.address, dialect(&Security::Open, ssid), from);
        for n in 0..probes {
            exchange(&mut near, &mut far, from + 10 * n);
        }
        near = End {
            probes: End::new().probes,
            ..near
        };
    }
    let report = far.report(1_200);
    let expected = [(None, 1, None), (Some(7), 3, None), (Some(8), 2, None)];
    assert_eq!(served(&report), expected);
    for (_, seen) in &report.served {
        assert_eq!((seen.report.lost_forward, seen.report.duplicates), (0, 0));
    }
}

#[test]
fn each_direction_has_its_losses_because_the_reflector_numbers_its_replies() {
    for security in [Security::Open, authenticated("hidden")] {
        let mut near = End::new();
        let mut far = End::admitting(&[Mode::Open, Mode::Auth], &["hidden"]);
        near.speak(far.address, dialect(&security, 7), 1_000);
        for n in 0..20 {
            let now = 1_000 + 10 * n;
            for probe in near.turn(now) {
                if n % 5 == 2 {
                    continue;
                }
                far.receive(&probe, near.address, now);
                for reply in far.leave(now) {
                    if n != 8 {
                        near.receive(&reply, far.address, now);
                    }
                }
            }
        }
        near.turn(1_250);
        let (_, pulse) = near.report(1_300).pulses[0];
        let counts = pulse.counts;
        assert_eq!((counts.lost_forward, counts.lost_backward), (4, 1));
    }
}

#[test]
fn who_has_no_key_is_not_answered_but_counted_and_begins_no_session() {
    let cases = [
        (&[Mode::Auth][..], authenticated("wrong")),
        (&[Mode::Auth], Security::Open),
        (&[Mode::Open], authenticated("hidden")),
        (&[Mode::Open, Mode::Auth], authenticated("wrong")),
    ];
    for (modes, security) in cases {
        let mut near = End::new();
        let mut far = End::admitting(modes, &["hidden"]);
        near.speak(far.address, dialect(&security, 7), 1_000);
        for n in 0..3 {
            assert_eq!(exchange(&mut near, &mut far, 1_000 + 10 * n), 1);
        }
        let report = far.report(1_200);
        let counters = report.counters;
        assert_eq!(counters.not_admitted, 3, "{modes:?} {security:?}");
        assert_eq!((counters.discarded, counters.reflected), (3, 0));
        assert_eq!(served(&report), []);
    }
}

#[test]
fn another_key_begins_another_session_in_the_place_of_the_old_one() {
    let (mut near, mut far) = (End::new(), End::admitting(&[Mode::Auth], &["old"]));
    let key = near.speak(far.address, dialect(&authenticated("old"), 7), 1_000);
    exchange(&mut near, &mut far, 1_000);
    far.admit(&[Mode::Auth], &["new"]);
    // Who is in stays in.
    exchange(&mut near, &mut far, 1_010);
    let stream = Stream {
        dialect: dialect(&authenticated("new"), 7),
        ..near.stream(far.address, None)
    };
    near.probes.order(Order::Send { key, stream }, at(1_020));
    exchange(&mut near, &mut far, 1_020);
    assert_eq!(near.report(1_200).pulses[0].1.counts.received, 3);
    let ended = Some("another session took its place");
    let expected = [(Some(7), 1, None), (Some(7), 2, ended)];
    assert_eq!(served(&far.report(1_200)), expected);
}

#[test]
fn a_packet_of_a_session_that_was_changed_on_the_way_is_discarded() {
    let (mut near, mut far) = (End::new(), End::admitting(&[Mode::Auth], &["hidden"]));
    near.speak(far.address, dialect(&authenticated("hidden"), 7), 1_000);
    exchange(&mut near, &mut far, 1_000);
    for mut probe in near.turn(1_010) {
        probe[20] ^= 1;
        far.receive(&probe, near.address, 1_010);
    }
    assert!(far.leave(1_010).is_empty());
    assert_eq!(served(&far.report(1_200)), [(Some(7), 1, None)]);
}

#[test]
fn a_light_sender_is_one_session_whatever_its_padding() {
    for padding in [0, 27, 29, 30, 100] {
        let (mut near, mut far) = (End::new(), End::admitting(&[Mode::Open], &[]));
        let security = TestSecurity::Open;
        near.speak(
            far.address,
            Dialect::Twamp {
                padding,
                security,
                terms: Terms::default(),
            },
            1_000,
        );
        for n in 0..5 {
            exchange(&mut near, &mut far, 1_000 + 10 * n);
        }
        assert_eq!(samples(&near.report(1_200)), [0, 1, 2, 3, 4]);
        assert_eq!(served(&far.report(1_200)), [(None, 5, None)]);
    }
}

#[test]
fn what_the_sender_sees_of_the_way_back_is_added_up() {
    let (mut near, mut far) = (End::new(), End::admitting(&[Mode::Open], &[]));
    let request = Request {
        figures: Some(FiguresConfig {
            span: Duration::from_millis(100),
            ..FiguresConfig::default()
        }),
        ..Request::default()
    };
    near.speak(far.address, asking(&Security::Open, 7, request), 1_000);
    for n in 0..100 {
        let now = 1_000 + 10 * n;
        for probe in near.turn(now) {
            far.receive(&probe, near.address, now);
            for reply in far.leave(now) {
                if n % 10 != 4 {
                    near.receive(&reply, far.address, now);
                }
            }
        }
    }
    let report = far.report(3_000);
    let told = report.served[0].1.backward.unwrap();
    assert!(told.spans >= 8, "{told:?}");
    assert_eq!(told.lost, Some(told.spans));
    assert_eq!(
        (told.counted, told.received),
        (10 * told.spans, 9 * told.spans)
    );
}

#[test]
fn replies_want_to_know_when_they_left_only_if_it_was_asked() {
    for follow_up in [false, true] {
        let (mut near, mut far) = (End::new(), End::admitting(&[Mode::Open], &[]));
        let request = Request {
            follow_up,
            ..Request::default()
        };
        near.speak(far.address, asking(&Security::Open, 7, request), 1_000);
        for n in 0..3 {
            let now = 1_000 + 10 * n;
            for probe in near.turn(now) {
                far.receive(&probe, near.address, now);
            }
            let wants = far.outbox.0.iter().any(|reply| reply.token.is_some());
            assert_eq!(wants, follow_up);
            for reply in far.leave(now) {
                near.receive(&reply, far.address, now);
            }
        }
        let report = near.report(1_200);
        let told = report
            .entries
            .iter()
            .rev()
            .find_map(|(_, entry)| match entry {
                Entry::FarEnd(returned) => Some(returned.follow_up.map(|left| left.sequence)),
                _ => None,
            });
        assert_eq!(told.unwrap(), follow_up.then_some(1));
    }
}

#[test]
fn strangers_beyond_the_room_are_counted_and_those_inside_stay() {
    let (mut near, mut far) = (End::new(), End::admitting(&[Mode::Open], &[]));
    let mut config = Config::default();
    config.responder.peers = vec![Peer::Any];
    config.responder.max_sessions_total = 100;
    far.admission.rule(&config);
    near.speak(far.address, dialect(&Security::Open, 7), 1_000);
    let probe = near.turn(1_000).remove(0);
    let from = |n: u8| SocketAddr::from(([10, 0, 0, n], 20_000));
    for n in (0..101).chain([0]) {
        far.receive(&probe, from(n), 1_000);
    }
    assert_eq!(far.leave(1_000).len(), 101);
    let mut statistics = Default::default();
    far.admission.count(&mut statistics);
    assert_eq!(statistics.sessions_refused, 1);
    assert_eq!(far.report(1_200).served.len(), 100);
}
