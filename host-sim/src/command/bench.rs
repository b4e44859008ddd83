//! `host-sim bench`: what the engine costs, beside a bare reference.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use super::{CommandError, Surroundings};
use crate::bench::{self, Bench, Plan, Row};
use crate::cli::{Bench as Arguments, BenchName};
use crate::exit::Exit;
use crate::text::{Cell, Output, Progress, Table};

/// What the command says to programs.
#[derive(Serialize)]
struct Report<'a> {
    bench: &'a str,
    rows: &'a [Row],
}

pub(super) fn run(arguments: &Arguments, around: &Surroundings) -> Result<Exit, CommandError> {
    let bench = match arguments.what {
        BenchName::Reflect => Bench::Reflect,
        BenchName::Send => Bench::Send,
        BenchName::Delay => Bench::Delay,
        BenchName::Snapshot => Bench::Snapshot,
        BenchName::Classify => Bench::Classify,
    };
    let plan = Plan {
        rounds: arguments.rounds,
        turn: Duration::from_secs_f64(arguments.seconds),
        sessions: match &arguments.sessions[..] {
            [] if bench == Bench::Send => vec![100, 1_000, 10_000],
            [] => vec![1, 64, 10_000],
            asked => asked.to_vec(),
        },
    };
    let interrupt = around.interrupt()?;
    let plugin = around.plugin()?;
    allow_many_files();
    let mut progress = Progress::new();
    let rows = bench::run(bench, &plugin, &plan, &mut |says| {
        progress.show(says);
        !interrupt.asked()
    })?;
    drop(progress);
    show(bench, &rows, around.output)?;
    Ok(Exit::Good)
}

/// Each session needs a socket on one side or the other.
fn allow_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused, it fails later, with a sentence that says of what.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
}

fn show(bench: Bench, rows: &[Row], output: Output) -> std::io::Result<()> {
    output.object(&Report {
        bench: bench.name(),
        rows,
    })?;
    output.text(&table(rows).render(output.paint()))
}

fn table(rows: &[Row]) -> Table {
    let headings = [
        "",
        "ours",
        "reference",
        "ratio",
        "least",
        "most",
        "rounds",
        "",
    ];
    let mut table = Table::new(&headings).left(7);
    for row in rows {
        table.row(
            [
                row.name.clone(),
                figure(row.ours),
                figure(row.reference),
                format!("{:.2}", row.ratio),
                format!("{:.2}", row.min),
                format!("{:.2}", row.max),
                row.rounds.to_string(),
                row.unit.to_owned(),
            ]
            .map(Cell::from),
        );
    }
    table
}

/// Three digits that count.
fn figure(value: f64) -> String {
    let digits = match value.abs() {
        small if small < 1.0 => 3,
        small if small < 10.0 => 2,
        small if small < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Paint;

    #[test]
    fn a_row_stands_in_the_table_with_its_ratio_and_its_spread() {
        let row = Row {
            name: "1 session".into(),
            ours: 2512.4,
            reference: 2401.0,
            ratio: 1.046,
            unit: "ns",
            rounds: 5,
            min: 1.01,
            max: 1.2,
        };
        assert_eq!(
            table(&[row]).render(Paint::PLAIN),
            "           ours  reference  ratio  least  most  rounds\n\
             1 session  2512       2401   1.05   1.01  1.20       5  ns\n"
        );
    }

    #[test]
    fn figures_keep_three_digits() {
        let shown = [0.0123, 1.234, 12.34, 1234.5].map(figure);
        assert_eq!(shown, ["0.012", "1.23", "12.3", "1234"]);
    }
}
