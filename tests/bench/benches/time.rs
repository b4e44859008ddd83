//! Nanoseconds a packet, and handshakes a second.

use benches::{Kind, SECURITY_MODES, Session, handshake};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// The sender makes a probe.
#[divan::bench(args = Kind::ALL)]
fn write_probe(bencher: Bencher, kind: Kind) {
    let mut session = Session::new(kind);
    bencher.bench_local(|| session.write_probe());
}

/// The reflector reads a probe and writes its reply.
#[divan::bench(args = Kind::ALL)]
fn reflect(bencher: Bencher, kind: Kind) {
    let mut session = Session::new(kind);
    session.write_probe();
    bencher.bench_local(|| session.reflect());
}

/// The reflector finishes a reply.
#[divan::bench(args = Kind::ALL)]
fn seal(bencher: Bencher, kind: Kind) {
    let mut session = Session::new(kind);
    session.write_probe();
    session.reflect();
    bencher
        .with_inputs(|| session.clone())
        .bench_local_refs(Session::seal);
}

/// The sender reads a reply and pairs it with its probe.
#[divan::bench(args = Kind::ALL)]
fn take_reply(bencher: Bencher, kind: Kind) {
    let mut session = Session::new(kind);
    session.write_probe();
    session.reflect();
    session.seal();
    bencher
        .with_inputs(|| session.clone())
        .bench_local_refs(Session::take_reply);
}

/// All four, one after the other.
#[divan::bench(args = Kind::ALL)]
fn whole_round(bencher: Bencher, kind: Kind) {
    let mut session = Session::new(kind);
    bencher.bench_local(|| {
        session.write_probe();
        session.reflect();
        session.seal();
        session.take_reply();
    });
}

/// Both ends of a control connection, from the greeting to Start-Ack.
#[divan::bench(args = SECURITY_MODES.map(|(name, _)| name))]
fn handshakes(bencher: Bencher, name: &str) {
    let modes = SECURITY_MODES.iter().find(|(known, _)| *known == name);
    let (_, mode) = modes.expect("one of them");
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| handshake(*mode));
}
