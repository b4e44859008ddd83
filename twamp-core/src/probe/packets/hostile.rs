//! Packets that no honest peer sends, and packets that come again.

use super::*;
use crate::metrics::loss::LossCounts;
use crate::probe::{Reason, SetAside};

fn assert_sums(counts: LossCounts) {
    let settled = counts.received + counts.lost() + counts.set_aside;
    assert_eq!(counts.sent, settled + counts.in_flight, "{counts:?}");
}

#[test]
fn nothing_that_was_in_the_buffer_before_comes_back() {
    for security in modes() {
        let config = SenderConfig {
            padding: 0,
            ..SenderConfig::default()
        };
        let probe = send(&mut sender(config, &security), 250_000);
        let clean = reply(&mut reflector(Features::default(), &security), &probe);
        let mut reflector = reflector(Features::default(), &security);
        for len in 0..probe.len() {
            let mut out = vec![0xa5; 2_000];
            let short = vec![0xa5; len];
            let answered = reflector.reflect(&short, &arrival(0), REFLECTOR_ERROR, &mut out);
            assert!(answered.is_err() && out.is_empty(), "{len} octets");
        }
        let mut out = vec![0xa5; 2_000];
        let seen = arrival(261_500);
        let answered = reflector.reflect(&probe, &seen, REFLECTOR_ERROR, &mut out);
        assert_eq!(answered, Ok(()));
        reflector.sealer().seal(&mut out, at(261_540).wall);
        assert_eq!(out, clean);
    }
}

#[test]
fn a_probe_with_zero_stamps_is_answered_and_a_reply_with_them_makes_no_false_round_trip() {
    let open = TestSecurity::Open;
    let mut sender = sender(SenderConfig::default(), &open);
    let (t3, t2, t1) = (4..12, 16..24, 28..36);

    let mut stampless = send(&mut sender, 249_000);
    stampless[4..12].fill(0);
    let answer = reply(&mut reflector(Features::default(), &open), &stampless);
    assert_eq!(answer[24..38], stampless[..14]);
    let back = arrival(272_000);
    assert_eq!(
        sender.handle_reply(&answer, &back),
        Err(Discard::T1Mismatch)
    );

    let mut answered = |zeros: &[std::ops::Range<usize>]| {
        let probe = send(&mut sender, 250_000);
        let mut answer = reply(&mut reflector(Features::default(), &open), &probe);
        for field in zeros {
            answer[field.clone()].fill(0);
        }
        let taken = sender.handle_reply(&answer, &back);
        assert_sums(sender.counts());
        (taken, sender.poll_outcome())
    };
    for one in [&t2, &t3] {
        let (taken, outcome) = answered(std::slice::from_ref(one));
        assert_eq!(taken, Ok(()));
        let anomaly = |aside: &SetAside| aside.reason == Reason::Anomaly;
        assert!(matches!(&outcome, Some(Outcome::SetAside(aside)) if anomaly(aside)));
    }
    assert_eq!(answered(&[t1]), (Err(Discard::T1Mismatch), None));
    // A far end without a clock: its own time is part of the round trip.
    let (_, outcome) = answered(&[t2, t3]);
    let Some(Outcome::Sample(sample)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((sample.round_trip(), sample.processing()), (22 * MS, 0));
}

#[test]
fn a_reply_to_a_number_of_the_future_is_discarded_in_any_number() {
    let mut sender = sender(SenderConfig::default(), &TestSecurity::Open);
    let probe = send(&mut sender, 250_000);
    let good = reply(
        &mut reflector(Features::default(), &TestSecurity::Open),
        &probe,
    );
    for ahead in [1, 2, 1_000, 1 << 31, u32::MAX - 7] {
        let mut forged = good.clone();
        forged[24..28].copy_from_slice(&(7 + ahead).to_be_bytes());
        let refused = sender.handle_reply(&forged, &arrival(272_000));
        assert_eq!(refused, Err(Discard::UnknownSequence(7 + ahead)));
    }
    assert_eq!((sender.counts().received, sender.counts().lost()), (0, 0));
    assert_eq!(sender.handle_reply(&good, &arrival(272_000)), Ok(()));
}

#[test]
fn numbers_of_a_reflector_that_come_from_the_future_do_not_break_the_books() {
    let mut sender = sender(SenderConfig::default(), &TestSecurity::Open);
    let mut reflector = reflector(Features::default(), &TestSecurity::Open);
    for (us, number) in (0..).step_by(1_000).zip([5, u32::MAX, 1 << 31, 0, 6]) {
        let probe = send(&mut sender, us);
        let mut answer = reply(&mut reflector, &probe);
        answer[..4].copy_from_slice(&number.to_be_bytes());
        assert_eq!(sender.handle_reply(&answer, &arrival(272_000)), Ok(()));
        assert_sums(sender.counts());
    }
    assert_eq!(sender.counts().received, 5);
}

#[test]
fn probe_numbers_from_the_future_are_answered_by_the_reflectors_own() {
    let mut reflector = reflector(Features::default(), &TestSecurity::Open);
    let mut probe = send(
        &mut sender(SenderConfig::default(), &TestSecurity::Open),
        250_000,
    );
    for (own, number) in (5u32..).zip([7, 1 << 20, 1 << 31, u32::MAX, 8]) {
        probe[..4].copy_from_slice(&number.to_be_bytes());
        let answer = reply(&mut reflector, &probe);
        assert_eq!(answer[..4], own.to_be_bytes());
        assert_eq!(answer[24..28], number.to_be_bytes());
    }
    let report = reflector.report();
    assert_eq!((report.received, report.reflected), (10, 10));
}

#[test]
fn a_reply_that_comes_again_makes_no_second_sample_in_any_mode() {
    for security in modes() {
        let mut sender = sender(SenderConfig::default(), &security);
        let probe = send(&mut sender, 250_000);
        let answer = reply(&mut reflector(Features::default(), &security), &probe);
        for _ in 0..3 {
            assert_eq!(sender.handle_reply(&answer, &arrival(272_000)), Ok(()));
        }
        only_sample(&mut sender);
        assert_eq!(sender.poll_outcome(), None);
        let counts = sender.counts();
        assert_eq!((counts.received, counts.duplicates_backward), (1, 2));
    }
}

#[test]
fn a_stale_reply_is_late_and_one_of_a_former_session_is_discarded() {
    for security in modes() {
        let mut former = sender(SenderConfig::default(), &security);
        let probe = send(&mut former, 250_000);
        let stale = reply(&mut reflector(Features::default(), &security), &probe);
        let later = arrival(9_000_000);
        assert_eq!(former.handle_reply(&stale, &later), Ok(()));
        assert_eq!((former.counts().late, former.counts().received), (1, 0));

        let mut sender = sender(SenderConfig::default(), &security);
        let unknown = Err(Discard::UnknownSequence(7));
        assert_eq!(sender.handle_reply(&stale, &later), unknown);
        send(&mut sender, 9_000_000);
        let mismatch = Err(Discard::T1Mismatch);
        assert_eq!(sender.handle_reply(&stale, &later), mismatch);
    }
}
