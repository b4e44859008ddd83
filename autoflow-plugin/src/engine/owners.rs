//! Who owns what: who may change an object, and what stays when another document comes.
//!
//! ```text
//!                 line            session apart     address that answers   roles of a line
//!   document      its lines       its sessions      listen, light, stamp   sender, responder
//!   topology      of its links    of its links      –                      –
//!   person        –               added             responder.added        toggled; overrides
//! ```
//!
//! Each changes what is its own. Another document replaces what document and topology own; what
//! persons own stays beside it.

use std::sync::Arc;

use plugin_abi::config::{Answers, Config, Line, Owner, Session, Toggled};
use plugin_abi::manage::Problem;

use super::EngineError;
use crate::config::expand;
use crate::session::identity::configured_id;

/// May `writer` change what `owner` owns? `what` names it for people.
///
/// # Errors
/// It is another's; says where it can be changed instead.
pub(super) fn may_change(
    writer: Owner,
    owner: Owner,
    what: impl FnOnce() -> String,
) -> Result<(), EngineError> {
    if writer == owner {
        return Ok(());
    }
    let (whose, instead) = match owner {
        Owner::Document => ("the document", "change it there and apply it"),
        Owner::Topology => (
            "the topology",
            "change it there and apply the document it is in",
        ),
        Owner::Person => ("a person", "the requests that people make change it"),
    };
    Err(EngineError::Owned {
        what: what(),
        whose,
        instead,
    })
}

/// May the host change the line with this id by itself, if there is one?
///
/// # Errors
/// It is another's.
pub(super) fn hosts_line(lines: &[Arc<Line>], id: u64) -> Result<(), EngineError> {
    match lines.iter().find(|line| line.id == id) {
        Some(line) => may_change(Owner::Document, line.owner, || {
            format!("line {:?} (id {id})", line.name)
        }),
        None => Ok(()),
    }
}

/// What is worked with: all that the topology means at this site, and lines have the roles that
/// persons have given them.
pub(super) fn effective(config: &Config) -> Config {
    let mut config = expand(config);
    for toggled in &config.toggled {
        let line = config.lines.iter_mut().find(|line| line.id == toggled.line);
        if let Some(line) = line {
            toggled.set(Arc::make_mut(line));
        }
    }
    config
}

/// Without what persons own.
pub(super) fn of_document(mut config: Config) -> Config {
    config.toggled.clear();
    config.overrides.clear();
    config.responder.added.clear();
    config
        .sessions
        .retain(|session| session.owner != Owner::Person);
    config
}

/// Puts what persons own in `now` into `wanted`, which is to come after it: what stands there
/// already stays as it is. Answers what can't be there any more, as the document says otherwise.
pub(super) fn keep(now: &Config, wanted: &mut Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    keep_toggled(now, wanted);
    keep_overrides(now, wanted);
    keep_added(now, wanted, &mut problems);
    keep_sessions(now, wanted, &mut problems);
    problems
}

/// They end with a document that has another line there.
fn keep_toggled(now: &Config, wanted: &mut Config) {
    if now.toggled.is_empty() {
        return;
    }
    let [before, after] = [now, &*wanted].map(|config| expand(config).lines);
    for toggled in &now.toggled {
        let [before, after] = [&before, &after].map(|lines| {
            let mut lines = lines.iter();
            lines.find(|line| line.id == toggled.line)
        });
        let told = |other: &Toggled| other.line == toggled.line;
        if before == after && !wanted.toggled.iter().any(told) {
            wanted.toggled.push(*toggled);
        }
    }
}

/// They end when they expire.
fn keep_overrides(now: &Config, wanted: &mut Config) {
    for order in &now.overrides {
        if wanted
            .overrides
            .iter()
            .all(|other| other.name != order.name)
        {
            wanted.overrides.push(order.clone());
        }
    }
}

fn keep_added(now: &Config, wanted: &mut Config, problems: &mut Vec<Problem>) {
    for added in &now.responder.added {
        let (other, path) = match added.protocol {
            Answers::Twamp => (&[][..], ""),
            Answers::Light => (&wanted.responder.stamp[..], "responder.stamp"),
            Answers::Stamp => (&wanted.responder.light[..], "responder.light"),
        };
        if let Some(place) = other.iter().position(|at| *at == added.at) {
            problems.push(Problem {
                path: format!("{path}[{place}]"),
                expected: "an address that is not taken, as by a person".into(),
                found: format!("{}, where {} is answered", added.at, added.protocol.name()),
                fix: "take another port, or have that end by `respond`".into(),
            });
        } else if !wanted.responder.added.contains(added) {
            wanted.responder.added.push(*added);
        }
    }
}

fn keep_sessions(now: &Config, wanted: &mut Config, problems: &mut Vec<Problem>) {
    let persons = |session: &&Session| session.owner == Owner::Person;
    for session in now.sessions.iter().filter(persons) {
        let id = id_of(session, now);
        let mut others = wanted.sessions.iter().enumerate();
        let clash = others.find_map(|(place, other)| {
            let named = session.name.is_some() && session.name == other.name;
            let same = id_of(other, wanted) == id;
            (same || named).then_some((place, other, same))
        });
        match clash {
            None => wanted.sessions.push(session.clone()),
            // The same one, as a person's.
            Some((_, other, true)) if other.owner == Owner::Person => {}
            Some((place, _, same)) => problems.push(Problem {
                path: format!("sessions[{place}]"),
                expected: "ends and a name that no person's session has".into(),
                found: match same {
                    true => format!("the ends of session {id}, which belongs to a person"),
                    false => format!("the name of session {id}, which belongs to a person"),
                },
                fix: "have that one deleted by `delete-session` first, or change this".into(),
            }),
        }
    }
}

/// The id of a session of `config`.
pub(super) fn id_of(session: &Session, config: &Config) -> String {
    let line = session.line.as_ref();
    let line = line.and_then(|name| config.lines.iter().find(|line| line.name == *name));
    configured_id(session, line.map(Arc::as_ref))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn config(document: Value) -> Config {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn each_changes_what_is_its_own_and_nothing_else() {
        use Owner::{Document, Person, Topology};
        for (writer, owner, refused) in [
            (Document, Document, None),
            (
                Document,
                Topology,
                Some("belongs to the topology: change it there"),
            ),
            (Document, Person, Some("belongs to a person: the requests")),
            (
                Topology,
                Document,
                Some("belongs to the document: change it there"),
            ),
            (Topology, Topology, None),
            (Topology, Person, Some("belongs to a person: the requests")),
            (
                Person,
                Document,
                Some("belongs to the document: change it there"),
            ),
            (
                Person,
                Topology,
                Some("belongs to the topology: change it there"),
            ),
            (Person, Person, None),
        ] {
            let told = may_change(writer, owner, || "session 3ab5".into());
            let told = told.err().map(|error| error.to_string());
            let starts = |told: &String| {
                refused.is_some_and(|words| told.starts_with(&format!("session 3ab5 {words}")))
            };
            assert_eq!(told.is_some(), refused.is_some(), "{writer:?} {owner:?}");
            assert!(told.iter().all(starts), "{told:?}");
        }
    }

    #[test]
    fn a_line_of_the_topology_is_not_the_hosts_to_change() {
        let lines = config(json!({"lines": [
            {"id": 1, "name": "a"}, {"id": 2, "name": "b", "owner": "topology"}
        ]}))
        .lines;
        assert!(hosts_line(&lines, 1).is_ok() && hosts_line(&lines, 3).is_ok());
        let told = hosts_line(&lines, 2).unwrap_err().to_string();
        assert!(
            told.contains(r#"line "b" (id 2) belongs to the topology"#),
            "{told}"
        );
    }

    #[test]
    fn toggled_roles_hold_until_the_document_has_another_line_there() {
        let line = |cost: u32| json!({"id": 1, "name": "a", "remote": "192.0.2.1", "cost": cost});
        let now = config(json!({"lines": [line(0)], "toggled": [{"line": 1, "sender": false}]}));
        assert!(!effective(&now).lines[0].sender);
        for (wanted, held) in [
            (json!([line(0)]), 1),
            (json!([line(0), {"id": 2, "name": "b"}]), 1),
            (json!([line(5)]), 0),
            (json!([]), 0),
        ] {
            let mut wanted = config(json!({"lines": wanted}));
            assert_eq!(keep(&now, &mut wanted), []);
            assert_eq!(wanted.toggled.len(), held);
        }
        // A document that says so itself is believed.
        let mut other = config(json!({"lines": [line(0)],
                                      "toggled": [{"line": 1, "sender": true}]}));
        keep(&now, &mut other);
        assert_eq!(other.toggled.len(), 1);
        assert!(effective(&other).lines[0].sender);
    }

    #[test]
    fn what_persons_own_stays_beside_another_document() {
        let now = config(json!({
            "responder": {"added": [{"at": "127.0.0.1:862", "protocol": "stamp"}]},
            "sessions": [{"remote": "192.0.2.1", "owner": "person", "name": "mine"},
                         {"remote": "192.0.2.2"}]
        }));
        let mut wanted = config(json!({"sessions": [{"remote": "192.0.2.3"}]}));
        assert_eq!(keep(&now, &mut wanted), []);
        assert_eq!(wanted.responder.added, now.responder.added);
        let remotes = wanted
            .sessions
            .iter()
            .map(|session| session.remote.ip().to_string());
        assert_eq!(remotes.collect::<Vec<_>>(), ["192.0.2.3", "192.0.2.1"]);
        // A second time changes nothing more.
        let before = wanted.clone();
        assert_eq!(keep(&now, &mut wanted), []);
        assert_eq!(wanted, before);
        let without = of_document(wanted);
        assert_eq!(
            (without.sessions.len(), without.responder.added.len()),
            (1, 0)
        );
    }

    #[test]
    fn a_document_that_takes_what_a_person_owns_is_told_where() {
        let now = config(json!({
            "responder": {"added": [{"at": "127.0.0.1:862", "protocol": "stamp"}]},
            "sessions": [{"remote": "192.0.2.1", "owner": "person", "name": "mine"}]
        }));
        let mut wanted = config(json!({
            "responder": {"light": ["127.0.0.1:862"]},
            "sessions": [{"remote": "192.0.2.9"}, {"remote": "192.0.2.1"}]
        }));
        let problems = keep(&now, &mut wanted);
        let paths: Vec<_> = problems.iter().map(|problem| &problem.path[..]).collect();
        assert_eq!(paths, ["responder.light[0]", "sessions[1]"]);
        let mut wanted = config(json!({"sessions": [{"remote": "192.0.2.9", "name": "mine"}]}));
        assert_eq!(keep(&now, &mut wanted)[0].path, "sessions[0]");
    }
}
