//! The table of sessions.

use plugin_abi::manage::{SessionKind, SessionRow};

use crate::text::{Cell, Paint, Style, Table, milliseconds, percent, relative};

/// What is measured from here, below it what is answered here, and what keeps any from running.
pub(super) fn page(rows: &[SessionRow], now: f64, paint: Paint) -> String {
    let (served, sent): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row.kind == SessionKind::Served);
    let mut parts = Vec::new();
    if !sent.is_empty() {
        parts.push(self::sent(&sent, now).render(paint) + &troubles(&sent));
    }
    if !served.is_empty() {
        parts.push(answered(&served).render(paint));
    }
    if parts.is_empty() {
        parts.push("no session; add one with `host-sim sessions add`\n".to_owned());
    }
    parts.join("\n")
}

fn sent(rows: &[&SessionRow], now: f64) -> Table {
    let mut table = Table::new(&[
        "id", "name", "of", "state", "probes", "loss %", "rtt ms", "next run", "far end",
    ]);
    for column in [1, 2, 3, 8] {
        table = table.left(column);
    }
    for row in rows {
        let result = row.result.as_ref().filter(|result| result.sent > 0);
        let round_trip = result.and_then(|result| result.round_trip_us);
        let far = row.result.as_ref().map(|result| result.remote.to_string());
        table.row([
            Cell::from(&row.id),
            Cell::from(called(row)),
            Cell::from(whose(row)),
            Cell::new(style(&row.state), &row.state),
            Cell::from(result.map_or_else(unknown, |result| result.sent.to_string())),
            Cell::from(percent(result.and_then(|result| result.lost.percent))),
            Cell::from(milliseconds(round_trip.map(|delay| delay.mean))),
            Cell::from(row.next_run_at.map_or_else(unknown, |at| relative(at, now))),
            Cell::from(far.unwrap_or_else(unknown)),
        ]);
    }
    table
}

/// The sessions that are answered here.
pub(in super::super) fn answered(rows: &[&SessionRow]) -> Table {
    let headings = ["served", "from", "at", "received", "lost", "jitter ms"];
    let mut table = Table::new(&headings).left(1).left(2);
    for row in rows {
        let Some(served) = &row.served else {
            continue;
        };
        table.row([
            row.id.clone(),
            served.remote.to_string(),
            served.local.to_string(),
            served.received.to_string(),
            served.lost_forward.to_string(),
            milliseconds(served.jitter_us),
        ]);
    }
    table
}

/// A sentence for each that is kept from running.
fn troubles(rows: &[&SessionRow]) -> String {
    let trouble = |row: &&SessionRow| {
        let trouble = row.trouble.as_ref()?;
        let name = called(row);
        let name = if name.is_empty() { &row.id } else { &name };
        Some(format!("{name}: {trouble}\n"))
    };
    rows.iter().filter_map(trouble).collect()
}

/// Of a line's session, what the line is called, and the probe class.
fn called(row: &SessionRow) -> String {
    let line = row.line.as_ref();
    let line = line.filter(|_| row.kind == SessionKind::Line);
    let name = row.name.as_ref().or(line);
    let parts = name.into_iter().chain(&row.probe_class);
    parts.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Of a line, or of whom it is configured by.
fn whose(row: &SessionRow) -> &'static str {
    match (row.kind, row.owner) {
        (SessionKind::Line, _) => "line",
        (SessionKind::Run, _) => "run",
        (_, Some(owner)) => owner.name(),
        (_, None) => "",
    }
}

fn style(state: &str) -> Style {
    match state {
        "running" | "ended" => Style::Good,
        "failed" | "retrying" => Style::Bad,
        "waiting" | "disabled" => Style::Aside,
        _ => Style::Warning,
    }
}

fn unknown() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use plugin_abi::config::Owner;

    use super::*;

    fn row(id: &str, kind: SessionKind) -> SessionRow {
        SessionRow {
            id: id.into(),
            kind,
            name: None,
            owner: None,
            run: None,
            next_run_at: None,
            line: None,
            probe_class: None,
            role: "sender".into(),
            state: "running".into(),
            trouble: None,
            result: None,
            served: None,
        }
    }

    #[test]
    fn sessions_stand_in_columns_and_troubles_below() {
        let line = SessionRow {
            line: Some("fibre".into()),
            probe_class: Some("EF".into()),
            state: "retrying".into(),
            trouble: Some("nobody listens there".into()),
            ..row("0000000a", SessionKind::Line)
        };
        let own = SessionRow {
            name: Some("nightly".into()),
            owner: Some(Owner::Person),
            state: "waiting".into(),
            next_run_at: Some(1042.0),
            ..row("0000000b", SessionKind::Own)
        };
        assert_eq!(
            page(&[line, own], 1000.0, Paint::PLAIN),
            "\
id        name      of      state     probes  loss %  rtt ms  next run  far end
0000000a  fibre EF  line    retrying       –       –       –         –  –
0000000b  nightly   person  waiting        –       –       –   in 42 s  –
fibre EF: nobody listens there
"
        );
    }

    #[test]
    fn where_there_is_none_it_is_said_how_to_add_one() {
        assert!(page(&[], 0.0, Paint::PLAIN).contains("host-sim sessions add"));
    }
}
