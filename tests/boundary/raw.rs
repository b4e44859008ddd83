//! The table of functions as a C host has it, by the C door.

use std::ffi::c_void;
use std::path::Path;
use std::ptr;

use autoflow_tests::artifacts;
use plugin_abi::{TwampEngine, TwampGuard, TwampPlugin, TwampSink, code};

use crate::listener::Listener;

/// The table of the plugin under test.
pub(crate) fn table() -> &'static TwampPlugin {
    table_of(&artifacts().plugin)
}

/// The table of another plugin.
pub(crate) fn table_of(file: &Path) -> &'static TwampPlugin {
    // SAFETY: the file is a plugin, whose door has this type and leads to a static table; the
    // library stays loaded.
    unsafe {
        let library = libloading::Library::new(file).expect("the plugin can be opened");
        let door = library
            .get::<unsafe extern "C" fn() -> *const TwampPlugin>(plugin_abi::C_DOOR.as_bytes())
            .expect("the plugin has the C door");
        let table = &*door();
        std::mem::forget(library);
        table
    }
}

/// An engine, or code and sentence.
pub(crate) fn create(
    table: &TwampPlugin,
    listener: &Listener,
    config: &str,
) -> Result<*mut TwampEngine, (i32, String)> {
    let (mut engine, mut errors) = (ptr::null_mut(), String::new());
    let host = listener.host();
    let (octets, len) = (config.as_ptr(), config.len());
    // SAFETY: all lives during the call; the listener is kept until the engine is destroyed.
    let code = unsafe { (table.create)(&host, octets, len, sink(&mut errors), &raw mut engine) };
    if code == code::OK {
        Ok(engine)
    } else {
        assert!(engine.is_null(), "refused, and yet there is an engine");
        Err((code, errors))
    }
}

/// A call of the table and what it said to its sink.
pub(crate) fn said(call: impl FnOnce(TwampSink) -> i32) -> (i32, String) {
    let mut text = String::new();
    let code = call(sink(&mut text));
    (code, text)
}

/// A guard that holds nothing.
pub(crate) fn empty_guard() -> TwampGuard {
    TwampGuard {
        snapshot: ptr::null(),
        hold: [0; 2],
        owner: ptr::null(),
    }
}

fn sink(text: &mut String) -> TwampSink {
    TwampSink {
        ctx: ptr::from_mut(text).cast(),
        write: Some(append),
    }
}

unsafe extern "C" fn append(ctx: *mut c_void, data: *const u8, len: usize) {
    // SAFETY: `ctx` is the String of `sink`, and the octets live during the call.
    unsafe {
        let octets = std::slice::from_raw_parts(data, len);
        let text = std::str::from_utf8(octets).expect("the plugin speaks UTF-8");
        (*ctx.cast::<String>()).push_str(text);
    }
}
