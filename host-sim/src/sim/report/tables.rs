//! Tables of figures. A click on a heading sorts by it.

use super::columns::{ALL, Column};
use super::markup::{escape, figure};
use crate::sim::policy::Maker;
use crate::sim::scenario::Scenario;
use crate::sim::table::{Cost, Quantiles, Row, Table};
use crate::sim::{Autoflow, baselines};

/// The rows of a scenario.
pub(super) fn of_scenario(
    scenario: &Scenario,
    rows: &[&Row],
    cost: &[Cost],
    makers: &[&dyn Maker],
) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by(|one, other| one.rank(other));
    let seeds = rows.first().map_or(0, |row| row.seeds);
    let long = super::scale::span(scenario.seconds);
    let caption = match seeds {
        1 => format!("One run of {long}, with seed 1"),
        _ => format!("{seeds} runs of {long} each, with seeds from 1 to {seeds}"),
    };
    let cost_of = |policy: &str| {
        let mut found = cost.iter();
        found.find(|cost| cost.policy == policy && cost.scenario == scenario.name)
    };
    let is_costed = rows.iter().any(|row| cost_of(row.policy).is_some());
    let mut head: Vec<_> = ALL.iter().map(heading).collect();
    if is_costed {
        head.push(column_head(
            "processor",
            "µs / line-s",
            "microseconds of a processor, of each line and second; differs from run to run",
        ));
    }
    let body = rows.iter().map(|row| {
        let mut cells: Vec<_> = ALL.iter().map(|column| cell(column, row)).collect();
        if is_costed {
            let cost = cost_of(row.policy).and_then(|cost| cost.us_per_line_s);
            cells.push(value("cost", cost.map(|cost| cost.p50), cost));
        }
        tr(row.policy, makers, &cells)
    });
    table(&caption, &head, &body.collect::<Vec<_>>())
}

/// Policies over all scenarios.
pub(super) fn overall(played: &Table, makers: &[&dyn Maker]) -> String {
    let mean = |rows: &[&Row], of: fn(&Row) -> Option<f64>| {
        let figures: Vec<_> = rows.iter().filter_map(|row| of(row)).collect();
        (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
    };
    let shown: Vec<_> = ALL.iter().filter(|column| is_summable(column)).collect();
    let mut head: Vec<_> = shown.iter().map(|column| heading(column)).collect();
    head.insert(
        1,
        column_head(
            "worst",
            "s/h",
            "bad time in the scenario where it was longest",
        ),
    );
    let mut bodies: Vec<(Option<f64>, String)> = Vec::new();
    for maker in makers {
        let rows = played.rows.iter();
        let rows: Vec<_> = rows.filter(|row| row.policy == maker.name()).collect();
        let mut cells: Vec<_> = shown
            .iter()
            .map(|column| value(column.key, mean(&rows, column.value), None))
            .collect();
        let worst = rows.iter().filter_map(|row| row.violation_s_per_h);
        let worst = worst.max_by(f64::total_cmp);
        cells.insert(1, value("worst", worst, None));
        let bad = mean(&rows, |row| row.violation_s_per_h);
        bodies.push((bad, tr(maker.name(), makers, &cells)));
    }
    bodies.sort_by(|(one, _), (other, _)| {
        let most = |value: &Option<f64>| value.unwrap_or(f64::INFINITY);
        most(one).total_cmp(&most(other))
    });
    let bodies: Vec<_> = bodies.into_iter().map(|(_, body)| body).collect();
    table(
        "Means over the scenarios, each counted alike",
        &head,
        &bodies,
    )
}

/// Times to switch that may never come have no mean.
fn is_summable(column: &Column) -> bool {
    !column.key.contains(".p") && column.key != "bound_ratio"
}

fn heading(column: &Column) -> String {
    column_head(column.heading, column.unit, column.says)
}

fn column_head(heading: &str, unit: &str, says: &str) -> String {
    let (heading, unit, says) = (escape(heading), escape(unit), escape(says));
    format!(
        "<th scope=\"col\" title=\"{says}\"><button type=\"button\">{heading}</button>\
         <span class=\"unit\">{unit}</span></th>"
    )
}

fn cell(column: &Column, row: &Row) -> String {
    value(column.key, (column.value)(row), (column.spread)(row))
}

fn value(key: &str, value: Option<f64>, spread: Option<Quantiles>) -> String {
    // Infinite is `null` in JSON, but of figures the greatest.
    let exact = value.map_or(String::new(), |value| match value.is_finite() {
        true => format!("{value:?}"),
        false => "inf".to_owned(),
    });
    let shown = value.map_or("–".to_owned(), figure);
    let spread = spread.map_or(String::new(), |of| {
        let (p50, p95) = (figure(of.p50), figure(of.p95));
        format!("<small>{p50} · {p95}</small>")
    });
    format!("<td data-key=\"{key}\" data-value=\"{exact}\">{shown}{spread}</td>")
}

fn tr(policy: &str, makers: &[&dyn Maker], cells: &[String]) -> String {
    let class = match policy {
        Autoflow::NAME => " class=\"ours\"",
        of if baselines::is_oracle(of) => " class=\"oracle\"",
        _ => "",
    };
    let maker = makers.iter().find(|maker| maker.name() == policy);
    let says = escape(maker.map_or("", |maker| maker.says()));
    let policy = escape(policy);
    format!(
        "<tr data-policy=\"{policy}\"{class}><th scope=\"row\" title=\"{says}\">{policy}</th>{}</tr>\n",
        cells.concat()
    )
}

fn table(caption: &str, head: &[String], rows: &[String]) -> String {
    format!(
        "<div class=\"wide\"><table class=\"figures\">\n<caption>{}. Small: the median run · the \
         95th percentile of runs.</caption>\n<thead><tr><th scope=\"col\"><button \
         type=\"button\">policy</button></th>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        escape(caption),
        head.concat(),
        rows.concat()
    )
}
