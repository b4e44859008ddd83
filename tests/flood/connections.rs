//! Ten thousand connections a second, made and dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use autoflow_tests::caller::Caller;

use crate::bystander::Bystander;
use crate::responder::{Responder, flooder};
use crate::size::short_or_long;

const PER_SECOND: u64 = 10_000;

#[test]
fn connections_that_come_and_go_keep_nobody_out() {
    let responder = Responder::start("");
    let bystander = Bystander::of(&responder);
    let (seconds, wanted) = short_or_long((1, PER_SECOND / 10), (10, PER_SECOND));
    let span = Duration::from_secs(seconds);
    let (made, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let memory = thread::scope(|scope| {
        let begin = Instant::now();
        for number in 1..=4 {
            let (made, over, to) = (&made, &over, responder.control());
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    // As many as wanted each second, and no more.
                    let due = begin.elapsed().as_secs_f64() * wanted as f64;
                    if made.load(Ordering::Relaxed) as f64 > due {
                        thread::sleep(Duration::from_millis(1));
                        continue;
                    }
                    if let Ok(caller) = Caller::connect(flooder(number), to) {
                        // Reset, so that no port of ours stays behind.
                        let socket = socket2::SockRef::from(&caller.stream);
                        let _ = socket.set_linger(Some(Duration::ZERO));
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        thread::sleep(span / 4);
        let early = responder.memory();
        thread::sleep(span - span / 4);
        let late = responder.memory();
        over.store(true, Ordering::Relaxed);
        (early, late)
    });
    println!(
        "{} connections in {seconds} s, memory {memory:?}",
        made.into_inner()
    );
    let (early, late) = memory;
    assert!(late < early * 2 + (32 << 20), "memory: {early} then {late}");
    responder.serves();
    bystander.has_lost_nothing();
}
