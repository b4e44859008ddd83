//! What persons added to a host in its earlier runs, taken up again beside its configuration.

use std::path::Path;

use plugin_abi::config::Owner;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::check::{Judged, opinion};
use super::super::{CommandError, Surroundings};
use crate::host::control::{Kept, State, StateError};
use crate::text::complain;

/// What persons added, in its file.
#[derive(Debug)]
pub(super) struct Persons {
    state: State,
    /// What doesn't go together with the configuration as it is now. It stays in the file.
    left_out: Kept,
}

impl Persons {
    /// Reads the file.
    pub(super) fn of(file: &Path) -> Result<Self, StateError> {
        Ok(Self {
            state: State::load(file)?,
            left_out: Kept::default(),
        })
    }

    /// The configuration with all of it. What makes a mistake of it is left out, and that is told.
    pub(super) fn beside(
        &mut self,
        judged: &Judged,
        around: &Surroundings,
    ) -> Result<String, CommandError> {
        let document: Value =
            serde_json::from_str(&judged.json).map_err(CommandError::Configuration)?;
        let mut kept = self.state.kept().clone();
        loop {
            let merged = merged(document.clone(), &kept);
            let (problems, _) = opinion(&merged, &judged.plugin, around)?;
            let Some(problem) = problems.into_iter().next() else {
                return Ok(merged.to_string());
            };
            let left = self.leave_out(&mut kept, &problem.path, sessions(&document).count());
            // The document is good by itself: it must be one of what was added.
            let Some(what) = left else {
                return Err(CommandError::Problems(vec![problem]));
            };
            complain(&format!("{what} of the state is left out: {problem}"));
        }
    }

    /// Takes out what the path of a mistake leads to, or the last that there is. Says what it was.
    fn leave_out(&mut self, kept: &mut Kept, path: &str, first: usize) -> Option<String> {
        if let Some(place) = index(path, "responder.added").filter(|n| *n < kept.responders.len()) {
            let responder = kept.responders.remove(place);
            self.left_out.responders.push(responder);
            return Some(format!("responder {}", responder.at));
        }
        if let Some(place) = index(path, "toggled").filter(|n| *n < kept.roles.len()) {
            let roles = kept.roles.remove(place);
            self.left_out.roles.push(roles);
            return Some(format!("what was toggled on line {}", roles.line));
        }
        if let Some(place) = index(path, "overrides").filter(|n| *n < kept.overrides.len()) {
            let order = kept.overrides.remove(place);
            let told = format!("override {}", order.name);
            self.left_out.overrides.push(order);
            return Some(told);
        }
        let place = index(path, "sessions").and_then(|index| index.checked_sub(first));
        let last = kept.sessions.len().checked_sub(1);
        let place = place.filter(|n| *n < kept.sessions.len()).or(last)?;
        let session = kept.sessions.remove(place);
        let called = [&session["name"], &session["remote"]];
        let called = called.into_iter().find_map(Value::as_str).unwrap_or("");
        let told = format!("session {called}");
        self.left_out.sessions.push(session);
        Some(told)
    }

    /// Keeps what persons have in this document, and what was left out of it.
    pub(super) fn keep(&mut self, document: &Value) -> Result<(), CommandError> {
        let mut kept = of_persons(document)?;
        kept.sessions.extend(self.left_out.sessions.iter().cloned());
        kept.responders.extend(&self.left_out.responders);
        kept.roles.extend(&self.left_out.roles);
        let overrides = self.left_out.overrides.iter().cloned();
        kept.overrides.extend(overrides);
        self.state.keep(kept)?;
        Ok(())
    }
}

/// The document with what persons added, sessions behind its own.
fn merged(mut document: Value, kept: &Kept) -> Value {
    if !kept.sessions.is_empty() {
        let persons = kept.sessions.iter().map(|session| {
            let mut session = session.clone();
            session["owner"] = json!(Owner::Person);
            session
        });
        match document.get_mut("sessions").and_then(Value::as_array_mut) {
            Some(sessions) => sessions.extend(persons),
            None => document["sessions"] = persons.collect(),
        }
    }
    if !kept.responders.is_empty() {
        document["responder"]["added"] = json!(kept.responders);
    }
    if !kept.roles.is_empty() {
        document["toggled"] = json!(kept.roles);
    }
    if !kept.overrides.is_empty() {
        document["overrides"] = json!(kept.overrides);
    }
    document
}

fn of_persons(document: &Value) -> Result<Kept, CommandError> {
    let of_person = |session: &&Value| session["owner"] == Owner::Person.name();
    Ok(Kept {
        sessions: sessions(document).filter(of_person).cloned().collect(),
        responders: read(document.pointer("/responder/added"))?,
        roles: read(document.get("toggled"))?,
        overrides: read(document.get("overrides"))?,
    })
}

fn sessions(document: &Value) -> impl Iterator<Item = &Value> {
    let sessions = document.get("sessions").and_then(Value::as_array);
    sessions.into_iter().flatten()
}

fn read<Part: DeserializeOwned + Default>(part: Option<&Value>) -> Result<Part, CommandError> {
    let read = part.map(Part::deserialize).transpose();
    let read = read.map_err(CommandError::Configuration)?;
    Ok(read.unwrap_or_default())
}

/// The number in `sessions[3].probe.ttl`, for `sessions`.
fn index(path: &str, array: &str) -> Option<usize> {
    let (number, _) = path
        .strip_prefix(array)?
        .strip_prefix('[')?
        .split_once(']')?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::{Answering, Answers, Toggled};

    use super::*;

    fn kept() -> Kept {
        let off = Toggled {
            line: 1,
            sender: Some(false),
            responder: None,
        };
        Kept {
            sessions: vec![json!({"remote": "192.0.2.2", "owner": "person"})],
            responders: vec![Answering {
                at: "192.0.2.9:862".parse().unwrap(),
                protocol: Answers::Light,
            }],
            roles: vec![off],
            overrides: Vec::new(),
        }
    }

    #[test]
    fn what_persons_added_stands_beside_what_the_document_has_and_is_found_there_again() {
        let document = json!({"sessions": [{"remote": "192.0.2.1"}]});
        let merged = merged(document, &kept());
        assert_eq!(merged["sessions"][0], json!({"remote": "192.0.2.1"}));
        assert_eq!(merged["sessions"][1], kept().sessions[0]);
        assert_eq!(merged["toggled"], json!([{"line": 1, "sender": false}]));
        assert_eq!(of_persons(&merged).unwrap(), kept());
    }

    #[test]
    fn where_nothing_was_added_the_document_is_as_it_was() {
        let document = json!({"mode": "act"});
        assert_eq!(merged(document.clone(), &Kept::default()), document);
    }

    #[test]
    fn a_mistake_names_its_place() {
        let of = |path| index(path, "sessions");
        assert_eq!(of("sessions[3].probe.ttl"), Some(3));
        assert_eq!(of("sessions[12]"), Some(12));
        assert_eq!(of("lines[0].remote"), None);
        let path = "responder.added[1].at";
        assert_eq!(index(path, "responder.added"), Some(1));
    }
}
