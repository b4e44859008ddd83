//! What persons added to a host, kept in a file from one run of it to the next.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use plugin_abi::config::{Answering, Override, Toggled};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The file, and what stands in it.
#[derive(Debug)]
pub struct State {
    file: PathBuf,
    kept: Kept,
}

/// What persons added, as it stands in a configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Sessions.
    pub sessions: Vec<Value>,
    /// Addresses that answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responders: Vec<Answering>,
    /// Roles of lines that were toggled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Toggled>,
    /// What goes before the decisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
}

/// The file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It can't be read.
    #[error("can't read the state {}: {cause}; mend it, move it away, or name another", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: io::Error,
    },
    /// It can't be written.
    #[error("can't keep the state in {}: {cause}; what was added lasts until the host ends", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
}

impl State {
    /// Reads the file; one that is not there yet is empty.
    ///
    /// # Errors
    /// It is there, and can't be read or is none of ours.
    pub fn load(file: &Path) -> Result<Self, StateError> {
        let kept = match std::fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::default()),
            Err(error) => Err(error),
        };
        let file = file.to_owned();
        match kept {
            Ok(kept) => Ok(Self { file, kept }),
            Err(cause) => Err(StateError::Read { file, cause }),
        }
    }

    /// What is kept.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Keeps this from now on. The file is whole at any time: the new one is written
    /// beside it, then takes its name.
    ///
    /// # Errors
    /// It can't be written; the former file is as it was.
    pub fn keep(&mut self, kept: Kept) -> Result<(), StateError> {
        if kept == self.kept {
            return Ok(());
        }
        self.write(&kept).map_err(|cause| StateError::Write {
            file: self.file.clone(),
            cause,
        })?;
        self.kept = kept;
        Ok(())
    }

    fn write(&self, kept: &Kept) -> io::Result<()> {
        let mut name = self.file.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        serde_json::to_writer_pretty(&file, kept)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&new, &self.file)?;
        // The name is on the disk once its directory is.
        match self.file.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => {
                File::open(directory)?.sync_all()
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(name: &str) -> PathBuf {
        let name = format!("host-sim-{}-{name}.json", std::process::id());
        std::env::temp_dir().join(name)
    }

    #[test]
    fn what_is_kept_is_there_at_the_next_start() {
        let file = file("kept");
        let mut state = State::load(&file).unwrap();
        assert_eq!(state.kept(), &Kept::default());
        let off = Toggled {
            line: 1,
            sender: Some(false),
            responder: None,
        };
        let kept = Kept {
            sessions: vec![json!({"name": "a", "remote": "192.0.2.1"})],
            roles: vec![off],
            overrides: Vec::new(),
            ..Kept::default()
        };
        state.keep(kept.clone()).unwrap();
        assert_eq!(State::load(&file).unwrap().kept(), &kept);
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_file_of_something_else_is_refused_and_left_alone() {
        let file = file("else");
        for text in ["", "[", "{\"sessions\":[],\"more\":1}", "{}"] {
            std::fs::write(&file, text).unwrap();
            let error = State::load(&file).unwrap_err().to_string();
            assert!(error.contains("can't read the state"), "{error}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_file_that_cant_be_written_says_so_and_keeps_nothing_back() {
        let mut state = State::load(Path::new("/nowhere/state.json")).unwrap();
        let kept = Kept {
            sessions: vec![json!({})],
            ..Kept::default()
        };
        let error = state.keep(kept).unwrap_err().to_string();
        assert!(error.contains("/nowhere/state.json"), "{error}");
        assert_eq!(state.kept(), &Kept::default());
    }
}
