//! The host's side of the contract, made safe.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

use plugin_abi::{ABI_MAJOR, NONE, TwampChange, TwampHost, TwampText};

use super::argument;
use super::barrier::calling;
use super::refusal::Refusal;

/// The callbacks of one engine's host. Called from `twamp-ctl` only, with no lock held.
#[derive(Clone, Copy)]
pub(crate) struct Host {
    raw: TwampHost,
    /// The engine that it is the host of, so that re-entry is noticed.
    engine: u64,
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

/// What every host has: all but the callbacks.
const HEAD: usize = offset_of!(TwampHost, log_enabled);

/// A host that has nothing yet.
const NOTHING: TwampHost = TwampHost {
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
    /// Copies what the host has. One of an older minor version has fewer callbacks, and one of a
    /// newer version more than this plugin knows.
    ///
    /// # Safety
    /// `pointer` is null or points to as many readable octets as its `struct_size` says, and the
    /// callbacks there stay valid until the engine is destroyed.
    pub(super) unsafe fn read(pointer: *const TwampHost) -> Result<Self, Refusal> {
        static ENGINES: AtomicU64 = AtomicU64::new(1);
        // SAFETY: the caller's promise.
        let stated = unsafe { argument::stated_size(pointer, HEAD)? };
        // Half a callback is none.
        let callbacks = (stated.min(size_of::<TwampHost>()) - HEAD) / size_of::<usize>();
        let known = HEAD + callbacks * size_of::<usize>();
        let mut raw = NOTHING;
        // SAFETY: `known` octets are readable and there is room for them; they are whole fields,
        // and any octets that the host may write there are a value of theirs.
        unsafe {
            let to = (&raw mut raw).cast::<u8>();
            pointer.cast::<u8>().copy_to_nonoverlapping(to, known);
        }
        if raw.abi_major != ABI_MAJOR {
            return Err(Refusal::invalid(format!(
                "the host was built against ABI {}.{}, this plugin speaks major version \
                 {ABI_MAJOR}; set host.abi_major, or take the plugin that belongs to it",
                raw.abi_major, raw.abi_minor
            )));
        }
        let engine = ENGINES.fetch_add(1, Ordering::Relaxed);
        Ok(Self { raw, engine })
    }

    /// A host without callbacks.
    #[cfg(test)]
    pub(crate) fn deaf() -> Self {
        let raw = TwampHost {
            struct_size: size_of::<TwampHost>() as u32,
            abi_major: ABI_MAJOR,
            ..NOTHING
        };
        // SAFETY: the struct is whole, and has no callback.
        unsafe { Self::read(&raw) }.unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    /// Which engine it is the host of; never 0.
    pub(super) fn engine(&self) -> u64 {
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

    use plugin_abi::{TwampEngine, TwampSink, code};

    use super::super::barrier::{self, Handle};
    use super::*;
    use crate::engine::Engine;

    /// What the callbacks write to.
    #[derive(Default)]
    struct Heard {
        words: Mutex<Vec<String>>,
        /// Called back from inside a callback.
        engine: Option<Handle>,
        answered: Mutex<Vec<i32>>,
    }

    impl Heard {
        fn raw(&self) -> TwampHost {
            TwampHost {
                struct_size: size_of::<TwampHost>() as u32,
                abi_major: ABI_MAJOR,
                ctx: std::ptr::from_ref(self).cast_mut().cast(),
                log_enabled: Some(log_enabled),
                log: Some(log),
                run_ended: Some(run_ended),
                choice_changed: Some(choice_changed),
                ..NOTHING
            }
        }

        fn words(&self) -> Vec<String> {
            std::mem::take(&mut self.words.lock().unwrap())
        }

        fn note(&self, words: String) {
            self.words.lock().unwrap().push(words);
            if let Some(handle) = &self.engine {
                let engine = std::ptr::from_ref(handle).cast::<TwampEngine>();
                let quiet = |_: &Engine| Ok(String::new());
                // SAFETY: the handle lives.
                let answered = unsafe { barrier::call("stop", engine, TwampSink::NONE, quiet) };
                self.answered.lock().unwrap().push(answered);
            }
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
        let host = unsafe { Host::read(&heard.raw()) }.unwrap();
        speak(&host);
        let change = format!("true 5 {} because", size_of::<TwampChange>());
        assert_eq!(heard.words(), ["2 engine héllo", "run 4 {}", &change]);
        assert_eq!(host.log_level(), 2);
    }

    #[test]
    fn a_callback_of_an_engine_may_not_call_into_it() {
        crate::log::install();
        let mut heard = Heard::default();
        let deaf = Host::deaf();
        heard.engine = Some(Handle {
            id: deaf.engine(),
            engine: Engine::create(deaf, plugin_abi::config::Config::default()).unwrap(),
        });
        // SAFETY: as above.
        let mut host = unsafe { Host::read(&heard.raw()) }.unwrap();
        host.log(2, "another", "engine's");
        host.engine = deaf.engine();
        speak(&host);
        let answered = heard.answered.lock().unwrap().clone();
        let refused = code::REENTRANT;
        assert_eq!(answered, [code::OK, refused, refused, refused]);
    }

    #[test]
    fn a_host_of_an_older_minor_has_the_callbacks_that_it_knows() {
        let heard = Heard::default();
        let mut raw = heard.raw();
        // Half of `run_ended` is there.
        raw.struct_size = (offset_of!(TwampHost, run_ended) + 4) as u32;
        // SAFETY: as above.
        speak(&unsafe { Host::read(&raw) }.unwrap());
        assert_eq!(heard.words(), ["2 engine héllo"]);

        raw.struct_size = (HEAD - 1) as u32;
        // SAFETY: as above.
        let refusal = unsafe { Host::read(&raw) }.err().unwrap();
        assert_eq!(refusal.code, code::INVALID);
        assert!(
            refusal
                .text
                .starts_with("host.struct_size is 23, at least 24")
        );
    }

    #[test]
    fn a_host_that_cannot_be_asked_keeps_what_an_operator_wants_to_read() {
        let heard = Heard::default();
        let mut raw = heard.raw();
        raw.log_enabled = None;
        // SAFETY: as above.
        let host = unsafe { Host::read(&raw) }.unwrap();
        assert_eq!(host.log_level(), crate::log::INFO);
        assert_eq!(Host::deaf().log_level(), 0);
    }
}
