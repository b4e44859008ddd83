//! Every function of the table, with a panic inside: the panic ends there, and is told.

use std::path::Path;
use std::ptr;

use plugin_abi::{
    NONE, TwampChoice, TwampEngine, TwampFlowKey, TwampLineLoad, TwampPlugin, TwampSample,
    TwampSink, code,
};

use crate::alone::alone;
use crate::listener::Listener;
use crate::loops::until;
use crate::raw::{create, empty_guard, said, table_of};
use crate::variants;

const FUNCTIONS: [&str; 23] = [
    "create",
    "start",
    "stop",
    "destroy",
    "apply",
    "export_config",
    "save_state",
    "load_state",
    "manage",
    "event_fd",
    "line_up",
    "line_update",
    "line_down",
    "line_load",
    "observe",
    "advance",
    "classify",
    "choose",
    "acquire",
    "release",
    "keep_samples",
    "take_samples",
    "renew",
];

#[test]
fn a_panic_in_any_function_is_answered_logged_and_survived() {
    alone(
        "barrier::a_panic_in_any_function_is_answered_logged_and_survived",
        variants::with_faults,
        walk,
    );
}

fn walk(plugin: &Path) {
    let table = table_of(plugin);
    let listener = Listener::new(table);
    let engine = create(table, &listener, "{}").expect("an engine");
    // The list above is the table's: two words of head, then a word for each function.
    assert_eq!(
        FUNCTIONS.len(),
        table.struct_size as usize / size_of::<usize>() - 2
    );
    for function in FUNCTIONS {
        inject(Some(function));
        let (answered, told) = call(table, engine, &listener, function);
        assert_eq!(answered, code::PANIC, "{function}");
        if let Some(told) = told {
            let sentence = format!("{function} panicked: injected into {function} (at ");
            assert!(told.starts_with(&sentence), "{told}");
            assert!(
                told.ends_with("this is a fault of the plugin, report it"),
                "{told}"
            );
        }
    }
    inject(None);

    // The engine is as before; it has counted all panics but that of `create`, which had none.
    // SAFETY: the engine lives until `destroy`.
    unsafe {
        assert_eq!(
            said(|sink| (table.start)(engine, sink)),
            (code::OK, String::new())
        );
        let request = br#"{"do":"statistics"}"#;
        let (answered, told) =
            said(|sink| (table.manage)(engine, request.as_ptr(), request.len(), sink));
        assert_eq!(answered, code::OK);
        let statistics: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(
            statistics["statistics"]["panics"],
            FUNCTIONS.len() - 1,
            "{told}"
        );
        for function in &FUNCTIONS[1..] {
            let injected = format!("injected into {function} (at ");
            until(function, || {
                let words = listener.words();
                let mut errors = words
                    .iter()
                    .filter(|words| words.starts_with("1 panic caught: "));
                errors.any(|words| words.contains(&injected))
            });
        }
        assert_eq!((table.destroy)(engine), code::OK);
    }
}

/// Makes a function panic from now on.
fn inject(function: Option<&str>) {
    // SAFETY: this process runs this test alone: its other thread waits for this one, and the
    // engine, which has not started, has no thread.
    unsafe {
        match function {
            Some(function) => std::env::set_var("TWAMP_FAULT", format!("panic:{function}")),
            None => std::env::remove_var("TWAMP_FAULT"),
        }
    }
}

/// Calls a function with arguments that are right, so that only the panic is wrong. `None`: it
/// has no sink to tell it to.
fn call(
    table: &TwampPlugin,
    engine: *mut TwampEngine,
    listener: &Listener,
    function: &str,
) -> (i32, Option<String>) {
    let (empty, two) = (b"{}".as_ptr(), 2);
    let load = TwampLineLoad {
        struct_size: size_of::<TwampLineLoad>() as u32,
        ..TwampLineLoad::default()
    };
    let flow = TwampFlowKey {
        struct_size: size_of::<TwampFlowKey>() as u32,
        family: 4,
        ..TwampFlowKey::default()
    };
    let mut choice = TwampChoice {
        struct_size: size_of::<TwampChoice>() as u32,
        ..TwampChoice::default()
    };
    let (mut class, mut count, mut reached, mut dropped) = (0, 0, 0, 0);
    let mut guard = empty_guard();
    let told = |call: &dyn Fn(TwampSink) -> i32| {
        let (code, told) = said(call);
        (code, Some(told))
    };
    // SAFETY: the engine lives, and all arguments do during the call.
    unsafe {
        match function {
            "create" => {
                let (code, told) = create(table, listener, "{}").expect_err("a panic");
                (code, Some(told))
            }
            "start" => told(&|sink| (table.start)(engine, sink)),
            "stop" => ((table.stop)(engine), None),
            "destroy" => ((table.destroy)(engine), None),
            "apply" => told(&|sink| (table.apply)(engine, empty, two, 0, 0, sink)),
            "export_config" => told(&|sink| (table.export_config)(engine, sink)),
            "save_state" => told(&|sink| (table.save_state)(engine, sink)),
            "load_state" => told(&|sink| (table.load_state)(engine, empty, two, sink)),
            "manage" => told(&|sink| (table.manage)(engine, empty, two, sink)),
            "event_fd" => ((table.event_fd)(engine), None),
            "line_up" => told(&|sink| (table.line_up)(engine, ptr::null(), sink)),
            "line_update" => told(&|sink| (table.line_update)(engine, ptr::null(), sink)),
            "line_down" => ((table.line_down)(engine, 1), None),
            "line_load" => ((table.line_load)(engine, &raw const load), None),
            "observe" => ((table.observe)(engine, ptr::null(), 0, 0), None),
            "advance" => {
                let (count, reached) = (&raw mut count, &raw mut reached);
                (
                    (table.advance)(engine, 1, ptr::null_mut(), 0, count, reached),
                    None,
                )
            }
            "keep_samples" => {
                let keep_samples = table.keep_samples.expect("it is there from 1.1 on");
                (keep_samples(engine, 1), None)
            }
            "take_samples" => {
                let take_samples = table.take_samples.expect("it is there from 1.1 on");
                let size = size_of::<TwampSample>();
                let count = &raw mut count;
                (
                    take_samples(engine, ptr::null_mut(), 0, size, count, &raw mut dropped),
                    None,
                )
            }
            "renew" => {
                let renew = table.renew.expect("it is there from 1.2 on");
                (renew(engine, &raw mut guard), None)
            }
            "classify" => (
                (table.classify)(engine, &raw const flow, &raw mut class),
                None,
            ),
            "choose" => (
                (table.choose)(engine, 1, 1, 0, NONE, 0, &raw mut choice),
                None,
            ),
            "acquire" => ((table.acquire)(engine, &raw mut guard), None),
            "release" => {
                assert_eq!((table.acquire)(engine, &raw mut guard), code::OK);
                let answered = (table.release)(&raw mut guard);
                // The panic left it held: that is the plugin's to keep, not to lose.
                assert!(!guard.owner.is_null());
                inject(None);
                assert_eq!((table.release)(&raw mut guard), code::OK);
                (answered, None)
            }
            other => panic!("no function is called {other}"),
        }
    }
}
