//! What the operator's hand, or an analyzer's, lays upon the decisions for a time.

use serde::{Deserialize, Serialize};

use super::{Schedule, Sla};

/// An order of somebody that goes before what measurements say, until it expires. Overrides come by
/// requests, and are kept beside the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// What people call it; no other override is called so.
    pub name: String,
    /// What is ordered.
    pub what: Hand,
    /// The class, by name: of `pin` and `sla`. Of `weight` only this class; absent: each that is
    /// spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The line, by name: of all but `sla`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Of `pin` and `weight`: only in this group, by name; absent: in each that has the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Of `sla`: what the class needs meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<Sla>,
    /// Of `weight`: the line's share of the flows, in percent of what it would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// From when on, Unix seconds; absent: it holds already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// When it expires, Unix seconds.
    pub until: u64,
    /// It holds again and again: from each of these times on, for `lasts_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// How long it holds each time, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_s: Option<u32>,
    /// Whose order it is.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub by: By,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What can be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hand {
    /// The class is on the line as long as that lives.
    Pin,
    /// No class stays on the line if another one lives.
    Drain,
    /// The same, as somebody works on it.
    Maintain,
    /// The class needs something else.
    Sla,
    /// Where flows are spread, the line has another share of them.
    Weight,
}

/// Whose order an override is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// A person's.
    #[default]
    Person,
    /// That of a program which watches the whole network.
    Analyzer,
}

impl Hand {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Pin,
        Self::Drain,
        Self::Maintain,
        Self::Sla,
        Self::Weight,
    ];

    /// What it is called in documents and requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Drain => "drain",
            Self::Maintain => "maintain",
            Self::Sla => "sla",
            Self::Weight => "weight",
        }
    }
}

impl By {
    /// As sentences have it.
    #[must_use]
    pub fn whom(self) -> &'static str {
        match self {
            Self::Person => "a person",
            Self::Analyzer => "the analyzer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_is_written_and_read_back() {
        for json in [
            r#"{"name":"a","what":"pin","class":"voice","line":"fibre","group":"hq","until":9}"#,
            concat!(
                r#"{"name":"b","what":"maintain","line":"fibre","from":3,"until":9,"#,
                r#""schedule":{"cron":"0 3 * * sun"},"lasts_s":7200,"by":"analyzer","note":"x"}"#
            ),
            r#"{"name":"c","what":"sla","class":"voice","sla":{"loss_percent":3.0},"until":9}"#,
            r#"{"name":"d","what":"weight","line":"lte","percent":50,"until":9}"#,
        ] {
            let read: Override = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
    }

    #[test]
    fn each_kind_is_called_as_it_is_written() {
        for hand in Hand::ALL {
            assert_eq!(serde_json::to_value(hand).unwrap(), hand.name());
        }
    }
}
