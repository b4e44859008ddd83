//! The contract between an SD-WAN routing daemon (the *host*) and the autoflow plugin.
//!
//! One `#[repr(C)]` table of functions, [`TwampPlugin`], is reached by two doors with the same
//! functions behind both: the abi_stable root module (feature `stable`), whose layout check
//! refuses a plugin built against another layout, and the C symbol [`C_DOOR`].
//! Rust hosts take [`host::Plugin`] (feature `host`) and see no pointer at all; C hosts include
//! `include/twamp_plugin.h`, which is generated from this crate.
//!
//! # The rules of the boundary
//!
//! 1. Within a major version things are only appended: nothing is reordered, resized or given
//!    another meaning. Reserved words are zero.
//! 2. Every struct that crosses by pointer begins with `struct_size`, and every array states the
//!    size of its elements, so a reader steps by the *writer's* size. A size that is too small
//!    is refused; what lies beyond the known size is ignored.
//! 3. No enum, no `bool`, no Rust container crosses: `u32` constants, and an unknown value is
//!    treated as its group of constants says.
//! 4. Who allocates frees. A borrowed pointer is valid for the call it came with, or as long as
//!    the guard it came with.
//! 5. Text is [`TwampText`]: pointer and length, UTF-8, not NUL-terminated.
//! 6. Durations and times are `u64` nanoseconds; times are of `CLOCK_BOOTTIME` unless the name
//!    says `wall` (Unix epoch). Loss is in parts per million. *Not known* is a flag bit, never
//!    a magic number.
//! 7. Functions answer an `i32`: [`code::OK`] or a negative [`code`]. The sentence that says why
//!    goes to the call's [`TwampSink`], before the call returns.
//! 8. Lines, groups and classes carry the host's own `u64` ids; [`NONE`] is no id. An id is not
//!    reused in the life of an engine.
//! 9. `acquire`, `renew`, `release`, `classify` and `choose` may be called from any thread at any time
//!    between `create` and `destroy`, and never wait. All other functions of one engine are
//!    called by one thread at a time.
//! 10. The plugin calls back only from its thread `twamp-ctl`, holds no lock while it does, and
//!     never after `destroy` has returned. A callback must not call into the same engine; a
//!     call that does is answered [`code::REENTRANT`].
//! 11. A panic never crosses: every function answers [`code::PANIC`] instead.
//! 12. The library is never unloaded; the life of an engine ends with `destroy`.
//!
//! The version rule for hosts: the checked door takes a plugin built against this crate's minor
//! version, or a newer one that has appended functions only; the C door takes any minor, by
//! `struct_size` and the sizes of rows.

mod callback;
mod choice;
pub mod code;
pub mod config;
#[cfg(feature = "host")]
pub mod host;
mod line;
pub mod manage;
mod observe;
mod sample;
mod snapshot;
#[cfg(feature = "stable")]
pub mod stable;
mod vtable;

pub use callback::{
    TwampAddress, TwampHost, TwampSink, TwampText, capability_of_host, socket_purpose,
};
pub use choice::{TwampChange, TwampChoice, TwampFlowKey, answer, choice_flag, reason};
pub use line::{TwampBinding, TwampLine, TwampLineLoad, line_flag};
pub use observe::{TwampObservation, TwampProbe, observation};
pub use sample::{TwampSample, sample_flag, sample_kind};
pub use snapshot::{
    TwampDelay, TwampGuard, TwampLineState, TwampScore, TwampSnapshot, engine_state, line_state,
    score_flag,
};
#[cfg(feature = "stable")]
pub use vtable::TwampPluginRef;
pub use vtable::{TwampEngine, TwampPlugin, capability};

/// The major version: another major is another contract.
pub const ABI_MAJOR: u16 = 1;
/// The minor version: counts what was appended.
pub const ABI_MINOR: u16 = 2;
/// The symbol of the C door: `const TwampPlugin *twamp_plugin_v1(void)`.
pub const C_DOOR: &str = "twamp_plugin_v1";
/// No id: no line, no group, no class.
pub const NONE: u64 = u64::MAX;
