//! `host-sim lines`: the lines of a running host, and this end's roles on them.

use std::collections::BTreeMap;

use plugin_abi::config::MTU_PROBE_NAME;
use plugin_abi::manage::{
    Answer, LineRoles, LineRow, MtuRow, MtuState, Request, SessionKind, SessionResult, SessionRow,
};

use super::asking::{Asking, read};
use super::known::sessions;
use super::{CommandError, Surroundings, nearest};
use crate::cli::{Lines, LinesCommand, Role};
use crate::exit::Exit;
use crate::text::{Cell, Paint, Style, Table, collectors, line_style, milliseconds, percent};

pub(super) fn run(arguments: &Lines, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    match &arguments.what {
        None | Some(LinesCommand::List) => list(&mut host, around),
        Some(LinesCommand::Role(asked)) => role(asked, &mut host, around),
    }
}

fn list(host: &mut Asking, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut answer = host.ask(&Request::Lines)?;
    let rows = lines(read(&answer)?)?;
    let told = match host.typed(&Request::Collectors)? {
        Answer::Collectors(told) => told,
        _ => return Err(CommandError::Answer("the collectors")),
    };
    answer["collectors"] = serde_json::json!(told);
    around.output.object(&answer)?;
    let sessions = sessions(host.typed(&Request::Sessions)?)?;
    let paint = around.output.paint();
    let mut page = page(&rows, &sessions, paint);
    if !told.is_empty() {
        page += &format!("\n{}", collectors(&told, paint));
    }
    around.output.text(&page)?;
    Ok(Exit::Good)
}

fn role(asked: &Role, host: &mut Asking, around: &Surroundings) -> Result<Exit, CommandError> {
    let rows = lines(host.typed(&Request::Lines)?)?;
    if !rows.iter().any(|row| row.name == asked.line) {
        let names = rows.iter().map(|row| row.name.as_str());
        return Err(CommandError::Usage(format!(
            "no line is called {}{}",
            asked.line,
            nearest(&asked.line, names)
        )));
    }
    let answer = host.ask(&Request::Roles {
        line: asked.line.clone(),
        sender: asked.sender.map(bool::from),
        responder: asked.responder.map(bool::from),
    })?;
    let Answer::Roles(LineRoles { line, roles }) = read(&answer)? else {
        return Err(CommandError::Answer("the roles of a line"));
    };
    around.output.object(&answer)?;
    let (sender, responder) = (on(roles.sender), on(roles.responder));
    let sentence = format!("line {line}: sender {sender}, responder {responder}");
    around.output.text(&sentence)?;
    Ok(Exit::Good)
}

fn on(role: bool) -> &'static str {
    if role { "on" } else { "off" }
}

fn lines(answer: Answer) -> Result<Vec<LineRow>, CommandError> {
    match answer {
        Answer::Lines(rows) => Ok(rows),
        _ => Err(CommandError::Answer("the lines")),
    }
}

/// The lines with the figures of their sessions, and below them what keeps any from being measured.
fn page(rows: &[LineRow], sessions: &[SessionRow], paint: Paint) -> String {
    if rows.is_empty() {
        return "no line is configured\n".to_owned();
    }
    let of_line = |row: &'_ SessionRow| {
        let ours = row.kind == SessionKind::Line && row.role == "sender";
        let small = row.probe_class.as_deref() != Some(MTU_PROBE_NAME);
        (ours && small).then(|| row.line.clone())?
    };
    let results: BTreeMap<String, &SessionResult> = sessions
        .iter()
        .filter_map(|row| Some((of_line(row)?, row.result.as_ref()?)))
        .collect();
    let headings = [
        "line",
        "sends",
        "answers",
        "state",
        "rtt ms",
        "jitter ms",
        "loss %",
        "out",
        "in",
        "far end",
    ];
    let mut table = Table::new(&headings).left(1).left(2).left(3).left(9);
    for row in rows {
        table.row(cells(row, results.get(&row.name).copied()));
    }
    let remarks = rows.iter().flat_map(|row| {
        let remarks = [&row.trouble, &row.stamps, &row.withdrawn];
        let remarks = remarks.into_iter().flatten().cloned();
        let remarks = remarks.chain(row.mtu.as_ref().and_then(obstructed));
        remarks.map(|remark| format!("{}: {remark}\n", row.name))
    });
    table.render(paint) + &remarks.collect::<String>()
}

/// What is said of a line through which packets of full size don't come.
fn obstructed(mtu: &MtuRow) -> Option<String> {
    let MtuRow { octets, takes, .. } = mtu;
    match (mtu.state, takes) {
        (MtuState::BlackHole, _) => {
            let lost = mtu.lost_in_a_row.unwrap_or_default();
            Some(format!(
                "MTU black hole: packets of {octets} octets vanish ({lost} in a row were lost), \
                 small ones come back"
            ))
        }
        (MtuState::TooLong, Some(takes)) => Some(format!(
            "MTU too small: packets of {octets} octets are refused, at most {takes} are taken"
        )),
        (MtuState::TooLong, None) => Some(format!(
            "MTU too small: packets of {octets} octets are refused"
        )),
        _ => None,
    }
}

fn cells(row: &LineRow, result: Option<&SessionResult>) -> [Cell; 10] {
    let unknown = || "–".to_owned();
    let result = result.filter(|result| result.sent > 0);
    let lost = |pick: fn(&SessionResult) -> Option<u64>| {
        let lost = result.and_then(pick);
        lost.map_or_else(unknown, |lost| lost.to_string())
    };
    [
        Cell::from(&row.name),
        role_cell(row.roles.sender, row.roles.overridden),
        role_cell(row.roles.responder, row.roles.overridden),
        Cell::new(line_style(&row.state), &row.state),
        Cell::from(milliseconds(
            result.and_then(|result| Some(result.round_trip_us?.mean)),
        )),
        Cell::from(milliseconds(
            result.and_then(|result| result.jitter_us.round_trip),
        )),
        Cell::from(percent(result.and_then(|result| result.lost.percent))),
        Cell::from(lost(|result| result.lost.forward)),
        Cell::from(lost(|result| result.lost.backward)),
        Cell::from(result.map_or_else(unknown, |result| result.remote.to_string())),
    ]
}

/// Where a person has toggled a role, it is marked.
fn role_cell(role: bool, overridden: bool) -> Cell {
    let style = match (overridden, role) {
        (true, _) => Style::Warning,
        (false, true) => Style::Plain,
        (false, false) => Style::Aside,
    };
    Cell::new(style, on(role))
}
