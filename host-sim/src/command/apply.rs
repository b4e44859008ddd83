//! `host-sim apply`: another configuration for a running host, tried first or for a time if wished.

use plugin_abi::config::Answering;
use plugin_abi::manage::{Answer, Applied, Difference, Request};

use super::asking::{Asking, read};
use super::check::show;
use super::{CommandError, Surroundings};
use crate::cli::Apply;
use crate::document::Source;
use crate::exit::Exit;
use crate::host::clock::wall_s;
use crate::text::relative;

pub(super) fn run(arguments: &Apply, around: &Surroundings) -> Result<Exit, CommandError> {
    let document = match Source::read(&arguments.config)?.parse() {
        Ok(document) => document,
        Err((source, mistakes)) => {
            show(&source, &mistakes, around.output)?;
            return Ok(Exit::Misused);
        }
    };
    let mut host = Asking::at(&arguments.socket)?;
    let request = Request::Apply {
        config: document.value().clone(),
        generation: None,
        dry_run: arguments.dry_run,
        confirm_within_s: arguments.confirm_within,
    };
    let answer = match host.ask(&request) {
        Ok(answer) => answer,
        Err(CommandError::Problems(problems)) => {
            let mistakes = document.mistakes(&problems);
            show(document.source(), &mistakes, around.output)?;
            return Ok(Exit::Misused);
        }
        Err(error) => return Err(error),
    };
    let Answer::Applied(applied) = read(&answer)? else {
        return Err(CommandError::Answer("what is applied"));
    };
    around.output.object(&answer)?;
    let text = told(&applied, arguments.dry_run, wall_s());
    around.output.text(&text)?;
    Ok(Exit::Good)
}

/// What has changed, or would, a line for each kind of thing.
fn told(applied: &Applied, dry_run: bool, now: f64) -> String {
    let answering = |one: &Answering| format!("{} on {}", one.protocol.name(), one.at);
    let kinds = [
        ("lines", parts(&applied.lines, String::clone)),
        ("groups", parts(&applied.groups, String::clone)),
        ("classes", parts(&applied.classes, String::clone)),
        ("sessions", parts(&applied.sessions, String::clone)),
        ("keys", parts(&applied.keys, String::clone)),
        ("responders", parts(&applied.responder, answering)),
        ("settings", applied.settings.join(", ")),
        ("at the next start", applied.at_next_start.join(", ")),
    ];
    let kinds = kinds.iter().filter(|(_, parts)| !parts.is_empty());
    let lines: String = kinds
        .map(|(kind, parts)| format!("  {kind}: {parts}\n"))
        .collect();
    let head = match (lines.is_empty(), dry_run) {
        (true, _) => "nothing changes\n",
        (false, true) => "would change\n",
        (false, false) => "applied\n",
    };
    let back = applied.confirm_by.map_or_else(String::new, |by| {
        let when = relative(by as f64, now);
        format!("the former configuration returns {when} unless `host-sim confirm` comes before\n")
    });
    format!("{head}{lines}{back}")
}

/// `added lte; changed fibre, mpls`; empty: no difference.
fn parts<T>(difference: &Difference<T>, name: impl Fn(&T) -> String) -> String {
    let kinds = [
        ("added", &difference.added),
        ("removed", &difference.removed),
        ("changed", &difference.changed),
    ];
    let kinds = kinds.iter().filter(|(_, names)| !names.is_empty());
    let parts = kinds.map(|(what, names)| {
        let names: Vec<String> = names.iter().map(&name).collect();
        format!("{what} {}", names.join(", "))
    });
    parts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_kind_by_kind() {
        let applied = Applied {
            lines: Difference {
                added: vec!["lte".into()],
                removed: vec![],
                changed: vec!["fibre".into(), "mpls".into()],
            },
            settings: vec!["probe".into()],
            settings_changed: true,
            ..Applied::default()
        };
        assert_eq!(
            told(&applied, true, 0.0),
            "would change\n  lines: added lte; changed fibre, mpls\n  settings: probe\n"
        );
        assert_eq!(told(&Applied::default(), false, 0.0), "nothing changes\n");
    }

    #[test]
    fn what_is_not_confirmed_returns_and_it_is_said_when() {
        let applied = Applied {
            confirm_by: Some(1060),
            ..Applied::default()
        };
        assert_eq!(
            told(&applied, false, 1000.0),
            "nothing changes\nthe former configuration returns in 60 s unless `host-sim confirm` \
             comes before\n"
        );
    }
}
