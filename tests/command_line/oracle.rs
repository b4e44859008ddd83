//! Programs of other makers, which `tests/oracles` installs. One that is missing is a failure in
//! CI and a printed reason elsewhere.

use std::path::PathBuf;

use autoflow_tests::artifacts;

/// A file below `target/oracles`, or `None` if the oracle is not installed.
///
/// # Panics
/// In CI, if it is not installed.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let file = artifacts().root.join("target/oracles").join(name);
    if file.exists() {
        return Some(file);
    }
    missing(&format!(
        "{name} is not installed; tests/oracles installs it"
    ));
    None
}

/// An oracle can't be asked.
///
/// # Panics
/// In CI.
pub(crate) fn missing(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    println!("skipped: {reason}");
}
