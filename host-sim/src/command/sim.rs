//! `host-sim sim`: path policies side by side, in virtual time.

mod named;
mod replay;
mod table;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use self::named::{Asked, Misread, makers, scenarios};
use super::{CommandError, Surroundings};
use crate::cli::Sim as Arguments;
use crate::exit::Exit;
use crate::sim::policy::Maker;
use crate::sim::report::Report;
use crate::sim::scenario::{embedded, names};
use crate::sim::{Autoflow, Standing, Wish, baselines, run as play};
use crate::text::{Output, Paint, Progress, Table, bar};

/// What `--list` says to programs.
#[derive(Serialize)]
struct List {
    policies: Vec<Entry>,
    scenarios: Vec<Entry>,
}

/// Something that can be named.
#[derive(Serialize)]
struct Entry {
    name: String,
    says: String,
}

pub(super) fn run(arguments: &Arguments, around: &Surroundings) -> Result<Exit, CommandError> {
    let output = around.output;
    if arguments.list {
        return list(output);
    }
    if let Some(file) = &arguments.replay {
        return replay::run(file, arguments, around);
    }
    let scenarios = match scenarios(&arguments.scenario)? {
        Asked::Sound(scenarios) => scenarios,
        Asked::Misread(misread) => return tell(&misread, output),
    };
    let makers = makers(&arguments.policy, &|| around.plugin())?;
    let makers: Vec<&dyn Maker> = makers.iter().map(|maker| &**maker).collect();
    let of_run: Vec<_> = scenarios.iter().collect();
    let wish = Wish {
        seeds: arguments.seeds,
        bounds: true,
        curves: arguments.sweep,
        courses: arguments.report.is_some(),
        cost: arguments.cpu,
    };
    let progress = Mutex::new(Progress::new());
    let begun = Instant::now();
    let table = play(&of_run, &makers, &wish, &|standing| {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.show(&says(standing, begun.elapsed()));
    })?;
    drop(progress);
    if let Some(file) = &arguments.report {
        let report = Report {
            scenarios: &scenarios,
            makers: &makers,
            table: &table,
            command: &again(arguments),
        };
        write(file, &report.page())?;
    }
    output.object(&table)?;
    output.text(&table::render(&scenarios, &table, output.paint()))?;
    Ok(Exit::Good)
}

fn write(file: &Path, page: &str) -> Result<(), CommandError> {
    std::fs::write(file, page)
        .map_err(|cause| CommandError::Usage(format!("can't write {}: {cause}", file.display())))
}

/// The command that makes the same figures.
fn again(arguments: &Arguments) -> String {
    let Arguments {
        scenario,
        policy,
        seeds,
        sweep,
        report,
        cpu,
        replay: _,
        compare: _,
        list: _,
    } = arguments;
    let mut command = format!(
        "host-sim sim --scenario {} --policy {} --seeds {seeds}",
        scenario.join(","),
        policy.join(",")
    );
    for (word, is_given) in [(" --sweep", *sweep), (" --cpu", *cpu)] {
        command.push_str(if is_given { word } else { "" });
    }
    if let Some(file) = report {
        command.push_str(&format!(" --report {}", file.display()));
    }
    command
}

/// How far it is, and how long it takes yet at this pace.
fn says(Standing { over, all, share }: Standing, gone: Duration) -> String {
    let left = gone
        .mul_f64((1.0 - share) / share.max(f64::EPSILON))
        .as_secs();
    let left = match left {
        0..60 => format!("{left} s"),
        60..3_600 => format!("{} min", left.div_ceil(60)),
        _ => format!("{:.1} h", left as f64 / 3_600.0),
    };
    format!("{} {over} of {all} runs, {left} left", bar(share))
}

/// All that can be named. The plugin isn't needed for that.
fn list(output: Output) -> Result<Exit, CommandError> {
    let mut policies = vec![Entry {
        name: Autoflow::NAME.to_owned(),
        says: Autoflow::SAYS.to_owned(),
    }];
    policies.extend(baselines::all().iter().map(|maker| Entry {
        name: maker.name().to_owned(),
        says: maker.says().to_owned(),
    }));
    let scenarios = names().filter_map(embedded).map(|scenario| Entry {
        name: scenario.name,
        says: scenario.says,
    });
    let list = List {
        policies,
        scenarios: scenarios.collect(),
    };
    output.object(&list)?;
    for (heading, entries) in [("policy", &list.policies), ("scenario", &list.scenarios)] {
        output.text(&entries_table(heading, entries, output.paint()))?;
    }
    Ok(Exit::Good)
}

fn entries_table(heading: &str, entries: &[Entry], paint: Paint) -> String {
    let mut table = Table::new(&[heading, ""]).left(1);
    for Entry { name, says } in entries {
        table.row([name, says]);
    }
    table.render(paint) + "\n"
}

/// What is wrong with files of scenarios.
fn tell(misread: &[Misread], output: Output) -> Result<Exit, CommandError> {
    let all: Vec<_> = misread.iter().flat_map(|(_, mistakes)| mistakes).collect();
    output.object(&serde_json::json!({ "problems": all }))?;
    for (source, mistakes) in misread {
        output.text(&source.show(mistakes, output.paint()))?;
    }
    Ok(Exit::Misused)
}
