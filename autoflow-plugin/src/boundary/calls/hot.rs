//! What any thread may call at any time: no lock, no allocation, no wait.

use plugin_abi::{NONE, TwampChoice, TwampEngine, TwampFlowKey, TwampGuard, answer, code};

use super::super::{argument, barrier, guard};
use crate::engine::Engine;
use crate::flow::Flow;

pub(in super::super) unsafe extern "C" fn classify(
    engine: *const TwampEngine,
    flow: *const TwampFlowKey,
    class: *mut u64,
) -> i32 {
    let body = |engine: &Engine| {
        // SAFETY: see the module above; so in all calls below.
        let flow = unsafe { argument::read(flow) };
        let Some(flow) = flow.ok().as_ref().and_then(Flow::of) else {
            return code::INVALID;
        };
        if !is_there(class) {
            return code::INVALID;
        }
        let found = engine.classify(&flow);
        // SAFETY: `class` is present, aligned, and the host's to be written.
        unsafe { class.write(found.unwrap_or(NONE)) };
        found.map_or(code::UNKNOWN, |_| code::OK)
    };
    // SAFETY: see the module above.
    unsafe { barrier::hot("classify", engine, body) }
}

pub(in super::super) unsafe extern "C" fn choose(
    engine: *const TwampEngine,
    group: u64,
    class: u64,
    _flow_hash: u64,
    current: u64,
    now_ns: u64,
    out: *mut TwampChoice,
) -> i32 {
    let body = |engine: &Engine| {
        // SAFETY: see the module above.
        let Ok(mut choice) = (unsafe { argument::read(out) }) else {
            return code::INVALID;
        };
        // Whatever happens next: no opinion, unless there is one.
        choice = TwampChoice {
            struct_size: choice.struct_size,
            answer: answer::NO_OPINION,
            line: NONE,
            ..TwampChoice::default()
        };
        // SAFETY: `out` was read, and is the host's to be written.
        unsafe { out.write(choice) };
        let current = (current != NONE).then_some(current);
        let answered = engine.choose(group, class, current, now_ns);
        choice = TwampChoice {
            struct_size: choice.struct_size,
            answer: answered.answer,
            line: answered.line.unwrap_or(NONE),
            flags: answered.flags,
            reason: answered.reason,
            epoch: answered.epoch,
            valid_until_ns: answered.valid_until_ns,
        };
        // SAFETY: as above.
        unsafe { out.write(choice) };
        code::OK
    };
    // SAFETY: see the module above.
    unsafe { barrier::hot("choose", engine, body) }
}

pub(in super::super) unsafe extern "C" fn acquire(
    engine: *const TwampEngine,
    out: *mut TwampGuard,
) -> i32 {
    let body = |held: &Engine| {
        if !is_there(out) {
            return code::INVALID;
        }
        // SAFETY: `out` is present and this caller's alone; the engine isn't null.
        match unsafe { guard::hold(held.published(), engine.cast(), out) } {
            true => code::OK,
            false => code::INVALID,
        }
    };
    // SAFETY: see the module above.
    unsafe { barrier::hot("acquire", engine, body) }
}

pub(in super::super) unsafe extern "C" fn renew(
    engine: *const TwampEngine,
    held: *mut TwampGuard,
) -> i32 {
    let body = |of: &Engine| {
        if !is_there(held) {
            return code::INVALID;
        }
        // SAFETY: `held` is present and this caller's alone, zeroed or filled by this plugin; the
        // engine isn't null, and lives until its last guard is released.
        unsafe { guard::renew(of.published(), engine.cast(), held) };
        code::OK
    };
    // SAFETY: see the module above.
    unsafe { barrier::hot("renew", engine, body) }
}

pub(in super::super) unsafe extern "C" fn release(held: *mut TwampGuard) -> i32 {
    if !is_there(held) {
        return code::INVALID;
    }
    let body = || {
        // SAFETY: `held` is present, zeroed or filled by this plugin, and this caller's alone.
        unsafe { guard::give_back(held) };
        code::OK
    };
    // SAFETY: the owner is null or the engine, which lives until its last guard is released.
    unsafe { barrier::hot_without_engine("release", guard::owner(held).cast(), body) }
}

/// As [`argument::present`], without a sentence: there is no sink for it.
fn is_there<T>(pointer: *const T) -> bool {
    !pointer.is_null() && pointer.is_aligned()
}
