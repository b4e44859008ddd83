//! Every probe is accounted for: what the plugin counts is what the lines did.

use host_sim::link::{
    Direction, DirectionCounts, Directions, Impairment, Jitter, Line, LineCounts, Reorder, StreamId,
};
use plugin_abi::config::Mode;
use plugin_abi::manage::{Delay, ServedResult, SessionResult};

use crate::ends::{Ends, Heard, Pair, dropped_by_the_machine, statistics};
use crate::patience::{undisturbed, until_true};

const LINE: &str = "rough";
/// Probes of a measurement, about.
const PROBES: u64 = 400;
/// Probes after a line has healed.
const EPILOGUE: u64 = 30;

/// One measurement as both ends and the line itself saw it.
struct Account {
    near: SessionResult,
    far: ServedResult,
    line: LineCounts,
}

/// How the measurement ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// While the line is as it was.
    Abrupt,
    /// After some probes on the healed line: the loss lies before the last replies.
    Healed,
}

#[test]
fn loss_is_exact_in_each_direction_although_packets_overtake_each_other() {
    let account = measure(11, losing(10.0), losing(5.0), End::Healed);
    let (forward, backward) = (account.line.forward.counts, account.line.backward.counts);
    let near = &account.near;
    assert!(forward.dropped.total() > 10 && backward.dropped.total() > 5);
    assert_eq!(near.sent, forward.offered);
    assert_eq!(near.received, backward.delivered);
    assert_eq!(near.lost.forward, Some(forward.dropped.total()));
    assert_eq!(near.lost.backward, Some(backward.dropped.total()));
    assert_eq!((near.lost.unattributed, near.in_flight), (0, 0));
    assert_eq!((near.duplicates, near.late), (0, 0));
    let lost = (near.sent - near.received) as f64;
    let percent = near.lost.percent.unwrap();
    assert!((percent - 100.0 * lost / near.sent as f64).abs() < 0.001);
    // Only what is held back can be overtaken, and not all of it is.
    assert!(near.reordered > 0);
    assert!(near.reordered <= forward.reordered + backward.reordered);
    the_far_end_saw_it_too(&account);
}

#[test]
fn by_stamp_loss_is_exact_in_each_direction_and_the_far_end_learns_of_the_way_back() {
    let by_stamp = Ends::joined_by(&[LINE]).by_stamp();
    // A seed that does nothing to the first probe: where a sender begins, nothing else tells.
    let (there, back) = (Impairment::random(10.0), Impairment::random(5.0));
    let account = measure_on(&by_stamp, 18, there, back, End::Healed);
    let (forward, backward) = (account.line.forward.counts, account.line.backward.counts);
    let near = &account.near;
    assert_eq!(near.mode, "stamp");
    assert_eq!(near.received, backward.delivered);
    assert_eq!(near.lost.forward, Some(forward.dropped.total()));
    assert_eq!(near.lost.backward, Some(backward.dropped.total()));
    assert_eq!((near.lost.unattributed, near.in_flight), (0, 0));
    assert_eq!(near.seen.dscp_forward, Some(0));
    the_far_end_saw_it_too(&account);
    let told = account.far.backward.unwrap();
    // All but the last spans, which nobody came to tell.
    assert!(told.spans > 2 && told.counted < near.sent, "{told:?}");
    assert!(
        told.received <= near.received && told.lost > Some(0),
        "{told:?}"
    );
    assert!(told.lost <= near.lost.backward, "{told:?}");
    assert!(told.variation_max_us > told.variation_mean_us, "{told:?}");
}

#[test]
fn by_stamp_an_outage_is_lost_to_the_last_probe_because_nobody_begins_anew() {
    let ends = Ends::joined_by(&[LINE]).by_stamp();
    let account = undisturbed(|| {
        let emulator = ends.emulator(19, Impairment::delay(8.0), Impairment::delay(8.0));
        let pair = Pair::start(&ends, Mode::Measure, emulator, Heard::default());
        until_true("the line is measured", || pair.result(LINE).received >= 50);
        let dead = Impairment::random(100.0);
        pair.emulator.set(LINE, Directions::Both, &dead).unwrap();
        let sent = pair.result(LINE).sent;
        // Longer than a session that was agreed on is waited for.
        until_true("the line is dead", || pair.result(LINE).sent >= sent + 500);
        finish(pair, End::Healed)
    });
    let near = &account.near;
    let dropped = account.line.forward.counts.dropped.total();
    assert!(dropped >= 490);
    assert_eq!(near.lost.forward, Some(dropped));
    let backward = account.line.backward.counts.dropped.total();
    assert_eq!(near.lost.backward, Some(backward));
    assert_eq!((near.lost.unattributed, near.set_aside), (0, 0));
    the_far_end_saw_it_too(&account);
}

#[test]
fn with_duplicates_the_sum_is_exact_and_a_direction_errs_by_lost_duplicates_at_most() {
    let rough = |loss| Impairment {
        duplicate_percent: 8.0,
        ..losing(loss)
    };
    let account = measure(12, rough(10.0), rough(10.0), End::Healed);
    let (forward, backward) = (account.line.forward.counts, account.line.backward.counts);
    let near = &account.near;
    assert!(forward.duplicated > 5 && backward.duplicated > 5);
    assert_eq!(near.sent, forward.offered);
    assert_eq!(near.received + near.duplicates, backward.copies());
    let (lost_forward, lost_backward) = (near.lost.forward.unwrap(), near.lost.backward.unwrap());
    let lost = lost_forward + lost_backward + near.lost.unattributed;
    assert_eq!(near.sent, near.received + lost);
    let bound = forward.duplicated.min(backward.dropped.total());
    let error = lost_forward.abs_diff(forward.dropped.total());
    assert!(error <= bound, "{error} of {bound} at most: {near:?}");
    the_far_end_saw_it_too(&account);
}

#[test]
fn replies_that_come_twice_make_no_direction_wrong() {
    let doubling = Impairment {
        duplicate_percent: 20.0,
        ..losing(5.0)
    };
    let account = measure(13, losing(5.0), doubling, End::Healed);
    let (forward, backward) = (account.line.forward.counts, account.line.backward.counts);
    let near = &account.near;
    assert!(backward.duplicated > 20);
    assert_eq!(near.duplicates, backward.duplicated);
    assert_eq!(near.received, backward.delivered);
    assert_eq!(near.lost.forward, Some(forward.dropped.total()));
    assert_eq!(near.lost.backward, Some(backward.dropped.total()));
    assert_eq!(near.lost.unattributed, 0);
}

#[test]
fn the_same_seed_drops_the_same_packets_in_every_run() {
    let (forward, backward) = (Impairment::random(20.0), Impairment::random(10.0));
    for _ in 0..2 {
        let account = measure(14, forward, backward, End::Abrupt);
        let near = &account.near;
        // How many packets a run offers is up to the machine; what becomes of the n-th is not.
        let dropped_forward = decided(14, Direction::Forward, &forward, &account.line.forward);
        let dropped_backward = decided(14, Direction::Backward, &backward, &account.line.backward);
        let decided_otherwise = decided(15, Direction::Forward, &forward, &account.line.forward);
        assert_ne!(dropped_forward, decided_otherwise, "seeds differ");
        let dropped = |counts: &DirectionCounts| counts.counts.dropped.total();
        assert_eq!(dropped_forward.len() as u64, dropped(&account.line.forward));
        assert_eq!(
            dropped_backward.len() as u64,
            dropped(&account.line.backward)
        );
        // What was lost after the last reply has no direction, but is lost all the same.
        let told = near.lost.forward.unwrap() + near.lost.backward.unwrap();
        let lost = (dropped_forward.len() + dropped_backward.len()) as u64;
        assert_eq!(told + near.lost.unattributed, lost, "{near:?}");
        assert_eq!(near.sent - near.received, lost);
        assert!(near.lost.forward.unwrap() <= dropped_forward.len() as u64);
        assert!(near.lost.backward.unwrap() <= dropped_backward.len() as u64);
    }
}

#[test]
fn delays_are_those_that_the_line_imposed() {
    let jitter = Jitter::Uniform { spread_ms: 5.0 };
    let (forward, backward) = (Impairment::delay(40.0), Impairment::delay(15.0));
    let account = measure(
        16,
        Impairment { jitter, ..forward },
        Impairment { jitter, ..backward },
        End::Abrupt,
    );
    let near = &account.near;
    let delays = [near.round_trip_us, near.outbound_us, near.inbound_us].map(Option::unwrap);
    let [round_trip, outbound, inbound] = delays;
    for delay in &delays {
        in_order(delay);
    }
    assert!((inbound.mean + outbound.mean - round_trip.mean).abs() < 1e-6);
    // Never less than what was imposed; clocks may be slewed by 500 ppm.
    let at_least = |us: f64, ms: f64| us >= ms * 1e3 * 0.999;
    assert!(at_least(outbound.min, 35.0), "{outbound:?}");
    assert!(at_least(inbound.min, 10.0), "{inbound:?}");
    assert!(at_least(round_trip.min, 45.0), "{round_trip:?}");
    // What the machine adds is its own, but not most of it.
    let imposed = |counts: &DirectionCounts| counts.imposed.mean_delay_ns().unwrap() as f64 / 1e3;
    assert!(
        outbound.p50 < 2.0 * imposed(&account.line.forward),
        "{outbound:?}"
    );
    assert!(
        inbound.p50 < 2.0 * imposed(&account.line.backward),
        "{inbound:?}"
    );
    assert!(
        outbound.p50 > 1.5 * inbound.p50,
        "the way out is the longer one"
    );
    for jitter in [
        near.jitter_us.round_trip,
        near.jitter_us.outbound,
        near.jitter_us.inbound,
    ] {
        assert!(jitter.unwrap() > 0.0, "{:?}", near.jitter_us);
    }
}

trait Random {
    /// Loses so many percent and keeps the order.
    fn random(loss_percent: f64) -> Self;
}

impl Random for Impairment {
    fn random(loss_percent: f64) -> Self {
        Self {
            loss_percent,
            ..Self::delay(8.0)
        }
    }
}

/// Loses, and lets packets overtake.
fn losing(loss_percent: f64) -> Impairment {
    Impairment {
        reorder: Some(Reorder {
            percent: 10.0,
            delay_ms: 25.0,
        }),
        ..Impairment::random(loss_percent)
    }
}

fn measure(seed: u64, forward: Impairment, backward: Impairment, end: End) -> Account {
    measure_on(&Ends::joined_by(&[LINE]), seed, forward, backward, end)
}

fn measure_on(
    ends: &Ends,
    seed: u64,
    forward: Impairment,
    backward: Impairment,
    end: End,
) -> Account {
    undisturbed(|| {
        let emulator = ends.emulator(seed, forward, backward);
        let pair = Pair::start(ends, Mode::Measure, emulator, Heard::default());
        finish(pair, end)
    })
}

fn finish(pair: Pair, end: End) -> (Account, bool) {
    until_true("probes were sent", || pair.result(LINE).sent >= PROBES);
    if end == End::Healed {
        let healed = Impairment::delay(8.0);
        pair.emulator.set(LINE, Directions::Both, &healed).unwrap();
        let sent = pair.result(LINE).sent;
        until_true("the line is well", || {
            pair.result(LINE).sent >= sent + EPILOGUE
        });
    }
    pair.near.stop().unwrap();
    until_true("all has arrived", || {
        let line = &pair.emulator.counts()[0];
        pair.emulator.is_idle() && line.backward.counts.offered == pair.served().reflected
    });
    let (near, far) = (pair.result(LINE), pair.served());
    let pauses = statistics(&pair.near).pauses + statistics(&pair.far).pauses;
    let line = pair.emulator.stop().unwrap().remove(0);
    let disturbed = pauses + near.set_aside + near.late > 0 || dropped_by_the_machine(&line);
    (Account { near, far, line }, disturbed)
}

fn the_far_end_saw_it_too(account: &Account) {
    let Account { far, line, .. } = account;
    let forward = line.forward.counts;
    assert_eq!(far.received, forward.delivered);
    assert_eq!(far.duplicates, forward.duplicated);
    assert_eq!(far.reflected, forward.copies());
    assert_eq!(far.lost_forward, forward.dropped.total());
    assert!(far.reordered <= forward.reordered);
}

/// The numbers of the packets that a seed drops among those offered, without sockets or clocks.
fn decided(
    seed: u64,
    direction: Direction,
    impairment: &Impairment,
    counts: &DirectionCounts,
) -> Vec<u64> {
    let [stream] = &*counts.streams else {
        panic!("a line's session is one stream each way: {counts:?}");
    };
    let (from, to) = (stream.sender_port, stream.destination_port);
    let id = StreamId(u64::from(from) << 16 | u64::from(to));
    let mut line = Line::new(seed, LINE, impairment, impairment).unwrap();
    (0..stream.counts.offered)
        .filter(|n| {
            let fate = line.offer(n * 1_000_000, direction, id, 100);
            matches!(fate, host_sim::link::Fate::Dropped(_))
        })
        .collect()
}

fn in_order(delay: &Delay) {
    let Delay {
        min,
        mean,
        max,
        p50,
        p95,
        p99,
    } = *delay;
    // Quantiles are right to three digits.
    let quantiles = [min * 0.998, p50, p95, p99, max * 1.002];
    assert!(quantiles.is_sorted(), "{delay:?}");
    assert!(min <= mean && mean <= max, "{delay:?}");
}
