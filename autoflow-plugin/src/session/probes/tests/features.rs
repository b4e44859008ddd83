//! What was agreed on beyond the base protocol reaches the packets and the result.

use plugin_abi::config::Protocol;
use plugin_abi::manage::Asked;
use twamp_core::probe::Sample;
use twamp_core::time::ErrorEstimate;

use super::*;
use crate::session::Sizes;
use crate::session::result::{Identity, Tally};

const DSCP: Modes = Modes::DSCP_ECN;

impl End {
    fn send_by(&mut self, key: Key, to: SocketAddr, padding: u16, terms: Terms, now: u64) {
        let stream = Stream {
            dialect: Dialect::Twamp {
                padding,
                security: TestSecurity::Open,
                terms,
            },
            ..self.stream(to, None)
        };
        self.probes.order(Order::Send { key, stream }, at(now));
    }

    fn reflect_by(&mut self, sender: SocketAddr, terms: Terms) {
        let order = Order::Reflect {
            key: Key::new(),
            path: self.path,
            local: self.address,
            sender,
            refwait: Duration::from_secs(900),
            dscp: 0,
            security: TestSecurity::Open,
            stay: self.stay(sender),
            terms,
        };
        self.probes.order(order, at(0));
    }
}

/// A session in these modes: its first probe goes out for 10 ms, its reply comes back for 5 ms.
fn session(modes: Modes, padding: u16) -> (Vec<u8>, Vec<u8>, Report, Report) {
    let (mut near, mut far) = (End::new(), End::new());
    let terms = Terms::of(modes);
    far.reflect_by(near.address, terms);
    near.send_by(Key::new(), far.address, padding, terms, 1_000);
    let probe = near.turn(1_000).remove(0);
    far.receive_marked(&probe, near.address, Some(0xb9), 1_010);
    let reply = far.leave(1_010).remove(0);
    near.receive_marked(&reply, far.address, Some(0x02), 1_015);
    (probe, reply, near.report(1_200), far.report(1_200))
}

fn sample(report: &Report) -> Sample {
    let entry = report.entries.first().map(|(_, entry)| *entry);
    match entry {
        Some(Entry::Probe(Outcome::Sample(sample))) => sample,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_marks_of_probe_and_reply_reach_the_result() {
    let seen = |modes| {
        let (.., near, far) = session(modes, 30);
        assert_eq!(far.served[0].1.features, modes);
        let who = Identity {
            configured: None,
            run: true,
            mode: "open",
            local: "192.0.2.1:1".parse().unwrap(),
            remote: "192.0.2.2:2".parse().unwrap(),
            stateful: true,
            control: true,
            features: modes,
            refused: Modes::NONE,
            asked: Asked::default(),
        };
        let mut tally = Tally::new(who.run, Protocol::Open);
        near.entries
            .iter()
            .for_each(|(_, entry)| assert_eq!(tally.absorb(entry), None));
        let (counts, error) = (&near.pulses[0].1.counts, ErrorEstimate::default());
        let result = tally.result(&who, counts, &Sizes::default(), error);
        let seen = result.seen;
        let backward = (seen.dscp_backward, seen.ecn_backward);
        assert_eq!(backward, (Some(0), Some(2)));
        (result.features, seen.dscp_forward, seen.ecn_forward)
    };
    assert_eq!(seen(DSCP), (vec!["dscp-ecn".into()], Some(46), Some(1)));
    assert_eq!(seen(Modes::NONE), (vec![], None, None));
}

#[test]
fn delays_are_the_same_whatever_the_stamps_look_like() {
    for modes in [Modes::NONE, Modes::PTP_TIMESTAMPS] {
        let (probe, reply, near, _) = session(modes, 27);
        // The Z bit of the error estimate.
        let ptp = [&probe, &reply].map(|packet| packet[12] & 0x40 != 0);
        assert_eq!(ptp, [modes == Modes::PTP_TIMESTAMPS; 2]);
        let delay = sample(&near).delay();
        let ms =
            [delay.forward, delay.backward, delay.processing].map(|ns| (ns + 1_000) / 1_000_000);
        assert_eq!(ms, [10, 5, 0], "{modes}");
    }
}

#[test]
fn replies_are_as_long_as_probes_and_repeat_the_padding_that_was_agreed_on() {
    let (reflect, symmetrical) = (Modes::REFLECT_OCTETS, Modes::SYMMETRICAL_SIZE);
    for (modes, padding, from, header) in [
        (reflect, 27 + 9, 14, 41),
        (reflect | DSCP, 30 + 9, 14, 44),
        (reflect | symmetrical, 27 + 9, 41, 41),
        (reflect | symmetrical | DSCP, 30 + 9, 44, 44),
    ] {
        let (probe, reply, ..) = session(modes, padding);
        assert_eq!(probe.len(), reply.len(), "{modes}");
        assert_eq!(probe[from..from + 9], reply[header..header + 9], "{modes}");
        assert_eq!(reply.len(), header + 9);
    }
}

#[test]
fn the_octets_that_a_server_wants_lead_the_padding() {
    let mut near = End::new();
    let terms = Terms {
        server_octets: 0xbeef,
        ..Terms::of(Modes::REFLECT_OCTETS)
    };
    let to = "192.0.2.1:862".parse().unwrap();
    near.send_by(Key::new(), to, 27, terms, 1_000);
    for now in [1_000, 1_010] {
        assert_eq!(near.turn(now)[0][14..16], [0xbe, 0xef]);
    }
}

#[test]
fn a_session_agreed_on_anew_takes_the_new_features() {
    let (mut near, mut far) = (End::new(), End::new());
    let (key, terms) = (Key::new(), Terms::of(DSCP));
    far.reflect_by(near.address, terms);
    near.send_by(key, far.address, 30, terms, 1_000);
    exchange(&mut near, &mut far, 1_000);

    let mut plain = End::new();
    plain.reflect(near.address, 1_500);
    near.send(key, plain.address, None, 1_500);
    let probe = near.turn(1_500).remove(0);
    assert_eq!(probe.len(), 14 + 27);
    plain.receive(&probe, near.address, 1_500);
    let reply = plain.leave(1_500).remove(0);
    assert_eq!(reply.len(), 41);
    near.receive(&reply, plain.address, 1_500);
    assert_eq!(samples(&near.report(1_600)), [0, 0]);
}
