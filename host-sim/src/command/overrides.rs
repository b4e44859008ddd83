//! `host-sim overrides`: what goes before the decisions of a running host for a time.

use plugin_abi::config::{By, Hand, Override};
use plugin_abi::manage::{Answer, OverrideRow, Request};
use serde_json::{Map, Value, json};

use super::asking::{Asking, read};
use super::{CommandError, Surroundings};
use crate::cli::{Overrides, OverridesCommand, Term};
use crate::exit::Exit;
use crate::host::clock::wall_s;
use crate::text::{Cell, Paint, Style, Table, relative};

pub(super) fn run(arguments: &Overrides, around: &Surroundings) -> Result<Exit, CommandError> {
    let mut host = Asking::at(&arguments.socket)?;
    let (hand, parts, term) = match &arguments.what {
        None | Some(OverridesCommand::List) => return list(&mut host, around),
        Some(OverridesCommand::End(which)) => return end(&which.name, &mut host, around),
        Some(OverridesCommand::Pin(pin)) => {
            let mut parts = json!({ "class": pin.class, "line": pin.line });
            if let Some(group) = &pin.group {
                parts["group"] = json!(group);
            }
            (Hand::Pin, parts, &pin.term)
        }
        Some(OverridesCommand::Drain(of)) => (Hand::Drain, json!({ "line": of.line }), &of.term),
        Some(OverridesCommand::Maintain(of)) => {
            (Hand::Maintain, json!({ "line": of.line }), &of.term)
        }
        Some(OverridesCommand::Weight(of)) => {
            let mut parts = json!({ "line": of.line, "percent": of.percent });
            for (key, name) in [("class", &of.class), ("group", &of.group)] {
                if let Some(name) = name {
                    parts[key] = json!(name);
                }
            }
            (Hand::Weight, parts, &of.term)
        }
        Some(OverridesCommand::Sla(of)) => {
            let demands = [
                ("round_trip_ms", of.round_trip),
                ("jitter_ms", of.jitter),
                ("loss_percent", of.loss),
            ];
            let demands = demands
                .into_iter()
                .filter_map(|(key, most)| Some((key, most?)));
            let sla: Map<_, _> = demands
                .map(|(key, most)| (key.into(), json!(most)))
                .collect();
            (
                Hand::Sla,
                json!({ "class": of.class, "sla": sla }),
                &of.term,
            )
        }
    };
    let order = written(hand, parts, term, wall_s());
    let answer = host.ask(&Request::AddOverride { order })?;
    around.output.object(&answer)?;
    let Answer::Override(row) = read(&answer)? else {
        return Err(CommandError::Answer("the override"));
    };
    let sentence = format!("{}: {}", row.order.name, words(&row, wall_s()));
    around.output.styled(Style::Good, &sentence)?;
    Ok(Exit::Good)
}

/// The override as a document has it.
fn written(hand: Hand, mut order: Value, term: &Term, now_s: f64) -> Value {
    order["what"] = json!(hand);
    let begin = term.from.unwrap_or(now_s as u64);
    let lasts = term.lasting.map(|lasting| begin + lasting.as_secs());
    order["until"] = json!(term.until.or(lasts));
    let mut schedule = json!({ "cron": term.cron });
    if let Some(zone) = &term.time_zone {
        schedule["time_zone"] = json!(zone);
    }
    let by = term.analyzer.then_some(By::Analyzer);
    let optional = [
        ("from", term.from.map(|from| json!(from))),
        ("schedule", term.cron.as_ref().map(|_| schedule)),
        ("lasts_s", term.each.map(|each| json!(each.as_secs()))),
        ("name", term.name.as_ref().map(|name| json!(name))),
        ("note", term.note.as_ref().map(|note| json!(note))),
        ("by", by.map(|by| json!(by))),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            order[key] = value;
        }
    }
    order
}

fn list(host: &mut Asking, around: &Surroundings) -> Result<Exit, CommandError> {
    let answer = host.ask(&Request::Overrides)?;
    around.output.object(&answer)?;
    let Answer::Overrides(rows) = read(&answer)? else {
        return Err(CommandError::Answer("the overrides"));
    };
    around
        .output
        .text(&page(&rows, wall_s(), around.output.paint()))?;
    Ok(Exit::Good)
}

fn end(name: &str, host: &mut Asking, around: &Surroundings) -> Result<Exit, CommandError> {
    let name = name.to_owned();
    let answer = host.ask(&Request::EndOverride { name: name.clone() })?;
    around.output.object(&answer)?;
    around
        .output
        .styled(Style::Good, &format!("{name} is over"))?;
    Ok(Exit::Good)
}

fn page(rows: &[OverrideRow], now: f64, paint: Paint) -> String {
    if rows.is_empty() {
        return "nothing goes before the decisions\n".to_owned();
    }
    let headings = ["name", "what", "by", "holds", "expires", "note"];
    let mut table = Table::new(&headings).left(1).left(2).left(3).left(5);
    for row in rows {
        let order = &row.order;
        let holds = match row.next_at {
            _ if row.holds => Cell::new(Style::Warning, "now"),
            Some(next) => Cell::from(relative(next as f64, now)),
            None => Cell::new(Style::Aside, "no more"),
        };
        table.row([
            Cell::from(&order.name),
            Cell::from(what(order)),
            Cell::from(match order.by {
                By::Person => "person",
                By::Analyzer => "analyzer",
            }),
            holds,
            Cell::from(relative(order.until as f64, now)),
            Cell::from(order.note.as_deref().unwrap_or("")),
        ]);
    }
    table.render(paint)
}

/// As `voice is pinned to fibre in hq`.
fn what(order: &Override) -> String {
    let [class, line] = [&order.class, &order.line].map(|name| name.as_deref().unwrap_or("?"));
    let group = order.group.as_ref();
    let group = group.map_or_else(String::new, |group| format!(" in {group}"));
    match order.what {
        Hand::Pin => format!("{class} is pinned to {line}{group}"),
        Hand::Weight => {
            let class = order.class.as_ref();
            let class = class.map_or_else(String::new, |class| format!(" of {class}"));
            let percent = order.percent.unwrap_or(100);
            format!("{line} has {percent} % of its share{class}{group}")
        }
        Hand::Drain => format!("{line} is drained"),
        Hand::Maintain => format!("{line} is in maintenance"),
        Hand::Sla => {
            let sla = order.sla.unwrap_or_default();
            let demands = [
                ("round trip", sla.round_trip_ms, "ms"),
                ("jitter", sla.jitter_ms, "ms"),
                ("loss", sla.loss_percent, "%"),
            ];
            let demands = demands
                .into_iter()
                .filter_map(|(name, most, unit)| most.map(|most| format!("{name} {most} {unit}")));
            format!("{class} needs {}", demands.collect::<Vec<_>>().join(", "))
        }
    }
}

fn words(row: &OverrideRow, now: f64) -> String {
    let until = relative(row.order.until as f64, now);
    let begins = row.next_at.filter(|_| !row.holds);
    let begins = begins.map_or_else(String::new, |next| {
        format!(" {}", relative(next as f64, now))
    });
    format!("{}{begins}; it expires {until}", what(&row.order))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(order: Value, holds: bool, next_at: Option<u64>) -> OverrideRow {
        OverrideRow {
            order: serde_json::from_value(order).unwrap(),
            holds,
            next_at,
        }
    }

    #[test]
    fn the_list_says_what_is_ordered_by_whom_and_when_it_holds() {
        let rows = [
            row(
                json!({"name": "pin-1", "what": "pin", "class": "voice", "line": "fibre",
                       "group": "hq", "until": 8_200, "note": "tests"}),
                true,
                None,
            ),
            row(
                json!({"name": "sunday", "what": "maintain", "line": "cable", "until": 999_999,
                       "by": "analyzer"}),
                false,
                Some(1_300),
            ),
            row(
                json!({"name": "calm", "what": "sla", "class": "voice", "until": 1_090,
                       "sla": {"jitter_ms": 40, "loss_percent": 2.5}}),
                true,
                None,
            ),
            row(
                json!({"name": "less", "what": "weight", "line": "lte", "percent": 50,
                       "class": "bulk", "until": 1_090, "by": "analyzer"}),
                true,
                None,
            ),
        ];
        let expected = "\
name    what                                     by        holds  expires     note
pin-1   voice is pinned to fibre in hq           person    now       in 2 h   tests
sunday  cable is in maintenance                  analyzer  in 5 min  in 11 days
calm    voice needs jitter 40 ms, loss 2.5 %     person    now      in 90 s
less    lte has 50 % of its share of bulk        analyzer  now      in 90 s
";
        let words = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>());
            lines.map(|words| words.join(" ")).collect()
        };
        assert_eq!(words(&page(&rows, 1_000.0, Paint::PLAIN)), words(expected));
    }

    #[test]
    fn times_are_counted_from_the_beginning() {
        let term = Term {
            lasting: Some(std::time::Duration::from_secs(60)),
            until: None,
            from: Some(5_000),
            cron: None,
            time_zone: None,
            each: None,
            name: None,
            note: None,
            analyzer: true,
        };
        assert_eq!(
            written(Hand::Drain, json!({"line": "a"}), &term, 1_000.0),
            json!({"line": "a", "what": "drain", "from": 5_000, "until": 5_060, "by": "analyzer"})
        );
    }
}
