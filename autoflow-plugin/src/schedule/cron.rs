//! Schedules as crontab(5) has them. `croner` reads and searches; here stands what is wrong with
//! one, field by field.

use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The fields in their order, and what they may hold.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of month", "1-31"),
    ("month", "1-12 or jan-dec"),
    ("weekday", "0-7 or sun-sat"),
];
/// So many runs from [`EPOCH`] on show what is the least time between two.
const LOOKED_AT: usize = 64;
/// 2024-01-01 00:00:00 UTC: the first of a month, a Monday, in a leap year.
const EPOCH: i64 = 1_704_067_200;

/// A schedule in its time zone.
#[derive(Clone, Debug)]
pub(crate) struct Cron {
    pattern: croner::Cron,
    zone: TimeZone,
}

/// What is wrong with a schedule; the configuration is at fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CronError {
    /// There are not five fields.
    #[error("five fields expected, found {found}")]
    Fields { found: usize },
    /// No such word with an at sign.
    #[error("@hourly, @daily, @weekly, @monthly or @yearly expected, found {found:?}")]
    Word { found: String },
    /// One field is wrong.
    #[error("{name} expected as {range}, found {found:?}")]
    Field {
        name: &'static str,
        range: &'static str,
        found: String,
    },
    /// There is no such day.
    #[error("a day that exists expected, found one that never comes")]
    Never,
}

impl Cron {
    /// Reads `expression`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(expression: &str, zone: TimeZone) -> Result<Self, Vec<CronError>> {
        let pattern = read(expression).ok_or_else(|| mistakes(expression))?;
        let cron = Self { pattern, zone };
        if cron.next_after(EPOCH).is_none() {
            return Err(vec![CronError::Never]);
        }
        Ok(cron)
    }

    /// The first time of the schedule after `second`, both in seconds since the Unix epoch.
    pub(crate) fn next_after(&self, second: i64) -> Option<i64> {
        let after = Timestamp::from_second(second).ok()?;
        let after = after.to_zoned(self.zone.clone());
        let next = self.pattern.find_next_occurrence(&after, false).ok()?;
        Some(next.timestamp().as_second())
    }

    /// The least time between two runs, in seconds, as far as the first few show it.
    pub(crate) fn shortest_s(&self) -> Option<i64> {
        let next = |second: &i64| self.next_after(*second);
        let times: Vec<_> = std::iter::successors(self.next_after(EPOCH), next)
            .take(LOOKED_AT)
            .collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).min()
    }
}

fn read(expression: &str) -> Option<croner::Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(expression).ok()
}

/// Why `expression` can't be read.
fn mistakes(expression: &str) -> Vec<CronError> {
    let fields: Vec<_> = expression.split_whitespace().collect();
    if let [word] = fields[..]
        && word.starts_with('@')
    {
        let found = word.to_owned();
        return vec![CronError::Word { found }];
    }
    if fields.len() != FIELDS.len() {
        let found = fields.len();
        return vec![CronError::Fields { found }];
    }
    let wrong = fields.iter().enumerate().filter(|(place, field)| {
        let mut alone = ["*"; FIELDS.len()];
        alone[*place] = field;
        read(&alone.join(" ")).is_none()
    });
    wrong
        .map(|(place, field)| CronError::Field {
            name: FIELDS[place].0,
            range: FIELDS[place].1,
            found: (*field).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::time_zone;
    use super::*;

    /// The runs from `from` until `until`, as local times with their offset.
    fn runs(expression: &str, zone: &str, from: &str, until: &str) -> Vec<String> {
        let zone = time_zone(zone).unwrap();
        let cron = Cron::parse(expression, zone.clone()).unwrap();
        let [from, until] =
            [from, until].map(|time| time.parse::<Timestamp>().unwrap().as_second());
        std::iter::successors(cron.next_after(from - 1), |at| cron.next_after(*at))
            .take_while(|at| *at < until)
            .map(|at| {
                let local = Timestamp::from_second(at).unwrap().to_zoned(zone.clone());
                local.strftime("%d %H:%M%z").to_string()
            })
            .collect()
    }

    #[test]
    fn a_fixed_time_that_does_not_exist_is_that_of_the_change() {
        for (expression, zone, day, run) in [
            (
                "30 2 29 3 *",
                "Europe/Berlin",
                "2026-03-29",
                "29 03:00+0200",
            ),
            (
                "30 2 8 3 *",
                "America/New_York",
                "2026-03-08",
                "08 03:00-0400",
            ),
            (
                "15 2 4 10 *",
                "Australia/Lord_Howe",
                "2026-10-03",
                "04 02:30+1100",
            ),
        ] {
            let (from, until) = (format!("{day}T00:00Z"), format!("{day}T23:00Z"));
            assert_eq!(runs(expression, zone, &from, &until), [run]);
        }
    }

    #[test]
    fn a_fixed_time_that_comes_twice_is_the_first_one() {
        for (expression, zone, day, run) in [
            (
                "30 2 25 10 *",
                "Europe/Berlin",
                "2026-10-25",
                "25 02:30+0200",
            ),
            (
                "30 1 1 11 *",
                "America/New_York",
                "2026-11-01",
                "01 01:30-0400",
            ),
            (
                "45 1 5 4 *",
                "Australia/Lord_Howe",
                "2026-04-04",
                "05 01:45+1100",
            ),
        ] {
            let (from, until) = (format!("{day}T00:00Z"), format!("{day}T23:00Z"));
            assert_eq!(runs(expression, zone, &from, &until), [run]);
        }
    }

    #[test]
    fn all_other_schedules_follow_the_clock_on_the_wall() {
        let berlin = |from, until| runs("0,30 1-3 * * *", "Europe/Berlin", from, until);
        assert_eq!(
            berlin("2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"),
            [
                "29 01:00+0100",
                "29 01:30+0100",
                "29 03:00+0200",
                "29 03:30+0200"
            ]
        );
        assert_eq!(
            berlin("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
            [
                "25 02:00+0200",
                "25 02:30+0200",
                "25 02:00+0100",
                "25 02:30+0100"
            ]
        );
        let island = |from, until| runs("*/15 1-2 * * *", "Australia/Lord_Howe", from, until);
        assert_eq!(
            island("2026-10-03T15:15:00Z", "2026-10-03T16:00:00Z"),
            ["04 01:45+1030", "04 02:30+1100", "04 02:45+1100"]
        );
        assert_eq!(
            island("2026-04-04T14:30:00Z", "2026-04-04T15:45:00Z"),
            [
                "05 01:30+1100",
                "05 01:45+1100",
                "05 01:30+1030",
                "05 01:45+1030",
                "05 02:00+1030",
            ]
        );
    }

    #[test]
    fn months_end_and_years_leap() {
        let utc = |expression, from, until| runs(expression, "UTC", from, until);
        let feb = ["29 00:00+0000"];
        assert_eq!(
            utc("0 0 29 2 *", "2026-01-01T00:00Z", "2030-01-01T00:00Z"),
            feb
        );
        let ends = ["31 12:00+0000", "31 12:00+0000", "31 12:00+0000"];
        assert_eq!(
            utc("0 12 31 * *", "2026-01-01T00:00Z", "2026-06-01T00:00Z"),
            ends
        );
        let last = ["28 12:00+0000"];
        assert_eq!(
            utc("0 12 L * *", "2026-02-01T00:00Z", "2026-03-01T00:00Z"),
            last
        );
        assert_eq!(
            utc("@daily", "2026-02-28T00:00Z", "2026-03-02T00:00Z").len(),
            2
        );
    }

    #[test]
    fn every_wrong_field_is_named() {
        let mistakes = |expression: &str| {
            let errors = Cron::parse(expression, TimeZone::UTC).unwrap_err();
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            mistakes("60 24 0 foo 8"),
            [
                r#"minute expected as 0-59, found "60""#,
                r#"hour expected as 0-23, found "24""#,
                r#"day of month expected as 1-31, found "0""#,
                r#"month expected as 1-12 or jan-dec, found "foo""#,
                r#"weekday expected as 0-7 or sun-sat, found "8""#,
            ]
        );
        assert_eq!(mistakes("* * * *"), ["five fields expected, found 4"]);
        assert_eq!(mistakes("* * * * * *"), ["five fields expected, found 6"]);
        assert_eq!(mistakes(""), ["five fields expected, found 0"]);
        assert_eq!(mistakes("@reboot").len(), 1);
        assert_eq!(mistakes("0 0 30 2 *").len(), 1);
        assert_eq!(mistakes("0 0 31 4,6 *").len(), 1);
    }

    #[test]
    fn the_least_time_between_two_runs_is_seen() {
        let shortest = |expression| {
            let cron = Cron::parse(expression, TimeZone::UTC).unwrap();
            cron.shortest_s()
        };
        assert_eq!(shortest("* * * * *"), Some(60));
        assert_eq!(shortest("*/7 * * * *"), Some(4 * 60));
        assert_eq!(shortest("0 0,1 * * *"), Some(3_600));
        assert_eq!(shortest("0 0 29 2 *"), Some(4 * 365 * 86_400 + 86_400));
    }
}
