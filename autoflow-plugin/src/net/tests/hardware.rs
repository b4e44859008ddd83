//! Stamps of the interface beside the kernel's. The loopback makes none, so they are crafted; all
//! else is as it happens.

use super::*;
use crate::net::cmsg::Control;
use crate::net::phc::Raw;
use crate::net::receive::{Label, take_stamp};
use crate::net::stamps::{Found, Stamped};
use twamp_core::time::Wall;

/// The interface's clock is so far behind.
const BEHIND: i64 = 1_000_000_007;
/// From its stamp of what arrives to the kernel's.
const LATER: i64 = 4_000;

/// A path whose interface is thought to stamp.
fn stamped(net: &mut Net<u32>) -> (Path, SocketAddr) {
    let spec = PathSpec {
        hardware_stamps: true,
        ..spec(V4)
    };
    net.open(&spec).unwrap()
}

/// Two seconds in which packets arrived with stamps of both.
fn teach(net: &mut Net<u32>, path: Path) {
    let endpoint = find(&mut net.slots, path).unwrap();
    let phc = endpoint.phc.as_mut().unwrap();
    let (now, step) = (clock(), Duration::from_millis(100));
    for back in (0..20).rev() {
        let at = Mono(now.mono.0 - (back * step).as_nanos() as u64);
        let kernel = Wall(now.wall.0 - (back * step).as_nanos() as i64);
        let raw = Raw(kernel.0 - LATER - BEHIND);
        phc.arrived(raw, kernel, at, &mut NetCounters::default());
    }
}

/// A probe leaves to where nobody answers; its token waits. When that was, more or less.
fn sent_and_seen(net: &mut Net<u32>, path: Path) -> Wall {
    let (_, elsewhere) = net.open(&spec(V4)).unwrap();
    net.queue(probe(path, elsewhere, 7));
    net.flush();
    let left = clock().wall;
    let endpoint = find(&mut net.slots, path).unwrap();
    assert!(net.desk.told.is_empty() && !endpoint.ledger.is_empty());
    left
}

/// The interface's stamp of a packet comes, as the kernel would tell it.
fn comes(net: &mut Net<u32>, path: Path, number: u32, raw: i64) -> Stamped<Option<u32>> {
    let (seconds, nanos) = (raw.div_euclid(1_000_000_000), raw.rem_euclid(1_000_000_000));
    let words = [0, 0, 0, 0, seconds as isize, nanos as isize];
    let octets: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut control = Control::new();
    control.push(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &octets);
    let endpoint = find(&mut net.slots, path).unwrap();
    match take_stamp(endpoint, number, &Label::read(&control), &mut net.counters) {
        Found::Whole(stamped) => stamped,
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_no_interface_stamps_the_kernels_stamps_remain() {
    let mut net = net();
    let (path, local) = stamped(&mut net);
    for token in 0..20 {
        net.queue(probe(path, local, token));
        net.flush();
    }
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| seen.len() == 40);
    for sent in tokens(&seen) {
        let stamps = sent.result.unwrap();
        assert!(stamps.kernel.is_some() && stamps.hardware.is_none());
    }
    for packet in packets(&seen) {
        assert!(packet.arrival.kernel.is_some() && packet.arrival.hardware.is_none());
    }
    assert_eq!(net.counters().stamps_stray, 0);
}

#[test]
fn a_token_waits_for_the_interfaces_stamp_and_has_it_in_our_time() {
    let mut net = net();
    let (path, _) = stamped(&mut net);
    // If this thread is held up in between, the stamp is too far from the kernel's.
    let met = (0..10).find_map(|number| {
        teach(&mut net, path);
        let left = sent_and_seen(&mut net, path);
        let found = comes(&mut net, path, number, left.0 - BEHIND);
        Some((left, found.hardware?, found.kernel, found.token))
    });
    let (left, hardware, kernel, token) = met.unwrap();
    assert_eq!(hardware, Wall(left.0 + LATER));
    assert!(kernel.is_some());
    assert_eq!(token, Some(7));
}

#[test]
fn a_token_whose_interface_does_not_stamp_comes_back_before_the_answer() {
    let mut net = net();
    let (path, local) = stamped(&mut net);
    teach(&mut net, path);
    net.queue(probe(path, local, 7));
    net.flush();
    assert!(net.desk.told.is_empty());
    let mut seen = Vec::new();
    listen(&mut net, &mut seen, |seen| seen.len() == 2);
    assert!(matches!(seen[0], Seen::Sent(_)));
    let stamps = tokens(&seen)[0].result.unwrap();
    assert!(stamps.kernel.is_some() && stamps.hardware.is_none());
}

#[test]
fn a_stamp_that_cannot_be_true_is_refused_and_the_kernels_taken() {
    let mut net = net();
    let (path, _) = stamped(&mut net);
    teach(&mut net, path);
    sent_and_seen(&mut net, path);
    let found = comes(&mut net, path, 0, 5);
    assert!(found.kernel.is_some() && found.hardware.is_none());
    assert_eq!(net.counters.stamps_refused, 1);
}
