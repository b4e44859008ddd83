//! A host that notes what it is told, and may call back from inside.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use plugin_abi::{
    ABI_MAJOR, ABI_MINOR, TwampChange, TwampEngine, TwampHost, TwampPlugin, TwampSink, TwampText,
    capability_of_host,
};

/// The host's side of one engine. Its address must stay the same while the engine lives.
pub(crate) struct Listener {
    words: Mutex<Vec<String>>,
    /// Callbacks of any kind.
    calls: AtomicUsize,
    /// Set when `destroy` has returned.
    over: AtomicBool,
    /// Callbacks after that.
    late: AtomicUsize,
    /// Called from inside each callback.
    back: AtomicPtr<TwampEngine>,
    table: &'static TwampPlugin,
    /// What those calls were answered.
    answers: Mutex<Vec<(&'static str, i32)>>,
}

impl Listener {
    pub(crate) fn new(table: &'static TwampPlugin) -> Self {
        Self {
            words: Mutex::default(),
            calls: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            late: AtomicUsize::new(0),
            back: AtomicPtr::new(ptr::null_mut()),
            table,
            answers: Mutex::default(),
        }
    }

    /// The contract, with this as its context.
    pub(crate) fn host(&self) -> TwampHost {
        TwampHost {
            struct_size: size_of::<TwampHost>() as u32,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            capabilities: capability_of_host::LOG
                | capability_of_host::RUN_ENDED
                | capability_of_host::CHOICE_CHANGED,
            ctx: ptr::from_ref(self).cast_mut().cast(),
            log_enabled: Some(log_enabled),
            log: Some(log),
            run_ended: Some(run_ended),
            choice_changed: Some(choice_changed),
            open_socket: None,
        }
    }

    /// Everything that was said.
    pub(crate) fn words(&self) -> Vec<String> {
        locked(&self.words).clone()
    }

    /// Has it heard a message with this text in it?
    pub(crate) fn heard(&self, text: &str) -> bool {
        locked(&self.words).iter().any(|words| words.contains(text))
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// `destroy` has returned: from now on nobody may call.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Callbacks after the end.
    pub(crate) fn late(&self) -> usize {
        self.late.load(Ordering::SeqCst)
    }

    /// Calls this engine from inside each callback that comes from now on.
    pub(crate) fn call_back(&self, engine: *mut TwampEngine) {
        self.back.store(engine, Ordering::SeqCst);
    }

    /// What those calls were answered, by function.
    pub(crate) fn answers(&self) -> Vec<(&'static str, i32)> {
        locked(&self.answers).clone()
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.over.load(Ordering::SeqCst) {
            self.late.fetch_add(1, Ordering::SeqCst);
        }
        let engine = self.back.load(Ordering::SeqCst);
        if engine.is_null() {
            return;
        }
        let (table, none) = (self.table, TwampSink::NONE);
        // SAFETY: the engine lives: it is calling. Each of these must be refused.
        let answers = unsafe {
            [
                ("start", (table.start)(engine, none)),
                ("stop", (table.stop)(engine)),
                ("destroy", (table.destroy)(engine)),
                (
                    "apply",
                    (table.apply)(engine, b"{}".as_ptr(), 2, 0, 0, none),
                ),
                ("export_config", (table.export_config)(engine, none)),
                ("save_state", (table.save_state)(engine, none)),
                ("manage", (table.manage)(engine, b"{}".as_ptr(), 2, none)),
                ("event_fd", (table.event_fd)(engine)),
                ("line_down", (table.line_down)(engine, 1)),
            ]
        };
        locked(&self.answers).extend(answers);
    }

    fn note(&self, words: String) {
        locked(&self.words).push(words);
        self.called();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Safety
/// `ctx` is that of [`Listener::host`], and the listener lives.
unsafe fn listener<'a>(ctx: *mut c_void) -> &'a Listener {
    // SAFETY: the caller's promise.
    unsafe { &*ctx.cast() }
}

unsafe extern "C" fn log_enabled(ctx: *mut c_void, _: u32) -> i32 {
    // SAFETY: the plugin hands back the ctx of `host`; so below.
    unsafe { listener(ctx) }.called();
    1
}

unsafe extern "C" fn log(ctx: *mut c_void, level: u32, _: TwampText, message: TwampText) {
    // SAFETY: as above, and the text lives during the call; so below.
    unsafe {
        let message = message.as_str().expect("the plugin speaks UTF-8");
        listener(ctx).note(format!("{level} {message}"));
    }
}

unsafe extern "C" fn run_ended(ctx: *mut c_void, run: u64, result: TwampText) {
    // SAFETY: as above.
    unsafe {
        let result = result.as_str().expect("the plugin speaks UTF-8");
        listener(ctx).note(format!("run {run} ended: {result}"));
    }
}

unsafe extern "C" fn choice_changed(ctx: *mut c_void, change: *const TwampChange) {
    // SAFETY: as above; the change lives during the call.
    unsafe {
        let (to, why) = ((*change).to, (*change).sentence.as_str());
        listener(ctx).note(format!("choice changed to {to}: {}", why.expect("UTF-8")));
    }
}
