//! When runs begin.

use serde::{Deserialize, Serialize};

/// When runs begin: `every_s` or `cron`, exactly one of them.
///
/// Times that passed while nothing could begin are not made up for. A run that would begin while
/// the one before is still going is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// A run every so many seconds, 1 to 31 days. Counted from the Unix epoch, not from the start
    /// of the engine: a restart moves no run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_s: Option<u32>,
    /// Minute, hour, day of month, month and weekday, as crontab(5) has them: lists, ranges,
    /// steps, names of months and weekdays; also `L`, `W` and `#`, or one of `@hourly`, `@daily`,
    /// `@weekly`, `@monthly`, `@yearly`. If both kinds of day are restricted, either will do.
    ///
    /// With one fixed minute and hour, a time that doesn't exist on the day when clocks go forward
    /// is that of the change, and of two equal times when they go back the first one counts. All
    /// other schedules follow the clock on the wall: what it passes over is left out, what it shows
    /// twice comes twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Time zone of `cron`, as `Europe/Berlin`, read from `/usr/share/zoneinfo`; absent: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Runs begin up to so many seconds later, each session by a share of its own that is always
    /// the same; at most the time between two runs. Absent: with `every_s` a tenth of it, at most
    /// 30; with `cron` 0, because who writes a time of day means that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread_s: Option<u32>,
    /// Begin nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// What a session says of its schedule: the word `global`, or a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum When {
    /// It follows the engine's schedule.
    #[default]
    Global,
    /// It has its own.
    Own(Schedule),
}

/// How it stands in a document.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(Word),
    Table(Schedule),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Global,
}

impl From<Written> for When {
    fn from(written: Written) -> Self {
        match written {
            Written::Word(Word::Global) => Self::Global,
            Written::Table(schedule) => Self::Own(schedule),
        }
    }
}

impl From<When> for Written {
    fn from(when: When) -> Self {
        match when {
            When::Global => Self::Word(Word::Global),
            When::Own(schedule) => Self::Table(schedule),
        }
    }
}

impl When {
    /// The schedule that holds, if the engine's is `global`.
    #[must_use]
    pub fn among<'a>(&'a self, global: Option<&'a Schedule>) -> Option<&'a Schedule> {
        match self {
            Self::Global => global,
            Self::Own(schedule) => Some(schedule),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_session_says_global_or_has_a_table() {
        let own = Schedule {
            every_s: Some(300),
            ..Schedule::default()
        };
        for (document, when) in [
            (json!("global"), When::Global),
            (json!({"every_s": 300}), When::Own(own)),
        ] {
            assert_eq!(When::deserialize(&document).unwrap(), when);
            assert_eq!(serde_json::to_value(&when).unwrap(), document);
        }
        for wrong in [json!("own"), json!({"every": 300}), json!(300), Value::Null] {
            assert!(When::deserialize(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_session_of_its_own_schedule_does_not_look_at_the_global_one() {
        let [global, own] = [60, 300].map(|every_s| Schedule {
            every_s: Some(every_s),
            ..Schedule::default()
        });
        assert_eq!(When::Global.among(Some(&global)), Some(&global));
        assert_eq!(When::Global.among(None), None);
        assert_eq!(When::Own(own.clone()).among(Some(&global)), Some(&own));
    }
}
