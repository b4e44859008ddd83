//! What should have happened, and whether it did: judged on what was recorded.

mod numbers;
mod switches;

use serde::Serialize;

pub(super) use numbers::of_numbers;
pub(super) use switches::of_switches;

/// Something that should have happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expectation {
    /// What.
    pub what: String,
    /// Whether it did.
    pub met: bool,
    /// For a switch: seconds from its cause to the first packet on the new line.
    pub after_s: Option<f64>,
    /// What was found, with its numbers.
    pub found: String,
}

fn met(what: &str, found: &str) -> Expectation {
    Expectation {
        what: what.to_owned(),
        met: true,
        after_s: None,
        found: found.to_owned(),
    }
}

fn unmet(what: &str, found: &str) -> Expectation {
    Expectation {
        met: false,
        ..met(what, found)
    }
}
