//! Arguments that can't be right, as a C host may hand them over.

use std::mem::offset_of;
use std::ptr;

use plugin_abi::{
    NONE, TwampAddress, TwampBinding, TwampChoice, TwampEngine, TwampFlowKey, TwampHost, TwampLine,
    TwampLineLoad, TwampObservation, TwampSink, TwampText, code, line_flag, observation,
};

use crate::listener::Listener;
use crate::raw::{create, empty_guard, said, table};

fn line() -> TwampLine {
    TwampLine {
        struct_size: size_of::<TwampLine>() as u32,
        flags: line_flag::SENDER,
        line: 5,
        name: TwampText::borrow("fibre"),
        underlay: TwampText::EMPTY,
        far_end: TwampText::EMPTY,
        binding: TwampBinding {
            device: TwampText::EMPTY,
            namespace_fd: -1,
            mark: 0,
            source: TwampAddress::none(),
            reserved: 0,
        },
        far: "192.0.2.1:862"
            .parse::<std::net::SocketAddr>()
            .expect("an address")
            .into(),
        cost: 0,
        mtu: 0,
        capacity_up: 0,
        capacity_down: 0,
        groups: ptr::null(),
        group_count: 0,
    }
}

/// An engine that has not started, for the time of `test`.
fn with_engine(test: impl FnOnce(*mut TwampEngine)) {
    let table = table();
    let listener = Listener::new(table);
    let engine = create(table, &listener, "{}").expect("an engine");
    test(engine);
    // SAFETY: it lives.
    assert_eq!(unsafe { (table.destroy)(engine) }, code::OK);
}

#[test]
fn a_struct_that_is_too_small_is_refused_in_a_sentence_and_a_larger_one_is_taken() {
    let table = table();
    with_engine(|engine| {
        let up = |line: &TwampLine| {
            // SAFETY: the engine lives, and a struct is as large as it says, or refused unread.
            said(|sink| unsafe { (table.line_up)(engine, line, sink) })
        };
        let size = size_of::<TwampLine>();
        for small in [0, 4, size - 1] {
            let small = TwampLine {
                struct_size: small as u32,
                ..line()
            };
            let sentence = format!(
                "line.struct_size is {}, at least {size} is expected; set it to sizeof the struct",
                small.struct_size
            );
            assert_eq!(up(&small), (code::INVALID, sentence));
        }
        #[repr(C)]
        struct Newer(TwampLine, [u64; 4]);
        let mut newer = Newer(line(), [!0; 4]);
        newer.0.struct_size = size_of::<Newer>() as u32;
        assert_eq!(up(&newer.0), (code::OK, String::new()));
        let (code, sentence) = up(&line());
        assert_eq!(code, code::EXISTS, "{sentence}");
    });
}

#[test]
fn a_host_without_its_head_is_refused_and_one_without_callbacks_is_taken() {
    let table = table();
    let listener = Listener::new(table);
    let make = |size: usize, major| {
        let mut host: TwampHost = listener.host();
        (host.struct_size, host.abi_major) = (size as u32, major);
        let mut engine = ptr::null_mut();
        // SAFETY: all lives during the call, and the listener longer.
        let made =
            said(|sink| unsafe { (table.create)(&host, b"{}".as_ptr(), 2, sink, &raw mut engine) });
        if !engine.is_null() {
            // SAFETY: it lives.
            assert_eq!(unsafe { (table.destroy)(engine) }, code::OK);
        }
        made
    };
    let head = offset_of!(TwampHost, log_enabled);
    let (code, sentence) = make(head - 1, 1);
    assert_eq!(code, code::INVALID);
    assert!(
        sentence.starts_with("host.struct_size is 23, at least 24"),
        "{sentence}"
    );
    let (code, sentence) = make(size_of::<TwampHost>(), 2);
    assert_eq!(code, code::INVALID);
    assert!(
        sentence.contains("this plugin speaks major version 1"),
        "{sentence}"
    );
    assert_eq!(make(head, 1), (code::OK, String::new()));
}

#[test]
fn unknown_flags_and_reserved_words_of_a_line_are_refused_by_name() {
    let table = table();
    with_engine(|engine| {
        let refused = |change: &dyn Fn(&mut TwampLine), sentence: &str| {
            let mut line = line();
            change(&mut line);
            // SAFETY: the engine lives, and so does the line.
            for function in [table.line_up, table.line_update] {
                // SAFETY: as above.
                let (code, told) = said(|sink| unsafe { function(engine, &line, sink) });
                assert_eq!((code, told.as_str()), (code::INVALID, sentence));
            }
        };
        refused(
            &|line| line.flags |= 1 << 9,
            "line.flags: expected bits of line_flag only, found 0x200 besides; \
             clear the other bits",
        );
        refused(
            &|line| line.binding.reserved = 3,
            "line.binding.reserved: expected 0, found 3; zero it",
        );
        refused(
            &|line| line.far.reserved = 4,
            "line.far.reserved: expected 0, found 4; zero it",
        );
        refused(&|line| line.group_count = 2, "line.groups is null");
    });
}

#[test]
fn null_is_refused_wherever_something_must_be() {
    let table = table();
    let silent = TwampSink::NONE;
    with_engine(|engine| {
        let none = ptr::null_mut::<TwampEngine>();
        let (empty, mut class) = (b"{}".as_ptr(), 0);
        let mut made = none;
        let flow = TwampFlowKey::default();
        let load = TwampLineLoad::default();
        let line = line();
        let mut choice = TwampChoice::default();
        let mut guard = empty_guard();
        let renew = table.renew.expect("it is there from 1.2 on");
        // SAFETY: what isn't null lives during the call.
        let answers = unsafe {
            [
                (
                    "create",
                    (table.create)(ptr::null(), empty, 2, silent, &raw mut made),
                ),
                ("start", (table.start)(none, silent)),
                ("stop", (table.stop)(none)),
                ("destroy", (table.destroy)(none)),
                ("apply", (table.apply)(none, empty, 2, 0, 0, silent)),
                (
                    "apply nothing",
                    (table.apply)(engine, ptr::null(), 2, 0, 0, silent),
                ),
                ("export_config", (table.export_config)(none, silent)),
                ("save_state", (table.save_state)(none, silent)),
                ("load_state", (table.load_state)(none, empty, 2, silent)),
                (
                    "load_state nothing",
                    (table.load_state)(engine, ptr::null(), 2, silent),
                ),
                ("manage", (table.manage)(none, empty, 2, silent)),
                (
                    "manage nothing",
                    (table.manage)(engine, ptr::null(), 2, silent),
                ),
                ("event_fd", (table.event_fd)(none)),
                ("line_up", (table.line_up)(none, &line, silent)),
                (
                    "line_up nothing",
                    (table.line_up)(engine, ptr::null(), silent),
                ),
                (
                    "line_update nothing",
                    (table.line_update)(engine, ptr::null(), silent),
                ),
                ("line_down", (table.line_down)(none, 1)),
                ("line_load", (table.line_load)(none, &raw const load)),
                ("line_load nothing", (table.line_load)(engine, ptr::null())),
                ("observe", (table.observe)(none, ptr::null(), 0, 0)),
                (
                    "observe nothing",
                    (table.observe)(engine, ptr::null(), 1, 200),
                ),
                (
                    "advance",
                    (table.advance)(
                        engine,
                        1,
                        ptr::null_mut(),
                        0,
                        ptr::null_mut(),
                        ptr::null_mut(),
                    ),
                ),
                (
                    "classify",
                    (table.classify)(none, &raw const flow, &raw mut class),
                ),
                (
                    "classify nothing",
                    (table.classify)(engine, ptr::null(), &raw mut class),
                ),
                (
                    "choose",
                    (table.choose)(none, 1, 1, 0, NONE, 0, &raw mut choice),
                ),
                (
                    "choose nothing",
                    (table.choose)(engine, 1, 1, 0, NONE, 0, ptr::null_mut()),
                ),
                ("acquire", (table.acquire)(none, &raw mut guard)),
                ("acquire nothing", (table.acquire)(engine, ptr::null_mut())),
                ("release", (table.release)(ptr::null_mut())),
                ("renew", renew(none, &raw mut guard)),
                ("renew nothing", renew(engine, ptr::null_mut())),
            ]
        };
        for (call, answered) in answers {
            assert_eq!(answered, code::INVALID, "{call}");
        }
    });
}

#[test]
fn rows_of_another_size_are_stepped_over_by_the_size_that_the_host_says() {
    let table = table();
    with_engine(|engine| {
        #[repr(C)]
        struct Newer(TwampObservation, [u64; 3]);
        let row = |kind| {
            let known = TwampObservation {
                kind,
                ..TwampObservation::default()
            };
            // Wrong as a kind, wherever a reader steps astray.
            Newer(known, [u64::MAX; 3])
        };
        let rows = [observation::DELAY, observation::LOST, observation::COUNTERS].map(row);
        let first = rows.as_ptr().cast::<TwampObservation>();
        // SAFETY: the engine lives; there are three rows of this size.
        unsafe {
            let size = size_of::<Newer>();
            assert_eq!((table.observe)(engine, first, 3, size), code::UNSUPPORTED);
            for wrong in [
                0,
                size_of::<TwampObservation>() - 8,
                size_of::<TwampObservation>() + 4,
            ] {
                assert_eq!((table.observe)(engine, first, 1, wrong), code::INVALID);
            }
        }
    });
}
