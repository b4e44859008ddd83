//! What every export goes through: no panic crosses, no callback re-enters, each event finds
//! the log of its engine.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use plugin_abi::{TwampEngine, TwampSink, code};

use super::refusal::Refusal;
use crate::engine::Engine;
use crate::fault::fault;
use crate::host::{calling, is_calling};
use crate::log;

#[cfg(panic = "abort")]
compile_error!("a panic must reach the barrier: build the plugin with panic = \"unwind\"");

/// What a `*mut TwampEngine` points to.
pub(super) struct Handle {
    /// As in the engine's `Host`.
    pub(super) id: u64,
    pub(super) engine: Engine,
}

// Hot calls share the engine between threads, and any thread may make the others.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Handle>();
};

/// A call that one thread at a time makes. Its answer or its refusal goes to `sink`.
///
/// # Safety
/// `engine` is null or came from `create` and is not destroyed; `sink` is live.
pub(super) unsafe fn call(
    name: &'static str,
    engine: *const TwampEngine,
    sink: TwampSink,
    body: impl FnOnce(&Engine) -> Result<String, Refusal>,
) -> i32 {
    // SAFETY: the caller's promise; what `create` hands out is a Handle.
    let Some(handle) = (unsafe { engine.cast::<Handle>().as_ref() }) else {
        // SAFETY: the caller's promise.
        return unsafe { answer(name, 0, sink, Err(Refusal::invalid("engine is null"))) };
    };
    if is_calling(handle.id) {
        return code::REENTRANT;
    }
    let _entered = log::enter(handle.engine.log_queue());
    let answered = caught(name, || body(&handle.engine));
    // SAFETY: the caller's promise.
    unsafe { answer(name, handle.id, sink, answered) }
}

/// A call without an engine. Its refusal goes to `sink`.
///
/// # Safety
/// `sink` is live.
pub(super) unsafe fn bare(
    name: &'static str,
    sink: TwampSink,
    body: impl FnOnce() -> Result<String, Refusal>,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { answer(name, 0, sink, caught(name, body)) }
}

/// A call that any thread may make at any time, from callbacks as well. It takes no lock and
/// touches no count that threads share, so it doesn't enter the log: only a panic is told.
///
/// # Safety
/// `engine` is null or came from `create` and is not destroyed.
#[inline(always)]
pub(super) unsafe fn hot(
    name: &'static str,
    engine: *const TwampEngine,
    body: impl FnOnce(&Engine) -> i32,
) -> i32 {
    // SAFETY: the caller's promise; what `create` hands out is a Handle.
    let Some(handle) = (unsafe { engine.cast::<Handle>().as_ref() }) else {
        return code::INVALID;
    };
    let run = || {
        fault(name);
        body(&handle.engine)
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(code) => code,
        Err(payload) => panicked(name, Some(handle), payload),
    }
}

/// `release`: as [`hot`], but the engine is looked at only to tell of a panic.
///
/// # Safety
/// As [`hot`].
#[inline(always)]
pub(super) unsafe fn hot_without_engine(
    name: &'static str,
    engine: *const TwampEngine,
    body: impl FnOnce() -> i32,
) -> i32 {
    let run = || {
        fault(name);
        body()
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(code) => code,
        Err(payload) => {
            // SAFETY: the caller's promise; what `create` hands out is a Handle.
            let handle = unsafe { engine.cast::<Handle>().as_ref() };
            panicked(name, handle, payload)
        }
    }
}

/// # Safety
/// `sink` is live.
unsafe fn answer(
    name: &'static str,
    engine: u64,
    sink: TwampSink,
    answered: Result<String, Refusal>,
) -> i32 {
    let (code, text) = match answered {
        Ok(text) => (code::OK, text),
        Err(refusal) => {
            tracing::debug!(
                call = name,
                code = refusal.code,
                "refused: {}",
                refusal.text
            );
            (refusal.code, refusal.text)
        }
    };
    if !text.is_empty() {
        let _calling = calling(engine);
        // SAFETY: the caller's promise.
        unsafe { sink.put(&text) };
    }
    code
}

fn caught(
    name: &'static str,
    body: impl FnOnce() -> Result<String, Refusal>,
) -> Result<String, Refusal> {
    let run = || {
        fault(name);
        body()
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        discard(payload);
        let said = log::last_panic().map_or_else(|| "no message".into(), |panic| panic.text);
        Err(Refusal {
            code: code::PANIC,
            text: format!("{name} panicked: {said}; this is a fault of the plugin, report it"),
        })
    })
}

/// A hot call panicked. The hook told the engine that this thread works for, which is mostly none.
/// Apart and cold, so that it costs a call nothing when all is well.
#[cold]
#[inline(never)]
fn panicked(name: &'static str, handle: Option<&Handle>, payload: Box<dyn Any + Send>) -> i32 {
    discard(payload);
    let panic = log::last_panic().filter(|panic| !panic.told);
    if let (Some(handle), Some(panic)) = (handle, panic) {
        let queue = handle.engine.log_queue();
        queue.panicked(&format!("{name}: {}", panic.text));
    }
    code::PANIC
}

/// A payload may panic once more when it is dropped; what comes of that is left alone.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;

    use super::*;
    use plugin_abi::config::Config;

    fn handle() -> Handle {
        log::install();
        let host = crate::host::Host::deaf();
        Handle {
            id: host.engine(),
            engine: Engine::create(host, Config::default()).unwrap(),
        }
    }

    fn raw(handle: &Handle) -> *const TwampEngine {
        std::ptr::from_ref(handle).cast()
    }

    unsafe extern "C" fn append(ctx: *mut c_void, data: *const u8, len: usize) {
        // SAFETY: `ctx` is the String below, and the octets live during the call.
        unsafe {
            let text = std::str::from_utf8(std::slice::from_raw_parts(data, len)).unwrap();
            (*ctx.cast::<String>()).push_str(text);
        }
    }

    #[test]
    fn a_panic_ends_at_the_barrier_is_counted_logged_and_told() {
        let handle = handle();
        let mut told = String::new();
        let sink = TwampSink {
            ctx: (&raw mut told).cast(),
            write: Some(append),
        };
        // SAFETY: the handle lives; so in all tests here.
        let code = unsafe { call("apply", raw(&handle), sink, |_| panic!("boom {}", 3)) };
        assert_eq!(code, code::PANIC);
        assert!(told.starts_with("apply panicked: boom 3 (at "), "{told}");
        let queue = handle.engine.log_queue();
        assert_eq!(queue.panics(), 1);
        assert!(queue.take().unwrap().text.contains("boom 3"));
    }

    #[test]
    fn a_panic_in_a_hot_call_is_counted_and_logged_once() {
        let handle = handle();
        // SAFETY: as above.
        let code = unsafe { hot("choose", raw(&handle), |_| panic!("boom")) };
        assert_eq!(code, code::PANIC);
        // SAFETY: as above.
        let code = unsafe { hot_without_engine("release", raw(&handle), || panic!("boom")) };
        assert_eq!(code, code::PANIC);
        let queue = handle.engine.log_queue();
        assert_eq!(queue.panics(), 2);
        assert!(queue.take().unwrap().text.contains("choose: boom"));
        assert!(queue.take().unwrap().text.contains("release: boom"));
        assert!(queue.take().is_none());
    }

    #[test]
    fn a_payload_that_panics_when_dropped_ends_at_the_barrier_too() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let handle = handle();
        let explode = |_: &Engine| std::panic::panic_any(Bomb);
        // SAFETY: as above.
        let code = unsafe { call("stop", raw(&handle), TwampSink::NONE, explode) };
        assert_eq!(code, code::PANIC);
    }

    #[test]
    fn a_callback_may_not_call_its_own_engine_but_another_one() {
        let (one, other) = (handle(), handle());
        let quiet = |_: &Engine| Ok(String::new());
        let _calling = calling(one.id);
        // SAFETY: as above.
        unsafe {
            let own = call("stop", raw(&one), TwampSink::NONE, quiet);
            let others = call("stop", raw(&other), TwampSink::NONE, quiet);
            let hot = hot("choose", raw(&one), |_| code::OK);
            assert_eq!((own, others, hot), (code::REENTRANT, code::OK, code::OK));
        }
        {
            let _inner = calling(other.id);
        }
        // SAFETY: as above.
        let own = unsafe { call("stop", raw(&one), TwampSink::NONE, quiet) };
        assert_eq!(own, code::REENTRANT, "the outer callback still runs");
    }

    #[test]
    fn a_sink_may_not_call_the_engine_that_writes_to_it() {
        struct Back(*const TwampEngine, i32);
        unsafe extern "C" fn call_back(ctx: *mut c_void, _: *const u8, _: usize) {
            // SAFETY: `ctx` is the Back below, and its engine lives.
            unsafe {
                let back = &mut *ctx.cast::<Back>();
                back.1 = call("stop", back.0, TwampSink::NONE, |_| Ok(String::new()));
            }
        }
        let handle = handle();
        let mut back = Back(raw(&handle), code::OK);
        let sink = TwampSink {
            ctx: (&raw mut back).cast(),
            write: Some(call_back),
        };
        // SAFETY: as above.
        let code = unsafe { call("manage", raw(&handle), sink, |_| Ok("{}".into())) };
        assert_eq!((code, back.1), (code::OK, code::REENTRANT));
    }

    #[test]
    fn what_a_call_logs_goes_to_its_engine_and_what_follows_does_not() {
        let handle = handle();
        let speak = |_: &Engine| {
            tracing::info!("inside");
            Ok(String::new())
        };
        // SAFETY: as above.
        let code = unsafe { call("start", raw(&handle), TwampSink::NONE, speak) };
        tracing::info!("after");
        assert_eq!(code, code::OK);
        let queue = handle.engine.log_queue();
        assert_eq!(
            queue.take().map(|said| said.text).as_deref(),
            Some("inside")
        );
        assert_eq!(queue.take(), None);
    }
}
