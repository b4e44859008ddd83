//! Who watches: somebody at a terminal, a log, or nobody.

use std::io::{self, IsTerminal, Write};

use super::live;
use super::recording::{Impaired, Switch};
use super::view::View;
use crate::text::Paint;

/// Who watches.
pub(super) enum Audience {
    /// Somebody at a terminal: the picture is drawn over itself.
    Terminal(Screen),
    /// A log on standard output: a line each second and one for each event.
    Log { out: Box<dyn Write>, next_s: f64 },
    /// Nobody: standard output is for JSON and standard error is no terminal.
    Nobody,
}

/// A picture that is drawn over itself.
pub(super) struct Screen {
    out: Box<dyn Write>,
    paint: Paint,
    rows: usize,
}

impl Audience {
    /// Who watches a demo whose answer is JSON or not.
    pub(super) fn find(json: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        if json {
            if io::stderr().is_terminal() && !dumb {
                Self::Terminal(Screen::new(Box::new(io::stderr()), Paint::PLAIN))
            } else {
                Self::Nobody
            }
        } else if io::stdout().is_terminal() && !dumb {
            Self::Terminal(Screen::new(Box::new(io::stdout()), Paint::of_stdout()))
        } else {
            Self::log(Box::new(io::stdout()))
        }
    }

    fn log(out: Box<dyn Write>) -> Self {
        Self::Log { out, next_s: 0.0 }
    }

    /// Shows how it stands now.
    pub(super) fn show(&mut self, view: &View<'_>) -> io::Result<()> {
        match self {
            Self::Terminal(screen) => screen.draw(&live::picture(view, screen.paint)),
            Self::Log { out, next_s } => {
                if view.elapsed_s < *next_s {
                    return Ok(());
                }
                *next_s = view.elapsed_s.floor() + 1.0;
                line(out, &live::brief(view))
            }
            Self::Nobody => Ok(()),
        }
    }

    /// Something was done to a line.
    pub(super) fn impaired(&mut self, impaired: &Impaired) -> io::Result<()> {
        let Impaired {
            at_s, line, what, ..
        } = impaired;
        self.event(|| format!("{at_s:5.1} s  ** {line} {what}"))
    }

    /// The plugin has moved a class.
    pub(super) fn switched(&mut self, switch: &Switch) -> io::Result<()> {
        self.event(|| live::switch_rows(switch, Paint::PLAIN).join("\n"))
    }

    /// The plugin warns.
    pub(super) fn warned(&mut self, warning: &str) -> io::Result<()> {
        self.event(|| format!("the plugin warns: {warning}"))
    }

    /// The picture shows events by itself; a log wants a line.
    fn event(&mut self, text: impl FnOnce() -> String) -> io::Result<()> {
        match self {
            Self::Log { out, .. } => line(out, &text()),
            Self::Terminal(_) | Self::Nobody => Ok(()),
        }
    }
}

impl Screen {
    fn new(out: Box<dyn Write>, paint: Paint) -> Self {
        Self {
            out,
            paint,
            rows: 0,
        }
    }

    fn draw(&mut self, rows: &[String]) -> io::Result<()> {
        // Long rows are cut at the margin: wrapped ones would move the picture.
        let mut frame = String::from("\x1b[?7l");
        if self.rows > 0 {
            frame += &format!("\x1b[{}A", self.rows);
        }
        for row in rows {
            frame += &format!("\r{row}\x1b[K\n");
        }
        frame += "\x1b[J\x1b[?7h";
        self.rows = rows.len();
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }
}

fn line(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::recording::Recording;
    use super::*;

    /// What was written, still readable.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    #[test]
    fn a_picture_is_drawn_over_the_one_before() {
        let written = Written::default();
        let mut screen = Screen::new(Box::new(written.clone()), Paint::PLAIN);
        screen.draw(&["one".to_owned(), "two".to_owned()]).unwrap();
        assert!(!written.text().contains('A'), "nothing to go back over");
        screen.draw(&["three".to_owned()]).unwrap();
        assert!(written.text().contains("\x1b[2A\rthree\x1b[K\n\x1b[J"));
    }

    #[test]
    fn a_log_has_a_line_each_second_and_one_for_each_event() {
        let written = Written::default();
        let mut audience = Audience::log(Box::new(written.clone()));
        let recording = Recording::default();
        for quarter in 0..8 {
            let view = View {
                elapsed_s: f64::from(quarter) / 4.0,
                seconds: 30,
                lines: Vec::new(),
                flows: Vec::new(),
                recording: &recording,
                warning: None,
            };
            audience.show(&view).unwrap();
        }
        audience.warned("B is silent").unwrap();
        let text = written.text();
        let rows: Vec<_> = text.lines().collect();
        assert_eq!(
            rows,
            [
                "  0.0 s   |",
                "  1.0 s   |",
                "the plugin warns: B is silent"
            ]
        );
    }
}
