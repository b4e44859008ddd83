//! What happens to the lines, and when.

use std::time::Duration;

use super::setting::{LINES, Uplink};
use crate::link::{Direction, Emulator, EmulatorError, Impairment, Jitter};

/// Something that is done to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// It loses packets, more on the way out than on the way in.
    BrownsOut,
    /// Nothing passes.
    Dies,
    /// It is what it was at the start.
    Heals,
}

/// An act, on a line, at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cue {
    /// After the start.
    pub(super) at: Duration,
    /// The line's name.
    pub(super) line: &'static str,
    /// What is done.
    pub(super) act: Act,
}

/// Loss in a brown-out, percent.
const LOSS_FORWARD: f64 = 3.0;
const LOSS_BACKWARD: f64 = 2.0;

/// However short the demo, the brown-out lasts long enough to be told from chance: at 50 probes a
/// second and 5 % loss, about 20 lost probes.
const BROWN_OUT: Duration = Duration::from_millis(8_500);

/// The script of a demo of so many seconds, in order of time.
pub(super) fn script(seconds: u64) -> [Cue; 4] {
    let part = |fraction: f64| Duration::from_secs(seconds).mul_f64(fraction);
    let cue = |at, line, act| Cue { at, line, act };
    [
        cue(part(0.1), "A", Act::BrownsOut),
        cue(part(0.35).max(part(0.1) + BROWN_OUT), "A", Act::Heals),
        cue(part(0.6), "B", Act::Dies),
        cue(part(0.75), "B", Act::Heals),
    ]
}

/// What a line does when nothing is wrong with it.
pub(super) fn healthy(line: &Uplink) -> Impairment {
    Impairment {
        delay_ms: line.delay_ms,
        jitter: Jitter::Normal { sd_ms: 0.3 },
        ..Impairment::default()
    }
}

impl Cue {
    /// Does it.
    pub(super) fn perform(&self, emulator: &Emulator) -> Result<(), EmulatorError> {
        for uplink in LINES.iter().filter(|uplink| uplink.name == self.line) {
            for direction in [Direction::Forward, Direction::Backward] {
                emulator.set(self.line, direction, &self.act.on(uplink, direction))?;
            }
        }
        Ok(())
    }
}

impl Act {
    /// Whether the line is worse for it.
    pub(super) fn is_trouble(self) -> bool {
        self != Self::Heals
    }

    /// For people.
    pub(super) fn says(self) -> String {
        match self {
            Self::BrownsOut => {
                format!("browns out: {LOSS_FORWARD} % lost forward, {LOSS_BACKWARD} % backward")
            }
            Self::Dies => "dies: nothing passes either way".to_owned(),
            Self::Heals => "heals".to_owned(),
        }
    }

    fn on(self, line: &Uplink, direction: Direction) -> Impairment {
        let healthy = healthy(line);
        match (self, direction) {
            (Self::Heals, _) => healthy,
            (Self::Dies, _) => Impairment {
                blackout: true,
                ..healthy
            },
            (Self::BrownsOut, Direction::Forward) => Impairment {
                loss_percent: LOSS_FORWARD,
                ..healthy
            },
            (Self::BrownsOut, Direction::Backward) => Impairment {
                loss_percent: LOSS_BACKWARD,
                ..healthy
            },
        }
    }
}

/// What a direction pair of impairments is called in a narrow column.
pub(super) fn doing(forward: &Impairment, backward: &Impairment) -> String {
    if forward.blackout && backward.blackout {
        return "black-out".to_owned();
    }
    let delay = format!("{} ms", forward.delay_ms);
    if forward.loss_percent == 0.0 && backward.loss_percent == 0.0 {
        return delay;
    }
    format!(
        "{delay}, loses {} % → {} % ←",
        forward.loss_percent, backward.loss_percent
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_in_order_and_every_trouble_heals_before_the_end() {
        let script = script(30);
        assert!(script.is_sorted_by_key(|cue| cue.at));
        let times: Vec<_> = script.iter().map(|cue| cue.at.as_secs_f64()).collect();
        assert_eq!(times, [3.0, 11.5, 18.0, 22.5]);
        for pair in script.chunks(2) {
            assert!(pair[0].act.is_trouble() && !pair[1].act.is_trouble());
            assert_eq!(pair[0].line, pair[1].line);
        }
    }

    #[test]
    fn a_brown_out_shows_both_directions_and_leaves_the_delay() {
        let forward = Act::BrownsOut.on(&LINES[0], Direction::Forward);
        let backward = Act::BrownsOut.on(&LINES[0], Direction::Backward);
        assert_eq!((forward.loss_percent, backward.loss_percent), (3.0, 2.0));
        assert_eq!(forward.delay_ms, LINES[0].delay_ms);
        assert_eq!(doing(&forward, &backward), "10 ms, loses 3 % → 2 % ←");
    }

    #[test]
    fn a_healed_line_is_what_it_was() {
        let healed = Act::Heals.on(&LINES[1], Direction::Backward);
        assert_eq!(healed, healthy(&LINES[1]));
        assert_eq!(doing(&healed, &healed), "17.5 ms");
        let dead = Act::Dies.on(&LINES[1], Direction::Forward);
        assert!(dead.blackout && dead.validate().is_ok());
    }
}
