//! `host-sim why`: which line each class of traffic is on, the last decisions about it, and what
//! they have been worth.

use plugin_abi::config::Mode;
use plugin_abi::manage::{AdviceRow, Answer, ChoiceRow, Decision, Request};

use super::asking::{Asking, read};
use super::{CommandError, Surroundings, nearest};
use crate::cli::Why;
use crate::exit::Exit;
use crate::host::clock::wall_s;
use crate::text::{Cell, Paint, Style, Table, relative};

pub(super) fn run(arguments: &Why, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    let class = arguments.class.as_deref();
    if arguments.advice {
        return advice(class, &mut host, around);
    }
    let answer = host.ask(&Request::Why {
        class: class.map(str::to_owned),
    })?;
    let rows = choices(read(&answer)?)?;
    if let (Some(class), []) = (class, rows.as_slice()) {
        return Err(unknown(class, &mut host)?);
    }
    around.output.object(&answer)?;
    around
        .output
        .text(&page(&rows, wall_s(), around.output.paint()))?;
    Ok(Exit::Good)
}

fn advice(
    class: Option<&str>,
    host: &mut Asking,
    around: &Surroundings,
) -> Result<Exit, CommandError> {
    let asked = Request::Advice {
        class: class.map(str::to_owned),
    };
    let answer = host.ask(&asked)?;
    let Answer::Advice(rows) = read(&answer)? else {
        return Err(CommandError::Answer("what decisions have been worth"));
    };
    if let (Some(class), []) = (class, rows.as_slice()) {
        return Err(unknown(class, host)?);
    }
    around.output.object(&answer)?;
    let text = advice_page(&rows, around.output.paint());
    around.output.text(&text)?;
    Ok(Exit::Good)
}

/// A row for each class of each group.
fn advice_page(rows: &[AdviceRow], paint: Paint) -> String {
    if rows.is_empty() {
        return "no class of traffic is decided for\n".to_owned();
    }
    let headings = [
        "class",
        "mode",
        "in use",
        "advised",
        "switches",
        "refused",
        "watched s",
        "differ s",
        "spared s",
        "harmed s",
    ];
    let mut table = Table::new(&headings).left(1).left(2).left(3);
    for row in rows {
        let name = |line: &Option<String>| line.clone().unwrap_or_else(|| "none".to_owned());
        let in_use = match row.told {
            true => name(&row.in_use),
            false => format!("{}?", name(&row.in_use)),
        };
        let seconds = |seconds: f64| Cell::from(format!("{seconds:.0}"));
        table.row([
            Cell::from(format!("{}/{}", row.group, row.class)),
            Cell::from(mode(row.mode)),
            Cell::from(in_use),
            Cell::from(name(&row.line)),
            Cell::from(row.switches.to_string()),
            Cell::from(row.refused.to_string()),
            seconds(row.watched_s),
            seconds(row.differs_s),
            seconds(row.spared_s),
            seconds(row.harmed_s),
        ]);
    }
    let mut text = table.render(paint);
    text += "spared: the line in use broke the SLA, and the advised one kept it; harmed: the other \
             way round\n";
    if rows.iter().any(|row| !row.told) {
        text += "?: the host has told no line, so it is the most preferred one\n";
    }
    text
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
    fn advice_says_what_it_would_have_spared() {
        let row = AdviceRow {
            group: "hub".into(),
            class: "voice".into(),
            mode: Mode::Advise,
            line: Some("lte".into()),
            in_use: Some("fibre".into()),
            told: false,
            watched_s: 3_600.4,
            differs_s: 310.0,
            spared_s: 287.6,
            harmed_s: 0.0,
            switches: 3,
            refused: 2,
        };
        let page = advice_page(&[row], Paint::PLAIN);
        let words: Vec<_> = page.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            "hub/voice advised, not acted on fibre? lte 3 2 3600 310 288 0"
        );
        assert!(page.ends_with("the most preferred one\n"), "{page}");
    }

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
