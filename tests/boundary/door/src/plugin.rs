//! A plugin with nothing behind its two doors, built against a changed contract.

#![allow(dead_code, clippy::missing_safety_doc)]

use std::ptr::dangling_mut;

use plugin_abi::*;

static TABLE: TwampPlugin = TwampPlugin {
    struct_size: size_of::<TwampPlugin>() as u32,
    abi_major: ABI_MAJOR,
    abi_minor: ABI_MINOR,
    capabilities: 0,
    create,
    start,
    stop: done,
    destroy: done,
    apply,
    export_config: nothing,
    save_state: nothing,
    load_state: document,
    manage,
    event_fd: done,
    line_up: line,
    line_update: line,
    line_down,
    line_load,
    observe,
    advance,
    classify,
    choose,
    acquire,
    release,
    keep_samples: None,
    take_samples: None,
    renew: None,
};

#[unsafe(no_mangle)]
pub extern "C" fn twamp_plugin_v1() -> *const TwampPlugin {
    &raw const TABLE
}

#[abi_stable::export_root_module]
fn root_module() -> TwampPluginRef {
    use abi_stable::prefix_type::PrefixTypeTrait;
    TABLE.leak_into_prefix()
}

type Engine = *mut TwampEngine;

unsafe extern "C" fn create(
    _: *const TwampHost,
    _: *const u8,
    _: usize,
    _: TwampSink,
    out: *mut Engine,
) -> i32 {
    unsafe { out.write(dangling_mut()) };
    code::OK
}

unsafe extern "C" fn manage(_: Engine, _: *const u8, _: usize, answer: TwampSink) -> i32 {
    unsafe { answer.put(r#"{"problems":[]}"#) };
    code::OK
}

/// Two lines.
unsafe extern "C" fn acquire(_: *const TwampEngine, out: *mut TwampGuard) -> i32 {
    let row = |line| TwampLineState {
        line,
        state: line_state::ALIVE,
        ..TwampLineState::default()
    };
    let rows: &'static _ = Box::leak(Box::new([row(7), row(8)]));
    let snapshot = Box::new(TwampSnapshot {
        struct_size: size_of::<TwampSnapshot>() as u32,
        engine_state: engine_state::RUNNING,
        epoch: 1,
        taken_ns: 0,
        taken_wall_ns: 0,
        valid_until_ns: u64::MAX,
        lines: rows.as_ptr(),
        scores: std::ptr::null(),
        line_count: 2,
        line_size: size_of::<TwampLineState>() as u32,
        score_count: 0,
        score_size: size_of::<TwampScore>() as u32,
    });
    unsafe { (*out).snapshot = Box::leak(snapshot) };
    code::OK
}

unsafe extern "C" fn release(_: *mut TwampGuard) -> i32 {
    code::OK
}

unsafe extern "C" fn start(_: Engine, _: TwampSink) -> i32 {
    code::OK
}

unsafe extern "C" fn done(_: Engine) -> i32 {
    code::OK
}

unsafe extern "C" fn nothing(_: Engine, _: TwampSink) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn document(_: Engine, _: *const u8, _: usize, _: TwampSink) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn apply(_: Engine, _: *const u8, _: usize, _: u64, _: u32, _: TwampSink) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn line(_: Engine, _: *const TwampLine, _: TwampSink) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn line_down(_: Engine, _: u64) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn line_load(_: Engine, _: *const TwampLineLoad) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn observe(_: Engine, _: *const TwampObservation, _: usize, _: usize) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn advance(
    _: Engine,
    _: u64,
    _: *mut TwampProbe,
    _: usize,
    _: *mut usize,
    _: *mut u64,
) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn classify(_: *const TwampEngine, _: *const TwampFlowKey, _: *mut u64) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn choose(
    _: *const TwampEngine,
    _: u64,
    _: u64,
    _: u64,
    _: u64,
    _: u64,
    _: *mut TwampChoice,
) -> i32 {
    code::UNSUPPORTED
}

unsafe extern "C" fn appended() -> i32 {
    code::OK
}
