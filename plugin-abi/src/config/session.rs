//! Sessions that are configured apart from lines.

use serde::{Deserialize, Serialize};

use super::{Address, Probe, Remote, When};

/// Probes between two ends that are no line's. They feed no line and no score.
///
/// Its id follows from its four (local address and port, remote address and port) and from where
/// they are ones (network namespace; interface of a link-local address): it stays the same after
/// any restart, whatever else is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// What people call it; no other session is called so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address that packets leave from; absent: the line's, or the system's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<Address>,
    /// UDP port that packets leave from; absent: one of the test ports while it is continuous, of
    /// a run any. It counts as 0 in the id then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u16>,
    /// Address of the far end, with its control port (Light and STAMP: its reflector port) or
    /// without.
    pub remote: Remote,
    /// Packets leave exactly as those of this line, by name: interface, mark, namespace, and its
    /// local address unless one is given here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Interface that packets leave by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Firewall mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<u32>,
    /// Network namespace that packets leave in, as of a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// How to probe; absent: as the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Whole TOS octet of the probes instead of the DSCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// Probes of a run; absent: it is continuous, and runs as long as the engine does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// When runs begin; absent: when somebody asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<When>,
    /// It sends probes. One that doesn't is only known.
    #[serde(default = "super::yes")]
    pub enabled: bool,
    /// Collectors are told what it measures.
    #[serde(default = "super::yes")]
    pub export: bool,
    /// How often while it is continuous, in seconds; absent: as the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_s: Option<u32>,
    /// Who wrote it, and so who may change it.
    #[serde(default)]
    pub owner: Owner,
}

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

impl Owner {
    /// What it is called in documents and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Topology => "topology",
            Self::Person => "person",
        }
    }
}

impl Session {
    /// It runs as long as the engine does.
    #[must_use]
    pub fn is_continuous(&self) -> bool {
        self.count.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_two_addresses_is_continuous_enabled_and_the_documents() {
        let session: Session = serde_json::from_str(r#"{"remote": "192.0.2.1"}"#).unwrap();
        assert!(session.is_continuous() && session.enabled && session.export);
        assert_eq!(session.owner, Owner::Document);
        let written = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Session>(&written).unwrap(), session);
    }

    #[test]
    fn an_owner_is_written_as_it_is_called() {
        for owner in [Owner::Document, Owner::Topology, Owner::Person] {
            let written = serde_json::to_value(owner).unwrap();
            assert_eq!(written, owner.name());
        }
    }
}
