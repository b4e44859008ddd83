//! What the functions of the table answer.

/// Done.
pub const OK: i32 = 0;
/// An argument can't be right: a null pointer, a `struct_size` too small, text that is no UTF-8.
pub const INVALID: i32 = -1;
/// The configuration or request is refused; the sink says every mistake.
pub const CONFIGURATION: i32 = -2;
/// The engine is not in a state for this call: started twice, used before `start`.
pub const STATE: i32 = -3;
/// This plugin can't do that; its capability bit is off.
pub const UNSUPPORTED: i32 = -4;
/// No such line, group, class or run.
pub const UNKNOWN: i32 = -5;
/// That id or name is taken.
pub const EXISTS: i32 = -6;
/// The local system refused: no such address, port in use, no permission.
pub const SYSTEM: i32 = -7;
/// Not now: a queue is full. Try again.
pub const BUSY: i32 = -8;
/// Called from inside a callback of the same engine.
pub const REENTRANT: i32 = -9;
/// The engine has failed; only `destroy` helps.
pub const FAILED: i32 = -10;
/// The plugin panicked inside; the panic was caught and logged.
pub const PANIC: i32 = -100;

/// The name of a code, as it appears in messages.
#[must_use]
pub fn name(code: i32) -> &'static str {
    match code {
        OK => "ok",
        INVALID => "invalid argument",
        CONFIGURATION => "configuration refused",
        STATE => "wrong state",
        UNSUPPORTED => "unsupported",
        UNKNOWN => "unknown id",
        EXISTS => "already there",
        SYSTEM => "local system refused",
        BUSY => "busy",
        REENTRANT => "called from a callback",
        FAILED => "engine failed",
        PANIC => "panic in the plugin",
        _ => "unknown code",
    }
}
