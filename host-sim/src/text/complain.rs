//! What goes wrong is told on standard error.

use std::io::Write;

/// One sentence on standard error. If that is closed, nobody is left to be told.
pub fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "host-sim: {sentence}");
}
