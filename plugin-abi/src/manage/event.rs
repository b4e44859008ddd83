//! What is wrong, or was: raised once, cleared once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What stands, and what stood of late.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Those that stand, the newest first; then those that were cleared, the newest first.
    pub rows: Vec<EventRow>,
    /// How often each code was raised since the engine began.
    pub raised: BTreeMap<String, u64>,
    /// Log lines about events that were held back: one a second is told.
    pub suppressed: u64,
}

/// Something that is wrong with something, from when it was raised until it was cleared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// A stable word, such as `line-dead`.
    pub code: String,
    /// How bad it is.
    pub severity: EventSeverity,
    /// What it is about.
    #[serde(flatten)]
    pub object: EventObject,
    /// Since when, Unix seconds.
    pub raised_at: f64,
    /// When it was over, Unix seconds; none while it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<f64>,
    /// How often it began; more than once where it came back before it was cleared.
    pub times: u64,
    /// The figures that it stands on, by name; a unit ends the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
    /// The same for people.
    pub sentence: String,
}

/// What an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventObject {
    /// `line`, `session`, `collector`, `responder` or `configuration`.
    pub kind: String,
    /// Which one; empty where there is but one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The class of traffic that suffers from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// How bad an event is (ITU-T X.733, section 8.1.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventSeverity {
    /// Something may become wrong, or did and is over.
    Warning,
    /// Something is not as it was asked for; traffic goes on.
    Minor,
    /// Traffic suffers, or nobody can tell.
    Major,
    /// Nothing gets through.
    Critical,
}

impl EventSeverity {
    /// What it is called in lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for EventObject {
    /// `line fibre, class voice`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind)?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        match &self.class {
            Some(class) => write!(f, ", class {class}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_written_as_it_is_called() {
        use EventSeverity::{Critical, Major, Minor, Warning};
        for severity in [Warning, Minor, Major, Critical] {
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.name());
        }
        assert!(Warning < Critical);
    }

    #[test]
    fn an_object_is_named_as_far_as_it_has_names() {
        let mut object = EventObject {
            kind: "line".into(),
            name: "fibre".into(),
            class: Some("voice".into()),
        };
        assert_eq!(object.to_string(), "line fibre, class voice");
        object.class = None;
        object.name.clear();
        assert_eq!(object.to_string(), "line");
    }
}
