//! Who wrote an object of the configuration.

use serde::{Deserialize, Serialize};

/// Who wrote an object of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The host: its document, or a call.
    #[default]
    Document,
    /// The topology in the host's document.
    Topology,
    /// A person, by `manage`.
    Person,
}
