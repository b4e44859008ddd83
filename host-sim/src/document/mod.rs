//! A configuration file: TOML, its JSON value, and the place of everything in it.
//!
//! The plugin judges the JSON value and names mistakes by path (`lines[2].remote`); people want
//! file, line and column. [`Document`] knows both.

mod mistake;
mod place;
mod show;
mod tree;

pub use mistake::Mistake;
pub use place::Position;

use std::ops::Range;
use std::path::Path;

use plugin_abi::manage::Problem;
use serde::de::DeserializeOwned;
use toml::de::DeTable;

use self::place::Step;
use self::tree::Tree;

/// A configuration file that is good TOML.
#[derive(Clone, Debug)]
pub struct Document {
    source: Source,
    value: serde_json::Value,
    tree: Tree,
}

/// The text of a file and the name it goes by.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
}

/// A file that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("can't read {name}: {cause}")]
pub struct ReadError {
    name: String,
    cause: std::io::Error,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// No such file, no permission, no UTF-8.
    pub fn read(file: &Path) -> Result<Self, ReadError> {
        let name = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Self { name, text }),
            Err(cause) => Err(ReadError { name, cause }),
        }
    }

    /// A text that lies in no file.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }

    /// What the file is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Parses it as TOML.
    ///
    /// # Errors
    /// Every mistake of syntax.
    pub fn parse(self) -> Result<Document, (Self, Vec<Mistake>)> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        if !errors.is_empty() {
            let mistakes = errors.iter().map(|error| Mistake::syntax(&self, error));
            let mistakes = in_order(mistakes.collect());
            return Err((self, mistakes));
        }
        let (value, tree) = tree::grow(table.get_ref());
        Ok(Document {
            source: self,
            value,
            tree,
        })
    }

    fn position(&self, offset: usize) -> Position {
        place::position(&self.text, offset)
    }
}

impl Document {
    /// The file's text and name.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What the file says, as JSON.
    #[must_use]
    pub fn value(&self) -> &serde_json::Value {
        &self.value
    }

    /// The file, for one who wants no more of it.
    #[must_use]
    pub fn into_source(self) -> Source {
        self.source
    }

    /// What the file says, in a shape of this program's own.
    ///
    /// # Errors
    /// The first value of another shape.
    pub fn read<Shape: DeserializeOwned>(&self) -> Result<Shape, Mistake> {
        toml::from_str(&self.source.text).map_err(|error| Mistake::shape(&self.source, &error))
    }

    /// The plugin's problems with their places, in the order of the file.
    #[must_use]
    pub fn mistakes(&self, problems: &[Problem]) -> Vec<Mistake> {
        let mistakes = problems
            .iter()
            .map(|problem| Mistake::of(&self.source, problem, self.place(problem)));
        in_order(mistakes.collect())
    }

    /// Where a problem is: the value its path names; the key, if the key is what was found; or
    /// the innermost table that is there, if something is missing.
    fn place(&self, problem: &Problem) -> Range<usize> {
        let steps = place::steps(&problem.path);
        let of_key = match steps.last() {
            Some(Step::Key(key)) => problem.found == format!("{key:?}"),
            _ => false,
        };
        self.tree.find(&steps, of_key)
    }
}

fn in_order(mut mistakes: Vec<Mistake>) -> Vec<Mistake> {
    mistakes.sort_by_key(|mistake| mistake.place.start);
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
mode = \"act\"

[[lines]]
id = 1
name = \"fibre\"
remote = \"10.0.0\"

[[lines]]
id = 2
probe = { interval_ms = 0 }
";

    fn problem(path: &str) -> Problem {
        Problem {
            path: path.into(),
            expected: "something else".into(),
            found: "this".into(),
            fix: "change it".into(),
        }
    }

    fn place(path: &str) -> (u32, u32, &'static str) {
        let document = Source::new("a.toml", TEXT).parse().unwrap();
        let mistake = document.mistakes(&[problem(path)]).remove(0);
        let position = mistake.position;
        (position.line, position.column, &TEXT[mistake.place])
    }

    #[test]
    fn a_path_leads_to_its_value() {
        assert_eq!(place("mode"), (1, 8, "\"act\""));
        assert_eq!(place("lines[0].remote"), (6, 10, "\"10.0.0\""));
        assert_eq!(place("lines[1].probe.interval_ms"), (10, 25, "0"));
    }

    #[test]
    fn what_is_missing_is_shown_at_the_table_it_is_missing_in() {
        assert_eq!(place("lines[1].name"), (8, 1, "[[lines]]"));
        assert_eq!(place("lines[1].probe.dscp").0, 10);
        assert_eq!(place("classes[0].sla").0, 1);
        assert_eq!(place("").0, 1);
    }

    #[test]
    fn an_unknown_key_is_shown_itself_not_its_value() {
        let document = Source::new("a.toml", TEXT).parse().unwrap();
        let unknown = Problem {
            found: "\"remote\"".into(),
            ..problem("lines[0].remote")
        };
        let mistake = document.mistakes(&[unknown]).remove(0);
        assert_eq!(&TEXT[mistake.place], "remote");
    }

    #[test]
    fn mistakes_come_in_the_order_of_the_file() {
        let document = Source::new("a.toml", TEXT).parse().unwrap();
        let problems = ["lines[1].id", "mode", "lines[0].id"].map(problem);
        let paths: Vec<_> = document
            .mistakes(&problems)
            .into_iter()
            .map(|mistake| mistake.path)
            .collect();
        assert_eq!(paths, ["mode", "lines[0].id", "lines[1].id"]);
    }

    #[test]
    fn every_mistake_of_syntax_is_found() {
        let (_, mistakes) = Source::new("a.toml", "a = \nb = 1\nb = 2\n")
            .parse()
            .unwrap_err();
        let lines: Vec<_> = mistakes
            .iter()
            .map(|mistake| mistake.position.line)
            .collect();
        assert_eq!(lines, [1, 3]);
    }
}
