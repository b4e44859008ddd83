//! Why a call was refused: the code it answers and the sentence for its sink.

use plugin_abi::code;
use plugin_abi::manage::Problem;

use crate::engine::EngineError;

/// A call that is answered with a code below zero.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// One of [`code`].
    pub(super) code: i32,
    /// What is wrong and what to do.
    pub(super) text: String,
}

impl Refusal {
    /// An argument that can't be right, whatever the engine's state.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self {
            code: code::INVALID,
            text: text.into(),
        }
    }

    /// A function whose capability bit is off.
    pub(super) fn unsupported(what: &str) -> Self {
        Self {
            code: code::UNSUPPORTED,
            text: format!("this plugin has no {what}; look at its capabilities first"),
        }
    }

    /// All mistakes of a document, a line each.
    pub(super) fn problems(code: i32, problems: &[Problem]) -> Self {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Self {
            code,
            text: lines.join("\n"),
        }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self {
            code: error.code(),
            text: error.to_string(),
        }
    }
}
