//! The plugin: measures every line with TWAMP and chooses the best one for each class of traffic.
//!
//! A host reaches it by one of two doors, which lead to the same table of functions; nothing
//! else is exported. The contract is the crate `plugin-abi`.

mod autoflow;
mod boundary;
mod config;
mod engine;
mod event;
mod export;
mod fault;
mod flow;
mod host;
mod line;
mod log;
mod net;
// Nothing begins runs by a schedule yet; the judge alone reads one.
mod schedule;
mod session;

use plugin_abi::TwampPlugin;

/// The C door.
#[unsafe(no_mangle)]
pub extern "C" fn twamp_plugin_v1() -> *const TwampPlugin {
    &raw const boundary::TABLE
}

/// The checked door.
#[cfg(feature = "stable")]
#[abi_stable::export_root_module]
fn root_module() -> plugin_abi::TwampPluginRef {
    use abi_stable::prefix_type::PrefixTypeTrait;
    boundary::TABLE.leak_into_prefix()
}
