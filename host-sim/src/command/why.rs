//! `host-sim why`: which line each class of traffic is on, and the last decisions about it.

use plugin_abi::config::Mode;
use plugin_abi::manage::{Answer, ChoiceRow, Decision, Request};

use super::asking::{Asking, read};
use super::{CommandError, Surroundings, nearest};
use crate::cli::Why;
use crate::exit::Exit;
use crate::host::clock::wall_s;
use crate::text::{Paint, Style, relative};

pub(super) fn run(arguments: &Why, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    let class = arguments.class.clone();
    let answer = host.ask(&Request::Why { class })?;
    let rows = choices(read(&answer)?)?;
    if let (Some(class), []) = (&arguments.class, rows.as_slice()) {
        return Err(unknown(class, &mut host)?);
    }
    around.output.object(&answer)?;
    around
        .output
        .text(&page(&rows, wall_s(), around.output.paint()))?;
    Ok(Exit::Good)
}

fn choices(answer: Answer) -> Result<Vec<ChoiceRow>, CommandError> {
    match answer {
        Answer::Why(rows) => Ok(rows),
        _ => Err(CommandError::Answer("the choices")),
    }
}

fn unknown(class: &str, host: &mut Asking) -> Result<CommandError, CommandError> {
    let rows = choices(host.typed(&Request::Why { class: None })?)?;
    let known = rows.iter().map(|row| row.class.as_str());
    Ok(CommandError::Usage(format!(
        "no class is called {class}{}",
        nearest(class, known)
    )))
}

/// A paragraph for each class of each group.
fn page(rows: &[ChoiceRow], now: f64, paint: Paint) -> String {
    if rows.is_empty() {
        return "no class of traffic is configured, or no group\n".to_owned();
    }
    let paragraphs: Vec<String> = rows.iter().map(|row| paragraph(row, now, paint)).collect();
    paragraphs.join("\n")
}

fn paragraph(row: &ChoiceRow, now: f64, paint: Paint) -> String {
    let on = match &row.line {
        None => paint.text(Style::Aside, "on no line yet"),
        Some(line) if row.best_of_bad => {
            paint.text(Style::Bad, &format!("on {line}, the best of a bad lot"))
        }
        Some(line) => paint.text(Style::Good, &format!("on {line}")),
    };
    let head = paint.text(Style::Heading, &format!("{}/{}", row.group, row.class));
    let mut text = format!("{head}  {on}  ({})\n", mode(row.mode));
    for decision in &row.decisions {
        text += &told(decision, now);
    }
    text
}

fn told(decision: &Decision, now: f64) -> String {
    let line = |line: &Option<String>| line.clone().unwrap_or_else(|| "no line".to_owned());
    let what = match (decision.switched, &decision.to) {
        (true, to) => format!("{} → {}", line(&decision.from), line(to)),
        (false, Some(to)) => format!("stays on {}, not {to}", line(&decision.from)),
        (false, None) => format!("stays on {}", line(&decision.from)),
    };
    let when = relative(decision.at, now);
    let Decision {
        reason, sentence, ..
    } = decision;
    format!("  {when}: {what} ({reason})\n    {sentence}\n")
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Measure => "measured only",
        Mode::Advise => "advised, not acted on",
        Mode::Act => "acted on",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_choice_stands_with_its_last_decisions() {
        let decision = |at, switched| Decision {
            at,
            from: Some("fibre".into()),
            to: Some("lte".into()),
            reason: "loss".into(),
            switched,
            sentence: "because of the figures".into(),
        };
        let row = ChoiceRow {
            group: "hub".into(),
            class: "voice".into(),
            line: Some("lte".into()),
            best_of_bad: false,
            mode: Mode::Act,
            decisions: vec![decision(990.0, true), decision(400.0, false)],
            switched: BTreeMap::new(),
            refused: BTreeMap::new(),
        };
        let empty = ChoiceRow {
            class: "bulk".into(),
            line: None,
            mode: Mode::Advise,
            decisions: vec![],
            ..row.clone()
        };
        assert_eq!(
            page(&[row, empty], 1000.0, Paint::PLAIN),
            "\
hub/voice  on lte  (acted on)
  10 s ago: fibre → lte (loss)
    because of the figures
  10 min ago: stays on fibre, not lte (loss)
    because of the figures

hub/bulk  on no line yet  (advised, not acted on)
"
        );
    }
}
