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

/// A bar, filled by this share, from 0 to 1.
#[must_use]
pub fn bar(share: f64) -> String {
    const WIDTH: usize = 20;
    let filled = (share.clamp(0.0, 1.0) * WIDTH as f64) as usize;
    format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled))
}

/// Back to the first column, wipe the line, write. Progress is not worth an error.
fn write_over(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = write!(stderr, "\r\x1b[2K{text}");
    let _ = stderr.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_wide_whatever_is_done() {
        assert_eq!(bar(0.0), "░".repeat(20));
        assert_eq!(bar(0.5), "█".repeat(10) + &"░".repeat(10));
        assert_eq!([bar(1.0), bar(7.0)], [(); 2].map(|()| "█".repeat(20)));
    }
}
