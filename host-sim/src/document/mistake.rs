//! One mistake with its place.

use std::ops::Range;

use plugin_abi::manage::Problem;
use serde::Serialize;

use super::{Position, Source};

/// One mistake of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Path in the document; empty for a mistake of syntax.
    pub path: String,
    /// Line and column.
    #[serde(flatten)]
    pub position: Position,
    /// What would be right.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What to do.
    pub fix: String,
    /// First octet and the one after the last.
    #[serde(skip)]
    pub(super) place: Range<usize>,
}

impl Mistake {
    pub(super) fn of(source: &Source, problem: &Problem, place: Range<usize>) -> Self {
        Self {
            path: problem.path.clone(),
            position: source.position(place.start),
            expected: problem.expected.clone(),
            found: problem.found.clone(),
            fix: problem.fix.clone(),
            place,
        }
    }

    /// A value is of another shape than it has to be.
    pub(super) fn shape(source: &Source, error: &toml::de::Error) -> Self {
        let message = error.message();
        let (found, expected) = message
            .split_once(", expected ")
            .unwrap_or((message, "all that is needed"));
        let fix = "write what is expected";
        Self::at(source, error, expected, found, fix)
    }

    /// The parser says `what is wrong, expected this, that`, the second part not always.
    pub(super) fn syntax(source: &Source, error: &toml::de::Error) -> Self {
        let message = error.message();
        let (found, expected, fix) = if message == "duplicate key" {
            ("the same key again", "each key once", "keep one of them")
        } else {
            let (found, expected) = message
                .split_once(", expected ")
                .unwrap_or((message, "TOML"));
            (found, expected, "mend the syntax (https://toml.io)")
        };
        Self::at(source, error, expected, found, fix)
    }

    fn at(
        source: &Source,
        error: &toml::de::Error,
        expected: &str,
        found: &str,
        fix: &str,
    ) -> Self {
        let place = error.span().unwrap_or_default();
        Self {
            path: String::new(),
            position: source.position(place.start),
            expected: expected.to_owned(),
            found: found.to_owned(),
            fix: fix.to_owned(),
            place,
        }
    }
}
