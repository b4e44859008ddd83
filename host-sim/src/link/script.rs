//! What happens to the lines over time.

use serde::{Deserialize, Serialize};

use super::impairment::{Impairment, ImpairmentError};
use super::line::Directions;

/// A list of timed changes to lines. In TOML:
///
/// ```
/// let script: host_sim::link::Script = toml::from_str(
///     r#"
///     [[event]]
///     at_s = 5
///     line = "A"
///     direction = "forward"
///     set = { delay_ms = 20, loss_percent = 5 }
///     says = "A browns out"
///
///     [[event]]          # 300 ms of trouble every 7 s for a minute
///     at_s = 10
///     every_s = 7
///     until_s = 70
///     line = "B"
///     set = { delay_ms = 100 }
///
///     [[event]]
///     at_s = 10.3
///     every_s = 7
///     until_s = 70.3
///     line = "B"
///     set = { delay_ms = 20 }
///     "#,
/// )
/// .unwrap();
/// assert!(script.validate(&["A", "B"]).is_ok());
/// assert_eq!(script.play().count(), 1 + 9 + 9);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The changes, in any order.
    #[serde(default, rename = "event")]
    pub events: Vec<Event>,
}

/// A change to a line at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in seconds after the start.
    pub at_s: f64,
    /// Again after each such interval, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_s: Option<f64>,
    /// No repetition at or after this time, in seconds; needed with `every_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_s: Option<f64>,
    /// The line's name.
    pub line: String,
    /// The directions concerned.
    #[serde(default)]
    pub direction: Directions,
    /// The whole impairment from then on: what isn't said is unimpaired.
    pub set: Impairment,
    /// For people: what happens.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says: String,
}

/// A script is wrong. The configuration is at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("configuration: event {number} of the script (from 1): {what}")]
pub struct ScriptError {
    /// The event's place in the script, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub what: ScriptFault,
}

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScriptFault {
    /// A time is negative, not a number, or too far away.
    #[error("`{field}` is {found}; expected seconds from {least} to 100000000")]
    Time {
        /// The field.
        field: &'static str,
        /// What stands there.
        found: f64,
        /// The least it may be.
        least: f64,
    },
    /// `every_s` and `until_s` go together.
    #[error("`every_s` and `until_s` go together; state both or none")]
    HalfARepetition,
    /// The events happen more often than those of a script may.
    #[error(
        "with it, events happen {found} times, more than {MAX_MOMENTS}; repeat them less often"
    )]
    TooOften {
        /// How often the events up to this one happen.
        found: u64,
    },
    /// There is no such line.
    #[error("there is no line `{0}`")]
    UnknownLine(String),
    /// The impairment is out of range.
    #[error("{0}")]
    Impairment(#[from] ImpairmentError),
}

/// How often all events together may happen: a change each second for twelve days.
const MAX_MOMENTS: u64 = 1_000_000;

/// Times in a script end here, in seconds: about three years.
const MAX_TIME_S: f64 = 1e8;

impl Script {
    /// Whether every event can be played on the lines of these names.
    ///
    /// # Errors
    /// The first event that can't.
    pub fn validate(&self, lines: &[&str]) -> Result<(), ScriptError> {
        let mut found = 0_u64;
        for (number, event) in (1..).zip(&self.events) {
            let at = |what| ScriptError { number, what };
            event.validate(lines).map_err(at)?;
            found = found.saturating_add(event.repetitions());
            if found > MAX_MOMENTS {
                return Err(at(ScriptFault::TooOften { found }));
            }
        }
        Ok(())
    }

    /// Plays the script from its start: repetitions written out, in order of time; events of the
    /// same time in the order they are written.
    #[must_use]
    pub fn play(&self) -> Player<'_> {
        // Bounded here too: a script may be played unvalidated.
        let moments = self.events.iter().flat_map(Event::moments);
        let mut moments: Vec<Moment<'_>> = moments.take(MAX_MOMENTS as usize).collect();
        moments.sort_by_key(|moment| moment.at_ns);
        Player { moments, next: 0 }
    }
}

impl Event {
    fn validate(&self, lines: &[&str]) -> Result<(), ScriptFault> {
        time("at_s", self.at_s, 0.0)?;
        match (self.every_s, self.until_s) {
            (None, None) => {}
            (Some(every_s), Some(until_s)) => {
                time("every_s", every_s, 0.001)?;
                time("until_s", until_s, 0.0)?;
            }
            _ => return Err(ScriptFault::HalfARepetition),
        }
        if !lines.contains(&self.line.as_str()) {
            return Err(ScriptFault::UnknownLine(self.line.clone()));
        }
        Ok(self.set.validate()?)
    }

    /// How often the event happens, the first time included.
    fn repetitions(&self) -> u64 {
        match (self.every_s, self.until_s) {
            (Some(every_s), Some(until_s)) => {
                (((until_s - self.at_s) / every_s).ceil() as u64).max(1)
            }
            _ => 1,
        }
    }

    fn moments(&self) -> impl Iterator<Item = Moment<'_>> {
        (0..self.repetitions()).map(|i| Moment {
            at_ns: ((self.at_s + i as f64 * self.every_s.unwrap_or(0.0)) * 1e9).round() as u64,
            event: self,
        })
    }
}

/// An event at the time it happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment<'a> {
    /// When, in nanoseconds after the start.
    pub at_ns: u64,
    /// What.
    pub event: &'a Event,
}

/// A script being played; as an iterator, all that is still to come.
#[derive(Debug, Clone)]
pub struct Player<'a> {
    moments: Vec<Moment<'a>>,
    next: usize,
}

impl<'a> Player<'a> {
    /// When the next event happens, in nanoseconds after the start; `None` when all have.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.moments.get(self.next).map(|moment| moment.at_ns)
    }

    /// The next event that is due at `now` (nanoseconds after the start). Call until `None`.
    pub fn due(&mut self, now: u64) -> Option<Moment<'a>> {
        self.next_at()
            .filter(|&at| at <= now)
            .and_then(|_| self.next())
    }
}

impl<'a> Iterator for Player<'a> {
    type Item = Moment<'a>;

    fn next(&mut self) -> Option<Moment<'a>> {
        let moment = self.moments.get(self.next).copied()?;
        self.next += 1;
        Some(moment)
    }
}

fn time(field: &'static str, found: f64, least: f64) -> Result<(), ScriptFault> {
    // Not-a-number is in no range.
    if (least..=MAX_TIME_S).contains(&found) {
        Ok(())
    } else {
        Err(ScriptFault::Time {
            field,
            found,
            least,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn event(at_s: f64, line: &str) -> Event {
        Event {
            at_s,
            every_s: None,
            until_s: None,
            line: line.to_owned(),
            direction: Directions::Both,
            set: Impairment::default(),
            says: String::new(),
        }
    }

    #[test]
    fn events_are_due_in_order_of_time_and_only_once() {
        let script = Script {
            events: vec![event(3.0, "late"), event(1.0, "early"), event(1.0, "too")],
        };
        let mut player = script.play();
        let mut due = |now| -> Vec<&str> {
            std::iter::from_fn(|| player.due(now))
                .map(|moment| moment.event.line.as_str())
                .collect()
        };
        assert!(due(SECOND - 1).is_empty());
        assert_eq!(due(2 * SECOND), ["early", "too"]);
        assert!(due(2 * SECOND).is_empty());
        assert_eq!(due(3 * SECOND), ["late"]);
        assert_eq!(player.next_at(), None);
    }

    #[test]
    fn a_repeated_event_ends_before_its_end() {
        let repeated = Event {
            every_s: Some(7.0),
            until_s: Some(21.0),
            ..event(0.0, "A")
        };
        let script = Script {
            events: vec![repeated],
        };
        let times: Vec<u64> = script.play().map(|m| m.at_ns / SECOND).collect();
        assert_eq!(times, [0, 7, 14]);
    }

    #[test]
    fn a_wrong_event_is_named_by_its_place() {
        let wrong = |event| {
            let script = Script {
                events: vec![self::event(0.0, "A"), event],
            };
            script.validate(&["A"]).unwrap_err().to_string()
        };
        assert_eq!(
            wrong(event(1.0, "Z")),
            "configuration: event 2 of the script (from 1): there is no line `Z`"
        );
        assert!(wrong(event(-1.0, "A")).contains("`at_s` is -1"));
        assert!(wrong(event(f64::NAN, "A")).contains("`at_s` is NaN"));
        let half = Event {
            every_s: Some(1.0),
            ..event(0.0, "A")
        };
        assert!(wrong(half).contains("go together"));
        let often = Event {
            every_s: Some(0.001),
            until_s: Some(1e8),
            ..event(0.0, "A")
        };
        assert!(wrong(often).contains("more than 1000000"));
    }

    #[test]
    fn many_events_together_may_not_repeat_more_often_than_one() {
        let often = Event {
            every_s: Some(1.0),
            until_s: Some(600_000.0),
            ..event(0.0, "A")
        };
        let script = |times| Script {
            events: vec![often.clone(); times],
        };
        assert_eq!(script(1).validate(&["A"]), Ok(()));
        let wrong = script(2).validate(&["A"]).unwrap_err();
        assert_eq!(wrong.number, 2);
        assert_eq!(script(3).play().count(), 1_000_000);
    }
}
