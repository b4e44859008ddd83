//! The table of functions, whole from the first version on.

use crate::{
    TwampChoice, TwampFlowKey, TwampGuard, TwampHost, TwampLine, TwampLineLoad, TwampObservation,
    TwampProbe, TwampSample, TwampSink,
};

/// An engine of the plugin; only its address crosses.
#[repr(C)]
#[derive(Debug)]
#[cfg_attr(feature = "stable", derive(abi_stable::StableAbi))]
pub struct TwampEngine {
    _private: [u8; 0],
}

/// What the plugin can do, by function. The rules of the boundary say
/// what holds for threads, pointers and codes.
#[repr(C)]
#[derive(Clone, Copy)]
#[cfg_attr(
    feature = "stable",
    derive(abi_stable::StableAbi),
    sabi(kind(Prefix(prefix_ref = TwampPluginRef)), missing_field(option))
)]
pub struct TwampPlugin {
    /// `sizeof(TwampPlugin)` as the plugin knows it: functions beyond it are not there.
    pub struct_size: u32,
    /// The major version.
    pub abi_major: u16,
    /// The minor version.
    pub abi_minor: u16,
    /// Bits of [`capability`].
    pub capabilities: u64,

    /// Makes an engine from a JSON configuration; starts no thread and opens no socket.
    /// Every mistake in the configuration goes to `errors`.
    pub create: unsafe extern "C" fn(
        host: *const TwampHost,
        config: *const u8,
        config_len: usize,
        errors: TwampSink,
        out: *mut *mut TwampEngine,
    ) -> i32,
    /// Binds everything, then starts the threads. After any `fork` of the host. When it is
    /// refused nothing is left half-way, and it may be called again.
    pub start: unsafe extern "C" fn(engine: *mut TwampEngine, errors: TwampSink) -> i32,
    /// Ends all sessions and threads; the last snapshot stays readable, `choose` has no opinion.
    pub stop: unsafe extern "C" fn(engine: *mut TwampEngine) -> i32,
    /// Stops if need be and frees the engine. Every guard must have been released.
    pub destroy: unsafe extern "C" fn(engine: *mut TwampEngine) -> i32,
    /// Makes `document` the whole wanted state, all or nothing, and answers the difference as
    /// JSON; with `dry_run` non-zero it only answers. A `generation` not above the last applied
    /// one is refused, unless it is 0.
    pub apply: unsafe extern "C" fn(
        engine: *mut TwampEngine,
        document: *const u8,
        document_len: usize,
        generation: u64,
        dry_run: u32,
        answer: TwampSink,
    ) -> i32,
    /// The wanted state as JSON, without secrets.
    pub export_config: unsafe extern "C" fn(engine: *mut TwampEngine, answer: TwampSink) -> i32,
    /// What was learned of the lines, as an opaque blob for `load_state`.
    pub save_state: unsafe extern "C" fn(engine: *mut TwampEngine, answer: TwampSink) -> i32,
    /// Takes back a blob of `save_state`, before `start`.
    pub load_state: unsafe extern "C" fn(
        engine: *mut TwampEngine,
        state: *const u8,
        state_len: usize,
        errors: TwampSink,
    ) -> i32,
    /// Everything people ask for: a JSON request, a JSON answer. Never waits; long work answers
    /// with the id of a run.
    pub manage: unsafe extern "C" fn(
        engine: *mut TwampEngine,
        request: *const u8,
        request_len: usize,
        answer: TwampSink,
    ) -> i32,
    /// A descriptor that becomes readable when a choice or a line's state changed; read eight
    /// octets to clear it. The engine owns it. Negative: a code.
    pub event_fd: unsafe extern "C" fn(engine: *mut TwampEngine) -> i32,

    /// A new line.
    pub line_up: unsafe extern "C" fn(
        engine: *mut TwampEngine,
        line: *const TwampLine,
        errors: TwampSink,
    ) -> i32,
    /// A line has changed; what was learned of it is kept.
    pub line_update: unsafe extern "C" fn(
        engine: *mut TwampEngine,
        line: *const TwampLine,
        errors: TwampSink,
    ) -> i32,
    /// A line is gone.
    pub line_down: unsafe extern "C" fn(engine: *mut TwampEngine, line: u64) -> i32,
    /// The host's own counters of a line.
    pub line_load:
        unsafe extern "C" fn(engine: *mut TwampEngine, load: *const TwampLineLoad) -> i32,
    /// Measurements by the host, and answers to probes under a manual clock:
    /// `count` of them, `size` octets apart.
    pub observe: unsafe extern "C" fn(
        engine: *mut TwampEngine,
        observations: *const TwampObservation,
        count: usize,
        size: usize,
    ) -> i32,
    /// Manual clock: goes on to `until_ns`, but stops at the first probes due, of which up to
    /// `room` are written; `reached_ns` is where it stopped.
    pub advance: unsafe extern "C" fn(
        engine: *mut TwampEngine,
        until_ns: u64,
        probes: *mut TwampProbe,
        room: usize,
        count: *mut usize,
        reached_ns: *mut u64,
    ) -> i32,

    /// The class of a flow, by the rules of the wanted state; `UNKNOWN`, and `NONE` as its class, if
    /// none matches. Any thread; never waits.
    pub classify: unsafe extern "C" fn(
        engine: *const TwampEngine,
        flow: *const TwampFlowKey,
        class: *mut u64,
    ) -> i32,
    /// Which line for a flow of this class in this group: `current` is the line it is on or
    /// `NONE`; `now_ns` the time, or 0 to have the plugin read it. Any thread; never waits.
    pub choose: unsafe extern "C" fn(
        engine: *const TwampEngine,
        group: u64,
        class: u64,
        flow_hash: u64,
        current: u64,
        now_ns: u64,
        out: *mut TwampChoice,
    ) -> i32,
    /// Holds the newest snapshot. Any thread; never waits.
    pub acquire: unsafe extern "C" fn(engine: *const TwampEngine, out: *mut TwampGuard) -> i32,
    /// Gives it back. Any thread; never waits. Harmless on a guard that holds nothing.
    // Later minors append below, as `Option`s: null in the table of an older plugin.
    #[cfg_attr(feature = "stable", sabi(last_prefix_field))]
    pub release: unsafe extern "C" fn(guard: *mut TwampGuard) -> i32,

    /// From 1.1. What became of single probes is kept for `take_samples` from now on, the newest
    /// `room` of them; 0: no more, and those that are there go.
    pub keep_samples: Option<unsafe extern "C" fn(engine: *mut TwampEngine, room: usize) -> i32>,
    /// From 1.1. Moves the oldest that are kept to `samples`: up to `room` rows, `size` octets
    /// apart. `count` is how many there were; `dropped` how many were driven out by newer ones
    /// since the last call.
    pub take_samples: Option<
        unsafe extern "C" fn(
            engine: *mut TwampEngine,
            samples: *mut TwampSample,
            room: usize,
            size: usize,
            count: *mut usize,
            dropped: *mut u64,
        ) -> i32,
    >,
    /// From 1.2. Makes `guard` hold the newest snapshot, whatever it held before; zero it before
    /// first use. For a thread that keeps a guard and reads often: as long as nothing newer is
    /// published it costs a comparison. Such a guard may be held for as long as it is renewed; it
    /// is released as others are. Any thread, one at a time for each guard; never waits.
    pub renew:
        Option<unsafe extern "C" fn(engine: *const TwampEngine, guard: *mut TwampGuard) -> i32>,
}

/// What a plugin can do. A call whose bit is off answers `UNSUPPORTED`.
pub mod capability {
    /// TWAMP-Control and TWAMP-Test, RFC 5357, open mode.
    pub const TWAMP: u64 = 1;
    /// TWAMP Light, RFC 5357 appendix I.
    pub const LIGHT: u64 = 1 << 1;
    /// STAMP, RFC 8762.
    pub const STAMP: u64 = 1 << 2;
    /// Authenticated, encrypted and mixed mode.
    pub const SECURITY: u64 = 1 << 3;
    /// Kernel stamps for sent and received packets.
    pub const KERNEL_STAMPS: u64 = 1 << 4;
    /// `save_state` and `load_state`.
    pub const STATE: u64 = 1 << 5;
    /// `line_load`.
    pub const LINE_LOAD: u64 = 1 << 6;
    /// `observe` for measurements by the host.
    pub const OBSERVE: u64 = 1 << 7;
    /// Engines under a manual clock: `advance`, and `observe` for replies.
    pub const MANUAL_CLOCK: u64 = 1 << 8;
    /// `classify`.
    pub const CLASSIFY: u64 = 1 << 9;
    /// Sockets opened by the host.
    pub const OPEN_SOCKET: u64 = 1 << 10;
    /// Export by IPFIX.
    pub const IPFIX: u64 = 1 << 11;
    /// `keep_samples` and `take_samples`.
    pub const SAMPLES: u64 = 1 << 12;
    /// `renew`.
    pub const RENEW: u64 = 1 << 13;
}
