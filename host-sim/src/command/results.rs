//! `host-sim results`: what the sessions of a running host measured.

use plugin_abi::manage::{Answer, Cause, Request, RunResult, RunState, SessionKind};

use super::asking::{Asking, read};
use super::known::{find, sessions, unknown};
use super::report;
use super::{CommandError, Surroundings};
use crate::cli::Results;
use crate::exit::Exit;
use crate::host::clock::wall_s;
use crate::text::{Cell, Paint, Style, Table, milliseconds, percent, relative, share};

pub(super) fn run(arguments: &Results, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    let (session, line) = match &arguments.of {
        None => (None, None),
        Some(word) => {
            let rows = sessions(host.typed(&Request::Sessions)?)?;
            match find(&rows, word) {
                Some(row) if row.kind == SessionKind::Line => (None, row.line.clone()),
                Some(row) => (Some(row.id.clone()), None),
                None => return Err(unknown("session or line is called", word, &rows)),
            }
        }
    };
    let one = arguments.of.is_some();
    let answer = host.ask(&Request::Results {
        session,
        line,
        last: arguments.last,
    })?;
    around.output.object(&answer)?;
    let Answer::Results(results) = read(&answer)? else {
        return Err(CommandError::Answer("results"));
    };
    let paint = around.output.paint();
    let text = match results.as_slice() {
        [] => "nothing is measured yet\n".to_owned(),
        // There is room for all that is known.
        [only] if one => head(only, wall_s()) + &report::table(&only.result, paint),
        results => page(results, wall_s(), paint),
    };
    around.output.text(&text)?;
    Ok(Exit::Good)
}

/// A row for each run, and below it why those failed that did.
fn page(results: &[RunResult], now: f64, paint: Paint) -> String {
    let mut table = Table::new(&[
        "session", "run", "began", "by", "sent", "lost %", "out", "in", "rtt min", "mean", "max",
        "jitter", "out ms", "in ms",
    ])
    .left(3);
    for run in results {
        table.row(row(run, now));
    }
    let failures = results.iter().filter_map(|run| {
        let failure = run.failure.as_ref()?;
        let sentence = format!("{}, run {}: {}", called(run), run.run, failure.message);
        Some(paint.text(Style::Bad, &sentence) + "\n")
    });
    table.render(paint) + &failures.collect::<String>()
}

fn row(run: &RunResult, now: f64) -> [Cell; 14] {
    let result = &run.result;
    let lost = |count: Option<u64>| percent(count.and_then(|count| share(count, result.sent)));
    let round_trip = result.round_trip_us;
    let worst = match run.state {
        RunState::Failed => Style::Bad,
        _ if result.lost.percent.is_some_and(|percent| percent > 0.0) => Style::Warning,
        _ => Style::Plain,
    };
    [
        Cell::from(called(run)),
        Cell::from(run.run.to_string()),
        Cell::from(relative(run.started_at, now)),
        Cell::from(cause(run.cause)),
        Cell::from(result.sent.to_string()),
        Cell::new(worst, percent(result.lost.percent)),
        Cell::from(lost(result.lost.forward)),
        Cell::from(lost(result.lost.backward)),
        Cell::from(milliseconds(round_trip.map(|delay| delay.min))),
        Cell::from(milliseconds(round_trip.map(|delay| delay.mean))),
        Cell::from(milliseconds(round_trip.map(|delay| delay.max))),
        Cell::from(milliseconds(result.jitter_us.round_trip)),
        Cell::from(milliseconds(result.outbound_us.map(|delay| delay.mean))),
        Cell::from(milliseconds(result.inbound_us.map(|delay| delay.mean))),
    ]
}

/// A sentence about the one run that is shown whole.
fn head(run: &RunResult, now: f64) -> String {
    let state = match (run.state, run.ended_at) {
        (RunState::Connecting, _) => "is connecting".to_owned(),
        (RunState::Running, _) => "goes on".to_owned(),
        (RunState::Ended | RunState::Failed, None) => "has ended".to_owned(),
        (RunState::Ended, Some(at)) => format!("ended {}", relative(at, now)),
        (RunState::Failed, Some(at)) => format!("failed {}", relative(at, now)),
    };
    let failure = run.failure.as_ref();
    let failure = failure.map_or_else(String::new, |failure| format!(": {}", failure.message));
    format!(
        "{}, run {}, by {}, began {}, {state}{failure}\n\n",
        called(run),
        run.run,
        cause(run.cause),
        relative(run.started_at, now),
    )
}

fn called(run: &RunResult) -> String {
    let name = run.name.as_ref().unwrap_or(&run.session);
    match &run.probe_class {
        Some(class) => format!("{name} {class}"),
        None => name.clone(),
    }
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Schedule => "schedule",
        Cause::Person => "person",
        Cause::Continuous => "itself",
    }
}
