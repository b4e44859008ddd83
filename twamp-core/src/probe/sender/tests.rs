use super::*;
use crate::probe::{Reflector, ReflectorConfig};
use crate::time::Wall;
use crate::wire::test::SENDER_LEN;

pub(super) const MS: u64 = 1_000_000;
const EPOCH: i64 = 1_700_000_000_000_000_000;
pub(super) const GOOD: ErrorEstimate = ErrorEstimate(0x8f84);

/// Both clocks `ns` after the start of the test.
pub(super) fn at(ns: u64) -> Now {
    Now {
        mono: Mono(ns),
        wall: Wall(EPOCH + ns as i64),
    }
}

pub(super) fn arrival(ns: u64) -> Arrival {
    let Now { mono, wall } = at(ns);
    Arrival {
        mono,
        user: wall,
        ttl: Some(60),
        ..Arrival::default()
    }
}

/// A sender, a reflector whose clock is `offset` ns ahead, and a line between them.
pub(super) struct Bench {
    pub(super) sender: Sender,
    pub(super) reflector: Reflector,
    pub(super) offset: i64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(SenderConfig::default())
    }

    pub(super) fn with(config: SenderConfig) -> Self {
        let reflector = Reflector::new(ReflectorConfig::default(), Mono(0));
        Bench {
            sender: Sender::new(config),
            reflector,
            offset: 0,
        }
    }

    pub(super) fn probe(&mut self, ns: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let token = self.sender.send(at(ns), GOOD, &mut out);
        self.sender.transmitted(
            token,
            TxStamp {
                user: at(ns).wall,
                kernel: None,
                ..TxStamp::default()
            },
        );
        out
    }

    /// The probe comes in at the reflector, which answers 1 µs later.
    pub(super) fn reflect(&mut self, probe: &[u8], ns: u64) -> Vec<u8> {
        let mut seen = arrival(ns);
        seen.user.0 += self.offset;
        let mut out = Vec::new();
        self.reflector
            .reflect(probe, &seen, GOOD, &mut out)
            .unwrap();
        Reflector::seal(&mut out, Wall(seen.user.0 + 1_000));
        out
    }

    /// A whole round trip: 5 ms there, 7 ms back.
    fn exchange(&mut self, ns: u64) {
        let probe = self.probe(ns);
        let reply = self.reflect(&probe, ns + 5 * MS);
        self.sender
            .handle_reply(&reply, &arrival(ns + 12 * MS))
            .unwrap();
    }

    pub(super) fn outcomes(&mut self) -> Vec<Outcome> {
        std::iter::from_fn(|| self.sender.poll_outcome()).collect()
    }
}

pub(super) fn assert_sums(counts: LossCounts) {
    let settled = counts.received + counts.lost() + counts.set_aside;
    assert_eq!(counts.sent, settled + counts.in_flight, "{counts:?}");
}

#[test]
fn a_round_trip_makes_a_sample() {
    let mut bench = Bench::new();
    bench.exchange(MS);
    let outcomes = bench.outcomes();
    let [Outcome::Sample(sample)] = outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(
        (sample.sequence, sample.reflector_sequence, sample.epoch),
        (0, 0, 0)
    );
    assert_eq!(
        (sample.forward(), sample.processing()),
        (5 * MS as i64, 1_000)
    );
    assert_eq!(sample.round_trip(), 12 * MS as i64 - 1_000);
    assert_eq!((sample.ttl_forward, sample.ttl_backward), (60, Some(60)));
    assert_eq!((sample.sent, sample.received), (Mono(MS), Mono(13 * MS)));
}

#[test]
fn a_probe_is_number_stamp_error_and_padding() {
    let mut bench = Bench::with(SenderConfig {
        padding: 3,
        zero_padding: true,
        ..Default::default()
    });
    bench.probe(0);
    let probe = bench.probe(250 * MS);
    let known = [
        0, 0, 0, 1, 0xe8, 0xfe, 0x6f, 0x80, 0x40, 0, 0, 0, 0x8f, 0x84, 0, 0, 0,
    ];
    assert_eq!(probe, known);
}

#[test]
fn padding_is_random_and_differs_from_probe_to_probe() {
    let mut bench = Bench::with(SenderConfig {
        padding: 100,
        ..Default::default()
    });
    let (first, second) = (bench.probe(0), bench.probe(1));
    assert_eq!((first.len(), second.len()), (114, 114));
    assert_ne!(first[SENDER_LEN..], second[SENDER_LEN..]);
}

#[test]
fn an_unknown_error_is_sent_as_the_largest_never_with_multiplier_zero() {
    let mut out = Vec::new();
    _ = Sender::new(SenderConfig::default()).send(at(0), ErrorEstimate(0x8a00), &mut out);
    assert_eq!(out[12..14], [0x3f, 0xff]);
}

#[test]
fn a_reply_with_multiplier_zero_is_discarded() {
    let mut bench = Bench::new();
    let probe = bench.probe(0);
    let mut reply = bench.reflect(&probe, MS);
    reply[13] = 0;
    let result = bench.sender.handle_reply(&reply, &arrival(2 * MS));
    assert_eq!(result, Err(Discard::BadErrorEstimate));
    assert_eq!(
        (
            bench.sender.discards().bad_error_estimate,
            bench.sender.in_flight()
        ),
        (1, 1)
    );
}

#[test]
fn a_short_reply_is_discarded_and_the_session_lives() {
    let mut bench = Bench::new();
    let probe = bench.probe(0);
    let reply = bench.reflect(&probe, MS);
    for len in 0..41 {
        assert!(
            bench
                .sender
                .handle_reply(&reply[..len], &arrival(2 * MS))
                .is_err()
        );
    }
    assert_eq!(bench.sender.discards().too_short, 41);
    assert_eq!(bench.sender.handle_reply(&reply, &arrival(2 * MS)), Ok(()));
}

#[test]
fn a_reply_to_a_number_never_sent_is_discarded() {
    let mut bench = Bench::new();
    let probe = bench.probe(0);
    let mut reply = bench.reflect(&probe, MS);
    reply[27] = 1;
    let result = bench.sender.handle_reply(&reply, &arrival(2 * MS));
    assert_eq!(result, Err(Discard::UnknownSequence(1)));
    assert_eq!(bench.sender.discards().unknown_sequence, 1);
}

#[test]
fn a_reply_with_another_t1_is_discarded() {
    let mut bench = Bench::new();
    let probe = bench.probe(0);
    let mut reply = bench.reflect(&probe, MS);
    reply[35] ^= 1;
    let result = bench.sender.handle_reply(&reply, &arrival(2 * MS));
    assert_eq!(result, Err(Discard::T1Mismatch));
    assert_eq!(bench.sender.counts().received, 0);
}

#[test]
fn the_kernels_stamp_is_used_if_it_comes_before_the_reply() {
    let mut bench = Bench::new();
    let mut probe = Vec::new();
    let token = bench.sender.send(at(0), GOOD, &mut probe);
    assert_eq!(token.sequence(), 0);
    let reply = bench.reflect(&probe, 5 * MS);
    let (user, kernel) = (at(0).wall, Some(at(MS).wall));
    let left = TxStamp {
        user,
        kernel,
        ..TxStamp::default()
    };
    bench.sender.transmitted(token, left);
    let back = Arrival {
        kernel: Some(at(11 * MS).wall),
        ..arrival(12 * MS)
    };
    bench.sender.handle_reply(&reply, &back).unwrap();
    let outcomes = bench.outcomes();
    let [Outcome::Sample(sample)] = outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(sample.stamps, crate::probe::Stamps::Kernel);
    assert_eq!(sample.round_trip(), 10 * MS as i64 - 1_000);
}

#[test]
fn a_reply_that_came_in_time_is_not_late_by_lying_unread_for_a_little() {
    for (came, read, lost) in [(1_990, 2_030, 0), (2_001, 2_030, 1), (1_940, 2_100, 1)] {
        let mut bench = Bench::new();
        let probe = bench.probe(0);
        let reply = bench.reflect(&probe, 5 * MS);
        let back = Arrival {
            kernel: Some(at(came * MS).wall),
            ..arrival(read * MS)
        };
        let _ = bench.sender.handle_reply(&reply, &back);
        let counts = bench.sender.counts();
        assert_eq!((counts.received, counts.late), (1 - lost, lost), "{came}");
    }
}

#[test]
fn a_probe_without_a_reply_is_lost_when_it_is_due_and_not_before() {
    let mut bench = Bench::new();
    assert_eq!(bench.sender.poll_timeout(), None);
    bench.probe(0);
    bench.probe(10 * MS);
    assert_eq!(bench.sender.poll_timeout(), Some(Mono(2_000 * MS)));
    bench.sender.handle_timeout(Mono(2_000 * MS - 1));
    assert_eq!(bench.outcomes(), []);
    bench.sender.handle_timeout(Mono(2_000 * MS));
    let after = Duration::from_secs(2);
    assert_eq!(
        bench.outcomes(),
        [Outcome::Lost {
            sequence: 0,
            sent: Mono(0),
            after
        }]
    );
    assert_eq!(bench.sender.poll_timeout(), Some(Mono(2_010 * MS)));
}

#[test]
fn a_late_reply_changes_only_the_late_counter() {
    let mut bench = Bench::new();
    let probe = bench.probe(0);
    let reply = bench.reflect(&probe, MS);
    bench.sender.handle_timeout(Mono(2_000 * MS));
    bench.outcomes();
    let before = bench.sender.counts();
    bench
        .sender
        .handle_reply(&reply, &arrival(2_100 * MS))
        .unwrap();
    assert_eq!(bench.sender.counts(), LossCounts { late: 1, ..before });
    assert_eq!(
        (bench.outcomes(), bench.sender.discards().total()),
        (vec![], 0)
    );
}

#[test]
fn a_reply_is_late_even_if_the_timeout_was_not_yet_handled() {
    let mut bench = Bench::new();
    let probe = bench.probe(0);
    let reply = bench.reflect(&probe, MS);
    bench
        .sender
        .handle_reply(&reply, &arrival(2_000 * MS))
        .unwrap();
    assert!(matches!(
        bench.outcomes()[..],
        [Outcome::Lost { sequence: 0, .. }]
    ));
    assert_eq!(
        (bench.sender.counts().late, bench.sender.counts().received),
        (1, 0)
    );
}

#[test]
fn duplicates_are_counted_by_direction_and_make_no_second_sample() {
    let mut bench = Bench::new();
    let probe = bench.probe(0);
    let (first, second) = (bench.reflect(&probe, MS), bench.reflect(&probe, 2 * MS));
    for reply in [&first, &first, &second] {
        bench.sender.handle_reply(reply, &arrival(9 * MS)).unwrap();
    }
    let counts = bench.sender.counts();
    assert_eq!(
        (counts.duplicates_forward, counts.duplicates_backward),
        (1, 1)
    );
    assert_eq!((counts.received, bench.outcomes().len()), (1, 1));
}

#[test]
fn a_probe_that_was_not_sent_is_neither_sent_nor_lost() {
    let mut bench = Bench::new();
    let mut out = Vec::new();
    let token = bench.sender.send(at(0), GOOD, &mut out);
    bench.sender.not_sent(token);
    bench.sender.handle_timeout(Mono(5_000 * MS));
    let counts = bench.sender.counts();
    assert_eq!((counts.sent, counts.not_sent, counts.lost()), (0, 1, 0));
    assert_eq!(
        (bench.outcomes(), bench.sender.poll_timeout()),
        (vec![], None)
    );
}

#[test]
fn a_clock_step_sets_the_sample_aside_but_the_probe_counts_as_received() {
    let mut bench = Bench::new();
    let probe = bench.probe(0);
    let reply = bench.reflect(&probe, 5 * MS);
    let mut stepped = arrival(12 * MS);
    stepped.user.0 += 1_000_000_000;
    bench.sender.handle_reply(&reply, &stepped).unwrap();
    let reason = Reason::ClockStep;
    let aside = SetAside {
        sequence: 0,
        sent: Mono(0),
        reason,
        reply: Some((0, 0)),
    };
    assert_eq!(bench.outcomes(), [Outcome::SetAside(aside)]);
    assert_eq!(
        (bench.sender.counts().received, bench.sender.counts().lost()),
        (1, 0)
    );
}

#[test]
fn a_local_pause_is_not_loss_on_the_line() {
    let mut bench = Bench::new();
    bench.exchange(0);
    let probe = bench.probe(20 * MS);
    let reply = bench.reflect(&probe, 25 * MS);
    bench.probe(9_000 * MS);
    bench.outcomes();
    bench.sender.set_aside_outstanding(Mono(5_000 * MS));
    let reason = Reason::LocalTrouble;
    let aside = SetAside {
        sequence: 1,
        sent: Mono(20 * MS),
        reason,
        reply: None,
    };
    assert_eq!(bench.outcomes(), [Outcome::SetAside(aside)]);
    let late = bench.sender.handle_reply(&reply, &arrival(9_000 * MS));
    assert_eq!(late, Err(Discard::ProbeSetAside));
    let counts = bench.sender.counts();
    assert_eq!(
        (
            counts.set_aside,
            counts.in_flight,
            counts.lost(),
            counts.late
        ),
        (1, 1, 0, 0)
    );
    assert_sums(counts);
}

#[test]
fn replies_missed_in_a_local_pause_do_not_turn_forward_loss_into_backward_loss() {
    let mut bench = Bench::new();
    bench.exchange(0);
    let missed = bench.probe(20 * MS);
    bench.reflect(&missed, 25 * MS);
    bench.sender.set_aside_outstanding(Mono(5_000 * MS));
    bench.exchange(6_000 * MS);
    bench.probe(6_020 * MS);
    bench.exchange(6_040 * MS);
    bench.sender.handle_timeout(Mono(9_000 * MS));
    let counts = bench.sender.counts();
    assert_eq!(
        (
            counts.lost_forward,
            counts.lost_backward,
            counts.unattributed
        ),
        (1, 0, 0)
    );
}

#[test]
fn a_probe_outrun_by_too_many_later_ones_is_set_aside() {
    let mut bench = Bench::with(SenderConfig {
        remembered: 4,
        ..Default::default()
    });
    for n in 0..5 {
        bench.probe(n * MS);
    }
    let reason = Reason::Overrun;
    let aside = SetAside {
        sequence: 0,
        sent: Mono(0),
        reason,
        reply: None,
    };
    assert_eq!(bench.outcomes(), [Outcome::SetAside(aside)]);
    assert_eq!(bench.sender.poll_timeout(), Some(Mono(2_001 * MS)));
    assert_sums(bench.sender.counts());
}

#[test]
fn the_session_goes_on_across_the_32_bit_wrap() {
    let start = (1u64 << 32) - 3;
    let mut bench = Bench::new();
    bench.sender = Sender::starting_at(start, SenderConfig::default());
    for n in 0..6 {
        bench.exchange(n * 20 * MS);
    }
    let numbers: Vec<_> = bench
        .outcomes()
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Sample(sample) => sample.sequence - start,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    assert_eq!(bench.sender.counts().lost(), 0);
}

#[test]
fn a_restarted_reflector_makes_no_loss() {
    let mut bench = Bench::new();
    for n in 0..100 {
        if n == 50 {
            bench.reflector = Reflector::new(ReflectorConfig::default(), Mono(0));
        }
        bench.exchange(n * 20 * MS);
    }
    let counts = bench.sender.counts();
    assert_eq!((counts.received, counts.lost()), (100, 0));
    assert!(matches!(
        bench.outcomes()[99],
        Outcome::Sample(Sample { epoch: 1, .. })
    ));
}

#[test]
fn a_reflector_without_state_gives_loss_without_direction() {
    let stateful_reflector = false;
    let mut bench = Bench::with(SenderConfig {
        stateful_reflector,
        ..Default::default()
    });
    let config = ReflectorConfig {
        stateful: false,
        ..Default::default()
    };
    bench.reflector = Reflector::new(config, Mono(0));
    bench.exchange(0);
    bench.probe(20 * MS);
    bench.exchange(40 * MS);
    bench.sender.handle_timeout(Mono(9_000 * MS));
    let counts = bench.sender.counts();
    assert_eq!(
        (counts.received, counts.unattributed, counts.lost()),
        (2, 1, 1)
    );
}
