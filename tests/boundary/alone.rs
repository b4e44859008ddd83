//! A test in a process of its own: where threads and memory are counted, or where the
//! environment is changed, no other test may run beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::all;

const TEST: &str = "TWAMP_ALONE";
const PLUGIN: &str = "TWAMP_ALONE_PLUGIN";

/// Runs `body` in a process that runs nothing but `test`, with a plugin.
pub(crate) fn alone(test: &str, plugin: impl FnOnce() -> PathBuf, body: impl FnOnce(&Path)) {
    if std::env::var(TEST).is_ok_and(|name| name == test) {
        let plugin = std::env::var_os(PLUGIN).expect("the outer process names the plugin");
        return body(Path::new(&plugin));
    }
    let this = std::env::current_exe().expect("a test knows its own file");
    let mut child = Command::new(this);
    child
        .args([test, "--exact", "--nocapture"])
        .env(TEST, test)
        .env(PLUGIN, plugin());
    let output = child.output().expect("the test starts");
    let written = all(&output);
    assert!(
        written.contains("running 1 test"),
        "no test is called {test}"
    );
    assert!(output.status.success(), "{test} failed alone:\n{written}");
}
