//! What is told of sessions that are answered, and what replies tell.

use super::*;

/// A probe of TWAMP Light.
fn probe() -> [u8; 41] {
    let mut probe = [0; 41];
    probe[13] = 1;
    probe
}

fn sender(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

#[test]
fn sessions_that_have_no_place_in_a_report_are_told_of_in_the_next_and_silent_ones_in_none() {
    let mut end = End::new();
    end.reflect_all();
    let ports = 10_000..10_000 + SERVED as u16 + 88;
    for port in ports.clone() {
        end.receive(&probe(), sender(port), 1_000);
    }
    let told = |report: &Report| -> Vec<_> {
        let all = report.served.iter();
        all.map(|(_, served)| (served.remote.port(), served.report.received))
            .collect()
    };
    let first = told(&end.report(1_000));
    assert_eq!(first.len(), SERVED);
    // One that was told of speaks again: it has to wait for the others.
    end.receive(&probe(), sender(10_000), 1_050);
    let second = told(&end.report(1_100));
    assert_eq!(second.len(), 88 + 1);
    assert_eq!(second.last(), Some(&(10_000, 2)));
    let mut all: Vec<_> = first.iter().chain(&second).map(|(port, _)| *port).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.into_iter().eq(ports));
    assert!(end.probes.poll_report(at(1_200)).is_none());
}

#[test]
fn a_reply_says_how_good_times_are_when_it_is_made() {
    let mut end = End::new();
    end.reflect_all();
    for error in [0x8f84, 0x0587] {
        end.probes.stamp_within(ErrorEstimate(error));
        end.receive(&probe(), sender(10_000), 1_000);
        let reply = end.leave(1_000).remove(0);
        assert_eq!(reply[12..14], error.to_be_bytes());
    }
}

#[test]
fn a_report_comes_a_little_early_where_the_thread_would_wake_up_for_it_alone() {
    for (interval, early) in [(80, true), (10, false)] {
        let mut end = End::new();
        let stream = Stream {
            interval: Duration::from_millis(interval),
            timeout: Duration::from_secs(1),
            ..end.stream(sender(862), None)
        };
        let key = Key::new();
        end.probes.order(Order::Send { key, stream }, at(1_000));
        end.turn(1_000);
        end.report(1_000);
        end.turn(1_080);
        assert_eq!(end.probes.poll_report(at(1_080)).is_some(), early);
    }
}

#[test]
fn a_report_that_has_grown_long_is_handed_over_and_the_next_one_is_due_as_before() {
    let mut end = End::new();
    for port in 0..FULL as u16 + 100 {
        end.send(Key::new(), sender(10_000 + port), Some(1), 1_000);
    }
    let turns = |end: &mut End, now| {
        (0..FULL / BURST + 1).for_each(|_| _ = end.turn(now));
    };
    turns(&mut end, 1_010);
    end.report(1_010);
    assert!(end.probes.poll_report(at(1_060)).is_none());
    // All are given up.
    turns(&mut end, 1_070);
    assert!(end.report(1_070).entries.len() >= FULL);
    assert!(end.probes.poll_report(at(1_071)).is_none());
    assert!(end.probes.poll_report(at(1_110)).is_some());
}
