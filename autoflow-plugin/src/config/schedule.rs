//! What must fit together about a schedule, the engine's or a session's own.

use jiff::tz::TimeZone;
use plugin_abi::manage::Problem;
use serde_json::Value;

use super::node::Node;
use super::shape;
use crate::schedule::{Cron, CronError, ZoneError, time_zone};

/// Judges what a session says of its schedule, shape and meaning: `global`, where the engine has
/// one, or a table.
pub(super) fn when(when: &Node, global: &Node, problems: &mut Vec<Problem>) {
    match when.value() {
        None => {}
        Some(Value::Object(_)) => {
            shape::schedule(when, problems);
            schedule(when, problems);
        }
        Some(_) if when.text() == Some("global") && global.is_there() => {}
        Some(_) if when.text() == Some("global") => {
            let expected = format!("a table, as there is no {}", global.path());
            problems.push(when.problem(expected, "add that one, or give the session its own"));
        }
        Some(_) => {
            let fix = "write one of them, or leave it out";
            problems.push(when.problem(r#"the word "global" or a table"#, fix));
        }
    }
}

/// Judges the meaning of a schedule.
pub(super) fn schedule(schedule: &Node, problems: &mut Vec<Problem>) {
    if !schedule.value().is_some_and(Value::is_object) {
        return;
    }
    let (every, cron) = (schedule.key("every_s"), schedule.key("cron"));
    if every.is_there() && cron.is_there() {
        let expected = format!("none beside {}", every.path());
        problems.push(cron.problem(expected, "keep one of the two"));
    } else if !every.is_there() && !cron.is_there() {
        let fix = "say how often, or at which times";
        problems.push(schedule.problem_found("one of every_s and cron", "neither", fix));
    }
    let zone = zone(schedule, &cron, problems);
    let least = match expression(&cron, zone, problems) {
        Some(cron) => cron.shortest_s(),
        None => every.whole().and_then(|every| i64::try_from(every).ok()),
    };
    let spread = schedule.key("spread_s");
    if let (Some(spread_s), Some(least)) = (spread.whole(), least)
        && i64::try_from(spread_s).is_ok_and(|spread_s| spread_s > least)
    {
        let expected = format!("at most {least}, the time between two runs");
        problems.push(spread.problem(expected, "shorten it, or measure less often"));
    }
}

/// The time zone of `cron`; UTC where a mistake in it must hide none in the expression.
fn zone(schedule: &Node, cron: &Node, problems: &mut Vec<Problem>) -> TimeZone {
    let zone = schedule.key("time_zone");
    if zone.is_there() && !cron.is_there() {
        let expected = format!("none without {}", cron.path());
        problems.push(zone.problem(
            expected,
            "remove it: a period is the same in all time zones",
        ));
        return TimeZone::UTC;
    }
    let Some(name) = zone.text() else {
        return TimeZone::UTC;
    };
    time_zone(name).unwrap_or_else(|error| {
        let (expected, fix) = match error {
            ZoneError::Unknown { nearest, .. } => (
                "a time zone of the system, as Europe/Berlin".to_owned(),
                match nearest {
                    Some(nearest) => format!("did you mean {nearest:?}?"),
                    None => "take one that stands in /usr/share/zoneinfo".to_owned(),
                },
            ),
            ZoneError::NoDatabase => (
                "a time zone database in /usr/share/zoneinfo".to_owned(),
                "install tzdata, or take UTC".to_owned(),
            ),
            ZoneError::Unreadable { why, .. } => (
                format!("a time zone that can be read ({why})"),
                "install tzdata anew, or take another one".to_owned(),
            ),
        };
        problems.push(zone.problem(expected, fix));
        TimeZone::UTC
    })
}

fn expression(cron: &Node, zone: TimeZone, problems: &mut Vec<Problem>) -> Option<Cron> {
    let errors = match Cron::parse(cron.text()?, zone) {
        Ok(cron) => return Some(cron),
        Err(errors) => errors,
    };
    for error in errors {
        problems.push(match error {
            CronError::Fields { .. } => cron.problem(
                "five fields: minute, hour, day of month, month, weekday",
                r#"write it as "*/5 * * * *" or "@hourly""#,
            ),
            CronError::Word { .. } => cron.problem(
                "one of @hourly, @daily, @weekly, @monthly, @yearly",
                "take one of them, or write five fields",
            ),
            CronError::Field { name, range, found } => cron.problem_found(
                format!("as {name} {range}: one, a list, a range or a step"),
                format!("{found:?}"),
                "mend that field",
            ),
            CronError::Never => cron.problem("a day that exists", "take a day that the month has"),
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::mistakes;
    use super::*;

    #[test]
    fn every_rule_has_its_sentence() {
        let cases: &[(Value, &[&str])] = &[
            (
                json!({}),
                &[
                    "schedule: expected one of every_s and cron, found neither; say how often, or at which times",
                ],
            ),
            (
                json!({"every_s": 60, "cron": "* * * * *"}),
                &[
                    r#"schedule.cron: expected none beside schedule.every_s, found "* * * * *"; keep one of the two"#,
                ],
            ),
            (
                json!({"every_s": 0}),
                &[
                    "schedule.every_s: expected a whole number from 1 to 2678400, found 0; choose a number in that range",
                ],
            ),
            (
                json!({"every_s": 60, "time_zone": "Europe/Berlin"}),
                &[
                    r#"schedule.time_zone: expected none without schedule.cron, found "Europe/Berlin"; remove it: a period is the same in all time zones"#,
                ],
            ),
            (
                json!({"cron": "60 * * foo *", "time_zone": "Europe/Berln"}),
                &[
                    r#"schedule.time_zone: expected a time zone of the system, as Europe/Berlin, found "Europe/Berln"; did you mean "Europe/Berlin"?"#,
                    r#"schedule.cron: expected as minute 0-59: one, a list, a range or a step, found "60"; mend that field"#,
                    r#"schedule.cron: expected as month 1-12 or jan-dec: one, a list, a range or a step, found "foo"; mend that field"#,
                ],
            ),
            (
                json!({"cron": "@hourly", "time_zone": "Hogsmeade"}),
                &[
                    r#"schedule.time_zone: expected a time zone of the system, as Europe/Berlin, found "Hogsmeade"; take one that stands in /usr/share/zoneinfo"#,
                ],
            ),
            (
                json!({"cron": "* * * *"}),
                &[
                    r#"schedule.cron: expected five fields: minute, hour, day of month, month, weekday, found "* * * *"; write it as "*/5 * * * *" or "@hourly""#,
                ],
            ),
            (
                json!({"cron": "@reboot"}),
                &[
                    r#"schedule.cron: expected one of @hourly, @daily, @weekly, @monthly, @yearly, found "@reboot"; take one of them, or write five fields"#,
                ],
            ),
            (
                json!({"cron": "0 0 30 2 *"}),
                &[
                    r#"schedule.cron: expected a day that exists, found "0 0 30 2 *"; take a day that the month has"#,
                ],
            ),
            (
                json!({"every_s": 60, "spread_s": 61}),
                &[
                    "schedule.spread_s: expected at most 60, the time between two runs, found 61; shorten it, or measure less often",
                ],
            ),
            (
                json!({"cron": "0,5 * * * *", "spread_s": 301}),
                &[
                    "schedule.spread_s: expected at most 300, the time between two runs, found 301; shorten it, or measure less often",
                ],
            ),
        ];
        for (schedule, sentences) in cases {
            assert_eq!(mistakes(&json!({"schedule": schedule})), *sentences);
        }
    }

    #[test]
    fn what_passes_makes_a_plan() {
        for schedule in [
            json!({"every_s": 2_678_400, "spread_s": 2_678_400}),
            json!({"every_s": 1, "spread_s": 0, "paused": true}),
            json!({"cron": "0 6-20/2 * * mon-fri", "time_zone": "America/New_York"}),
            json!({"cron": "@daily", "spread_s": 3_600}),
        ] {
            assert_eq!(
                mistakes(&json!({"schedule": schedule})),
                [""; 0],
                "{schedule}"
            );
            let schedule = serde_json::from_value(schedule).unwrap();
            assert!(crate::schedule::Plan::parse(&schedule, 1).is_ok());
        }
    }

    #[test]
    fn a_session_says_global_where_there_is_one_or_has_a_table() {
        let judged = |document: Value| {
            let mut problems = Vec::new();
            let session = Node::named("sessions[0]", &document);
            let global = Node::root(&document).key("global");
            when(&session.key("schedule"), &global, &mut problems);
            problems
                .into_iter()
                .map(|problem| problem.path)
                .collect::<Vec<_>>()
        };
        let here = ["sessions[0].schedule"];
        let global = json!({"every_s": 1});
        assert_eq!(judged(json!({})), [""; 0]);
        assert_eq!(
            judged(json!({"schedule": "global", "global": global})),
            [""; 0]
        );
        assert_eq!(judged(json!({"schedule": "global"})), here);
        assert_eq!(judged(json!({"schedule": "own"})), here);
        assert_eq!(judged(json!({"schedule": 5})), here);
        assert_eq!(judged(json!({"schedule": {"every_s": 5}})), [""; 0]);
        assert_eq!(
            judged(json!({"schedule": {"every_s": 5, "spread_s": 6, "evry": 1}})),
            ["sessions[0].schedule.evry", "sessions[0].schedule.spread_s"]
        );
    }
}
