//! What a host wants to be told, made safe.

use std::sync::atomic::{AtomicU64, Ordering};

use plugin_abi::{NONE, TwampChange, TwampHost, TwampText};

use super::calling::calling;

/// The callbacks of one engine's host. Called from `twamp-ctl` only, with no lock held.
#[derive(Clone, Copy)]
pub(crate) struct Host {
    pub(super) raw: TwampHost,
    /// The engine that it is the host of, so that re-entry is noticed.
    pub(super) engine: u64,
}

// SAFETY: by the contract `ctx` and the functions are valid until `destroy` has returned, and
// they are called from the plugin's threads.
unsafe impl Send for Host {}
// SAFETY: as above; the value itself never changes.
unsafe impl Sync for Host {}

/// A class of a group has changed its line. See [`TwampChange`].
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// One of [`plugin_abi::reason`].
    pub(crate) reason: u32,
    /// The group.
    pub(crate) group: u64,
    /// The class.
    pub(crate) class: u64,
    /// The former line.
    pub(crate) from: Option<u64>,
    /// The new line.
    pub(crate) to: Option<u64>,
    /// When it was decided, `CLOCK_BOOTTIME`.
    pub(crate) at_ns: u64,
    /// The set of choices that it is first in.
    pub(crate) epoch: u64,
    /// A sentence with the numbers it stands on.
    pub(crate) sentence: String,
}

/// A host that has nothing.
pub(crate) const NOTHING: TwampHost = TwampHost {
    struct_size: 0,
    abi_major: 0,
    abi_minor: 0,
    capabilities: 0,
    ctx: std::ptr::null_mut(),
    log_enabled: None,
    log: None,
    run_ended: None,
    choice_changed: None,
    open_socket: None,
};

impl Host {
    /// The host of a new engine.
    ///
    /// # Safety
    /// The callbacks in `raw` stay valid, as the contract of [`TwampHost`] says, until the engine
    /// is destroyed.
    pub(crate) unsafe fn new(raw: TwampHost) -> Self {
        static ENGINES: AtomicU64 = AtomicU64::new(1);
        let engine = ENGINES.fetch_add(1, Ordering::Relaxed);
        Self { raw, engine }
    }

    /// A host without callbacks.
    #[cfg(test)]
    pub(crate) fn deaf() -> Self {
        // SAFETY: there is no callback.
        unsafe { Self::new(NOTHING) }
    }

    /// Which engine it is the host of; never 0.
    pub(crate) fn engine(&self) -> u64 {
        self.engine
    }

    /// Would a message of this level (1 error … 5 trace) be kept?
    pub(crate) fn log_enabled(&self, level: u32) -> bool {
        let Some(ask) = self.raw.log_enabled else {
            // A host that can't be asked keeps what an operator wants to read.
            return self.raw.log.is_some() && level <= crate::log::INFO;
        };
        let _calling = calling(self.engine);
        // SAFETY: the contract of `TwampHost`; so in all calls below.
        unsafe { ask(self.raw.ctx, level) != 0 }
    }

    /// The most detailed level that would be kept; 0: none.
    pub(crate) fn log_level(&self) -> u32 {
        (1..=5)
            .take_while(|&level| self.log_enabled(level))
            .last()
            .unwrap_or(0)
    }

    /// One log message.
    pub(crate) fn log(&self, level: u32, target: &str, message: &str) {
        if let Some(log) = self.raw.log {
            let _calling = calling(self.engine);
            let (target, message) = (TwampText::borrow(target), TwampText::borrow(message));
            // SAFETY: as above; the texts live during the call.
            unsafe { log(self.raw.ctx, level, target, message) }
        }
    }

    /// A run has ended, or a session that this engine served: its result as JSON.
    pub(crate) fn run_ended(&self, run: u64, result: &str) {
        if let Some(run_ended) = self.raw.run_ended {
            let _calling = calling(self.engine);
            // SAFETY: as above.
            unsafe { run_ended(self.raw.ctx, run, TwampText::borrow(result)) }
        }
    }

    /// A class of a group has changed its line.
    pub(crate) fn choice_changed(&self, change: &Change) {
        if let Some(choice_changed) = self.raw.choice_changed {
            let _calling = calling(self.engine);
            let change = TwampChange {
                struct_size: size_of::<TwampChange>() as u32,
                reason: change.reason,
                group: change.group,
                class: change.class,
                from: change.from.unwrap_or(NONE),
                to: change.to.unwrap_or(NONE),
                at_ns: change.at_ns,
                epoch: change.epoch,
                sentence: TwampText::borrow(&change.sentence),
            };
            // SAFETY: as above.
            unsafe { choice_changed(self.raw.ctx, &raw const change) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;
    use std::sync::Mutex;

    use super::super::calling::is_calling;
    use super::*;

    /// What the callbacks write to.
    #[derive(Default)]
    struct Heard {
        words: Mutex<Vec<String>>,
        /// Was this engine known to call, each time?
        engine: u64,
        calls: Mutex<Vec<bool>>,
    }

    impl Heard {
        fn raw(&self) -> TwampHost {
            TwampHost {
                ctx: std::ptr::from_ref(self).cast_mut().cast(),
                log_enabled: Some(log_enabled),
                log: Some(log),
                run_ended: Some(run_ended),
                choice_changed: Some(choice_changed),
                ..NOTHING
            }
        }

        fn note(&self, words: String) {
            self.words.lock().unwrap().push(words);
            self.calls.lock().unwrap().push(is_calling(self.engine));
        }
    }

    /// # Safety
    /// `ctx` is that of [`Heard::raw`].
    unsafe fn heard<'a>(ctx: *mut c_void) -> &'a Heard {
        // SAFETY: the caller's promise.
        unsafe { &*ctx.cast() }
    }

    unsafe extern "C" fn log_enabled(_: *mut c_void, level: u32) -> i32 {
        (level <= 2).into()
    }

    unsafe extern "C" fn log(ctx: *mut c_void, level: u32, target: TwampText, text: TwampText) {
        // SAFETY: `Host` hands back the ctx and live texts; so below.
        unsafe {
            let (target, text) = (target.as_str().unwrap(), text.as_str().unwrap());
            heard(ctx).note(format!("{level} {target} {text}"));
        }
    }

    unsafe extern "C" fn run_ended(ctx: *mut c_void, run: u64, result: TwampText) {
        // SAFETY: as above.
        unsafe { heard(ctx).note(format!("run {run} {}", result.as_str().unwrap())) }
    }

    unsafe extern "C" fn choice_changed(ctx: *mut c_void, change: *const TwampChange) {
        // SAFETY: as above.
        unsafe {
            let (change, why) = (&*change, (*change).sentence.as_str().unwrap());
            let from_none = change.from == NONE;
            heard(ctx).note(format!(
                "{from_none} {} {} {why}",
                change.to, change.struct_size
            ));
        }
    }

    fn speak(host: &Host) {
        host.log(2, "engine", "héllo");
        host.run_ended(4, "{}");
        host.choice_changed(&Change {
            reason: 1,
            group: 2,
            class: 3,
            from: None,
            to: Some(5),
            at_ns: 6,
            epoch: 7,
            sentence: "because".into(),
        });
    }

    #[test]
    fn the_host_hears_what_it_is_told() {
        let heard = Heard::default();
        // SAFETY: `heard` lives longer than the host; so in all tests.
        let host = unsafe { Host::new(heard.raw()) };
        speak(&host);
        let change = format!("true 5 {} because", size_of::<TwampChange>());
        let words = heard.words.lock().unwrap().clone();
        assert_eq!(words, ["2 engine héllo", "run 4 {}", &change]);
        assert_eq!(host.log_level(), 2);
    }

    #[test]
    fn during_each_callback_its_engine_is_known_to_call_and_no_other() {
        let heard = Heard {
            engine: Host::deaf().engine(),
            ..Heard::default()
        };
        // SAFETY: as above.
        let mut host = unsafe { Host::new(heard.raw()) };
        host.log(2, "another", "engine's");
        host.engine = heard.engine;
        speak(&host);
        let calls = heard.calls.lock().unwrap().clone();
        assert_eq!(calls, [false, true, true, true]);
        assert!(!is_calling(heard.engine));
    }

    #[test]
    fn a_host_that_cannot_be_asked_keeps_what_an_operator_wants_to_read() {
        let heard = Heard::default();
        let mut raw = heard.raw();
        raw.log_enabled = None;
        // SAFETY: as above.
        let host = unsafe { Host::new(raw) };
        assert_eq!(host.log_level(), crate::log::INFO);
        assert_eq!(Host::deaf().log_level(), 0);
    }
}
