//! The tables of lines and choices.

use crate::host::{ChoiceStatus, ClassScore, LineStatus, Status};
use crate::text::{Cell, Paint, Style, Table, line_style, milliseconds, percent};

/// Both tables, one below the other.
pub(super) fn page(status: &Status, paint: Paint) -> String {
    let mut page = lines(&status.lines).render(paint);
    if !status.choices.is_empty() {
        page.push('\n');
        page.push_str(&choices(&status.choices).render(paint));
    }
    page.push('\n');
    page
}

fn lines(lines: &[LineStatus]) -> Table {
    let mut headings = vec!["line", "state", "for s", "rtt ms", "jitter ms", "loss %"];
    // Every line has a score for every class.
    let classes = lines.first().map_or(&[][..], |line| &line.scores);
    headings.extend(classes.iter().map(|score| score.class.as_str()));
    headings.push("trouble");
    let mut table = Table::new(&headings).left(1).left(headings.len() - 1);
    for line in lines {
        let mut cells = vec![
            Cell::from(&line.line),
            Cell::new(line_style(line.state), line.state),
            Cell::from(format!("{:.0}", line.since_s)),
            Cell::from(milliseconds(line.round_trip_us.map(|delay| delay.mean))),
            Cell::from(milliseconds(line.round_trip_us.map(|delay| delay.jitter))),
            Cell::from(percent(line.loss.map(|loss| loss.percent))),
        ];
        cells.extend(line.scores.iter().map(score));
        cells.resize(headings.len() - 1, Cell::default());
        cells.push(Cell::from(line.trouble.as_deref().unwrap_or("")));
        table.row(cells);
    }
    table
}

fn score(score: &ClassScore) -> Cell {
    match score.score {
        None => Cell::new(Style::Aside, "–"),
        Some(number) if score.within_sla => Cell::new(Style::Good, number.to_string()),
        Some(number) => Cell::new(Style::Bad, number.to_string()),
    }
}

fn choices(choices: &[ChoiceStatus]) -> Table {
    let mut table = Table::new(&["group", "class", "answer", "line"])
        .left(1)
        .left(2)
        .left(3);
    for choice in choices {
        let style = match choice.answer {
            "line" => Style::Good,
            "best-of-bad" => Style::Bad,
            "keep" => Style::Warning,
            _ => Style::Aside,
        };
        table.row([
            Cell::from(&choice.group),
            Cell::from(&choice.class),
            Cell::new(style, choice.answer),
            Cell::from(choice.line.as_deref().unwrap_or("–")),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, scores: Vec<ClassScore>, trouble: Option<&str>) -> LineStatus {
        LineStatus {
            line: name.into(),
            state: "alive",
            since_s: 12.4,
            last_reply_s: None,
            trouble: trouble.map(str::to_owned),
            probes: 0,
            samples: 0,
            loss: None,
            round_trip_us: None,
            outbound_us: None,
            inbound_us: None,
            clocks_synchronised: false,
            scores,
        }
    }

    #[test]
    fn lines_and_choices_stand_in_columns() {
        let score = ClassScore {
            class: "voice".into(),
            score: Some(98),
            within_sla: true,
            seen: None,
        };
        let status = Status {
            engine: "running",
            fresh: true,
            epoch: 1,
            lines: vec![
                line("fibre", vec![score], None),
                line("lte", Vec::new(), Some("refused")),
            ],
            choices: vec![ChoiceStatus {
                group: "hub".into(),
                class: "voice".into(),
                answer: "no-opinion",
                line: None,
            }],
        };
        assert_eq!(
            page(&status, Paint::PLAIN),
            "\
line   state  for s  rtt ms  jitter ms  loss %  voice  trouble
fibre  alive     12       –          –       –     98
lte    alive     12       –          –       –         refused

group  class  answer      line
hub    voice  no-opinion  –

"
        );
    }
}
