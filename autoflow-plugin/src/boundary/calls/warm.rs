//! What a host tells and asks a living engine.

use plugin_abi::manage::Request;
use plugin_abi::{
    TwampEngine, TwampLine, TwampLineLoad, TwampObservation, TwampProbe, TwampSample, TwampSink,
    code, observation,
};

use twamp_core::time::Mono;

use super::super::refusal::Refusal;
use super::super::{argument, barrier, line};
use crate::engine::Engine;

pub(in super::super) unsafe extern "C" fn manage(
    engine: *mut TwampEngine,
    request: *const u8,
    request_len: usize,
    answer: TwampSink,
) -> i32 {
    let body = |engine: &Engine| {
        // SAFETY: see the module above; so in all calls below.
        let request = unsafe { argument::document("request", request, request_len)? };
        let request: Request = serde_json::from_str(request).map_err(|error| Refusal {
            code: code::CONFIGURATION,
            text: format!("this is no request: {error}"),
        })?;
        serde_json::to_string(&engine.manage(request)).map_err(|error| Refusal {
            code: code::FAILED,
            text: format!("the answer can't be written as JSON: {error}"),
        })
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("manage", engine, answer, body) }
}

pub(in super::super) unsafe extern "C" fn event_fd(engine: *mut TwampEngine) -> i32 {
    let mut descriptor = -1;
    let body = |engine: &Engine| {
        descriptor = engine.event_fd();
        Ok(String::new())
    };
    // SAFETY: see the module above.
    match unsafe { barrier::call("event_fd", engine, TwampSink::NONE, body) } {
        code::OK if descriptor < 0 => code::SYSTEM,
        code::OK => descriptor,
        refused => refused,
    }
}

pub(in super::super) unsafe extern "C" fn line_up(
    engine: *mut TwampEngine,
    line: *const TwampLine,
    errors: TwampSink,
) -> i32 {
    let body = |engine: &Engine| {
        // SAFETY: see the module above.
        let (line, namespace) = unsafe { line::read(line)? };
        engine.line_up(line, namespace)?;
        Ok(String::new())
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("line_up", engine, errors, body) }
}

pub(in super::super) unsafe extern "C" fn line_update(
    engine: *mut TwampEngine,
    line: *const TwampLine,
    errors: TwampSink,
) -> i32 {
    let body = |engine: &Engine| {
        // SAFETY: see the module above.
        let (line, namespace) = unsafe { line::read(line)? };
        engine.line_update(line, namespace)?;
        Ok(String::new())
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("line_update", engine, errors, body) }
}

pub(in super::super) unsafe extern "C" fn line_down(engine: *mut TwampEngine, line: u64) -> i32 {
    let body = |engine: &Engine| {
        engine.line_down(line)?;
        Ok(String::new())
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("line_down", engine, TwampSink::NONE, body) }
}

pub(in super::super) unsafe extern "C" fn line_load(
    engine: *mut TwampEngine,
    load: *const TwampLineLoad,
) -> i32 {
    let body = |engine: &Engine| {
        // SAFETY: see the module above.
        let told = unsafe { argument::read(load)? };
        engine.line_load(&told)?;
        Ok(String::new())
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("line_load", engine, TwampSink::NONE, body) }
}

pub(in super::super) unsafe extern "C" fn observe(
    engine: *mut TwampEngine,
    observations: *const TwampObservation,
    count: usize,
    size: usize,
) -> i32 {
    let body = |engine: &Engine| {
        if count > 0 {
            argument::present("observations", observations)?;
            argument::room::<TwampObservation>("observations", count, size)?;
        }
        // SAFETY: `count` rows, `size` octets apart, each at least as large as ours.
        let row = |index: usize| unsafe { *observations.byte_add(index * size) };
        // All or none of them.
        for index in 0..count {
            let kind = row(index).kind;
            if !(observation::REPLY..=observation::NEW_SESSION).contains(&kind) {
                return Err(Refusal::invalid(format!(
                    "observations[{index}].kind is {kind}, from {} to {} is expected",
                    observation::REPLY,
                    observation::NEW_SESSION
                )));
            }
        }
        let known = [
            observation::REPLY,
            observation::PAUSED,
            observation::DUE,
            observation::NEW_SESSION,
        ];
        let known = (0..count).all(|index| known.contains(&row(index).kind));
        if !known || !engine.has_manual_clock() {
            return Err(Refusal::unsupported("observe"));
        }
        for index in 0..count {
            let seen = row(index);
            match seen.kind {
                observation::PAUSED => engine.paused(&seen)?,
                observation::DUE => engine.due(&seen)?,
                observation::NEW_SESSION => engine.renewed(&seen)?,
                _ => engine.reply(&seen)?,
            }
        }
        Ok(String::new())
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("observe", engine, TwampSink::NONE, body) }
}

pub(in super::super) unsafe extern "C" fn advance(
    engine: *mut TwampEngine,
    until_ns: u64,
    probes: *mut TwampProbe,
    room: usize,
    count: *mut usize,
    reached_ns: *mut u64,
) -> i32 {
    let body = |engine: &Engine| {
        argument::present("count", count)?;
        argument::present("reached_ns", reached_ns)?;
        if room == 0 {
            return Err(Refusal::invalid(
                "room is 0: probes that are due need room for one at least",
            ));
        }
        // SAFETY: see the module above: `room` probes that are the host's to be written.
        let probes = unsafe { argument::slice_mut("probes", probes, room)? };
        let (written, reached) = engine.advance(Mono(until_ns), probes)?;
        // SAFETY: both are present, and the host's to be written.
        unsafe {
            count.write(written);
            reached_ns.write(reached.nanos());
        }
        Ok(String::new())
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("advance", engine, TwampSink::NONE, body) }
}

pub(in super::super) unsafe extern "C" fn keep_samples(
    engine: *mut TwampEngine,
    room: usize,
) -> i32 {
    let body = |engine: &Engine| {
        engine.keep_samples(room);
        Ok(String::new())
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("keep_samples", engine, TwampSink::NONE, body) }
}

pub(in super::super) unsafe extern "C" fn take_samples(
    engine: *mut TwampEngine,
    samples: *mut TwampSample,
    room: usize,
    size: usize,
    count: *mut usize,
    dropped: *mut u64,
) -> i32 {
    let body = |engine: &Engine| {
        argument::present("count", count)?;
        argument::present("dropped", dropped)?;
        if room > 0 {
            argument::present("samples", samples)?;
            argument::room::<TwampSample>("samples", room, size)?;
        }
        let (taken, lost) = engine.take_samples(room, |place, sample| {
            // SAFETY: `room` rows, `size` octets apart, each at least as large as ours, that are the
            // host's to be written; `place` is below `room`.
            unsafe { samples.byte_add(place * size).write(sample) };
        });
        // SAFETY: both are present, and the host's to be written.
        unsafe {
            count.write(taken);
            dropped.write(lost);
        }
        Ok(String::new())
    };
    // SAFETY: see the module above.
    unsafe { barrier::call("take_samples", engine, TwampSink::NONE, body) }
}
