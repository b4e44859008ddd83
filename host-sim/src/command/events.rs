//! `host-sim events`: what is wrong with the running host, its lines and collectors, and what was.

use plugin_abi::manage::{Answer, EventRow, EventSeverity, Events, Request};

use super::asking::{Asking, read};
use super::{CommandError, Surroundings};
use crate::cli;
use crate::exit::Exit;
use crate::host::clock::wall_s;
use crate::text::{Paint, Style, relative};

pub(super) fn run(arguments: &cli::Events, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    let mut answer = host.ask(&Request::Events)?;
    let Answer::Events(mut events) = read(&answer)? else {
        return Err(CommandError::Answer("the events"));
    };
    if arguments.standing {
        events.rows.retain(|row| row.cleared_at.is_none());
        answer["events"]["rows"] = serde_json::json!(events.rows);
    }
    around.output.object(&answer)?;
    let page = page(&events, wall_s(), around.output.paint());
    around.output.text(&page)?;
    Ok(Exit::Good)
}

/// A paragraph for each event: those that stand, then those that are over.
fn page(events: &Events, now: f64, paint: Paint) -> String {
    match events.rows.as_slice() {
        [] => "nothing is wrong\n".to_owned(),
        rows => rows.iter().map(|row| paragraph(row, now, paint)).collect(),
    }
}

fn paragraph(row: &EventRow, now: f64, paint: Paint) -> String {
    let style = match (row.cleared_at, row.severity) {
        (Some(_), _) => Style::Aside,
        (None, EventSeverity::Critical | EventSeverity::Major) => Style::Bad,
        (None, EventSeverity::Minor | EventSeverity::Warning) => Style::Warning,
    };
    let head = paint.text(style, &format!("{}  {}", row.severity.name(), row.code));
    let mut when = format!("raised {}", relative(row.raised_at, now));
    if row.times > 1 {
        when += &format!(", {} times", row.times);
    }
    if let Some(cleared) = row.cleared_at {
        when += &format!(", cleared {}", relative(cleared, now));
    }
    format!("{head}  {}  ({when})\n  {}\n", row.object, row.sentence)
}

#[cfg(test)]
mod tests {
    use plugin_abi::manage::EventObject;

    use super::*;

    #[test]
    fn each_event_says_what_it_is_about_and_whether_it_is_over() {
        let dead = EventRow {
            code: "line-dead".into(),
            severity: EventSeverity::Critical,
            object: EventObject {
                kind: "line".into(),
                name: "fibre".into(),
                class: None,
            },
            raised_at: 990.0,
            cleared_at: None,
            times: 3,
            numbers: [("silent_s".to_owned(), 12.5)].into(),
            sentence: "line fibre is dead: nothing came back for 12.5 s".into(),
        };
        let over = EventRow {
            cleared_at: Some(998.0),
            times: 1,
            ..dead.clone()
        };
        let events = Events {
            rows: vec![dead, over],
            ..Events::default()
        };
        assert_eq!(
            page(&events, 1_000.0, Paint::PLAIN),
            "\
critical  line-dead  line fibre  (raised 10 s ago, 3 times)
  line fibre is dead: nothing came back for 12.5 s
critical  line-dead  line fibre  (raised 10 s ago, cleared 2 s ago)
  line fibre is dead: nothing came back for 12.5 s
"
        );
        let none = page(&Events::default(), 0.0, Paint::PLAIN);
        assert_eq!(none, "nothing is wrong\n");
    }
}
