//! Mistakes as a good compiler shows them.

use super::{Mistake, Source};
use crate::text::{Paint, Style, plural};

/// What is shown: its word, its style, and what it is counted as.
type Kind = (&'static str, Style, &'static str);
const MISTAKE: Kind = ("error:", Style::Bad, "mistake");
const WARNING: Kind = ("warning:", Style::Warning, "warning");

impl Source {
    /// All mistakes, each with its line of the file, and how many they are.
    #[must_use]
    pub fn show(&self, mistakes: &[Mistake], paint: Paint) -> String {
        self.show_as(MISTAKE, mistakes, paint)
    }

    /// What is right and perhaps not meant, in the same form.
    #[must_use]
    pub fn show_warnings(&self, warnings: &[Mistake], paint: Paint) -> String {
        self.show_as(WARNING, warnings, paint)
    }

    fn show_as(&self, kind: Kind, mistakes: &[Mistake], paint: Paint) -> String {
        let mut text = String::new();
        for mistake in mistakes {
            text.push_str(&self.show_one(kind, mistake, paint));
            text.push('\n');
        }
        let (_, _, counted) = kind;
        let count = plural(mistakes.len(), counted);
        text.push_str(&paint.text(Style::Heading, &format!("{}: {count}", self.name)));
        text.push('\n');
        text
    }

    fn show_one(&self, (word, style, _): Kind, mistake: &Mistake, paint: Paint) -> String {
        let Mistake {
            path,
            position,
            expected,
            found,
            fix,
            ..
        } = mistake;
        let says = if path.is_empty() {
            // Of syntax, the parser's own words say it best.
            format!("{found}: expected {expected}")
        } else {
            format!("{path}: expected {expected}, found {found}")
        };
        let number = position.line.to_string();
        let margin = " ".repeat(number.len());
        let (line, before, marked) = self.marked_line(mistake);
        let line = without_secrets(line);
        let aside = |text: &str| paint.text(Style::Aside, text);
        format!(
            "{error} {says}\n\
             {margin}{arrow} {name}:{number}:{column}\n\
             {margin} {bar}\n\
             {number} {bar} {line}\n\
             {margin} {bar} {before}{carets}\n\
             {margin} {fix_mark} {fix}\n",
            error = paint.text(style, word),
            arrow = aside("-->"),
            name = self.name,
            column = position.column,
            bar = aside("|"),
            carets = paint.text(style, &"^".repeat(marked)),
            fix_mark = aside("= fix:"),
        )
    }

    /// The line of a mistake, the space before its carets, and how many they are. Tabs stay
    /// tabs, so that the carets stand below what they mean.
    fn marked_line(&self, mistake: &Mistake) -> (&str, String, usize) {
        let start = self.text.floor_char_boundary(mistake.place.start);
        let end = self.text.ceil_char_boundary(mistake.place.end);
        let line_start = self.text[..start].rfind('\n').map_or(0, |end| end + 1);
        let rest = &self.text[line_start..];
        let line = rest.lines().next().unwrap_or_default();
        let line_end = line_start + line.len();
        let before = self.text[line_start..start.min(line_end)]
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let marked = self
            .text
            .get(start..end.min(line_end))
            .map_or(0, |marked| marked.chars().count());
        (line, before, marked.max(1))
    }
}

/// The line with stars for whatever stands behind the word `passphrase`, one for a character.
fn without_secrets(line: &str) -> String {
    const WORD: &str = "passphrase";
    let Some(at) = line.find(WORD) else {
        return line.to_owned();
    };
    let (public, secret) = line.split_at(at + WORD.len());
    let star = |c: char| if c.is_alphanumeric() { '*' } else { c };
    public.chars().chain(secret.chars().map(star)).collect()
}

#[cfg(test)]
mod tests {
    use plugin_abi::manage::Problem;

    use super::*;

    fn shown(text: &str, path: &str) -> String {
        let document = Source::new("branch.toml", text).parse().unwrap();
        let problem = Problem {
            path: path.into(),
            expected: "an IP address".into(),
            found: "\"10.0.0\"".into(),
            fix: "write all four numbers".into(),
        };
        let mistakes = document.mistakes(&[problem]);
        document.source().show(&mistakes, Paint::PLAIN)
    }

    #[test]
    fn a_mistake_is_shown_with_its_line_and_carets_below() {
        assert_eq!(
            shown("[[lines]]\nremote = \"10.0.0\" # far\n", "lines[0].remote"),
            "\
error: lines[0].remote: expected an IP address, found \"10.0.0\"
 --> branch.toml:2:10
  |
2 | remote = \"10.0.0\" # far
  |          ^^^^^^^^
  = fix: write all four numbers

branch.toml: 1 mistake
"
        );
    }

    #[test]
    fn a_tab_before_the_mistake_is_a_tab_before_the_carets() {
        let text = shown("[a]\n\tb = 1\n", "a.b");
        assert!(text.contains("\n  | \t    ^\n"), "{text}");
    }

    #[test]
    fn a_mistake_over_several_lines_is_marked_on_its_first() {
        let text = shown("a = [\n  1,\n]\n", "a");
        assert!(text.contains("1 | a = [\n  |     ^\n"), "{text}");
    }

    #[test]
    fn a_passphrase_is_not_shown_although_its_line_is() {
        let text = "[[keys]]\nid = \"hub\"\npassphrase = \"hidden\"\n";
        let text = shown(text, "keys[0].passphrase");
        assert!(text.contains("3 | passphrase = \"******\"\n"), "{text}");
    }

    #[test]
    fn an_empty_file_can_be_shown() {
        let text = shown("", "lines");
        assert!(text.contains(" --> branch.toml:1:1\n"), "{text}");
    }

    #[test]
    fn a_mistake_at_the_end_of_the_file_can_be_shown() {
        let (source, mistakes) = Source::new("a.toml", "a = \"é").parse().unwrap_err();
        let text = source.show(&mistakes, Paint::PLAIN);
        assert!(text.contains("1 | a = \"é\n"), "{text}");
        let (source, mistakes) = Source::new("a.toml", "a = 1\r\nb = ").parse().unwrap_err();
        let text = source.show(&mistakes, Paint::PLAIN);
        assert!(text.contains("a.toml:2:"), "{text}");
    }
}
