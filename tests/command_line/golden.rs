//! Texts that must not change by accident: each lies in a file of `golden/`.
//!
//! `UPDATE_GOLDEN=1` writes the files; look at the difference before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

/// Compares `text` with the file `name`.
///
/// # Panics
/// If they differ.
#[track_caller]
pub(crate) fn assert_golden(name: &str, text: &str) {
    let file = path(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, text).expect("the file can be written");
        return;
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    if expected == text {
        return;
    }
    let lines = expected.lines().zip(text.lines());
    let same = lines
        .take_while(|(expected, found)| expected == found)
        .count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(the end)").to_owned();
    panic!(
        "golden/{name}:{}:\n expected: {}\n found:    {}\nwhole text:\n{text}",
        same + 1,
        line(&expected),
        line(text),
    );
}

/// A file of `golden/`.
pub(crate) fn path(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("command_line/golden");
    here.join(name)
}
