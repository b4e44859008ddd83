//! Life cycle, configuration and state.

use plugin_abi::config::Config;
use plugin_abi::{TwampEngine, TwampHost, TwampSink, code};
use serde::Serialize;

use super::super::barrier::{self, Handle};
use super::super::refusal::Refusal;
use super::super::{argument, host};
use crate::engine::{Engine, Terms};
use crate::{config, log};

pub(in super::super) unsafe extern "C" fn create(
    host: *const TwampHost,
    config: *const u8,
    config_len: usize,
    errors: TwampSink,
    out: *mut *mut TwampEngine,
) -> i32 {
    let body = || {
        log::install();
        argument::present("out", out)?;
        // SAFETY: see the module; so in all calls below.
        let host = unsafe { host::read(host)? };
        // SAFETY: see the module.
        let config = judged(unsafe { argument::document("config", config, config_len)? })?;
        let handle = Handle {
            id: host.engine(),
            engine: Engine::create(host, config)?,
        };
        // SAFETY: `out` is present, and the host's to be written.
        unsafe { out.write(Box::into_raw(Box::new(handle)).cast()) };
        Ok(String::new())
    };
    // SAFETY: see the module.
    unsafe { barrier::bare("create", errors, body) }
}

pub(in super::super) unsafe extern "C" fn start(
    engine: *mut TwampEngine,
    errors: TwampSink,
) -> i32 {
    let body = |engine: &Engine| {
        engine.start()?;
        Ok(String::new())
    };
    // SAFETY: see the module.
    unsafe { barrier::call("start", engine, errors, body) }
}

pub(in super::super) unsafe extern "C" fn stop(engine: *mut TwampEngine) -> i32 {
    let body = |engine: &Engine| {
        engine.stop()?;
        Ok(String::new())
    };
    // SAFETY: see the module.
    unsafe { barrier::call("stop", engine, TwampSink::NONE, body) }
}

pub(in super::super) unsafe extern "C" fn destroy(engine: *mut TwampEngine) -> i32 {
    let stop = |engine: &Engine| {
        if let Err(error) = engine.stop() {
            // Most often: it does not run.
            tracing::debug!("destroyed without a stop: {error}");
        }
        Ok(String::new())
    };
    // SAFETY: see the module.
    let stopped = unsafe { barrier::call("destroy", engine, TwampSink::NONE, stop) };
    if stopped != code::OK {
        // What a thread may still use is rather leaked than freed.
        return stopped;
    }
    let free = || {
        // SAFETY: not null, since it was stopped; `create` made it so, and the host uses it no
        // more.
        drop(unsafe { Box::from_raw(engine.cast::<Handle>()) });
        Ok(String::new())
    };
    // SAFETY: the sink is none.
    unsafe { barrier::bare("destroy", TwampSink::NONE, free) }
}

pub(in super::super) unsafe extern "C" fn apply(
    engine: *mut TwampEngine,
    document: *const u8,
    document_len: usize,
    generation: u64,
    dry_run: u32,
    answer: TwampSink,
) -> i32 {
    let body = |engine: &Engine| {
        // SAFETY: see the module.
        let document = unsafe { argument::document("document", document, document_len)? };
        let terms = Terms {
            generation,
            dry_run: dry_run != 0,
            confirm_within: None,
        };
        let config = config::read(document.as_bytes()).map_err(|problems| {
            if dry_run == 0 {
                engine.refuse_document(&problems);
            }
            Refusal::problems(code::CONFIGURATION, &problems)
        })?;
        written("difference", &engine.apply(config, terms)?)
    };
    // SAFETY: see the module.
    unsafe { barrier::call("apply", engine, answer, body) }
}

pub(in super::super) unsafe extern "C" fn export_config(
    engine: *mut TwampEngine,
    answer: TwampSink,
) -> i32 {
    let body = |engine: &Engine| written("configuration", &engine.config());
    // SAFETY: see the module.
    unsafe { barrier::call("export_config", engine, answer, body) }
}

pub(in super::super) unsafe extern "C" fn save_state(
    engine: *mut TwampEngine,
    answer: TwampSink,
) -> i32 {
    let body = |_: &Engine| Err(Refusal::unsupported("save_state"));
    // SAFETY: see the module.
    unsafe { barrier::call("save_state", engine, answer, body) }
}

pub(in super::super) unsafe extern "C" fn load_state(
    engine: *mut TwampEngine,
    state: *const u8,
    state_len: usize,
    errors: TwampSink,
) -> i32 {
    let body = |_: &Engine| {
        argument::present("state", state)?;
        // SAFETY: see the module.
        unsafe { argument::slice("state", state, state_len)? };
        Err(Refusal::unsupported("load_state"))
    };
    // SAFETY: see the module.
    unsafe { barrier::call("load_state", engine, errors, body) }
}

fn written(what: &str, value: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(|error| Refusal {
        code: code::FAILED,
        text: format!("the {what} can't be written as JSON: {error}"),
    })
}

fn judged(document: &str) -> Result<Config, Refusal> {
    config::read(document.as_bytes())
        .map_err(|problems| Refusal::problems(code::CONFIGURATION, &problems))
}
