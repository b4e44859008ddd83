//! Lines that come and go for a long time, each with its control connection and its session: what
//! the process holds stays what it was.
//!
//! A short form runs with all tests; `SOAK=long` makes it half an hour with 2,000 lines, which is
//! meant for a build with `--release`, and tells how it goes:
//!
//!     SOAK=long cargo test --release -p autoflow-tests --test soak -- --nocapture

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod ends;

use std::time::{Duration, Instant};

use autoflow_tests::holdings::Holdings;

use ends::{Far, Near};

/// Memory may be this many per cent more than it was, and a megabyte: allocators keep some.
const SLACK_PERCENT: usize = 5;
/// One line in so many comes or goes in each step.
const SHARE: u64 = 50;
/// Only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long, and how much.
struct Soak {
    lines: u64,
    /// Until as many results are kept as ever are.
    warm_up: Duration,
    span: Duration,
    step: Duration,
    told: bool,
}

impl Soak {
    fn asked_for() -> Self {
        let long = std::env::var("SOAK").as_deref() == Ok("long");
        match long {
            true => Self {
                lines: 2_000,
                warm_up: Duration::from_secs(450),
                span: Duration::from_secs(1_350),
                step: Duration::from_secs(1),
                told: true,
            },
            false => Self {
                lines: 200,
                warm_up: Duration::from_secs(10),
                span: Duration::from_secs(10),
                step: Duration::from_millis(100),
                told: false,
            },
        }
    }
}

#[test]
fn lines_that_come_and_go_leave_nothing_behind() {
    let soak = Soak::asked_for();
    let far = Far::start();
    let near = Near::start();
    (0..soak.lines).for_each(|line| near.up(line));
    near.until_all_run(soak.lines);
    come_and_go(&near, &soak, soak.warm_up);
    let before = settled(&near, soak.lines, None);
    come_and_go(&near, &soak, soak.span);
    let after = settled(&near, soak.lines, Some(&before));
    if soak.told {
        println!("before {before:?}, after {after:?}");
    }
    let most = before.kilobytes + before.kilobytes * SLACK_PERCENT / 100 + 1_024;
    assert!(
        after.kilobytes <= most,
        "before {before:?}, after {after:?}"
    );
    near.stop();
    far.stop();
}

/// In each step some lines go, and those that went in the last one are back.
fn come_and_go(near: &Near, soak: &Soak, span: Duration) {
    let (began, mut step) = (Instant::now(), 0);
    let mut gone: Vec<u64> = Vec::new();
    while began.elapsed() < span {
        gone.drain(..).for_each(|line| near.up(line));
        gone.extend((0..soak.lines).filter(|line| line % SHARE == step % SHARE));
        gone.iter().for_each(|line| near.down(*line));
        std::thread::sleep(soak.step);
        step += 1;
        if soak.told && step % 60 == 0 {
            println!("{:>4} s: {:?}", began.elapsed().as_secs(), Holdings::now());
        }
    }
    gone.into_iter().for_each(|line| near.up(line));
}

/// What is held when all lines are up; as many threads and descriptors as `before`.
fn settled(near: &Near, lines: u64, before: Option<&Holdings>) -> Holdings {
    near.until_all_run(lines);
    let began = Instant::now();
    loop {
        // Connections that have ended are still being closed.
        std::thread::sleep(Duration::from_secs(1));
        let now = Holdings::now();
        let same = |before: &Holdings| {
            (before.threads, before.descriptors) == (now.threads, now.descriptors)
        };
        if before.is_none_or(same) {
            return now;
        }
        assert!(began.elapsed() < PATIENCE, "before {before:?}, now {now:?}");
    }
}
