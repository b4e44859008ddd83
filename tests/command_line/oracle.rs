//! Programs of other makers, which `tests/oracles` installs. One that is missing is a failure in
//! CI and a printed reason elsewhere.

use std::path::PathBuf;

use autoflow_tests::artifacts;
pub(crate) use autoflow_tests::oracle::missing;

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
