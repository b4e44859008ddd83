//! `host-sim check`: every mistake of a configuration, with its place; of a good one, what is
//! perhaps not meant.

use plugin_abi::config::Config;
use plugin_abi::host::Plugin;
use plugin_abi::manage::{Answer, Cost, CostRow, Problem, Request};
use serde::Serialize;
use serde_json::Value;

use super::{CommandError, Surroundings};
use crate::cli::Check;
use crate::document::{Mistake, Source};
use crate::exit::Exit;
use crate::host::listen;
use crate::text::{Output, Style, Table, plural};

/// A configuration file that the plugin calls good.
pub(super) struct Judged {
    /// The file's name.
    pub(super) name: String,
    /// What the file says, as JSON.
    pub(super) json: String,
    /// The same, as the host reads it.
    pub(super) config: Config,
    /// What is perhaps not meant, with its place.
    warnings: Vec<Mistake>,
    /// Those, as people read them.
    shown: String,
    /// Who judged.
    pub(super) plugin: Plugin,
}

/// What the command says to programs.
#[derive(Serialize)]
struct Verdict<'a> {
    good: bool,
    problems: &'a [Mistake],
    warnings: &'a [Mistake],
    /// What the probes of each line take.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    costs: Vec<CostRow>,
}

pub(super) fn run(arguments: &Check, around: &Surroundings) -> Result<Exit, CommandError> {
    let output = around.output;
    let Some(judged) = judge(Source::read(&arguments.config)?, around)? else {
        return Ok(Exit::Misused);
    };
    let costs = costs(&judged, around)?;
    output.object(&Verdict {
        good: true,
        problems: &[],
        warnings: &judged.warnings,
        costs: costs.clone(),
    })?;
    let config = &judged.config;
    output.styled(
        Style::Good,
        &format!(
            "{} is good: {}, {}, {}",
            judged.name,
            plural(config.lines.len(), "line"),
            plural(config.groups.len(), "group"),
            plural(config.classes.len(), "class")
        ),
    )?;
    if !costs.is_empty() {
        output.text(&table(&costs).render(output.paint()))?;
    }
    if !judged.warnings.is_empty() {
        output.text(&judged.shown)?;
    }
    Ok(Exit::Good)
}

/// What the probes of each line take. An older plugin doesn't say.
fn costs(judged: &Judged, around: &Surroundings) -> Result<Vec<CostRow>, CommandError> {
    let (listener, _events) = listen(around.log_level());
    let engine = judged.plugin.create("{}", listener)?;
    let config = serde_json::from_str(&judged.json).map_err(CommandError::Configuration)?;
    Ok(match engine.manage(&Request::Costs { config }) {
        Ok(Answer::Costs(costs)) => costs,
        _ => Vec::new(),
    })
}

/// Octets of a probe with its reply, probes a second, and what that comes to in a month.
fn table(costs: &[CostRow]) -> Table {
    let headings = [
        "probes of",
        "octets",
        "rest /s",
        "GB a month",
        "standby /s",
        "GB a month",
        "most /s",
        "GB a month",
        "budget GB",
    ];
    let cells = |cost: &Cost| [rounded(cost.probes_per_s), rounded(cost.gb_per_month)];
    let unknown = || "–".to_owned();
    let mut table = Table::new(&headings);
    for row in costs {
        let standby = row
            .standby
            .as_ref()
            .map_or_else(|| [unknown(), unknown()], cells);
        let all = [row.line.clone(), row.octets.to_string()].into_iter();
        let all = all
            .chain(cells(&row.rest))
            .chain(standby)
            .chain(cells(&row.most));
        table.row(all.chain([row.budget_gb.map_or_else(unknown, rounded)]));
    }
    table
}

/// Three digits, or as many as stand before the point.
fn rounded(value: f64) -> String {
    let digits = (2.0 - value.max(1e-3).log10().floor()).clamp(0.0, 4.0);
    let text = format!("{value:.*}", digits as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Lets the plugin judge a file; `None`: its mistakes have been shown.
pub(super) fn judge(source: Source, around: &Surroundings) -> Result<Option<Judged>, CommandError> {
    let output = around.output;
    let document = match source.parse() {
        Ok(document) => document,
        Err((source, mistakes)) => {
            show(&source, &mistakes, output)?;
            return Ok(None);
        }
    };
    let plugin = around.plugin()?;
    let (problems, warnings) = opinion(document.value(), &plugin, around)?;
    if !problems.is_empty() {
        show(document.source(), &document.mistakes(&problems), output)?;
        return Ok(None);
    }
    let warnings = document.mistakes(&warnings);
    let config = serde_json::from_value(document.value().clone());
    Ok(Some(Judged {
        name: document.source().name().to_owned(),
        json: document.value().to_string(),
        config: config.map_err(CommandError::Configuration)?,
        shown: document.source().show_warnings(&warnings, output.paint()),
        warnings,
        plugin,
    }))
}

/// The mistakes that the plugin sees in a document, and its warnings if there are none. An older
/// plugin has no warnings.
pub(super) fn opinion(
    config: &Value,
    plugin: &Plugin,
    around: &Surroundings,
) -> Result<(Vec<Problem>, Vec<Problem>), CommandError> {
    let (listener, _events) = listen(around.log_level());
    let engine = plugin.create("{}", listener)?;
    let config = || config.clone();
    let judged = engine.manage(&Request::Validate { config: config() })?;
    let Answer::Problems(problems) = judged else {
        return Err(CommandError::Answer("problems"));
    };
    let warnings = match engine.manage(&Request::Warnings { config: config() }) {
        Ok(Answer::Warnings(warnings)) => warnings,
        _ => Vec::new(),
    };
    Ok((problems, warnings))
}

pub(super) fn show(
    source: &Source,
    mistakes: &[Mistake],
    output: Output,
) -> Result<(), CommandError> {
    output.object(&Verdict {
        good: false,
        problems: mistakes,
        warnings: &[],
        costs: Vec::new(),
    })?;
    output.text(&source.show(mistakes, output.paint()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_tells_programs_its_line_and_column() {
        let (_, mistakes) = Source::new("a.toml", "a = 1\na = 2\n").parse().unwrap_err();
        let verdict = Verdict {
            good: false,
            problems: &mistakes,
            warnings: &[],
            costs: Vec::new(),
        };
        let json = serde_json::to_value(verdict).unwrap();
        assert_eq!(json["good"], false);
        let problem = &json["problems"][0];
        assert_eq!(
            (problem["line"].as_u64(), problem["column"].as_u64()),
            (Some(2), Some(1))
        );
        for field in ["path", "expected", "found", "fix"] {
            assert!(problem[field].is_string(), "{field}");
        }
    }

    #[test]
    fn figures_have_three_digits_and_no_idle_zeros() {
        let figures = [0.1, 1.0, 0.03857, 0.38569, 38.569, 3_856.9, 0.0];
        let shown = figures.map(rounded);
        assert_eq!(shown, ["0.1", "1", "0.0386", "0.386", "38.6", "3857", "0"]);
    }

    #[test]
    fn the_example_of_a_topology_is_a_configuration() {
        let text = include_str!("../../examples/topology.toml");
        let document = Source::new("topology.toml", text).parse().unwrap();
        let config: Config = serde_json::from_value(document.value().clone()).unwrap();
        let topology = config.topology.unwrap();
        assert_eq!((topology.sites.len(), topology.links.len()), (3, 4));
        assert!(
            topology
                .sites
                .iter()
                .any(|site| Some(&site.name) == config.site.as_ref())
        );
    }

    #[test]
    fn the_example_is_a_configuration() {
        let text = include_str!("../../examples/branch.toml");
        let document = Source::new("branch.toml", text).parse().unwrap();
        let config: Config = serde_json::from_value(document.value().clone()).unwrap();
        let counts = (
            config.lines.len(),
            config.groups.len(),
            config.classes.len(),
        );
        assert_eq!(counts, (3, 2, 3));
        for line in &config.lines {
            assert!(!line.groups.is_empty(), "{} is in no group", line.name);
            for id in &line.groups {
                assert!(config.groups.iter().any(|group| group.id == *id));
            }
        }
        for underlay in config.classes.iter().flat_map(|class| &class.prefer) {
            assert!(config.lines.iter().any(|line| line.underlay() == underlay));
        }
    }
}
