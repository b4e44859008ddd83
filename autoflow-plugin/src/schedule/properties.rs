//! What holds of any schedule.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use plugin_abi::config::Schedule;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use twamp_core::time::{Mono, Now, Wall};

use super::{Cron, Plan, Timetable};

const SECOND: i64 = 1_000_000_000;
/// 2026-01-01 00:00:00 UTC.
const NEW_YEAR: i64 = 1_767_225_600;
const MINUTES_OF_A_YEAR: i64 = 365 * 24 * 60;

/// A field as it is written, and what it admits.
#[derive(Clone, Debug)]
struct Field {
    written: String,
    admits: Vec<i64>,
}

fn field(from: i64, to: i64) -> impl Strategy<Value = Field> {
    let all: Vec<i64> = (from..=to).collect();
    let any = Just(Field {
        written: "*".into(),
        admits: all.clone(),
    });
    let list = subsequence(all, 1..=3).prop_map(|admits| Field {
        written: admits
            .iter()
            .map(i64::to_string)
            .collect::<Vec<_>>()
            .join(","),
        admits,
    });
    let stepped = (from..=to, from..=to, 1..=7_usize).prop_map(|(one, other, step)| {
        let (first, last) = (one.min(other), one.max(other));
        Field {
            written: format!("{first}-{last}/{step}"),
            admits: (first..=last).step_by(step).collect(),
        }
    });
    prop_oneof![any, list, stepped]
}

/// Minute, hour, day of month, month, weekday.
fn fields() -> impl Strategy<Value = [Field; 5]> {
    [
        field(0, 59),
        field(0, 23),
        field(1, 28),
        field(1, 12),
        field(0, 6),
    ]
}

fn written(fields: &[Field; 5]) -> String {
    fields
        .each_ref()
        .map(|field| field.written.as_str())
        .join(" ")
}

/// Does crontab(5) begin something at this local time?
fn begins(fields: &[Field; 5], local: DateTime) -> bool {
    let [minute, hour, day, month, weekday] = fields;
    let has =
        |field: &Field, value: i8| field.written == "*" || field.admits.contains(&value.into());
    let on_day = has(day, local.day());
    let on_weekday = has(weekday, local.weekday().to_sunday_zero_offset());
    let either = day.written != "*" && weekday.written != "*";
    has(minute, local.minute())
        && has(hour, local.hour())
        && has(month, local.month())
        && if either {
            on_day || on_weekday
        } else {
            on_day && on_weekday
        }
}

fn every() -> impl Strategy<Value = Schedule> {
    (1..=2_678_400_u32).prop_flat_map(|every_s| {
        (0..=every_s).prop_map(move |spread_s| Schedule {
            every_s: Some(every_s),
            spread_s: Some(spread_s),
            ..Schedule::default()
        })
    })
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let cron = (
        fields(),
        select(&["UTC", "Europe/Berlin", "Australia/Lord_Howe"][..]),
    );
    let cron = cron.prop_map(|(fields, zone)| Schedule {
        cron: Some(written(&fields)),
        time_zone: Some(zone.into()),
        spread_s: Some(60),
        ..Schedule::default()
    });
    prop_oneof![every(), cron]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_next_time_is_later_and_never_goes_back(
        schedule in any_schedule(), id: u64, second in NEW_YEAR..2 * NEW_YEAR, later in 0..10_000_000_i64
    ) {
        let plan = Plan::parse(&schedule, id).unwrap();
        let now = Wall(second * SECOND);
        let next = plan.next_after(now).unwrap();
        prop_assert!(next > now);
        prop_assert!(plan.next_after(Wall(now.0 + later * SECOND)).unwrap() >= next);
        // Nothing lies between.
        prop_assert_eq!(plan.next_after(Wall(next.0 - 1)), Some(next));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn each_minute_of_a_year_is_told_as_the_fields_have_it(fields in fields()) {
        let cron = Cron::parse(&written(&fields), TimeZone::UTC).unwrap();
        let mut expected = (0..MINUTES_OF_A_YEAR).map(|minute| NEW_YEAR + minute * 60).filter(|at| {
            let local = Timestamp::from_second(*at).unwrap().to_zoned(TimeZone::UTC);
            begins(&fields, local.datetime())
        });
        let mut told = cron.next_after(NEW_YEAR - 1);
        // The first few hundred, and the last.
        for at in expected.by_ref().take(500) {
            prop_assert_eq!(told, Some(at));
            told = cron.next_after(at);
        }
        if let Some(last) = expected.next_back() {
            prop_assert_eq!(cron.next_after(last - 60), Some(last));
        }
    }

    #[test]
    fn no_time_comes_twice_however_a_clock_is_set_a_little(
        every_s in 30..300_u32, steps in prop::collection::vec((1..40_i64, -20..20_i64), 1..100)
    ) {
        let schedule = Schedule { every_s: Some(every_s), ..Schedule::default() };
        let mut timetable = Timetable::default();
        let (mut mono, mut set) = (0, 0);
        let mut times = Vec::new();
        for (passes, by) in steps {
            mono += passes;
            set = (set + by).clamp(-14, 14);
            let now = Now {
                mono: Mono((mono * SECOND) as u64),
                wall: Wall((NEW_YEAR + mono + set) * SECOND),
            };
            if timetable.rows().next().is_none() {
                timetable.set(1, Plan::parse(&schedule, 1).unwrap(), now);
            }
            let next = timetable.rows().next().and_then(|row| row.next);
            if !timetable.due(now).is_empty() {
                times.push(next);
            }
        }
        prop_assert!(times.is_sorted_by(|one, other| one < other), "{:?}", times);
    }
}
