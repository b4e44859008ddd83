//! Instructions a packet, which no load of the machine changes.

use benches::{Kind, Session};
use gungraun::{
    Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};

#[library_benchmark]
#[bench::open(written(Kind::Open))]
#[bench::authenticated(written(Kind::Authenticated))]
#[bench::encrypted(written(Kind::Encrypted))]
#[bench::stamp(written(Kind::Stamp))]
#[bench::stamp_hmac(written(Kind::StampHmac))]
fn write_probe(mut session: Session) -> Session {
    session.write_probe();
    session
}

#[library_benchmark]
#[bench::open(written(Kind::Open))]
#[bench::authenticated(written(Kind::Authenticated))]
#[bench::encrypted(written(Kind::Encrypted))]
#[bench::stamp(written(Kind::Stamp))]
#[bench::stamp_hmac(written(Kind::StampHmac))]
fn reflect(mut session: Session) -> Session {
    session.reflect();
    session
}

#[library_benchmark]
#[bench::open(reflected(Kind::Open))]
#[bench::authenticated(reflected(Kind::Authenticated))]
#[bench::encrypted(reflected(Kind::Encrypted))]
#[bench::stamp(reflected(Kind::Stamp))]
#[bench::stamp_hmac(reflected(Kind::StampHmac))]
fn seal(mut session: Session) -> Session {
    session.seal();
    session
}

#[library_benchmark]
#[bench::open(sealed(Kind::Open))]
#[bench::authenticated(sealed(Kind::Authenticated))]
#[bench::encrypted(sealed(Kind::Encrypted))]
#[bench::stamp(sealed(Kind::Stamp))]
#[bench::stamp_hmac(sealed(Kind::StampHmac))]
fn take_reply(mut session: Session) -> Session {
    session.take_reply();
    session
}

library_benchmark_group!(
    name = packets,
    benchmarks = [write_probe, reflect, seal, take_reply]
);
main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = packets
);

/// A session whose caches are warm and whose tables are there, with a probe to be answered.
fn written(kind: Kind) -> Session {
    let mut session = Session::new(kind);
    for _ in 0..100 {
        session.write_probe();
        session.reflect();
        session.seal();
        session.take_reply();
    }
    session.write_probe();
    session
}

fn reflected(kind: Kind) -> Session {
    let mut session = written(kind);
    session.reflect();
    session
}

fn sealed(kind: Kind) -> Session {
    let mut session = reflected(kind);
    session.seal();
    session
}
