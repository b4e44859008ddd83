//! One engine of a plugin, without a pointer in sight.

use std::ffi::c_void;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;

use super::callbacks::Registered;
use super::error::CallError;
use super::guard::{self, Snapshot};
use crate::manage::{Answer, Request};
use crate::{
    NONE, TwampChoice, TwampEngine, TwampFlowKey, TwampLine, TwampLineLoad, TwampObservation,
    TwampPlugin, TwampProbe, TwampSample, TwampSink, answer, code,
};

/// A running or stopped engine; destroyed when dropped.
///
/// [`choose`](Self::choose), [`classify`](Self::classify) and [`snapshot`](Self::snapshot) may be
/// called from any thread; the others take a lock, since the contract wants one caller at a time.
pub struct Engine {
    table: Arc<TwampPlugin>,
    raw: *mut TwampEngine,
    calls: std::sync::Mutex<()>,
    // The plugin holds its address; dropped after `destroy` has returned.
    _callbacks: Box<Registered>,
}

// SAFETY: the contract allows `choose`, `classify`, `acquire`, `renew` and `release` from any
// thread, and `calls` lets one thread at a time make the others.
unsafe impl Send for Engine {}
// SAFETY: as above.
unsafe impl Sync for Engine {}

/// What `choose` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Use your own routing.
    NoOpinion,
    /// This line.
    Line(u64),
    /// This line, the best of a bad lot.
    BestOfBad(u64),
    /// Keep what you have: the figures are getting old.
    Keep,
}

pub(super) fn create(
    table: Arc<TwampPlugin>,
    config: &str,
    callbacks: Box<Registered>,
) -> Result<Engine, CallError> {
    let mut raw = std::ptr::null_mut();
    let host = callbacks.host();
    let mut errors = String::new();
    // SAFETY: all pointers live during the call; `callbacks` outlives the engine.
    let answered = unsafe {
        (table.create)(
            &raw const host,
            config.as_ptr(),
            config.len(),
            sink(&mut errors),
            &raw mut raw,
        )
    };
    check("create", answered, errors)?;
    Ok(Engine {
        table,
        raw,
        calls: std::sync::Mutex::new(()),
        _callbacks: callbacks,
    })
}

impl Engine {
    /// Binds everything, then starts measuring.
    ///
    /// # Errors
    /// What the local system refused, or a start in the wrong state; nothing is left half-way.
    pub fn start(&self) -> Result<(), CallError> {
        self.call("start", |raw, sink| {
            // SAFETY: here and below, `raw` lives until `drop`; what else is handed over
            // outlives the call.
            unsafe { (self.table.start)(raw, sink) }
        })
        .map(drop)
    }

    /// Ends all sessions and threads.
    ///
    /// # Errors
    /// [`code::STATE`] if it does not run.
    pub fn stop(&self) -> Result<(), CallError> {
        // SAFETY: see `start`.
        self.call("stop", |raw, _| unsafe { (self.table.stop)(raw) })
            .map(drop)
    }

    /// Makes `document` the whole wanted state and answers the difference as JSON.
    ///
    /// # Errors
    /// Every mistake of the document; then nothing has changed.
    pub fn apply(
        &self,
        document: &str,
        generation: u64,
        dry_run: bool,
    ) -> Result<String, CallError> {
        // SAFETY: see `start`.
        self.call("apply", |raw, sink| unsafe {
            let (data, len) = (document.as_ptr(), document.len());
            (self.table.apply)(raw, data, len, generation, dry_run.into(), sink)
        })
    }

    /// The wanted state as JSON, without secrets.
    ///
    /// # Errors
    /// [`code::REENTRANT`] from a callback.
    pub fn export_config(&self) -> Result<String, CallError> {
        // SAFETY: see `start`.
        self.call("export_config", |raw, sink| unsafe {
            (self.table.export_config)(raw, sink)
        })
    }

    /// What was learned, for [`load_state`](Self::load_state) of a later engine.
    ///
    /// # Errors
    /// [`code::UNSUPPORTED`] where the plugin can't.
    pub fn save_state(&self) -> Result<String, CallError> {
        // SAFETY: see `start`.
        self.call("save_state", |raw, sink| unsafe {
            (self.table.save_state)(raw, sink)
        })
    }

    /// Takes back what was learned, before [`start`](Self::start).
    ///
    /// # Errors
    /// [`code::UNSUPPORTED`] where the plugin can't; a blob that is none of its own.
    pub fn load_state(&self, state: &str) -> Result<(), CallError> {
        // SAFETY: see `start`.
        self.call("load_state", |raw, sink| unsafe {
            (self.table.load_state)(raw, state.as_ptr(), state.len(), sink)
        })
        .map(drop)
    }

    /// Asks for what people ask for.
    ///
    /// # Errors
    /// The plugin refuses the request, or its answer is none that this host knows.
    pub fn manage(&self, request: &Request) -> Result<Answer, CallError> {
        let invalid = |error: serde_json::Error| CallError {
            call: "manage",
            code: code::INVALID,
            message: error.to_string(),
        };
        let answer = self.manage_json(&serde_json::to_string(request).map_err(invalid)?)?;
        match serde_json::from_str(&answer).map_err(invalid)? {
            Answer::Error(refusal) => Err(CallError {
                call: "manage",
                code: refusal.code,
                message: refusal.message,
            }),
            answer => Ok(answer),
        }
    }

    /// As [`manage`](Self::manage), in the raw.
    ///
    /// # Errors
    /// The plugin could not take the request at all.
    pub fn manage_json(&self, request: &str) -> Result<String, CallError> {
        // SAFETY: see `start`.
        self.call("manage", |raw, sink| unsafe {
            (self.table.manage)(raw, request.as_ptr(), request.len(), sink)
        })
    }

    /// A descriptor that becomes readable when a choice or a line's state changed.
    ///
    /// # Errors
    /// The local system has no descriptor left.
    pub fn event_fd(&self) -> Result<BorrowedFd<'_>, CallError> {
        // SAFETY: see `start`.
        let fd: RawFd = unsafe { (self.table.event_fd)(self.raw) };
        check("event_fd", fd.min(0), String::new())?;
        // SAFETY: the engine owns the descriptor and lives as long as `self`.
        Ok(unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// A new line.
    ///
    /// # Errors
    /// An id or name that is taken, an address that can't be bound.
    pub fn line_up(&self, line: &TwampLine) -> Result<(), CallError> {
        // SAFETY: see `start`; the line's own pointers are the caller's, borrowed for the call.
        self.call("line_up", |raw, sink| unsafe {
            (self.table.line_up)(raw, line, sink)
        })
        .map(drop)
    }

    /// A line has changed; what was learned of it is kept.
    ///
    /// # Errors
    /// [`code::UNKNOWN`], or as [`line_up`](Self::line_up).
    pub fn line_update(&self, line: &TwampLine) -> Result<(), CallError> {
        // SAFETY: see `line_up`.
        self.call("line_update", |raw, sink| unsafe {
            (self.table.line_update)(raw, line, sink)
        })
        .map(drop)
    }

    /// A line is gone.
    ///
    /// # Errors
    /// [`code::UNKNOWN`].
    pub fn line_down(&self, line: u64) -> Result<(), CallError> {
        // SAFETY: see `start`.
        self.call("line_down", |raw, _| unsafe {
            (self.table.line_down)(raw, line)
        })
        .map(drop)
    }

    /// The host's own counters of a line.
    ///
    /// # Errors
    /// [`code::UNSUPPORTED`] where the plugin can't.
    pub fn line_load(&self, load: &TwampLineLoad) -> Result<(), CallError> {
        // SAFETY: see `start`.
        self.call("line_load", |raw, _| unsafe {
            (self.table.line_load)(raw, load)
        })
        .map(drop)
    }

    /// Measurements by the host.
    ///
    /// # Errors
    /// [`code::UNSUPPORTED`] where the plugin can't.
    pub fn observe(&self, observations: &[TwampObservation]) -> Result<(), CallError> {
        // SAFETY: see `start`.
        self.call("observe", |raw, _| unsafe {
            let size = size_of::<TwampObservation>();
            (self.table.observe)(raw, observations.as_ptr(), observations.len(), size)
        })
        .map(drop)
    }

    /// Manual clock: goes on to `until_ns` or the first probes due. Answers how many of `probes`
    /// were filled, and the time reached.
    ///
    /// # Errors
    /// [`code::UNSUPPORTED`] where the plugin can't; [`code::STATE`] under the system's clock.
    pub fn advance(
        &self,
        until_ns: u64,
        probes: &mut [TwampProbe],
    ) -> Result<(usize, u64), CallError> {
        let (mut count, mut reached) = (0, 0);
        // SAFETY: see `start`.
        self.call("advance", |raw, _| unsafe {
            let room = probes.len();
            (self.table.advance)(
                raw,
                until_ns,
                probes.as_mut_ptr(),
                room,
                &raw mut count,
                &raw mut reached,
            )
        })?;
        Ok((count, reached))
    }

    /// Keeps what becomes of single probes from now on, the newest `room` of them, for
    /// [`take_samples`](Self::take_samples); 0: no more.
    ///
    /// # Errors
    /// [`code::UNSUPPORTED`] where the plugin can't.
    pub fn keep_samples(&self, room: usize) -> Result<(), CallError> {
        self.call("keep_samples", |raw, _| match self.table.keep_samples {
            // SAFETY: see `start`.
            Some(keep) => unsafe { keep(raw, room) },
            None => code::UNSUPPORTED,
        })
        .map(drop)
    }

    /// Moves the oldest of those that are kept to `samples`. Answers how many there were, and how
    /// many were driven out by newer ones since the last call.
    ///
    /// # Errors
    /// [`code::UNSUPPORTED`] where the plugin can't.
    pub fn take_samples(&self, samples: &mut [TwampSample]) -> Result<(usize, u64), CallError> {
        let (mut count, mut dropped) = (0, 0);
        self.call("take_samples", |raw, _| match self.table.take_samples {
            // SAFETY: see `start`.
            Some(take) => unsafe {
                let (room, size) = (samples.len(), size_of::<TwampSample>());
                let (count, dropped) = (&raw mut count, &raw mut dropped);
                take(raw, samples.as_mut_ptr(), room, size, count, dropped)
            },
            None => code::UNSUPPORTED,
        })?;
        Ok((count, dropped))
    }

    /// The class of a flow.
    ///
    /// # Errors
    /// [`code::UNSUPPORTED`] where the plugin can't; [`code::UNKNOWN`] if no rule matches.
    pub fn classify(&self, flow: &TwampFlowKey) -> Result<u64, CallError> {
        let mut class = NONE;
        // SAFETY: see `start`.
        let answered = unsafe { (self.table.classify)(self.raw, flow, &raw mut class) };
        check("classify", answered, String::new()).map(|()| class)
    }

    /// Which line for a flow; any fault is *no opinion*. `now_ns` 0: the plugin reads the clock.
    #[must_use]
    pub fn choose(
        &self,
        group: u64,
        class: u64,
        flow_hash: u64,
        current: Option<u64>,
        now_ns: u64,
    ) -> Choice {
        let mut choice = TwampChoice {
            struct_size: size_of::<TwampChoice>() as u32,
            line: NONE,
            ..TwampChoice::default()
        };
        // SAFETY: see `start`.
        let answered = unsafe {
            let current = current.unwrap_or(NONE);
            (self.table.choose)(
                self.raw,
                group,
                class,
                flow_hash,
                current,
                now_ns,
                &raw mut choice,
            )
        };
        match choice.answer {
            _ if answered != code::OK => Choice::NoOpinion,
            answer::LINE => Choice::Line(choice.line),
            answer::BEST_OF_BAD => Choice::BestOfBad(choice.line),
            answer::KEEP => Choice::Keep,
            _ => Choice::NoOpinion,
        }
    }

    /// The newest snapshot, held until dropped.
    ///
    /// # Errors
    /// A panic inside the plugin.
    #[inline]
    pub fn snapshot(&self) -> Result<Snapshot<'_>, CallError> {
        // SAFETY: `raw` lives longer than the borrow of `self` in the guard.
        unsafe { guard::acquire(&self.table, self.raw) }
    }

    fn call(
        &self,
        call: &'static str,
        run: impl FnOnce(*mut TwampEngine, TwampSink) -> i32,
    ) -> Result<String, CallError> {
        let _one_at_a_time = self
            .calls
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = String::new();
        match run(self.raw, sink(&mut text)) {
            code::OK => Ok(text),
            code => Err(CallError {
                call,
                code,
                message: text,
            }),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: `raw` came from `create` and is used no more.
        unsafe { (self.table.destroy)(self.raw) };
    }
}

fn check(call: &'static str, code: i32, message: String) -> Result<(), CallError> {
    match code {
        code::OK => Ok(()),
        code => Err(CallError {
            call,
            code,
            message,
        }),
    }
}

/// A sink that appends to `text`; valid as long as `text` is.
fn sink(text: &mut String) -> TwampSink {
    TwampSink {
        ctx: std::ptr::from_mut(text).cast(),
        write: Some(append),
    }
}

unsafe extern "C" fn append(ctx: *mut c_void, data: *const u8, len: usize) {
    if data.is_null() {
        return;
    }
    // SAFETY: `ctx` is the String of `sink`, lent for the call; the plugin promises the octets.
    unsafe {
        let octets = std::slice::from_raw_parts(data, len);
        (*ctx.cast::<String>()).push_str(&String::from_utf8_lossy(octets));
    }
}
