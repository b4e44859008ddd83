//! What persons have written into a configuration beside its document, while it runs.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Line, Owner, Responder};

/// Roles of a line that a person has toggled. They hold until the document has another line there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toggled {
    /// Id of the line.
    pub line: u64,
    /// Send probes, or don't; absent: as the line says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<bool>,
    /// Answer probes, or don't; absent: as the line says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responder: Option<bool>,
}

/// An address that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answering {
    /// Address and port: of TWAMP the control port, else the reflector's.
    pub at: SocketAddr,
    /// What it answers.
    pub protocol: Answers,
}

/// What an address answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// TWAMP-Control, and the sessions that are agreed on there.
    Twamp,
    /// TWAMP Light.
    Light,
    /// STAMP, and TWAMP Light as well.
    Stamp,
}

impl Answers {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Twamp, Self::Light, Self::Stamp];

    /// What it is called in documents and requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Twamp => "twamp",
            Self::Light => "light",
            Self::Stamp => "stamp",
        }
    }
}

impl Toggled {
    /// Gives the line these roles.
    pub fn set(&self, line: &mut Line) {
        line.sender = self.sender.unwrap_or(line.sender);
        line.responder = self.responder.unwrap_or(line.responder);
    }
}

impl Responder {
    /// Every address that answers besides those of lines, each once, with its owner. What stands
    /// in the document is the document's, though a person has added it as well.
    #[must_use]
    pub fn answering(&self) -> Vec<(Answering, Owner)> {
        let of = |list: &[SocketAddr], protocol| {
            let list = list.iter();
            list.map(move |at| (Answering { at: *at, protocol }, Owner::Document))
                .collect::<Vec<_>>()
        };
        let added = self.added.iter().map(|added| (*added, Owner::Person));
        let mut all: Vec<(Answering, Owner)> = Vec::new();
        for one in of(&self.listen, Answers::Twamp)
            .into_iter()
            .chain(of(&self.light, Answers::Light))
            .chain(of(&self.stamp, Answers::Stamp))
            .chain(added)
        {
            if !all.iter().any(|(known, _)| *known == one.0) {
                all.push(one);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> Line {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_role_that_nobody_toggled_is_as_the_line_says() {
        let mut line = line(r#"{"id": 1, "name": "a", "responder": true}"#);
        let toggled: Toggled = serde_json::from_str(r#"{"line": 1, "sender": false}"#).unwrap();
        toggled.set(&mut line);
        assert!(!line.sender && line.responder);
    }

    #[test]
    fn a_line_says_whose_it_is_unless_it_is_the_documents() {
        let written = serde_json::to_value(line(r#"{"id": 1, "name": "a"}"#)).unwrap();
        assert_eq!(written.get("owner"), None);
        let topology = line(r#"{"id": 1, "name": "a", "owner": "topology"}"#);
        let written = serde_json::to_value(&topology).unwrap();
        assert_eq!(written["owner"], "topology");
    }

    #[test]
    fn an_address_answers_once_and_is_the_documents_if_it_stands_there() {
        let responder: Responder = serde_json::from_str(
            r#"{"listen": ["127.0.0.1:862"], "stamp": ["127.0.0.1:862"],
                "added": [{"at": "127.0.0.1:862", "protocol": "twamp"},
                          {"at": "127.0.0.1:863", "protocol": "light"}]}"#,
        )
        .unwrap();
        let all = responder.answering().into_iter();
        let all = all.map(|(one, owner)| (one.at.port(), one.protocol.name(), owner));
        assert_eq!(
            all.collect::<Vec<_>>(),
            [
                (862, "twamp", Owner::Document),
                (862, "stamp", Owner::Document),
                (863, "light", Owner::Person)
            ]
        );
    }
}
