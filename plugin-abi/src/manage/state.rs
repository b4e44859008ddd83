//! The whole state of an engine: what an apply changes, what waits to be confirmed, who does what.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::config::{Answering, Answers, Owner};

/// What an apply changes, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// By name.
    pub lines: Difference<String>,
    /// By name.
    pub groups: Difference<String>,
    /// By name.
    pub classes: Difference<String>,
    /// Those apart from lines, by name; those without one by id.
    pub sessions: Difference<String>,
    /// By id. What they hide is told to nobody.
    pub keys: Difference<String>,
    /// Addresses that answer, besides those of lines. None of them changes.
    pub responder: Difference<Answering>,
    /// What else is different, by its key in the document: `probe`, `decision`, `schedule` …
    pub settings: Vec<String>,
    /// Any of them is, or a key.
    pub settings_changed: bool,
    /// What of it waits for the next start.
    pub at_next_start: Vec<String>,
    /// The newest generation that was applied.
    #[serde(default)]
    pub generation: u64,
    /// Unless it is confirmed by then, Unix seconds, the former document returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_by: Option<u64>,
}

/// What comes, goes and is different of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference<T> {
    /// What was not there.
    pub added: Vec<T>,
    /// What is there no more.
    pub removed: Vec<T>,
    /// What is there in another form.
    pub changed: Vec<T>,
}

/// An apply that is not confirmed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The newest generation that was applied.
    pub generation: u64,
    /// Unless it is confirmed by then, Unix seconds, the former document returns.
    pub confirm_by: u64,
}

/// What a line does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// It sends probes.
    pub sender: bool,
    /// It answers probes.
    pub responder: bool,
    /// A person has toggled one of them: the document says otherwise.
    pub overridden: bool,
}

/// What a line does, and which it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRoles {
    /// Its name.
    pub line: String,
    /// What it does now.
    #[serde(flatten)]
    pub roles: Roles,
}

/// An address that answers, or no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponderRow {
    /// Address and port.
    pub at: SocketAddr,
    /// What it answers.
    pub protocol: Answers,
    /// It does. Where it can't be bound, the log says why.
    pub on: bool,
    /// Who wants it so.
    pub owner: Owner,
}

impl<T> Difference<T> {
    /// Nothing is different.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl<T> Default for Difference<T> {
    fn default() -> Self {
        Self {
            added: Vec::new(),
            removed: Vec::new(),
            changed: Vec::new(),
        }
    }
}

impl Applied {
    /// Nothing is different.
    #[must_use]
    pub fn is_none(&self) -> bool {
        [&self.lines, &self.groups, &self.classes, &self.sessions]
            .into_iter()
            .all(Difference::is_none)
            && self.responder.is_none()
            && !self.settings_changed
    }
}
