use plugin_abi::config::Protocol;
use twamp_core::probe::Reason;

use super::super::synthetic::{lost, sample};
use super::*;

const TIMEOUT: Duration = Duration::from_secs(1);

fn estimator() -> Estimator {
    Estimator::new(EstimatorConfig::new(
        &Decision::default(),
        &Probe::default(),
        Profile::Fibre,
    ))
}

fn at(millis: u64) -> Mono {
    Mono(1_000_000_000_000 + millis * 1_000_000)
}

/// Probe `n` leaves at `n` × 100 ms.
fn probe(n: u64, answered: bool) -> Outcome {
    match answered {
        true => sample(n, at(n * 100), Duration::from_micros(20_000 + n % 7)),
        false => lost(n, at(n * 100), TIMEOUT),
    }
}

#[test]
fn without_probes_nothing_is_known() {
    let mut estimator = estimator();
    let estimate = estimator.view(at(0));
    assert_eq!(estimate.state, State::Unknown);
    for summary in [estimate.window, estimator.recent(at(0))] {
        assert_eq!((summary.probes, summary.loss()), (0, None));
        assert!(summary.round_trip.is_none());
    }
    assert!(estimate.delays.is_none());
    assert_eq!((estimate.last_reply, estimate.newest_sample), (None, None));
}

#[test]
fn inbound_and_outbound_means_add_up_to_the_round_trip() {
    let mut estimator = estimator();
    for n in 0..97 {
        estimator.absorb(&probe(n, true));
        let Some(delays) = estimator.view(at(n * 100 + 50)).delays else {
            continue;
        };
        let both = delays.inbound.mean_ns + delays.outbound.mean_ns;
        assert_eq!(both, delays.round_trip.mean_ns);
        assert!(delays.kernel_stamps && delays.peer_synchronised);
    }
}

#[test]
fn probes_younger_than_the_time_out_do_not_flatter_the_loss() {
    let mut estimator = estimator();
    // Half of them are lost, but of the last second only the answered ones are known yet.
    (0..100).filter(|n| *n < 90 || n % 2 == 0).for_each(|n| {
        estimator.absorb(&probe(n, n % 2 == 0));
    });
    let window = estimator.view(at(9_999)).window;
    let loss = window.loss().unwrap();
    assert!((0.49..0.51).contains(&loss), "{loss}");
    assert!(window.round_trip.is_some());
}

#[test]
fn outcomes_may_come_in_any_order() {
    let (mut forth, mut back) = (estimator(), estimator());
    (0..90).for_each(|n| forth.absorb(&probe(n, n % 9 != 4)));
    (0..90)
        .rev()
        .for_each(|n| back.absorb(&probe(n, n % 9 != 4)));
    let directions = [&mut forth, &mut back].map(|estimator| estimator.view(at(10_500)).directions);
    assert_eq!(directions[0].unwrap().backward, 10);
    assert_eq!(directions[0], directions[1]);
    let [forth, back] = [forth, back].map(|estimator| estimator.recent(at(14_000)));
    for recent in [&forth, &back] {
        assert_eq!((recent.received, recent.lost), (80, 10));
    }
    let means = [forth, back].map(|recent| recent.round_trip.unwrap().mean_ns);
    assert_eq!(means[0], means[1]);
}

#[test]
fn a_probe_that_was_set_aside_is_no_loss_and_no_delay() {
    let mut estimator = estimator();
    for (n, reply) in [(0, None), (1, Some((0, 0)))] {
        let (sent, reason) = (at(n * 100), Reason::ClockStep);
        estimator.absorb(&Outcome::SetAside(SetAside {
            sequence: n,
            sent,
            reason,
            reply,
        }));
    }
    let window = estimator.view(at(5_000)).window;
    assert_eq!((window.probes, window.received), (1, 1));
    assert!(window.round_trip.is_none());
}

#[test]
fn loss_has_a_direction_even_across_sessions() {
    let mut estimator = estimator();
    // Made-up replies carry the probe's number: what is missing was lost backward.
    (0..20).for_each(|n| estimator.absorb(&probe(n, n != 5)));
    estimator.next_session();
    for n in 20..40 {
        let mut outcome = probe(n, n != 30);
        if let Outcome::Sample(sample) = &mut outcome {
            sample.sequence -= 20;
            sample.reflector_sequence -= 20 + u64::from(n > 30);
        }
        estimator.absorb(&outcome);
    }
    let directions = estimator.view(at(6_000)).directions.unwrap();
    assert_eq!((directions.forward, directions.backward), (1, 1));
}

#[test]
fn a_reflector_without_numbers_of_its_own_gives_no_direction() {
    let light = Probe {
        protocol: Protocol::Light,
        ..Probe::default()
    };
    let mut estimator = Estimator::new(EstimatorConfig::new(
        &Decision::default(),
        &light,
        Profile::Fibre,
    ));
    (0..20).for_each(|n| estimator.absorb(&probe(n, n != 5)));
    let estimate = estimator.view(at(4_000));
    assert_eq!((estimate.window.lost, estimate.directions), (1, None));
}

#[test]
fn a_far_clock_that_jumps_by_years_leaves_only_delays_that_can_be_compared() {
    let mut estimator = estimator();
    for n in 0..40 {
        let mut outcome = probe(n, true);
        if let Outcome::Sample(sample) = &mut outcome
            && n >= 20
        {
            sample.t2.0 += 1_700_000_000_000_000_000;
            sample.t3.0 += 1_700_000_000_000_000_000;
        }
        estimator.absorb(&outcome);
    }
    let estimate = estimator.view(at(5_000));
    let (delays, round_trip) = (
        estimate.delays.unwrap(),
        estimate.window.round_trip.unwrap(),
    );
    assert_eq!(estimate.window.received, 40);
    assert_eq!(delays.round_trip.mean_ns, round_trip.mean_ns);
    assert!(delays.outbound.min_ns > 1_699_999_999_000_000_000);
    assert!(delays.inbound.max_ns < -1_699_999_999_000_000_000);
    let both = delays.inbound.mean_ns + delays.outbound.mean_ns;
    assert_eq!(both, delays.round_trip.mean_ns);
}

#[test]
fn what_is_known_of_a_line_takes_less_than_four_kilobytes() {
    let mut estimator = estimator();
    let before = estimator.octets();
    (0..2_000).for_each(|n| estimator.absorb(&probe(n, n % 9 != 4)));
    assert_eq!(estimator.octets(), before);
    assert!(before <= 3_750, "{before}");
}

#[test]
fn between_two_slices_the_same_is_seen_unless_something_was_entered() {
    let mut estimator = estimator();
    (0..300).for_each(|n| estimator.absorb(&probe(n, n % 9 != 4)));
    let seen = |estimator: &mut Estimator, at| {
        let estimate = estimator.view(at);
        let window = &estimate.window;
        (
            (window.probes, window.lost),
            window.round_trip.map(|trip| trip.mean_ns),
            estimate.directions,
            estimate.delays.map(|delays| delays.outbound.mean_ns),
        )
    };
    let mut now = at(29_950);
    for _ in 0..60 {
        let until = estimator.steady_until(now);
        assert!(until > now);
        let last = seen(&mut estimator, Mono(until.nanos() - 1));
        assert_eq!(last, seen(&mut estimator, now));
        now = until;
    }
    assert!(now > at(40_000), "{now:?}");
    assert_ne!(seen(&mut estimator, now), seen(&mut estimator, at(29_950)));
}

#[test]
fn slow_probes_lengthen_the_spans() {
    let slow = Probe {
        interval_ms: Some(1_000.0),
        ..Probe::default()
    };
    let config = EstimatorConfig::new(&Decision::default(), &slow, Profile::Fibre);
    assert_eq!(config.window, Duration::from_secs(40));
    assert_eq!(config.recent, Duration::from_secs(60));
}

/// Probe `n` leaves at `n` × 10 s, of a line that is probed once a second at rest.
fn seldom(estimator: &mut Estimator, probes: std::ops::Range<u64>) {
    for n in probes {
        let sent = at(10_000 * n);
        estimator.absorb(&sample(
            n,
            sent,
            Duration::from_micros(20_000 + 100 * (n % 7)),
        ));
        estimator.pulse(&Pulse {
            at: sent + Duration::from_millis(30),
            last_reply: Some(sent + Duration::from_millis(20)),
            unanswered_since: None,
            resting_interval: Duration::from_secs(10),
            slowed: 10.0,
        });
    }
}

fn metered() -> Estimator {
    let probe = Probe {
        interval_ms: Some(1_000.0),
        ..Probe::default()
    };
    let config = EstimatorConfig::new(&Decision::default(), &probe, Profile::Fibre);
    Estimator::new(config.slowed_up_to(10))
}

#[test]
fn the_spans_follow_the_interval_in_force() {
    let mut estimator = metered();
    seldom(&mut estimator, 0..50);
    let now = at(491_500);
    let estimate = estimator.view(now);
    for summary in [estimate.window, estimator.recent(now)] {
        assert_eq!(
            (summary.span, summary.probes),
            (Duration::from_secs(400), 40)
        );
        assert!(summary.round_trip.is_some(), "they follow each other");
    }
    assert_eq!(estimator.interval(), Duration::from_secs(10));
    estimator.pulse(&Pulse {
        at: now,
        last_reply: None,
        unanswered_since: None,
        resting_interval: Duration::from_secs(1),
        slowed: 1.0,
    });
    let estimate = estimator.view(now);
    assert_eq!(estimate.window.span, Duration::from_secs(40));
    assert_eq!(estimate.window.probes, 4);
}

#[test]
fn a_sample_of_a_line_on_standby_counts_no_more_than_one_at_rest() {
    let mut estimator = metered();
    estimator.watch(&[Demand {
        metric: crate::line::Metric::RoundTrip,
        limit: 5.0,
        mistake_every: Duration::from_secs(604_800),
    }]);
    // 20 ms are far above; at least 1.2 of its seconds break the limit.
    let verdict = |estimator: &Estimator| estimator.watches()[0].verdict();
    seldom(&mut estimator, 0..1);
    assert_eq!(verdict(&estimator), None);
    let broken_at = (1..100).find(|n| {
        seldom(&mut estimator, *n..n + 1);
        verdict(&estimator).is_some()
    });
    let mut at_rest = metered();
    at_rest.watch(&[*estimator.watches()[0].demand()]);
    let at_rest_at = (0..100).find(|n| {
        at_rest.absorb(&sample(*n, at(1_000 * n), Duration::from_millis(20)));
        verdict(&at_rest).is_some()
    });
    assert!(broken_at.is_some());
    assert_eq!(broken_at, at_rest_at);
}
