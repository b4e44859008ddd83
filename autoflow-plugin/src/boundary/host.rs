//! The host as it presents itself to `create`.

use std::mem::offset_of;

use plugin_abi::{ABI_MAJOR, TwampHost};

use super::argument;
use super::refusal::Refusal;
use crate::host::{Host, NOTHING};

/// What every host has: all but the callbacks.
const HEAD: usize = offset_of!(TwampHost, log_enabled);

/// Copies what the host has. One of an older minor version has fewer callbacks, and one of a newer
/// version more than this plugin knows.
///
/// # Safety
/// `pointer` is null or points to as many readable octets as its `struct_size` says, and the
/// callbacks there stay valid until the engine is destroyed.
pub(super) unsafe fn read(pointer: *const TwampHost) -> Result<Host, Refusal> {
    // SAFETY: the caller's promise.
    let stated = unsafe { argument::stated_size(pointer, HEAD)? };
    // Half a callback is none.
    let callbacks = (stated.min(size_of::<TwampHost>()) - HEAD) / size_of::<usize>();
    let known = HEAD + callbacks * size_of::<usize>();
    let mut raw = NOTHING;
    // SAFETY: `known` octets are readable and there is room for them; they are whole fields, and
    // any octets that the host may write there are a value of theirs.
    unsafe {
        let to = (&raw mut raw).cast::<u8>();
        pointer.cast::<u8>().copy_to_nonoverlapping(to, known);
    }
    if raw.abi_major != ABI_MAJOR {
        return Err(Refusal::invalid(format!(
            "the host was built against ABI {}.{}, this plugin speaks major version {ABI_MAJOR}; \
             set host.abi_major, or take the plugin that belongs to it",
            raw.abi_major, raw.abi_minor
        )));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { Host::new(raw) })
}

#[cfg(test)]
mod tests {
    use std::ffi::c_void;

    use plugin_abi::{TwampText, code};

    use super::*;

    unsafe extern "C" fn log_enabled(_: *mut c_void, level: u32) -> i32 {
        (level <= 2).into()
    }

    unsafe extern "C" fn log(ctx: *mut c_void, _: u32, _: TwampText, text: TwampText) {
        // SAFETY: `ctx` is the list below, and the text is live.
        unsafe { (*ctx.cast::<Vec<String>>()).push(text.as_str().unwrap().to_owned()) }
    }

    unsafe extern "C" fn run_ended(_: *mut c_void, _: u64, _: TwampText) {
        panic!("this host does not have it");
    }

    #[test]
    fn a_host_of_an_older_minor_has_the_callbacks_that_it_knows() {
        let mut heard: Vec<String> = Vec::new();
        let mut raw = TwampHost {
            abi_major: ABI_MAJOR,
            ctx: (&raw mut heard).cast(),
            log_enabled: Some(log_enabled),
            log: Some(log),
            run_ended: Some(run_ended),
            ..NOTHING
        };
        // Half of `run_ended` is there.
        raw.struct_size = (offset_of!(TwampHost, run_ended) + 4) as u32;
        // SAFETY: the struct lives, and its callbacks.
        let host = unsafe { read(&raw) }.unwrap();
        host.log(2, "engine", "héllo");
        host.run_ended(4, "{}");
        assert_eq!(host.log_level(), 2);
        assert_eq!(heard, ["héllo"]);

        raw.struct_size = (HEAD - 1) as u32;
        // SAFETY: as above.
        let refusal = unsafe { read(&raw) }.err().unwrap();
        assert_eq!(refusal.code, code::INVALID);
        assert!(
            refusal
                .text
                .starts_with("host.struct_size is 23, at least 24")
        );
    }
}
