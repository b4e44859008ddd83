//! The way to standard output: text for people, or JSON and nothing else.

use std::io::{self, Write};

use serde::Serialize;

use super::{Paint, Style};

/// Where a command's answer goes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    paint: Paint,
}

impl Output {
    /// For people, or (`json`) for programs.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let paint = if json {
            Paint::PLAIN
        } else {
            Paint::of_stdout()
        };
        Self { json, paint }
    }

    /// Is it for programs?
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// The colours to use.
    #[must_use]
    pub fn paint(self) -> Paint {
        self.paint
    }

    /// Writes `text` if it is for people, with a line's end if it has none.
    ///
    /// # Errors
    /// Nobody reads any more, or the disk is full.
    pub fn text(self, text: &str) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write_out(&format!("{text}{end}"))
    }

    /// As [`text`](Self::text), in a style.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn styled(self, style: Style, text: &str) -> io::Result<()> {
        self.text(&self.paint.text(style, text))
    }

    /// Writes `value` as one line of JSON if it is for programs.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn object(self, value: &impl Serialize) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        let line = serde_json::to_string(value).map_err(io::Error::other)?;
        write_out(&(line + "\n"))
    }
}

/// Whole lines in one write: a reader sees each as soon as it is there.
fn write_out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
