//! What happens, told to people or programs.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use plugin_abi::host::Change;
use plugin_abi::manage::ServedResult;
use plugin_abi::reason;
use serde::Serialize;
use serde_json::json;

use super::super::check::Judged;
use super::super::respond::sentence;
use super::table;
use crate::host::clock::{boottime_ns, wall_s};
use crate::host::{Event, LineStatus, Names, Status};
use crate::sim::recording::Recorded;
use crate::text::{Output, Style, complain, line_style, plural, utc};

/// Tells as the command line asks for.
pub(super) struct Telling {
    output: Output,
}

/// One line of JSON.
#[derive(Serialize)]
struct Told<'a, Fields> {
    event: &'a str,
    /// Unix seconds.
    at: f64,
    #[serde(flatten)]
    fields: Fields,
}

/// A class of a group has changed its line, for programs.
#[derive(Debug, PartialEq, Serialize)]
struct Moved {
    group: String,
    class: String,
    from: Option<String>,
    to: Option<String>,
    reason: &'static str,
    sentence: String,
}

impl Telling {
    pub(super) fn new(output: Output) -> Self {
        Self { output }
    }

    pub(super) fn started(
        &self,
        judged: &Judged,
        socket: &Path,
        metrics: Option<SocketAddr>,
    ) -> io::Result<()> {
        let plugin = &judged.plugin;
        let (major, minor) = plugin.version();
        let (path, abi) = (plugin.path().display(), format!("{major}.{minor}"));
        let plugin = json!({ "path": path.to_string(), "abi": &abi });
        let socket = socket.display().to_string();
        let mut fields = json!({ "config": judged.name, "plugin": plugin, "socket": socket });
        let mut served = String::new();
        if let Some(at) = metrics {
            fields["metrics"] = json!(at);
            served = format!("; metrics at http://{at}/metrics");
        }
        self.object("started", wall_s(), fields)?;
        self.say(
            Style::Heading,
            &format!(
                "running {} ({}, {}, {}) with {path}, ABI {abi}; control socket {socket}{served}",
                judged.name,
                plural(judged.config.lines.len(), "line"),
                plural(judged.config.groups.len(), "group"),
                plural(judged.config.classes.len(), "class"),
            ),
        )
    }

    pub(super) fn recorded(&self, recorded: &Recorded, file: &Path) -> io::Result<()> {
        let Recorded {
            probes,
            octets,
            dropped,
        } = *recorded;
        let file = file.display().to_string();
        let fields =
            json!({ "file": file, "probes": probes, "octets": octets, "dropped": dropped });
        self.object("recorded", wall_s(), fields)?;
        let missing = match dropped {
            0 => String::new(),
            _ => format!(", {dropped} records missing"),
        };
        let text = format!("recorded {probes} probes in {octets} octets to {file}{missing}");
        self.say(Style::Plain, &text)
    }

    pub(super) fn stopped(&self) -> io::Result<()> {
        self.object("stopped", wall_s(), json!({}))?;
        self.say(Style::Heading, "stopped")
    }

    pub(super) fn event(&self, event: &Event, names: &Names) -> io::Result<()> {
        match event {
            Event::Choice(change) => self.choice(change, names),
            Event::RunEnded { run: 0, result } => self.served(result),
            // Runs are started by `ping`, not here.
            Event::RunEnded { .. } => Ok(()),
        }
    }

    pub(super) fn line(&self, line: &LineStatus, before: &str) -> io::Result<()> {
        let LineStatus {
            line: name,
            state,
            trouble,
            ..
        } = line;
        let fields = json!({ "line": name, "from": before, "to": state, "trouble": trouble });
        self.object("line", wall_s(), fields)?;
        let why = trouble
            .as_ref()
            .map_or_else(String::new, |trouble| format!(": {trouble}"));
        let text = format!("line {name}: {before} → {state}{why}");
        self.say(line_style(state), &text)
    }

    pub(super) fn status(&self, status: &Status) -> io::Result<()> {
        self.object("status", wall_s(), status)?;
        let stale = if status.fresh {
            ""
        } else {
            ", picture is stale"
        };
        self.say(Style::Aside, &format!("engine {}{stale}", status.engine))?;
        self.output.text(&table::page(status, self.output.paint()))
    }

    fn choice(&self, change: &Change, names: &Names) -> io::Result<()> {
        let at = wall_of(change.at_ns);
        let moved = moved(change, names);
        self.object("choice", at, &moved)?;
        let line = |line: &Option<String>| line.clone().unwrap_or_else(|| "no line".to_owned());
        let text = format!(
            "{}/{}: {} → {} ({}): {}",
            moved.group,
            moved.class,
            line(&moved.from),
            line(&moved.to),
            moved.reason,
            moved.sentence
        );
        self.output
            .styled(Style::Warning, &format!("{}  {text}", utc(at)))
    }

    fn served(&self, result: &str) -> io::Result<()> {
        match serde_json::from_str::<ServedResult>(result) {
            Ok(served) => {
                self.object("served", wall_s(), json!({ "session": served }))?;
                self.say(Style::Plain, &format!("served {}", sentence(&served)))
            }
            Err(error) => {
                complain(&format!(
                    "can't read the plugin's report of a session: {error}"
                ));
                Ok(())
            }
        }
    }

    fn object(&self, event: &str, at: f64, fields: impl Serialize) -> io::Result<()> {
        self.output.object(&Told { event, at, fields })
    }

    fn say(&self, style: Style, text: &str) -> io::Result<()> {
        self.output
            .styled(style, &format!("{}  {text}", utc(wall_s())))
    }
}

fn moved(change: &Change, names: &Names) -> Moved {
    let line = |id: Option<u64>| id.map(|id| names.line(id));
    Moved {
        group: names.group(change.group),
        class: names.class(change.class),
        from: line(change.from),
        to: line(change.to),
        reason: reason::name(change.reason),
        sentence: change.sentence.clone(),
    }
}

/// Unix seconds of a recent moment of `CLOCK_BOOTTIME`.
fn wall_of(at_ns: u64) -> f64 {
    wall_s() - boottime_ns().saturating_sub(at_ns) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_is_told_by_names_and_knows_where_no_line_was() {
        let config = serde_json::from_str(
            r#"{"lines":[{"id":1,"name":"fibre"}],"groups":[{"id":2,"name":"hub"}],
                "classes":[{"id":3,"name":"voice","sla":{}}]}"#,
        );
        let change = Change {
            group: 2,
            class: 3,
            from: None,
            to: Some(1),
            reason: reason::FIRST,
            at_ns: 0,
            sentence: "the only one".into(),
        };
        let moved = moved(&change, &Names::of(&config.unwrap()));
        let told = Told {
            event: "choice",
            at: 5.0,
            fields: moved,
        };
        assert_eq!(
            serde_json::to_value(told).unwrap(),
            json!({"event": "choice", "at": 5.0, "group": "hub", "class": "voice", "from": null,
                   "to": "fibre", "reason": "first verdict", "sentence": "the only one"})
        );
    }
}
