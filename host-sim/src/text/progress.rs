//! One line on standard error that is written over and over, if somebody looks.

use std::io::{IsTerminal, Write};

/// The line; it wipes itself when dropped.
#[derive(Debug)]
pub struct Progress {
    watched: bool,
    shown: bool,
}

impl Progress {
    /// Shows only if standard error is a terminal.
    #[must_use]
    pub fn new() -> Self {
        Self {
            watched: std::io::stderr().is_terminal(),
            shown: false,
        }
    }

    /// Replaces what is shown.
    pub fn show(&mut self, text: &str) {
        if self.watched {
            self.shown = true;
            write_over(text);
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            write_over("");
        }
    }
}

/// Back to the first column, wipe the line, write. Progress is not worth an error.
fn write_over(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "\r\x1b[2K{text}");
    let _ = stderr.flush();
}
