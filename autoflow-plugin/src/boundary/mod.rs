//! The boundary: the table of functions, and all the `unsafe` that goes with it.
//!
//! ```text
//! host ─► calls/* ─► barrier ─► argument, line, host ─► Engine     (pointers end here)
//! host ◄─ guard.rs ◄─ Picture ◄─ Engine                            (and begin again here)
//! ```
//!
//! Behind it there are only safe, owned types: those of [`host`](crate::host),
//! `plugin_abi::config` and `plugin_abi::manage`.

mod argument;
mod barrier;
mod calls;
mod guard;
mod host;
mod line;
mod refusal;

use plugin_abi::{ABI_MAJOR, ABI_MINOR, TwampPlugin, capability};

use calls::{hot, life, warm};

/// What this plugin can do.
const CAPABILITIES: u64 = capability::TWAMP
    | capability::LIGHT
    | capability::STAMP
    | capability::SECURITY
    | capability::KERNEL_STAMPS
    | capability::MANUAL_CLOCK
    | capability::IPFIX
    | capability::CLASSIFY
    | capability::SAMPLES
    | capability::RENEW;

/// What both doors lead to.
pub(crate) static TABLE: TwampPlugin = table();

const fn table() -> TwampPlugin {
    TwampPlugin {
        struct_size: size_of::<TwampPlugin>() as u32,
        abi_major: ABI_MAJOR,
        abi_minor: ABI_MINOR,
        capabilities: CAPABILITIES,
        create: life::create,
        start: life::start,
        stop: life::stop,
        destroy: life::destroy,
        apply: life::apply,
        export_config: life::export_config,
        save_state: life::save_state,
        load_state: life::load_state,
        manage: warm::manage,
        event_fd: warm::event_fd,
        line_up: warm::line_up,
        line_update: warm::line_update,
        line_down: warm::line_down,
        line_load: warm::line_load,
        observe: warm::observe,
        advance: warm::advance,
        classify: hot::classify,
        choose: hot::choose,
        acquire: hot::acquire,
        release: hot::release,
        keep_samples: Some(warm::keep_samples),
        take_samples: Some(warm::take_samples),
        renew: Some(hot::renew),
    }
}

#[cfg(test)]
mod tests;
