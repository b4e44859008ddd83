//! `host-sim schedules`: when the sessions of a running host run; paused and resumed.

use plugin_abi::config::Schedule;
use plugin_abi::manage::{Answer, Request, ScheduleRow};

use super::asking::{Asking, read};
use super::known::known;
use super::{CommandError, Surroundings};
use crate::cli::{OneSchedule, Schedules, SchedulesCommand};
use crate::exit::Exit;
use crate::host::clock::wall_s;
use crate::text::{Cell, Paint, Style, Table, relative};

pub(super) fn run(arguments: &Schedules, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    match &arguments.what {
        None | Some(SchedulesCommand::List) => list(&mut host, around),
        Some(SchedulesCommand::Pause(which)) => pause(which, true, &mut host, around),
        Some(SchedulesCommand::Resume(which)) => pause(which, false, &mut host, around),
    }
}

fn list(host: &mut Asking, around: &Surroundings) -> Result<Exit, CommandError> {
    let answer = host.ask(&Request::Schedules)?;
    around.output.object(&answer)?;
    let Answer::Schedules(rows) = read(&answer)? else {
        return Err(CommandError::Answer("the schedules"));
    };
    let page = page(&rows, wall_s(), around.output.paint());
    around.output.text(&page)?;
    Ok(Exit::Good)
}

fn pause(
    which: &OneSchedule,
    paused: bool,
    host: &mut Asking,
    around: &Surroundings,
) -> Result<Exit, CommandError> {
    let session = match &which.session {
        Some(word) => Some(known(host, word)?.id),
        None => None,
    };
    let answer = host.ask(&Request::PauseSchedule { session, paused })?;
    around.output.object(&answer)?;
    let whose = which.session.as_ref();
    let whose = whose.map_or_else(
        || "the global schedule".to_owned(),
        |word| format!("the schedule of {word}"),
    );
    let (style, what) = match paused {
        true => (Style::Warning, "is paused; runs that have begun go on"),
        false => (Style::Good, "goes on"),
    };
    around.output.styled(style, &format!("{whose} {what}"))?;
    Ok(Exit::Good)
}

fn page(rows: &[ScheduleRow], now: f64, paint: Paint) -> String {
    if rows.is_empty() {
        return "no session runs by a schedule\n".to_owned();
    }
    let headings = [
        "id", "name", "next run", "last run", "begun", "skipped", "missed", "schedule",
    ];
    let mut table = Table::new(&headings).left(1).left(7);
    for row in rows {
        let moment = |at: Option<f64>| at.map_or_else(|| "–".to_owned(), |at| relative(at, now));
        let next = match row.paused {
            true => Cell::new(Style::Warning, "paused"),
            false => Cell::from(moment(row.next_at)),
        };
        table.row([
            Cell::from(&row.session),
            Cell::from(row.name.as_deref().unwrap_or("")),
            next,
            Cell::from(moment(row.last_at)),
            Cell::from(row.begun.to_string()),
            Cell::from(row.skipped.to_string()),
            Cell::from(row.missed.to_string()),
            Cell::from(told(row)),
        ]);
    }
    table.render(paint)
}

/// `every 300 s`, `0 6 * * * Europe/Berlin (global)`.
fn told(row: &ScheduleRow) -> String {
    let Schedule {
        every_s,
        cron,
        time_zone,
        ..
    } = &row.schedule;
    let when = match (every_s, cron) {
        (Some(seconds), _) => format!("every {seconds} s"),
        (None, Some(cron)) => format!("{cron} {}", time_zone.as_deref().unwrap_or("UTC")),
        (None, None) => "never".to_owned(),
    };
    let global = if row.global { " (global)" } else { "" };
    when + global
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, schedule: Schedule) -> ScheduleRow {
        ScheduleRow {
            session: "0000000a".into(),
            name: Some(name.into()),
            schedule,
            global: false,
            paused: false,
            next_at: Some(1042.0),
            last_at: Some(940.0),
            begun: 3,
            skipped: 0,
            missed: 1,
        }
    }

    #[test]
    fn schedules_stand_with_their_next_and_last_run() {
        let every = Schedule {
            every_s: Some(60),
            ..Schedule::default()
        };
        let cron = Schedule {
            cron: Some("0 6 * * *".into()),
            ..Schedule::default()
        };
        let paused = ScheduleRow {
            global: true,
            paused: true,
            next_at: None,
            last_at: None,
            ..row("nightly", cron)
        };
        assert_eq!(
            page(&[row("often", every), paused], 1000.0, Paint::PLAIN),
            "\
id        name     next run  last run  begun  skipped  missed  schedule
0000000a  often     in 42 s  60 s ago      3        0       1  every 60 s
0000000a  nightly    paused         –      3        0       1  0 6 * * * UTC (global)
"
        );
    }
}
