//! The question, and what the figures answer.

use super::markup::{escape, figure};
use super::scale::span;
use crate::sim::scenario::Scenario;
use crate::sim::table::{Row, Table};
use crate::sim::{Autoflow, baselines};

/// A policy over all scenarios.
struct Standing {
    policy: &'static str,
    /// Means of what has a meaning.
    bad: f64,
    idle: f64,
}

/// Question and answer.
pub(super) fn render(scenarios: &[Scenario], table: &Table) -> String {
    let mut text = String::from(
        "<p class=\"question\">Which policy keeps traffic on lines that are good enough for it, \
         and how often does it move traffic for nothing?</p>\n",
    );
    let mut standings = standings(table);
    standings.retain(|of| !baselines::is_oracle(of.policy));
    standings.sort_by(|one, other| one.bad.total_cmp(&other.bad));
    let ours = standings.iter().position(|of| of.policy == Autoflow::NAME);
    let all = standings.len();
    let answer = match (ours, standings.first()) {
        (_, None) => "Nobody but oracles was asked.".to_owned(),
        (Some(place), Some(first)) if all > 1 => {
            let ours = &standings[place];
            let rival = match place {
                0 => ("the next", &standings[1]),
                _ => ("the first", first),
            };
            format!(
                "{} Of {all} policies (oracles aside) it is number {} by that; {}, {}",
                says(ours),
                place + 1,
                rival.0,
                says(rival.1)
            )
        }
        (_, Some(first)) => says(first),
    };
    text.push_str(&format!("<p class=\"answer\">{answer}</p>\n"));
    let seeds = table.rows.iter().map(|row| row.seeds).max().unwrap_or(0);
    let seconds: f64 = table
        .rows
        .iter()
        .zip(table.rows.iter().map(|row| of(scenarios, row)))
        .map(|(row, seconds)| seconds * f64::from(row.seeds))
        .sum();
    text.push_str(&format!(
        "<p class=\"aside\">{}, {} policies, up to {seeds} seeds: {} of virtual time.</p>\n",
        match scenarios {
            [one] => format!("Scenario {}", escape(&one.name)),
            many => format!("{} scenarios", many.len()),
        },
        standings_of(table),
        span(seconds),
    ));
    text
}

fn says(of: &Standing) -> String {
    format!(
        "<strong>{}</strong> had traffic on a line that broke its SLA, while another kept it, for \
         <strong>{} s</strong> of each hour, and left a good line for nothing <strong>{}</strong> \
         times a line-week.",
        escape(of.policy),
        figure(of.bad),
        figure(of.idle)
    )
}

fn of(scenarios: &[Scenario], row: &Row) -> f64 {
    let mut all = scenarios.iter();
    all.find(|scenario| scenario.name == row.scenario)
        .map_or(0.0, |scenario| scenario.seconds)
}

fn standings_of(table: &Table) -> usize {
    standings(table).len()
}

fn standings(table: &Table) -> Vec<Standing> {
    let mut standings: Vec<Standing> = Vec::new();
    for row in &table.rows {
        if standings.iter().any(|known| known.policy == row.policy) {
            continue;
        }
        let of = |value: fn(&Row) -> Option<f64>| {
            let rows = table.rows.iter().filter(|of| of.policy == row.policy);
            let figures: Vec<_> = rows.filter_map(value).collect();
            figures.iter().sum::<f64>() / figures.len().max(1) as f64
        };
        standings.push(Standing {
            policy: row.policy,
            bad: of(|row| row.violation_s_per_h),
            idle: of(|row| row.pointless_switches_per_line_week),
        });
    }
    standings
}
