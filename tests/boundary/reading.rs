//! Reading while the engine publishes: whole pictures, in order, wherever they are released.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use autoflow_tests::artifacts;
use plugin_abi::host::{Engine, Plugin, Silent};
use plugin_abi::line_state;

use crate::loops::{looped, until};

const LINE: u64 = 11;

fn measuring() -> Engine {
    let plugin = Plugin::load_checked(&artifacts().plugin).expect("the plugin is let in");
    let engine = plugin
        .create(&looped("loop", LINE), Silent)
        .expect("an engine");
    engine.start().expect("it starts");
    until("the line is alive", || {
        let snapshot = engine.snapshot().expect("a snapshot");
        snapshot.lines().any(|line| line.state == line_state::ALIVE)
    });
    engine
}

#[test]
fn two_readers_see_whole_pictures_in_order_while_new_ones_are_published() {
    const PICTURES: u64 = 60;
    let engine = measuring();
    let (over, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let first = engine.snapshot().unwrap().epoch;
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (mut last_epoch, mut last_taken) = (0, 0);
                while !over.load(Ordering::Relaxed) {
                    let snapshot = engine.snapshot().unwrap();
                    assert!(snapshot.epoch >= last_epoch, "a picture came back");
                    assert!(snapshot.taken_ns >= last_taken, "time went back");
                    assert!(snapshot.valid_until_ns > snapshot.taken_ns);
                    let lines: Vec<_> = snapshot.lines().map(|row| row.line).collect();
                    let scores: Vec<_> = snapshot.scores().map(|row| row.line).collect();
                    assert_eq!((lines, scores), (vec![LINE], vec![LINE]));
                    for row in snapshot.scores() {
                        assert!(row.samples <= row.probes && row.score <= 100);
                        assert!(row.round_trip.min_ns <= row.round_trip.max_ns);
                    }
                    (last_epoch, last_taken) = (snapshot.epoch, snapshot.taken_ns);
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let published = || engine.snapshot().unwrap().epoch - first;
        until("pictures are published under two readers", || {
            published() > PICTURES
        });
        over.store(true, Ordering::Relaxed);
    });
    let reads = reads.into_inner();
    assert!(
        reads > 10 * PICTURES,
        "{reads} reads of {PICTURES} pictures"
    );
}

#[test]
fn a_reader_keeps_one_snapshot_and_renews_it_as_pictures_are_published() {
    let engine = measuring();
    let mut kept = engine.snapshot().unwrap();
    for _ in 0..20 {
        let before = kept.epoch;
        until("a newer picture", || {
            kept.renew().unwrap();
            let lines: Vec<_> = kept.lines().map(|row| row.line).collect();
            assert_eq!(lines, [LINE]);
            assert!(kept.epoch >= before, "a picture came back");
            kept.epoch > before
        });
    }
    engine.stop().unwrap();
    kept.renew().unwrap();
    assert_eq!(kept.engine_state, plugin_abi::engine_state::STOPPED);
}

#[test]
fn a_picture_is_given_back_by_another_thread_long_after_it_was_replaced() {
    let engine = measuring();
    let held = thread::scope(|scope| {
        // More than the eight that arc-swap keeps a slot for.
        let hold = || {
            (0..12)
                .map(|_| engine.snapshot().unwrap())
                .collect::<Vec<_>>()
        };
        scope.spawn(hold).join().unwrap()
    });
    let epoch = held[0].epoch;
    until("newer pictures", || {
        engine.snapshot().unwrap().epoch > epoch + 20
    });
    engine.stop().unwrap();
    for snapshot in held {
        let lines: Vec<_> = snapshot.lines().map(|row| (row.line, row.state)).collect();
        assert_eq!(lines, [(LINE, line_state::ALIVE)]);
        assert!(snapshot.epoch <= epoch + 12);
    }
    let last = engine.snapshot().unwrap();
    assert_eq!(last.engine_state, plugin_abi::engine_state::STOPPED);
    assert_eq!(last.lines().count(), 1, "the last figures stay readable");
}
