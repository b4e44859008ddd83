//! What can go wrong at the boundary, seen from the host.

use std::path::PathBuf;

use crate::{ABI_MAJOR, ABI_MINOR, code};

/// A plugin file was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No file, or nothing that the dynamic loader can open.
    #[error("can't open the plugin {path}: {found}; build it, or name another file")]
    Open {
        /// The file.
        path: PathBuf,
        /// The dynamic loader's words.
        found: String,
    },
    /// A library without the plugin's door.
    #[error(
        "{path} is a library but no autoflow plugin: it has no symbol {symbol}; name the plugin's file"
    )]
    NoDoor {
        /// The file.
        path: PathBuf,
        /// The symbol that is not there.
        symbol: &'static str,
    },
    /// A plugin that was built without the checked door.
    #[error(
        "{path} has no checked door, only the C door; enter by the C door, or build the plugin \
         with its feature `stable`"
    )]
    OnlyCDoor {
        /// The file.
        path: PathBuf,
    },
    /// Another contract.
    #[error(
        "{path} speaks ABI {found_major}.{found_minor}, this host speaks {ABI_MAJOR}.{ABI_MINOR}; \
         take a plugin of major version {ABI_MAJOR}"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its major version.
        found_major: u16,
        /// Its minor version.
        found_minor: u16,
    },
    /// Another release of the crate `plugin-abi`, found by the checked door.
    #[error(
        "{path} was built with plugin-abi {found}, this host with {expected}; rebuild plugin and \
         host from one plugin-abi"
    )]
    Release {
        /// The file.
        path: PathBuf,
        /// The host's release.
        expected: String,
        /// The plugin's release.
        found: String,
    },
    /// The C door's table lacks functions that every version has.
    #[error(
        "{path}: its table has {found} octets, at least {expected} are expected; rebuild the plugin"
    )]
    TableTooSmall {
        /// The file.
        path: PathBuf,
        /// The size of the first version's table.
        expected: u32,
        /// The size that the plugin states.
        found: u32,
    },
    /// The checked door found another layout. `report` is the whole report.
    #[error(
        "{path} was built against another layout: {summary}; rebuild plugin and host from one plugin-abi"
    )]
    Layout {
        /// The file.
        path: PathBuf,
        /// What differs, in a line.
        summary: String,
        /// All that differs.
        report: String,
    },
}

/// A call was answered with a code below zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {}{}{message}", code::name(*code), if message.is_empty() { "" } else { ": " })]
pub struct CallError {
    /// The function of the table.
    pub call: &'static str,
    /// A code of [`crate::code`].
    pub code: i32,
    /// What the plugin says about it.
    pub message: String,
}
