//! Colours, where somebody looks.

use std::io::IsTerminal;

/// What a piece of text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Nothing special.
    #[default]
    Plain,
    /// A heading.
    Heading,
    /// Of less interest.
    Aside,
    /// As it should be.
    Good,
    /// To be looked at.
    Warning,
    /// Not as it should be.
    Bad,
}

/// Puts styles on text, or leaves it plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    colours: bool,
}

impl Paint {
    /// Never a colour.
    pub const PLAIN: Self = Self { colours: false };

    /// Colours if standard output is a terminal that can show them and `NO_COLOR` is not set
    /// (<https://no-color.org>).
    #[must_use]
    pub fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self {
            colours: !refused && !dumb && std::io::stdout().is_terminal(),
        }
    }

    /// `text` in `style`.
    #[must_use]
    pub fn text(self, style: Style, text: &str) -> String {
        let code = match style {
            _ if !self.colours => return text.to_owned(),
            Style::Plain => return text.to_owned(),
            Style::Heading => "1",
            Style::Aside => "2",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// What a line's state means.
#[must_use]
pub fn line_style(state: &str) -> Style {
    match state {
        "alive" => Style::Good,
        "dead" => Style::Bad,
        _ => Style::Warning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paint_adds_nothing() {
        assert_eq!(Paint::PLAIN.text(Style::Bad, "lost"), "lost");
    }

    #[test]
    fn a_colour_ends_where_its_text_ends() {
        let paint = Paint { colours: true };
        assert_eq!(paint.text(Style::Good, "ok"), "\x1b[32mok\x1b[0m");
        assert_eq!(paint.text(Style::Plain, "ok"), "ok");
    }
}
