//! Streams that may take so much in a month.

use crate::session::Rate;
use crate::session::meter::Meter;
use crate::session::setback::Setback;

use super::*;

/// A probe of 69 octets with its reply, which is as long; of the latter 72 are reckoned with at
/// first, as there may be DSCP and ECN in it.
const FIRST: u64 = 69 + 72;

/// A stream with room for so many octets in the month of [`EPOCH`], which begins with it.
fn begin(octets: u64) -> (End, Meter, Key, SocketAddr) {
    let mut near = End::new();
    let far = "192.0.2.1:862".parse().unwrap();
    let meter = Meter::new(octets, at(1_000).wall);
    let key = Key::new();
    let stream = Stream {
        meter: Some(meter.clone()),
        ..near.stream(far, None)
    };
    near.probes.order(Order::Send { key, stream }, at(1_000));
    (near, meter, key, far)
}

/// All of it is there, whatever part of the month is left.
fn whole(octets: u64) -> u64 {
    let month = 1_000_000_000;
    let share = Meter::new(month, at(1_000).wall)
        .balance(at(1_000).wall)
        .share;
    (octets as f64 * month as f64 / share as f64).ceil() as u64
}

fn setbacks(near: &mut End, now: u64) -> Vec<Setback> {
    let report = near.probes.report_now(at(now));
    report
        .setbacks
        .iter()
        .map(|(_, setback)| *setback)
        .collect()
}

#[test]
fn probes_leave_as_asked_until_four_fifths_are_used_then_they_are_spread() {
    let (mut near, meter, ..) = begin(whole(1_000 * FIRST));
    let mut sent = 0;
    for now in (1_000..21_000).step_by(10) {
        sent += near.turn(now).len();
    }
    assert!((800..=802).contains(&sent), "{sent}");
    let balance = meter.balance(at(21_000).wall);
    assert!(balance.used <= balance.share);
    assert!(balance.spacing.unwrap() > Duration::from_secs(1_000));
    let pulse = near.probes.report_now(at(21_000)).pulses[0].1;
    assert!(pulse.slowed > 1_000.0, "{}", pulse.slowed);
    assert_eq!(setbacks(&mut near, 21_000), []);
}

#[test]
fn without_room_for_a_probe_none_leaves_until_the_next_month_and_that_is_said() {
    let (mut near, meter, key, _) = begin(whole(FIRST));
    assert_eq!(near.turn(1_000).len(), 1);
    let month = meter.balance(at(1_000).wall).until;
    near.probes.order(
        Order::Pace {
            key,
            path: near.path,
            rate: Rate::Raised,
        },
        at(1_001),
    );
    near.probes.report_now(at(1_001));
    let left_ms = (month.since(at(0).wall) / 1_000_000) as u64;
    let late = left_ms - 1;
    let sent: usize = (late - 20..=late).map(|now| near.turn(now).len()).sum();
    assert_eq!(sent, 0);
    assert_eq!(setbacks(&mut near, late), [Setback::UsedUp]);
    assert_eq!(meter.balance(at(late).wall).used, FIRST);
    // It asks again within a minute.
    let sent: usize = (0..70).map(|s| near.turn(left_ms + 1_000 * s).len()).sum();
    assert!(sent > 0);
    near.probes.report_now(at(left_ms + 70_000));
    near.turn(left_ms + 71_000);
    assert_eq!(setbacks(&mut near, left_ms + 71_000), []);
}

#[test]
fn what_did_not_leave_is_not_paid() {
    let (mut near, meter, ..) = begin(whole(1_000 * FIRST));
    near.probes.handle_timeout(at(1_000), &mut near.outbox);
    let packet = near.outbox.0.pop().unwrap();
    assert_eq!(meter.balance(at(1_000).wall).used, FIRST);
    near.probes.handle_sent(Sent {
        path: packet.path,
        token: packet.token.unwrap(),
        result: Err(SendError::NoRoute),
    });
    assert_eq!(meter.balance(at(1_000).wall).used, 0);
}

#[test]
fn a_longer_reply_is_paid_in_full_and_a_second_one_as_well() {
    let (mut near, meter, _, far) = begin(whole(1_000 * FIRST));
    let mut hub = End::new();
    hub.reflect_all();
    let probe = near.turn(1_000).pop().unwrap();
    hub.receive(&probe, near.address, 1_001);
    let mut reply = hub.leave(1_001).pop().unwrap();
    reply.resize(100, 0);
    near.receive(&reply, far, 1_002);
    let used = |meter: &Meter| meter.balance(at(1_002).wall).used;
    assert_eq!(used(&meter), 69 + 128);
    near.receive(&reply, far, 1_003);
    assert_eq!(used(&meter), 69 + 2 * 128);
    near.turn(1_010);
    assert_eq!(
        used(&meter),
        2 * 69 + 3 * 128,
        "the next is as long, as far as is known"
    );
}
