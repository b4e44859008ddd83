//! The life of engines: many, one after the other and side by side, and their callbacks.

use autoflow_tests::artifacts;
use autoflow_tests::holdings::Holdings;
use plugin_abi::{NONE, TwampChoice, TwampEngine, TwampPlugin, TwampSink, answer, code};

use crate::alone::alone;
use crate::listener::Listener;
use crate::loops::{looped, responder, until};
use crate::raw::{create, table, table_of};

#[test]
fn a_thousand_lives_leave_nothing_behind() {
    let plugin = || artifacts().plugin.clone();
    alone(
        "life::a_thousand_lives_leave_nothing_behind",
        plugin,
        |plugin| {
            let (table, config) = (table_of(plugin), responder());
            (0..100).for_each(|_| live_once(table, &config));
            let before = Holdings::now();
            (0..1_000).for_each(|_| live_once(table, &config));
            let after = Holdings::now();
            let same = (before.threads, before.descriptors) == (after.threads, after.descriptors);
            // A leak of an engine, or of a thread's stack, would be tens of megabytes.
            let grown = after.kilobytes.saturating_sub(before.kilobytes);
            assert!(same && grown < 4_096, "before {before:?}, after {after:?}");
        },
    );
}

/// One engine; its callbacks' context is freed as soon as `destroy` has returned.
fn live_once(table: &'static TwampPlugin, config: &str) {
    let listener = Box::new(Listener::new(table));
    let engine = create(table, &listener, config).expect("an engine");
    // SAFETY: the engine lives until `destroy`; so in all tests.
    unsafe {
        assert_eq!((table.start)(engine, TwampSink::NONE), code::OK);
        assert_eq!((table.stop)(engine), code::OK);
        assert_eq!((table.destroy)(engine), code::OK);
    }
    assert!(listener.calls() > 0, "no callback: nothing is tested");
}

fn chosen(table: &TwampPlugin, engine: *mut TwampEngine) -> Option<u64> {
    let mut choice = TwampChoice {
        struct_size: size_of::<TwampChoice>() as u32,
        ..TwampChoice::default()
    };
    // SAFETY: as above.
    let code = unsafe { (table.choose)(engine, 1, 1, 0, NONE, 0, &raw mut choice) };
    (code == code::OK && choice.answer == answer::LINE).then_some(choice.line)
}

#[test]
fn eight_engines_measure_side_by_side_and_each_host_hears_its_own_alone() {
    const NAMES: [&str; 8] = [
        "alder", "birch", "cedar", "elder", "hazel", "larch", "maple", "rowan",
    ];
    let table = table();
    let listeners = NAMES.map(|_| Box::new(Listener::new(table)));
    let engines: Vec<_> = NAMES
        .iter()
        .zip(1..)
        .map(|(name, id)| create(table, &listeners[id as usize - 1], &looped(name, id)).unwrap())
        .collect();
    for &engine in &engines {
        // SAFETY: as above; so below.
        assert_eq!(unsafe { (table.start)(engine, TwampSink::NONE) }, code::OK);
    }
    for (&engine, id) in engines.iter().zip(1..) {
        until("each engine chooses its own line", || {
            chosen(table, engine) == Some(id)
        });
    }
    for (name, listener) in NAMES.iter().zip(&listeners) {
        until(name, || {
            listener.heard("choice changed to ") && listener.heard(name)
        });
    }
    for &engine in &engines {
        // SAFETY: as above.
        assert_eq!(unsafe { (table.destroy)(engine) }, code::OK);
    }
    for (own, listener) in NAMES.iter().zip(&listeners) {
        for other in NAMES.iter().filter(|other| *other != own) {
            assert!(
                !listener.heard(other),
                "{own} heard of {other}: {:?}",
                listener.words()
            );
        }
    }
}

#[test]
fn no_callback_comes_after_destroy_has_returned() {
    let table = table();
    let listeners: Vec<_> = (0..12).map(|_| Box::new(Listener::new(table))).collect();
    for (round, listener) in listeners.iter().enumerate() {
        let engine = create(table, listener, &looped("loop", 1)).unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { (table.start)(engine, TwampSink::NONE) }, code::OK);
        // Each ends at another moment: at once, while it connects, while it measures.
        match round % 4 {
            0 => {}
            1 => until("a callback", || listener.calls() > 0),
            2 => until("a session", || listener.heard("is answered on")),
            _ => until("a choice", || listener.heard("choice changed to 1")),
        }
        // SAFETY: as above.
        unsafe {
            // Messages that are on their way to the host when the engine is destroyed.
            for unknown in 100..150 {
                assert_eq!((table.line_down)(engine, unknown), code::UNKNOWN);
            }
            assert_eq!((table.destroy)(engine), code::OK);
        }
        listener.end();
    }
    // The last one may still be calling.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let late: Vec<_> = listeners.iter().map(|listener| listener.late()).collect();
    assert_eq!(late, [0; 12]);
    assert!(listeners.iter().all(|listener| listener.calls() > 0));
}

#[test]
fn a_callback_that_calls_its_own_engine_is_refused() {
    let table = table();
    let listener = Box::new(Listener::new(table));
    let engine = create(table, &listener, &looped("loop", 1)).unwrap();
    listener.call_back(engine);
    // SAFETY: as above.
    unsafe {
        assert_eq!((table.start)(engine, TwampSink::NONE), code::OK);
        // From each kind of callback: `log_enabled` comes first, then `log`, then this.
        until("a choice", || listener.heard("choice changed to 1"));
        assert_eq!((table.stop)(engine), code::OK);
        assert!(listener.heard("run 0 ended"), "{:?}", listener.words());
        assert_eq!((table.destroy)(engine), code::OK);
    }
    let answers = listener.answers();
    assert!(answers.len() >= 4 * 9, "{answers:?}");
    for (function, answered) in answers {
        assert_eq!(answered, code::REENTRANT, "{function}");
    }
}
