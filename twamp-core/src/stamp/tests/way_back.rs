//! The sender tells the reflector what it sees of the way back.

use super::*;

fn bench(sender: bool, reflector: bool) -> Bench {
    let sender = SenderConfig {
        security: authenticated(),
        request: Request {
            figures: sender.then(FiguresConfig::default),
            ..Request::default()
        },
        ..SenderConfig::default()
    };
    let reflector = ReflectorConfig {
        security: authenticated(),
        figures: reflector.then(Default::default),
        ..ReflectorConfig::default()
    };
    Bench::new(sender, reflector)
}

/// 150 probes in 3 s, of which each tenth is lost forward and each fifth of the others backward.
fn run(bench: &mut Bench) {
    for n in 0..150 {
        let now = n * 20 * MS;
        bench.sender.handle_timeout(Mono(now));
        while bench.sender.poll_outcome().is_some() {}
        let probe = bench.probe(now);
        if n % 10 == 3 {
            continue;
        }
        let reply = bench.reflect(&probe, now + 5 * MS);
        if n % 10 == 5 || n % 10 == 8 {
            continue;
        }
        let back = now + 10 * MS + (n % 2) * MS;
        bench.answer(&reply, back);
    }
}

#[test]
fn the_reflector_learns_loss_and_variation_of_its_replies() {
    let mut bench = bench(true, true);
    run(&mut bench);
    // Nothing of the first second is on its way any more: its losses have timed out.
    let figures = bench.reflector.report().backward.unwrap();
    assert_eq!((figures.number, figures.span.as_secs()), (0, 1));
    assert_eq!((figures.counted, figures.received), (50, 35));
    assert_eq!(figures.lost_backward, Some(10));
    assert_eq!(figures.variation_max_ns, Some(MS));
    let mean = figures.variation_mean_ns.unwrap();
    assert!(mean > MS / 3 && mean < MS, "{mean}");
    assert!(figures.jitter_ns.unwrap() > 100_000);
}

#[test]
fn the_longest_probe_has_the_figures_and_all_that_is_asked() {
    for figures in [None, Some(FiguresConfig::default())] {
        let request = Request {
            figures,
            ..everything()
        };
        let mut bench = bench(true, true);
        bench.sender = Sender::new(SenderConfig {
            security: authenticated(),
            request,
            ssid: 1,
            ..SenderConfig::default()
        });
        let mut longest = 0;
        for n in 0..150 {
            let now = n * 20 * MS;
            let probe = bench.probe(now);
            longest = longest.max(probe.len());
            let reply = bench.reflect(&probe, now + MS);
            bench.answer(&reply, now + 2 * MS);
        }
        assert_eq!(request.longest_probe(&authenticated()), longest);
    }
}

#[test]
fn a_loss_at_the_end_of_a_span_is_told_with_the_next_one() {
    let mut bench = bench(true, true);
    let mut told = 0;
    for n in 0..400 {
        let now = n * 20 * MS;
        bench.sender.handle_timeout(Mono(now));
        while bench.sender.poll_outcome().is_some() {}
        let probe = bench.probe(now);
        let reply = bench.reflect(&probe, now + 5 * MS);
        if n % 50 < 48 {
            bench.answer(&reply, now + 10 * MS);
        }
        let figures = bench.reflector.report().backward;
        if let Some(figures) = figures.filter(|_| n % 50 == 25) {
            told += figures.lost_backward.unwrap();
        }
    }
    // Two in each second; of five spans those of the last one are still to come.
    assert_eq!(told, 8);
}

#[test]
fn without_numbers_of_its_own_the_reflector_is_told_no_direction() {
    let mut bench = bench(true, true);
    bench.sender = Sender::new(SenderConfig {
        stateful_reflector: false,
        security: authenticated(),
        request: Request {
            figures: Some(FiguresConfig::default()),
            ..Request::default()
        },
        ..SenderConfig::default()
    });
    for n in 0..3 {
        bench.exchange(n * SECOND);
    }
    let figures = bench.reflector.report().backward.unwrap();
    assert_eq!((figures.counted, figures.lost_backward), (1, None));
}

#[test]
fn nothing_is_told_or_believed_unless_both_agreed() {
    let mut silent = bench(false, true);
    run(&mut silent);
    assert_eq!(silent.reflector.report().backward, None);
    assert_eq!(silent.probe(4 * SECOND).len(), 112);

    let mut deaf = bench(true, false);
    run(&mut deaf);
    deaf.sender.handle_timeout(Mono(4 * SECOND));
    while deaf.sender.poll_outcome().is_some() {}
    let (_, returned) = deaf.exchange(4 * SECOND);
    assert_eq!((returned.figures_taken, returned.unrecognised), (false, 1));
    assert_eq!(deaf.reflector.report().backward, None);
}

#[test]
fn figures_that_are_not_protected_as_agreed_are_not_believed() {
    let mut bench = bench(true, true);
    for n in 0..3 {
        let (_, returned) = bench.exchange(n * SECOND);
        assert_eq!((returned.figures_taken, returned.unrecognised), (n > 0, 0));
    }
    let number = bench.reflector.report().backward.unwrap().number;
    let mut probe = bench.probe(3 * SECOND);
    let at = probe.len() - 21;
    probe[at] ^= 1;
    bench.reflect(&probe, 3 * SECOND);
    assert_eq!(bench.reflector.report().failed_tlvs, 1);
    let figures = bench.reflector.report().backward;
    assert_eq!(figures.map(|figures| figures.number), Some(number));
}
