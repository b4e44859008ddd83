//! The host's callbacks as a trait, and the C functions in front of it.

use std::ffi::c_void;
use std::net::SocketAddr;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    ABI_MAJOR, ABI_MINOR, TwampAddress, TwampChange, TwampHost, TwampText,
    capability_of_host as capability,
};

/// What a host wants to hear. All calls come from the plugin's thread `twamp-ctl`; they must not
/// call into the same engine. A panic is caught and ends there.
pub trait Callbacks: Send + Sync + 'static {
    /// Would a message of this level be kept?
    fn log_enabled(&self, level: Level) -> bool {
        let _ = level;
        false
    }
    /// One log message.
    fn log(&self, level: Level, target: &str, message: &str) {
        let _ = (level, target, message);
    }
    /// A run has ended, or a session that the engine served; `result` is JSON.
    fn run_ended(&self, run: u64, result: &str) {
        let _ = (run, result);
    }
    /// A class of a group has changed its line.
    fn choice_changed(&self, change: &Change) {
        let _ = change;
    }
    /// Does this host open the plugin's sockets? Asked once, before the engine is created.
    fn opens_sockets(&self) -> bool {
        false
    }
    /// Opens a socket in the plugin's place, if [`opens_sockets`](Self::opens_sockets) says so.
    /// `None`: refused.
    fn open_socket(&self, request: &SocketRequest) -> Option<OwnedFd> {
        let _ = request;
        None
    }
}

/// Callbacks that hear nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Callbacks for Silent {}

/// Severity of a log message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Level {
    /// Something is broken.
    Error = 1,
    /// Something will need a person.
    Warn = 2,
    /// What an operator wants to read.
    Info = 3,
    /// For those who look for a fault.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

/// A class of a group has changed its line. See [`TwampChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The group.
    pub group: u64,
    /// The class.
    pub class: u64,
    /// The former line.
    pub from: Option<u64>,
    /// The new line.
    pub to: Option<u64>,
    /// One of [`crate::reason`].
    pub reason: u32,
    /// When, `CLOCK_BOOTTIME`.
    pub at_ns: u64,
    /// A sentence with the numbers it stands on.
    pub sentence: String,
}

/// A socket that the plugin needs. See [`TwampHost::open_socket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketRequest {
    /// Whose it is; `None`: no line's.
    pub line: Option<u64>,
    /// One of [`crate::socket_purpose`].
    pub purpose: u32,
    /// What to bind it to.
    pub local: SocketAddr,
    /// Who is at the other end, where that is known.
    pub remote: Option<SocketAddr>,
}

impl Level {
    /// The level of the boundary's number; what is beyond is `Trace`.
    #[must_use]
    pub fn from_number(level: u32) -> Self {
        match level {
            0 | 1 => Self::Error,
            2 => Self::Warn,
            3 => Self::Info,
            4 => Self::Debug,
            _ => Self::Trace,
        }
    }
}

/// The callbacks on the heap, where their address stays the same for the life of the engine.
pub(super) struct Registered(Box<dyn Callbacks>);

impl Registered {
    pub(super) fn new(callbacks: impl Callbacks) -> Box<Self> {
        Box::new(Self(Box::new(callbacks)))
    }

    /// The host's side of the contract; `self` must outlive the engine.
    pub(super) fn host(&self) -> TwampHost {
        let sockets = catch_unwind(AssertUnwindSafe(|| self.0.opens_sockets())).unwrap_or(false);
        let offered = if sockets { capability::OPEN_SOCKET } else { 0 };
        TwampHost {
            struct_size: size_of::<TwampHost>() as u32,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            capabilities: capability::LOG
                | capability::RUN_ENDED
                | capability::CHOICE_CHANGED
                | offered,
            ctx: std::ptr::from_ref(self).cast_mut().cast(),
            log_enabled: Some(log_enabled),
            log: Some(log),
            run_ended: Some(run_ended),
            choice_changed: Some(choice_changed),
            open_socket: sockets.then_some(open_socket),
        }
    }
}

/// # Safety
/// `ctx` must come from [`Registered::host`] of a value that still lives.
unsafe fn with(ctx: *mut c_void, call: impl FnOnce(&dyn Callbacks)) {
    // SAFETY: the caller's promise.
    let registered = unsafe { &*ctx.cast::<Registered>() };
    // A panic must not cross into the plugin; the host's own hook has reported it by now.
    let _ = catch_unwind(AssertUnwindSafe(|| call(&*registered.0)));
}

unsafe extern "C" fn log_enabled(ctx: *mut c_void, level: u32) -> i32 {
    let mut enabled = false;
    // SAFETY: the plugin hands back the ctx of `host`.
    unsafe {
        with(ctx, |callbacks| {
            enabled = callbacks.log_enabled(Level::from_number(level))
        })
    };
    enabled.into()
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, target: TwampText, message: TwampText) {
    // SAFETY: the plugin hands back the ctx of `host`, and texts that live during the call.
    unsafe {
        let (target, message) = (
            target.as_str().unwrap_or("?"),
            message.as_str().unwrap_or("?"),
        );
        with(ctx, |callbacks| {
            callbacks.log(Level::from_number(level), target, message)
        });
    }
}

unsafe extern "C" fn run_ended(ctx: *mut c_void, run: u64, result: TwampText) {
    // SAFETY: as in `log`.
    unsafe {
        let result = result.as_str().unwrap_or("{}");
        with(ctx, |callbacks| callbacks.run_ended(run, result));
    }
}

unsafe extern "C" fn choice_changed(ctx: *mut c_void, change: *const TwampChange) {
    // SAFETY: as in `log`; `change` lives during the call.
    unsafe {
        let raw = &*change;
        let id = |id| (id != crate::NONE).then_some(id);
        let change = Change {
            group: raw.group,
            class: raw.class,
            from: id(raw.from),
            to: id(raw.to),
            reason: raw.reason,
            at_ns: raw.at_ns,
            sentence: raw.sentence.as_str().unwrap_or_default().to_owned(),
        };
        with(ctx, |callbacks| callbacks.choice_changed(&change));
    }
}

unsafe extern "C" fn open_socket(
    ctx: *mut c_void,
    line: u64,
    purpose: u32,
    local: *const TwampAddress,
    remote: *const TwampAddress,
) -> i32 {
    let mut opened = None;
    // SAFETY: as in `log`; both addresses live during the call, or are null.
    unsafe {
        let address = |raw: *const TwampAddress| raw.as_ref().and_then(|raw| raw.to_socket());
        let Some(local) = address(local) else {
            return -1;
        };
        let request = SocketRequest {
            line: (line != crate::NONE).then_some(line),
            purpose,
            local,
            remote: address(remote),
        };
        with(ctx, |callbacks| opened = callbacks.open_socket(&request));
    }
    opened.map_or(-1, IntoRawFd::into_raw_fd)
}
