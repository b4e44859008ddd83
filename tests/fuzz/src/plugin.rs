//! The plugin as a host meets it: the built library, by its C door.

use std::path::Path;
use std::sync::OnceLock;

use plugin_abi::code;
use plugin_abi::host::{CallError, Engine, Plugin, Silent};

/// The variable that says where the library is; `run` builds it and sets this.
const PLACE: &str = "TWAMP_PLUGIN";

/// The plugin, loaded once.
///
/// # Panics
/// If it can't be loaded: then there is nothing to test.
pub fn plugin() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        let place = std::env::var_os(PLACE);
        let place = place.unwrap_or_else(|| panic!("{PLACE} must name the plugin's library"));
        Plugin::load_c(Path::new(&place)).unwrap_or_else(|error| panic!("{error}"))
    })
}

/// An engine with the default configuration that has not started, made once.
///
/// # Panics
/// If the plugin refuses its own defaults.
pub fn idle_engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let engine = plugin().create("{}", Silent);
        engine.unwrap_or_else(|error| panic!("{error}"))
    })
}

/// What a call answered, whatever it was but a panic.
///
/// # Panics
/// If the plugin panicked, or refused without saying why.
pub fn sound<T>(answered: Result<T, CallError>) -> Result<T, CallError> {
    if let Err(error) = &answered {
        assert_ne!(error.code, code::PANIC, "{error}");
        assert!(!error.message.is_empty(), "{error}: no reason");
    }
    answered
}
