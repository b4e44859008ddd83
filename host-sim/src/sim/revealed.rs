//! The door through which oracles see what is true, and what the lines will lose.

use plugin_abi::config::Sla;

use super::scenario::{Event, Scenario};
use super::truth::{Quality, lost};
use super::world::nanos;
use crate::link::Directions;

/// What is true at one moment. For oracles only.
pub struct Revealed<'a> {
    pub(super) qualities: &'a [Quality],
    /// By class of each group: its right lines, and whether they keep its SLA.
    pub(super) right: &'a [(Vec<usize>, bool)],
    pub(super) losses: &'a [Vec<Loss>],
}

/// What a line loses from some moment on, or from several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Loss {
    /// The share of round trips.
    pub(super) share: f64,
    /// When it begins for the last time, nanoseconds of the run.
    last: u64,
}

impl Revealed<'_> {
    /// How many lines there are.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.qualities.len()
    }

    /// The lines that are right, the most preferred first; classes are counted on over groups.
    #[must_use]
    pub fn right(&self, place: usize) -> &[usize] {
        &self.right[place].0
    }

    /// Does a line keep this?
    #[must_use]
    pub fn keeps(&self, line: usize, sla: &Sla) -> bool {
        self.qualities[line].keeps(sla)
    }

    /// Does it, leaving loss aside?
    #[must_use]
    pub fn keeps_but_for_loss(&self, line: usize, sla: &Sla) -> bool {
        let rest = Sla {
            loss_percent: None,
            ..*sla
        };
        self.keeps(line, &rest)
    }

    /// The mean round trip, milliseconds.
    #[must_use]
    pub fn round_trip_ms(&self, line: usize) -> f64 {
        self.qualities[line].delay_ms.iter().sum()
    }

    /// The share of round trips that a line loses from the start on, then after each event: those
    /// to come as well.
    pub fn losses(&self, line: usize) -> impl Iterator<Item = f64> {
        self.losses[line].iter().map(|loss| loss.share)
    }

    /// Does a line begin to lose too much once more, after `now`?
    #[must_use]
    pub fn breaks_again(&self, now: u64, line: usize, sla: &Sla) -> bool {
        let most = sla.loss_percent.map_or(f64::INFINITY, |most| most / 100.0);
        let breaks = |loss: &Loss| loss.share > most && loss.last > now;
        self.losses[line].iter().any(breaks)
    }
}

/// By line: the share of round trips that it loses from the start on, then after each event.
pub(super) fn losses_to_come(scenario: &Scenario) -> Vec<Vec<Loss>> {
    let mut events: Vec<_> = scenario.events.iter().collect();
    events.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    let mut all = Vec::new();
    for group in 0..scenario.groups {
        for line in &scenario.lines {
            let start = [&line.base, line.back.as_ref().unwrap_or(&line.base)].map(lost);
            let mut now = start;
            let mut losses = vec![Loss {
                share: round_trip(now),
                last: 0,
            }];
            for event in &events {
                let named = event.line.as_ref().is_none_or(|name| *name == line.name);
                if !named || event.group.is_some_and(|of| of != group) {
                    continue;
                }
                let then = event.set.as_ref().map_or(start, |set| [lost(set); 2]);
                if event.direction != Directions::Backward {
                    now[0] = then[0];
                }
                if event.direction != Directions::Forward {
                    now[1] = then[1];
                }
                losses.push(Loss {
                    share: round_trip(now),
                    last: last(scenario, event),
                });
            }
            all.push(losses);
        }
    }
    all
}

/// When an event happens for the last time.
fn last(scenario: &Scenario, event: &Event) -> u64 {
    let until_s = event.until_s.unwrap_or(scenario.seconds);
    let again = event.every_s.map_or(0.0, |every_s| {
        // As many times as it fits in before `until_s`.
        (((until_s - event.at_s) / every_s).ceil() - 1.0).max(0.0) * every_s
    });
    nanos(event.at_s + again)
}

fn round_trip([there, back]: [f64; 2]) -> f64 {
    1.0 - (1.0 - there) * (1.0 - back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_to_come_follow_the_events_of_a_line_in_each_direction() {
        let text = r#"
            name = "losses"
            says = "losses"
            seconds = 100
            groups = 2
            lines = [{ name = "A", base = { loss_percent = 1 }, back = {} }, { name = "B" }]
            classes = [{ name = "voice", sla = { loss_percent = 2 } }]
            events = [
                { at_s = 20, line = "A" },
                { at_s = 10, line = "A", direction = "backward", set = { loss_percent = 50 } },
                { at_s = 30, group = 1, set = { blackout = true } },
            ]
        "#;
        let losses = losses_to_come(&toml::from_str(text).unwrap());
        let percent = |line: usize| -> Vec<_> {
            let losses = losses[line].iter();
            losses
                .map(|loss| (loss.share * 1e4).round() / 100.0)
                .collect()
        };
        assert_eq!(percent(0), [1.0, 50.5, 1.0]);
        assert_eq!(percent(1), [0.0]);
        assert_eq!(percent(2), [1.0, 50.5, 1.0, 100.0]);
        assert_eq!(percent(3), [0.0, 100.0]);
    }

    #[test]
    fn an_event_that_is_repeated_begins_for_the_last_time_before_it_ends() {
        let text = r#"
            name = "last"
            says = "last"
            seconds = 100
            lines = [{ name = "A" }]
            classes = [{ name = "voice", sla = { loss_percent = 2 } }]
            events = [
                { at_s = 10, set = { loss_percent = 9 } },
                { at_s = 20, every_s = 15, until_s = 50, line = "A" },
                { at_s = 20, every_s = 15, until_s = 51, line = "A" },
            ]
        "#;
        let losses = losses_to_come(&toml::from_str(text).unwrap());
        let last: Vec<_> = losses[0].iter().map(|loss| loss.last).collect();
        assert_eq!(last, [0.0, 10.0, 35.0, 50.0].map(nanos));
    }
}
