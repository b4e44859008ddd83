//! The table as a C host sees it: nothing but pointers.

use std::ffi::c_void;
use std::ptr;
use std::sync::Mutex;

use plugin_abi::{
    ABI_MAJOR, ABI_MINOR, NONE, TwampChoice, TwampEngine, TwampFlowKey, TwampGuard, TwampHost,
    TwampLineLoad, TwampObservation, TwampSink, TwampText, answer, code,
};

use super::TABLE;

const NO_REQUEST: i32 = code::CONFIGURATION;

/// A host that notes what it is told.
#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

impl Listener {
    fn host(&self) -> TwampHost {
        TwampHost {
            struct_size: size_of::<TwampHost>() as u32,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            capabilities: 0,
            ctx: ptr::from_ref(self).cast_mut().cast(),
            log_enabled: Some(log_enabled),
            log: Some(log),
            run_ended: None,
            choice_changed: None,
            open_socket: None,
        }
    }

    fn heard(&self, text: &str) -> bool {
        self.0
            .lock()
            .unwrap()
            .iter()
            .any(|said| said.contains(text))
    }
}

unsafe extern "C" fn log_enabled(_: *mut c_void, level: u32) -> i32 {
    (level <= 4).into()
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, _: TwampText, message: TwampText) {
    // SAFETY: the plugin hands back the ctx, a Listener, and live text.
    let (listener, message) = unsafe { (&*ctx.cast::<Listener>(), message.as_str().unwrap()) };
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("?");
    listener
        .0
        .lock()
        .unwrap()
        .push(format!("{thread} {level} {message}"));
}

unsafe extern "C" fn append(ctx: *mut c_void, data: *const u8, len: usize) {
    // SAFETY: `ctx` is the String of `sink`, and the octets live during the call.
    unsafe {
        let text = std::str::from_utf8(std::slice::from_raw_parts(data, len)).unwrap();
        (*ctx.cast::<String>()).push_str(text);
    }
}

fn sink(text: &mut String) -> TwampSink {
    TwampSink {
        ctx: ptr::from_mut(text).cast(),
        write: Some(append),
    }
}

fn choice() -> TwampChoice {
    TwampChoice {
        struct_size: size_of::<TwampChoice>() as u32,
        answer: 77,
        ..TwampChoice::default()
    }
}

fn guard() -> TwampGuard {
    TwampGuard {
        snapshot: ptr::null(),
        hold: [0; 2],
        owner: ptr::null(),
    }
}

/// What `create` answers: the engine, or code and sentence.
fn create(host: &TwampHost, config: &str) -> Result<*mut TwampEngine, (i32, String)> {
    let (mut engine, mut errors) = (ptr::null_mut(), String::new());
    let (octets, len) = (config.as_ptr(), config.len());
    // SAFETY: everything lives during the call, the listener longer than the engine.
    let code = unsafe { (TABLE.create)(host, octets, len, sink(&mut errors), &raw mut engine) };
    if code == code::OK {
        Ok(engine)
    } else {
        Err((code, errors))
    }
}

#[test]
fn two_engines_live_side_by_side_and_each_log_reaches_its_own_host() {
    let listeners = [Listener::default(), Listener::default()];
    let engines = [0, 1].map(|index| create(&listeners[index].host(), "{}").unwrap());
    // SAFETY: the engines live until `destroy`; so in all tests.
    unsafe {
        for engine in engines {
            assert_eq!((TABLE.start)(engine, TwampSink::NONE), code::OK);
            assert_eq!((TABLE.start)(engine, TwampSink::NONE), code::STATE);
        }
        // A refusal is logged at the level that the engine has yet to ask its host for.
        for _ in 0..5_000 {
            assert_eq!((TABLE.line_down)(engines[0], 9), code::UNKNOWN);
            assert_eq!(
                (TABLE.manage)(engines[1], [1].as_ptr(), 1, TwampSink::NONE),
                NO_REQUEST
            );
            if listeners[0].heard("line_down") && listeners[1].heard("manage") {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        for engine in engines {
            assert_eq!((TABLE.stop)(engine), code::OK);
            assert_eq!((TABLE.stop)(engine), code::STATE);
            assert_eq!((TABLE.destroy)(engine), code::OK);
        }
    }
    assert!(listeners[0].heard("twamp-ctl 4 refused: "));
    assert!(listeners[1].heard("twamp-ctl 4 refused: "));
    assert!(!listeners[0].heard("manage") && !listeners[1].heard("line_down"));
}

#[test]
fn create_says_every_mistake_and_makes_nothing() {
    let listener = Listener::default();
    let (code, text) = create(&listener.host(), r#"{"mod":"act","probe":{"ttl":0}}"#).unwrap_err();
    assert_eq!(code, code::CONFIGURATION);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.contains("mod: ") && text.contains("probe.ttl: "),
        "{text}"
    );
}

#[test]
fn a_host_of_another_version_is_refused() {
    let listener = Listener::default();
    let mut host = listener.host();
    host.abi_major = 2;
    let (code, text) = create(&host, "{}").unwrap_err();
    assert_eq!(code, code::INVALID);
    assert!(text.contains("built against ABI 2.2"), "{text}");
}

#[test]
fn null_and_undersized_arguments_are_refused_by_every_function() {
    let listener = Listener::default();
    let engine = create(&listener.host(), "{}").unwrap();
    let none = ptr::null_mut::<TwampEngine>();
    let small = TwampLineLoad {
        struct_size: 4,
        ..TwampLineLoad::default()
    };
    let flow = TwampFlowKey {
        struct_size: size_of::<TwampFlowKey>() as u32,
        family: 5,
        ..TwampFlowKey::default()
    };
    let unknown = TwampObservation {
        kind: u32::MAX,
        ..TwampObservation::default()
    };
    let row = size_of::<TwampObservation>();
    let (mut class, mut count, mut reached) = (0, 0, 0);
    let (mut tiny, mut whole, mut empty) = (TwampChoice::default(), choice(), guard());
    let silent = TwampSink::NONE;
    // SAFETY: what isn't null lives during the call.
    let answers = unsafe {
        [
            (TABLE.create)(ptr::null(), ptr::null(), 0, silent, ptr::null_mut()),
            (TABLE.start)(none, silent),
            (TABLE.stop)(none),
            (TABLE.destroy)(none),
            (TABLE.apply)(none, ptr::null(), 0, 0, 0, silent),
            (TABLE.apply)(engine, ptr::null(), 2, 0, 0, silent),
            (TABLE.apply)(engine, [0xff].as_ptr(), 1, 0, 0, silent),
            (TABLE.export_config)(none, silent),
            (TABLE.save_state)(none, silent),
            (TABLE.load_state)(engine, ptr::null(), 1, silent),
            (TABLE.manage)(engine, ptr::null(), 1, silent),
            (TABLE.event_fd)(none),
            (TABLE.line_up)(engine, ptr::null(), silent),
            (TABLE.line_update)(engine, ptr::null(), silent),
            (TABLE.line_down)(none, 1),
            (TABLE.line_load)(engine, &raw const small),
            (TABLE.line_load)(engine, ptr::null()),
            (TABLE.observe)(engine, ptr::null(), 1, row),
            (TABLE.observe)(engine, &raw const unknown, 1, row),
            (TABLE.observe)(engine, &raw const unknown, 1, row - 8),
            (TABLE.observe)(engine, &raw const unknown, usize::MAX, row),
            (TABLE.advance)(
                engine,
                0,
                ptr::null_mut(),
                1,
                &raw mut count,
                &raw mut reached,
            ),
            (TABLE.advance)(
                engine,
                0,
                ptr::null_mut(),
                0,
                ptr::null_mut(),
                &raw mut reached,
            ),
            (TABLE.classify)(engine, ptr::null(), &raw mut class),
            (TABLE.classify)(engine, &raw const flow, &raw mut class),
            (TABLE.choose)(engine, 0, 0, 0, 0, 0, ptr::null_mut()),
            (TABLE.choose)(engine, 0, 0, 0, 0, 0, &raw mut tiny),
            (TABLE.choose)(none, 0, 0, 0, 0, 0, &raw mut whole),
            (TABLE.acquire)(engine, ptr::null_mut()),
            (TABLE.acquire)(none, &raw mut empty),
            (TABLE.release)(ptr::null_mut()),
            TABLE.renew.unwrap()(engine, ptr::null_mut()),
            TABLE.renew.unwrap()(none, &raw mut empty),
        ]
    };
    for (index, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer, code::INVALID, "call {index}");
    }
    // SAFETY: as above.
    unsafe { assert_eq!((TABLE.destroy)(engine), code::OK) };
}

#[test]
fn a_function_without_its_capability_says_so_when_its_arguments_are_right() {
    let listener = Listener::default();
    let engine = create(&listener.host(), "{}").unwrap();
    let load = TwampLineLoad {
        struct_size: size_of::<TwampLineLoad>() as u32,
        ..TwampLineLoad::default()
    };
    let mut text = String::new();
    // SAFETY: all lives during the calls.
    let answers = unsafe {
        [
            (TABLE.save_state)(engine, sink(&mut text)),
            (TABLE.load_state)(engine, [1].as_ptr(), 1, TwampSink::NONE),
            (TABLE.line_load)(engine, &raw const load),
            (TABLE.observe)(engine, ptr::null(), 0, 0),
        ]
    };
    assert_eq!(answers, [code::UNSUPPORTED; 4]);
    assert_eq!(
        text,
        "this plugin has no save_state; look at its capabilities first"
    );
    // SAFETY: as above.
    unsafe { assert_eq!((TABLE.destroy)(engine), code::OK) };
}

#[test]
fn a_document_is_applied_and_exported_and_a_request_answered() {
    let listener = Listener::default();
    let engine = create(&listener.host(), "{}").unwrap();
    let call = |function: &dyn Fn(TwampSink) -> i32| {
        let mut text = String::new();
        (function(sink(&mut text)), text)
    };
    let apply = |document: &str, dry| {
        let (octets, len) = (document.as_ptr(), document.len());
        // SAFETY: as above; so below.
        call(&|sink| unsafe { (TABLE.apply)(engine, octets, len, 3, dry, sink) })
    };
    let manage = |request: &str| {
        let (octets, len) = (request.as_ptr(), request.len());
        // SAFETY: as above.
        call(&|sink| unsafe { (TABLE.manage)(engine, octets, len, sink) })
    };
    // SAFETY: as above.
    let export = || call(&|sink| unsafe { (TABLE.export_config)(engine, sink) }).1;

    let (code, difference) = apply(r#"{"mode":"act"}"#, 1);
    assert_eq!(code, code::OK);
    assert!(difference.starts_with('{'), "{difference}");
    assert!(export().contains(r#""mode":"advise""#));
    assert_eq!(apply(r#"{"mode":"act"}"#, 0).0, code::OK);
    assert!(export().contains(r#""mode":"act""#));
    assert_eq!(apply(r#"{"mode":"no"}"#, 0).0, code::CONFIGURATION);

    let (code, text) = manage(r#"{"do":"dance"}"#);
    assert_eq!(code, code::CONFIGURATION);
    assert!(
        text.starts_with("this is no request: unknown variant `dance`"),
        "{text}"
    );
    let (code, text) = manage(r#"{"do":"validate","config":{"probe":{"ttl":0}}}"#);
    assert_eq!(code, code::OK);
    assert!(text.contains(r#""path":"probe.ttl""#), "{text}");
    // SAFETY: as above.
    unsafe { assert_eq!((TABLE.destroy)(engine), code::OK) };
}

#[test]
fn a_run_that_is_refused_is_no_session() {
    let listener = Listener::default();
    let engine = create(&listener.host(), "{}").unwrap();
    let manage = |request: &str| {
        let mut text = String::new();
        // SAFETY: everything lives during the call.
        let code =
            unsafe { (TABLE.manage)(engine, request.as_ptr(), request.len(), sink(&mut text)) };
        assert_eq!(code, code::OK, "{text}");
        text
    };
    let refused = manage(r#"{"do":"run","run":{"remote":"127.0.0.1:9","count":1}}"#);
    assert!(refused.contains("must be running"), "{refused}");
    let wrong = r#"{"remote":"127.0.0.1:9","count":1,"probe":{"interval_ms":-1}}"#;
    let refused = manage(&format!(r#"{{"do":"run","run":{wrong}}}"#));
    assert!(
        refused.contains("run.probe.interval_ms: expected"),
        "{refused}"
    );
    assert_eq!(manage(r#"{"do":"sessions"}"#), r#"{"sessions":[]}"#);
    // SAFETY: it came from `create` and is used no more.
    assert_eq!(unsafe { (TABLE.destroy)(engine) }, code::OK);
}

#[test]
fn a_run_that_is_cancelled_at_once_ends() {
    let listener = Listener::default();
    let engine = create(&listener.host(), "{}").unwrap();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let remote = silent.local_addr().unwrap();
    let manage = |request: String| {
        let mut text = String::new();
        let (octets, len) = (request.as_ptr(), request.len());
        // SAFETY: everything lives during the call.
        unsafe { (TABLE.manage)(engine, octets, len, sink(&mut text)) };
        text
    };
    // SAFETY: it came from `create`.
    assert_eq!(unsafe { (TABLE.start)(engine, TwampSink::NONE) }, code::OK);
    for _ in 0..20 {
        let probe = r#"{"protocol":"light","interval_ms":1000,"timeout_ms":1}"#;
        let run = format!(r#"{{"remote":"{remote}","count":1000,"probe":{probe}}}"#);
        let answer = manage(format!(r#"{{"do":"run","run":{run}}}"#));
        let run = answer.trim_matches(|c: char| !c.is_ascii_digit());
        manage(format!(r#"{{"do":"cancel","run":{run}}}"#));
        let progress = || manage(format!(r#"{{"do":"progress","run":{run}}}"#));
        let ended = (0..5_000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            progress().contains(r#""state":"ended""#)
        });
        assert!(ended, "{}", progress());
    }
    // SAFETY: it came from `create` and is used no more.
    assert_eq!(unsafe { (TABLE.destroy)(engine) }, code::OK);
}

#[test]
fn a_choice_leaves_the_hosts_size_alone_and_a_snapshot_is_held() {
    let listener = Listener::default();
    let engine = create(&listener.host(), "{}").unwrap();
    let (mut choice, mut guard) = (choice(), guard());
    // SAFETY: as above.
    unsafe {
        assert_eq!(
            (TABLE.choose)(engine, 1, 2, 3, NONE, 9, &raw mut choice),
            code::OK
        );
        assert_eq!(choice.struct_size as usize, size_of::<TwampChoice>());
        assert_eq!((choice.answer, choice.line), (answer::NO_OPINION, NONE));

        assert_eq!(
            (TABLE.release)(&raw mut guard),
            code::OK,
            "harmless when empty"
        );
        assert_eq!((TABLE.acquire)(engine, &raw mut guard), code::OK);
        assert_eq!((*guard.snapshot).line_count, 0);
        assert_eq!(
            (TABLE.acquire)(engine, &raw mut guard),
            code::INVALID,
            "still held"
        );
        assert_eq!((TABLE.release)(&raw mut guard), code::OK);
        assert!(guard.snapshot.is_null());
        assert_eq!((TABLE.destroy)(engine), code::OK);
    }
}
