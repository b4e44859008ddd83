//! What came of a simulation, as people read it: a table for each scenario.

use crate::sim::scenario::Scenario;
use crate::sim::{Autoflow, Cost, Curve, Quantiles, Row, Table as Played};
use crate::text::{Cell, Paint, Style, Table};

/// What the headings mean.
const LEGEND: &str = "\
switch   seconds from when a line was no longer right until its class was on one that is
never    how often that did not come, percent
idle/wk  switches that nothing called for, of a line and week
wrong/h  switches to a line that was not right while another was, an hour
false/wk idle switches when nothing happens, of a line and week
bad s/h  seconds on a line that broke the SLA while another kept it, an hour
regret   mean opinion (1 to 4.5) given away
back     seconds from when a preferred line was right again until it was used, median
flaps/h  there and back again within a minute, an hour
× bound  probes until the switch, by the least that are enough with as few false alarms
";

/// One table a scenario: ours first, then the others, the least seconds on bad lines first.
pub(super) fn render(scenarios: &[Scenario], played: &Played, paint: Paint) -> String {
    let mut text = String::new();
    for scenario in scenarios {
        let of = |row: &&Row| row.scenario == scenario.name;
        let mut rows: Vec<_> = played.rows.iter().filter(of).collect();
        rows.sort_by(|one, other| one.rank(other));
        let seeds = rows.first().map_or(0, |row| row.seeds);
        let heading = format!("{}: {}", scenario.name, scenario.says);
        text.push_str(&paint.text(Style::Heading, &heading));
        text.push_str(&format!("\n{}\n", says(scenario, seeds)));
        text.push_str(&table(&rows).render(paint));
        text.push('\n');
        let curves = played.curves.iter();
        let curves: Vec<_> = curves.filter(|of| of.scenario == scenario.name).collect();
        if !curves.is_empty() {
            text.push_str(&swept(&curves).render(paint));
            text.push('\n');
        }
        let costs = played.cost.iter();
        let costs: Vec<_> = costs.filter(|of| of.scenario == scenario.name).collect();
        if !costs.is_empty() {
            text.push_str(&costed(&costs).render(paint));
            text.push('\n');
        }
    }
    text + &paint.text(Style::Aside, LEGEND)
}

/// A row for each position of each knob: quick or calm.
fn swept(curves: &[&Curve]) -> Table {
    let headings = [
        "policy",
        "knob",
        "at",
        "switch p50",
        "p95",
        "false/wk",
        "bad s/h",
    ];
    let mut table = Table::new(&headings).left(1);
    for curve in curves {
        for point in &curve.points {
            let switch = |of: fn(&Quantiles) -> f64| point.time_to_switch_s.as_ref().map(of);
            table.row([
                curve.policy.to_owned(),
                curve.knob.unwrap_or_default().to_owned(),
                point.at.map_or("shipped".to_owned(), |at| at.to_string()),
                figure(switch(|times| times.p50)),
                figure(switch(|times| times.p95)),
                figure(point.healthy_switches_per_line_week),
                figure(point.violation_s_per_h),
            ]);
        }
    }
    table
}

/// What policies cost of a processor.
fn costed(costs: &[&Cost]) -> Table {
    let mut table = Table::new(&["policy", "µs of a processor, a line and second, p50", "p95"]);
    for cost in costs {
        let of = |of: fn(&Quantiles) -> f64| figure(cost.us_per_line_s.as_ref().map(of));
        table.row([cost.policy.to_owned(), of(|us| us.p50), of(|us| us.p95)]);
    }
    table
}

fn says(scenario: &Scenario, seeds: u32) -> String {
    let of = match scenario.seconds {
        long if long >= 7_200.0 => format!("{:.0} h", long / 3_600.0),
        short => format!("{short:.0} s"),
    };
    match seeds {
        1 => format!("one run of {of}"),
        _ => format!("{seeds} runs of {of} each"),
    }
}

fn table(rows: &[&Row]) -> Table {
    let mut table = Table::new(&[
        "policy",
        "switch p50",
        "p95",
        "never",
        "idle/wk",
        "wrong/h",
        "bad s/h",
        "regret",
        "back",
        "flaps/h",
        "probes/s",
        "× bound",
    ]);
    for row in rows {
        let switch = |of: fn(&Quantiles) -> f64| row.time_to_switch_s.as_ref().map(of);
        let style = match row.policy {
            Autoflow::NAME => Style::Good,
            _ => Style::Plain,
        };
        let figures = [
            figure(switch(|times| times.p50)),
            figure(switch(|times| times.p95)),
            figure(row.time_to_switch_s.map(|_| row.never_switched * 100.0)),
            figure(row.pointless_switches_per_line_week),
            figure(row.wrong_switches_per_hour),
            figure(row.violation_s_per_h),
            row.regret
                .map_or_else(unknown, |regret| format!("{regret:.4}")),
            figure(row.failback_s.map(|times| times.p50)),
            figure(row.flaps_per_hour),
            figure(Some(row.probes_per_s)),
            figure(row.bound_ratio),
        ];
        let name = std::iter::once(Cell::new(style, row.policy));
        table.row(name.chain(figures.map(Cell::from)));
    }
    table
}

/// Three digits that count; 0 is nothing at all.
fn figure(value: Option<f64>) -> String {
    let Some(value) = value else { return unknown() };
    match value {
        0.0 => "0".to_owned(),
        f64::INFINITY => "∞".to_owned(),
        small if small < 1.0 => format!("{small:.2}"),
        small if small < 100.0 => format!("{small:.1}"),
        large => format!("{large:.0}"),
    }
}

fn unknown() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Spread;
    use crate::sim::scenario::embedded;

    fn row(policy: &'static str, bad: f64) -> Row {
        Row {
            scenario: "s01-hard-fail".to_owned(),
            policy,
            seeds: 20,
            time_to_switch_s: Some(Quantiles {
                p50: 0.85,
                p95: f64::INFINITY,
            }),
            never_switched: 0.1,
            pointless_switches_per_line_week: Some(12.3),
            wrong_switches_per_hour: Some(0.0),
            violation_s_per_h: Some(bad),
            regret: Some(0.0123),
            failback_s: None,
            flaps_per_hour: None,
            probes_per_s: 10.0,
            probe_bit_per_s: 8_000.0,
            probe_peak: None,
            bound_ratio: None,
            healthy_switches_per_line_week: None,
            spread: Spread::default(),
        }
    }

    #[test]
    fn ours_is_first_and_the_rest_follow_by_what_users_suffer() {
        let played = Played {
            rows: vec![
                row("static", 720.0),
                row("oracle", 0.0),
                row("autoflow", 2.0),
            ],
            ..Played::default()
        };
        let scenarios = [embedded("s01-hard-fail").unwrap()];
        let text = render(&scenarios, &played, Paint::PLAIN);
        let of = |name: &str| {
            text.lines()
                .position(|line| line.starts_with(name))
                .unwrap()
        };
        assert!(
            of("autoflow") < of("oracle") && of("oracle") < of("static"),
            "{text}"
        );
        let ours = text.lines().nth(of("autoflow")).unwrap();
        let cells: Vec<_> = ours.split_whitespace().skip(1).collect();
        assert_eq!(
            cells,
            [
                "0.85", "∞", "10.0", "12.3", "0", "2.0", "0.0123", "–", "–", "10.0", "–"
            ]
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 120),
            "{text}"
        );
    }
}
