//! The live picture as text, drawn for 80 columns; what matters less stands further right.
//! Cells have room for the numbers to come, so that columns don't wander.

use super::recording::{Recording, Switch};
use super::setting::LINES;
use super::view::{FlowView, LineView, View};
use crate::host::{LineStatus, LossStatus};
use crate::text::{Cell, Paint, Style, Table};

/// Columns of the bar of elapsed time.
const BAR: usize = 40;
/// Rows of events shown: with them the picture fits a terminal of 24 rows.
const EVENT_ROWS: usize = 8;

/// The whole picture, a row a string; always the same number of rows.
pub(super) fn picture(view: &View<'_>, paint: Paint) -> Vec<String> {
    let mut text = format!("\n{}\n\n", bar(view, paint));
    text += &lines(&view.lines).render(paint);
    text.push('\n');
    text += &flows(&view.flows, &view.lines).render(paint);
    text.push('\n');
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut events = events(view.recording, paint);
    events.resize(EVENT_ROWS, String::new());
    rows.extend(events);
    rows.push(warning(view, paint));
    rows
}

/// The same in one line, for where nothing can be drawn over.
pub(super) fn brief(view: &View<'_>) -> String {
    let line = |line: &LineView| {
        let status = &line.status;
        let round_trip = mean(status.round_trip_us.map(|d| d.mean));
        let loss = status
            .loss
            .map_or("–".to_owned(), |l| format!("{:.1}", l.percent));
        format!("{} {} {round_trip} ms {loss} %", status.line, status.state)
    };
    let flow = |flow: &FlowView| format!("{} on {}", flow.class, flow.line.unwrap_or("–"));
    let lines: Vec<_> = view.lines.iter().map(line).collect();
    let flows: Vec<_> = view.flows.iter().map(flow).collect();
    format!(
        "{:5.1} s  {} | {}",
        view.elapsed_s,
        lines.join(", "),
        flows.join(", ")
    )
}

fn bar(view: &View<'_>, paint: Paint) -> String {
    let share = (view.elapsed_s / view.seconds as f64).clamp(0.0, 1.0);
    let done = (share * BAR as f64).round() as usize;
    format!(
        "{}{} {:4.1} of {} s",
        paint.text(Style::Heading, &"━".repeat(done)),
        paint.text(Style::Aside, &"─".repeat(BAR - done)),
        view.elapsed_s,
        view.seconds
    )
}

fn lines(lines: &[LineView]) -> Table {
    let headings = [
        "line",
        "state",
        "rtt ms",
        "out",
        "in",
        "jitter",
        "loss % (95 %)",
        "round trip now",
        "emulated",
    ];
    let mut table = Table::new(&headings).left(1).left(7).left(8);
    for line in lines {
        let LineStatus {
            round_trip_us: round_trip,
            outbound_us: out,
            inbound_us: inbound,
            ..
        } = &line.status;
        table.row([
            Cell::new(Style::Heading, &*line.status.line),
            Cell::new(
                state_style(line.status.state),
                format!("{:<7}", line.status.state),
            ),
            mean(round_trip.map(|d| d.mean)).into(),
            mean(out.map(|d| d.mean)).into(),
            mean(inbound.map(|d| d.mean)).into(),
            mean(round_trip.map(|d| d.jitter)).into(),
            loss(line.status.loss),
            Cell::new(Style::Aside, &*line.pulse),
            Cell::new(emulated_style(&line.doing), &*line.doing),
        ]);
    }
    table
}

fn flows(flows: &[FlowView], lines: &[LineView]) -> Table {
    let mut headings = vec!["class", "on", "sent", "received", "lost"];
    let scores: Vec<_> = LINES
        .iter()
        .map(|line| format!("score {}", line.name))
        .collect();
    headings.extend(scores.iter().map(String::as_str));
    let mut table = Table::new(&headings).left(1);
    for flow in flows {
        let mut row = vec![
            Cell::new(Style::Heading, flow.class),
            Cell::new(Style::Good, flow.line.unwrap_or("–")),
            format!("{:>6}", flow.sent).into(),
            flow.received.to_string().into(),
            flow.lost.to_string().into(),
        ];
        for uplink in &LINES {
            let line = lines.iter().find(|line| line.status.line == uplink.name);
            row.push(score(line, flow.class));
        }
        table.row(row);
    }
    table
}

fn score(line: Option<&LineView>, class: &str) -> Cell {
    line.and_then(|line| line.status.scores.iter().find(|score| score.class == class))
        .and_then(|score| Some((score.score?, score.within_sla)))
        .map_or_else(
            || "–".into(),
            |(score, within)| {
                let style = if within { Style::Good } else { Style::Bad };
                Cell::new(style, score.to_string())
            },
        )
}

/// The newest events, the newest last; a switch takes two rows.
fn events(recording: &Recording, paint: Paint) -> Vec<String> {
    let impairments = recording.impairments.iter().map(|impaired| {
        let text = format!(
            "{:5.1} s  {} {}",
            impaired.at_s, impaired.line, impaired.what
        );
        (impaired.at_s, vec![paint.text(Style::Warning, &text)])
    });
    let switches = recording
        .switches
        .iter()
        .map(|switch| (switch.at_s, switch_rows(switch, paint)));
    let mut events: Vec<_> = impairments.chain(switches).collect();
    events.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut newest: Vec<Vec<String>> = Vec::new();
    for (_, rows) in events.into_iter().rev() {
        if newest.iter().map(Vec::len).sum::<usize>() + rows.len() > EVENT_ROWS {
            break;
        }
        newest.push(rows);
    }
    newest.into_iter().rev().flatten().collect()
}

/// A switch and the sentence that says why.
pub(super) fn switch_rows(switch: &Switch, paint: Paint) -> Vec<String> {
    let name = |line: &Option<String>| line.clone().unwrap_or_else(|| "–".to_owned());
    let text = format!(
        "{:5.1} s  {}: {} → {} ({})",
        switch.at_s,
        switch.class,
        name(&switch.from),
        name(&switch.to),
        switch.reason
    );
    let why = format!("         {}", switch.sentence);
    vec![
        paint.text(Style::Heading, &text),
        paint.text(Style::Aside, &why),
    ]
}

fn warning(view: &View<'_>, paint: Paint) -> String {
    view.warning.map_or_else(String::new, |warning| {
        // One row, whatever it holds.
        let first = warning.lines().next().unwrap_or_default();
        paint.text(Style::Warning, &format!("the plugin warns: {first}"))
    })
}

fn mean(us: Option<f64>) -> String {
    us.map_or_else(|| "–".to_owned(), |us| format!("{:5.2}", us / 1e3))
}

fn loss(loss: Option<LossStatus>) -> Cell {
    loss.map_or_else(
        || "–".into(),
        |loss| {
            let text = format!("{:.1} ({:.1}–{:.1})", loss.percent, loss.low, loss.high);
            let style = if loss.percent > 0.0 {
                Style::Warning
            } else {
                Style::Plain
            };
            Cell::new(style, format!("{text:>16}"))
        },
    )
}

fn state_style(state: &str) -> Style {
    match state {
        "alive" => Style::Good,
        "dead" => Style::Bad,
        _ => Style::Warning,
    }
}

fn emulated_style(doing: &str) -> Style {
    if doing.contains("loses") || doing.contains("black") {
        Style::Warning
    } else {
        Style::Aside
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::script::{Act, Cue};
    use super::*;
    use crate::host::{ClassScore, Microseconds};

    fn delay(mean: f64) -> Option<Microseconds> {
        Some(Microseconds {
            min: mean,
            mean,
            max: mean,
            jitter: 210.0,
        })
    }

    fn line(name: &str, is_measured: bool) -> LineView {
        let status = LineStatus {
            line: name.to_owned(),
            state: if is_measured { "alive" } else { "unmeasured" },
            since_s: 1.0,
            last_reply_s: None,
            trouble: None,
            probes: 0,
            samples: 0,
            loss: is_measured.then_some(LossStatus {
                percent: 4.94,
                low: 3.1,
                high: 7.4,
                forward: None,
                backward: None,
            }),
            round_trip_us: delay(20_311.0).filter(|_| is_measured),
            outbound_us: delay(10_150.0).filter(|_| is_measured),
            inbound_us: delay(10_161.0).filter(|_| is_measured),
            clocks_synchronised: true,
            scores: vec![ClassScore {
                class: "voice".to_owned(),
                score: is_measured.then_some(34),
                within_sla: false,
                seen: None,
            }],
        };
        LineView {
            status,
            pulse: "            ▁▂▁▃".to_owned(),
            doing: "10 ms, loses 3 % → 2 % ←".to_owned(),
        }
    }

    fn recording() -> Recording {
        let mut recording = Recording::default();
        let (at, line, act) = (Duration::ZERO, "A", Act::BrownsOut);
        recording.performed(&Cue { at, line, act }, 3.75);
        recording.switches.push(Switch {
            at_s: 4.9,
            class: "voice".to_owned(),
            from: Some("A".to_owned()),
            to: Some("B".to_owned()),
            reason: "loss",
            sentence: "A loses 4.9 % (3.1–7.4), 0.5 % is allowed".to_owned(),
            traffic_at_s: None,
        });
        recording
    }

    fn view(recording: &Recording) -> View<'_> {
        View {
            elapsed_s: 7.5,
            seconds: 30,
            lines: vec![line("A", true), line("B", false)],
            flows: vec![FlowView {
                class: "voice",
                line: Some("B"),
                sent: 375,
                received: 370,
                lost: 4,
            }],
            recording,
            warning: None,
        }
    }

    #[test]
    fn the_picture_shows_the_measurement_the_truth_and_the_reason() {
        let recording = recording();
        let rows = picture(&view(&recording), Paint::PLAIN);
        let picture = rows.join("\n");
        let expected = "
━━━━━━━━━━──────────────────────────────  7.5 of 30 s

line  state       rtt ms    out     in  jitter     loss % (95 %)  round trip now    emulated
A     alive        20.31  10.15  10.16    0.21     4.9 (3.1–7.4)              ▁▂▁▃  10 ms, loses 3 % → 2 % ←
B     unmeasured       –      –      –       –                 –              ▁▂▁▃  10 ms, loses 3 % → 2 % ←

class  on    sent  received  lost  score A  score B  score C
voice  B      375       370     4       34        –        –

  3.8 s  A browns out: 3 % lost forward, 2 % backward
  4.9 s  voice: A → B (loss)
         A loses 4.9 % (3.1–7.4), 0.5 % is allowed";
        assert_eq!(picture.trim_end(), expected);
    }

    #[test]
    fn the_picture_keeps_its_height() {
        let empty = Recording::default();
        let mut busy = recording();
        for n in 0..50 {
            let mut switch = busy.switches[0].clone();
            switch.at_s += f64::from(n);
            busy.switches.push(switch);
        }
        let mut loud = view(&busy);
        loud.warning = Some("B is silent\nfor 2 s");
        let height = picture(&view(&empty), Paint::PLAIN).len();
        assert_eq!(picture(&loud, Paint::PLAIN).len(), height);
        assert!(height < 24, "it has to fit a terminal");
    }

    #[test]
    fn the_newest_events_stay() {
        let mut busy = recording();
        for n in 0..50 {
            let mut switch = busy.switches[0].clone();
            switch.at_s += f64::from(n);
            busy.switches.push(switch);
        }
        let rows = events(&busy, Paint::PLAIN);
        assert_eq!(rows.len(), EVENT_ROWS);
        assert!(rows[EVENT_ROWS - 2].starts_with(" 53.9 s"), "{rows:?}");
    }

    #[test]
    fn in_one_line_the_unknown_is_unknown() {
        let recording = Recording::default();
        assert_eq!(
            brief(&view(&recording)),
            "  7.5 s  A alive 20.31 ms 4.9 %, B unmeasured – ms – % | voice on B"
        );
    }
}
