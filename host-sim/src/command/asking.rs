//! Asking a running host, by its control socket.

use plugin_abi::manage::{Answer, Problem, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::CommandError;
use crate::cli::Socket;
use crate::host::control::{Client, default_path};

/// A running host that answers.
#[derive(Debug)]
pub(super) struct Asking {
    client: Client,
}

impl Asking {
    /// The host that the command line names.
    pub(super) fn at(socket: &Socket) -> Result<Self, CommandError> {
        let path = socket.path.clone().unwrap_or_else(default_path);
        let client = Client::connect(&path)?;
        Ok(Self { client })
    }

    /// The answer as it came; mistakes in the request are an error.
    pub(super) fn ask(&mut self, request: &impl Serialize) -> Result<Value, CommandError> {
        let answer = self.client.ask(request)?;
        match answer.get("problems").cloned() {
            Some(problems) => Err(CommandError::Problems(
                serde_json::from_value::<Vec<Problem>>(problems)
                    .map_err(|_| CommandError::Answer("problems"))?,
            )),
            None => Ok(answer),
        }
    }

    /// The same, read.
    pub(super) fn typed(&mut self, request: &Request) -> Result<Answer, CommandError> {
        read(&self.ask(request)?)
    }

    /// What the host was told.
    pub(super) fn configuration(&mut self) -> Result<Document, CommandError> {
        let mut answer = self.ask(&Request::Configuration)?;
        let keys = answer["configuration"].take();
        Ok(Document { keys })
    }
}

/// What a host was told. The whole can't be read as one: secrets are not in it.
#[derive(Debug)]
pub(super) struct Document {
    keys: Value,
}

impl Document {
    /// One key of it; its default, if it is not there.
    pub(super) fn part<Part: DeserializeOwned + Default>(
        &self,
        key: &str,
    ) -> Result<Part, CommandError> {
        match self.keys.get(key) {
            None => Ok(Part::default()),
            Some(part) => serde_json::from_value(part.clone()).map_err(CommandError::Configuration),
        }
    }
}

/// An answer of the plugin, read.
pub(super) fn read(answer: &Value) -> Result<Answer, CommandError> {
    serde_json::from_value(answer.clone()).map_err(|_| CommandError::Answer("what it knows"))
}
