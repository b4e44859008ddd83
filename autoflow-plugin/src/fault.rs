//! Faults on request, for tests: the feature `fault-injection` is off in what ships.

/// Panics where a test asks for it, by `TWAMP_FAULT=panic:<name>`: the name of an export, or of a
/// thread.
#[cfg(feature = "fault-injection")]
pub(crate) fn fault(name: &str) {
    let wanted = std::env::var("TWAMP_FAULT").unwrap_or_default();
    assert!(
        wanted.strip_prefix("panic:") != Some(name),
        "injected into {name}"
    );
}

/// Nothing, in what ships.
#[cfg(not(feature = "fault-injection"))]
pub(crate) fn fault(_: &str) {}
