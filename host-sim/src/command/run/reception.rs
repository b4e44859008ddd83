//! Who asks a running host over its control socket is answered here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use plugin_abi::config::Config;
use plugin_abi::host::{CallError, Engine};
use plugin_abi::manage::{Answer, Request};
use serde::Deserialize;
use serde_json::Value;

use super::super::CommandError;
use super::persons::Persons;
use crate::host::Names;
use crate::host::control::refusal;
use crate::text::complain;

/// What changes what is kept of persons.
const CHANGES: [&str; 9] = [
    "add-session",
    "change-session",
    "delete-session",
    "pause-schedule",
    "roles",
    "respond",
    "add-override",
    "end-override",
    "apply",
];

/// Hands requests to the engine, and keeps what persons changed.
pub(super) struct Reception {
    engine: Arc<Engine>,
    persons: Option<Mutex<Persons>>,
    /// Another document was applied: it may come and go by itself until it is confirmed.
    applied: AtomicBool,
}

/// What a request wants.
#[derive(Deserialize)]
struct Wanted {
    r#do: String,
}

impl Reception {
    pub(super) fn new(engine: Arc<Engine>, persons: Option<Persons>) -> Self {
        Self {
            engine,
            persons: persons.map(Mutex::new),
            applied: AtomicBool::new(false),
        }
    }

    /// The answer to one request, as the plugin gives it. What it has changed is kept by then.
    pub(super) fn answer(&self, request: &str) -> String {
        let answer = match self.engine.manage_json(request) {
            Ok(answer) => answer,
            Err(error) => return refused(&error),
        };
        // What is no request has changed nothing.
        if let Ok(Wanted { r#do: wanted }) = serde_json::from_str(request) {
            if wanted == "apply" {
                self.applied.store(true, Ordering::Relaxed);
            }
            if CHANGES.contains(&wanted.as_str()) {
                // The change holds all the same: the one who asked is answered so.
                self.keep()
                    .unwrap_or_else(|error| complain(&error.to_string()));
            }
        }
        answer
    }

    /// What lines, groups and classes are called now, if that can have changed.
    pub(super) fn other_names(&self) -> Result<Option<Names>, CommandError> {
        if !self.applied.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let config = serde_json::from_value(self.document()?);
        let config = config.map_err(CommandError::Configuration)?;
        Ok(Some(Names::of(&config)))
    }

    /// What the engine runs by, its topology written out.
    pub(super) fn effective(&self) -> Result<Config, CommandError> {
        let config = self.document()?;
        let Answer::Expanded(config) = self.engine.manage(&Request::Expand { config })? else {
            return Err(CommandError::Answer("what its configuration means"));
        };
        serde_json::from_value(config).map_err(CommandError::Configuration)
    }

    fn keep(&self) -> Result<(), CommandError> {
        let Some(persons) = &self.persons else {
            return Ok(());
        };
        // Asked for under the lock: of two changes the later one is kept last.
        let mut persons = persons.lock().unwrap_or_else(PoisonError::into_inner);
        persons.keep(&self.document()?)
    }

    fn document(&self) -> Result<Value, CommandError> {
        let document = self.engine.export_config()?;
        serde_json::from_str(&document).map_err(CommandError::Configuration)
    }
}

fn refused(error: &CallError) -> String {
    let said = match error.message.as_str() {
        "" => error.to_string(),
        message => message.to_owned(),
    };
    refusal(error.code, &said)
}
